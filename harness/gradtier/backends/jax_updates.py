"""JAX's functional updates: ``x.at[...]``, ``jax.lax`` and ``jax.ops``."""

from __future__ import annotations

from typing import Any


def names() -> dict[str, Any]:
    """The group ``updates``."""
    import jax
    import jax.numpy as jnp

    return {
        "add": lambda x, index, v: x.at[index].add(v),
        "fill_mask": lambda x, mask, v: x.at[mask].set(v),
        "maximum": lambda x, index, v: x.at[index].max(v),
        "minimum": lambda x, index, v: x.at[index].min(v),
        "multiply": lambda x, index, v: x.at[index].multiply(v),
        "put": lambda x, index, v: x.at[index].set(v),
        "put_along_axis": lambda x, index, v, axis: jnp.put_along_axis(
            x, index, v, axis, inplace=False
        ),
        "put_mask": lambda x, mask, v: x.at[mask].set(v),
        "put_slice": lambda x, start, v: jax.lax.dynamic_update_slice(x, v, start),
        "segment_max": jax.ops.segment_max,
        "segment_prod": jax.ops.segment_prod,
        "segment_sum": jax.ops.segment_sum,
    }
