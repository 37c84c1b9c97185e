"""Ones, unit vectors and random directions as native arrays, also inside a trace."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradtier.backends.base import Adapter, Native
from gradtier.operators.structure import shape_of


def native(adapter: Adapter, array: NDArray[Any], like: Any) -> Any:
    """``array`` as a native one, of the dtype and on the device of ``like``.

    By the namespace where that can be, because ``from_numpy`` may change defaults of the library
    that in a process of the user's are the user's.
    """
    try:
        return adapter.namespace.asarray(array, dtype=like.dtype, device=_device(like))
    except Exception:  # whatever a namespace does not take
        device, dtype = adapter.placement(like)
        return adapter.from_numpy(array.astype(dtype), device)


def one(adapter: Adapter, like: Any) -> Any:
    """The scalar 1 of the dtype and on the device of ``like``."""
    try:
        return adapter.namespace.ones((), dtype=like.dtype, device=_device(like))
    except Exception:  # as above
        return native(adapter, np.ones(()), like)


def noise(adapter: Adapter, leaves: Native, seed: int) -> Native:
    """Normally distributed directions, the same for the same seed."""
    rng = np.random.default_rng(seed)
    return tuple(native(adapter, rng.standard_normal(shape_of(a)), a) for a in leaves)


def size(leaves: Native) -> int:
    """How many numbers there are in all leaves together."""
    return sum(prod(shape_of(a)) for a in leaves)


def basis(adapter: Adapter, leaves: Native) -> Native:
    """All unit vectors of the space of ``leaves``, stacked on a new leading axis."""
    return _blocks(adapter, leaves, [shape_of(a) for a in leaves])


def batch_basis(adapter: Adapter, leaves: Native) -> Native:
    """Unit vectors of one batch element, each the same for all of them: (count, batch, ...)."""
    inner = [shape_of(a)[1:] for a in leaves]
    reshape = adapter.namespace.reshape
    blocks = _blocks(adapter, leaves, inner)
    return tuple(
        reshape(block, (shape_of(block)[0], 1, *shape)) + adapter.zeros_like(leaf)
        for block, shape, leaf in zip(blocks, inner, leaves, strict=True)
    )


def _blocks(adapter: Adapter, leaves: Native, shapes: list[tuple[int, ...]]) -> Native:
    count, start, found = sum(map(prod, shapes)), 0, []
    if not count:
        raise ValueError("nothing to differentiate: all arrays are empty")
    for leaf, shape in zip(leaves, shapes, strict=True):
        stop = start + prod(shape)
        rows = _identity(adapter, count, leaf)
        if stop - start != count:
            rows = rows[:, start:stop]
        found.append(rows if len(shape) == 1 else adapter.namespace.reshape(rows, (count, *shape)))
        start = stop
    return tuple(found)


def _identity(adapter: Adapter, count: int, like: Any) -> Any:
    try:
        return adapter.namespace.eye(count, dtype=like.dtype, device=_device(like))
    except Exception:  # as above
        return native(adapter, np.eye(count), like)


def _device(like: Any) -> Any:
    try:
        return like.device
    except Exception:  # a traced array may have none to show
        return None
