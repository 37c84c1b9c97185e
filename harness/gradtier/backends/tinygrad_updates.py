"""tinygrad's functional updates: ``Tensor.scatter``, ``scatter_reduce`` and ``masked_fill``."""

from __future__ import annotations

from typing import Any


def names() -> dict[str, Any]:
    """The group ``updates``."""

    def reduced(how: str) -> Any:
        """``scatter_reduce`` wants an index for each element of a row."""

        def update(x: Any, index: Any, v: Any) -> Any:
            places = index.reshape(-1, *[1] * (x.ndim - 1)).expand(*v.shape)
            return x.scatter_reduce(0, places, v, how)

        return update

    return {
        "add": reduced("sum"),
        "fill_mask": lambda x, mask, v: x.masked_fill(mask, v),
        "maximum": reduced("amax"),
        "minimum": reduced("amin"),
        "multiply": reduced("prod"),
        "put_along_axis": lambda x, index, v, axis: x.scatter(axis, index, v),
    }
