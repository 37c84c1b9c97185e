"""Functional updates for NumPy, which has none of its own: a copy, and a write into it.

Finite differences run on these; they also say what each name of the group ``updates`` means.  An
index is an array of whole numbers along the first axis; with the combining updates it may name an
entry several times, with :func:`put` only if the values are equal.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def names() -> dict[str, Any]:
    """The group ``updates``."""
    return {
        "add": _at(np.add),
        "fill_mask": put_mask,
        "maximum": _at(np.maximum),
        "minimum": _at(np.minimum),
        "multiply": _at(np.multiply),
        "put": put,
        "put_along_axis": put_along_axis,
        "put_mask": put_mask,
        "put_slice": put_slice,
        "segment_max": segment_max,
        "segment_prod": lambda x, ids, n: _at(np.multiply)(_full(x, n, 1.0), ids, x),
        "segment_sum": lambda x, ids, n: _at(np.add)(_full(x, n, 0.0), ids, x),
    }


def put(x: Any, index: Any, v: Any) -> Any:
    """``x`` with ``x[index] = v``."""
    y = np.array(x)
    y[index] = v
    return y


def put_mask(x: Any, mask: Any, v: Any) -> Any:
    """``x`` with ``x[mask] = v``; as ``put_mask`` v has an entry for each True, else it is one."""
    return put(x, mask, v)


def put_slice(x: Any, start: tuple[int, ...], v: Any) -> Any:
    """``x`` with ``v`` written from ``start`` on, in every axis; all of it fits."""
    return put(x, tuple(slice(s, s + n) for s, n in zip(start, v.shape, strict=True)), v)


def put_along_axis(x: Any, index: Any, v: Any, axis: int) -> Any:
    """``x`` with ``x[..., index[..., i, ...], ...] = v[..., i, ...]`` along an axis."""
    y = np.array(x)
    np.put_along_axis(y, index, v, axis)
    return y


def segment_max(x: Any, ids: Any, n: int) -> Any:
    """The largest of each segment of the first axis; ids are sorted, and no segment is empty."""
    return _at(np.maximum)(_full(x, n, -np.inf), ids, x)


def _at(function: Any) -> Any:
    """``x[index] = function(x[index], v)``, once for each time that an entry is named."""

    def update(x: Any, index: Any, v: Any) -> Any:
        y = np.array(x)
        function.at(y, index, v)
        return y

    return update


def _full(x: Any, n: int, value: float) -> Any:
    return np.full((n, *x.shape[1:]), value, dtype=x.dtype)
