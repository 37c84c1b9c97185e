"""Structured control flow for NumPy, which has none of its own: plain Python loops and branches.

Finite differences run on these; they also say what each name of the group ``control`` means.
Carries, sequences and outputs are arrays or pytrees of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradtier import trees


def names() -> dict[str, Any]:
    """The group ``control``."""
    return {
        "associative_scan": associative_scan,
        "checkpoint": lambda f: f,
        "cond": cond,
        "fori_loop": fori_loop,
        "map": mapped,
        "scan": scan,
        "stop_gradient": lambda x: x,
        "switch": switch,
        "vmap": vmap,
        "while_loop": while_loop,
    }


def scan(f: Callable[..., Any], carry: Any, xs: Any) -> tuple[Any, Any]:
    """``carry, y = f(carry, x)`` along the first axis of ``xs``; the last carry, and every y.

    ``ys`` is None where there are no steps, and where ``f`` says None.
    """
    found = []
    for i in range(_length(xs)):
        carry, y = f(carry, _row(xs, i))
        found.append(y)
    return carry, _stacked(found)


def while_loop(cond: Callable[[Any], Any], body: Callable[[Any], Any], state: Any) -> Any:
    """``state = body(state)`` while ``cond(state)``."""
    while cond(state):
        state = body(state)
    return state


def fori_loop(n: int, body: Callable[[Any, Any], Any], state: Any) -> Any:
    """``state = body(i, state)`` for i in 0, ..., n - 1."""
    for i in range(n):
        state = body(i, state)
    return state


def cond(
    pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], *operands: Any
) -> Any:
    """One of two functions of the operands."""
    return true_fn(*operands) if pred else false_fn(*operands)


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """One of several functions of the operands; ``index`` is a whole number within range."""
    return branches[int(index)](*operands)


def vmap(f: Callable[..., Any]) -> Callable[..., Any]:
    """``f`` of every entry along the first axis of its arguments, stacked."""
    return lambda *x: _stacked([f(*_row(x, i)) for i in range(_length(x))])


def mapped(f: Callable[[Any], Any], xs: Any) -> Any:
    """``f`` of every entry along the first axis of ``xs``, one after the other, stacked."""
    return _stacked([f(_row(xs, i)) for i in range(_length(xs))])


def associative_scan(f: Callable[[Any, Any], Any], xs: Any) -> Any:
    """The running combination by ``f``, which is associative, along the first axis of ``xs``.

    ``f`` works element by element: libraries call it with whole slices.
    """
    found = [_row(xs, 0)]
    for i in range(1, _length(xs)):
        found.append(f(found[-1], _row(xs, i)))
    return _stacked(found)


def _length(xs: Any) -> int:
    return len(trees.leaves(xs)[0])


def _row(xs: Any, i: int) -> Any:
    return trees.mapped(lambda a: a[i], xs)


def _stacked(found: list[Any]) -> Any:
    if not found or found[0] is None:
        return None
    columns = zip(*map(trees.leaves, found), strict=True)
    return trees.replace(found[0], iter([np.stack(list(c)) for c in columns]))
