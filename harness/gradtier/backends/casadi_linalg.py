"""Products, solvers, factorisations and norms of CasADi, for one matrix or each of a batch."""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradtier.backends.base import Unsupported
from gradtier.backends.casadi_array import (
    FLOAT64,
    Array,
    Axis,
    array,
    computed,
    elementwise,
    flattened,
    function,
    grouped,
    joined,
    matmul,
    matrix,
)

SlogdetResult = namedtuple("SlogdetResult", ["sign", "logabsdet"])
QRResult = namedtuple("QRResult", ["Q", "R"])


def products() -> dict[str, Any]:
    """What stands both in the namespace and in its ``linalg``."""

    def flat(x: Array, rows: int, columns: int) -> Array:
        return x.moved(x.positions().reshape(rows, columns))

    def outer(x: Any, y: Any, /) -> Any:
        x, y = array(x), array(y)
        return matmul(flat(x, x.size, 1), flat(y, 1, y.size))

    def tensordot(x: Any, y: Any, /, *, axes: Any = 2) -> Any:
        x, y = array(x), array(y)
        pair = (range(x.ndim - axes, x.ndim), range(axes)) if isinstance(axes, int) else axes
        gone_x, gone_y = ([a % t.ndim for a in g] for t, g in zip((x, y), pair, strict=True))
        left_x = [a for a in range(x.ndim) if a not in gone_x]
        left_y = [a for a in range(y.ndim) if a not in gone_y]
        x = x.moved(np.transpose(x.positions(), (*left_x, *gone_x)))
        y = y.moved(np.transpose(y.positions(), (*gone_y, *left_y)))
        shape = x.shape[: len(left_x)] + y.shape[len(gone_y) :]
        count = math.prod(x.shape[len(left_x) :])
        found = matmul(flat(x, x.size // count, count), flat(y, count, y.size // count))
        return found.moved(found.positions().reshape(shape))

    def vecdot(x: Any, y: Any, /, *, axis: int = -1) -> Any:
        return _summed(array(x) * array(y), axis)

    return {
        "matmul": lambda x, y, /: matmul(x, y),
        "outer": outer,
        "tensordot": tensordot,
        "vecdot": vecdot,
        "matrix_transpose": lambda x, /: array(x).mT,
    }


def _summed(x: Array, axis: Axis) -> Array:
    groups, kept, _ = grouped(x, axis)
    return computed(function("sum1")(groups).T, kept, x.dtype)


def _batched(op: Callable[[Any], Any], x: Array, shape: Sequence[int]) -> Array:
    """A function of one CasADi matrix for each matrix of a batch; ``shape`` is a result's."""
    if x.ndim < 2:
        raise ValueError(f"an array of shape {x.shape} is no matrix")
    places, batch = x.positions(), x.shape[:-2]
    found = [flattened(op(matrix(x, places[i]))) for i in np.ndindex(batch)]
    return computed(joined(found), (*batch, *shape), FLOAT64 if x.dtype.kind in "iub" else x.dtype)


def linalg(casadi: Any) -> dict[str, Any]:
    """What stands in ``linalg`` alone."""
    return {**_solvers(casadi), **_factors(casadi), **_norms(casadi)}


def _square(op: Callable[[Any], Any], scalar: bool = False) -> Any:
    """A function of square matrices to such matrices or to numbers."""

    def called(x: Any, /) -> Any:
        x = array(x)
        return _batched(op, x, () if scalar else x.shape[-2:])

    return called


def _solvers(casadi: Any) -> dict[str, Any]:
    def solve(a: Any, b: Any, /) -> Any:
        a, b = array(a), array(b)
        right = b.positions()[:, None] if b.ndim == 1 else b.positions()
        batch = np.broadcast_shapes(a.shape[:-2], right.shape[:-2])
        left = np.broadcast_to(a.positions(), batch + a.shape[-2:])
        right = np.broadcast_to(right, batch + right.shape[-2:])
        found = [
            flattened(casadi.solve(matrix(a, left[i]), matrix(b, right[i])))
            for i in np.ndindex(batch)
        ]
        shape = batch + right.shape[-2 : -1 if b.ndim == 1 else None]
        return computed(joined(found), shape, np.result_type(a.dtype, b.dtype))

    def slogdet(x: Any, /) -> Any:
        det = _square(casadi.det, scalar=True)(x)
        size = elementwise(casadi.log, elementwise(casadi.fabs, det))
        return SlogdetResult(elementwise(casadi.sign, det), size)

    def pinv(x: Any, /) -> Any:
        x = array(x)
        return _batched(casadi.pinv, x, x.shape[:-3:-1])

    return {
        "solve": solve,
        "inv": _square(casadi.inv),
        "det": _square(casadi.det, scalar=True),
        "slogdet": slogdet,
        "pinv": pinv,
        "matrix_power": lambda x, n, /: _square(lambda m: casadi.mpower(m, n))(x),
    }


def _factors(casadi: Any) -> dict[str, Any]:
    def qr(x: Any, /, *, mode: str = "reduced") -> Any:
        x = array(x)
        if mode != "reduced" or x.ndim != 2 or x.shape[0] < x.shape[1]:
            raise Unsupported("CasADi has linalg.qr of one tall matrix only")
        factors = zip(casadi.qr(matrix(x)), (x.shape, (x.shape[1],) * 2), strict=True)
        return QRResult(*(computed(flattened(m), shape, x.dtype) for m, shape in factors))

    def cholesky(x: Any, /, *, upper: bool = False) -> Any:
        return _square(casadi.chol if upper else lambda m: casadi.chol(m).T)(x)

    def diagonal(x: Any, /, *, offset: int = 0) -> Any:
        x = array(x)
        return x.moved(np.diagonal(x.positions(), offset, -2, -1))

    def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
        return _summed(diagonal(array(x, dtype), offset=offset), -1)

    return {"qr": qr, "cholesky": cholesky, "diagonal": diagonal, "trace": trace}


def _norms(casadi: Any) -> dict[str, Any]:
    def vector_norm(x: Any, /, *, axis: Axis = None, keepdims: bool = False, ord: Any = 2) -> Any:
        norms = {1: casadi.norm_1, 2: casadi.norm_2, math.inf: casadi.norm_inf}
        norm = norms.get(ord) or (lambda v: casadi.sum1(casadi.fabs(v) ** ord) ** (1.0 / ord))
        if not ord > 0:
            raise Unsupported(f"CasADi has no vector norm of order {ord}")
        x = array(x)
        groups, kept, ones = grouped(x, axis)
        sizes = [norm(groups[:, j]) for j in range(groups.shape[1])]
        return computed(joined(sizes), ones if keepdims else kept, x.dtype)

    def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
        if ord != "fro":
            raise Unsupported(f"CasADi has no matrix norm of order {ord}")
        return _batched(casadi.norm_fro, array(x), (1, 1) if keepdims else ())

    return {"vector_norm": vector_norm, "matrix_norm": matrix_norm}
