"""The array API over PaddlePaddle: thin mappings from the standard's names to ``paddle``'s.

Only operations of Paddle stand here, so that its graph sees everything; a name that it has no
direct way for is missing, and asking for it raises :class:`Unsupported`.  Indexing and operators
are those of ``paddle.Tensor``.  What is created without a dtype has Paddle's default one, which is
that of the inputs; a Python number takes the dtype of the array beside it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradtier.backends import paddle_linalg
from gradtier.backends.base import Unsupported
from gradtier.backends.mapped import Mapped
from gradtier.trees import leaves


class Namespace(Mapped):
    """The names that are mapped here."""

    library = "PaddlePaddle"


def namespace() -> Namespace:
    """The namespace of Paddle; imports it."""
    import paddle

    products = _products(paddle)
    return Namespace(
        {
            **_dtypes(paddle),
            **_elementwise(paddle),
            **_binary(paddle),
            **_creation(paddle),
            **_reductions(paddle),
            **_scans(paddle),
            **_shapes(paddle),
            **_order(paddle),
            **products,
            "linalg": Namespace({**products, **paddle_linalg.names(paddle)}, "linalg."),
            "fft": Namespace(paddle_linalg.transforms(paddle), "fft."),
        }
    )


def _dtypes(paddle: Any) -> dict[str, Any]:
    names = "bool int8 int16 int32 int64 uint8 float32 float64 complex64 complex128"

    def isdtype(dtype: Any, kind: Any) -> bool:
        if isinstance(kind, tuple):
            return any(isdtype(dtype, k) for k in kind)
        if not isinstance(kind, str):
            return bool(dtype == kind)
        name = _name(dtype)
        # NumPy has no bfloat16, which is a real floating type as float32 is.
        return bool(np.isdtype(np.dtype("float32" if name == "bfloat16" else name), kind))

    return {
        **{name: getattr(paddle, name) for name in names.split()},
        **{"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan, "newaxis": None},
        "isdtype": isdtype,
        "finfo": paddle.finfo,
        "iinfo": paddle.iinfo,
        "astype": lambda x, dtype, /, *, copy=True, device=None: x.astype(dtype),
    }


def _name(dtype: Any) -> str:
    return str(dtype).removeprefix("paddle.")


def _elementwise(paddle: Any) -> dict[str, Any]:
    same = "abs acos acosh asin asinh atan atanh ceil conj cos cosh exp expm1 floor imag isfinite"
    same += " isinf isnan log log1p log2 log10 logical_not real reciprocal round signbit sin sinh"
    same += " sqrt square tan tanh trunc"

    def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
        if not (paddle.is_tensor(min) or paddle.is_tensor(max)):
            return paddle.clip(x, min, max)
        x = x if min is None else paddle.maximum(*_pair(paddle, x, min))
        return x if max is None else paddle.minimum(*_pair(paddle, x, max))

    return {
        **{name: getattr(paddle, name) for name in same.split()},
        "bitwise_invert": paddle.bitwise_not,
        "negative": paddle.neg,
        "positive": paddle.assign,
        "sign": lambda x, /: paddle.sgn(x) if x.is_complex() else paddle.sign(x),
        "clip": clip,
        "where": lambda condition, x, y, /: paddle.where(condition, *_pair(paddle, x, y)),
    }


def _binary(paddle: Any) -> dict[str, Any]:
    same = "add atan2 bitwise_and bitwise_or bitwise_xor copysign divide equal floor_divide"
    same += " greater_equal heaviside hypot less_equal logaddexp logical_and logical_or"
    same += " logical_xor maximum minimum multiply nextafter not_equal pow remainder subtract"
    renamed = {"greater": "greater_than", "less": "less_than"}

    def paired(op: Any) -> Any:
        return lambda x, y, /: op(*_pair(paddle, x, y))

    named = {**{name: name for name in same.split()}, **renamed}
    return {name: paired(getattr(paddle, of)) for name, of in named.items()}


def _pair(paddle: Any, x: Any, y: Any) -> tuple[Any, ...]:
    """Beside an array, a number takes the array's dtype."""
    dtype = next((t.dtype for t in (x, y) if paddle.is_tensor(t)), None)
    return tuple(t if paddle.is_tensor(t) else _array(paddle, t, dtype) for t in (x, y))


def _array(paddle: Any, given: Any, dtype: Any = None) -> Any:
    if paddle.is_tensor(given):  # paddle.to_tensor would cut it from the graph
        return given if dtype is None or given.dtype == dtype else given.astype(dtype)
    if isinstance(given, list | tuple) and any(map(paddle.is_tensor, leaves(given))):
        return paddle.stack([_array(paddle, item, dtype) for item in given])
    return paddle.to_tensor(given, dtype=dtype)


def _creation(paddle: Any) -> dict[str, Any]:
    def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None) -> Any:
        return _array(paddle, obj, dtype)

    def arange(
        start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None
    ) -> Any:
        start, stop = (0, start) if stop is None else (start, stop)
        return paddle.arange(start, stop, step, dtype)

    def linspace(
        start: Any,
        stop: Any,
        /,
        num: int,
        *,
        dtype: Any = None,
        device: Any = None,
        endpoint: bool = True,
    ) -> Any:
        if paddle.is_tensor(start) or paddle.is_tensor(stop):
            raise Unsupported("paddle.linspace has no derivative in its ends")
        dtype = dtype or paddle.get_default_dtype()
        if endpoint:
            return paddle.linspace(start, stop, num, dtype)
        return paddle.linspace(start, stop, num + 1, dtype)[:num]

    def eye(
        rows: int, cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None
    ) -> Any:
        if k == 0:
            return paddle.eye(rows, cols, dtype)
        return paddle.tril(paddle.triu(paddle.ones([rows, cols or rows], dtype), k), k)

    def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
        return paddle.broadcast_to(_array(paddle, fill_value, dtype), _shape(shape))

    def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
        return paddle.broadcast_to(_array(paddle, fill_value, dtype or x.dtype), x.shape)

    def constant(make: Any) -> Any:
        return lambda shape, *, dtype=None, device=None: make(_shape(shape), dtype)

    def like(make: Any) -> Any:
        return lambda x, /, *, dtype=None, device=None: make(x, dtype)

    return {
        **{"asarray": asarray, "arange": arange, "linspace": linspace, "eye": eye},
        **{"full": full, "full_like": full_like},
        **{name: constant(getattr(paddle, name)) for name in ("zeros", "ones", "empty")},
        **{name: like(getattr(paddle, name)) for name in ("zeros_like", "ones_like", "empty_like")},
        "tril": lambda x, /, *, k=0: paddle.tril(x, k),
        "triu": lambda x, /, *, k=0: paddle.triu(x, k),
    }


def _shape(shape: Any) -> list[int]:
    return [shape] if isinstance(shape, int) else list(shape)


def _reductions(paddle: Any) -> dict[str, Any]:
    def reduced(op: Any) -> Any:
        def reduction(
            x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False
        ) -> Any:
            x = x if dtype is None else x.astype(dtype)
            if isinstance(axis, tuple) and not axis:  # Paddle takes no axes for all axes
                return op(paddle.unsqueeze(x, 0), axis=0)
            return op(x, axis=axis, keepdim=keepdims)

        return reduction

    def var(x: Any, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
        return paddle.var(x, axis, keepdim=keepdims, correction=correction)

    kinds = ["sum", "prod", "mean", "max", "min", "all", "any", "count_nonzero"]
    return {
        **{name: reduced(getattr(paddle, name)) for name in (*kinds, "argmax", "argmin")},
        "var": var,
        # paddle.std takes no correction of its own
        "std": lambda x, /, **options: paddle.sqrt(var(x, **options)),
    }


def _scans(paddle: Any) -> dict[str, Any]:
    def cumulative(op: Any, first: Any) -> Any:
        def scan(
            x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
        ) -> Any:
            axis = -1 if axis is None else axis
            total = op(x if dtype is None else x.astype(dtype), axis)
            if not include_initial:
                return total
            shape = list(total.shape)
            shape[axis] = 1
            return paddle.concat([first(shape, total.dtype), total], axis)

        return scan

    def diff(
        x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None
    ) -> Any:
        return x if n == 0 else paddle.diff(x, n, axis, prepend, append)

    return {
        "cumulative_sum": cumulative(paddle.cumsum, paddle.zeros),
        "cumulative_prod": cumulative(paddle.cumprod, paddle.ones),
        "diff": diff,
    }


def _shapes(paddle: Any) -> dict[str, Any]:
    def concat(arrays: Any, /, *, axis: int | None = 0) -> Any:
        if axis is None:
            return paddle.concat([paddle.reshape(a, [-1]) for a in arrays], 0)
        return paddle.concat(list(arrays), axis)

    def flip(x: Any, /, *, axis: Any = None) -> Any:
        return paddle.flip(x, list(range(x.ndim)) if axis is None else axis)

    def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Any:
        return paddle.index_select(
            paddle.reshape(x, [-1]) if axis is None else x, indices, axis or 0
        )

    def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
        return paddle.take_along_axis(x, indices, axis, broadcast=False)

    def broadcast_arrays(*arrays: Any) -> list[Any]:
        return list(paddle.broadcast_tensors(list(arrays)))

    return {
        **{"concat": concat, "flip": flip, "take": take, "take_along_axis": take_along_axis},
        "broadcast_arrays": broadcast_arrays,
        "broadcast_to": lambda x, /, shape: paddle.broadcast_to(x, _shape(shape)),
        "expand_dims": lambda x, /, *, axis=0: paddle.unsqueeze(x, axis),
        "matrix_transpose": lambda x, /: paddle.matrix_transpose(x),
        "meshgrid": lambda *arrays, indexing="xy": _meshgrid(paddle, arrays, indexing),
        "moveaxis": lambda x, source, destination, /: paddle.moveaxis(x, source, destination),
        "permute_dims": lambda x, /, axes: paddle.transpose(x, list(axes)),
        "repeat": lambda x, repeats, /, *, axis=None: paddle.repeat_interleave(x, repeats, axis),
        "reshape": lambda x, /, shape, *, copy=None: paddle.reshape(x, _shape(shape)),
        "roll": lambda x, /, shift, *, axis=None: paddle.roll(x, shift, axis),
        "squeeze": lambda x, /, axis: paddle.squeeze(x, axis),
        "stack": lambda arrays, /, *, axis=0: paddle.stack(list(arrays), axis),
        "swapaxes": lambda x, a, b, /: paddle.swapaxes(x, a, b),
        "tile": lambda x, repetitions, /: paddle.tile(x, repetitions),
        # paddle.unstack has no second derivative, and with it no forward mode; unbind has
        "unstack": lambda x, /, *, axis=0: tuple(paddle.unbind(x, axis)),
    }


def _meshgrid(paddle: Any, arrays: Any, indexing: str) -> list[Any]:
    grids = paddle.meshgrid(list(arrays))  # always "ij"
    swapped = indexing == "xy" and len(arrays) > 1
    return [paddle.swapaxes(g, 0, 1) for g in grids] if swapped else list(grids)


def _order(paddle: Any) -> dict[str, Any]:
    def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        return paddle.sort(x, axis, descending, stable)

    def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        return paddle.argsort(x, axis, descending, stable)

    return {
        "sort": sort,
        "argsort": argsort,
        "searchsorted": lambda x1, x2, /, *, side="left": paddle.searchsorted(
            x1, x2, right=side == "right"
        ),
        "nonzero": lambda x, /: tuple(paddle.nonzero(x, as_tuple=True)),
        "unique_values": lambda x, /: paddle.unique(x),
    }


def _products(paddle: Any) -> dict[str, Any]:
    return {
        **{name: getattr(paddle, name) for name in ("dot", "einsum", "kron", "matmul", "outer")},
        "tensordot": lambda x, y, /, *, axes=2: paddle.tensordot(x, y, axes),
        "vecdot": lambda x, y, /, *, axis=-1: paddle.linalg.vecdot(x, y, axis),
    }
