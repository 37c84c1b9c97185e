"""One backend's claims before one dossier, and the evidence gathered while it is judged."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from enum import IntEnum
from functools import cached_property

import numpy as np

from gradtier.oracle import arbitrate, boxes
from gradtier.oracle.arbitrate import Elements
from gradtier.oracle.asking import Answers, Asker
from gradtier.oracle.certify import (
    COMPLEX_STEP,
    HIGH_PRECISION,
    Certification,
    State,
    certify,
)
from gradtier.oracle.claims import claims_of
from gradtier.oracle.constants import FD_FACTOR, FULL_ROWS, NEAR_MISS, PRECISIONS, STALE
from gradtier.oracle.dossier import Dossier
from gradtier.oracle.draws import flat, locate, moduli, parts, unflatten
from gradtier.oracle.evaluate import Evaluator
from gradtier.oracle.ladder import Ladder, ladder
from gradtier.oracle.lines import Line
from gradtier.oracle.sharper import Sharper
from gradtier.oracle.types import Array, BatchedPrimal, Leaves, Map, Query
from gradtier.oracle.verdict import Finding, Reason, Worst


class Standing(IntEnum):
    """Where a claim stands after one comparison, worst first; the minimum counts."""

    WRONG = 0
    LEANING = 1
    REFERENCE_WRONG = 2
    CONFLICT = 3
    JUMP = 4
    NO_POWER = 5
    OVERFLOW = 6
    UNRESOLVED = 7
    IMPRECISE = 8
    ZERO = 9
    NONFINITE = 10
    KINK = 11
    REFERENCE_ONLY = 12
    AGREE = 13


def allowed(dossier: Dossier, seed: int) -> Array:
    """How far each element may be from the reference's answer to a seed, from its noise."""
    precision = PRECISIONS[dossier.dtype]
    noise = precision.factor * dossier.answers[seed].noise
    if dossier.kind == "pushforward":
        # The direction is scaled to the point: slopes below u |phi| carry no information.
        value = flat(dossier.value)
        size = moduli(value, dossier.value, dossier.paired_value)
        noise = noise + 4.0 * precision.unit * size
    return np.asarray(noise)


class Case:
    """One backend's claims before one dossier: gathers evidence while it is being judged."""

    def __init__(
        self,
        dossier: Dossier,
        primal: BatchedPrimal,
        claimed: Map,
        low: Map | None,
        sharper: Sharper,
    ) -> None:
        """Asks the backend: every seed, then, in a call of its own, the last one elsewhere.

        It is another seed than the first, whose answer must have stayed what it was.
        """
        self.dossier = dossier
        self.precision = PRECISIONS[dossier.dtype]
        self.evaluator = Evaluator(primal, dossier.x, dossier.value, dossier.paired_x, sharper)
        self.evaluator.paired = dossier.paired_value
        form = dossier.form
        self.asker = Asker(claimed, form)
        self.low = None if low is None else Asker(low, form)
        self.findings: set[Finding] = set()
        self.reason: Reason | None = None
        self.worst: Worst | None = None
        self.convention: str | None = None
        self.margin_reference: float | None = None
        self.margin_fd: float | None = None
        self.noise_ratio: float | None = None
        self.no_power = 0.0
        queries: list[Query] = [(dossier.x, seed) for seed in dossier.seeds]
        self.told: Answers = self.asker.ask(queries) if queries else Answers(np.zeros((0, 0)), ())
        self.moved = self._asked_elsewhere() if self.told.fault is None else None
        self.rows_seen = max((samples.rows for samples in dossier.samples), default=0)

    def _asked_elsewhere(self) -> Array | None:
        """The answer at the dossier's other point; None without one or without an answer."""
        elsewhere = self.dossier.elsewhere
        if elsewhere is None:
            return None
        try:
            told = self.asker.ask([(elsewhere.x, self.dossier.seeds[-1])])
        except Exception:  # it need not be defined there
            return None
        return None if told.fault is not None else told.rows[0]

    @cached_property
    def again(self) -> Array:
        """The answer to the first seed, asked once more."""
        told = self.asker.ask([(self.dossier.x, self.dossier.seeds[0])])
        return np.asarray(told.rows[0])

    @cached_property
    def lines(self) -> list[Line]:
        """The dossier's lines, to be sampled further for this case alone."""
        return self.dossier.lines()

    def knowing(self, dossier: Dossier) -> Case:
        """The same answers before a dossier that knows more about the same question."""
        other = copy.copy(self)
        other.dossier = dossier
        other.__dict__.pop("lines", None)
        other.findings, other.worst, other.margin_reference = set(), None, None
        other.rows_seen = max((samples.rows for samples in dossier.samples), default=0)
        return other

    def tolerance(self, seed: int) -> Array:
        """Allowed difference per element, from the reference's noise."""
        return allowed(self.dossier, seed)

    def steady(self) -> bool:
        """Whether asking the first seed again gave the same, within noise."""
        if not self.dossier.seeds:
            return True
        first, again = self.told.rows[0], self.again
        if first.tobytes() == again.tobytes():
            return True
        if self.dossier.answers:
            answer = self.dossier.answers[0]
            slack = NEAR_MISS * self.tolerance(0)
            heard = ~answer.hopeless
        else:
            size = np.abs(np.where(np.isfinite(first), first, 0.0))
            typical = np.sqrt(np.mean(size**2))
            slack = 1e3 * self.precision.unit * np.maximum(size, typical)
            heard = np.ones(first.shape, dtype=bool)
        with np.errstate(all="ignore"):
            same = (np.abs(first - again) <= slack) | (first == again)
        same |= np.isnan(first) & np.isnan(again)
        moved = ~same & heard
        if not moved.any():
            return True
        index = int(np.flatnonzero(moved)[0])
        self.note_worst(index, first[index], None)
        return False

    def stale(self) -> bool:
        """Whether a leaf is right here and the same to the bit elsewhere, where it should not be.

        At a kink a convention here may be the slope there.
        """
        elsewhere = self.dossier.elsewhere
        if elsewhere is None or self.moved is None or self.dossier.jittered is not None:
            return False
        first, was = self.told.rows[-1], self.dossier.answers[-1].value
        least = max(STALE, 64.0 * self.precision.unit)
        for part in parts(self.dossier.like):
            here, there, said = was[part], elsewhere.answer[part], first[part]
            if not (here.size and np.isfinite(here).all() and np.isfinite(there).all()):
                continue
            moves = np.abs(there - here).max()
            kept = said.any() and np.array_equal(said, self.moved[part])
            # Right enough here for it to be the point, and not the value, that is wrong there.
            right = np.abs(said - here).max() <= 0.1 * moves
            if kept and right and moves > least * np.abs(here).max():
                return True
        return False

    def strays(self) -> bool:
        """Whether the answer at the other point is far from the reference's there.

        Nothing certifies the reference at that point, so this is a question, not an accusation.
        """
        dossier, moved = self.dossier, self.moved
        if dossier.lean or dossier.elsewhere is None or moved is None or not dossier.answers:
            return False
        there = dossier.elsewhere.answer
        size = moduli(there, dossier.like, dossier.form.paired)
        typical = float(np.abs(self.told.rows[-1]).max(initial=0.0))
        slack = self.tolerance(-1) + self.precision.factor * self.precision.unit * (size + typical)
        with np.errstate(all="ignore"):
            return bool((np.abs(moved - there) > NEAR_MISS * slack).any())

    def note_worst(
        self,
        index: int,
        got: float,
        reference: float | None,
        fd: float | None = None,
        fd_error: float | None = None,
        allowed: float | None = None,
        rungs: Ladder = (),
    ) -> None:
        """Makes an element (flat index) the worst one."""
        form = self.dossier.form
        leaf, inner = locate(index, form.like)
        known = None if reference is None else float(reference)
        part = None
        if form.paired[leaf]:
            inner, odd = divmod(inner, 2)
            part = "imaginary" if odd else "real"
        self.worst = Worst(leaf, inner, float(got), known, fd, fd_error, allowed, part, rungs)

    def elements(self, seed: int, index: Array) -> Elements:
        """Finite differences by element, at the full number of rows."""
        self.rows_seen = FULL_ROWS
        if self.dossier.kind == "pushforward":
            return arbitrate.by_output(self.lines[seed], index, self.evaluator)
        dossier = self.dossier
        return arbitrate.by_coordinate(
            dossier.x, dossier.value, dossier.seeds[seed], index, self.evaluator
        )

    def note_arbitrated(self, seed: int, chosen: Elements, j: int) -> None:
        """Makes an arbitrated element the worst one; at a kink the bar spans both slopes."""
        index, scale = int(chosen.index[j]), float(chosen.scale[j])
        reference = allowed = None
        if self.dossier.answers:
            reference = self.dossier.answers[seed].value[index]
            allowed = float(self.tolerance(seed)[index])
        slope, error = float(chosen.estimate.value[j]), float(chosen.estimate.error[j])
        got = float(self.told.rows[seed][index])
        with np.errstate(all="ignore"):
            bar = FD_FACTOR * error
            if chosen.sides.kink[j]:
                right, left = float(chosen.sides.right[j]), float(chosen.sides.left[j])
                slope, error = 0.5 * (left + right), 0.5 * abs(right - left)
                low, high = chosen.sides.interval(np.zeros(chosen.scale.shape))
                bar = 0.5 * float(high[j] - low[j])
            self.margin_fd = float(np.float64(abs(got * scale - slope)) / np.float64(bar))
        rungs = ladder(chosen.samples, j, slope / scale, scale)
        self.note_worst(index, got, reference, slope / scale, error / scale, allowed, rungs)

    def cut(self, seed: int, index: int) -> bool:
        """Whether the leaf of an element is not connected, or zero throughout."""
        leaf, _ = locate(index, self.dossier.like)
        part = unflatten(self.told.rows[seed], self.dossier.like)[leaf]
        return self.told.missing[seed][leaf] or not np.any(part)

    def reachable(
        self, seed: int, index: Sequence[int], claims: Sequence[Sequence[float]], slack: Array
    ) -> list[bool]:
        """Whether conventions at several meeting kinks can add up to all claims for an element.

        Args:
            seed: number of the seed.
            index: flat indices of the elements.
            claims: for each element at least two values that were found for it.
            slack: for each element what a claim may be off.
        """
        dossier = self.dossier
        apart = np.array([np.ptp(each) for each in claims]) - 2.0 * slack
        place = dossier.x, dossier.value, dossier.seeds[seed]
        if dossier.kind == "pushforward":
            found = boxes.pushed(*place, index, apart, self.evaluator)
        else:
            found = [
                boxes.pulled(*place, i, float(far), self.evaluator)
                for i, far in zip(index, apart, strict=True)
            ]
        return [
            box is not None and all(box[0] - wide <= claim <= box[1] + wide for claim in each)
            for box, each, wide in zip(found, claims, slack, strict=True)
        ]

    def sharper_slope(self, seed: int, chosen: Elements, j: int) -> float | None:
        """The derivative's element by the sharpest witness there is besides finite differences."""
        pushed = self.dossier.kind == "pushforward"
        line = self.lines[seed] if pushed else chosen.lines[j]
        column = int(chosen.index[j]) if pushed else 0
        told = self.evaluator.by_high_precision(line.direction)
        if told is not None:
            slope, error = line.columns.of(told[0][None])[0], line.columns.bars(told[1])
            if not np.isfinite(error[column]):
                return None
            self.evaluator.sharpened.add(HIGH_PRECISION)
            return float(slope[column] / chosen.scale[j])
        stepped = self.evaluator.by_complex_step(line.direction)
        if stepped is None:
            return None
        self.evaluator.sharpened.add(COMPLEX_STEP)
        return float(line.columns.of(stepped[None])[0][column] / chosen.scale[j])

    def own_state(self, seed: int, chosen: Elements, j: int) -> State:
        """What finite differences alone say of the backend's claim for one element."""
        index = int(chosen.index[j])
        if self.dossier.kind == "pushforward":
            record = self.certified([self.lines[seed]], (seed,))[0]
            return State(int(record.states[index]))
        record = self.certified([chosen.lines[j]], (seed,))[0]
        return State(int(record.states[0]))

    def certified(self, lines: list[Line], seeds: tuple[int, ...]) -> list[Certification]:
        """Finite differences alone on the backend's own claims along some lines."""
        dossier = self.dossier
        rows = [self.told.rows[k] for k in seeds]
        pushed = dossier.kind == "pushforward"
        unit = (8.0 if pushed else 64.0) * self.precision.unit
        noises = []
        for row in rows:
            size = moduli(np.where(np.isfinite(row), row, 0.0), dossier.like, dossier.form.paired)
            if dossier.dtype != "float64" and size.size:
                size = np.maximum(size, np.sqrt(np.mean(size**2)))
            noises.append(unit * size)
        chosen: list[Leaves] = [dossier.seeds[k] for k in seeds]
        claims = claims_of(
            dossier.kind,
            dossier.name,
            dossier.x,
            chosen,
            [line.direction for line in lines],
            self.asker,
            rows,
            noises,
            "the backend",
            dossier.dtype,
        )
        records = certify(lines, claims, self.evaluator, fast=False)
        self.rows_seen = max([self.rows_seen, *(line.samples.rows for line in lines)])
        return records
