"""PyTensor variables as arrays of the standard.

A symbolic variable has a symbolic shape, compares by identity and promotes a Python number by its
value.  An :class:`Array` stands around it and has what the standard asks for: the static shape that
PyTensor itself inferred, comparisons by element, and numbers of the array's own dtype.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gradtier import trees
from gradtier.backends.base import Unsupported


def raw(value: Any) -> Any:
    """The PyTensor variable of an array; anything else as it is."""
    return value.variable if isinstance(value, Array) else value


def variable(value: Any, dtype: Any = None) -> Any:
    """An array, a number or nested lists of them as a PyTensor variable."""
    import pytensor.tensor as pt

    if isinstance(value, Array):
        return value.variable if dtype is None else pt.cast(value.variable, str(np.dtype(dtype)))
    if isinstance(value, list | tuple) and any(isinstance(a, Array) for a in trees.leaves(value)):
        return pt.stack([variable(item, dtype) for item in value])
    # PyTensor would choose the dtype of a number by its value; NumPy's defaults have 64 bits
    return pt.constant(np.array(value, dtype=dtype))


def pair(x: Any, y: Any) -> tuple[Any, Any]:
    """Two operands as variables; beside an array, a number takes the array's dtype."""
    if _is_number(x) and not _is_number(y):
        other = variable(y)
        return variable(x, np.result_type(np.dtype(other.type.dtype), x)), other
    one = variable(x)
    return one, variable(y, np.result_type(np.dtype(one.type.dtype), y) if _is_number(y) else None)


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float | complex) and not isinstance(value, np.generic)


def _equal(x: Any, y: Any) -> Any:
    import pytensor.tensor as pt

    return pt.eq(x, y)


def _unequal(x: Any, y: Any) -> Any:
    import pytensor.tensor as pt

    return pt.neq(x, y)


def _left(function: Callable[[Any, Any], Any]) -> Any:
    def method(self: Any, other: Any) -> Any:
        if not isinstance(other, Array | np.ndarray | np.generic) and not _is_number(other):
            return NotImplemented
        return Array(function(*pair(self, other)))

    return method


def _both(function: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
    """A binary operator and its reflection."""
    return _left(function), _left(lambda x, y: function(y, x))


class Array:
    """A PyTensor variable as an array: static shape, comparisons by element, weak numbers."""

    __slots__ = ("variable",)
    __array_ufunc__ = None  # NumPy leaves mixed operations to the methods below
    __hash__ = None  # type: ignore[assignment]  # equality is by element

    def __init__(self, variable: Any) -> None:
        self.variable = variable

    @property
    def ndim(self) -> int:
        return int(self.variable.type.ndim)

    @property
    def dtype(self) -> Any:
        return np.dtype(self.variable.type.dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        known = self.variable.type.shape
        if None in known:
            raise Unsupported(f"PyTensor does not know the static shape {known} of an expression")
        return tuple(known)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def T(self) -> Array:
        return Array(self.variable.T)

    @property
    def mT(self) -> Array:
        return Array(self.variable.mT)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Array]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> Array:
        return Array(self.variable[_key(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self.variable[_key(key)] = raw(value)  # PyTensor's own refusal

    def __bool__(self) -> bool:
        return bool(self.variable)

    def __int__(self) -> int:
        return int(self.variable)

    def __index__(self) -> int:
        return operator.index(self.variable)

    def __float__(self) -> float:
        return float(self.variable)

    def __neg__(self) -> Array:
        return Array(-self.variable)

    def __pos__(self) -> Array:
        return self

    def __abs__(self) -> Array:
        return Array(abs(self.variable))

    def __invert__(self) -> Array:
        return Array(~self.variable)

    __add__, __radd__ = _both(operator.add)
    __sub__, __rsub__ = _both(operator.sub)
    __mul__, __rmul__ = _both(operator.mul)
    __truediv__, __rtruediv__ = _both(operator.truediv)
    __floordiv__, __rfloordiv__ = _both(operator.floordiv)
    __mod__, __rmod__ = _both(operator.mod)
    __pow__, __rpow__ = _both(operator.pow)
    __matmul__, __rmatmul__ = _both(operator.matmul)
    __and__, __rand__ = _both(operator.and_)
    __or__, __ror__ = _both(operator.or_)
    __xor__, __rxor__ = _both(operator.xor)
    __lt__, __le__ = _left(operator.lt), _left(operator.le)
    __gt__, __ge__ = _left(operator.gt), _left(operator.ge)
    __eq__, __ne__ = _left(_equal), _left(_unequal)


def _key(key: Any) -> Any:
    return tuple(map(raw, key)) if isinstance(key, tuple) else raw(key)
