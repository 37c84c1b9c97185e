"""The array API over TensorFlow: thin mappings from the standard's names to ``tf`` operations.

Only operations of TensorFlow stand here, so that its tapes see everything; a name that it has no
direct way for is missing, and asking for it raises :class:`Unsupported`.  Indexing, operators and
promotion are those of ``tf.Tensor`` with NumPy behaviour switched on.  As in NumPy, what is created
without a dtype is float64 or int64; a Python number takes the dtype of the array beside it.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from gradtier.backends.base import Unsupported
from gradtier.backends.mapped import EighResult, Mapped, QRResult, SlogdetResult, SVDResult
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
            "linalg": Namespace(_linalg(tf), "linalg."),
            "fft": Namespace(_fft(tf), "fft."),
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
    same = "abs acos acosh add asin asinh atan atan2 atanh ceil conj cos cosh divide equal exp"
    same += " expm1 floor greater greater_equal imag is_finite is_inf is_nan less less_equal log"
    same += (
        " log1p logical_and logical_not logical_or logical_xor maximum minimum multiply negative"
    )
    same += " nextafter not_equal pow real reciprocal round sign sin sinh sqrt square subtract tan"
    same += " tanh"

    def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
        x = x if min is None else tf.maximum(x, min)
        return x if max is None else tf.minimum(x, max)

    taken = ["exp2", "heaviside", "logaddexp", "logaddexp2", "signbit", "positive"]
    return {
        **{name: getattr(tnp, name) for name in taken},
        **{name.replace("is_", "is"): getattr(tf.math, name) for name in same.split()},
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
        start: Any, stop: Any, /, num: int, *, dtype: Any = None, device: Any = None
    ) -> Any:
        dtype = dtype or (start.dtype if tf.is_tensor(start) else tf.float64)
        return tf.linspace(_array(tf, start, dtype), _array(tf, stop, dtype), num)

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
        "diff": lambda x, /, *, axis=-1, n=1: tf.experimental.numpy.diff(x, n, axis),
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


def _linalg(tf: Any) -> dict[str, Any]:
    tnp, la = tf.experimental.numpy, tf.linalg

    def solve(a: Any, b: Any, /) -> Any:
        if b.ndim > 1:
            return la.solve(a, b)
        column = tf.broadcast_to(b[:, None], tf.concat([tf.shape(a)[:-1], [1]], 0))
        return la.solve(a, column)[..., 0]

    def cholesky(x: Any, /, *, upper: bool = False) -> Any:
        return la.adjoint(la.cholesky(x)) if upper else la.cholesky(x)

    def svd(x: Any, /, *, full_matrices: bool = True) -> Any:
        s, u, v = la.svd(x, full_matrices)
        return SVDResult(u, s, la.adjoint(v))

    def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
        if isinstance(axis, tuple):
            raise Unsupported("TensorFlow has no linalg.vector_norm over several axes")
        if axis is None:
            size = tf.norm(tf.reshape(x, [-1]), ord)
            return tf.reshape(size, (1,) * x.ndim) if keepdims else size
        return tf.norm(x, ord, axis, keepdims)

    def matrix_power(x: Any, n: int, /) -> Any:
        if n < 1:
            raise Unsupported("TensorFlow has no linalg.matrix_power of a power below one")
        return functools.reduce(tf.matmul, [x] * n)

    return {
        **_products(tf),
        "solve": solve,
        "inv": la.inv,
        "det": la.det,
        "slogdet": lambda x, /: SlogdetResult(*la.slogdet(x)),
        "cholesky": cholesky,
        "svd": svd,
        "svdvals": lambda x, /: la.svd(x, compute_uv=False),
        "qr": lambda x, /, *, mode="reduced": QRResult(*la.qr(x, mode == "complete")),
        "eigh": lambda x, /: EighResult(*la.eigh(x)),
        "eigvalsh": la.eigvalsh,
        "pinv": lambda x, /, *, rtol=None: la.pinv(x, rtol),
        "matrix_rank": lambda x, /, *, rtol=None: la.matrix_rank(x, rtol),
        "vector_norm": vector_norm,
        "matrix_norm": lambda x, /, *, keepdims=False, ord="fro": tf.norm(
            x, ord, (-2, -1), keepdims
        ),
        "matrix_power": matrix_power,
        "diagonal": lambda x, /, *, offset=0: tnp.diagonal(x, offset, -2, -1),
        "trace": lambda x, /, *, offset=0, dtype=None: tnp.trace(x, offset, -2, -1),
        "cross": lambda x, y, /, *, axis=-1: tnp.cross(x, y, axis=axis),
        "matrix_transpose": la.matrix_transpose,
    }


def _fft(tf: Any) -> dict[str, Any]:
    signal, moveaxis = tf.signal, tf.experimental.numpy.moveaxis

    def cast(x: Any) -> Any:
        wide = tf.complex64 if x.dtype == tf.float32 else tf.complex128
        return x if x.dtype.is_complex else tf.cast(x, wide)

    def along(op: Any, real: bool, inverse: bool) -> Any:
        def transform(x: Any, /, *, n: int | None = None, axis: int = -1, norm: Any = None) -> Any:
            length = x.shape[axis] if not (real and inverse) else 2 * (x.shape[axis] - 1)
            if not real and n not in (None, length):
                raise Unsupported("TensorFlow has no fft of another length than the array's")
            count = n or length
            x = moveaxis(x if real and not inverse else cast(x), axis, -1)
            y = moveaxis(op(x, [count]) if real else op(x), -1, axis)
            return y * _scale(norm, count, inverse)

        return transform

    def over_all(*ops: Any) -> Any:
        return lambda x, /: ops[x.ndim - 1](cast(x))  # of up to three axes, without options

    return {
        "fft": along(signal.fft, False, False),
        "ifft": along(signal.ifft, False, True),
        "rfft": along(signal.rfft, True, False),
        "irfft": along(signal.irfft, True, True),
        "fftn": over_all(signal.fft, signal.fft2d, signal.fft3d),
        "ifftn": over_all(signal.ifft, signal.ifft2d, signal.ifft3d),
        "fftshift": lambda x, /, *, axes=None: signal.fftshift(x, axes),
        "ifftshift": lambda x, /, *, axes=None: signal.ifftshift(x, axes),
    }


def _scale(norm: str | None, count: int, inverse: bool) -> float:
    """What TensorFlow's transforms, which divide the inverse alone, lack for this ``norm``."""
    power = {None: 0.0, "backward": 0.0, "ortho": 0.5, "forward": 1.0}[norm]
    return math.pow(count, power if inverse else -power)
