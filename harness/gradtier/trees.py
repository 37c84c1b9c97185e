"""Pytrees, as small as they can be: dicts (sorted keys), lists and tuples with leaves in between.

Adapters see flat tuples of arrays only; cases may take and return nested ones.  Whatever is not a
dict, list or tuple is a leaf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def leaves(tree: Any) -> list[Any]:
    """The leaves of ``tree`` from left to right, dict entries in the order of their keys."""
    return [leaf for _, leaf in items(tree)]


def items(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Pairs of a dotted path and a leaf, in the order of :func:`leaves`."""
    if isinstance(tree, Mapping):
        children: Any = ((key, tree[key]) for key in sorted(tree))
    elif isinstance(tree, list | tuple):
        children = enumerate(tree)
    else:
        yield path, tree
        return
    for key, child in children:
        yield from items(child, f"{path}.{key}" if path else str(key))


def replace(tree: Any, new: Iterator[Any]) -> Any:
    """A tree of the shape of ``tree`` whose leaves are taken from ``new``, in order."""
    if isinstance(tree, Mapping):
        done = {key: replace(tree[key], new) for key in sorted(tree)}
        return {key: done[key] for key in tree}
    if isinstance(tree, list | tuple):
        return type(tree)([replace(child, new) for child in tree])
    return next(new)


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """``function`` applied to each leaf, the structure kept."""
    return replace(tree, iter([function(leaf) for leaf in leaves(tree)]))
