"""Asking a derivative map that others wrote: counted, checked, watched and made flat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradtier.oracle.evaluate import copied
from gradtier.oracle.types import (
    Array,
    Leaves,
    Map,
    OracleError,
    Paired,
    Query,
    as_leaves,
    outward,
)


@dataclass(frozen=True)
class Answers:
    """What a derivative map said to some queries.

    Attributes:
        rows: shape (queries, elements), zero where a leaf was not connected.
        missing: per query and leaf, whether it was not connected.
        fault: a sentence if the leaves had the wrong number or shapes; `rows` is then unusable.
    """

    rows: Array
    missing: tuple[tuple[bool, ...], ...]
    fault: str | None = None


@dataclass(frozen=True)
class Form:
    """What a derivative map is asked with and answers, as its callers see it.

    Attributes:
        like: leaves shaped like an answer.
        paired: which of them are pairs.
        point, seed: which leaves of a query's point and seed are pairs.
    """

    like: Leaves
    paired: Paired = ()
    point: Paired = ()
    seed: Paired = ()


class Asker:
    """A derivative map whose answers have a known form; counts its calls, watches its manners.

    Attributes:
        count: derivative evaluations so far.
        mutated: a point or a seed that it was given has changed.
        overwritten: an earlier answer changed while a later one was computed.
    """

    def __init__(self, derivative: Map, form: Form) -> None:
        """Keeps the map and the shapes that its answers must have."""
        self._map, self._form = derivative, form
        self._shapes = [leaf.shape for leaf in form.like]
        self._sizes = [leaf.size for leaf in form.like]
        self._paired = form.paired or (False,) * len(form.like)
        self._first: tuple[Sequence[Array | None], Array] | None = None
        self.count = 0
        self.mutated = self.overwritten = False

    def ask(self, queries: Sequence[Query]) -> Answers:
        """All queries in one call; exceptions of the map are the caller's to handle."""
        self.count += len(queries)
        form = self._form
        given = [
            (outward(copied(x), form.point), outward(copied(seed), form.seed))
            for x, seed in queries
        ]
        with np.errstate(all="ignore"):
            answers = self._map(given)
        for (x, seed), (point, direction) in zip(queries, given, strict=True):
            kept = _unchanged(x, point, form.point) and _unchanged(seed, direction, form.seed)
            self.mutated = self.mutated or not kept
        rows = np.zeros((len(queries), sum(self._sizes)))
        missing = []
        if len(answers) != len(queries):
            return Answers(rows, (), f"{len(queries)} queries but {len(answers)} answers")
        for row, answer in zip(rows, answers, strict=True):
            fault = self._fill(row, answer)
            if fault is not None:
                return Answers(rows, (), fault)
            missing.append(tuple(leaf is None for leaf in answer))
        self._watch(answers, rows)
        return Answers(rows, tuple(missing))

    def _watch(self, answers: Sequence[Sequence[Array | None]], rows: Array) -> None:
        """Compares the first answer ever given with what it was."""
        if self._first is None:
            if not len(rows):
                return
            self._first = answers[0], rows[0].copy()
            if len(rows) > 1:
                # One buffer for both: harmless only where the answer is zero whatever is asked.
                self.overwritten = bool(rows[0].any()) and _share(answers[0], answers[1])
            return
        answer, was = self._first
        now = np.zeros_like(was)
        if self._fill(now, answer) is not None or not np.array_equal(now, was, equal_nan=True):
            self.overwritten = True

    def _fill(self, row: Array, answer: Sequence[Array | None]) -> str | None:
        if len(answer) != len(self._shapes):
            return f"{len(answer)} leaves where {len(self._shapes)} were expected"
        start = 0
        for number, leaf in enumerate(answer):
            size = self._sizes[number]
            if leaf is not None:
                array, shape = np.asarray(leaf), self._shapes[number]
                if self._paired[number]:
                    array = (
                        np.asarray(array, dtype=np.complex128)
                        if array.dtype.kind in "fiub"
                        else array
                    )
                if array.dtype.kind not in "fiub" or self._paired[number]:
                    try:
                        (array,) = as_leaves((array,))
                    except OracleError as error:
                        return f"leaf {number}: {error}"
                if array.shape != shape:
                    return (
                        f"leaf {number} has {_described(leaf, array, shape, self._paired[number])}"
                    )
                row[start : start + size] = array.ravel()
            start += size
        return None


def _described(leaf: Array, stored: Array, shape: tuple[int, ...], pair: bool) -> str:
    """Shapes as the caller knows them, or the dtype where only that is strange."""
    seen, wanted = np.shape(leaf), shape[:-1] if pair else shape
    if seen == wanted:
        return f"dtype {np.asarray(leaf).dtype}, expected real numbers"
    return f"shape {seen}, expected {wanted}"


def _unchanged(before: Leaves, after: Leaves, paired: Paired) -> bool:
    now = as_leaves(after) if any(paired) else after
    return all(a.tobytes() == b.tobytes() for a, b in zip(before, now, strict=True))


def _share(first: Sequence[Array | None], second: Sequence[Array | None]) -> bool:
    return any(
        a is not None and b is not None and np.may_share_memory(a, b)
        for a, b in zip(first, second, strict=True)
    )


def trusted(answers: Answers, who: str) -> Answers:
    """The answers of a witness, whose faults are errors of the question.

    Raises:
        OracleError: if they have the wrong number or shapes.
    """
    if answers.fault is not None:
        raise OracleError(f"{who}: {answers.fault}")
    return answers
