"""N-dimensional arrays over CasADi's scalars, which CasADi itself has in two dimensions only.

An :class:`Array` is a dense column of ``casadi.SX`` scalars in C order beside a shape and a dtype.
Rearranging is indexing of that column by constant positions; arithmetic is CasADi's own, on whole
columns.  CasADi computes in double precision and keeps no other numbers: whole numbers and truth
values are doubles too, and float32 and complex arrays can be held but not computed with.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradtier import trees
from gradtier.backends.base import Unsupported

FLOAT64 = np.dtype("float64")
INT64 = np.dtype("int64")
BOOL = np.dtype("bool")

Axis = int | tuple[int, ...] | None


def _left(name: str, dtype: Any = None) -> Any:
    def method(self: Any, other: Any) -> Any:
        if not isinstance(other, Array | np.ndarray | np.generic) and not is_number(other):
            return NotImplemented
        return elementwise(function(name), self, other, dtype=dtype)

    return method


def _both(name: str, dtype: Any = None) -> tuple[Any, Any]:
    """A binary operator and its reflection."""
    one = _left(name, dtype)

    def method(self: Any, other: Any) -> Any:
        if not isinstance(other, np.ndarray | np.generic) and not is_number(other):
            return NotImplemented
        return elementwise(function(name), other, self, dtype=dtype)

    return one, method


def _both_by(operation: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
    """A binary operator that is no one function of CasADi, and its reflection."""

    def left(self: Any, other: Any) -> Any:
        if not isinstance(other, Array | np.ndarray | np.generic) and not is_number(other):
            return NotImplemented
        return operation(self, other)

    def right(self: Any, other: Any) -> Any:
        if not isinstance(other, np.ndarray | np.generic) and not is_number(other):
            return NotImplemented
        return operation(other, self)

    return left, right


class Array:
    """A column of CasADi scalars in C order, with a shape and a dtype."""

    __slots__ = ("column", "dtype", "shape")
    __array_ufunc__ = None  # NumPy leaves mixed operations to the methods below
    __hash__ = None  # type: ignore[assignment]  # equality is by element

    def __init__(self, column: Any, shape: Sequence[int], dtype: Any) -> None:
        self.column, self.shape, self.dtype = column, tuple(map(int, shape)), np.dtype(dtype)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def T(self) -> Array:
        return self.moved(self.positions().T)

    @property
    def mT(self) -> Array:
        return self.moved(np.swapaxes(self.positions(), -1, -2))

    def positions(self) -> NDArray[Any]:
        """Where each element stands in the column."""
        return np.arange(self.size).reshape(self.shape)

    def moved(self, positions: NDArray[Any]) -> Array:
        """The array whose elements stand at these positions of the column."""
        flat = positions.ravel()
        same = flat.size == self.size and bool((flat == np.arange(flat.size)).all())
        column = self.column if same else self.column[flat.tolist(), 0]
        return Array(column, positions.shape, self.dtype)

    def values(self) -> NDArray[Any]:
        """The numbers of a constant array.

        Raises:
            Unsupported: if it depends on a symbol.
        """
        import casadi

        if not self.column.is_constant():
            raise Unsupported("CasADi has no value for an expression while a function is built")
        flat = np.asarray(casadi.evalf(self.column).full()).ravel()
        return np.array(flat.reshape(self.shape).astype(self.dtype))

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Array]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> Array:
        return self.moved(self._places(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        places = self._places(key)
        given = cast(broadcast(array(value), places.shape), self.dtype)
        # a column of its own first: what was moved may share this one
        self.column = self.column[:, 0]
        self.column[places.ravel().tolist(), 0] = given.column

    def _places(self, key: Any) -> NDArray[Any]:
        keys = key if isinstance(key, tuple) else (key,)
        numbers = tuple(k.values() if isinstance(k, Array) else k for k in keys)
        return np.asarray(self.positions()[numbers])

    def __bool__(self) -> bool:
        return bool(self.column)

    def __int__(self) -> int:
        return int(self.values())

    def __index__(self) -> int:
        return operator.index(self.values().item())

    def __float__(self) -> float:
        return float(self.values())  # CasADi itself makes a NaN of a symbol

    def __neg__(self) -> Array:
        return elementwise(operator.neg, self)

    def __pos__(self) -> Array:
        return self

    def __abs__(self) -> Array:
        return elementwise(function("fabs"), self)

    def __invert__(self) -> Array:
        return elementwise(function("logic_not"), self, dtype=BOOL)

    __add__, __radd__ = _both("plus")
    __sub__, __rsub__ = _both("minus")
    __mul__, __rmul__ = _both("times")
    __truediv__, __rtruediv__ = _both("rdivide", FLOAT64)
    __pow__, __rpow__ = _both("power")
    __floordiv__, __rfloordiv__ = _both_by(lambda x, y: floor_divide(x, y))
    __mod__, __rmod__ = _both_by(lambda x, y: remainder(x, y))
    __and__, __rand__ = _both_by(lambda x, y: logical("logic_and", x, y))
    __or__, __ror__ = _both_by(lambda x, y: logical("logic_or", x, y))
    __xor__, __rxor__ = _both_by(lambda x, y: logical("ne", x, y))
    __lt__, __le__, __gt__, __ge__ = (_left(name, BOOL) for name in ("lt", "le", "gt", "ge"))
    __eq__, __ne__ = _left("eq", BOOL), _left("ne", BOOL)

    def __matmul__(self, other: Any) -> Any:
        return matmul(self, other) if isinstance(other, Array | np.ndarray) else NotImplemented

    def __rmatmul__(self, other: Any) -> Any:
        return matmul(other, self) if isinstance(other, np.ndarray) else NotImplemented


def function(name: str) -> Callable[..., Any]:
    """A function of CasADi, looked up when it is called: this file imports nothing."""

    def called(*columns: Any) -> Any:
        import casadi

        return getattr(casadi, name)(*columns)

    return called


def is_number(value: Any) -> bool:
    """Whether a value is a Python number, which takes the dtype of the array beside it."""
    return isinstance(value, bool | int | float | complex) and not isinstance(value, np.generic)


def array(value: Any, dtype: Any = None) -> Array:
    """An array, a number or nested lists of them as an array."""
    if isinstance(value, Array):
        return value if dtype is None else cast(value, dtype)
    if isinstance(value, list | tuple) and any(isinstance(a, Array) for a in trees.leaves(value)):
        return stack([array(item, dtype) for item in value])
    return constant(np.array(value, dtype=dtype))


def constant(values: NDArray[Any]) -> Array:
    """An array of numbers; a copy."""
    import casadi

    if values.dtype.kind not in "fiub":
        raise Unsupported(f"CasADi has no {values.dtype} numbers")
    flat = casadi.DM(np.asarray(values, dtype=np.float64).ravel())
    # a sparse zero would be a constant of another structure
    return Array(casadi.densify(casadi.SX(flat)), values.shape, values.dtype)


def cast(x: Array, dtype: Any) -> Array:
    """The same numbers as another dtype that holds them all; truth is not being zero."""
    known = np.dtype(dtype) == x.dtype or (np.dtype(dtype) == FLOAT64 and x.dtype.kind in "iub")
    if np.dtype(dtype) == BOOL and not known:
        return elementwise(function("ne"), x, 0.0, dtype=BOOL)
    if not known and not (x.dtype == BOOL and np.dtype(dtype).kind in "iu"):
        raise Unsupported(f"CasADi does not convert {x.dtype} to {np.dtype(dtype)}")
    return Array(x.column, x.shape, dtype)


def computed(column: Any, shape: Sequence[int], dtype: Any) -> Array:
    """What CasADi computed, as an array.

    Raises:
        Unsupported: for another floating-point dtype than float64.
    """
    import casadi

    if dtype.kind == "c" or (dtype.kind == "f" and dtype != FLOAT64):
        raise Unsupported(f"CasADi computes in double precision, not in {dtype}")
    column = casadi.SX(column)
    return Array(casadi.densify(casadi.reshape(column, -1, 1)), shape, dtype)


def elementwise(operation: Callable[..., Any], *operands: Any, dtype: Any = None) -> Array:
    """An operation of CasADi on operands that broadcast; the dtype promoted unless it is given."""
    given = [t if is_number(t) else array(t) for t in operands]
    if all(map(is_number, given)):
        given = [array(t) for t in given]
    kinds = [t if is_number(t) else t.dtype for t in given]
    promoted = np.result_type(*kinds)
    shape = np.broadcast_shapes(*(t.shape for t in given if isinstance(t, Array)))
    columns = [float(t) if is_number(t) else broadcast(t, shape).column for t in given]
    if promoted.kind == "f" and promoted != FLOAT64:
        dtype = promoted  # refused, whatever comes out
    return computed(operation(*columns), shape, dtype or promoted)


def floor_divide(x: Any, y: Any) -> Array:
    """The floor of the quotient."""
    return elementwise(lambda a, b: function("floor")(a / b), x, y)


def remainder(x: Any, y: Any) -> Array:
    """What the floor of the quotient leaves: CasADi's own rounds to the nearest, or to zero."""
    return elementwise(lambda a, b: a - b * function("floor")(a / b), x, y)


def logical(name: str, x: Any, y: Any) -> Array:
    """A function of truth values; CasADi has none of the bits of whole numbers."""
    if any(isinstance(t, Array) and t.dtype != BOOL for t in (x, y)):
        raise Unsupported("CasADi has no bitwise functions")
    return elementwise(function(name), x, y, dtype=BOOL)


def broadcast(x: Array, shape: Sequence[int]) -> Array:
    """An array repeated to a shape."""
    return x if x.shape == tuple(shape) else x.moved(np.broadcast_to(x.positions(), shape))


def matrix(x: Array, positions: Any = None) -> Any:
    """A CasADi matrix of the elements at a two-dimensional array of positions; all by default."""
    import casadi

    rows, columns = x.shape if positions is None else positions.shape
    flat = x if positions is None else x.moved(positions)
    return casadi.reshape(flat.column, columns, rows).T  # CasADi counts along columns


def flattened(given: Any) -> Any:
    """The elements of a CasADi matrix in C order."""
    import casadi

    return casadi.densify(casadi.reshape(given.T, -1, 1))


def joined(columns: Sequence[Any]) -> Any:
    """Columns under one another."""
    import casadi

    return casadi.vertcat(*columns) if columns else casadi.SX(0, 1)


def concat(arrays: Sequence[Array], axis: int = 0) -> Array:
    """Arrays joined along an axis that they have."""
    starts = np.cumsum([0, *(a.size for a in arrays)])
    places = [a.positions() + start for a, start in zip(arrays, starts[:-1], strict=True)]
    dtype = np.result_type(*(a.dtype for a in arrays))
    whole = Array(joined([a.column for a in arrays]), (starts[-1],), dtype)
    return whole.moved(np.concatenate(places, axis=axis))


def stack(arrays: Sequence[Array], axis: int = 0) -> Array:
    """Arrays of one shape joined along a new axis."""
    return concat([a.moved(np.expand_dims(a.positions(), axis)) for a in arrays], axis)


def matmul(x: Any, y: Any) -> Array:
    """The matrix product, by ``casadi.mtimes`` for each matrix of a batch."""
    import casadi

    x, y = array(x), array(y)
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError("matmul: an operand has no dimension")
    rows = x.positions()[None, :] if x.ndim == 1 else x.positions()
    columns = y.positions()[:, None] if y.ndim == 1 else y.positions()
    if rows.shape[-1] != columns.shape[-2]:
        raise ValueError(f"matmul: shapes {x.shape} and {y.shape} do not fit together")
    batch = np.broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
    left = np.broadcast_to(rows, batch + rows.shape[-2:])
    right = np.broadcast_to(columns, batch + columns.shape[-2:])
    products = [
        flattened(casadi.mtimes(matrix(x, left[i]), matrix(y, right[i]))) for i in np.ndindex(batch)
    ]
    shape = batch + ((rows.shape[-2],) if x.ndim > 1 else ())
    shape += (columns.shape[-1],) if y.ndim > 1 else ()
    return computed(joined(products), shape, np.result_type(x.dtype, y.dtype))


def grouped(x: Array, axis: Axis) -> tuple[Any, tuple[int, ...], tuple[int, ...]]:
    """The elements along the axes as the columns of a CasADi matrix; shapes without and with them.

    Raises:
        IndexError: if there is no such axis.
    """
    given = range(x.ndim) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
    if any(not -x.ndim <= a < x.ndim for a in given):
        raise IndexError(f"an array of {x.ndim} dimensions has no axis {axis}")
    gone = sorted({a % x.ndim for a in given})
    left = [a for a in range(x.ndim) if a not in gone]
    kept = tuple(x.shape[a] for a in left)
    count = math.prod(x.shape[a] for a in gone)
    places = np.transpose(x.positions(), (*left, *gone)).reshape(math.prod(kept), count)
    return matrix(x, places).T, kept, tuple(1 if a in gone else n for a, n in enumerate(x.shape))
