"""Smaller and simpler inputs: what may be tried next, in the order in which it is tried.

A point is a tuple of arrays, one for each leaf of a case's inputs, constant ones included.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradtier.messages import Leaves


def shorter(point: Leaves) -> Iterator[Leaves]:
    """Fewer and shorter axes: those of one length alike in all arrays first, then one by one."""
    lengths = sorted({n for a in point for n in a.shape if n > 1}, reverse=True)
    for n in lengths:
        everywhere = [(i, d) for i, a in enumerate(point) for d in range(a.ndim) if a.shape[d] == n]
        yield from _cut(point, everywhere, n)
        if len(everywhere) > 1:
            for place in everywhere:
                yield from _cut(point, [place], n)
    for i, a in enumerate(point):
        for d in range(a.ndim):
            if a.shape[d] == 1:
                yield _with(point, i, np.asarray(np.squeeze(a, d)))


def _cut(point: Leaves, places: list[tuple[int, int]], n: int) -> Iterator[Leaves]:
    for kept in _kept(n):
        yield tuple(_taken(a, [d for j, d in places if j == i], kept) for i, a in enumerate(point))


def _kept(n: int) -> Iterator[list[int]]:
    """Entries to keep: one, a half, all but one."""
    if n > 2:
        yield [0]
        yield list(range(n // 2))
        yield list(range(n // 2, n))
    for gone in range(n):
        yield [i for i in range(n) if i != gone]


def _taken(a: Any, axes: list[int], kept: list[int]) -> Any:
    for axis in axes:
        a = np.take(a, kept, axis=axis)
    return np.asarray(a)


def simpler(point: Leaves, free: list[bool]) -> Iterator[Leaves]:
    """Simpler numbers: a whole array first, then element by element.

    Args:
        point: the arrays.
        free: which of them hold numbers that may be others: no indices, no masks.
    """
    for i, a in enumerate(point):
        if not free[i]:
            continue
        for made in _whole(a):
            if _plainer(made, a):
                yield _with(point, i, made)
    for i, a in enumerate(point):
        for k in range(a.size if free[i] else 0):
            for number in _numbers(a.flat[k]):
                made = np.array(a)
                made.flat[k] = number
                if _plainer(made, a):
                    yield _with(point, i, made)


def _whole(a: Any) -> Iterator[Any]:
    yield np.zeros_like(a)
    yield np.ones_like(a)
    for places in (0, 1, 2):
        yield np.asarray(np.round(a, places))


def _numbers(e: Any) -> Iterator[Any]:
    yield from (0.0, 1.0, -1.0, 2.0)
    for places in (0, 1, 2):
        yield np.round(e, places)


def _plainer(made: Any, than: Any) -> bool:
    return bool(cost(made) < cost(than)) and bool(np.isfinite(made).all())


def cost(a: Any) -> int:
    """How much a reader has to read: zeros cost least, then ones, then short numbers."""
    total = 0
    for e in np.asarray(a).ravel().tolist():
        parts = (e.real, e.imag) if isinstance(e, complex) else (e,)
        total += sum(0 if p == 0 else 1 if p == 1 else 1 + len(f"{p:.8g}") for p in parts)
    return total


def _with(point: Leaves, i: int, a: Any) -> Leaves:
    return (*point[:i], a, *point[i + 1 :])
