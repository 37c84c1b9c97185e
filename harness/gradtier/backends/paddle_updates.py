"""PaddlePaddle's functional updates: the out-of-place forms of its indexed writes."""

from __future__ import annotations

from typing import Any


def names() -> dict[str, Any]:
    """The group ``updates``."""
    import paddle

    def put_slice(x: Any, start: tuple[int, ...], v: Any) -> Any:
        """``slice_scatter`` writes a whole slab but along some axes; here along all."""
        ends = [s + n for s, n in zip(start, v.shape, strict=True)]
        return paddle.slice_scatter(
            x, v, list(range(len(ends))), list(start), ends, [1] * len(ends)
        )

    return {
        "add": lambda x, index, v: paddle.index_add(x, index, 0, v),
        "fill_mask": paddle.masked_fill,
        "put": lambda x, index, v: paddle.index_put(x, (index,), v),
        "put_along_axis": lambda x, index, v, axis: paddle.put_along_axis(
            x, index, v, axis, broadcast=False
        ),
        "put_mask": paddle.masked_scatter,
        "put_slice": put_slice,
        "segment_max": lambda x, ids, n: paddle.geometric.segment_max(x, ids),
        "segment_sum": lambda x, ids, n: paddle.geometric.segment_sum(x, ids),
    }
