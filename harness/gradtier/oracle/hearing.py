"""Where backend and reference differ: hearing finite differences on the worst elements."""

from __future__ import annotations

import numpy as np

from gradtier.oracle import arbitrate
from gradtier.oracle.arbitrate import Elements, Ruling
from gradtier.oracle.case import Case, Standing
from gradtier.oracle.certify import State
from gradtier.oracle.constants import (
    FAST,
    MAX_ARBITRATED,
    MAX_ARBITRATED_OUTPUTS,
    SMALL_INPUT,
    UNIT,
)
from gradtier.oracle.types import Array
from gradtier.oracle.verdict import Finding, Reason

DOUBTFUL = (Ruling.UNRESOLVED, Ruling.BELOW, Ruling.REFERENCE, Ruling.BOTH, Ruling.JUMP)
"""Rulings that a sharper witness may change, if it agrees with exactly one of the two sides."""

SEVERITY = (
    Ruling.BACKEND,
    Ruling.BOTH,
    Ruling.REFERENCE,
    Ruling.CONVENTION,
    Ruling.JUMP,
    Ruling.UNRESOLVED,
    Ruling.BELOW,
)
"""Which element a verdict shows, when the rulings differ."""


def hear_nonfinite(case: Case, seed: int, broken: Array) -> Standing:
    """Not finite where the reference is: wrong, unless the slope has no finite limit."""
    index = np.flatnonzero(broken)[:MAX_ARBITRATED]
    chosen = case.elements(seed, index)
    case.note_arbitrated(seed, chosen, 0)
    # A jump of a gradient, at a kink of its function, has conventions, none of which is NaN.
    excused = ~(chosen.sides.jump & np.isnan(case.told.rows[seed][index]))
    if np.all(excused & np.array(arbitrate.diverging(chosen))):
        case.findings |= {Finding.DIVERGES, Finding.LEANING_WRONG}
        return Standing.LEANING
    case.reason = Reason.NONFINITE
    return Standing.WRONG


def hear_both_nonfinite(case: Case, seed: int) -> Standing:
    """Not finite, and neither is the reference: wrong where finite differences know the slope.

    At a kink they know both slopes, between which every convention is; at a jump, or where the
    slope has no finite limit, nobody can have given a better answer.
    """
    index = np.flatnonzero(~np.isfinite(case.told.rows[seed]))[:MAX_ARBITRATED]
    chosen = case.elements(seed, index)
    with np.errstate(all="ignore"):
        size = np.maximum(1e-3 * np.abs(chosen.estimate.value), FAST * chosen.samples.size)
        known = (chosen.estimate.error < size) | chosen.sides.kink
    known = known & ~chosen.sides.jump & ~np.array(arbitrate.diverging(chosen))
    if not known.any():
        return Standing.NONFINITE
    case.note_arbitrated(seed, chosen, int(np.flatnonzero(known)[0]))
    case.findings.add(Finding.REFERENCE_WRONG)
    if chosen.sides.kink[known].any():
        case.findings.add(Finding.KINK)
    case.reason = Reason.NONFINITE
    return Standing.WRONG


def hear(case: Case, seed: int, live: Array, gap: Array, tolerance: Array) -> Standing:
    """Arbitrates between backend and reference on the worst elements that differ.

    Args:
        case: the case.
        seed: number of the seed.
        live: mask of the elements that differ and have power, shape (elements,), not empty.
        gap: differences from the reference.
        tolerance: what they may be.
    """
    answer, got = case.dossier.answers[seed], case.told.rows[seed]
    pulled = case.dossier.kind == "pullback"
    most = MAX_ARBITRATED if pulled else MAX_ARBITRATED_OUTPUTS
    with np.errstate(all="ignore"):
        score = np.where(np.isfinite(gap), gap / tolerance, np.inf)
    order = np.argsort(-np.where(live, score, -1.0), kind="stable")[:most]
    order = order[live[order]]
    chosen = case.elements(seed, order)
    rulings = arbitrate.rule(chosen, got[order], answer.value[order], tolerance[order])
    _ask_sharper(case, seed, chosen, rulings, tolerance)
    _forgive_meeting_kinks(case, seed, order, rulings, tolerance)
    _note_jumps(case, chosen)
    if Ruling.CONVENTION in rulings:
        case.findings.add(Finding.KINK)
    ranks = [SEVERITY.index(ruling) for ruling in rulings]
    j = ranks.index(min(ranks))
    case.note_arbitrated(seed, chosen, j)
    found = _conclude(case, seed, chosen, rulings, j, live, bool(answer.soft[order].all()))
    if found is Standing.KINK and pulled and got.size <= SMALL_INPUT:
        case.convention = convention_by_element(case, seed)
    elif found is not Standing.WRONG and chosen.sides.kink[j] and np.isfinite(got[order[j]]):
        slack = float(tolerance[order[j]] * chosen.scale[j])
        claim = float(got[order[j]] * chosen.scale[j])
        case.convention = arbitrate.convention(chosen.sides, j, claim, slack)
    return found


def convention_by_element(case: Case, seed: int) -> str | None:
    """The convention of all kinked elements of a gradient; "mixed" if they have several."""
    got, slack = case.told.rows[seed], case.tolerance(seed)
    each = case.elements(seed, np.arange(got.size))
    words = {
        arbitrate.convention(
            each.sides, j, float(got[i] * each.scale[j]), float(slack[i] * each.scale[j])
        )
        for j, i in enumerate(each.index)
        if each.sides.kink[j] and not each.sides.jump[j] and np.isfinite(got[i])
    }
    return words.pop() if len(words) == 1 else ("mixed" if words else None)


def _ask_sharper(
    case: Case, seed: int, chosen: Elements, rulings: list[Ruling], tolerance: Array
) -> None:
    """Lets sharper witnesses rule where finite differences are too blunt, or stand alone."""
    for j, ruling in enumerate(rulings):
        if ruling not in DOUBTFUL:
            continue
        index = int(chosen.index[j])
        slope = case.sharper_slope(seed, chosen, j)
        if slope is None:
            continue
        with np.errstate(all="ignore"):
            allowed = tolerance[index] + UNIT * abs(slope)
            backend = abs(case.told.rows[seed][index] - slope) <= allowed
            reference = abs(case.dossier.answers[seed].value[index] - slope) <= allowed
        if backend != reference:
            rulings[j] = Ruling.REFERENCE if backend else Ruling.BACKEND


def _forgive_meeting_kinks(
    case: Case, seed: int, order: Array, rulings: list[Ruling], tolerance: Array
) -> None:
    """Values outside the one-sided slopes may still be sums of allowed conventions."""
    answer, got = case.dossier.answers[seed].value, case.told.rows[seed]
    accusing = (Ruling.BACKEND, Ruling.BOTH, Ruling.REFERENCE)
    accused = [j for j, ruling in enumerate(rulings) if ruling in accusing][:MAX_ARBITRATED]
    if not accused:
        return
    index = [int(order[j]) for j in accused]
    claims = [(float(got[i]), float(answer[i])) for i in index]
    reached = case.reachable(seed, index, claims, tolerance[index])
    for j, explained in zip(accused, reached, strict=True):
        if explained:
            rulings[j] = Ruling.CONVENTION


def _note_jumps(case: Case, chosen: Elements) -> None:
    if chosen.sides.kink.any():
        case.findings.add(Finding.KINK)
    if chosen.sides.jump.any():
        case.findings.add(Finding.JUMP)


def _conclude(
    case: Case, seed: int, chosen: Elements, rulings: list[Ruling], j: int, live: Array, soft: bool
) -> Standing:
    said = set(rulings)
    if Ruling.BACKEND in said:
        return _accuse(case, seed, chosen, j)
    if Ruling.BOTH in said:
        state = case.own_state(seed, chosen, j)
        case.findings.add(Finding.REFERENCE_WRONG)
        if not np.isfinite(case.told.rows[seed][int(chosen.index[j])]):
            case.reason = Reason.NONFINITE  # the ruling itself needs sharp finite differences
            return Standing.WRONG
        if not soft and state in (State.DISAGREE, State.AT_POINT, State.KINK_OUT):
            return _accuse(case, seed, chosen, j, state)
        case.findings.add(Finding.LEANING_WRONG)
        return Standing.LEANING
    if Ruling.REFERENCE in said:
        case.findings.add(Finding.REFERENCE_WRONG)
        return Standing.REFERENCE_WRONG
    if said == {Ruling.CONVENTION}:
        return _tied(case, seed, live)
    if said <= {Ruling.CONVENTION, Ruling.JUMP}:
        return Standing.JUMP
    case.findings.add(Finding.NO_POWER if soft else Finding.LEANING_WRONG)
    return Standing.NO_POWER if soft else Standing.LEANING


def _tied(case: Case, seed: int, live: Array) -> Standing:
    dossier = case.dossier
    if dossier.kind == "pushforward":
        return Standing.KINK
    got, reference = case.told.rows[seed], dossier.answers[seed].value
    together = arbitrate.possible_together(
        dossier.x, dossier.value, dossier.seeds[seed], live, got, reference, case.evaluator
    )
    if together:
        return Standing.KINK
    case.reason = Reason.VALUE
    case.convention = None
    return Standing.WRONG


def _accuse(
    case: Case, seed: int, chosen: Elements, j: int, state: State | None = None
) -> Standing:
    """Wrong: names the reason, and whether it is wrong beside this point too."""
    cut = case.cut(seed, int(chosen.index[j]))
    case.reason = Reason.SEVERED if cut else Reason.VALUE
    if chosen.sides.kink[j] or chosen.sides.jump[j]:
        case.convention = None
    elif (state or case.own_state(seed, chosen, j)) == State.AT_POINT:
        case.findings.add(Finding.AT_POINT_ONLY)
    return Standing.WRONG
