"""Linear algebra of the array API over ``tf.linalg`` and ``tf.norm``.

TensorFlow gives real numbers (eigenvalues, norms, logarithms) of complex matrices as complex ones
whose imaginary part is zero; here they are real, as the standard has it.
"""

from __future__ import annotations

import functools
import math
from typing import Any

from gradtier.backends.mapped import EighResult, QRResult, SlogdetResult, SVDResult


def names(tf: Any) -> dict[str, Any]:
    """The standard's names, and what they are in TensorFlow; products are not among them."""
    tnp, la = tf.experimental.numpy, tf.linalg

    def solve(a: Any, b: Any, /) -> Any:
        if b.ndim > 1:
            return la.solve(a, b)
        column = tf.broadcast_to(b[:, None], tf.concat([tf.shape(a)[:-1], [1]], 0))
        return la.solve(a, column)[..., 0]

    def slogdet(x: Any, /) -> Any:
        sign, logabsdet = la.slogdet(x)
        return SlogdetResult(sign, _real(tf, logabsdet))

    def cholesky(x: Any, /, *, upper: bool = False) -> Any:
        return la.adjoint(la.cholesky(x)) if upper else la.cholesky(x)

    def svd(x: Any, /, *, full_matrices: bool = True) -> Any:
        s, u, v = la.svd(x, full_matrices)
        return SVDResult(u, s, la.adjoint(v))

    def eigh(x: Any, /) -> Any:
        values, vectors = la.eigh(x)
        return EighResult(_real(tf, values), vectors)

    def matrix_power(x: Any, n: int, /) -> Any:
        if n == 0:
            return tf.eye(x.shape[-1], batch_shape=x.shape[:-2], dtype=x.dtype)
        return functools.reduce(tf.matmul, [x if n > 0 else la.inv(x)] * abs(n))

    return {
        "solve": solve,
        "inv": la.inv,
        "det": la.det,
        "slogdet": slogdet,
        "cholesky": cholesky,
        "svd": svd,
        "svdvals": lambda x, /: la.svd(x, compute_uv=False),
        "qr": lambda x, /, *, mode="reduced": QRResult(*la.qr(x, mode == "complete")),
        "eigh": eigh,
        "eigvalsh": lambda x, /: _real(tf, la.eigvalsh(x)),
        "pinv": lambda x, /, *, rtol=None: la.pinv(x, rtol),
        "matrix_rank": lambda x, /, *, rtol=None: la.matrix_rank(x, rtol),
        "vector_norm": functools.partial(_vector_norm, tf),
        "matrix_norm": functools.partial(_matrix_norm, tf),
        "matrix_power": matrix_power,
        "diagonal": lambda x, /, *, offset=0: tnp.diagonal(x, offset, -2, -1),
        "trace": lambda x, /, *, offset=0, dtype=None: tnp.trace(x, offset, -2, -1),
        "cross": lambda x, y, /, *, axis=-1: tnp.cross(x, y, axis=axis),
        "matrix_transpose": la.matrix_transpose,
    }


def _real(tf: Any, x: Any) -> Any:
    return tf.math.real(x) if x.dtype.is_complex else x


def _vector_norm(
    tf: Any, x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2
) -> Any:
    if isinstance(axis, int):
        return _norm_along(tf, x, ord, axis, keepdims)
    # tf.norm takes two axes for those of a matrix: several are made one of their own.
    axes = [a % x.ndim for a in (range(x.ndim) if axis is None else axis)]
    rest = [a for a in range(x.ndim) if a not in axes]
    joined = tf.reshape(tf.transpose(x, [*rest, *axes]), [*(x.shape[a] for a in rest), -1])
    size = _norm_along(tf, joined, ord, -1, False)
    kept = [x.shape[a] if a in rest else 1 for a in range(x.ndim)]
    return tf.reshape(size, kept) if keepdims else size


def _norm_along(tf: Any, x: Any, ord: Any, axis: int, keepdims: bool) -> Any:
    """``tf.norm``, and in the terms of its definition what that does not offer."""
    if ord > 0:
        return _real(tf, tf.norm(x, ord, axis, keepdims))
    size = tf.abs(x)
    if ord == -math.inf:
        return tf.reduce_min(size, axis, keepdims)
    if ord == 0:
        return tf.reduce_sum(tf.cast(size != 0, size.dtype), axis, keepdims)
    return tf.reduce_sum(size**ord, axis, keepdims) ** (1.0 / ord)


def _matrix_norm(tf: Any, x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    if ord not in ("nuc", -1, -2, -math.inf):
        return _real(tf, tf.norm(x, ord, (-2, -1), keepdims))
    # By their definitions: tf.norm does not offer these.
    if ord in ("nuc", -2):
        values = tf.linalg.svd(x, compute_uv=False)
        size = tf.reduce_sum(values, -1) if ord == "nuc" else tf.reduce_min(values, -1)
    else:
        along, other = (-2, -1) if ord == -1 else (-1, -1)
        size = tf.reduce_min(tf.reduce_sum(tf.abs(x), along), other)
    return size[..., None, None] if keepdims else size
