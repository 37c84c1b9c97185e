"""MLX's functional updates: ``x.at[...]``, ``put_along_axis`` and ``slice_update``."""

from __future__ import annotations

from typing import Any


def names() -> dict[str, Any]:
    """The group ``updates``."""
    import mlx.core as mx

    def put(x: Any, index: Any, v: Any) -> Any:
        """MLX sets by a write in place alone; the copy is a node of the graph."""
        y = mx.array(x)
        y[index] = v
        return y

    return {
        "add": lambda x, index, v: x.at[index].add(v),
        "maximum": lambda x, index, v: x.at[index].maximum(v),
        "minimum": lambda x, index, v: x.at[index].minimum(v),
        "multiply": lambda x, index, v: x.at[index].multiply(v),
        "fill_mask": put,
        "put": put,
        "put_mask": put,
        "put_along_axis": mx.put_along_axis,
        "put_slice": lambda x, start, v: mx.slice_update(
            x, v, mx.array(list(start)), tuple(range(len(start)))
        ),
    }
