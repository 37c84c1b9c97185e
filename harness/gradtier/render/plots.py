"""Error against finite-difference step, as numbers for an SVG that a template draws.

Both axes are logarithmic.  A derivative that is right comes closer to the difference quotients as
the step shrinks, until rounding takes over; one that is wrong stays where it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gradtier.render.trials import as_float
from gradtier.render.words import number

WIDTH, HEIGHT = 400, 260
LEFT, RIGHT, TOP, BOTTOM = 58.0, 20.0, 12.0, 42.0
MOST_TICKS = 6
UNIT = 2.0**-53  # nothing is told apart below this share of the slope
MOST_RUNGS = 64  # a stranger's evidence may hold any number


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where, and its power of ten."""

    at: float
    power: int


@dataclass(frozen=True)
class Curve:
    """One line of the plot: its points, and the same as the text of ``points=``."""

    points: tuple[tuple[float, float], ...]
    path: str


@dataclass(frozen=True)
class Plot:
    """One ladder, drawn.

    Attributes:
        got: distance of the quotients from what the backend gave.
        other, of: the same from another number, to compare; and from which.
        bar: height of the claimed uncertainty, if that is on the plot.
        x, y: the marks on the axes.
        rows: step, quotient and the distances, in words.
        says: what the plot shows, for a reader who can't see it.
    """

    got: Curve
    other: Curve | None
    of: str
    bar: float | None
    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    rows: tuple[tuple[str, str, str, str], ...]
    says: str


def plot(verdict: Mapping[str, Any] | None) -> Plot | None:
    """The plot of the worst element's ladder; None where the record has none to show."""
    worst = (verdict or {}).get("worst") or {}
    got, slope = as_float(worst.get("got")), as_float(worst.get("fd"))
    rungs = list(_rungs(worst.get("ladder")))
    if len(rungs) < 2 or not (math.isfinite(got) and math.isfinite(slope)):
        return None
    error = as_float(worst.get("fd_error"))
    factor = 1.0 if "kink" in (verdict or {}).get("findings", ()) else 8.0
    bar = factor * error if 0 < factor * error < math.inf else 0.0
    of, other = _compared(got, as_float(worst.get("reference")), slope, bar)
    mine = [(h, abs(off + (slope - got))) for h, off in rungs]
    theirs = [(h, abs(off + (slope - other))) for h, off in rungs] if of else []
    shown = [e for _, e in (*mine, *theirs, (0.0, bar)) if 0 < e < math.inf]
    if not shown:
        return None
    least = max(min(shown), min(UNIT * abs(slope), max(shown)))
    across = _Axis(min(h for h, _ in rungs), max(h for h, _ in rungs), LEFT, WIDTH - RIGHT)
    up = _Axis(least, max(shown), HEIGHT - BOTTOM, TOP)
    offs = [number(e, 3) for _, e in theirs] or [""] * len(rungs)
    return Plot(
        got=_curve(mine, across, up),
        other=_curve(theirs, across, up) if of else None, of=of,
        bar=up.at(bar) if bar else None, x=across.ticks(), y=up.ticks(),
        rows=tuple(
            (number(h, 3), number(slope + off, 12), number(m, 3), their)
            for (h, off), (_, m), their in zip(rungs, mine, offs, strict=True)
        ),
        says=_says(mine, of, theirs, bar),
    )  # fmt: skip


def _compared(got: float, reference: float, slope: float, bar: float) -> tuple[str, float]:
    """What the backend's number is compared with: something that behaves otherwise, if there is."""
    wrong = abs(got - slope) > bar
    if math.isfinite(reference) and not (wrong and abs(reference - slope) > bar):
        return "the reference", reference
    return ("the slope they settle at", slope) if wrong else ("", math.nan)


def _rungs(found: object) -> Iterator[tuple[float, float]]:
    if not isinstance(found, Mapping):
        return
    steps, offs = found.get("step"), found.get("off")
    if not isinstance(steps, list | tuple) or not isinstance(offs, list | tuple):
        return
    for step, off in list(zip(steps, offs, strict=False))[:MOST_RUNGS]:
        h, distance = as_float(step), as_float(off)
        if 0 < h < math.inf and math.isfinite(distance):
            yield h, distance


class _Axis:
    """A logarithmic axis over whole powers of ten."""

    def __init__(self, low: float, high: float, first: float, last: float) -> None:
        self.low, self.high = math.floor(math.log10(low)), math.ceil(math.log10(high))
        self.high = max(self.high, self.low + 1)
        self.first, self.last = first, last

    def at(self, value: float) -> float:
        """Where a value lies; zero, and what is below the axis, at its end."""
        power = math.log10(value) if value > 0 else self.low
        share = (min(max(power, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.first + share * (self.last - self.first), 1)

    def ticks(self) -> tuple[Tick, ...]:
        """A few powers of ten, evenly apart."""
        step = math.ceil((self.high - self.low) / MOST_TICKS)
        return tuple(
            Tick(self.at(10.0**power), power) for power in range(self.low, self.high + 1, step)
        )


def _curve(points: Iterable[tuple[float, float]], across: _Axis, up: _Axis) -> Curve:
    placed = tuple((across.at(h), up.at(error)) for h, error in points if error < math.inf)
    return Curve(placed, " ".join(f"{x:g},{y:g}" for x, y in placed))


def _says(
    mine: list[tuple[float, float]], of: str, theirs: list[tuple[float, float]], bar: float
) -> str:
    parts = [_range("the derivative got", mine), *([_range(of, theirs)] if of else ())]
    if bar:
        parts.append(f"the uncertainty claimed is {number(bar, 2)}")
    return "; ".join(parts)


def _range(of: str, points: list[tuple[float, float]]) -> str:
    coarse, best = points[0][1], min(error for _, error in points)
    return f"distance from {of}: {number(coarse, 2)} at the largest step, {number(best, 2)} at best"
