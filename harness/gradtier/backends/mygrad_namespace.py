"""The array API over ``mygrad``: the standard's names where MyGrad's differ.

Only operations of MyGrad stand here.  A NumPy function that it has no rule for would refuse a
tensor or turn it into a plain array, outside of the graph; so would MyGrad's own ``asarray``,
``astype`` and creation from a list.  None of these gets a tensor that is tracked.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from gradtier.backends.base import Unsupported
from gradtier.backends.mapped import Mapped


class Namespace(Mapped):
    """The names that are mapped here."""

    library = "MyGrad"


def namespace() -> Namespace:
    """The namespace of MyGrad; imports it."""
    import mygrad as mg

    return Namespace(
        {
            **_constants(mg),
            **_elementwise(mg),
            **_creation(mg),
            **_reductions(mg),
            **_shapes(mg),
            **_gathers(mg),
            **_products(mg),
            "linalg": Namespace(_linalg(mg), "linalg."),
            "fft": Namespace({}, "fft."),
        }
    )


def _values(mg: Any, x: Any) -> Any:
    """Plain numbers of what is no derivative's business: masks, indices, constants."""
    if not isinstance(x, mg.Tensor):
        return x
    if not x.constant:
        raise Unsupported("MyGrad does not track this use of a tensor")
    return x.data


def _constants(mg: Any) -> dict[str, Any]:
    names = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64"
    dtypes = {name: np.dtype(name) for name in names.split()}

    def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
        if x.dtype == dtype:
            return x
        return mg.tensor(np.asarray(_values(mg, x)).astype(dtype))

    def result_type(*given: Any) -> Any:
        return np.result_type(*(getattr(g, "dtype", g) for g in given))

    return {
        **dtypes,
        **{"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan, "newaxis": None},
        **{"isdtype": np.isdtype, "finfo": np.finfo, "iinfo": np.iinfo},
        "astype": astype,
        "result_type": result_type,
    }


def _elementwise(mg: Any) -> dict[str, Any]:
    same = "abs add ceil cos cosh divide equal exp expm1 floor floor_divide greater greater_equal"
    same += " isfinite isinf isnan less less_equal log log10 log1p log2 logaddexp logical_and"
    same += " logical_not logical_or logical_xor maximum minimum multiply negative not_equal"
    same += " positive reciprocal remainder sign signbit sin sinh sqrt square subtract tan tanh"
    same += " trunc"
    renamed = {"acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh"}
    renamed |= {"atan": "arctan", "atan2": "arctan2", "atanh": "arctanh", "pow": "power"}
    renamed |= {"round": "rint"}

    def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
        return x if min is None and max is None else mg.clip(x, min, max)

    def where(condition: Any, x: Any, y: Any, /) -> Any:
        return mg.where(_values(mg, condition), x, y)

    return {
        **{name: getattr(mg, name) for name in same.split()},
        **{name: getattr(mg, own) for name, own in renamed.items()},
        "clip": clip,
        "where": where,
    }


def _array(mg: Any, given: Any, dtype: Any = None) -> Any:
    if isinstance(given, mg.Tensor) and (dtype is None or given.dtype == dtype):
        return given
    if isinstance(given, list | tuple) and _holds_tensor(mg, given):
        return mg.stack([_array(mg, item, dtype) for item in given])
    return mg.tensor(np.array(_values(mg, given), dtype=dtype))


def _holds_tensor(mg: Any, given: Any) -> bool:
    if isinstance(given, list | tuple):
        return any(_holds_tensor(mg, item) for item in given)
    return isinstance(given, mg.Tensor)


def _creation(mg: Any) -> dict[str, Any]:
    """What is made without a dtype is float64 or int64, as in NumPy; MyGrad's default differs."""

    def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None) -> Any:
        return _array(mg, obj, dtype)

    def arange(
        start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None
    ) -> Any:
        start, stop = (0, start) if stop is None else (start, stop)
        return mg.tensor(np.arange(*(_values(mg, n) for n in (start, stop, step)), dtype=dtype))

    def linspace(
        start: Any, stop: Any, /, num: int, *, dtype: Any = None, device: Any = None,
        endpoint: bool = True,
    ) -> Any:  # fmt: skip
        ends = _values(mg, start), _values(mg, stop)
        return mg.tensor(np.linspace(*ends, num, endpoint=endpoint, dtype=dtype))

    def eye(
        rows: int, cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None
    ) -> Any:
        return mg.tensor(np.eye(rows, cols, k, dtype or np.float64))

    def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
        return mg.tensor(np.full(shape, _values(mg, fill_value), dtype))

    def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
        return full(x.shape, fill_value, dtype=dtype or x.dtype)

    def constant(make: Any) -> Any:
        return lambda shape, *, dtype=None, device=None: mg.tensor(make(shape, dtype or np.float64))

    def like(make: Any) -> Any:
        return lambda x, /, *, dtype=None, device=None: mg.tensor(make(x.shape, dtype or x.dtype))

    makers = {"zeros": np.zeros, "ones": np.ones, "empty": np.zeros}
    return {
        "asarray": asarray,
        "arange": arange,
        "linspace": linspace,
        "eye": eye,
        "full": full,
        "full_like": full_like,
        **{name: constant(make) for name, make in makers.items()},
        **{f"{name}_like": like(make) for name, make in makers.items()},
    }


def _reductions(mg: Any) -> dict[str, Any]:
    def typed(op: Any) -> Any:
        def reduction(
            x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False
        ) -> Any:
            return op(_array(mg, x, dtype), axis=axis, keepdims=keepdims)

        return reduction

    def spread(op: Any) -> Any:
        return lambda x, /, *, axis=None, correction=0.0, keepdims=False: op(
            x, axis=axis, ddof=correction, keepdims=keepdims
        )

    def plain(op: Any) -> Any:
        return lambda x, /, *, axis=None, keepdims=False: op(x, axis=axis, keepdims=keepdims)

    def located(op: Any) -> Any:
        def search(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
            found = np.asarray(op(x, axis=axis))  # MyGrad's indices are plain arrays
            if not keepdims:
                return found
            return found.reshape((1,) * x.ndim) if axis is None else np.expand_dims(found, axis)

        return search

    def all_(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
        # MyGrad has "any" alone
        return mg.logical_not(mg.any(mg.logical_not(x), axis=axis, keepdims=keepdims))

    def cumulative(op: Any, first: float) -> Any:
        def scan(
            x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
        ) -> Any:
            axis = -1 if axis is None else axis
            total = op(_array(mg, x, dtype), axis=axis)
            if not include_initial:
                return total
            shape = [1 if i == axis % total.ndim else n for i, n in enumerate(total.shape)]
            return mg.concatenate([np.full(shape, first, total.dtype), total], axis=axis)

        return scan

    return {
        **{name: plain(getattr(mg, name)) for name in ("mean", "max", "min", "any")},
        "all": all_,
        "count_nonzero": lambda x, /, *, axis=None, keepdims=False: mg.sum(
            mg.not_equal(x, 0), axis=axis, keepdims=keepdims
        ),
        **{name: typed(getattr(mg, name)) for name in ("sum", "prod")},
        **{name: spread(getattr(mg, name)) for name in ("var", "std")},
        **{name: located(getattr(mg, name)) for name in ("argmax", "argmin")},
        "cumulative_sum": cumulative(mg.cumsum, 0.0),
        "cumulative_prod": cumulative(mg.cumprod, 1.0),
    }


def _shapes(mg: Any) -> dict[str, Any]:
    def broadcast_arrays(*arrays: Any) -> list[Any]:
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        return [mg.broadcast_to(a, shape) for a in arrays]

    def meshgrid(*arrays: Any, indexing: str = "xy") -> list[Any]:
        count = len(arrays)
        shaped = ((1,) * i + (-1,) + (1,) * (count - 1 - i) for i in range(count))
        grids = broadcast_arrays(*(mg.reshape(a, s) for a, s in zip(arrays, shaped, strict=True)))
        swapped = indexing == "xy" and count > 1
        return [mg.swapaxes(g, 0, 1) if swapped else g for g in grids]

    def tile(x: Any, repetitions: Any, /) -> Any:
        repetitions = (repetitions,) if isinstance(repetitions, int) else tuple(repetitions)
        x = mg.reshape(x, (1,) * max(0, len(repetitions) - x.ndim) + x.shape)
        for axis, count in zip(range(-len(repetitions), 0), repetitions, strict=True):
            x = mg.concatenate([x] * count, axis=axis)
        return x

    return {
        **{name: getattr(mg, name) for name in ("moveaxis", "swapaxes", "broadcast_to")},
        "broadcast_arrays": broadcast_arrays,
        "meshgrid": meshgrid,
        "tile": tile,
        "concat": lambda arrays, /, *, axis=0: mg.concatenate(list(arrays), axis=axis),
        "stack": lambda arrays, /, *, axis=0: mg.stack(list(arrays), axis=axis),
        "expand_dims": lambda x, /, *, axis=0: mg.expand_dims(x, axis),
        "squeeze": lambda x, /, axis: mg.squeeze(x, axis),
        "reshape": lambda x, /, shape, *, copy=None: mg.reshape(x, shape),
        "permute_dims": lambda x, /, axes: mg.transpose(x, axes),
        "matrix_transpose": lambda x, /: mg.swapaxes(x, -1, -2),
        "roll": lambda x, /, shift, *, axis=None: mg.roll(x, shift, axis),
        "repeat": lambda x, repeats, /, *, axis=None: mg.repeat(x, _values(mg, repeats), axis),
    }


def _axis(axis: int, index: Any) -> tuple[Any, ...]:
    """An index that is ``index`` on ``axis`` and everything on the axes before or after it."""
    if axis < 0:
        return (..., index, *[slice(None)] * (-1 - axis))
    return (*[slice(None)] * axis, index)


def _gathers(mg: Any) -> dict[str, Any]:
    """What MyGrad does by indexing a tensor, which it tracks."""

    def flip(x: Any, /, *, axis: Any = None) -> Any:
        axes = range(x.ndim) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
        back = {a % x.ndim for a in axes}
        return x[tuple(slice(None, None, -1 if i in back else 1) for i in range(x.ndim))]

    def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Any:
        index = np.asarray(_values(mg, indices))
        return mg.ravel(x)[index] if axis is None else x[_axis(axis, index)]

    def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
        index = np.asarray(_values(mg, indices))
        places: list[Any] = list(np.ogrid[tuple(slice(n) for n in index.shape)])
        places[axis] = index
        return x[tuple(places)]

    def triangle(make: Any) -> Any:
        def kept(x: Any, /, *, k: int = 0) -> Any:
            return mg.where(make(np.ones(x.shape[-2:], bool), k), x, mg.zeros_like(x))

        return kept

    def diff(
        x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None
    ) -> Any:
        parts = [part for part in (prepend, x, append) if part is not None]
        x = mg.concatenate(parts, axis=axis) if len(parts) > 1 else x
        for _ in range(n):
            x = x[_axis(axis, slice(1, None))] - x[_axis(axis, slice(None, -1))]
        return x

    return {
        "flip": flip,
        "take": take,
        "take_along_axis": take_along_axis,
        "tril": triangle(np.tril),
        "triu": triangle(np.triu),
        "diff": diff,
        "unstack": lambda x, /, *, axis=0: tuple(x[_axis(axis, i)] for i in range(x.shape[axis])),
    }


def _products(mg: Any) -> dict[str, Any]:
    def tensordot(x: Any, y: Any, /, *, axes: Any = 2) -> Any:
        if isinstance(axes, int):
            axes = range(x.ndim - axes, x.ndim), range(axes)
        names = "abcdefghijklmnopqrstuvwxyz"
        left, right = list(names[: x.ndim]), list(names[x.ndim : x.ndim + y.ndim])
        for i, j in zip(*axes, strict=True):
            right[j] = left[i]
        out = [n for n in left if n not in right] + [n for n in right if n not in left]
        return mg.einsum(f"{''.join(left)},{''.join(right)}->{''.join(out)}", x, y)

    return {
        "matmul": mg.matmul,
        "einsum": mg.einsum,
        "tensordot": tensordot,
        "vecdot": lambda x, y, /, *, axis=-1: mg.sum(x * y, axis=axis),
        "outer": lambda x, y, /: mg.multiply(x[:, None], y[None, :]),
    }


def _norms(mg: Any) -> dict[str, Any]:
    def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
        if isinstance(axis, int):
            return mg.linalg.norm(x, ord, axis, keepdims)
        gone = sorted(a % x.ndim for a in (range(x.ndim) if axis is None else axis))
        kept = [a for a in range(x.ndim) if a not in gone]
        # the axes one after the other, as one axis: MyGrad has norms along one only
        rows = mg.transpose(x, (*kept, *gone))
        size = mg.linalg.norm(mg.reshape(rows, (*(x.shape[a] for a in kept), -1)), ord, -1)
        shape = tuple(1 if a in gone else n for a, n in enumerate(x.shape))
        return mg.reshape(size, shape) if keepdims else size

    def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
        # MyGrad has no norms of matrices; these are such of vectors by definition
        if ord == "fro":
            return vector_norm(x, axis=(-2, -1), keepdims=keepdims)
        if ord not in (1, -1, math.inf, -math.inf):
            raise Unsupported(f"MyGrad has no matrix norm of order {ord}")
        sums = mg.sum(mg.abs(x), axis=-2 if abs(ord) == 1 else -1, keepdims=True)
        return (mg.max if ord > 0 else mg.min)(sums, axis=(-2, -1), keepdims=keepdims)

    return {"vector_norm": vector_norm, "matrix_norm": matrix_norm}


def _linalg(mg: Any) -> dict[str, Any]:
    def diagonal(x: Any, /, *, offset: int = 0) -> Any:
        height, width = x.shape[-2:]
        rows, columns = np.nonzero(np.eye(height, width, k=offset))
        return x[..., rows, columns]

    def cross(x: Any, y: Any, /, *, axis: int = -1) -> Any:
        # the definition by components: MyGrad has no function for it
        x, y = mg.moveaxis(x, axis, -1), mg.moveaxis(y, axis, -1)
        turned = [(1, 2), (2, 0), (0, 1)]
        parts = [x[..., i] * y[..., j] - x[..., j] * y[..., i] for i, j in turned]
        return mg.stack(parts, axis=axis)

    def matrix_power(x: Any, n: int, /) -> Any:
        if n < 1:
            raise Unsupported("MyGrad has no matrix_power; only positive powers are products")
        return functools.reduce(mg.matmul, [x] * n)

    return {
        **_products(mg),
        "diagonal": diagonal,
        "trace": lambda x, /, *, offset=0, dtype=None: mg.sum(diagonal(x, offset=offset), axis=-1),
        **_norms(mg),
        **{"cross": cross, "matrix_power": matrix_power},
        "matrix_transpose": lambda x, /: mg.swapaxes(x, -1, -2),
    }
