"""PyTensor's functional updates: ``set_subtensor`` and ``inc_subtensor``."""

from __future__ import annotations

from typing import Any

from gradtier.backends.pytensor_array import Array, variable


def names() -> dict[str, Any]:
    """The group ``updates``."""
    import pytensor.tensor as pt

    def put(x: Any, index: Any, v: Any) -> Any:
        return Array(pt.set_subtensor(x.variable[index.variable], variable(v)))

    def add(x: Any, index: Any, v: Any) -> Any:
        return Array(pt.inc_subtensor(x.variable[index.variable], variable(v)))

    def put_slice(x: Any, start: tuple[int, ...], v: Any) -> Any:
        place = tuple(slice(s, s + n) for s, n in zip(start, v.shape, strict=True))
        return Array(pt.set_subtensor(x.variable[place], v.variable))

    return {"add": add, "fill_mask": put, "put": put, "put_mask": put, "put_slice": put_slice}
