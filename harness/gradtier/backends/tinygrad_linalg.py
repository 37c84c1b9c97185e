"""Products, norms and factorisations of tinygrad: QR and SVD are all that it has of the last."""

from __future__ import annotations

import functools
import math
from typing import Any

from gradtier.backends.base import Unsupported
from gradtier.backends.mapped import QRResult, SVDResult


def products(tensor: Any) -> dict[str, Any]:
    """What stands both in the namespace and in its ``linalg``."""

    def tensordot(x: Any, y: Any, /, *, axes: Any = 2) -> Any:
        pair = (range(x.ndim - axes, x.ndim), range(axes)) if isinstance(axes, int) else axes
        gone_x, gone_y = [a % x.ndim for a in pair[0]], [a % y.ndim for a in pair[1]]
        left_x = [a for a in range(x.ndim) if a not in gone_x]
        left_y = [a for a in range(y.ndim) if a not in gone_y]
        kept, left = [x.shape[a] for a in left_x], [y.shape[a] for a in left_y]
        inner = math.prod(x.shape[a] for a in gone_x)
        rows = x.permute(*left_x, *gone_x).reshape((math.prod(kept), inner))
        columns = y.permute(*gone_y, *left_y).reshape((inner, math.prod(left)))
        return (rows @ columns).reshape((*kept, *left))

    return {
        "dot": lambda x, y, /: x.dot(y),
        "einsum": tensor.einsum,
        "matmul": lambda x, y, /: x.matmul(y),
        "outer": lambda x, y, /: x.unsqueeze(1) * y.unsqueeze(0),
        "tensordot": tensordot,
        "vecdot": lambda x, y, /, *, axis=-1: (x * y).sum(axis),
    }


def linalg() -> dict[str, Any]:
    """What stands in ``linalg`` alone."""

    def svd(x: Any, /, *, full_matrices: bool = True) -> SVDResult:
        return SVDResult(*x.svd(full_matrices))

    def matrix_power(x: Any, n: int, /) -> Any:
        if n < 1:
            raise Unsupported("tinygrad has no matrix_power; only positive powers are products")
        return functools.reduce(lambda a, b: a @ b, [x] * n)

    def cross(x: Any, y: Any, /, *, axis: int = -1) -> Any:
        # the definition by components: tinygrad has no function for it
        x, y = x.transpose(axis, -1), y.transpose(axis, -1)
        turned = [(1, 2), (2, 0), (0, 1)]
        first, *others = (x[..., i] * y[..., j] - x[..., j] * y[..., i] for i, j in turned)
        return first.stack(*others, dim=-1).transpose(axis, -1)

    return {
        **_norms(),
        **{"svd": svd, "matrix_power": matrix_power, "cross": cross},
        "diagonal": lambda x, /, *, offset=0: x.diagonal(offset, -2, -1),
        "matrix_transpose": lambda x, /: x.transpose(-1, -2),
        "qr": lambda x, /, *, mode="reduced": _qr(x, mode),
        "svdvals": lambda x, /: x.svd(False)[1],
        "trace": lambda x, /, *, offset=0, dtype=None: x.diagonal(offset, -2, -1).sum(-1),
    }


def _norms() -> dict[str, Any]:
    def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
        if ord in (math.inf, -math.inf):
            return (x.abs().max if ord > 0 else x.abs().min)(axis, keepdims)
        if ord == 0:
            raise Unsupported("tinygrad has no vector norm of order 0")
        if ord == 2:
            return x.square().sum(axis, keepdims).sqrt()
        if ord == 1:
            return x.abs().sum(axis, keepdims)
        return x.abs().pow(ord).sum(axis, keepdims).pow(1 / ord)

    def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
        if ord == "fro":
            return x.square().sum((-2, -1), keepdims).sqrt()
        if ord in (1, -1, math.inf, -math.inf):
            sums = x.abs().sum(-2 if abs(ord) == 1 else -1, True)
            return (sums.max if ord > 0 else sums.min)((-2, -1), keepdims)
        values = x.svd(False)[1]
        size = {"nuc": values.sum, 2: values.max, -2: values.min}[ord](-1)
        return size.reshape(*size.shape, 1, 1) if keepdims else size

    return {"vector_norm": vector_norm, "matrix_norm": matrix_norm}


def _qr(x: Any, mode: str) -> QRResult:
    q, r = x.qr()  # the complete factors
    if mode == "reduced":
        rank = min(x.shape[-2:])
        q, r = q[..., :rank], r[..., :rank, :]
    return QRResult(q, r)
