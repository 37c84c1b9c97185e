"""The array API over TensorFlow: thin mappings from the standard's names to ``tf`` operations.

Only operations of TensorFlow stand here, so that its tapes see everything; a name that it has no
direct way for is missing, and asking for it raises :class:`Unsupported`.  Indexing, operators and
promotion are those of ``tf.Tensor`` with NumPy behaviour switched on.  As in NumPy, what is created
without a dtype is float64 or int64; a Python number takes the dtype of the array beside it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradtier.backends import tensorflow_fft, tensorflow_linalg
from gradtier.backends.mapped import Mapped
from gradtier.trees import leaves


class Namespace(Mapped):
    """The names that are mapped here."""

    library = "TensorFlow"


def namespace() -> Namespace:
    """The namespace of TensorFlow; imports it."""
    import tensorflow as tf

    return Namespace(
        {
            **_constants(tf),
            **_elementwise(tf),
            **_creation(tf),
            **_reductions(tf),
            **_shapes(tf),
            **_order(tf),
            **_products(tf),
            "linalg": Namespace({**_products(tf), **tensorflow_linalg.names(tf)}, "linalg."),
            "fft": Namespace(tensorflow_fft.names(tf), "fft."),
        }
    )


def _constants(tf: Any) -> dict[str, Any]:
    names = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64"
    dtypes = {name: getattr(tf, name) for name in (*names.split(), "complex128")}

    def isdtype(dtype: Any, kind: Any) -> bool:
        kind = kind.as_numpy_dtype if isinstance(kind, tf.DType) else kind
        return np.isdtype(np.dtype(tf.as_dtype(dtype).as_numpy_dtype), kind)

    return {
        **dtypes,
        **{"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan, "newaxis": None},
        "isdtype": isdtype,
        "finfo": lambda dtype: np.finfo(tf.as_dtype(dtype).as_numpy_dtype),
        "iinfo": lambda dtype: np.iinfo(tf.as_dtype(dtype).as_numpy_dtype),
        "result_type": lambda *given: tf.as_dtype(tf.experimental.numpy.result_type(*given)),
        "astype": lambda x, dtype, /, *, copy=True, device=None: tf.cast(x, dtype),
    }


def _elementwise(tf: Any) -> dict[str, Any]:
    tnp = tf.experimental.numpy
    same = "abs acos acosh asin asinh atan atanh ceil conj cos cosh exp expm1 floor imag is_finite"
    same += " is_inf is_nan log log1p logical_and logical_not logical_or logical_xor negative"
    same += " nextafter real reciprocal round sign sin sinh sqrt square tan tanh"
    both = "add atan2 divide equal greater greater_equal less less_equal maximum minimum multiply"
    both += " not_equal pow subtract"

    def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
        x = x if min is None else tf.maximum(x, min)
        return x if max is None else tf.minimum(x, max)

    taken = ["exp2", "heaviside", "logaddexp", "logaddexp2", "signbit", "positive"]
    return {
        **{name: getattr(tnp, name) for name in taken},
        **{name.replace("is_", "is"): getattr(tf.math, name) for name in same.split()},
        **{name: _promoted(tf, getattr(tf.math, name)) for name in both.split()},
        "clip": clip,
        # tnp would compute these three in float64 whatever the array's dtype.
        "log2": lambda x, /: tf.math.log(x) / math.log(2.0),
        "log10": lambda x, /: tf.math.log(x) / math.log(10.0),
        "hypot": lambda x, y, /: tnp.hypot(*_pair(tf, x, y)),
        "where": lambda condition, x, y, /: tf.where(condition, *_pair(tf, x, y)),
        "remainder": tf.math.floormod,
        "floor_divide": tf.math.floordiv,
        "trunc": lambda x, /: tf.where(x < 0, tf.math.ceil(x), tf.math.floor(x)),
        "bitwise_and": lambda x, y, /: x & y,
        "bitwise_or": lambda x, y, /: x | y,
        "bitwise_xor": lambda x, y, /: x ^ y,
        "bitwise_invert": lambda x, /: ~x,
    }


def _promoted(tf: Any, op: Any) -> Any:
    """``op`` of two arrays that may differ in dtype, as TensorFlow's operators take them."""

    def binary(x: Any, y: Any, /) -> Any:
        if tf.is_tensor(x) and tf.is_tensor(y) and x.dtype != y.dtype:
            dtype = tf.as_dtype(tf.experimental.numpy.result_type(x, y))
            return op(tf.cast(x, dtype), tf.cast(y, dtype))
        return op(x, y)

    return binary


def _pair(tf: Any, x: Any, y: Any) -> tuple[Any, ...]:
    """Beside an array, a number takes the array's dtype; two numbers are float64."""
    dtype = next((t.dtype for t in (x, y) if tf.is_tensor(t)), None)
    return tuple(t if tf.is_tensor(t) else _array(tf, t, dtype) for t in (x, y))


def _array(tf: Any, given: Any, dtype: Any = None) -> Any:
    if tf.is_tensor(given):
        return given if dtype is None else tf.cast(given, dtype)
    if isinstance(given, list | tuple) and any(map(tf.is_tensor, leaves(given))):
        return tf.stack([_array(tf, item, dtype) for item in given])
    return tf.constant(np.asarray(given), dtype=dtype)  # NumPy's default dtypes: 64 bits


def _creation(tf: Any) -> dict[str, Any]:
    tnp = tf.experimental.numpy

    def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None) -> Any:
        return _array(tf, obj, dtype)

    def arange(
        start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None
    ) -> Any:
        start, stop = (0, start) if stop is None else (start, stop)
        kind = float if any(isinstance(n, float) for n in (start, stop, step)) else int
        return tf.range(start, stop, step, dtype=dtype or {int: tf.int64, float: tf.float64}[kind])

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
        dtype = dtype or next((t.dtype for t in (start, stop) if tf.is_tensor(t)), tf.float64)
        ends = _array(tf, start, dtype), _array(tf, stop, dtype)
        return tf.linspace(*ends, num) if endpoint else tf.linspace(*ends, num + 1)[:num]

    def eye(
        rows: int, cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None
    ) -> Any:
        return tnp.eye(rows, cols, k, dtype or tf.float64)

    def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
        return tf.fill(_shape(shape), _array(tf, fill_value, dtype))

    def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
        return tf.fill(tf.shape(x), _array(tf, fill_value, dtype or x.dtype))

    def constant(make: Any) -> Any:
        return lambda shape, *, dtype=None, device=None: make(_shape(shape), dtype or tf.float64)

    def like(make: Any) -> Any:
        return lambda x, /, *, dtype=None, device=None: make(x, dtype)

    return {
        "asarray": asarray,
        "arange": arange,
        "linspace": linspace,
        "eye": eye,
        "full": full,
        "full_like": full_like,
        **{"zeros": constant(tf.zeros), "empty": constant(tf.zeros), "ones": constant(tf.ones)},
        **{"zeros_like": like(tf.zeros_like), "empty_like": like(tf.zeros_like)},
        "ones_like": like(tf.ones_like),
        "meshgrid": lambda *arrays, indexing="xy": list(tf.meshgrid(*arrays, indexing=indexing)),
        "tril": lambda x, /, *, k=0: tnp.tril(x, k),
        "triu": lambda x, /, *, k=0: tnp.triu(x, k),
    }


def _shape(shape: Any) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


def _reductions(tf: Any) -> dict[str, Any]:
    kinds = ["sum", "prod", "mean", "max", "min", "all", "any"]

    def reduced(op: Any) -> Any:
        def reduction(
            x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False
        ) -> Any:
            if dtype is None and x.dtype == tf.bool and op is tf.reduce_sum:
                dtype = tf.int64  # to count is what the sum of a mask is for
            return op(x if dtype is None else tf.cast(x, dtype), axis, keepdims)

        return reduction

    def var(x: Any, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
        axes = range(x.ndim) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
        count = math.prod(x.shape[a] for a in axes)
        apart = tf.square(x - tf.reduce_mean(x, axis, True))
        return tf.reduce_sum(apart, axis, keepdims) / (count - correction)

    def cumulative(op: Any, first: Any) -> Any:
        def scan(
            x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
        ) -> Any:
            axis = -1 if axis is None else axis
            total = op(x if dtype is None else tf.cast(x, dtype), axis)
            if not include_initial:
                return total
            return tf.concat([first(tf.gather(total, [0], axis=axis)), total], axis)

        return scan

    def located(op: Any) -> Any:
        def search(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
            found = op(tf.reshape(x, [-1]) if axis is None else x, axis or 0, tf.int64)
            if not keepdims:
                return found
            return tf.reshape(found, (1,) * x.ndim) if axis is None else tf.expand_dims(found, axis)

        return search

    def diff(
        x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None
    ) -> Any:
        parts = [part for part in (prepend, x, append) if part is not None]
        whole = tf.concat(parts, axis) if len(parts) > 1 else x
        return tf.experimental.numpy.diff(whole, n, axis)

    return {
        **{name: reduced(getattr(tf, f"reduce_{name}")) for name in kinds},
        "var": var,
        "std": lambda x, /, **options: tf.sqrt(var(x, **options)),
        "count_nonzero": lambda x, /, *, axis=None, keepdims=False: tf.math.count_nonzero(
            x, axis, keepdims
        ),
        "cumulative_sum": cumulative(tf.cumsum, tf.zeros_like),
        "cumulative_prod": cumulative(tf.math.cumprod, tf.ones_like),
        "argmax": located(tf.argmax),
        "argmin": located(tf.argmin),
        "diff": diff,
    }


def _shapes(tf: Any) -> dict[str, Any]:
    tnp = tf.experimental.numpy

    def concat(arrays: Any, /, *, axis: int | None = 0) -> Any:
        if axis is None:
            return tf.concat([tf.reshape(a, [-1]) for a in arrays], 0)
        return tf.concat(list(arrays), axis)

    def flip(x: Any, /, *, axis: Any = None) -> Any:
        axes = range(x.ndim) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
        return tf.reverse(x, [a % x.ndim for a in axes])

    def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Any:
        return tf.gather(tf.reshape(x, [-1]) if axis is None else x, indices, axis=axis or 0)

    return {
        "concat": concat,
        "flip": flip,
        "take": take,
        "stack": lambda arrays, /, *, axis=0: tf.stack(list(arrays), axis),
        "unstack": lambda x, /, *, axis=0: tuple(tf.unstack(x, axis=axis)),
        **{"expand_dims": lambda x, /, *, axis=0: tf.expand_dims(x, axis), "squeeze": tf.squeeze},
        "reshape": lambda x, /, shape, *, copy=None: tf.reshape(x, _shape(shape)),
        "permute_dims": lambda x, /, axes: tf.transpose(x, axes),
        "matrix_transpose": lambda x, /: tf.linalg.matrix_transpose(x),
        "moveaxis": lambda x, source, destination, /: tnp.moveaxis(x, source, destination),
        "swapaxes": tnp.swapaxes,
        "roll": lambda x, /, shift, *, axis=None: tnp.roll(x, shift, axis),
        "broadcast_to": lambda x, /, shape: tf.broadcast_to(x, _shape(shape)),
        "broadcast_arrays": lambda *arrays: tnp.broadcast_arrays(*arrays),
        "tile": lambda x, repetitions, /: tnp.tile(x, repetitions),
        "repeat": lambda x, repeats, /, *, axis=None: tf.repeat(x, repeats, axis),
        "take_along_axis": lambda x, indices, /, *, axis=-1: tnp.take_along_axis(x, indices, axis),
    }


def _order(tf: Any) -> dict[str, Any]:
    def direction(descending: bool) -> str:
        return "DESCENDING" if descending else "ASCENDING"

    def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        return tf.sort(x, axis, direction(descending))

    def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        return tf.cast(tf.argsort(x, axis, direction(descending), stable), tf.int64)

    def searchsorted(x1: Any, x2: Any, /, *, side: str = "left") -> Any:
        found = tf.searchsorted(x1, tf.reshape(x2, [-1]), side, tf.int64)
        return tf.reshape(found, tf.shape(x2))

    return {
        "sort": sort,
        "argsort": argsort,
        "searchsorted": searchsorted,
        "nonzero": lambda x, /: tuple(tf.unstack(tf.where(x), axis=-1)),
        "unique_values": lambda x, /: tf.unique(tf.reshape(x, [-1]))[0],
    }


def _products(tf: Any) -> dict[str, Any]:
    tnp = tf.experimental.numpy
    return {
        "matmul": tnp.matmul,
        **{name: getattr(tnp, name) for name in ("dot", "kron", "outer")},
        "tensordot": lambda x, y, /, *, axes=2: tf.tensordot(x, y, axes),
        "vecdot": lambda x, y, /, *, axis=-1: tf.reduce_sum(tf.math.conj(x) * y, axis),
        "einsum": tf.einsum,
    }
