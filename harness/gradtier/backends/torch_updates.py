"""PyTorch's functional updates: the out-of-place forms of its indexed writes."""

from __future__ import annotations

from typing import Any


def names() -> dict[str, Any]:
    """The group ``updates``."""
    import torch

    def reduced(how: str) -> Any:
        return lambda x, index, v: torch.index_reduce(x, 0, index, v, how)

    def put_slice(x: Any, start: tuple[int, ...], v: Any) -> Any:
        """``slice_scatter`` writes a whole slab along one axis; inner axes come first."""
        for axis in reversed(range(1, len(start))):
            rows = x[tuple(slice(s, s + n) for s, n in zip(start[:axis], v.shape, strict=False))]
            v = torch.slice_scatter(rows, v, axis, start[axis], start[axis] + v.shape[axis])
        return torch.slice_scatter(x, v, 0, start[0], start[0] + v.shape[0])

    def segments(x: Any, n: int, value: float) -> Any:
        return torch.full((n, *x.shape[1:]), value, dtype=x.dtype, device=x.device)

    return {
        "add": lambda x, index, v: torch.index_add(x, 0, index, v),
        "fill_mask": lambda x, mask, v: torch.masked_fill(x, mask, v),
        "maximum": reduced("amax"),
        "minimum": reduced("amin"),
        "multiply": reduced("prod"),
        "put": lambda x, index, v: torch.index_put(x, (index,), v),
        "put_along_axis": lambda x, index, v, axis: torch.scatter(x, axis, index, v),
        "put_mask": lambda x, mask, v: torch.masked_scatter(x, mask, v),
        "put_slice": put_slice,
        "segment_max": lambda x, ids, n: reduced("amax")(segments(x, n, -torch.inf), ids, x),
        "segment_prod": lambda x, ids, n: reduced("prod")(segments(x, n, 1.0), ids, x),
        "segment_sum": lambda x, ids, n: torch.index_add(segments(x, n, 0.0), 0, ids, x),
    }
