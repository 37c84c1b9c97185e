"""Judging by finite differences only: along the directions, then by coordinate."""

from __future__ import annotations

import numpy as np

from gradtier.oracle import arbitrate, differences
from gradtier.oracle.case import Case, Standing
from gradtier.oracle.certify import KINKS, Certification, State, any_of
from gradtier.oracle.constants import FAST, FD_FACTOR, SMALL_INPUT
from gradtier.oracle.draws import basis
from gradtier.oracle.ladder import ladder
from gradtier.oracle.lines import Line
from gradtier.oracle.verdict import Finding, Reason

ACCUSING = (State.DISAGREE, State.AT_POINT, State.NONFINITE)


def alone(case: Case) -> Standing:
    """Judges by finite differences only: along the directions, then by coordinate."""
    dossier = case.dossier
    every = tuple(range(len(dossier.seeds)))
    if not every or not case.lines:
        return Standing.AGREE
    records = case.certified(case.lines, every)
    if dossier.kind == "pushforward":
        _forgive_meeting_kinks(case, records)
        _note_worst(case, records, case.lines)
        return _standing(case, records)
    axes = _axes(case)
    if not axes:
        case.findings.add(Finding.DIRECTIONS_ONLY)
        _note_worst(case, records, [])
        return _standing(case, records)
    by_axis = case.certified(axes, every)
    _excuse_small(case, by_axis)
    _forgive_meeting_kinks(case, by_axis)
    _note_worst(case, by_axis, axes)
    # One-sided slopes along a direction that meets several kinks bind no convention.
    for record in records:
        record.states[record.states == State.KINK_OUT] = State.KINK_IN
    standing = _standing(case, records + by_axis)
    if standing == Standing.KINK and not _possible_together(case, by_axis):
        case.reason, case.convention = Reason.VALUE, None
        return Standing.WRONG
    return standing


def _axes(case: Case) -> list[Line]:
    """The coordinates of a small input, with what the dossier has sampled along them."""
    dossier, columns = case.dossier, case.dossier.columns()
    size = sum(leaf.size for leaf in dossier.x)
    if size > SMALL_INPUT:
        return []
    axes = [basis(dossier.x, i)[0] for i in range(size)]
    if dossier.coordinates:
        return [
            Line(dossier.x, axis, columns, samples)
            for axis, samples in zip(axes, dossier.coordinates, strict=True)
        ]
    return [Line.through(dossier.x, axis, columns, dossier.value) for axis in axes]


def _forgive_meeting_kinks(case: Case, records: list[Certification]) -> None:
    """A value outside the one-sided slopes may still be a sum of allowed conventions."""
    dossier = case.dossier
    pushed = dossier.kind == "pushforward"
    budget = 4
    for number, record in enumerate(records):
        for column in np.flatnonzero(np.isin(record.states, (State.KINK_OUT, State.DISAGREE))):
            if budget == 0:
                return
            budget -= 1
            place = (number, int(column)) if pushed else (int(column), number)
            length = 1.0 if pushed else basis(dossier.x, number)[1]
            claims = float(record.claim[column]) / length, float(record.value[column]) / length
            slack = np.array([record.slack[column] / length])
            if case.reachable(place[0], [place[1]], [claims], slack)[0]:
                record.states[column] = State.KINK_IN


def _excuse_small(case: Case, by_axis: list[Certification]) -> None:
    """Elements too small beside the others to be resolved are left out, and counted.

    Where the bar and the claim are both below 1e-6 of the largest element, all that can be known
    is that the element is small, and it is.
    """
    claims = np.array([np.abs(record.claim) for record in by_axis])
    largest = np.max(np.where(np.isfinite(claims), claims, 0.0), axis=0)
    excused = 0
    for record in by_axis:
        with np.errstate(all="ignore"):
            bar = FD_FACTOR * record.error
            small = (bar <= FAST * largest) & (np.abs(record.claim) <= FAST * largest)
            near = np.abs(record.claim - record.value) <= bar + record.slack
        mask = small & near & np.isin(record.states, (State.UNRESOLVED, State.NOISY))
        record.states[mask] = State.AGREE
        excused += int(mask.any())
    case.no_power = max(case.no_power, excused / max(1, len(by_axis)))


def _possible_together(case: Case, by_axis: list[Certification]) -> bool:
    """Whether the values of the kinked elements can belong to one generalised gradient."""
    dossier = case.dossier
    for seed, cotangent in enumerate(dossier.seeds):
        kinked = np.array([record.states[seed] == State.KINK_IN for record in by_axis])
        if kinked.any() and not arbitrate.possible_together(
            dossier.x, dossier.value, cotangent, kinked, case.told.rows[seed], None, case.evaluator
        ):
            return False
    return True


def _standing(case: Case, records: list[Certification]) -> Standing:
    states = np.concatenate([record.states for record in records])
    for found, chosen in (
        (Finding.KINK, (State.KINK_IN, State.KINK_OUT)),
        (Finding.JUMP, (State.JUMP,)),
        (Finding.AT_POINT_ONLY, (State.AT_POINT,)),
        (Finding.IMPRECISE, (State.IMPRECISE,)),
    ):
        if any_of(states, chosen):
            case.findings.add(found)
    elementwise = Finding.DIRECTIONS_ONLY not in case.findings
    if any_of(states, ACCUSING) or (elementwise and any_of(states, (State.KINK_OUT,))):
        case.reason = case.reason or Reason.VALUE
        return Standing.WRONG
    if any_of(states, (State.IMPRECISE, State.UNRESOLVED, State.NOISY, State.KINK_OUT)):
        return Standing.UNRESOLVED
    if any_of(states, (State.JUMP,)):
        return Standing.JUMP
    return Standing.KINK if any_of(states, KINKS) else Standing.AGREE


def _note_worst(case: Case, records: list[Certification], lines: list[Line]) -> None:
    """The worst element; without `lines` the columns are sums, and only the margin is noted."""
    pushed = case.dossier.kind == "pushforward"
    for number, record in enumerate(records):
        with np.errstate(all="ignore"):
            bar = FD_FACTOR * record.error + record.slack
            margin = np.abs(record.claim - record.value) / bar
        margin = np.where(np.isfinite(record.claim), np.nan_to_num(margin), np.inf)
        inside = record.states == State.KINK_IN
        margin = np.where(inside, 0.0, margin)
        if np.any(~np.isfinite(record.claim)):
            case.reason = Reason.NONFINITE
        if not margin.size:
            continue
        if lines and inside.any():
            _note_convention(case, lines[number], record, int(np.flatnonzero(inside)[0]), pushed)
        column = int(np.argmax(margin))
        if case.margin_fd is not None and margin[column] <= case.margin_fd:
            continue
        case.margin_fd = float(margin[column])
        if not lines:
            continue
        seed, index = (number, column) if pushed else (column, number)
        length = 1.0 if pushed else basis(case.dossier.x, index)[1]
        slope, error = record.value[column] / length, record.error[column] / length
        rungs = ladder(lines[number].samples, column, float(slope), length)
        got = case.told.rows[seed][index]
        case.note_worst(index, got, None, float(slope), float(error), rungs=rungs)
        if case.reason is not Reason.NONFINITE:
            case.reason = Reason.SEVERED if case.cut(seed, index) else None


def _note_convention(
    case: Case, line: Line, record: Certification, column: int, pushed: bool
) -> None:
    """A pushforward's along its direction; a pullback's of all elements, "mixed" if several."""
    if (pushed and case.convention is not None) or line.samples.rows < 9:
        return
    about = differences.sides(line.samples.columns(np.array([column])))
    claim, slack = float(record.claim[column]), float(record.slack[column])
    word = arbitrate.convention(about, 0, claim, slack)
    case.convention = word if case.convention in (None, word) else "mixed"
