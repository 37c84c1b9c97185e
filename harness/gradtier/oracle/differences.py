"""Finite differences with error bars, as pure functions of samples on the grid h = 2**-(4+j).

Every function works on all columns at once: a column is one scalar function of the step, such as
<w, f(x + t v)> or one output of f. Arrays are shaped (rows, columns) or (columns,), float64.

The central differences follow Ridders (Advances in Engineering Software 4 (1982) 75-76): Richardson
extrapolation in h**2, the error of an entry being its largest change against its neighbours in the
table. Here it is pooled over neighbouring rows, since one lucky coincidence must not look like
certainty, and rounding is added as 2 u max|f| / h.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradtier.oracle.constants import FAST, FD_FACTOR, FIRST_EXPONENT, KINK, UNIT
from gradtier.oracle.types import Array

COLUMNS = 3
ONE_SIDED_COLUMNS = 5
NOISE_ROWS = 16
FINE_ROW = 8
STEADY = 4


@dataclass(frozen=True)
class Samples:
    """Values along a line through a point, on both sides of it.

    Attributes:
        plus: at x + h v, shape (rows, columns); row j is at h = 2**-(4+j).
        minus: at x - h v, the same.
        base: at x, shape (columns,).
        size: magnitude of the terms behind each column, shape (columns,).
    """

    plus: Array
    minus: Array
    base: Array
    size: Array

    @property
    def rows(self) -> int:
        """Number of steps sampled on each side."""
        return len(self.plus)

    @property
    def steps(self) -> Array:
        """The steps h, shape (rows,)."""
        return steps(self.rows)

    def first(self, rows: int) -> Samples:
        """The coarsest rows only."""
        return Samples(self.plus[:rows], self.minus[:rows], self.base, self.size)

    def columns(self, index: Array) -> Samples:
        """Some of the columns (an index array or a mask)."""
        return Samples(
            self.plus[:, index], self.minus[:, index], self.base[index], self.size[index]
        )


@dataclass(frozen=True)
class Estimate:
    """A slope per column, its error bar (infinite when unknown) and the step it came from."""

    value: Array
    error: Array
    step: Array


@dataclass(frozen=True)
class Sides:
    """Both one-sided slopes per column with their bars, and what they say about the point.

    Attributes:
        right: derivative for t -> 0+, and its bar `right_error`.
        left: derivative for t -> 0-, and its bar `left_error`.
        jump: the two sides do not approach each other.
        kink: they do, but the slopes differ by more than their bars.
    """

    right: Array
    right_error: Array
    left: Array
    left_error: Array
    jump: Array
    kink: Array

    def interval(self, slack: Array) -> tuple[Array, Array]:
        """The interval of allowed values, widened by the bars and by `slack`."""
        wide = FD_FACTOR * (self.right_error + self.left_error) + slack
        return np.minimum(self.left, self.right) - wide, np.maximum(self.left, self.right) + wide


def steps(rows: int) -> Array:
    """The grid of steps, coarsest first."""
    return np.asarray(2.0 ** -(FIRST_EXPONENT + np.arange(rows, dtype=np.float64)))


def estimate(samples: Samples, vector: bool = False) -> Estimate:
    """The best entry of the extrapolation table and an honest bar for it.

    From 16 rows on, the fine rows measure the function's actual noise, below which no bar may be.

    Args:
        samples: at least two rows.
        vector: the columns are outputs of one function, so that their relative bars are pooled
            (an output with a much smaller bar than its peers was lucky).
    """
    h = samples.steps
    with np.errstate(all="ignore"):
        value, error, row = _table(samples, h)
        if samples.rows >= NOISE_ROWS:
            error = np.maximum(error, _noise_floor(samples, h, row))
        if vector and error.size >= 8:
            usable = np.isfinite(error) & (samples.size > 0)
            if usable.any():
                typical = np.median(error[usable] / samples.size[usable])
                error = np.maximum(error, min(typical, 1e-8) * samples.size)
    return Estimate(value, error, h[row])


def fast_estimate(samples: Samples) -> Estimate:
    """A slope from the first four rows; its bar is only good enough to confirm a claim."""
    first = samples.first(4)
    h = first.steps
    with np.errstate(all="ignore"):
        previous = (first.plus - first.minus) / (2.0 * h)[:, None]
        best = np.full(first.base.shape, np.nan)
        error = np.full(first.base.shape, np.inf)
        for k in range(1, COLUMNS + 1):
            column = previous[1:] + (previous[1:] - previous[:-1]) / (4.0**k - 1.0)
            change = np.abs(column[-1] - previous[-2]) + 2.0 * UNIT * first.size / h[-1]
            better = change < error
            best, error = np.where(better, column[-1], best), np.where(better, change, error)
            previous = column
    return Estimate(best, error, np.full(best.shape, h[-1]))


def fast_agrees(fast: Estimate, claim: Array, slack: Array, scale: Array) -> Array:
    """Whether the fast path may say that a claim agrees; it never says that one does not."""
    with np.errstate(all="ignore"):
        near = np.abs(claim - fast.value) <= FD_FACTOR * fast.error + slack
        return np.asarray(near & (FD_FACTOR * fast.error <= FAST * scale))


def sides(samples: Samples) -> Sides:
    """One-sided slopes by extrapolation in h; meant for the full number of rows."""
    h = samples.steps
    with np.errstate(all="ignore"):
        rounding = 4.0 * UNIT * samples.size + 2.0 * _quantum(samples)
        if samples.rows >= NOISE_ROWS:
            noise = _row_noise(samples, h)
            high = np.quantile(noise[FINE_ROW:], 0.9, axis=0, method="lower")
            rounding = rounding + 2.0 * np.maximum(high, _grid_noise(noise, samples.size))
        right, right_error = _one_side(samples.plus - samples.base, h, rounding)
        left, left_error = _one_side(samples.base - samples.minus, h, rounding)
        least = 16.0 * UNIT * samples.size
        jump = np.zeros(right.shape, dtype=bool)
        for gap in (
            np.abs(samples.plus - samples.minus),
            np.abs(samples.plus - samples.base),  # the point itself may be the exception
        ):
            if samples.rows >= 9:
                stays = (gap[-1] > 0.9 * gap[-5]) & (gap[-5] > 0.9 * gap[-9])
                jump |= stays & (gap[-1] > 1e3 * least)
        difference = np.abs(right - left)
        kink = difference > FD_FACTOR * (right_error + left_error)
        kink &= difference > KINK * np.maximum(np.abs(right), np.abs(left))
        kink &= ~jump & _steady_bend(samples, difference)
    return Sides(right, right_error, left, left_error, jump, kink)


def _steady_bend(samples: Samples, gap: Array) -> Array:
    """Whether the second difference over h is about |right - left| for several steps on end.

    It is at a kink. Rounding that passes for two slopes gives another value at each step.
    """
    with np.errstate(all="ignore"):
        bend = np.abs(samples.plus + samples.minus - 2.0 * samples.base) / samples.steps[:, None]
        near = (bend > 0.5 * gap) & (bend < 2.0 * gap)
    found = np.zeros(gap.shape, dtype=bool)
    for start in range(samples.rows - STEADY + 1):
        found |= near[start : start + STEADY].all(axis=0)
    return found


def bent(samples: Samples) -> Array:
    """Whether the second difference over h does not shrink with h, as at a kink or a jump.

    Cheap and suspicious: good enough to look closer, not to call it a kink.
    """
    h = samples.steps
    if samples.rows < 2:
        return np.zeros(samples.base.shape, dtype=bool)
    with np.errstate(all="ignore"):
        bend = np.abs(samples.plus + samples.minus - 2.0 * samples.base) / h[:, None]
        slope = np.abs(samples.plus[-1] - samples.minus[-1]) / h[-1]
        floor = 64.0 * UNIT * samples.size / h[-1] + KINK * slope
        return np.asarray((bend[-1] > 0.5 * bend[0]) & (bend[-1] > floor))


def contradictory(samples: Samples) -> Array:
    """Whether the coarse, middle and fine thirds of the grid converge to different slopes."""
    h = samples.steps
    third = samples.rows // 3
    found = np.zeros(samples.base.shape, dtype=bool)
    parts = []
    with np.errstate(all="ignore"):
        for start in range(0, 3 * third, third):
            rows = slice(start, start + third)
            part = Samples(samples.plus[rows], samples.minus[rows], samples.base, samples.size)
            parts.append(_table(part, h[rows])[:2])
        for i in range(3):
            for j in range(i):
                (a, ea), (b, eb) = parts[i], parts[j]
                bar = FD_FACTOR * (ea + eb)
                largest = np.maximum(np.abs(a), np.abs(b))
                found |= (np.abs(a - b) > bar) & (bar < 0.1 * largest)
    return found


def diverges(samples: Samples) -> Array:
    """Whether slopes grow without bound, or the function is not finite on a side at every step."""
    tail = slice(-8, None)
    with np.errstate(all="ignore"):
        bare = ~np.isfinite(samples.plus[tail]).any(axis=0)
        bare |= ~np.isfinite(samples.minus[tail]).any(axis=0)
        bare |= ~np.isfinite(samples.base)
        if samples.rows < 17:
            return np.asarray(bare)
        grows = np.zeros(samples.base.shape, dtype=bool)
        for side in (samples.plus, samples.minus):
            slope = np.abs(side - samples.base) / samples.steps[:, None]
            real = np.abs(side - samples.base)[-1] > 64.0 * UNIT * samples.size
            grows |= real & (slope[-1] > 2.0 * slope[-9]) & (slope[-9] > 2.0 * slope[-17])
    return np.asarray(bare | grows)


def _table(samples: Samples, h: Array) -> tuple[Array, Array, Array]:
    """Best value, its bar and its row from the extrapolation table, per column."""
    column = (samples.plus - samples.minus) / (2.0 * h)[:, None]
    noise = (2.0 * UNIT * samples.size + _quantum(samples)) / h[:, None]
    values, errors, rows = [], [], []
    for k in range(1, min(COLUMNS, len(h) - 1) + 1):
        refined = column[1:] + (column[1:] - column[:-1]) / (4.0**k - 1.0)
        change = np.maximum(np.abs(refined - column[:-1]), np.abs(refined - column[1:]))
        change = np.where(np.isfinite(change), change, np.inf)
        values.append(refined)
        errors.append(_pooled(change, 4.0**k) + noise[k:])
        rows.append(np.arange(k, len(h)))
        column = refined
    counts = np.array([len(part) for part in values])
    value, error = np.concatenate(values), np.concatenate(errors)
    error = np.where(np.isfinite(value), error, np.inf)
    best = np.argmin(error, axis=0)
    every = np.arange(value.shape[1])
    chosen, bar = value[best, every], error[best, every]
    group = np.repeat(np.arange(len(counts)), counts)
    neighbour = np.full(chosen.shape, np.inf)
    for shift in (-1, 1):
        near = np.clip(best + shift, 0, len(value) - 1)
        same = (group[near] == group[best]) & (near != best)
        change = np.where(same, np.abs(value[near, every] - chosen), np.inf)
        neighbour = np.fmin(neighbour, change)
    bar = np.where(np.isfinite(neighbour), np.maximum(bar, neighbour), bar)
    return chosen, bar, np.concatenate(rows)[best]


def _pooled(change: Array, ratio: float) -> Array:
    """Error bars that no single row can make small: neighbours count, discounted by their order."""
    pooled = change.copy()
    finer = np.where(np.isfinite(change), change, 0.0)
    pooled[:-1] = np.maximum(pooled[:-1], finer[1:] / 2.0)
    pooled[:-2] = np.maximum(pooled[:-2], finer[2:] / 4.0)
    pooled[1:] = np.maximum(pooled[1:], finer[:-1] / ratio)
    return pooled


def _quantum(samples: Samples) -> Array:
    """The grid on which a column's values lie, if fine steps vanish on it; else zero.

    A small difference of large terms moves in whole units of their roundoff and then not at all,
    which looks like a slope of exactly zero. It is told from a function that is locally constant by
    its increments being whole multiples of the smallest one.
    """
    quantum = np.zeros(samples.base.shape)
    if samples.rows < NOISE_ROWS:
        return quantum
    moved = np.abs(np.concatenate([samples.plus, samples.minus]) - samples.base)
    still = (samples.plus[-1] == samples.base) & (samples.minus[-1] == samples.base)
    for column in np.flatnonzero(still & (moved > 0).any(axis=0)):
        steps_seen = moved[:, column]
        steps_seen = steps_seen[np.isfinite(steps_seen) & (steps_seen > 0)]
        smallest = float(steps_seen.min())
        ratios = steps_seen[(steps_seen > 1.5 * smallest) & (steps_seen < 500.0 * smallest)]
        ratios = ratios / smallest
        if ratios.size >= 4 and np.all(np.abs(ratios - np.round(ratios)) < 0.02):
            quantum[column] = smallest
    return quantum


def _noise_floor(samples: Samples, h: Array, row: Array) -> Array:
    """Twice the noise of the rows from two before the chosen one, over the chosen step.

    The median of these rows, or of the finer ones a high quantile: where terms cancel, values lie
    on a grid, and most fine rows may hit it by luck and show no noise at all.
    """
    noise = _row_noise(samples, h)
    floor = np.zeros(row.shape)
    for r in np.unique(row):
        mine = row == r
        start = min(max(int(r) - 2, 0), len(noise) - 5)
        fine = min(max(start, FINE_ROW), len(noise) - 5)
        typical = np.median(noise[start:][:, mine], axis=0)
        high = np.quantile(noise[fine:][:, mine], 0.9, axis=0, method="lower")
        floor[mine] = np.maximum(typical, high)
    return np.asarray(2.0 * np.maximum(floor, _grid_noise(noise, samples.size)) / h[row])


def _grid_noise(noise: Array, size: Array) -> Array:
    """The median of the fine rows that show any noise, where it is too small to be a kink nearby.

    Values on a coarse grid show their noise in some rows only, and none in the finest ones.
    """
    fine = np.where(noise[FINE_ROW:] > 0, noise[FINE_ROW:], np.nan)
    found = np.zeros(size.shape)
    shown = np.isfinite(fine).any(axis=0)
    if shown.any():
        fine = np.where(np.isfinite(fine), fine, np.nan)[:, shown]
        found[shown] = np.nanmedian(fine, axis=0)
    return np.where(found <= 2.0**-26 * size, found, 0.0)


def _row_noise(samples: Samples, h: Array) -> Array:
    """Changes of the values from row to row that no smooth function explains, (rows - 2, columns).

    Where rows are fine enough for truncation to vanish, this is the function's own noise.
    """
    central = (samples.plus - samples.minus) / (2.0 * h)[:, None]
    refined = central[1:] + (central[1:] - central[:-1]) / 3.0
    noise = np.abs(refined[1:] - refined[:-1]) * h[2:, None]
    return np.where(np.isfinite(noise), noise, np.inf)


def _one_side(difference: Array, h: Array, rounding: Array) -> tuple[Array, Array]:
    column = difference / h[:, None]
    noise = rounding / h[:, None]
    values, errors = [], []
    for k in range(1, min(ONE_SIDED_COLUMNS, len(h) - 1) + 1):
        refined = column[1:] + (column[1:] - column[:-1]) / (2.0**k - 1.0)
        change = np.maximum(np.abs(refined - column[:-1]), np.abs(refined - column[1:]))
        bar = change.copy()
        bar[:-1] = np.maximum(bar[:-1], change[1:] / 2.0)
        bar[1:] = np.maximum(bar[1:], change[:-1] / 2.0 ** (k + 1))
        values.append(refined)
        errors.append(np.where(np.isfinite(bar), bar, np.inf) + noise[k:])
        column = refined
    value, error = np.concatenate(values), np.concatenate(errors)
    best = np.argmin(error, axis=0)
    every = np.arange(value.shape[1])
    return value[best, every], error[best, every]
