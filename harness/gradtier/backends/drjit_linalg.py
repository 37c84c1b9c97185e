"""Products, norms and diagonals of Dr.Jit's tensors; it has no factorisations of them."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from gradtier.backends.base import Unsupported


def products(dr: Any) -> dict[str, Any]:
    """What stands both in the namespace and in its ``linalg``."""

    def tensordot(x: Any, y: Any, /, *, axes: Any = 2) -> Any:
        m, n = len(x.shape), len(y.shape)
        pair = (range(m - axes, m), range(axes)) if isinstance(axes, int) else axes
        gone_x, gone_y = [a % m for a in pair[0]], [a % n for a in pair[1]]
        left_x = [a for a in range(m) if a not in gone_x]
        left_y = [a for a in range(n) if a not in gone_y]
        shape = (*(x.shape[a] for a in left_x), *(y.shape[a] for a in left_y))
        inner = math.prod(x.shape[a] for a in gone_x)
        rows = math.prod(x.shape[a] for a in left_x)
        x = dr.reshape(type(x), dr.transpose(x, (*left_x, *gone_x)), (rows, inner))
        y = dr.transpose(y, (*gone_y, *left_y))
        y = dr.reshape(type(y), y, (inner, math.prod(y.shape) // inner))
        return dr.reshape(type(x), dr.matmul(x, y), shape)

    return {
        "matmul": lambda x, y, /: dr.matmul(x, y),
        "outer": lambda x, y, /: x[:, None] * y[None, :],
        "tensordot": tensordot,
        "vecdot": lambda x, y, /, *, axis=-1: dr.sum(x * y, axis=axis),
    }


def linalg(dr: Any, arrays: Any) -> dict[str, Any]:
    """What stands in ``linalg`` alone; ``arrays`` makes tensors of numbers."""

    def matrix_power(x: Any, n: int, /) -> Any:
        if n < 1:
            raise Unsupported("Dr.Jit has no matrix_power; only positive powers are products")
        return functools.reduce(dr.matmul, [x] * n)

    def diagonal(x: Any, /, *, offset: int = 0) -> Any:
        places = np.arange(math.prod(x.shape)).reshape(x.shape)
        places = np.diagonal(places, offset, -2, -1)
        found = dr.reshape(type(x), x, (-1,))[arrays.array(places.ravel())]
        return dr.reshape(type(x), found, places.shape)

    def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
        found = diagonal(x, offset=offset)
        return dr.sum(found if dtype is None else arrays.array(found, dtype), axis=-1)

    def cross(x: Any, y: Any, /, *, axis: int = -1) -> Any:
        # the definition by components: Dr.Jit has it of static vectors only
        x, y = dr.moveaxis(x, axis, -1), dr.moveaxis(y, axis, -1)
        turned = [(1, 2), (2, 0), (0, 1)]
        parts = [x[..., i] * y[..., j] - x[..., j] * y[..., i] for i, j in turned]
        return dr.moveaxis(dr.stack(parts, axis=len(parts[0].shape)), -1, axis)

    return {
        **_norms(dr),
        **{"diagonal": diagonal, "trace": trace, "matrix_power": matrix_power, "cross": cross},
        "matrix_transpose": lambda x, /: dr.swapaxes(x, -1, -2),
    }


def _norms(dr: Any) -> dict[str, Any]:
    def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
        options = {"axis": axis, "keepdims": keepdims}
        if ord in (math.inf, -math.inf):
            return (dr.max if ord > 0 else dr.min)(dr.abs(x), mode="symbolic", **options)
        if ord == 2:
            return dr.norm(x, **options)
        if ord == 0:
            raise Unsupported("Dr.Jit has no vector norm of order 0")
        if ord == 1:
            return dr.sum(dr.abs(x), **options)
        return dr.power(dr.sum(dr.power(dr.abs(x), ord), **options), 1 / ord)

    def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
        if ord == "fro":
            return dr.norm(x, axis=(-2, -1), keepdims=keepdims)
        if ord not in (1, -1, math.inf, -math.inf):
            raise Unsupported(f"Dr.Jit has no matrix norm of order {ord}")
        sums = dr.sum(dr.abs(x), axis=-2 if abs(ord) == 1 else -1, keepdims=True)
        end = dr.max if ord > 0 else dr.min
        return end(sums, axis=(-2, -1), keepdims=keepdims, mode="symbolic")

    return {"vector_norm": vector_norm, "matrix_norm": matrix_norm}
