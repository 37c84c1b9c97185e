"""TensorFlow's functional updates: ``tf.tensor_scatter_nd_*`` and the segment operations."""

from __future__ import annotations

from typing import Any


def names() -> dict[str, Any]:
    """The group ``updates``."""
    import tensorflow as tf

    def rows(function: Any) -> Any:
        """An index along the first axis, as these operations want it: one row a place."""
        return lambda x, index, v: function(x, tf.expand_dims(index, -1), v)

    def put_slice(x: Any, start: tuple[int, ...], v: Any) -> Any:
        ends = [s + n for s, n in zip(start, v.shape, strict=True)]
        return tf.raw_ops.TensorStridedSliceUpdate(
            input=x, begin=list(start), end=ends, strides=[1] * len(ends), value=v
        )

    return {
        "add": rows(tf.tensor_scatter_nd_add),
        "maximum": rows(tf.tensor_scatter_nd_max),
        "minimum": rows(tf.tensor_scatter_nd_min),
        "put": rows(tf.tensor_scatter_nd_update),
        "put_mask": lambda x, mask, v: tf.tensor_scatter_nd_update(x, tf.where(mask), v),
        "put_slice": put_slice,
        "segment_max": tf.math.unsorted_segment_max,
        "segment_prod": tf.math.unsorted_segment_prod,
        "segment_sum": tf.math.unsorted_segment_sum,
    }
