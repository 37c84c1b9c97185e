"""Linear algebra of the array API over ``autograd.numpy.linalg``, where its arguments differ."""

from __future__ import annotations

import functools
from typing import Any

from gradtier.backends.base import Unsupported
from gradtier.backends.mapped import EighResult, SlogdetResult, SVDResult


def names(anp: Any) -> dict[str, Any]:
    """The standard's names, and what they are in autograd; other names are its own."""
    la = anp.linalg

    def matrix_power(x: Any, n: int, /) -> Any:
        if n == 0:
            return anp.zeros_like(x) + anp.eye(x.shape[-1])
        return functools.reduce(anp.matmul, [x if n > 0 else la.inv(x)] * abs(n))

    def cholesky(x: Any, /, *, upper: bool = False) -> Any:
        lower = la.cholesky(x)
        return anp.conj(anp.swapaxes(lower, -1, -2)) if upper else lower

    def svd(x: Any, /, *, full_matrices: bool = True) -> Any:
        u, s, vh = la.svd(x, full_matrices)
        return SVDResult(u, s, vh)

    def eigh(x: Any, /) -> Any:
        values, vectors = la.eigh(x)
        return EighResult(values, vectors)

    def slogdet(x: Any, /) -> Any:
        sign, logabsdet = la.slogdet(x)
        return SlogdetResult(sign, logabsdet)

    def pinv(x: Any, /, *, rtol: Any = None) -> Any:
        if rtol is not None:
            raise Unsupported("autograd has no rule for pinv with a tolerance")
        return la.pinv(x)

    return {
        **{"cholesky": cholesky, "svd": svd, "eigh": eigh, "slogdet": slogdet, "pinv": pinv},
        "matrix_power": matrix_power,
        **_norms(anp),
        **_diagonals(anp),
        **_renamed(anp),
    }


def _norms(anp: Any) -> dict[str, Any]:
    la = anp.linalg

    def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
        if isinstance(axis, int):
            size = la.norm(x, ord, axis)
            return anp.expand_dims(size, axis) if keepdims else size
        # Two axes would be those of a matrix: several are made one of their own.
        axes = [a % x.ndim for a in (range(x.ndim) if axis is None else axis)]
        rest = [a for a in range(x.ndim) if a not in axes]
        if not rest:  # the rules have a way of their own for a vector
            size = la.norm(anp.ravel(x), ord)
        else:
            shape = [x.shape[a] for a in rest]
            size = la.norm(anp.reshape(anp.transpose(x, [*rest, *axes]), (*shape, -1)), ord, -1)
        kept = [x.shape[a] if a in rest else 1 for a in range(x.ndim)]
        return anp.reshape(size, kept) if keepdims else size

    def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
        # The rules look at two axes only where none are named.
        size = la.norm(x, ord) if x.ndim == 2 else la.norm(x, ord, (-2, -1))
        return anp.expand_dims(size, (-2, -1)) if keepdims else size

    return {"vector_norm": vector_norm, "matrix_norm": matrix_norm}


def _diagonals(anp: Any) -> dict[str, Any]:
    def diagonal(x: Any, /, *, offset: int = 0) -> Any:
        # The order of axes that the rule knows; it swaps the meaning of the offset's sign.
        return anp.diagonal(x, -offset, -1, -2)

    def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
        return anp.trace(x, offset) if x.ndim == 2 else anp.sum(diagonal(x, offset=offset), axis=-1)

    return {"diagonal": diagonal, "trace": trace}


def _renamed(anp: Any) -> dict[str, Any]:
    """What autograd has under another name or with other arguments."""
    la = anp.linalg
    return {
        "eigvalsh": lambda x, /: la.eigh(x)[0],
        "svdvals": lambda x, /: la.svd(x, compute_uv=False),
        "matmul": anp.matmul,
        "outer": anp.outer,
        "cross": lambda x, y, /, *, axis=-1: anp.cross(x, y, axis=axis),
        "tensordot": lambda x, y, /, *, axes=2: anp.tensordot(x, y, axes),
        "vecdot": lambda x, y, /, *, axis=-1: anp.sum(anp.conj(x) * y, axis=axis),
        "matrix_transpose": lambda x, /: anp.swapaxes(x, -1, -2),
    }
