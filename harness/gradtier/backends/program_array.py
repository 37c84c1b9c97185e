"""The array that cases see while a program is recorded: a shape over a flat node.

An array without an input behind it is concrete, and NumPy computes with it.  One with an input
behind it is recorded.  Its numbers at the traced point are used for a branch in Python and for an
index, and the program then holds at that point only; a conversion to a Python number or to a NumPy
array would cut the graph in silence and is declined.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradtier.backends.base import Unsupported
from gradtier.backends.program_nodes import Node, constant, make, numbers

Shape = tuple[int, ...]


class Array:
    """A concrete or recorded array; immutable.

    Args:
        node: its numbers in row-major order.
        shape: their shape.
        device: where a worker reported them to be.
    """

    __slots__ = ("device", "node", "shape")
    __array_ufunc__ = None  # a NumPy array beside one of ours leaves the operation to ours

    def __init__(self, node: Node, shape: Shape, device: str = "cpu") -> None:
        self.node, self.shape, self.device = node, shape, device

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the elements."""
        return self.node.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.node.size

    @property
    def recorded(self) -> bool:
        """Whether an input stands behind it."""
        return self.node.trace is not None

    @property
    def T(self) -> Array:
        """The transpose of a matrix."""
        return moved(self, lambda i: i.T)

    @property
    def mT(self) -> Array:
        """The matrices of the last two axes, transposed."""
        return moved(self, np.matrix_transpose)

    def numpy(self) -> NDArray[Any]:
        """The numbers, at the traced point if recorded."""
        return numbers(self.node).reshape(self.shape)

    def __repr__(self) -> str:
        kind = "recorded" if self.recorded else "concrete"
        return f"<{kind} array, shape {self.shape}, {self.dtype}>"

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of an array without axes")
        return self.shape[0]

    def __iter__(self) -> Iterator[Array]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> Array:
        static = unwrapped(index)
        return moved(self, lambda i: i[static])

    def __setitem__(self, index: Any, value: Any) -> None:
        raise Unsupported("arrays of a recorded program are immutable")

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        self._concrete("a NumPy array")
        return np.array(self.numpy(), dtype=dtype)

    def __bool__(self) -> bool:
        return bool(self.numpy())

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":
            raise TypeError(f"an array of {self.dtype} is no index")
        return int(self.numpy())

    def __int__(self) -> int:
        self._concrete("a Python int")
        return int(self.numpy())

    def __float__(self) -> float:
        self._concrete("a Python float")
        return float(self.numpy())

    def __complex__(self) -> complex:
        self._concrete("a Python complex")
        return complex(self.numpy())

    def _concrete(self, what: str) -> None:
        if self.recorded:
            raise Unsupported(f"converting a recorded array to {what} would cut the graph")

    __hash__ = None  # type: ignore[assignment]  # equality is elementwise


def _operator(name: str, swapped: bool = False) -> Callable[[Array, Any], Any]:
    def method(self: Array, other: Any) -> Any:
        if not isinstance(other, Array | np.ndarray | np.generic | bool | int | float):
            return NotImplemented
        from gradtier.backends.program_namespace import FUNCTIONS

        return FUNCTIONS[name](*((other, self) if swapped else (self, other)))

    return method


_BINARY = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "pow",
    "matmul": "matmul", "mod": "remainder", "floordiv": "floor_divide", "and": "logical_and",
    "or": "logical_or", "xor": "logical_xor",
}  # fmt: skip
_COMPARED = {
    "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal",
    "ne": "not_equal",
}  # fmt: skip
_ONE = {"neg": "negative", "pos": "positive", "abs": "abs", "invert": "logical_not"}


def _unary(name: str) -> Callable[[Array], Any]:
    def method(self: Array) -> Any:
        from gradtier.backends.program_namespace import FUNCTIONS

        return FUNCTIONS[name](self)

    return method


for _short, _name in {**_BINARY, **_COMPARED}.items():
    setattr(Array, f"__{_short}__", _operator(_name))
for _short, _name in _BINARY.items():
    setattr(Array, f"__r{_short}__", _operator(_name, swapped=True))
for _short, _name in _ONE.items():
    setattr(Array, f"__{_short}__", _unary(_name))


def wrapped(value: Any) -> Any:
    """NumPy's result as concrete arrays; tuples and lists keep their kind."""
    if isinstance(value, np.ndarray | np.generic):
        found = np.asarray(value)
        return Array(constant(found), found.shape)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(wrapped, value))
    if isinstance(value, list | tuple):
        return type(value)(map(wrapped, value))
    return value


def unwrapped(value: Any) -> Any:
    """An argument as NumPy takes it; a recorded index or mask is taken at the traced point.

    Raises:
        Unsupported: an array of reals is recorded, and would be taken for a constant.
    """
    if isinstance(value, Array):
        if value.recorded and value.dtype.kind == "f":
            raise Unsupported("a recorded array of reals is used where its graph would be cut")
        return value.numpy()
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(map(unwrapped, value))
    return list(map(unwrapped, value)) if isinstance(value, list) else value


def has_recorded(value: Any) -> bool:
    """Whether a recorded array is in an argument, also inside lists and tuples."""
    if isinstance(value, list | tuple):
        return any(map(has_recorded, value))
    return isinstance(value, Array) and value.recorded


def as_array(value: Any, dtype: Any = None) -> Array:
    """An operand as an array of ``dtype``; its own where None.

    Raises:
        Unsupported: a recorded array would change its precision.
    """
    if not isinstance(value, Array):
        found: Array = wrapped(np.asarray(value, dtype=dtype))
        return found
    dtype = value.dtype if dtype is None else np.dtype(dtype)
    if value.dtype == dtype:
        return value
    if not value.recorded or dtype.kind not in "fb":  # what is not real has no derivative
        cast: Array = wrapped(value.numpy().astype(dtype))
        return cast
    if dtype.kind == "b":
        return elementwise("logical_not", elementwise("equal", value, 0.0, dtype=bool), dtype=bool)
    if value.dtype.kind == "b":
        ones, zeros = np.ones(value.shape, dtype), np.zeros(value.shape, dtype)
        return chosen(value, wrapped(ones), wrapped(zeros))
    raise Unsupported(f"a program of one precision: {value.dtype} can't become {dtype} inside it")


def promoted(*values: Any) -> np.dtype[Any]:
    """The dtype of an operation; Python numbers do not widen."""
    kinds = [v.dtype if isinstance(v, Array | np.ndarray | np.generic) else v for v in values]
    return np.dtype(np.result_type(*kinds))


def moved(x: Array, how: Callable[[NDArray[Any]], Any]) -> Array:
    """An array whose elements are elements of ``x``: ``how`` rearranges an array of positions."""
    index = np.asarray(how(np.arange(x.size).reshape(x.shape)))
    flat = index.reshape(-1)
    if flat.size == x.size and np.array_equal(flat, np.arange(x.size)):
        return Array(x.node, index.shape)
    return Array(make("gather", (x.node,), flat.size, x.dtype, index=flat), index.shape)


def spread(x: Array, shape: Shape) -> Array:
    """``x`` broadcast to ``shape``."""
    return x if x.shape == shape else moved(x, lambda i: np.broadcast_to(i, shape))


def elementwise(op: str, *args: Any, dtype: Any = None, **attrs: Any) -> Array:
    """One core operation on arrays that broadcast; ``dtype`` is the result's if another."""
    common = promoted(*args)
    arrays = [as_array(a, common) for a in args]
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    nodes = tuple(spread(a, shape).node for a in arrays)
    return Array(make(op, nodes, math.prod(shape), dtype or common, **attrs), shape)


def chosen(condition: Array, x: Array, y: Array) -> Array:
    """``x`` where the condition holds, else ``y``; shapes broadcast, one dtype.

    A condition that no input stands behind is no operation: it says which elements are meant.
    """
    shape = np.broadcast_shapes(condition.shape, x.shape, y.shape)
    size = math.prod(shape)
    if condition.recorded:
        nodes = tuple(spread(a, shape).node for a in (condition, x, y))
        return Array(make("where", nodes, size, x.dtype), shape)
    both = make("concat", (x.node, y.node), x.size + y.size, x.dtype)
    first = np.arange(x.size).reshape(x.shape)
    second = x.size + np.arange(y.size).reshape(y.shape)
    index = np.where(condition.numpy(), first, second).reshape(-1)
    return Array(make("gather", (both,), size, x.dtype, index=index), shape)
