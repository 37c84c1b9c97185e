"""The ladder behind a slope: what the difference quotients were at each step.

A reader who doubts a verdict of finite differences sees by it whether they settle, and at what.
Kept is how far each quotient is from the slope that was made of all of them, which stands beside it
in full: rounded to a few digits, that still gives the distance to any other number to as many
digits, where rounded quotients would show nothing that is smaller than their last digit.
"""

from __future__ import annotations

import math

import numpy as np

from gradtier.oracle.differences import Samples

Ladder = tuple[tuple[float, float], ...]
"""Steps, coarsest first, each with the central difference quotient less the slope."""

MOST_RUNGS = 16
"""Of 24 rows every third is left out: that is enough for a plot, and small enough for a record."""

DIGITS = 6
"""Significant digits of a rung."""


def ladder(samples: Samples, column: int, slope: float, length: float = 1.0) -> Ladder:
    """The ladder of one column.

    Args:
        samples: what was sampled along a line.
        column: which of its columns.
        slope: the slope that the verdict names, per unit of the element.
        length: of the line's direction, in that unit.

    Returns:
        up to 16 rungs; those where the function is not finite are left out, and all of them
        where the slope is not.
    """
    if not math.isfinite(slope):
        return ()
    rows = np.unique(np.linspace(0, samples.rows - 1, min(samples.rows, MOST_RUNGS)).round())
    rungs = []
    with np.errstate(all="ignore"):
        for row in rows.astype(int):
            step = float(samples.steps[row]) * length
            rise = float(samples.plus[row, column]) - float(samples.minus[row, column])
            off = rise / (2.0 * step) - slope if step else math.nan
            if math.isfinite(off):
                rungs.append((_rounded(step), _rounded(off)))
    return tuple(rungs)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
