"""How a backend declines: what it does not offer is an answer, not an error."""

from __future__ import annotations


class Unsupported(Exception):
    """The backend says, or its adapter knows, that it does not offer this."""


class MissingName(Unsupported, AttributeError):
    """A mapped namespace has no such name; an AttributeError too, so that ``hasattr`` works."""
