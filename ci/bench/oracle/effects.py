"""What a broken map changes that a caller can see, and whether a precision resolves it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from systems import Question, System

from gradtier.oracle import Leaves, Map, Query, as_leaves
from gradtier.oracle.constants import PRECISIONS
from gradtier.oracle.draws import FAMILIES, cotangents, direction, flat, jittered
from gradtier.oracle.types import outward, pairing

Array = NDArray[Any]
Told = Sequence[Array | None]

#: Answers that a map remembers; the largest functions have 0.8 MB each.
REMEMBERED = 128


class Setting:
    """A question, the system that answers it rightly, and what its right answers are.

    The right map remembers its answers: some thirty faults are built around the same few.
    """

    def __init__(self, question: Question, system: System, dtype: str) -> None:
        self.question, self.system, self.dtype = question, system, dtype
        self.right = remembering(system.map(question, dtype))

    @cached_property
    def x(self) -> Leaves:
        """The point."""
        return self.question.leaves()[0]

    @cached_property
    def value(self) -> Leaves:
        """The primal at the point."""
        return self.question.primal()(self.x)

    @cached_property
    def seeds(self) -> tuple[Leaves, ...]:
        """The seeds that the oracle draws for this question."""
        name, x = self.question.name, self.x
        if self.question.kind == "vjp":
            drawn = cotangents(name, as_leaves(self.value))
            return tuple(outward(seed, pairing(self.value)) for seed in drawn)
        moves = (direction(name, as_leaves(x), family) for family in FAMILIES)
        return tuple(outward(move, pairing(x)) for move in moves)

    @cached_property
    def beside(self) -> Leaves:
        """A point close by."""
        return outward(jittered(self.question.name, as_leaves(self.x)), pairing(self.x))

    @property
    def like(self) -> Leaves:
        """Leaves shaped like an answer."""
        return self.value if self.question.kind == "jvp" else self.x

    @cached_property
    def answer(self) -> Leaves:
        """The right answer to the first seed."""
        return self.filled(self.right([(self.x, self.seeds[0])])[0])

    def filled(self, told: Told) -> Leaves:
        """An answer with "not connected" leaves as the zeros that they mean."""
        pairs = zip(told, self.like, strict=True)
        return tuple(np.zeros(b.shape) if a is None else np.asarray(a) for a, b in pairs)


@dataclass(frozen=True)
class Effect:
    """What a caller can see of a fault.

    Attributes:
        structural: a wrong shape, a changed input.
        difference: |broken - right| per query and element, shape (queries, elements).
        right: the right answers, shape (queries, elements).
        seeds: per query the number of its seed.
    """

    structural: bool
    difference: Array
    right: Array
    seeds: tuple[int, ...]

    def anything(self, dtype: str) -> bool:
        """Whether any element differs by more than its own rounding."""
        if self.structural:
            return True
        rounding = 4.0 * PRECISIONS[dtype].unit * np.abs(self.right)
        return bool(np.any(~(self.difference <= rounding) & np.isfinite(self.right)))


def effect(setting: Setting, broken: Map, beside: bool = False) -> Effect:
    """Asks a fresh broken map as a caller would: a batch, then a second call.

    Answers are looked at after the last call, as they then are: one that was overwritten shows.

    Args:
        setting: the question with its right answers.
        broken: the map.
        beside: ask at a point close by too.
    """
    x, (first, second) = setting.x, setting.seeds
    calls: list[list[Query]] = [[(x, first), (x, second), (x, first)], [(x, second)]]
    if beside:
        calls.append([(setting.beside, first)])
    structural, told, right = False, [], []
    for queries in calls:
        given = [(_copied(point), _copied(seed)) for point, seed in queries]
        told += list(broken(given))
        right += [setting.filled(a) for a in setting.right(queries)]
        structural |= any(
            not np.array_equal(a, b)
            for pair, kept in zip(given, queries, strict=True)
            for a, b in zip((*pair[0], *pair[1]), (*kept[0], *kept[1]), strict=True)
        )
    structural |= any(_shapes(setting, answer) for answer in told)
    rows = _rows(right)
    gap = np.zeros(rows.shape)
    if not structural:
        with np.errstate(all="ignore"):
            filled = [_as_complex(setting.filled(a), b) for a, b in zip(told, right, strict=True)]
            gap = np.abs(_rows(filled) - rows)
    return Effect(structural, gap, rows, (0, 1, 0, 1, 0)[: len(rows)])


def resolvable(
    difference: Array, right: Array, dtype: str, noise: Array, hopeless: Array | None = None
) -> bool:
    """Whether a fault is above what the precision resolves, in one element at least.

    Args:
        difference: |broken - right| per element.
        right: the right answer.
        dtype: the tested precision.
        noise: the measured noise per element.
        hopeless: elements whose noise is as large as they are; left out.
    """
    seen = ~(difference <= PRECISIONS[dtype].factor * noise) & np.isfinite(right)
    return bool(np.any(seen if hopeless is None else seen & ~hopeless))


def remembering(derivative: Map) -> Map:
    """The same map with a memory; answers are copies, so that callers may do what they like."""
    known: dict[bytes, list[Array | None]] = {}

    def answer(queries: Sequence[Query]) -> list[list[Array | None]]:
        told = []
        for query in queries:
            key = _digest(query)
            if key not in known:
                (new,) = derivative([query])
                known[key] = [None if a is None else np.array(a) for a in new]
            known[key] = known.pop(key)  # the last one used is the last one forgotten
            told.append([None if a is None else a.copy() for a in known[key]])
        while len(known) > REMEMBERED:
            del known[next(iter(known))]
        return told

    return answer


def _digest(query: Query) -> bytes:
    found = hashlib.blake2b(digest_size=16)
    for a in (*query[0], *query[1]):
        found.update(np.ascontiguousarray(a).data)
    return found.digest()


def _copied(leaves: Leaves) -> Leaves:
    return tuple(np.array(a) for a in leaves)


def _rows(answers: Sequence[Leaves]) -> Array:
    return np.array([flat(as_leaves(leaves)) for leaves in answers])


def _as_complex(told: Leaves, right: Leaves) -> Leaves:
    """A real answer where a complex one is right has the imaginary part zero."""
    return tuple(
        a.astype(np.complex128) if np.iscomplexobj(b) and not np.iscomplexobj(a) else a
        for a, b in zip(told, right, strict=True)
    )


def _shapes(setting: Setting, told: Told) -> bool:
    pairs = list(zip(told, setting.like, strict=False))
    return len(told) != len(setting.like) or any(
        a is not None and a.shape != b.shape for a, b in pairs
    )
