"""tinygrad's structured control flow: ``Tensor.detach``; loops and branches are Python's."""

from __future__ import annotations

from typing import Any


def names() -> dict[str, Any]:
    """The group ``control``."""
    return {"stop_gradient": lambda x: x.detach()}
