"""JAX's structured control flow: ``jax.lax``, ``jax.checkpoint``, ``jax.vmap``."""

from __future__ import annotations

from typing import Any


def names() -> dict[str, Any]:
    """The group ``control``."""
    import jax

    lax = jax.lax
    return {
        "associative_scan": lax.associative_scan,
        "checkpoint": jax.checkpoint,
        "cond": lax.cond,
        "fori_loop": lambda n, body, state: lax.fori_loop(0, n, body, state),
        "map": lax.map,
        "scan": lax.scan,
        "stop_gradient": lax.stop_gradient,
        "switch": lax.switch,
        "vmap": jax.vmap,
        "while_loop": lax.while_loop,
    }
