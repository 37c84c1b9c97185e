"""Products, norms and matrix functions on recorded arrays, in terms of the core operations."""

from __future__ import annotations

import functools
import math
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np

from gradtier.backends.base import Unsupported
from gradtier.backends.program_array import Array, as_array, elementwise, moved, promoted, spread
from gradtier.backends.program_functions import Table, concat, real_function, reduced
from gradtier.backends.program_nodes import make

EighResult = namedtuple("EighResult", ["eigenvalues", "eigenvectors"])
QRResult = namedtuple("QRResult", ["Q", "R"])
SVDResult = namedtuple("SVDResult", ["U", "S", "Vh"])
SlogdetResult = namedtuple("SlogdetResult", ["sign", "logabsdet"])


def matmul(x: Any, y: Any, /) -> Array:
    """The matrix product of the standard: vectors, matrices, batches that broadcast."""
    dtype = promoted(x, y)
    a, b = as_array(x, dtype), as_array(y, dtype)
    if not a.ndim or not b.ndim:
        raise ValueError("matmul of an array without axes")
    row, column = a.ndim == 1, b.ndim == 1
    a = Array(a.node, (1, *a.shape)) if row else a
    b = Array(b.node, (*b.shape, 1)) if column else b
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"matmul of shapes {a.shape} and {b.shape}")
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    sides = () if row else (a.shape[-2],), () if column else (b.shape[-1],)
    shape = (*batch, *sides[0], *sides[1])
    if b.ndim == 2:  # one matrix on the right: the batch is more rows of the left one
        count, rows = 1, math.prod(a.shape[:-1])
    else:
        count, rows = math.prod(batch), a.shape[-2]
        a, b = spread(a, (*batch, *a.shape[-2:])), spread(b, (*batch, *b.shape[-2:]))
    node = make(
        "matmul", (a.node, b.node), math.prod(shape), dtype,
        batch=count, rows=rows, inner=a.shape[-1], columns=b.shape[-1],
    )  # fmt: skip
    return Array(node, shape)


def _vecdot(x: Any, y: Any, /, *, axis: int = -1) -> Array:
    return reduced("sum", real_function("multiply", x, y), axis)


def _outer(x: Any, y: Any, /) -> Array:
    x, y = as_array(x), as_array(y)
    column = moved(x, lambda i: i.reshape(-1, 1))
    return real_function("multiply", column, moved(y, lambda i: i.reshape(1, -1)))


def _tensordot(x: Any, y: Any, /, *, axes: Any = 2) -> Array:
    x, y = as_array(x), as_array(y)
    if isinstance(axes, int):
        axes = (range(x.ndim - axes, x.ndim), range(axes))
    left, right = ([int(i) % a.ndim for i in ax] for ax, a in zip(axes, (x, y), strict=True))
    rest_x = [i for i in range(x.ndim) if i not in left]
    rest_y = [i for i in range(y.ndim) if i not in right]
    inner = math.prod(x.shape[i] for i in left)
    rows = moved(x, lambda i: np.permute_dims(i, (*rest_x, *left)).reshape(-1, inner))
    columns = moved(y, lambda i: np.permute_dims(i, (*right, *rest_y)).reshape(inner, -1))
    shape = (*(x.shape[i] for i in rest_x), *(y.shape[i] for i in rest_y))
    return Array(matmul(rows, columns).node, shape)


def _cross(x: Any, y: Any, /, *, axis: int = -1) -> Array:
    x, y = as_array(x), as_array(y)

    def turned(a: Array, by: int) -> Array:
        return moved(a, lambda i: np.roll(i, by, axis=axis))

    first = real_function("multiply", turned(x, -1), turned(y, -2))
    second = real_function("multiply", turned(x, -2), turned(y, -1))
    return real_function("subtract", first, second)


def _diagonal(x: Array, /, *, offset: int = 0) -> Array:
    return moved(x, lambda i: np.diagonal(i, offset, axis1=-2, axis2=-1))


def _trace(x: Array, /, *, offset: int = 0, dtype: Any = None) -> Array:
    return reduced("sum", _diagonal(x, offset=offset), -1)


def _vector_norm(x: Array, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Array:
    if ord == 2:
        return real_function(
            "sqrt", reduced("sum", real_function("multiply", x, x), axis, keepdims)
        )
    size = real_function("abs", x)
    if ord in (math.inf, -math.inf):
        return reduced("max" if ord > 0 else "min", size, axis, keepdims)
    if ord == 0:
        raise Unsupported("a norm of order 0 has no derivative")
    if ord == 1:
        return reduced("sum", size, axis, keepdims)
    total = reduced("sum", real_function("pow", size, float(ord)), axis, keepdims)
    return real_function("pow", total, 1.0 / ord)


def _matrix_norm(x: Array, /, *, keepdims: bool = False, ord: Any = "fro") -> Array:
    if ord == "fro":
        return _vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord in (1, -1, math.inf, -math.inf):
        axis = -2 if abs(ord) == 1 else -1
        sums = reduced("sum", real_function("abs", x), axis, keepdims=True)
        found = reduced("max" if ord > 0 else "min", sums, (-2, -1), keepdims)
        return found
    if ord not in ("nuc", 2, -2):
        raise ValueError(f"no matrix norm of order {ord!r}")
    values = _svdvals(x)
    found = reduced({"nuc": "sum", 2: "max", -2: "min"}[ord], values, -1)
    return Array(found.node, (*found.shape, 1, 1)) if keepdims else found


def _matrix_power(x: Array, n: int, /) -> Array:
    if n == 0:
        return as_array(np.broadcast_to(np.eye(_square(x), dtype=x.dtype), x.shape))
    x = x if n > 0 else _matrix("inv")(x)
    return functools.reduce(matmul, [x] * abs(n))


def _square(x: Array) -> int:
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError(f"shape {x.shape} is not that of square matrices")
    return x.shape[-1]


def _each(x: Array, shape: tuple[int, ...], one: Callable[[Array, int], Array]) -> Array:
    """A function of one matrix, for each matrix of a batch; results of ``shape``."""
    batch = x.shape[:-2]
    count = math.prod(batch)
    if not count:
        return as_array(np.zeros((*batch, *shape), x.dtype))
    flat = moved(x, lambda i: i.reshape(count, -1))
    results = [one(flat[k], k) for k in range(count)]
    joined = concat([Array(r.node, (r.size,)) for r in results]) if count != 1 else results[0]
    return Array(joined.node, (*batch, *shape))


def _matrix(op: str, scalar: bool = False) -> Callable[..., Array]:
    def function(x: Array, /) -> Array:
        n = _square(x)
        shape = () if scalar else (n, n)

        def one(a: Array, _: int) -> Array:
            return Array(make(op, (a.node,), math.prod(shape), a.dtype, rows=n), shape)

        return _each(x, shape, one)

    return function


def _eigvalsh(x: Array, /) -> Array:
    n = _square(x)
    return _each(x, (n,), lambda a, _: Array(make("eigvalsh", (a.node,), n, a.dtype, rows=n), (n,)))


def _rectangular(op: str, shape: Callable[[int, int], tuple[int, ...]]) -> Callable[..., Array]:
    """A function of matrices of any shape; ``shape`` is the result's."""

    def function(x: Array, /) -> Array:
        rows, columns = x.shape[-2:]
        result = shape(rows, columns)

        def one(a: Array, _: int) -> Array:
            size = math.prod(result)
            node = make(op, (a.node,), size, a.dtype, rows=rows, columns=columns)
            return Array(node, result)

        return _each(x, result, one)

    return function


_svdvals = _rectangular("svdvals", lambda m, n: (min(m, n),))
_svd_u = _rectangular("svd_u", lambda m, n: (m, min(m, n)))
_svd_vh = _rectangular("svd_vh", lambda m, n: (min(m, n), n))
_qr_q = _rectangular("qr_q", lambda m, n: (m, min(m, n)))
_qr_r = _rectangular("qr_r", lambda m, n: (min(m, n), n))


def _pinv(x: Array, /, *, rtol: Any = None) -> Array:
    if rtol is not None:
        raise Unsupported("pinv with a tolerance is not recorded")
    return _rectangular("pinv", lambda m, n: (n, m))(x)


def _svd(x: Array, /, *, full_matrices: bool = True) -> Any:
    if full_matrices and x.shape[-1] != x.shape[-2]:
        raise Unsupported("singular vectors beyond the rank have no derivative to record")
    return SVDResult(_svd_u(x), _svdvals(x), _svd_vh(x))


def _qr(x: Array, /, *, mode: str = "reduced") -> Any:
    if mode != "reduced" and x.shape[-1] != x.shape[-2]:
        raise Unsupported("a complete QR has no derivative to record")
    return QRResult(_qr_q(x), _qr_r(x))


def _eigh(x: Array, /) -> Any:
    return EighResult(_eigvalsh(x), _matrix("eigenvectors")(x))


def _slogdet(x: Array, /) -> Any:
    sign = elementwise("sign", _matrix("det", scalar=True)(x))
    return SlogdetResult(sign, _matrix("logabsdet", scalar=True)(x))


def _cholesky(x: Array, /, *, upper: bool = False) -> Array:
    lower = _matrix("cholesky")(x)
    return moved(lower, np.matrix_transpose) if upper else lower


def _solve(a: Any, b: Any, /) -> Array:
    dtype = promoted(a, b)
    a, b = as_array(a, dtype), as_array(b, dtype)
    n, vector = _square(a), b.ndim == 1
    b = Array(b.node, (*b.shape, 1)) if vector else b
    if b.shape[-2] != n:
        raise ValueError(f"solve of shapes {a.shape} and {b.shape}")
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = spread(a, (*batch, n, n)), spread(b, (*batch, *b.shape[-2:]))
    columns = b.shape[-1]
    right = moved(b, lambda i: i.reshape(math.prod(batch), n * columns))

    def one(matrix: Array, k: int) -> Array:
        nodes = (matrix.node, right[k].node)
        made = make("solve", nodes, n * columns, dtype, rows=n, columns=columns)
        return Array(made, (n, columns))

    return _each(a, (n,) if vector else (n, columns), one)


PRODUCTS: Table = {
    "matmul": matmul,
    "vecdot": _vecdot,
    "tensordot": _tensordot,
}
LINALG: Table = {
    **PRODUCTS,
    "outer": _outer,
    "cross": _cross,
    "matrix_transpose": lambda x, /: moved(x, np.matrix_transpose),
    "diagonal": _diagonal,
    "trace": _trace,
    "vector_norm": _vector_norm,
    "matrix_norm": _matrix_norm,
    "matrix_power": _matrix_power,
    "inv": _matrix("inv"),
    "det": _matrix("det", scalar=True),
    "slogdet": _slogdet,
    "cholesky": _cholesky,
    "solve": _solve,
    "eigvalsh": _eigvalsh,
    "svdvals": _svdvals,
    "eigh": _eigh,
    "svd": _svd,
    "qr": _qr,
    "pinv": _pinv,
}
