"""The values that kink conventions can reach when several kinks meet in one number.

A backend chooses a one-sided slope (or something between) for each kink by itself. Where a number
sums over several kinks, as <w, f> does over outputs and a pushforward over inputs, the chosen sum
may lie outside the interval between the one-sided slopes of the sum, and even where the sum is
smooth: d/dx (relu(x) - relu(-x)) at 0. The sum of the single intervals contains every choice.

Most wrong values are wrong where nothing has a kink. A few rows tell: the second difference over
h bounds how far apart one-sided slopes can be, and where two claims are further apart than all
these bounds together, no convention explains both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gradtier.oracle import differences
from gradtier.oracle.constants import CHUNK_ELEMENTS, FD_FACTOR, FULL_ROWS, ROWS, SMALL_INPUT, UNIT
from gradtier.oracle.differences import Samples
from gradtier.oracle.draws import basis, flat, unflatten
from gradtier.oracle.evaluate import Evaluator
from gradtier.oracle.lines import Columns, Line, sample
from gradtier.oracle.types import Array, Leaves

Interval = tuple[float, float]
Terms = tuple[Samples, Array]
"""What a number sums over: a column of samples per term, and the terms' weights."""


def pulled(
    x: Leaves,
    value: Leaves,
    cotangent: Leaves,
    index: int,
    apart: float,
    evaluator: Evaluator,
) -> Interval | None:
    """The reachable values of one element of a pullback.

    Args:
        x: the point.
        value: the primal there.
        cotangent: the seed.
        index: flat index of the element.
        apart: how far the claims lie apart that are to be explained.
        evaluator: the primal.

    Returns:
        The interval; None if it cannot explain claims so far apart, or is not known.
    """
    weights = flat(cotangent)
    if weights.size < 2 or 2 * FULL_ROWS * weights.size > CHUNK_ELEMENTS:
        return None
    axis, length = basis(x, index)
    line = Line.through(x, axis, Columns(), value)

    def terms() -> list[Terms]:
        return [(line.samples, weights / length)]

    return _intervals([line], terms, np.array([apart]), evaluator)[0]


def pushed(
    x: Leaves,
    value: Leaves,
    tangent: Leaves,
    outputs: Sequence[int],
    apart: Array,
    evaluator: Evaluator,
) -> list[Interval | None]:
    """The reachable values of some outputs of a pushforward.

    It takes up to 48 evaluations per input element that the tangent moves, for all outputs
    together, so it is for small inputs.

    Args:
        x: the point.
        value: the primal there.
        tangent: the seed.
        outputs: flat indices of the outputs.
        apart: how far the claims for each output lie apart, shape (outputs,).
        evaluator: the primal.

    Returns:
        Per output the interval; None if it cannot explain claims so far apart, or is not known.
    """
    along = flat(tangent)
    moved = np.flatnonzero(along)
    if moved.size < 2 or moved.size > SMALL_INPUT:
        return [None] * len(outputs)
    weights = np.zeros((len(outputs), flat(value).size))
    weights[np.arange(len(outputs)), outputs] = 1.0
    columns, lines = Columns(weights), []
    for i in moved:
        axis = np.zeros(along.size)
        axis[i] = along[i]
        lines.append(Line.through(x, unflatten(axis, x), columns, value))

    def terms() -> list[Terms]:
        parts = [line.samples for line in lines]
        return [
            (_side_by_side([part.columns(np.array([k])) for part in parts]), np.ones(len(parts)))
            for k in range(len(outputs))
        ]

    return _intervals(lines, terms, apart, evaluator)


def _side_by_side(parts: Sequence[Samples]) -> Samples:
    return Samples(
        np.concatenate([part.plus for part in parts], axis=1),
        np.concatenate([part.minus for part in parts], axis=1),
        np.concatenate([part.base for part in parts]),
        np.concatenate([part.size for part in parts]),
    )


def _intervals(
    lines: Sequence[Line],
    terms: Callable[[], list[Terms]],
    apart: Array,
    evaluator: Evaluator,
) -> list[Interval | None]:
    """Samples until no number can be explained, or to the end."""
    for rows in ROWS:
        sample(lines, rows, evaluator)
        gathered = terms()
        hopeless = np.array([_most(*each) for each in gathered]) < apart
        if hopeless.all():
            return [None] * len(gathered)
    return [None if lost else _summed(*each) for each, lost in zip(gathered, hopeless, strict=True)]


def _most(samples: Samples, weights: Array) -> float:
    """At most so far apart lie two values that conventions can reach, by the finest rows so far.

    Twice the sum of the second differences over h: each tends to |right - left|. The larger one
    of two rows is taken, since a kink and a curvature can cancel in one, not in both.
    """
    used = weights != 0
    h = samples.steps[-2:, None]
    with np.errstate(all="ignore"):
        bend = np.abs(samples.plus[-2:] + samples.minus[-2:] - 2.0 * samples.base) / h
        bend = np.max(bend + 4.0 * UNIT * samples.size / h, axis=0)
        most = 2.0 * float(np.sum((np.abs(weights) * bend)[used]))
    return most if np.isfinite(most) else np.inf


def _summed(samples: Samples, weights: Array) -> Interval | None:
    """The sum of weights times single intervals; None without a kink or with a jump."""
    about, found = differences.sides(samples), differences.estimate(samples)
    used = weights != 0
    if not (about.kink & used).any() or (about.jump & used).any():
        return None
    with np.errstate(all="ignore"):
        low = np.where(about.kink, np.minimum(about.left, about.right), found.value)
        high = np.where(about.kink, np.maximum(about.left, about.right), found.value)
        bar = FD_FACTOR * np.where(about.kink, about.left_error + about.right_error, found.error)
        ends = np.array([weights * low, weights * high])[:, used]
        wide = float(np.sum((np.abs(weights) * bar)[used]))
        bottom, top = float(np.sum(ends.min(axis=0))), float(np.sum(ends.max(axis=0)))
    if not np.isfinite(wide):
        return None
    return bottom - wide, top + wide
