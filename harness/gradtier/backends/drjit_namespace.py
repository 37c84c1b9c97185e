"""The array API over Dr.Jit's tensors: thin mappings from the standard's names to ``drjit``'s.

Only operations of Dr.Jit stand here, so that its graph sees everything; a name that it has no
direct way for is missing, and asking for it raises :class:`Unsupported`.  Indexing, operators and
broadcasting are those of its tensors, one class for each dtype.  Dtypes are named by NumPy's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradtier.backends import drjit_linalg
from gradtier.backends.base import Unsupported
from gradtier.backends.mapped import Mapped
from gradtier.trees import leaves


class Namespace(Mapped):
    """The names that are mapped here."""

    library = "Dr.Jit"


class Arrays:
    """The tensor classes in use: those of the device and the precision of the latest input.

    Args:
        module: ``drjit.llvm.ad`` or ``drjit.cuda.ad``.
    """

    def __init__(self, module: Any) -> None:
        self._module, self._float = module, np.dtype(np.float64)

    def use(self, module: Any, dtype: Any) -> None:
        """Take the classes of ``module``; a floating ``dtype`` becomes the default one."""
        self._module = module
        if np.dtype(dtype).kind == "f":
            self._float = np.dtype(dtype)

    def kind(self, dtype: Any) -> Any:
        """The tensor class of a NumPy dtype."""
        dtype = np.dtype(dtype)
        if dtype == np.bool_:
            return self._module.TensorXb
        letter, bits = dtype.kind, 8 * dtype.itemsize
        name = f"TensorX{letter}{'' if bits == 32 else bits}"
        if letter not in "iuf" or not hasattr(self._module, name):
            raise Unsupported(f"Dr.Jit has no tensors of {dtype}")
        return getattr(self._module, name)

    def owns(self, given: Any) -> bool:
        """Whether something is an array of Dr.Jit."""
        return type(given).__module__.startswith("drjit.")

    def array(self, given: Any, dtype: Any = None) -> Any:
        """A tensor of numbers, or of arrays in lists; without a dtype as precise as the inputs."""
        import drjit as dr

        if self.owns(given):
            return given if dtype is None else self.kind(dtype)(given)
        if isinstance(given, list | tuple) and any(map(self.owns, leaves(given))):
            return dr.stack([self.array(item, dtype) for item in given])
        values = np.asarray(given)
        if dtype is None and values.dtype.kind == "f":
            dtype = self._float
        values = values if dtype is None else values.astype(dtype)
        return self.kind(values.dtype)(np.array(values, order="C"))

    def filled(self, value: float, shape: Any, dtype: Any = None) -> Any:
        """A tensor of one value."""
        return self.array(np.full(_shape(shape), value), dtype or self._float)


def namespace(arrays: Arrays) -> Namespace:
    """The namespace of Dr.Jit; imports it."""
    import drjit as dr

    products = drjit_linalg.products(dr)
    return Namespace(
        {
            **_dtypes(arrays),
            **_elementwise(dr, arrays),
            **_creation(dr, arrays),
            **_reductions(dr, arrays),
            **_scans(dr, arrays),
            **_shapes(dr, arrays),
            **_gathers(dr, arrays),
            **products,
            "linalg": Namespace({**products, **drjit_linalg.linalg(dr, arrays)}, "linalg."),
            "fft": Namespace({}, "fft."),
        }
    )


def _dtypes(arrays: Arrays) -> dict[str, Any]:
    names = "int8 int32 int64 uint8 uint32 uint64 float32 float64"
    return {
        **{name: getattr(np, name) for name in names.split()},
        **{"bool": np.bool_, "isdtype": np.isdtype},
        **{"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan, "newaxis": None},
        "astype": lambda x, dtype, /, *, copy=True, device=None: arrays.kind(dtype)(x),
    }


def _elementwise(dr: Any, arrays: Arrays) -> dict[str, Any]:
    same = "abs acos acosh asin asinh atan atanh ceil cos cosh exp exp2 floor isfinite isinf isnan"
    same += " log log2 round sign sin sinh sqrt square tan tanh trunc"
    two = "atan2 copysign hypot maximum minimum"

    def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
        x = x if min is None else dr.maximum(x, min)
        return x if max is None else dr.minimum(x, max)

    def floor_divide(x: Any, y: Any, /) -> Any:
        return dr.floor(x / y)

    def where(condition: Any, x: Any, y: Any, /) -> Any:
        if not arrays.owns(x) and not arrays.owns(y):
            x = arrays.array(x)
        return dr.select(condition, x, y)

    return {
        **{name: getattr(dr, name) for name in (*same.split(), *two.split())},
        **{"clip": clip, "where": where, "pow": dr.power, "reciprocal": dr.rcp},
        **{name: (lambda x, y, /: x & y) for name in ("logical_and", "bitwise_and")},
        **{name: (lambda x, y, /: x | y) for name in ("logical_or", "bitwise_or")},
        **{name: (lambda x, y, /: x ^ y) for name in ("logical_xor", "bitwise_xor")},
        **{name: (lambda x, /: ~x) for name in ("logical_not", "bitwise_invert")},
        **{name: getattr(dr, name) for name in ("real", "conj")},
        "log10": lambda x, /: dr.log(x) / math.log(10.0),
        "floor_divide": floor_divide,
        "remainder": lambda x, y, /: x - y * floor_divide(x, y),
        "add": lambda x, y, /: x + y,
        "subtract": lambda x, y, /: x - y,
        "multiply": lambda x, y, /: x * y,
        "divide": lambda x, y, /: x / y,
        "negative": lambda x, /: -x,
        "positive": lambda x, /: x,
        "equal": lambda x, y, /: x == y,
        "not_equal": lambda x, y, /: x != y,
        "greater": lambda x, y, /: x > y,
        "greater_equal": lambda x, y, /: x >= y,
        "less": lambda x, y, /: x < y,
        "less_equal": lambda x, y, /: x <= y,
    }


def _shape(shape: Any) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


def _axis(axis: int, x: Any) -> int:
    return axis % len(x.shape)


def _creation(dr: Any, arrays: Arrays) -> dict[str, Any]:
    def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None) -> Any:
        return arrays.array(obj, dtype)

    def arange(
        start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None
    ) -> Any:
        return arrays.array(np.arange(start, stop, step), dtype)

    def linspace(
        start: Any, stop: Any, /, num: int, *, dtype: Any = None, device: Any = None,
        endpoint: bool = True,
    ) -> Any:  # fmt: skip
        if arrays.owns(start) or arrays.owns(stop):
            raise Unsupported("Dr.Jit has no linspace between arrays")
        return arrays.array(np.linspace(start, stop, num, endpoint), dtype)

    def eye(
        rows: int, cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None
    ) -> Any:
        return arrays.array(np.eye(rows, cols, k), dtype)

    def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
        return arrays.array(fill_value, dtype) + arrays.filled(0, shape, dtype)

    def constant(value: float) -> Any:
        return lambda shape, *, dtype=None, device=None: arrays.filled(value, shape, dtype)

    def like(make: Any) -> Any:
        return lambda x, /, *, dtype=None, device=None: make(
            type(x) if dtype is None else arrays.kind(dtype), x.shape
        )

    def triangle(keep: Any) -> Any:
        def part(x: Any, /, *, k: int = 0) -> Any:
            mask = keep(np.ones(x.shape[-2:], dtype=bool), k)
            return dr.select(arrays.array(np.broadcast_to(mask, x.shape)), x, 0)

        return part

    return {
        **{"asarray": asarray, "arange": arange, "linspace": linspace, "eye": eye, "full": full},
        **{"zeros": constant(0), "empty": constant(0), "ones": constant(1)},
        **{"zeros_like": like(dr.zeros), "empty_like": like(dr.zeros), "ones_like": like(dr.ones)},
        "full_like": lambda x, /, fill_value, *, dtype=None, device=None: (
            dr.zeros_like(x) + fill_value
        ),
        **{"tril": triangle(np.tril), "triu": triangle(np.triu)},
    }


def _reductions(dr: Any, arrays: Arrays) -> dict[str, Any]:
    def reduced(op: Any, **options: Any) -> Any:
        def reduction(
            x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False
        ) -> Any:
            x = x if dtype is None else arrays.array(x, dtype)
            return op(x, axis=axis, keepdims=keepdims, **options)

        return reduction

    def spread(op: Any) -> Any:
        def moment(
            x: Any, /, *, axis: Any = None, correction: Any = 0, keepdims: Any = False
        ) -> Any:
            if correction != int(correction):
                raise Unsupported("Dr.Jit has no moments with a fraction for a correction")
            return op(x, axis=axis, keepdims=keepdims, ddof=int(correction))

        return moment

    def located(op: Any) -> Any:
        def search(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
            found = op(x, axis=axis, keepdims=keepdims)
            if axis is not None:
                return found
            shape = (1,) * len(x.shape) if keepdims else ()
            return dr.reshape(dr.tensor_t(type(found)), found, shape)

        return search

    def counted(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
        truths = arrays.array(x if dr.is_mask_v(x) else x != 0, np.int64)
        return dr.sum(truths, axis=axis, keepdims=keepdims)

    return {
        **{name: reduced(getattr(dr, name)) for name in ("sum", "prod", "mean")},
        # The other way, an evaluated loop, has no reverse mode for these.
        **{name: reduced(getattr(dr, name), mode="symbolic") for name in ("max", "min")},
        **{name: spread(getattr(dr, name)) for name in ("var", "std")},
        **{name: located(getattr(dr, name)) for name in ("argmax", "argmin")},
        # Dr.Jit's own reduce all the axes at once.
        "any": lambda x, /, *, axis=None, keepdims=False: (
            counted(x, axis=axis, keepdims=keepdims) > 0
        ),
        "all": lambda x, /, *, axis=None, keepdims=False: (
            counted(~x if dr.is_mask_v(x) else x == 0, axis=axis, keepdims=keepdims) == 0
        ),
        "count_nonzero": counted,
    }


def _scans(dr: Any, arrays: Arrays) -> dict[str, Any]:
    def cumulative(op: Any, first: float) -> Any:
        def scan(
            x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
        ) -> Any:
            x = x if dtype is None else arrays.array(x, dtype)
            axis = _axis(-1 if axis is None else axis, x)
            total = dr.prefix_reduce(op, x, axis=axis, exclusive=False)
            if not include_initial:
                return total
            shape = tuple(1 if i == axis else n for i, n in enumerate(x.shape))
            start = dr.full(dr.detached_t(type(x)), first, shape)
            return dr.concat([type(x)(start), total], axis=axis)

        return scan

    def diff(
        x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None
    ) -> Any:
        parts = [part for part in (prepend, x, append) if part is not None]
        x = dr.concat(parts, axis=_axis(axis, x)) if len(parts) > 1 else x
        for _ in range(n):
            x = x[_at(x, axis, slice(1, None))] - x[_at(x, axis, slice(None, -1))]
        return x

    return {
        "cumulative_sum": cumulative(dr.ReduceOp.Add, 0.0),
        "cumulative_prod": cumulative(dr.ReduceOp.Mul, 1.0),
        "diff": diff,
    }


def _at(x: Any, axis: int, index: Any) -> tuple[Any, ...]:
    """An index that is ``index`` on ``axis`` and everything on the others."""
    axis = _axis(axis, x)
    return tuple(index if i == axis else slice(None) for i in range(len(x.shape)))


def _shapes(dr: Any, arrays: Arrays) -> dict[str, Any]:
    def reshape(x: Any, /, shape: Any, *, copy: Any = None) -> Any:
        return dr.reshape(type(x), x, _shape(shape))

    def flip(x: Any, /, *, axis: Any = None) -> Any:
        for a in range(len(x.shape)) if axis is None else _shape(axis):
            x = x[_at(x, a, slice(None, None, -1))]
        return x

    def roll(x: Any, /, shift: Any, *, axis: Any = None) -> Any:
        if axis is None:
            return reshape(roll(reshape(x, -1), shift, axis=0), x.shape)
        axes = _shape(axis)
        shifts = (shift,) * len(axes) if isinstance(shift, int) else shift
        for s, a in zip(shifts, axes, strict=True):
            cut = -s % x.shape[a]
            parts = [x[_at(x, a, slice(cut, None))], x[_at(x, a, slice(None, cut))]]
            x = dr.concat(parts, axis=_axis(a, x)) if cut else x
        return x

    def concat(given: Any, /, *, axis: int | None = 0) -> Any:
        given = [reshape(a, -1) for a in given] if axis is None else list(given)
        return dr.concat(given, axis=_axis(axis or 0, given[0]))

    def broadcast_to(x: Any, /, shape: Any) -> Any:
        return x + dr.zeros(type(x), _shape(shape))

    def broadcast_arrays(*given: Any) -> list[Any]:
        shape = np.broadcast_shapes(*(a.shape for a in given))
        return [broadcast_to(a, shape) for a in given]

    def meshgrid(*given: Any, indexing: str = "xy") -> list[Any]:
        count = len(given)
        shaped = ((1,) * i + (-1,) + (1,) * (count - 1 - i) for i in range(count))
        grids = broadcast_arrays(*(reshape(a, s) for a, s in zip(given, shaped, strict=True)))
        swapped = indexing == "xy" and count > 1
        return [dr.swapaxes(g, 0, 1) if swapped else g for g in grids]

    return {
        **{"reshape": reshape, "flip": flip, "roll": roll, "concat": concat},
        **{"broadcast_to": broadcast_to, "broadcast_arrays": broadcast_arrays},
        "meshgrid": meshgrid,
        "expand_dims": lambda x, /, *, axis=0: dr.expand_dims(x, axis),
        "matrix_transpose": lambda x, /: dr.swapaxes(x, -1, -2),
        "moveaxis": lambda x, source, destination, /: dr.moveaxis(x, source, destination),
        "permute_dims": lambda x, /, axes: dr.transpose(x, tuple(axes)),
        "repeat": lambda x, repeats, /, *, axis=None: dr.repeat(x, repeats, axis),
        "squeeze": lambda x, /, axis: dr.squeeze(x, axis),
        "stack": lambda given, /, *, axis=0: dr.stack(list(given), axis),
        "swapaxes": lambda x, a, b, /: dr.swapaxes(x, a, b),
        "tile": lambda x, repetitions, /: dr.tile(x, repetitions),
        "unstack": lambda x, /, *, axis=0: tuple(x[_at(x, axis, i)] for i in range(x.shape[axis])),
    }


def _gathers(dr: Any, arrays: Arrays) -> dict[str, Any]:
    def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Any:
        if axis is None:
            return dr.reshape(type(x), x, (-1,))[indices]
        return dr.take(x, indices, _axis(axis, x))

    def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
        axis = _axis(axis, x)
        strides = [math.prod(x.shape[i + 1 :]) for i in range(len(x.shape))]
        flat = indices * strides[axis]
        for i, (stride, size) in enumerate(zip(strides, x.shape, strict=True)):
            if i != axis:
                row = np.arange(size).reshape([-1 if j == i else 1 for j in range(len(x.shape))])
                flat = flat + arrays.array(row * stride)
        picked = dr.reshape(type(x), x, (-1,))[dr.reshape(type(flat), flat, (-1,))]
        return dr.reshape(type(x), picked, flat.shape)

    def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        return dr.sort(x, axis, descending)

    def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        return dr.argsort(x, axis, descending)

    return {"take": take, "take_along_axis": take_along_axis, "sort": sort, "argsort": argsort}
