"""Functions of the array API standard on recorded arrays, in terms of the core operations.

Each is written for recorded arrays; where none of the arguments is recorded, NumPy's function of
the same name computes at once (:func:`eager`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradtier.backends.program_array import (
    Array,
    as_array,
    chosen,
    elementwise,
    has_recorded,
    moved,
    promoted,
    spread,
    unwrapped,
    wrapped,
)
from gradtier.backends.program_nodes import make
from gradtier.backends.program_values import UNARY

Table = Mapping[str, Callable[..., Any]]

#: Ours is used for constants as well, because NumPy's differs from the standard's or is younger.
_OWN = {"sort", "argsort", "cumulative_sum", "cumulative_prod", "unstack"}


def eager(name: str, function: Callable[..., Any], space: Any = np) -> Callable[..., Any]:
    """``function``, or NumPy's of that name where no argument is recorded."""
    direct = None if name in _OWN else getattr(space, name, None)

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        if direct is None or has_recorded(args) or has_recorded(tuple(kwargs.values())):
            return function(*args, **kwargs)
        plain = {key: unwrapped(value) for key, value in kwargs.items()}
        with np.errstate(all="ignore"):
            return wrapped(direct(*map(unwrapped, args), **plain))

    return called


def real(*values: Any) -> np.dtype[Any]:
    """The dtype of a real function of these: float64 of whole numbers and truth values."""
    dtype = promoted(*values)
    return dtype if dtype.kind == "f" else np.dtype(np.float64)


def real_function(op: str, *args: Any) -> Array:
    """A core operation on real numbers, whatever numbers the arguments are."""
    dtype = real(*args)
    return elementwise(op, *(as_array(a, dtype) for a in args))


def _named(op: str) -> Callable[..., Any]:
    return lambda *args: real_function(op, *args)


def _compared(op: str, swapped: bool = False, negated: bool = False) -> Callable[..., Any]:
    def function(x: Any, y: Any, /) -> Array:
        args = (y, x) if swapped else (x, y)
        dtype = real(*args)
        found = elementwise(op, *(as_array(a, dtype) for a in args), dtype=bool)
        return elementwise("logical_not", found) if negated else found

    return function


def _logical(op: str) -> Callable[..., Any]:
    return lambda *args: elementwise(op, *(as_array(a, bool) for a in args))


def _logical_xor(x: Any, y: Any, /) -> Array:
    differ: Array = _compared("equal", negated=True)(as_array(x, bool), as_array(y, bool))
    return differ


def _pow(x: Any, y: Any, /) -> Array:
    if isinstance(y, int) and not isinstance(y, bool):  # as libraries treat x**3
        return elementwise("integer_power", as_array(x, real(x)), exponent=y)
    return real_function("pow", x, y)


def _remainder(x: Any, y: Any, /) -> Array:
    return real_function("subtract", x, real_function("multiply", _floor_divide(x, y), y))


def _floor_divide(x: Any, y: Any, /) -> Array:
    return real_function("floor", real_function("divide", x, y))


def _isnan(x: Array, /) -> Array:
    return elementwise("logical_not", elementwise("equal", x, x, dtype=bool))


def _isinf(x: Array, /) -> Array:
    return elementwise("equal", real_function("abs", x), math.inf, dtype=bool)


def _clip(x: Array, /, min: Any = None, max: Any = None) -> Array:
    x = x if min is None else real_function("maximum", x, min)
    return x if max is None else real_function("minimum", x, max)


def _where(condition: Any, x: Any, y: Any, /) -> Array:
    dtype = promoted(x, y)
    return chosen(as_array(condition, bool), as_array(x, dtype), as_array(y, dtype))


def _signbit(x: Array, /) -> Any:
    return wrapped(np.signbit(x.numpy()))  # taken at the traced point, as an order is


def _copysign(x: Any, y: Any, /) -> Array:
    dtype = real(x, y)
    size = real_function("abs", as_array(x, dtype))
    return chosen(_signbit(as_array(y, dtype)), real_function("negative", size), size)


def _astype(x: Array, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Array:
    return as_array(x, dtype)


def _same(x: Array, /) -> Array:
    return x


ELEMENTWISE: Table = {
    **{name: _named(name) for name in UNARY},
    **{n: _named(n) for n in ("add", "subtract", "multiply", "divide", "atan2", "hypot")},
    **{n: _named(n) for n in ("logaddexp", "maximum", "minimum")},
    **{n: _logical(n) for n in ("logical_and", "logical_or", "logical_not")},
    "less": _compared("less"),
    "less_equal": _compared("less_equal"),
    "greater": _compared("less", swapped=True),
    "greater_equal": _compared("less_equal", swapped=True),
    "equal": _compared("equal"),
    "not_equal": _compared("equal", negated=True),
    "logical_xor": _logical_xor,
    "pow": _pow,
    "remainder": _remainder,
    "floor_divide": _floor_divide,
    "square": lambda x, /: real_function("multiply", x, x),
    "reciprocal": lambda x, /: real_function("divide", 1.0, x),
    "log2": lambda x, /: real_function("multiply", real_function("log", x), 1.0 / math.log(2.0)),
    "log10": lambda x, /: real_function("multiply", real_function("log", x), 1.0 / math.log(10.0)),
    "positive": _same,
    "conj": _same,
    "real": _same,
    "isnan": _isnan,
    "isinf": _isinf,
    "isfinite": lambda x, /: elementwise("less", real_function("abs", x), math.inf, dtype=bool),
    "signbit": _signbit,
    "copysign": _copysign,
    "clip": _clip,
    "where": _where,
    "astype": _astype,
}


def _axes(x: Array, axis: Any) -> tuple[int, ...]:
    """The axes that are meant, counted from the front.

    Raises:
        ValueError: there is no such axis.
    """
    if axis is None:
        return tuple(range(x.ndim))
    return np.lib.array_utils.normalize_axis_tuple(axis, x.ndim)


def reduced(op: str, x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """A core reduction over the axes that are meant."""
    axes = _axes(x, axis)
    kept = [i for i in range(x.ndim) if i not in axes]
    length = math.prod(x.shape[i] for i in axes)
    if not length and op in ("max", "min"):
        raise ValueError(f"{op} of no elements")
    rows = moved(x, lambda i: np.permute_dims(i, (*kept, *axes)))
    shape = tuple(x.shape[i] for i in kept)
    node = make(op, (rows.node,), math.prod(shape), x.dtype, length=length)
    if keepdims:
        shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    return Array(node, shape)


def _reduction(op: str) -> Callable[..., Any]:
    def function(
        x: Array, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False
    ) -> Array:
        if x.dtype.kind == "b":  # truth values are counted at the traced point
            found: Array = wrapped(getattr(np, op)(x.numpy(), axis=axis, keepdims=keepdims))
            return found
        return reduced(op, x if dtype is None else as_array(x, dtype), axis, keepdims)

    return function


def _mean(x: Array, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    count = math.prod(x.shape[i] for i in _axes(x, axis))
    return real_function(
        "divide", reduced("sum", as_array(x, real(x)), axis, keepdims), float(count)
    )


def _var(
    x: Array, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False
) -> Array:
    count = math.prod(x.shape[i] for i in _axes(x, axis))
    centred = real_function("subtract", x, _mean(x, axis=axis, keepdims=True))
    squares = reduced("sum", real_function("multiply", centred, centred), axis, keepdims)
    return real_function("divide", squares, float(count - correction))


def _std(
    x: Array, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False
) -> Array:
    return real_function("sqrt", _var(x, axis=axis, correction=correction, keepdims=keepdims))


def _cumulative(op: str) -> Callable[..., Any]:
    def function(
        x: Array, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
    ) -> Array:
        if axis is None and x.ndim != 1:
            raise ValueError(f"{op} of {x.ndim} axes needs to be told which")
        (last,) = _axes(x, -1 if axis is None else axis)
        x = x if dtype is None else as_array(x, dtype)
        rows = moved(x, lambda i: np.moveaxis(i, last, -1))
        node = make(op, (rows.node,), x.size, x.dtype, length=x.shape[last])
        total = moved(Array(node, rows.shape), lambda i: np.moveaxis(i, -1, last))
        if not include_initial:
            return total
        first = np.zeros if op == "cumulative_sum" else np.ones
        shape = (*x.shape[:last], 1, *x.shape[last + 1 :])
        return concat([wrapped(first(shape, x.dtype)), total], axis=last)

    return function


def _sort(x: Array, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    order = _argsort(x, axis=axis, descending=descending)
    return moved(x, lambda i: np.take_along_axis(i, order.numpy(), axis=axis))


def _argsort(x: Array, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    found = x.numpy()
    if descending:  # the stable order of equals is that of their positions
        backwards = np.argsort(np.flip(found, axis=axis), axis=axis, stable=True)
        return wrapped(found.shape[axis] - 1 - np.flip(backwards, axis=axis))
    return wrapped(np.argsort(found, axis=axis, stable=True))


def _resolved(name: str) -> Callable[..., Any]:
    """A function whose result is no real number: what it is at the traced point."""

    def function(*arrays: Any, **kwargs: Any) -> Any:
        given = (a.numpy() if isinstance(a, Array) else a for a in arrays)
        return wrapped(getattr(np, name)(*given, **kwargs))

    return function


STATISTICS: Table = {
    **{name: _reduction(name) for name in ("sum", "prod", "max", "min")},
    **{name: _cumulative(name) for name in ("cumulative_sum", "cumulative_prod")},
    **{name: _resolved(name) for name in ("argmax", "argmin", "all", "any", "count_nonzero")},
    **{name: _resolved(name) for name in ("searchsorted", "nonzero")},
    "mean": _mean,
    "var": _var,
    "std": _std,
    "sort": _sort,
    "argsort": _argsort,
}


def _moves(name: str) -> Callable[..., Any]:
    """A function that only moves elements, as NumPy moves their positions."""

    def function(x: Array, *args: Any, **kwargs: Any) -> Array:
        rest = tuple(map(unwrapped, args))
        named = {key: unwrapped(value) for key, value in kwargs.items() if key != "copy"}
        return moved(x, lambda i: getattr(np, name)(i, *rest, **named))

    return function


def concat(arrays: Any, /, *, axis: int | None = 0) -> Array:
    """Arrays joined along an axis, or end to end."""
    dtype = promoted(*arrays)
    parts = [as_array(a, dtype) for a in arrays]
    if axis is None:
        parts, axis = [Array(a.node, (a.size,)) for a in parts], 0
    sizes = np.cumsum([0, *(a.size for a in parts)])
    places = [
        np.arange(start, start + a.size).reshape(a.shape)
        for start, a in zip(sizes, parts, strict=False)
    ]
    joined = np.concatenate(places, axis=axis)
    whole = Array(make("concat", tuple(a.node for a in parts), joined.size, dtype), (joined.size,))
    return moved(whole, lambda i: joined)


def _stack(arrays: Any, /, *, axis: int = 0) -> Array:
    raised = [moved(as_array(a), lambda i: np.expand_dims(i, axis=axis)) for a in arrays]
    return concat(raised, axis=axis)


def _unstack(x: Array, /, *, axis: int = 0) -> tuple[Array, ...]:
    (along,) = _axes(x, axis)
    return tuple(
        moved(x, lambda i, n=n: np.take(i, n, axis=along))  # type: ignore[misc]
        for n in range(x.shape[along])
    )


def _part(x: Array, axis: int, start: int, stop: int | None) -> Array:
    """A slice along one axis."""
    (along,) = _axes(x, axis)
    return moved(x, lambda i: i[(*[slice(None)] * along, slice(start, stop))])


def _diff(
    x: Array, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None
) -> Any:
    parts = [part for part in (prepend, x, append) if part is not None]
    x = concat(parts, axis=axis) if len(parts) > 1 else x
    for _ in range(n):
        x = real_function("subtract", _part(x, axis, 1, None), _part(x, axis, 0, -1))
    return x


def _triangle(name: str) -> Callable[..., Any]:
    def function(x: Array, /, *, k: int = 0) -> Array:
        kept = getattr(np, name)(np.ones(x.shape, bool), k)
        return chosen(wrapped(kept), x, wrapped(np.zeros((), x.dtype)))

    return function


def _broadcast_arrays(*arrays: Any) -> list[Array]:
    shape = np.broadcast_shapes(
        *(np.shape(a) if not isinstance(a, Array) else a.shape for a in arrays)
    )
    return [spread(as_array(a), shape) for a in arrays]


_MOVES = (
    "reshape", "permute_dims", "matrix_transpose", "expand_dims", "squeeze", "flip", "roll",
    "tile", "repeat", "broadcast_to", "moveaxis", "swapaxes", "take", "take_along_axis",
)  # fmt: skip
SHAPES: Table = {
    **{name: _moves(name) for name in _MOVES},
    **{name: _triangle(name) for name in ("tril", "triu")},
    "concat": concat,
    "stack": _stack,
    "unstack": _unstack,
    "diff": _diff,
    "broadcast_arrays": _broadcast_arrays,
}
