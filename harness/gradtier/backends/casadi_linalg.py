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
    broadcast,
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

    def pinv(x: Any, /, *, rtol: Any = None) -> Any:
        if rtol is not None:
            raise Unsupported("CasADi has no pinv with a tolerance")
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
        if mode != "reduced" or x.shape[-2] < x.shape[-1]:
            raise Unsupported("CasADi has linalg.qr of tall matrices only, with reduced factors")
        shapes = (x.shape[-2:], (x.shape[-1],) * 2)
        return QRResult(*(_batched(lambda m, k=k: casadi.qr(m)[k], x, shapes[k]) for k in (0, 1)))  # type: ignore[misc]

    def cholesky(x: Any, /, *, upper: bool = False) -> Any:
        return _square(casadi.chol if upper else lambda m: casadi.chol(m).T)(x)

    def diagonal(x: Any, /, *, offset: int = 0) -> Any:
        x = array(x)
        return x.moved(np.diagonal(x.positions(), offset, -2, -1))

    def cross(x: Any, y: Any, /, *, axis: int = -1) -> Any:
        x, y = array(x), array(y)
        shape = np.broadcast_shapes(x.shape, y.shape)
        rows = []
        for t in (broadcast(x, shape), broadcast(y, shape)):
            rows.append(t.moved(np.moveaxis(t.positions(), axis, -1).reshape(-1, 3)))
        found = flattened(casadi.cross(matrix(rows[0]), matrix(rows[1]), 2))
        moved = np.moveaxis(np.empty(shape), axis, -1).shape
        turned = computed(found, moved, np.result_type(x.dtype, y.dtype))
        return turned.moved(np.moveaxis(turned.positions(), -1, axis))

    def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
        return _summed(diagonal(array(x, dtype), offset=offset), -1)

    return {"qr": qr, "cholesky": cholesky, "diagonal": diagonal, "trace": trace, "cross": cross}


def _norms(casadi: Any) -> dict[str, Any]:
    def vector_norm(x: Any, /, *, axis: Axis = None, keepdims: bool = False, ord: Any = 2) -> Any:
        if ord == 0:
            raise Unsupported("CasADi has no vector norm of order 0")
        norms = {1: casadi.norm_1, 2: casadi.norm_2, math.inf: casadi.norm_inf}
        norms[-math.inf] = lambda v: casadi.mmin(casadi.fabs(v))
        norm = norms.get(ord) or (lambda v: casadi.sum1(casadi.fabs(v) ** ord) ** (1.0 / ord))
        x = array(x)
        groups, kept, ones = grouped(x, axis)
        sizes = [norm(groups[:, j]) for j in range(groups.shape[1])]
        return computed(joined(sizes), ones if keepdims else kept, x.dtype)

    def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
        shape = (1, 1) if keepdims else ()
        if ord == "fro":
            return _batched(casadi.norm_fro, array(x), shape)
        if ord not in (1, -1, math.inf, -math.inf):
            raise Unsupported(f"CasADi has no matrix norm of order {ord}")
        along = casadi.sum1 if abs(ord) == 1 else casadi.sum2
        end = casadi.mmax if ord > 0 else casadi.mmin
        return _batched(lambda m: end(along(casadi.fabs(m))), array(x), shape)

    return {"vector_norm": vector_norm, "matrix_norm": matrix_norm}
