"""The array API over ``autograd.numpy``: the standard's names where autograd's differ.

``autograd.numpy`` wraps every function of NumPy.  Those it has no rule for refuse by themselves
when they meet a traced array; two ways remain in which a derivative could get lost, and both are
closed here: an array inside a list or a keyword, which autograd does not look into, and a plain
function that it never wrapped.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradtier.backends import autograd_linalg
from gradtier.backends.base import MissingName, Unsupported

# Functions that autograd writes in terms of its own primitives.
_COMPOSED = {"append", "array", "column_stack", "concatenate", "hstack", "mean", "norm", "select"}
_COMPOSED |= {"stack", "std", "var", "vstack", "where"}


class Namespace:
    """The names given, and behind them what can be taken from a module of autograd as it is.

    Args:
        module: ``autograd.numpy`` or one of its submodules.
        mapped: names that are defined here; they come first.
    """

    def __init__(self, module: Any, mapped: Mapping[str, Any]) -> None:
        self._module = module
        vars(self).update(mapped)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self._module, name, None)
        if found is None:
            raise MissingName(f"autograd has no {name}")
        if not callable(found) or isinstance(found, type):
            return found
        if hasattr(found, "_is_autograd_primitive"):
            found = _guarded(name, found)
        elif not hasattr(found, "_is_primitive") and name not in _COMPOSED:
            raise MissingName(f"autograd has no {name} that it can differentiate")
        vars(self)[name] = found
        return found


def _guarded(name: str, primitive: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(primitive)
    def checked(*args: Any, **kwargs: Any) -> Any:
        nested = [a for a in args if isinstance(a, list | tuple)]
        if any(map(_traced, (*nested, *kwargs.values()))):
            raise Unsupported(f"autograd does not trace an array in a list or keyword of {name}")
        return primitive(*args, **kwargs)

    return checked


def _traced(value: Any) -> bool:
    from autograd.extend import Box

    if isinstance(value, list | tuple):
        return any(map(_traced, value))
    return isinstance(value, Box)


def _axes(axis: int, index: Any) -> tuple[Any, ...]:
    """An index that is ``index`` on ``axis`` and everything on the axes before or after it."""
    if axis < 0:
        return (..., index, *[slice(None)] * (-1 - axis))
    return (*[slice(None)] * axis, index)


def namespace() -> Namespace:
    """The namespace of autograd; imports it."""
    import autograd.numpy as anp

    mapped = {
        **_dtypes(),
        **_creation(anp),
        **_shapes(anp),
        **_statistics(anp),
        "linalg": Namespace(anp.linalg, autograd_linalg.names(anp)),
        "fft": Namespace(anp.fft, {}),
    }
    return Namespace(anp, mapped)


def _dtypes() -> dict[str, Any]:
    # autograd's integer types are subclasses, which NumPy does not take for a dtype.
    names = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64"
    found = {name: getattr(np, name) for name in (*names.split(), "complex128")}
    return {**found, "isdtype": np.isdtype, "newaxis": None}


def _creation(anp: Any) -> dict[str, Any]:
    def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None) -> Any:
        made = anp.array(obj)
        return made if dtype is None or made.dtype == dtype else made.astype(dtype)

    def full_like(x: Any, /, fill_value: Any, **kwargs: Any) -> Any:
        # autograd takes full_like for a constant, whatever the array is filled with.
        if _traced(fill_value):
            raise Unsupported("autograd does not trace the value of full_like")
        return anp.full_like(x, fill_value, **kwargs)

    return {"asarray": asarray, "full_like": full_like}


def _shapes(anp: Any) -> dict[str, Any]:
    def concat(arrays: Any, /, *, axis: int | None = 0) -> Any:
        if axis is None:
            return anp.concatenate([anp.ravel(a) for a in arrays], 0)
        return anp.concatenate(list(arrays), axis)

    def flip(x: Any, /, *, axis: Any = None) -> Any:
        axes = range(x.ndim) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
        back = {a % x.ndim for a in axes}
        return x[tuple(slice(None, None, -1 if i in back else 1) for i in range(x.ndim))]

    def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Any:
        return anp.ravel(x)[indices] if axis is None else x[_axes(axis, indices)]

    def broadcast_arrays(*arrays: Any) -> list[Any]:
        shape = np.broadcast_shapes(*(np.shape(a) for a in arrays))
        return [anp.broadcast_to(a, shape) for a in arrays]

    return {
        "concat": concat,
        "flip": flip,
        "take": take,
        "broadcast_arrays": broadcast_arrays,
        "permute_dims": lambda x, /, axes: anp.transpose(x, axes),
        "matrix_transpose": lambda x, /: anp.swapaxes(x, -1, -2),
        "reshape": lambda x, /, shape, *, copy=None: anp.reshape(x, shape),
        "unstack": lambda x, /, *, axis=0: tuple(x[_axes(axis, i)] for i in range(x.shape[axis])),
        "astype": lambda x, dtype, /, *, copy=True, device=None: x.astype(dtype),
    }


def _statistics(anp: Any) -> dict[str, Any]:
    def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
        x = x if min is None else anp.maximum(x, min)
        return x if max is None else anp.minimum(x, max)

    def cumulative_sum(
        x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
    ) -> Any:
        axis = -1 if axis is None else axis
        x = x if dtype is None else x.astype(dtype)
        total = anp.cumsum(x, axis % x.ndim)  # its rule does not know negative axes
        if not include_initial:
            return total
        zero = anp.zeros_like(x[_axes(axis, slice(0, 1))])
        return anp.concatenate([zero, total], axis)

    def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        return -anp.sort(-x, axis) if descending else anp.sort(x, axis)

    def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        return anp.argsort(-x if descending else x, axis, "stable")

    def diff(
        x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None
    ) -> Any:
        # autograd does not look into keywords: the parts are joined first.
        parts = [part for part in (prepend, x, append) if part is not None]
        return anp.diff(anp.concatenate(parts, axis) if len(parts) > 1 else x, n, axis)

    def spread(function: Any) -> Any:
        return lambda x, /, *, axis=None, correction=0.0, keepdims=False: function(
            x, axis=axis, ddof=correction, keepdims=keepdims
        )

    return {
        "clip": clip,
        "diff": diff,
        "cumulative_sum": cumulative_sum,
        "sort": sort,
        "argsort": argsort,
        "var": spread(anp.var),
        "std": spread(anp.std),
        "vecdot": lambda x, y, /, *, axis=-1: anp.sum(anp.conj(x) * y, axis=axis),
    }
