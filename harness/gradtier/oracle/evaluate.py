"""Calling what others wrote: primals and derivative maps, counted, checked and made flat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradtier.oracle.constants import CHUNK_ELEMENTS
from gradtier.oracle.draws import flat
from gradtier.oracle.types import Array, BatchedPrimal, Leaves, Map, OracleError, Query, as_leaves


class Evaluator:
    """A primal at many points, as flat rows; whatever goes wrong at a point makes its row NaN.

    Attributes:
        count: evaluations so far.
        value: the leaves at the base point, which fix the output's shapes.
    """

    def __init__(self, primal: BatchedPrimal, x: Leaves, value: Leaves | None = None) -> None:
        """Evaluates the primal at `x` unless its value is already known.

        Raises:
            OracleError: if the primal fails at `x` itself.
        """
        self._primal = primal
        self.count = 0
        self.value = self._base(x) if value is None else value
        self._size = sum(leaf.size for leaf in self.value)
        self._shapes = [leaf.shape for leaf in self.value]
        self._input_size = sum(leaf.size for leaf in x)

    def _base(self, x: Leaves) -> Leaves:
        self.count += 1
        try:
            with np.errstate(all="ignore"):
                answers = self._primal([_copied(x)])
        except Exception as error:
            raise OracleError(
                f"the primal raises at the point itself: {type(error).__name__}: {error}"
            ) from error
        if len(answers) != 1:
            raise OracleError(
                f"the primal answered {len(answers)} times for one point; wrap it with batched()"
            )
        return tuple(np.array(leaf) for leaf in as_leaves(answers[0]))

    def rows(self, points: Sequence[Leaves]) -> Array:
        """The flat values at the points, shape (points, outputs), in batches of bounded size."""
        out = np.full((len(points), self._size), np.nan)
        per_batch = max(1, CHUNK_ELEMENTS // max(1, self._size + self._input_size))
        for start in range(0, len(points), per_batch):
            part = points[start : start + per_batch]
            for i, row in enumerate(self._batch(part)):
                if row is not None:
                    out[start + i] = row
        return out

    def _batch(self, points: Sequence[Leaves]) -> list[Array | None]:
        self.count += len(points)
        try:
            with np.errstate(all="ignore"):
                answers = self._primal(points)
            if len(answers) == len(points):
                return [self._row(answer) for answer in answers]
        except Exception:
            if len(points) == 1:
                return [None]
        if len(points) == 1:
            return [None]
        return [self._batch([point])[0] for point in points]

    def _row(self, answer: Leaves) -> Array | None:
        try:
            leaves = as_leaves(answer)
        except (TypeError, ValueError):
            return None
        if [leaf.shape for leaf in leaves] != self._shapes:
            return None
        return flat(leaves)


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


class Asker:
    """A derivative map whose answers are shaped like `like`; counts its calls."""

    def __init__(self, derivative: Map, like: Leaves) -> None:
        """Keeps the map and the shapes that its answers must have."""
        self._map = derivative
        self._shapes = [leaf.shape for leaf in like]
        self._size = sum(leaf.size for leaf in like)
        self.count = 0

    def ask(self, queries: Sequence[Query]) -> Answers:
        """All queries in one call; exceptions of the map are the caller's to handle."""
        self.count += len(queries)
        with np.errstate(all="ignore"):
            answers = self._map([(_copied(point), _copied(seed)) for point, seed in queries])
        rows = np.zeros((len(queries), self._size))
        missing = []
        if len(answers) != len(queries):
            return Answers(rows, (), f"{len(queries)} queries but {len(answers)} answers")
        for row, answer in zip(rows, answers, strict=True):
            fault = self._fill(row, answer)
            if fault is not None:
                return Answers(rows, (), fault)
            missing.append(tuple(leaf is None for leaf in answer))
        return Answers(rows, tuple(missing))

    def _fill(self, row: Array, answer: Sequence[Array | None]) -> str | None:
        if len(answer) != len(self._shapes):
            return f"{len(answer)} leaves where {len(self._shapes)} were expected"
        start = 0
        for number, (leaf, shape) in enumerate(zip(answer, self._shapes, strict=True)):
            size = int(np.prod(shape))
            if leaf is not None:
                array = np.asarray(leaf)
                if array.shape != shape:
                    return f"leaf {number} has shape {array.shape}, expected {shape}"
                if array.dtype.kind not in "fiub":
                    return f"leaf {number} has dtype {array.dtype}, expected real numbers"
                row[start : start + size] = array.ravel()
            start += size
        return None


def trusted(answers: Answers, who: str) -> Answers:
    """The answers of a witness, whose faults are errors of the question.

    Raises:
        OracleError: if they have the wrong number or shapes.
    """
    if answers.fault is not None:
        raise OracleError(f"{who}: {answers.fault}")
    return answers


def _copied(leaves: Leaves) -> Leaves:
    return tuple(np.array(leaf) for leaf in leaves)
