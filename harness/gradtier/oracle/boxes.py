"""The values that kink conventions can reach when several kinks meet in one number.

A backend chooses a one-sided slope (or something between) for each kink by itself. Where a number
sums over several kinks, as <w, f> does over outputs and a pushforward over inputs, the chosen sum
may lie outside the interval between the one-sided slopes of the sum, and even where the sum is
smooth: d/dx (relu(x) - relu(-x)) at 0. The sum of the single intervals contains every choice.
"""

from __future__ import annotations

import numpy as np

from gradtier.oracle import differences
from gradtier.oracle.constants import CHUNK_ELEMENTS, FD_FACTOR, FULL_ROWS, SMALL_INPUT
from gradtier.oracle.differences import Samples
from gradtier.oracle.draws import basis, flat, unflatten
from gradtier.oracle.evaluate import Evaluator
from gradtier.oracle.lines import Columns, Line, sample
from gradtier.oracle.types import Array, Leaves

Interval = tuple[float, float]


def pulled(
    x: Leaves, value: Leaves, cotangent: Leaves, index: int, evaluator: Evaluator
) -> Interval | None:
    """The reachable values of one element of a pullback, or None if only one kink is involved.

    Args:
        x: the point.
        value: the primal there.
        cotangent: the seed.
        index: flat index of the element.
        evaluator: the primal.
    """
    weights = flat(cotangent)
    if weights.size < 2 or 2 * FULL_ROWS * weights.size > CHUNK_ELEMENTS:
        return None
    axis, length = basis(x, index)
    line = Line.through(x, axis, Columns(), value)
    sample([line], FULL_ROWS, evaluator)
    return _summed(line.samples, weights / length)


def pushed(
    x: Leaves, value: Leaves, tangent: Leaves, output: int, evaluator: Evaluator
) -> Interval | None:
    """The reachable values of one output of a pushforward, or None if it cannot be known.

    It takes 48 evaluations per input element that the tangent moves, so it is for small inputs.

    Args:
        x: the point.
        value: the primal there.
        tangent: the seed.
        output: flat index of the output.
        evaluator: the primal.
    """
    along = flat(tangent)
    moved = np.flatnonzero(along)
    if moved.size < 2 or moved.size > SMALL_INPUT:
        return None
    weights = np.zeros((1, flat(value).size))
    weights[0, output] = 1.0
    columns, lines = Columns(weights), []
    for i in moved:
        axis = np.zeros(along.size)
        axis[i] = along[i]
        lines.append(Line.through(x, unflatten(axis, x), columns, value))
    sample(lines, FULL_ROWS, evaluator)
    parts = [line.samples for line in lines]
    joined = Samples(
        np.concatenate([part.plus for part in parts], axis=1),
        np.concatenate([part.minus for part in parts], axis=1),
        np.concatenate([part.base for part in parts]),
        np.concatenate([part.size for part in parts]),
    )
    return _summed(joined, np.ones(len(lines)))


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
