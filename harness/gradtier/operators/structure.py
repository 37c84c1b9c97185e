"""What a pytree of arguments consists of: leaves to differentiate, constants, and the rest.

A :class:`Skeleton` is taken once from the arguments of an operator; later arguments are matched
with it, and results are built in its shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Constant:
    """A value that is passed to the function as it is and not differentiated.

    Around a context, or around a leaf or a branch of ``x``.

    Attributes:
        value: a pytree; its arrays may change between calls of a prepared operator, whatever else
            is in it (numbers, strings, functions) may not.
    """

    value: Any


class Slot(Enum):
    """What stands at a leaf of a skeleton, besides :class:`Static` values."""

    ACTIVE = "an array to differentiate"
    FIXED = "an array marked Constant"


ACTIVE, FIXED = Slot.ACTIVE, Slot.FIXED


@dataclass(frozen=True)
class Static:
    """A leaf that is no array: None, or a number, a string, a function marked constant."""

    value: Any


def taken(tree: Any, path: str, active: list[Any], fixed: list[Any], constant: bool = False) -> Any:
    """The skeleton of ``tree``; its arrays are appended to ``active`` and ``fixed``.

    Raises:
        TypeError: a leaf is no array, not None and not marked :class:`Constant`.
    """
    # Arrays first: asking whether something is a Mapping takes longer than all the rest.
    if hasattr(tree, "shape"):
        (fixed if constant else active).append(tree)
        return FIXED if constant else ACTIVE
    if isinstance(tree, Constant):
        return taken(tree.value, path, active, fixed, True)
    if isinstance(tree, list | tuple):
        children = [
            taken(child, f"{path}.{i}", active, fixed, constant) for i, child in enumerate(tree)
        ]
        return _sequence(tree, children)
    if isinstance(tree, dict | Mapping):
        return {k: taken(tree[k], f"{path}.{k}", active, fixed, constant) for k in tree}
    if tree is not None and not constant:
        raise TypeError(
            f"{path} is {described(tree)}, expected an array of the backend; "
            "make it one, or mark it as Constant(...)"
        )
    return Static(tree)


def matched(
    node: Any, tree: Any, path: str, active: list[Any], fixed: list[Any], constant: bool = False
) -> None:
    """Append the arrays of ``tree`` as :func:`taken` did for the tree that gave ``node``.

    Raises:
        ValueError: ``tree`` is of another structure, or a static value differs.
    """
    if isinstance(tree, Constant):
        tree, constant = tree.value, True
    kind = type(node)
    if kind is Slot:
        if not hasattr(tree, "shape"):
            raise ValueError(f"{path} is {described(tree)}, expected {node.value}")
        if constant is not (node is FIXED):
            found = FIXED if constant else ACTIVE
            raise ValueError(f"{path} is {found.value}, expected {node.value}")
        (fixed if constant else active).append(tree)
    elif kind is dict:
        if not isinstance(tree, dict | Mapping) or tree.keys() != node.keys():
            raise ValueError(f"{path} is {described(tree)}, expected {described(node)}")
        for k, child in node.items():
            matched(child, tree[k], f"{path}.{k}", active, fixed, constant)
    elif kind is Static:
        if not _same(node.value, tree):
            raise ValueError(
                f"{path} is {described(tree)}, expected {described(node.value)} as when prepared; "
                "what is no array is part of the preparation: prepare again"
            )
    else:
        if not isinstance(tree, list | tuple) or len(tree) != len(node):
            raise ValueError(f"{path} is {described(tree)}, expected {described(node)}")
        for i, child in enumerate(node):
            matched(child, tree[i], f"{path}.{i}", active, fixed, constant)


def built(node: Any, active: Iterator[Any], fixed: Iterator[Any]) -> Any:
    """The tree of ``node`` with arrays from the two iterators."""
    kind = type(node)
    if kind is Slot:
        return next(active if node is ACTIVE else fixed)
    if kind is dict:
        return {k: built(child, active, fixed) for k, child in node.items()}
    if kind is Static:
        return node.value
    return _sequence(node, [built(child, active, fixed) for child in node])


def result(node: Any, answers: Iterator[Any]) -> Any:
    """The tree of ``node`` with answers at the active leaves and None at all others."""
    kind = type(node)
    if kind is Slot:
        return next(answers) if node is ACTIVE else None
    if kind is dict:
        return {k: result(child, answers) for k, child in node.items()}
    if kind is Static:
        return None
    return _sequence(node, [result(child, answers) for child in node])


def directions(node: Any, tree: Any, path: str) -> tuple[Any, ...]:
    """The leaves of a tangent for arguments of skeleton ``node``: None where these are constant.

    Raises:
        ValueError: ``tree`` is of another structure.
    """
    if node is ACTIVE and hasattr(tree, "shape"):
        return (tree,)
    found: list[Any] = []
    matched(_emptied(node), tree, path, found, [])
    return tuple(found)


def _emptied(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {k: _emptied(child) for k, child in node.items()}
    if isinstance(node, list | tuple):
        return _sequence(node, [_emptied(child) for child in node])
    return node if node is ACTIVE else Static(None)


def _sequence(like: Any, children: list[Any]) -> Any:
    if type(like) is list:
        return children
    # a named tuple takes its fields one by one
    return like._make(children) if hasattr(like, "_make") else type(like)(children)


def _same(kept: Any, given: Any) -> bool:
    if kept is given:
        return True
    try:
        return type(kept) is type(given) and bool(kept == given)
    except Exception:  # equality of foreign objects may do anything
        return False


def described(thing: Any) -> str:
    """A few words on what was found, for messages."""
    if thing is None:
        return "None"
    if isinstance(thing, Mapping):
        return f"a dict with the keys {', '.join(map(str, sorted(thing))) or '(none)'}"
    if isinstance(thing, list | tuple):
        return f"a {type(thing).__name__} of {len(thing)}"
    if isinstance(thing, Slot):
        return thing.value
    if isinstance(thing, Static):
        return described(thing.value)
    if hasattr(thing, "shape"):
        return f"an array of shape {shape_of(thing)} and dtype {dtype_of(thing)}"
    return f"a {type(thing).__name__}"


def shape_of(leaf: Any) -> tuple[int, ...]:
    """The shape of an array as a plain tuple."""
    return tuple(leaf.shape)


def dtype_of(leaf: Any) -> Any:
    """The library's own dtype object, or None where its arrays have none."""
    return getattr(leaf, "dtype", None)


@lru_cache(maxsize=256)
def kind_of(dtype: Any) -> str:
    """``real``, ``complex`` or ``other`` (whole numbers, truth values), by the dtype's name."""
    name = str(dtype)
    if "complex" in name:
        return "complex"
    return "other" if "int" in name or "bool" in name else "real"
