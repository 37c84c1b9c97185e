"""Linear algebra and Fourier transforms of the array API over ``mx.linalg`` and ``mx.fft``.

MLX gives most norms of complex arrays as complex numbers whose imaginary part is zero; here they
are real, as the standard has it.  Fourier transforms of float64 are narrowed to complex64 by MLX.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from gradtier.backends.base import Unsupported
from gradtier.backends.mapped import EighResult, QRResult, SlogdetResult, SVDResult


def names(mx: Any) -> dict[str, Any]:
    """Linear algebra: the standard's names, and what they are in MLX; products not among them."""
    la = mx.linalg

    def solve(a: Any, b: Any, /) -> Any:
        batch = np.broadcast_shapes(a.shape[:-2], () if b.ndim == 1 else b.shape[:-2])
        right = b[:, None] if b.ndim == 1 else b
        x = la.solve(
            mx.broadcast_to(a, (*batch, *a.shape[-2:])),
            mx.broadcast_to(right, (*batch, *right.shape[-2:])),
        )
        return x[..., 0] if b.ndim == 1 else x

    def matrix_power(x: Any, n: int, /) -> Any:
        if n == 0:
            return mx.broadcast_to(mx.eye(x.shape[-1], dtype=x.dtype), x.shape)
        return functools.reduce(mx.matmul, [x if n > 0 else la.inv(x)] * abs(n))

    return {
        **{"inv": la.inv, "det": la.det, "solve": solve},
        "slogdet": lambda x, /: SlogdetResult(*la.slogdet(x)),
        "cholesky": lambda x, /, *, upper=False: la.cholesky(x, upper),
        "eigh": lambda x, /: EighResult(*la.eigh(x)),
        "eigvalsh": lambda x, /: la.eigvalsh(x),
        "vector_norm": functools.partial(_vector_norm, mx),
        "matrix_norm": lambda x, /, *, keepdims=False, ord="fro": _real(
            mx, la.norm(x, ord, (-2, -1), keepdims)
        ),
        "matrix_power": matrix_power,
        "matrix_transpose": mx.matrix_transpose,
        "diagonal": lambda x, /, *, offset=0: mx.diagonal(x, offset, -2, -1),
        "trace": lambda x, /, *, offset=0, dtype=None: mx.trace(x, offset, -2, -1, dtype),
        "cross": lambda x, y, /, *, axis=-1: la.cross(x, y, axis),
        **_factorisations(mx),
    }


def _factorisations(mx: Any) -> dict[str, Any]:
    la = mx.linalg

    def svd(x: Any, /, *, full_matrices: bool = True) -> Any:
        u, s, vh = la.svd(x)
        if full_matrices:
            return SVDResult(u, s, vh)
        return SVDResult(u[..., : s.shape[-1]], s, vh[..., : s.shape[-1], :])

    def qr(x: Any, /, *, mode: str = "reduced") -> Any:
        if mode != "reduced":
            raise Unsupported("MLX has no complete QR")
        return QRResult(*la.qr(x))

    def pinv(x: Any, /, *, rtol: Any = None) -> Any:
        if rtol is not None:
            raise Unsupported("MLX has no pinv with a tolerance")
        return la.pinv(x)

    return {"svd": svd, "svdvals": lambda x, /: la.svd(x, compute_uv=False), "qr": qr, "pinv": pinv}


def _real(mx: Any, x: Any) -> Any:
    return mx.real(x) if x.dtype == mx.complex64 else x


def _vector_norm(
    mx: Any, x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2
) -> Any:
    if isinstance(axis, int):
        return _real(mx, mx.linalg.norm(x, ord, axis, keepdims))
    # MLX takes two axes for those of a matrix: several are made one of their own.
    axes = [a % x.ndim for a in (range(x.ndim) if axis is None else axis)]
    rest = [a for a in range(x.ndim) if a not in axes]
    joined = mx.reshape(mx.permute_dims(x, [*rest, *axes]), [*(x.shape[a] for a in rest), -1])
    size = _real(mx, mx.linalg.norm(joined, ord, -1))
    kept = [x.shape[a] if a in rest else 1 for a in range(x.ndim)]
    return mx.reshape(size, kept) if keepdims else size


def transforms(mx: Any, floating: Callable[[Any], Any]) -> dict[str, Any]:
    """Fourier transforms: the standard's names, and what they are in MLX.

    Args:
        mx: the module ``mlx.core``.
        floating: the dtype of what is created without one.
    """
    one, several = ("fft", "ifft", "rfft", "irfft"), ("fftn", "ifftn", "rfftn", "irfftn")

    def along(op: Any) -> Any:
        return lambda x, /, *, n=None, axis=-1, norm="backward": op(x, n, axis, norm)

    def over(op: Any) -> Any:
        return lambda x, /, *, s=None, axes=None, norm="backward": op(x, s, axes, norm)

    # MLX's own frequencies are float32.
    def fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Any:
        k = mx.concatenate([mx.arange(0, (n + 1) // 2), mx.arange(-(n // 2), 0)])
        return k.astype(dtype or floating(mx)) / (n * d)

    def rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Any:
        return mx.arange(0, n // 2 + 1).astype(dtype or floating(mx)) / (n * d)

    return {
        **{name: along(getattr(mx.fft, name)) for name in one},
        **{name: over(getattr(mx.fft, name)) for name in several},
        "fftshift": lambda x, /, *, axes=None: mx.fft.fftshift(x, axes),
        "ifftshift": lambda x, /, *, axes=None: mx.fft.ifftshift(x, axes),
        **{"fftfreq": fftfreq, "rfftfreq": rfftfreq},
    }
