"""Linear algebra and Fourier transforms of the array API over ``paddle.linalg``, ``paddle.fft``.

Paddle gives the logarithm of a complex matrix' determinant as a complex number whose imaginary part
is zero; here it is real, as the standard has it.
"""

from __future__ import annotations

from typing import Any

from gradtier.backends.mapped import EighResult, QRResult, SlogdetResult, SVDResult


def names(paddle: Any) -> dict[str, Any]:
    """Linear algebra: the standard's names, and what they are in Paddle (no products)."""
    la = paddle.linalg

    def solve(a: Any, b: Any, /) -> Any:
        # A vector beside a batch of matrices is a column for each of them.
        return la.solve(a, b) if b.ndim > 1 else la.solve(a, b[:, None])[..., 0]

    def slogdet(x: Any, /) -> SlogdetResult:
        both = la.slogdet(x)  # signs and logarithms, stacked
        logabsdet = paddle.real(both[1]) if x.is_complex() else both[1]
        return SlogdetResult(both[0], logabsdet)

    def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
        return la.vector_norm(x, float(ord), axis, keepdims)

    def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
        return la.matrix_norm(x, ord, [-2, -1], keepdims)

    def cross(x: Any, y: Any, /, *, axis: int = -1) -> Any:
        if x.shape != y.shape:  # Paddle wants them alike
            x, y = paddle.broadcast_tensors([x, y])
        return la.cross(x, y, axis % x.ndim)

    return {
        **{name: getattr(la, name) for name in ("inv", "det", "eigvalsh", "svdvals")},
        **{"solve": solve, "slogdet": slogdet, "cross": cross},
        **{"vector_norm": vector_norm, "matrix_norm": matrix_norm},
        "cholesky": lambda x, /, *, upper=False: la.cholesky(x, upper),
        "diagonal": lambda x, /, *, offset=0: paddle.diagonal(x, offset, -2, -1),
        "eigh": lambda x, /: EighResult(*la.eigh(x)),
        "matrix_power": lambda x, n, /: la.matrix_power(x, n),
        "matrix_rank": lambda x, /: la.matrix_rank(x),
        "matrix_transpose": lambda x, /: paddle.matrix_transpose(x),
        "pinv": lambda x, /, *, rtol=None: la.pinv(x) if rtol is None else la.pinv(x, rtol),
        "qr": lambda x, /, *, mode="reduced": QRResult(*la.qr(x, mode)),
        "svd": lambda x, /, *, full_matrices=True: SVDResult(*la.svd(x, full_matrices)),
        "trace": lambda x, /, *, offset=0, dtype=None: paddle.trace(x, offset, -2, -1),
    }


def transforms(paddle: Any) -> dict[str, Any]:
    """Fourier transforms: the standard's names, and what they are in Paddle."""

    def along(op: Any) -> Any:
        return lambda x, /, *, n=None, axis=-1, norm="backward": op(x, n, axis, norm)

    def over(op: Any) -> Any:
        return lambda x, /, *, s=None, axes=None, norm="backward": op(x, s, axes, norm)

    def frequencies(op: Any) -> Any:
        return lambda n, /, *, d=1.0, dtype=None, device=None: op(n, d, dtype)

    fft = paddle.fft
    one = "fft ifft rfft irfft hfft ihfft"
    return {
        **{name: along(getattr(fft, name)) for name in one.split()},
        **{name: over(getattr(fft, name)) for name in ("fftn", "ifftn", "rfftn", "irfftn")},
        **{name: frequencies(getattr(fft, name)) for name in ("fftfreq", "rfftfreq")},
        "fftshift": lambda x, /, *, axes=None: fft.fftshift(x, axes),
        "ifftshift": lambda x, /, *, axes=None: fft.ifftshift(x, axes),
    }
