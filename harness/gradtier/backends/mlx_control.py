"""MLX's structured control flow: checkpoints and ``mx.vmap``; loops and branches are Python's."""

from __future__ import annotations

from typing import Any


def names() -> dict[str, Any]:
    """The group ``control``."""
    import mlx.core as mx

    return {"checkpoint": mx.checkpoint, "stop_gradient": mx.stop_gradient, "vmap": mx.vmap}
