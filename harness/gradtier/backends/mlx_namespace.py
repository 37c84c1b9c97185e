"""The array API over ``mlx.core``: the standard's names where MLX's differ.

Only operations of MLX stand here, so that its transformations see everything; a name that it has
no direct way for is missing, and asking for it raises :class:`Unsupported`.  MLX's own default is
float32; here what is created without a dtype is float64, as in NumPy, where the device has it.
Fourier transforms are MLX's own: it has no complex128, and narrows float64 to complex64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradtier.backends import mlx_linalg
from gradtier.backends.base import Unsupported
from gradtier.backends.mapped import Mapped


class Namespace(Mapped):
    """The names that are mapped here."""

    library = "MLX"


def namespace() -> Namespace:
    """The namespace of MLX; imports it."""
    import mlx.core as mx

    return Namespace(
        {
            **_constants(mx),
            **_elementwise(mx),
            **_creation(mx),
            **_reductions(mx),
            **_cumulative(mx),
            **_shapes(mx),
            **_order(mx),
            **_products(mx),
            "linalg": Namespace({**_products(mx), **mlx_linalg.names(mx)}, "linalg."),
            "fft": Namespace(mlx_linalg.transforms(mx, _floating), "fft."),
        }
    )


def _taken(module: Any, names: str) -> dict[str, Any]:
    """Functions that a module of MLX has under the standard's name and with its arguments."""
    return {name: getattr(module, name) for name in names.split()}


def _constants(mx: Any) -> dict[str, Any]:
    names = "int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64"
    return {
        **_taken(mx, f"{names} finfo iinfo isdtype result_type can_cast"),
        **{"bool": mx.bool_, "pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan},
        "newaxis": None,
        "astype": lambda x, dtype, /, *, copy=True, device=None: x.astype(dtype),
    }


def _elementwise(mx: Any) -> dict[str, Any]:
    same = "abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_invert"
    same += " bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor ceil conj cos cosh"
    same += " divide equal exp expm1 floor floor_divide greater greater_equal imag isfinite isinf"
    same += " isnan less less_equal log log10 log1p log2 logaddexp logical_and logical_not"
    same += " logical_or logical_xor maximum minimum multiply negative not_equal positive pow real"
    same += " reciprocal remainder round sign sin sinh sqrt square subtract tan tanh trunc"

    def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
        return x if min is None and max is None else mx.clip(x, min, max)

    def where(condition: Any, x: Any, y: Any, /) -> Any:
        # MLX would make an array of its own default dtype of two numbers.
        if not isinstance(x, mx.array) and not isinstance(y, mx.array):
            x = _array(mx, x)
        return mx.where(condition, x, y)

    return {**_taken(mx, same), "clip": clip, "where": where}


def _floating(mx: Any) -> Any:
    """The widest float that the default device computes in."""
    return mx.float64 if mx.default_device().type == mx.cpu else mx.float32


def _array(mx: Any, given: Any, dtype: Any = None) -> Any:
    """An array of numbers in NumPy's default dtypes; arrays in a list are joined by MLX."""
    if isinstance(given, mx.array):
        return given if dtype is None else given.astype(dtype)
    if isinstance(given, list | tuple) and _holds_array(mx, given):
        parts = [_array(mx, item, dtype) for item in given]
        common = mx.result_type(*parts)
        return mx.stack([part.astype(common) for part in parts])
    values = np.asarray(given)
    if dtype is None:
        dtype = {"f": _floating(mx), "i": mx.int64, "b": mx.bool_, "c": mx.complex64}.get(
            values.dtype.kind
        )
    return mx.array(np.array(values, order="C"), dtype=dtype)


def _holds_array(mx: Any, given: Any) -> bool:
    if isinstance(given, list | tuple):
        return any(_holds_array(mx, item) for item in given)
    return isinstance(given, mx.array)


def _creation(mx: Any) -> dict[str, Any]:
    def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None) -> Any:
        return _array(mx, obj, dtype)

    def arange(
        start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None
    ) -> Any:
        start, stop = (0, start) if stop is None else (start, stop)
        if _holds_array(mx, (start, stop, step)):
            raise Unsupported("MLX has no arange whose bounds are arrays")
        whole = not any(isinstance(n, float) for n in (start, stop, step))
        return mx.arange(start, stop, step, dtype=dtype or (mx.int64 if whole else _floating(mx)))

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
        if _holds_array(mx, (start, stop)):
            raise Unsupported("MLX has no linspace whose bounds are arrays")
        return mx.linspace(start, stop, num, endpoint=endpoint, dtype=dtype or _floating(mx))

    def eye(
        rows: int, cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None
    ) -> Any:
        return mx.eye(rows, cols, k, dtype or _floating(mx))

    def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
        return mx.full(shape, _array(mx, fill_value, dtype))

    def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
        return mx.full(x.shape, _array(mx, fill_value, dtype or x.dtype))

    def constant(make: Any) -> Any:
        return lambda shape, *, dtype=None, device=None: make(shape, dtype or _floating(mx))

    def like(make: Any) -> Any:
        return lambda x, /, *, dtype=None, device=None: make(x.shape, dtype or x.dtype)

    return {
        "asarray": asarray,
        "arange": arange,
        "linspace": linspace,
        "eye": eye,
        "full": full,
        "full_like": full_like,
        **{name: constant(make) for name, make in _taken(mx, "zeros ones empty").items()},
        **{f"{name}_like": like(make) for name, make in _taken(mx, "zeros ones empty").items()},
        "meshgrid": lambda *arrays, indexing="xy": list(mx.meshgrid(*arrays, indexing=indexing)),
        "tril": lambda x, /, *, k=0: mx.tril(x, k),
        "triu": lambda x, /, *, k=0: mx.triu(x, k),
    }


def _reductions(mx: Any) -> dict[str, Any]:
    def typed(op: Any) -> Any:
        def reduction(
            x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False
        ) -> Any:
            return op(x if dtype is None else x.astype(dtype), axis=axis, keepdims=keepdims)

        return reduction

    def spread(op: Any) -> Any:
        def reduction(
            x: Any, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False
        ) -> Any:
            if correction == int(correction):
                return op(x, axis=axis, keepdims=keepdims, ddof=int(correction))
            # MLX takes whole corrections; the sum of squares is what they all divide.
            axes = range(x.ndim) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
            count = math.prod(x.shape[a] for a in axes)
            var = mx.var(x, axis=axis, keepdims=keepdims) * (count / (count - correction))
            return mx.sqrt(var) if op is mx.std else var

        return reduction

    def located(op: Any) -> Any:
        # As signed numbers: MLX's are unsigned, and a difference of two would wrap around.
        return lambda x, /, *, axis=None, keepdims=False: op(
            x, axis=axis, keepdims=keepdims
        ).astype(mx.int64)

    return {
        **_taken(mx, "mean max min all any count_nonzero"),
        **{name: typed(op) for name, op in _taken(mx, "sum prod").items()},
        **{name: spread(op) for name, op in _taken(mx, "var std").items()},
        **{name: located(op) for name, op in _taken(mx, "argmax argmin").items()},
    }


def _cumulative(mx: Any) -> dict[str, Any]:
    def scan(op: Any, first: Any) -> Any:
        def cumulative(
            x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
        ) -> Any:
            axis = -1 if axis is None else axis
            total = op(x if dtype is None else x.astype(dtype), axis=axis)
            if not include_initial:
                return total
            return mx.concat([first(mx.take(total, mx.array([0]), axis=axis)), total], axis=axis)

        return cumulative

    def diff(
        x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None
    ) -> Any:
        parts = [part for part in (prepend, x, append) if part is not None]
        return mx.diff(mx.concat(parts, axis=axis) if len(parts) > 1 else x, n, axis)

    return {
        "cumulative_sum": scan(mx.cumsum, mx.zeros_like),
        "cumulative_prod": scan(mx.cumprod, mx.ones_like),
        "diff": diff,
    }


def _shapes(mx: Any) -> dict[str, Any]:
    def repeat(x: Any, repeats: Any, /, *, axis: int | None = None) -> Any:
        if isinstance(repeats, mx.array):
            raise Unsupported("MLX has no repeat by an array of counts")
        return mx.repeat(x, repeats, axis)

    def moveaxis(x: Any, source: Any, destination: Any, /) -> Any:
        if isinstance(source, int):
            return mx.moveaxis(x, source, destination)
        # MLX moves one axis: several are a transposition.
        sources = [a % x.ndim for a in source]
        order = [a for a in range(x.ndim) if a not in sources]
        for to, of in sorted(zip((a % x.ndim for a in destination), sources, strict=True)):
            order.insert(to, of)
        return mx.permute_dims(x, order)

    def reshape(x: Any, /, shape: Any, *, copy: Any = None) -> Any:
        return mx.reshape(x, (shape,) if isinstance(shape, int) else shape)

    return {
        **_taken(mx, "broadcast_to broadcast_shapes flip matrix_transpose permute_dims"),
        **_taken(mx, "squeeze swapaxes take_along_axis tile unstack"),
        "moveaxis": moveaxis,
        "repeat": repeat,
        "reshape": reshape,
        "broadcast_arrays": lambda *arrays: list(mx.broadcast_arrays(*arrays)),
        "concat": lambda arrays, /, *, axis=0: mx.concat(list(arrays), axis=axis),
        "stack": lambda arrays, /, *, axis=0: mx.stack(list(arrays), axis=axis),
        "expand_dims": lambda x, /, *, axis=0: mx.expand_dims(x, axis),
        "roll": lambda x, /, shift, *, axis=None: mx.roll(x, shift, axis),
        "take": lambda x, indices, /, *, axis=None: mx.take(x, indices, axis),
    }


def _order(mx: Any) -> dict[str, Any]:
    def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        ordered = mx.sort(x, axis)
        return mx.flip(ordered, axis) if descending else ordered

    def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        return mx.argsort(-x if descending else x, axis).astype(mx.int64)

    def searchsorted(x1: Any, x2: Any, /, *, side: str = "left", sorter: Any = None) -> Any:
        x1 = x1 if sorter is None else mx.take(x1, sorter)
        return mx.searchsorted(x1, x2, side).astype(mx.int64)

    return {"sort": sort, "argsort": argsort, "searchsorted": searchsorted}


def _products(mx: Any) -> dict[str, Any]:
    def tensordot(x: Any, y: Any, /, *, axes: Any = 2) -> Any:
        return mx.tensordot(x, y, axes if isinstance(axes, int) else [list(a) for a in axes])

    def vecdot(x: Any, y: Any, /, *, axis: int = -1) -> Any:
        if x.shape != y.shape:  # MLX wants them alike
            x, y = mx.broadcast_arrays(x, y)
        return mx.vecdot(x, y, axis=axis)

    same = _taken(mx, "matmul einsum kron outer")
    return {**same, "tensordot": tensordot, "vecdot": vecdot}
