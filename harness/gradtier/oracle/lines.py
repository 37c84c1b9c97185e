"""Lines through the point: what has been sampled along them, and sampling more in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradtier.oracle.constants import CHUNK_ELEMENTS
from gradtier.oracle.differences import Samples, steps
from gradtier.oracle.draws import flat
from gradtier.oracle.evaluate import Evaluator
from gradtier.oracle.types import Array, Leaves


@dataclass(frozen=True)
class Columns:
    """How values of the primal become the columns that are differenced.

    Attributes:
        weights: None to keep every output as its own column (a pushforward), or shape
            (columns, outputs): each column is a weighted sum of the outputs (a pullback).
    """

    weights: Array | None = None

    def of(self, values: Array) -> Array:
        """Columns of values shaped (points, outputs)."""
        if self.weights is None:
            return values
        with np.errstate(all="ignore"):
            return np.asarray(values @ self.weights.T)

    def bars(self, errors: Array) -> Array:
        """Errors of the columns from those of the outputs, shape (outputs,), infinite ones too."""
        if self.weights is None:
            return errors
        with np.errstate(all="ignore"):
            return np.asarray(np.abs(self.weights) @ errors)

    def sizes(self, values: Array) -> Array:
        """The largest magnitude of the terms behind each column over points (finite ones)."""
        with np.errstate(all="ignore"):
            terms = np.abs(values)
            if self.weights is not None:
                terms = terms @ np.abs(self.weights.T)
        if not len(terms):
            return np.zeros(terms.shape[1:])
        return np.asarray(np.max(np.where(np.isfinite(terms), terms, 0.0), axis=0))


@dataclass
class Line:
    """One direction through `x`, with what has been sampled along it so far."""

    x: Leaves
    direction: Leaves
    columns: Columns
    samples: Samples

    @classmethod
    def through(cls, x: Leaves, direction: Leaves, columns: Columns, value: Leaves) -> Line:
        """A line with nothing sampled yet but the point itself."""
        base = flat(value)[None]
        empty = np.zeros((0, columns.of(base).shape[1]))
        start = Samples(empty, empty, columns.of(base)[0], columns.sizes(base))
        return cls(x, direction, columns, start)

    def points(self, h: Array) -> list[Leaves]:
        """The points at +h[0], -h[0], +h[1], -h[1], ..."""
        t = np.repeat(h, 2) * np.tile([1.0, -1.0], len(h))
        moved = [
            leaf + t.reshape(-1, *[1] * leaf.ndim) * along
            for leaf, along in zip(self.x, self.direction, strict=True)
        ]
        return [tuple(part[i] for part in moved) for i in range(len(t))]


def sample(lines: Sequence[Line], rows: int, evaluator: Evaluator) -> None:
    """Samples all lines up to a number of rows, all their points in as few batches as fit."""
    if not lines:
        return
    elements = flat(lines[0].x).size + flat(evaluator.value).size
    per_line = 2 * rows * max(1, elements)
    group = max(1, CHUNK_ELEMENTS // per_line)
    for start in range(0, len(lines), group):
        _sample(lines[start : start + group], rows, evaluator)


def _sample(lines: Sequence[Line], rows: int, evaluator: Evaluator) -> None:
    points: list[Leaves] = []
    for line in lines:
        points += line.points(steps(rows)[line.samples.rows :])
    if not points:
        return
    values = evaluator.rows(points)
    start = 0
    for line in lines:
        new = max(0, rows - line.samples.rows)
        if not new:
            continue
        mine = values[start : start + 2 * new]
        start += 2 * new
        old, columns = line.samples, line.columns.of(mine)
        line.samples = Samples(
            np.concatenate([old.plus, columns[0::2]]),
            np.concatenate([old.minus, columns[1::2]]),
            old.base,
            np.maximum(old.size, line.columns.sizes(mine)),
        )
