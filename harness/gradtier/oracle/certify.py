"""Claimed slopes against finite differences: states per column, refined only as far as needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from gradtier.oracle import differences
from gradtier.oracle.constants import (
    BLUNT,
    FAST,
    FD_FACTOR,
    MEANINGFUL,
    QUICK_ROWS,
    ROWS,
    SHARP,
    UNIT,
)
from gradtier.oracle.evaluate import Evaluator
from gradtier.oracle.lines import Line, sample
from gradtier.oracle.types import Array

GAUSS = 0.5773502691896258
"""The nodes +-h/sqrt(3): two slopes there average to the mean slope over [-h, h] up to h**4."""

COMPLEX_STEP = "complex-step"
HIGH_PRECISION = "high-precision"
"""Names of the sharper witnesses."""

NEARBY = 2.0**-40
"""A neighbouring point, along the direction, at which a claim at a special point shows itself."""


class State(IntEnum):
    """What finite differences say about one claimed slope."""

    AGREE = 0
    UNRESOLVED = 1
    NOISY = 2
    JUMP = 3
    KINK_IN = 4
    KINK_OUT = 5
    IMPRECISE = 6
    DISAGREE = 7
    AT_POINT = 8
    NONFINITE = 9


FEW = 256
"""Up to so many states, Python's sets are faster than NumPy's."""

WRONG = (State.KINK_OUT, State.IMPRECISE, State.DISAGREE, State.AT_POINT, State.NONFINITE)
KINKS = (State.JUMP, State.KINK_IN, State.KINK_OUT)


def any_of(states: Array, chosen: Sequence[State]) -> bool:
    """Whether any column is in one of the states."""
    if states.size <= FEW:
        return not frozenset(states.tolist()).isdisjoint(chosen)
    return bool(np.isin(states, [int(state) for state in chosen]).any())


def only(states: Array, chosen: Sequence[State]) -> bool:
    """Whether every column is in one of the states."""
    if states.size <= FEW:
        return frozenset(states.tolist()) <= frozenset(chosen)
    return bool(np.isin(states, [int(state) for state in chosen]).all())


@dataclass(frozen=True)
class Certification:
    """The outcome along one direction; arrays are shaped (columns,).

    Attributes:
        states: values of `State`.
        claim: the claimed slopes.
        value: finite-difference slopes.
        error: their bars (to be multiplied by FD_FACTOR).
        slack: rounding noise allowed to the claim on top.
        kink: whether the one-sided slopes differ, as far as that was looked at.
    """

    states: Array
    claim: Array
    value: Array
    error: Array
    slack: Array
    kink: Array


@dataclass
class Claim:
    """Claimed slopes along one line, and how to ask the same map elsewhere.

    Attributes:
        value: the slopes at the point, shape (columns,).
        slack: their rounding noise, shape (columns,).
        scale: size of the terms that each slope is a sum of, shape (columns,).
        along: slopes at x + t v for several t, shape (len(t), columns).
        probes: slopes at slightly wiggled points, shape (probes, columns).
        vector: the columns are outputs of one function.
    """

    value: Array
    slack: Array
    scale: Array
    along: Callable[[Sequence[float]], Array]
    probes: Callable[[], Array]
    vector: bool = False


def certify(
    lines: Sequence[Line], claims: Sequence[Claim], evaluator: Evaluator, fast: bool = True
) -> list[Certification]:
    """Compares claims with finite differences, all lines in lockstep.

    Args:
        lines: the directions; more rows are sampled into them as needed.
        claims: one per line, with the line's columns.
        evaluator: the primal.
        fast: whether four rows with a bar of 1e-6 may confirm a claim that somebody else confirms
            as well; without it the bar must be 1e-9, or 12 rows must have been seen.

    Returns:
        One certification per line. No column is in a state that accuses before 24 rows.
    """
    trials = [_Trial(line, claim) for line, claim in zip(lines, claims, strict=True)]
    for rows in ROWS:
        open_trials = [trial for trial in trials if trial.open.any()]
        sample([trial.line for trial in open_trials], rows, evaluator)
        for trial in open_trials:
            if fast and rows == ROWS[0]:
                trial.try_fast(rows)
            trial.settle(rows)
    for trial in trials:
        if trial.open.any():
            trial.decide()
        trial.sharpen(evaluator)
    return [trial.result() for trial in trials]


def confirm(
    lines: Sequence[Line], claims: Sequence[Claim], evaluator: Evaluator
) -> list[Certification] | None:
    """The certifications if a few rows confirm every claim with a bar of 1e-6, else None."""
    trials = [_Trial(line, claim) for line, claim in zip(lines, claims, strict=True)]
    for rows in QUICK_ROWS:
        waiting = [trial for trial in trials if trial.open.any()]
        sample([trial.line for trial in waiting], rows, evaluator)
        for trial in waiting:
            trial.try_fast(rows)
    if any(trial.open.any() for trial in trials):
        return None
    return [trial.result() for trial in trials]


class _Trial:
    """One line with its claim while it is being certified."""

    def __init__(self, line: Line, claim: Claim) -> None:
        self.line, self.claim = line, claim
        count = claim.value.shape
        self.open = np.ones(count, dtype=bool)
        self.states = np.zeros(count, dtype=np.int8)
        self.value = np.full(count, np.nan)
        self.error = np.full(count, np.inf)
        self.step = np.ones(count)
        self.kink = np.zeros(count, dtype=bool)
        self.informative = np.zeros(count, dtype=bool)

    def result(self) -> Certification:
        return Certification(
            self.states, self.claim.value, self.value, self.error, self.claim.slack, self.kink
        )

    def _near(self, extra: Array | float = 0.0) -> Array:
        with np.errstate(all="ignore"):
            gap = np.abs(self.claim.value - self.value)
            return np.asarray(gap <= FD_FACTOR * self.error + self.claim.slack + extra)

    def _close(self, mask: Array, state: State) -> None:
        mask = mask & self.open
        self.states[mask] = state
        self.open &= ~mask

    def try_fast(self, rows: int) -> None:
        """Closes what a few rows confirm; it never says that something is wrong."""
        samples = self.line.samples
        if rows == ROWS[0]:
            fast = differences.fast_estimate(samples)
        else:
            fast = differences.estimate(samples.first(rows), self.claim.vector)
        slack = self.claim.slack + 8.0 * UNIT * self.claim.scale
        done = differences.fast_agrees(fast, self.claim.value, slack, self.claim.scale)
        done &= self.open & ~differences.bent(samples.first(rows))
        self.value[done], self.error[done] = fast.value[done], fast.error[done]
        self._close(done, State.AGREE)

    def settle(self, rows: int) -> None:
        """Takes the estimates at this number of rows and closes what agrees."""
        if not self.open.any():
            return
        samples = self.line.samples
        found = differences.estimate(samples.first(rows), self.claim.vector)
        todo = self.open
        self.value[todo], self.error[todo] = found.value[todo], found.error[todo]
        self.step[todo] = found.step[todo]
        claim = self.claim
        bar = FD_FACTOR * self.error
        with np.errstate(all="ignore"):
            informative = bar <= MEANINGFUL * np.maximum(claim.scale, np.abs(claim.value))
            # A slope of exactly zero can't be confirmed better than to the function's rounding;
            # any other below it would be confirmed by a bar that says nothing of it.
            informative |= (claim.value == 0) & (bar <= FAST * samples.size)
            enough = bar <= SHARP * claim.scale
        self.informative = np.asarray(informative)
        if rows >= 12:
            enough = enough | informative
        # The middle of a kink is what central differences see: not to be taken for smooth.
        bent = differences.bent(samples.first(rows))
        self._close(self._near() & enough & ~bent, State.AGREE)

    def decide(self) -> None:
        """All rows have been seen: says what is the matter with the columns still open."""
        todo = np.flatnonzero(self.open)
        samples = self.line.samples.columns(todo)
        about = differences.sides(samples)
        claim = self.claim.value[todo]
        self.kink[todo] = about.kink
        self._close(_spread(self.open, todo, about.jump), State.JUMP)
        self._close(~np.isfinite(self.error) | (self._near() & ~self.informative), State.UNRESOLVED)
        low, high = about.interval(self.claim.slack[todo])
        with np.errstate(all="ignore"):
            inside = (low <= claim) & (claim <= high)
        self._close(_spread(self.open, todo, about.kink & inside), State.KINK_IN)
        self._close(_spread(self.open, todo, about.kink), State.KINK_OUT)
        self._close(self._near(), State.AGREE)
        broken = ~np.isfinite(self.claim.value)
        with np.errstate(all="ignore"):
            sharp = self.error < np.maximum(
                1e-3 * np.abs(self.value), FAST * self.line.samples.size
            )
        endless = _spread(self.open, todo, differences.diverges(samples))
        self._close(broken & sharp & ~endless, State.NONFINITE)
        self._close(broken, State.UNRESOLVED)
        torn = differences.contradictory(samples)
        self._close(_spread(self.open, todo, torn), State.UNRESOLVED)
        if self.open.any():
            self._probe()
        if self.open.any():
            self._look_around()
        self._close(self._near(), State.AGREE)
        with np.errstate(all="ignore"):
            slope = np.maximum(np.abs(self.value), np.abs(self.claim.value))
            self._close(self.error > BLUNT * slope, State.NOISY)
        self._close(self.open, State.DISAGREE)

    def sharpen(self, evaluator: Evaluator) -> None:
        """Asks sharper witnesses about what finite differences leave open, or accuse.

        A function that loses all its digits looks constant, and finite differences believe it.
        """
        blunt = np.isin(self.states, (State.UNRESOLVED, State.NOISY))
        accused = np.isin(self.states, (State.DISAGREE, State.AT_POINT, State.IMPRECISE))
        blunt |= accused
        if not blunt.any():
            return
        claim, columns = self.claim, self.line.columns
        own = claim.slack + 64.0 * UNIT * claim.scale
        stepped = evaluator.by_complex_step(self.line.direction)
        if stepped is not None:
            slope = columns.of(stepped[None])[0]
            with np.errstate(all="ignore"):
                # An unproven witness: it may confirm a claim, not accuse one.
                near = blunt & (np.abs(claim.value - slope) <= own)
            if near.any():
                evaluator.sharpened.add(COMPLEX_STEP)
            self._know(near & ~accused, State.AGREE, slope, UNIT * claim.scale)
            self._know(near & accused, State.UNRESOLVED, slope, UNIT * claim.scale)
            blunt = blunt & ~(near & ~accused)
        told = evaluator.by_high_precision(self.line.direction) if blunt.any() else None
        if told is None:
            return
        slope, error = columns.of(told[0][None])[0], columns.bars(told[1])
        known = blunt & np.isfinite(error) & np.isfinite(claim.value)
        if not known.any():
            return
        evaluator.sharpened.add(HIGH_PRECISION)
        with np.errstate(all="ignore"):
            gap = np.abs(claim.value - slope)
            near, nearly = (
                gap <= own + error,
                gap <= own + error + 32.0 * self._own_noise(self.claim.probes()),
            )
        self._know(known & near, State.AGREE, slope, error)
        self._know(known & nearly & ~near, State.UNRESOLVED, slope, error)
        self._know(known & ~nearly, State.DISAGREE, slope, error)

    def _know(self, mask: Array, state: State, slope: Array, error: Array) -> None:
        self.states[mask] = state
        self.value[mask], self.error[mask] = slope[mask], error[mask]

    def _own_noise(self, wiggled: Array) -> Array:
        """How much the claim moves when the point is wiggled."""
        with np.errstate(all="ignore"):
            moved = np.abs(wiggled - self.claim.value)
        return np.asarray(np.max(np.where(np.isfinite(moved), moved, 0.0), axis=0))

    def _probe(self) -> None:
        """A claim that moves when the point is wiggled is ill-conditioned, not wrong.

        Unless it moves to what finite differences give, and nowhere else: the point is special.
        """
        wiggled = self.claim.probes()
        with np.errstate(all="ignore"):
            bar = FD_FACTOR * self.error + 64.0 * UNIT * np.abs(self.value)
            landed = np.abs(wiggled - self.value) <= bar
            # As special as the point itself are some of those that are a few units away.
            special = landed.any(axis=0) & (landed | (wiggled == self.claim.value)).all(axis=0)
            special &= bar <= BLUNT * np.abs(self.value)
        self._close(special & ~self._near(), State.AT_POINT)
        own = self._own_noise(wiggled)
        extra = 32.0 * own
        size = np.maximum(np.abs(self.claim.value), self.claim.scale)
        near = self._near(extra)
        precise = (own > 1e4 * self.error) & (extra <= 1e-3 * size)
        self._close(near & precise & ~self._near(), State.IMPRECISE)
        self._close(near & (extra <= 0.1 * size), State.AGREE)
        self._close(near, State.UNRESOLVED)

    def _look_around(self) -> None:
        """Is the gap systematic, only at this point, or is the claim itself unsteady?"""
        todo = np.flatnonzero(self.open)
        distinct = [float(step) for step in np.unique(self.step[todo])]
        places = [GAUSS * step for step in distinct] + [NEARBY]
        around = self.claim.along([t for place in places for t in (place, -place)])
        mean = 0.5 * (around[0::2] + around[1::2])
        samples = self.line.samples
        with np.errstate(all="ignore"):
            for column in todo:
                which = distinct.index(float(self.step[column]))
                row = int(np.argmin(np.abs(samples.steps - self.step[column])))
                rise = samples.plus[row, column] - samples.minus[row, column]
                slope = rise / (2.0 * samples.steps[row])
                gap = self.claim.value[column] - self.value[column]
                only_this = np.zeros_like(self.open)
                only_this[column] = True
                if abs(mean[which, column] - slope - gap) <= 0.5 * abs(gap):
                    continue
                nearby = abs(mean[-1, column] - self.value[column])
                at_point = nearby <= 0.25 * abs(gap)
                self._close(only_this, State.AT_POINT if at_point else State.UNRESOLVED)


def _spread(like: Array, index: Array, mask: Array) -> Array:
    """A mask over some columns as a mask over all of them."""
    out = np.zeros_like(like)
    out[index[mask]] = True
    return out
