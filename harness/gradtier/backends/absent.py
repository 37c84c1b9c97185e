"""Other backends' modules are as if they were not installed, in a worker that belongs to one.

Some libraries import others where they find them.  ``sys.modules[name] = None`` would stop that,
but array libraries look into ``sys.modules`` for what is loaded, and take the None for a module.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any


class _Without:
    """A finder that does not find some modules."""

    def __init__(self, finder: Any, hidden: frozenset[str]) -> None:
        self._finder, self._hidden = finder, hidden

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The spec of the module, or None."""
        return None if name in self._hidden else self._finder.find_spec(name, path, target)

    def __getattr__(self, name: str) -> Any:  # what finds distributions, and clears caches
        return getattr(self._finder, name)


def hide(names: Iterable[str]) -> None:
    """Have every later import of these top-level modules fail in this process."""
    hidden = frozenset(names)
    sys.meta_path[:] = [_Without(finder, hidden) for finder in sys.meta_path]
