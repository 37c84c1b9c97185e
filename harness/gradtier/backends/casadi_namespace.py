"""The array API over CasADi: the standard's names for CasADi's functions on :class:`Array`.

What CasADi has no function for on symbolic expressions (sorting, searching, eigenvalues, singular
values, rounding) is missing here, and asking for it raises :class:`Unsupported`.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from gradtier.backends.casadi_array import (
    BOOL,
    FLOAT64,
    INT64,
    Array,
    Axis,
    array,
    broadcast,
    cast,
    computed,
    concat,
    constant,
    elementwise,
    floor_divide,
    function,
    grouped,
    joined,
    logical,
    remainder,
    stack,
)
from gradtier.backends.casadi_linalg import linalg, products
from gradtier.backends.mapped import Mapped


class Namespace(Mapped):
    """The names that are mapped here."""

    library = "CasADi"


def namespace() -> Namespace:
    """The namespace of CasADi; imports it."""
    import casadi

    return Namespace(
        {
            **_constants(),
            **_elementwise(),
            **_creation(),
            **_reductions(casadi),
            **_scans(),
            **_shapes(),
            **_places(),
            **products(),
            "linalg": Namespace({**products(), **linalg(casadi)}, "linalg."),
            "fft": Namespace({}, "fft."),
        }
    )


def _constants() -> dict[str, Any]:
    return {
        **{"float64": FLOAT64, "int64": INT64, "bool": BOOL},
        **{"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan, "newaxis": None},
        **{"isdtype": np.isdtype, "finfo": np.finfo, "iinfo": np.iinfo},
        "result_type": lambda *given: np.result_type(*(getattr(g, "dtype", g) for g in given)),
        "astype": lambda x, dtype, /, *, copy=True, device=None: cast(array(x), dtype),
    }


def _elementwise() -> dict[str, Any]:
    def unary(name: str, dtype: Any = FLOAT64) -> Any:
        return lambda x, /: elementwise(function(name), x, dtype=dtype)

    def binary(name: str, dtype: Any = None) -> Any:
        return lambda x, y, /: elementwise(function(name), x, y, dtype=dtype)

    def bits(name: str) -> Any:
        return lambda x, y, /: logical(name, array(x), array(y))

    floats = "acos acosh asin asinh atan atanh cos cosh exp expm1 log log10 log1p sin sinh sqrt"
    floats += " tan tanh"
    truths = {"equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le"}
    truths |= {"greater": "gt", "greater_equal": "ge", "logical_and": "logic_and"}
    truths |= {"logical_or": "logic_or"}
    bitwise = {"and": "logic_and", "or": "logic_or", "xor": "ne"}
    two = {"add": "plus", "subtract": "minus", "multiply": "times", "pow": "power"}
    two |= {"maximum": "fmax", "minimum": "fmin"}
    return {
        **{name: unary(name) for name in floats.split()},
        **{name: unary(name, None) for name in ("sign", "floor", "ceil")},
        "abs": unary("fabs", None),
        "logical_not": unary("logic_not", BOOL),
        **{name: binary(there, BOOL) for name, there in truths.items()},
        **{name: binary(there) for name, there in two.items()},
        **{name: binary(name, FLOAT64) for name in ("atan2", "copysign", "hypot")},
        "floor_divide": lambda x, y, /: floor_divide(*_weak(x, y)),
        "remainder": lambda x, y, /: remainder(*_weak(x, y)),
        "logical_xor": lambda x, y, /: elementwise(
            function("ne"), *(cast(array(t), BOOL) for t in (x, y)), dtype=BOOL
        ),
        **{f"bitwise_{name}": bits(there) for name, there in bitwise.items()},
        "bitwise_invert": lambda x, /: ~array(x),
        "divide": binary("rdivide", FLOAT64),
        "negative": lambda x, /: -array(x),
        "positive": lambda x, /: array(x),
        "square": lambda x, /: elementwise(lambda a: a**2, x),
        "reciprocal": lambda x, /: elementwise(lambda a: 1.0 / a, x, dtype=FLOAT64),
        "log2": lambda x, /: elementwise(function("log"), x, dtype=FLOAT64) / math.log(2.0),
        "real": lambda x, /: array(x),
        "conj": lambda x, /: array(x),
        **_chosen(),
    }


def _chosen() -> dict[str, Any]:
    def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
        x = array(x) if min is None else elementwise(function("fmax"), x, min)
        return x if max is None else elementwise(function("fmin"), x, max)

    def where(condition: Any, x: Any, y: Any, /) -> Any:
        x, y = _weak(x, y)
        shape = np.broadcast_shapes(array(condition).shape, x.shape, y.shape)
        dtype = np.result_type(x.dtype, y.dtype)
        given = (broadcast(array(t), shape).column for t in (condition, x, y))
        return computed(function("if_else")(*given), shape, dtype)

    def logaddexp(x: Any, y: Any, /) -> Any:
        def pairwise(a: Any, b: Any) -> Any:
            rows = function("horzcat")(a, b)
            sums = [function("logsumexp")(rows[i, :].T) for i in range(rows.shape[0])]
            return joined(sums)

        return elementwise(pairwise, *_together(x, y), dtype=FLOAT64)

    return {"clip": clip, "where": where, "logaddexp": logaddexp}


def _weak(x: Any, y: Any) -> tuple[Array, Array]:
    """Two operands as arrays; beside an array, a number takes the array's dtype."""
    if not isinstance(x, Array | np.ndarray | np.generic):
        y = array(y)
        return array(x, np.result_type(y.dtype, x)), y
    x = array(x)
    weak = not isinstance(y, Array | np.ndarray | np.generic)
    return x, array(y, np.result_type(x.dtype, y) if weak else None)


def _together(x: Any, y: Any) -> list[Array]:
    pair = _weak(x, y)
    shape = np.broadcast_shapes(*(t.shape for t in pair))
    return [broadcast(t, shape) for t in pair]


def _creation() -> dict[str, Any]:
    def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None) -> Any:
        return array(obj, dtype)

    def made(make: Callable[..., Any]) -> Any:
        """What is made of Python numbers alone is a constant."""
        return lambda *args, dtype=None, device=None, **options: constant(
            np.asarray(make(*args, dtype=dtype, **options))
        )

    def eye(
        rows: int, cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None
    ) -> Any:
        return constant(np.eye(rows, cols, k, dtype or float))

    def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        return broadcast(array(fill_value, dtype), shape)

    def like(value: float) -> Any:
        return lambda x, /, *, dtype=None, device=None: constant(
            np.full(x.shape, value, dtype or x.dtype)
        )

    return {
        "asarray": asarray,
        **{name: made(getattr(np, name)) for name in ("arange", "linspace", "zeros", "ones")},
        "empty": made(np.zeros),
        "eye": eye,
        "full": full,
        "full_like": lambda x, /, fill_value, *, dtype=None, device=None: full(
            x.shape, fill_value, dtype=dtype or x.dtype
        ),
        **{"zeros_like": like(0.0), "empty_like": like(0.0), "ones_like": like(1.0)},
    }


def _reductions(casadi: Any) -> dict[str, Any]:
    def reduced(op: Callable[[Any], Any], dtype_of: Callable[[Any], Any]) -> Any:
        def reduction(
            x: Any, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False
        ) -> Any:
            x = array(x, dtype)
            groups, kept, ones = grouped(x, axis)
            return computed(op(groups).T, ones if keepdims else kept, dtype_of(x.dtype))

        return reduction

    def by_column(op: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda groups: casadi.horzcat(*(op(groups[:, j]) for j in range(groups.shape[1])))

    def product(groups: Any) -> Any:
        rows = [groups[i, :] for i in range(groups.shape[0])]
        return functools.reduce(operator.mul, rows, casadi.SX.ones(1, groups.shape[1]))

    def counted(dtype: Any) -> Any:
        return INT64 if dtype == BOOL else dtype

    def same(dtype: Any) -> Any:
        return dtype

    def var(
        x: Any, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False
    ) -> Any:
        x = array(x)
        apart = x - mean(x, axis=axis, keepdims=True)
        total = summed(apart * apart, axis=axis, keepdims=keepdims)
        return total / (x.size / math.prod(total.shape) - correction)

    summed = reduced(casadi.sum1, counted)
    mean = reduced(lambda groups: casadi.sum1(groups) / groups.shape[0], lambda dtype: FLOAT64)
    return {
        **{"sum": summed, "mean": mean, "prod": reduced(product, counted)},
        "max": reduced(by_column(casadi.mmax), same),
        "min": reduced(by_column(casadi.mmin), same),
        "all": reduced(by_column(casadi.logic_all), lambda dtype: BOOL),
        "any": reduced(by_column(casadi.logic_any), lambda dtype: BOOL),
        "count_nonzero": lambda x, /, *, axis=None, keepdims=False: summed(
            cast(array(x), BOOL), axis=axis, keepdims=keepdims
        ),
        "var": var,
        "std": lambda x, /, **options: elementwise(casadi.sqrt, var(x, **options)),
    }


def _scans() -> dict[str, Any]:
    def cumulative(op: Callable[[Any, Any], Any], first: float) -> Any:
        def scan(
            x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
        ) -> Any:
            front = array(x, dtype)
            axis = -1 if axis is None else axis
            steps = front.moved(np.moveaxis(front.positions(), axis, 0))
            start = [constant(np.full(steps.shape[1:], first, steps.dtype))]
            done = start if include_initial else []
            for step in steps:
                done.append(op(done[-1], step) if done else step)
            whole = stack(done)
            return whole.moved(np.moveaxis(whole.positions(), 0, axis))

        return scan

    def diff(
        x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None
    ) -> Any:
        parts = [array(part) for part in (prepend, x, append) if part is not None]
        x = concat(parts, axis) if len(parts) > 1 else parts[0]
        for _ in range(n):
            places = np.moveaxis(x.positions(), axis, -1)
            x = x.moved(np.moveaxis(places[..., 1:], -1, axis)) - x.moved(
                np.moveaxis(places[..., :-1], -1, axis)
            )
        return x

    return {
        "cumulative_sum": cumulative(operator.add, 0.0),
        "cumulative_prod": cumulative(operator.mul, 1.0),
        "diff": diff,
    }


def _shapes() -> dict[str, Any]:
    def rearranged(place: Callable[..., Any]) -> Any:
        """What only moves elements, said by what NumPy does to their positions."""

        def move(x: Any, /, *args: Any, **options: Any) -> Any:
            x = array(x)
            return x.moved(place(x.positions(), *args, **options))

        return move

    def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
        x = array(x)
        return tuple(x.moved(np.moveaxis(x.positions(), axis, 0)))

    def broadcast_arrays(*arrays: Any) -> list[Any]:
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        return [broadcast(array(a), shape) for a in arrays]

    def meshgrid(*arrays: Any, indexing: str = "xy") -> list[Any]:
        given = [array(a) for a in arrays]
        places = np.meshgrid(*(a.positions() for a in given), indexing=indexing)  # type: ignore[call-overload]
        return [a.moved(p) for a, p in zip(given, places, strict=True)]

    def joined_along(arrays: Any, /, *, axis: int | None = 0) -> Any:
        given = [array(a) for a in arrays]
        if axis is None:
            return concat([a.moved(a.positions().ravel()) for a in given])
        return concat(given, axis)

    return {
        "concat": joined_along,
        "stack": lambda arrays, /, *, axis=0: stack([array(a) for a in arrays], axis),
        "unstack": unstack,
        "broadcast_arrays": broadcast_arrays,
        "meshgrid": meshgrid,
        "broadcast_to": rearranged(np.broadcast_to),
        "expand_dims": rearranged(lambda places, /, *, axis=0: np.expand_dims(places, axis)),
        "squeeze": rearranged(lambda places, /, axis: np.squeeze(places, axis)),
        "reshape": rearranged(lambda places, /, shape, *, copy=None: places.reshape(shape)),
        "permute_dims": rearranged(lambda places, /, axes: np.transpose(places, axes)),
        "matrix_transpose": rearranged(lambda places, /: np.swapaxes(places, -1, -2)),
        "moveaxis": rearranged(np.moveaxis),
        "flip": rearranged(np.flip),
        "roll": rearranged(np.roll),
        "tile": rearranged(np.tile),
        "repeat": rearranged(np.repeat),
    }


def _places() -> dict[str, Any]:
    def triangle(keep: Callable[..., Any]) -> Any:
        def cut(x: Any, /, *, k: int = 0) -> Any:
            x = array(x)
            inside = keep(np.ones(x.shape, dtype=bool), k)
            padded = concat([x.moved(x.positions().ravel()), constant(np.zeros(1, x.dtype))])
            return padded.moved(np.where(inside, x.positions(), x.size))

        return cut

    def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Any:
        x = array(x)
        return x.moved(np.take(x.positions(), array(indices).values(), axis))

    def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
        x = array(x)
        return x.moved(np.take_along_axis(x.positions(), array(indices).values(), axis))

    return {
        "tril": triangle(np.tril),
        "triu": triangle(np.triu),
        "take": take,
        "take_along_axis": take_along_axis,
    }
