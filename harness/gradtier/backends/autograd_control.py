"""autograd's structured control flow: ``autograd.checkpoint``; loops and branches are Python's."""

from __future__ import annotations

from typing import Any


def names() -> dict[str, Any]:
    """The group ``control``."""
    import autograd

    return {"checkpoint": autograd.checkpoint}
