"""The array API over tinygrad: thin mappings from the standard's names to ``Tensor`` methods.

Only differentiable methods of ``Tensor`` stand here, so that its graph stays whole; a name that it
has no direct way for is missing, and asking for it raises :class:`Unsupported`.  Indexing and
operators are those of ``Tensor``.  What is created without a dtype has the dtype of the inputs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradtier.backends import tinygrad_linalg
from gradtier.backends.base import Unsupported
from gradtier.backends.mapped import Mapped
from gradtier.trees import leaves


class Namespace(Mapped):
    """The names that are mapped here."""

    library = "tinygrad"


def namespace() -> Namespace:
    """The namespace of tinygrad; imports it."""
    import tinygrad
    from tinygrad.dtype import least_upper_dtype

    tensor, dtypes = tinygrad.Tensor, tinygrad.dtypes
    products = tinygrad_linalg.products(tensor)
    return Namespace(
        {
            **_dtypes(dtypes, least_upper_dtype),
            **_elementwise(tensor),
            **_binary(tensor),
            **_creation(tensor),
            **_reductions(tensor),
            **_scans(tensor),
            **_shapes(tensor),
            **_order(),
            **products,
            "linalg": Namespace({**products, **tinygrad_linalg.linalg()}, "linalg."),
            "fft": Namespace({}, "fft."),
        }
    )


def _dtypes(dtypes: Any, least: Any) -> dict[str, Any]:
    names = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64"

    def result_type(*given: Any) -> Any:
        return least(*(getattr(g, "dtype", g) for g in given))

    def isdtype(dtype: Any, kind: Any) -> bool:
        if isinstance(kind, tuple):
            return any(isdtype(dtype, k) for k in kind)
        if not isinstance(kind, str):
            return bool(dtype == kind)
        kinds: dict[str, bool] = {
            "bool": dtype == dtypes.bool,
            "integral": dtypes.is_int(dtype),
            "signed integer": dtypes.is_int(dtype) and not dtypes.is_unsigned(dtype),
            "unsigned integer": dtypes.is_unsigned(dtype),
            "real floating": dtypes.is_float(dtype),
            "complex floating": False,
            "numeric": dtypes.is_int(dtype) or dtypes.is_float(dtype),
        }
        return kinds[kind]

    # NumPy says of a dtype how precise it is; tinygrad has the same dtypes under the same names
    named = {getattr(dtypes, name): name for name in names.split()}

    return {
        **{name: getattr(dtypes, name) for name in names.split()},
        "finfo": lambda dtype, /: np.finfo(named[getattr(dtype, "dtype", dtype)]),
        "iinfo": lambda dtype, /: np.iinfo(named[getattr(dtype, "dtype", dtype)]),
        "result_type": result_type,
        **{"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan, "newaxis": None},
        "isdtype": isdtype,
        "astype": lambda x, dtype, /, *, copy=True, device=None: x.cast(dtype),
    }


def _elementwise(tensor: Any) -> dict[str, Any]:
    same = "abs acos acosh asin asinh atan atanh ceil cos cosh exp exp2 floor isfinite isinf isnan"
    same += " log log10 log2 logical_not reciprocal round sign sin sinh sqrt square tan tanh trunc"

    def method(name: str) -> Any:
        return lambda x, /: getattr(x, name)()

    def where(condition: Any, x: Any, y: Any, /) -> Any:
        return condition.where(x, y)

    return {
        **{name: method(name) for name in same.split()},
        "bitwise_invert": lambda x, /: ~x,
        "negative": lambda x, /: -x,
        "positive": lambda x, /: x,
        "clip": lambda x, /, min=None, max=None: (
            x if min is None and max is None else x.clip(min, max)
        ),
        "where": where,
    }


def _binary(tensor: Any) -> dict[str, Any]:
    same = "maximum minimum logaddexp copysign pow add sub mul div eq ne"
    renamed = {"sub": "subtract", "mul": "multiply", "div": "divide"}
    renamed |= {"eq": "equal", "ne": "not_equal"}

    def paired(op: Any) -> Any:
        return lambda x, y, /: op(*_pair(tensor, x, y))

    return {
        **{renamed.get(name, name): paired(getattr(tensor, name)) for name in same.split()},
        "greater": lambda x, y, /: x > y,
        "greater_equal": lambda x, y, /: x >= y,
        "less": lambda x, y, /: x < y,
        "less_equal": lambda x, y, /: x <= y,
        "floor_divide": lambda x, y, /: x // y,
        "remainder": lambda x, y, /: x % y,
        "bitwise_left_shift": lambda x, y, /: x << y,
        "bitwise_right_shift": lambda x, y, /: x >> y,
        "logical_and": lambda x, y, /: x & y,
        "logical_or": lambda x, y, /: x | y,
        "logical_xor": lambda x, y, /: x ^ y,
        "bitwise_and": lambda x, y, /: x & y,
        "bitwise_or": lambda x, y, /: x | y,
        "bitwise_xor": lambda x, y, /: x ^ y,
    }


def _pair(tensor: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """The left one as a tensor, whose method is called; it takes numbers on the right."""
    return (x if isinstance(x, tensor) else tensor(x)), y


def _array(tensor: Any, given: Any, dtype: Any = None) -> Any:
    if isinstance(given, tensor):
        return given if dtype is None else given.cast(dtype)
    if isinstance(given, list | tuple) and any(isinstance(t, tensor) for t in leaves(given)):
        items = [_array(tensor, item, dtype) for item in given]
        return items[0].stack(*items[1:])
    if isinstance(given, np.ndarray) and not given.ndim:
        given = given.item()
    return tensor(given, dtype=dtype)


def _creation(tensor: Any) -> dict[str, Any]:
    def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None) -> Any:
        return _array(tensor, obj, dtype)

    def arange(
        start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None
    ) -> Any:
        return tensor.arange(start, stop, step, dtype)

    def linspace(
        start: Any, stop: Any, /, num: int, *, dtype: Any = None, device: Any = None,
        endpoint: bool = True,
    ) -> Any:  # fmt: skip
        if isinstance(start, tensor) or isinstance(stop, tensor):
            raise Unsupported("tinygrad has no linspace between arrays")
        if endpoint:
            return tensor.linspace(start, stop, num, dtype)
        return tensor.linspace(start, stop, num + 1, dtype)[:num]

    def eye(
        rows: int, cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None
    ) -> Any:
        if k:
            return tensor.ones(rows, cols or rows, dtype=dtype).triu(k).tril(k)
        return tensor.eye(rows, cols, dtype=dtype)

    def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
        return _array(tensor, fill_value, dtype).expand(_shape(shape))

    def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
        return _array(tensor, fill_value, dtype or x.dtype).expand(x.shape)

    def constant(make: Any) -> Any:
        return lambda shape, *, dtype=None, device=None: make(*_shape(shape), dtype=dtype)

    def like(make: Any) -> Any:
        return lambda x, /, *, dtype=None, device=None: make(x, dtype=dtype or x.dtype)

    return {
        **{"asarray": asarray, "arange": arange, "linspace": linspace, "eye": eye},
        **{"full": full, "full_like": full_like},
        **{name: constant(getattr(tensor, name)) for name in ("zeros", "ones", "empty")},
        **{name: like(getattr(tensor, name)) for name in ("zeros_like", "ones_like")},
        "empty_like": like(tensor.zeros_like),
        "tril": lambda x, /, *, k=0: x.tril(k),
        "triu": lambda x, /, *, k=0: x.triu(k),
    }


def _shape(shape: Any) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


def _reductions(tensor: Any) -> dict[str, Any]:
    def reduced(op: Any) -> Any:
        def reduction(
            x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False
        ) -> Any:
            return op(x if dtype is None else x.cast(dtype), axis=axis, keepdim=keepdims)

        return reduction

    def spread(op: Any) -> Any:
        return lambda x, /, *, axis=None, correction=0.0, keepdims=False: op(
            x, axis=axis, keepdim=keepdims, correction=correction
        )

    def located(op: Any) -> Any:
        def search(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
            found = op(x, axis=axis, keepdim=keepdims)
            return found.reshape((1,) * x.ndim) if keepdims and axis is None else found

        return search

    kinds = "sum prod mean max min all any"
    return {
        **{name: reduced(getattr(tensor, name)) for name in kinds.split()},
        **{name: spread(getattr(tensor, name)) for name in ("var", "std")},
        **{name: located(getattr(tensor, name)) for name in ("argmax", "argmin")},
        "count_nonzero": lambda x, /, *, axis=None, keepdims=False: (x != 0).sum(axis, keepdims),
    }


def _scans(tensor: Any) -> dict[str, Any]:
    def cumulative(op: Any, first: Any) -> Any:
        def scan(
            x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
        ) -> Any:
            axis = -1 if axis is None else axis
            total = op(x if dtype is None else x.cast(dtype), axis)
            if not include_initial:
                return total
            return first(total[_at(total, axis, slice(0, 1))]).cat(total, dim=axis)

        return scan

    def diff(
        x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None
    ) -> Any:
        first, *others = (part for part in (prepend, x, append) if part is not None)
        x = first.cat(*others, dim=axis) if others else first
        for _ in range(n):
            x = x[_at(x, axis, slice(1, None))] - x[_at(x, axis, slice(None, -1))]
        return x

    return {
        "cumulative_sum": cumulative(tensor.cumsum, tensor.zeros_like),
        "cumulative_prod": cumulative(tensor.cumprod, tensor.ones_like),
        "diff": diff,
    }


def _at(x: Any, axis: int, index: Any) -> tuple[Any, ...]:
    """An index that is ``index`` on ``axis`` and everything on the others."""
    axis %= x.ndim
    return tuple(index if i == axis else slice(None) for i in range(x.ndim))


def _shapes(tensor: Any) -> dict[str, Any]:
    def concat(arrays: Any, /, *, axis: int | None = 0) -> Any:
        first, *others = arrays if axis is not None else [a.flatten() for a in arrays]
        return first.cat(*others, dim=axis or 0)

    def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Any:
        return x.flatten()[indices] if axis is None else x[_at(x, axis, indices)]

    def moveaxis(x: Any, source: Any, destination: Any, /) -> Any:
        moved = [a % x.ndim for a in _shape(source)]
        order = [a for a in range(x.ndim) if a not in moved]
        for to, a in sorted(zip((d % x.ndim for d in _shape(destination)), moved, strict=True)):
            order.insert(to, a)
        return x.permute(order)

    def broadcast_arrays(*arrays: Any) -> list[Any]:
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        return [a.expand(shape) for a in arrays]

    def squeeze(x: Any, /, axis: Any) -> Any:
        for a in sorted((a % x.ndim for a in _shape(axis)), reverse=True):
            x = x.squeeze(a)
        return x

    def expand_dims(x: Any, /, *, axis: Any = 0) -> Any:
        count = x.ndim + len(_shape(axis))
        for a in sorted(a % count for a in _shape(axis)):
            x = x.unsqueeze(a)
        return x

    def roll(x: Any, /, shift: Any, *, axis: Any = None) -> Any:
        if isinstance(axis, tuple) and isinstance(shift, int):
            shift = (shift,) * len(axis)
        return x.roll(shift, axis)

    def tile(x: Any, repetitions: Any, /) -> Any:
        repetitions = _shape(repetitions)
        return x.repeat(*(1,) * (x.ndim - len(repetitions)), *repetitions)

    def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
        sizes = [1 if a == axis % x.ndim else n for a, n in enumerate(x.shape)]
        return x.gather(axis, indices.expand(np.broadcast_shapes(indices.shape, tuple(sizes))))

    return {
        **{"concat": concat, "take": take, "moveaxis": moveaxis, "squeeze": squeeze},
        **{"expand_dims": expand_dims, "roll": roll, "tile": tile},
        "take_along_axis": take_along_axis,
        "broadcast_arrays": broadcast_arrays,
        "broadcast_to": lambda x, /, shape: x.expand(_shape(shape)),
        "flip": lambda x, /, *, axis=None: x.flip(_shape(range(x.ndim) if axis is None else axis)),
        "matrix_transpose": lambda x, /: x.transpose(-1, -2),
        "meshgrid": lambda first, *others, indexing="xy": list(
            first.meshgrid(*others, indexing=indexing)
        ),
        "permute_dims": lambda x, /, axes: x.permute(tuple(axes)),
        "repeat": lambda x, repeats, /, *, axis=None: x.repeat_interleave(repeats, axis),
        "reshape": lambda x, /, shape, *, copy=None: x.reshape(_shape(shape)),
        "stack": lambda arrays, /, *, axis=0: arrays[0].stack(*arrays[1:], dim=axis),
        "swapaxes": lambda x, a, b, /: x.transpose(a, b),
        "unstack": lambda x, /, *, axis=0: tuple(x[_at(x, axis, i)] for i in range(x.shape[axis])),
    }


def _order() -> dict[str, Any]:
    def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        return x.sort(axis, descending)[0]

    def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        return x.argsort(axis, descending)

    return {"sort": sort, "argsort": argsort}
