"""The array namespace that records a program: what the core operations and NumPy's creation give.

A name that is not here raises :class:`MissingName`; none is filled in by computing on values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradtier.backends import program_functions, program_linalg
from gradtier.backends.base import MissingName
from gradtier.backends.program_array import (
    Array,
    as_array,
    has_recorded,
    moved,
    promoted,
    spread,
    unwrapped,
    wrapped,
)
from gradtier.backends.program_functions import Table, concat, eager

FUNCTIONS: Table = {
    name: eager(name, function)
    for table in (
        program_functions.ELEMENTWISE,
        program_functions.STATISTICS,
        program_functions.SHAPES,
        program_linalg.PRODUCTS,
    )
    for name, function in table.items()
}
LINALG: Table = {
    name: eager(name, function, np.linalg) for name, function in program_linalg.LINALG.items()
}
# No complex ones: a program holds reals.
_DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64"


class Namespace:
    """The names given and no others.

    Args:
        names: attribute -> what it is.
    """

    def __init__(self, names: Mapping[str, Any]) -> None:
        vars(self).update(names)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise MissingName(f"a recorded program has no function {name}")


def namespace() -> Namespace:
    """The functions of the standard that can be recorded."""
    dtypes = {name: getattr(np, name) for name in _DTYPES.split()}
    constants = {name: getattr(np, name) for name in ("pi", "e", "inf", "nan", "newaxis")}
    about = {"isdtype": np.isdtype, "finfo": np.finfo, "iinfo": np.iinfo, "result_type": promoted}
    linalg = Namespace(LINALG)
    return Namespace({**dtypes, **constants, **about, **FUNCTIONS, **_creation(), "linalg": linalg})


def _made(name: str) -> Callable[..., Any]:
    """NumPy's creation of a constant."""

    def function(*args: Any, device: Any = None, **kwargs: Any) -> Any:
        named = {key: unwrapped(value) for key, value in kwargs.items()}
        return wrapped(getattr(np, name)(*map(unwrapped, args), **named))

    return function


def _asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None) -> Array:
    if isinstance(obj, list | tuple) and has_recorded(obj):
        rows = [_asarray(item) for item in obj]
        raised = [moved(row, lambda i: np.expand_dims(i, axis=0)) for row in rows]
        return as_array(concat(raised), dtype)
    return as_array(unwrapped(obj) if isinstance(obj, list | tuple) else obj, dtype)


def _full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Array:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    return spread(as_array(fill_value, dtype), shape)


def _full_like(x: Array, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Array:
    return spread(as_array(fill_value, x.dtype if dtype is None else dtype), x.shape)


def _like(name: str) -> Callable[..., Any]:
    def function(x: Array, /, *, dtype: Any = None, device: Any = None) -> Any:
        return wrapped(getattr(np, name)(x.shape, x.dtype if dtype is None else dtype))

    return function


def _meshgrid(*arrays: Array, indexing: str = "xy") -> list[Array]:
    places = np.meshgrid(*(np.arange(a.size) for a in arrays), indexing=indexing)  # type: ignore[call-overload]
    return [moved(a, lambda i, p=p: i[p]) for a, p in zip(arrays, places, strict=True)]  # type: ignore[misc]


def _creation() -> dict[str, Any]:
    made = ("zeros", "ones", "empty", "eye", "arange", "linspace")
    return {
        **{name: _made(name) for name in made},
        **{f"{name}_like": _like(name) for name in ("zeros", "ones")},
        "empty_like": _like("zeros"),
        "asarray": _asarray,
        "full": _full,
        "full_like": _full_like,
        "meshgrid": _meshgrid,
    }
