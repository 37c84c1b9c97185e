"""Comparing a backend's answers with the reference's, element by element."""

from __future__ import annotations

import numpy as np

from gradtier.oracle import arbitrate, differences
from gradtier.oracle.case import Case, Standing
from gradtier.oracle.certify import KINKS, WRONG, State, any_of, only
from gradtier.oracle.constants import (
    FD_FACTOR,
    NEAR_MISS,
    RESIDUE,
    SINGLE_TO_DOUBLE,
    SMALL_INPUT,
    UNIT,
)
from gradtier.oracle.draws import flat, leaf_scale, moduli, perturbed, split
from gradtier.oracle.hearing import convention_by_element, hear, hear_both_nonfinite, hear_nonfinite
from gradtier.oracle.types import Array, Query
from gradtier.oracle.verdict import Finding


def settles(case: Case) -> bool:
    """Whether every answer agrees with the reference up to the least noise there can be.

    At the other point it must as well: so it is no memory of the first one, nor a sum of both.
    What agrees so closely agrees however large the noise is, so that a lean dossier is enough; its
    certifications all confirm the reference.
    """
    answers, told = case.dossier.answers, case.told.rows
    values = np.array([answer.value for answer in answers])
    allowed = np.array([case.tolerance(seed) for seed in range(len(answers))])
    with np.errstate(all="ignore"):
        gap = np.abs(told - values)
        if not (gap <= allowed).all():
            return False
        if not _agrees_elsewhere(case):
            return False
        margin = gap / allowed
    case.margin_reference = 0.0
    if margin.size:
        seed, index = divmod(int(margin.argmax()), margin.shape[1])
        case.margin_reference = float(margin[seed, index])
        case.note_worst(
            index, told[seed, index], values[seed, index], allowed=float(allowed[seed, index])
        )
        case.margin_fd = _largest_margin(case, told, allowed)
    return True


def _agrees_elsewhere(case: Case) -> bool:
    """The same at the other point; where there is none, the first seed's second answer decides."""
    elsewhere, moved = case.dossier.elsewhere, case.moved
    if elsewhere is None or moved is None:
        return case.steady()
    size = moduli(elsewhere.answer, case.dossier.like, case.dossier.form.paired)
    floor = case.precision.factor * 2.0 * case.precision.unit * size
    # What is zero there by cancellation is judged by how large the answer is here.
    floor += case.precision.unit * float(np.abs(case.told.rows[0]).max(initial=0.0))
    return bool((np.abs(moved - elsewhere.answer) <= floor).all())


def _largest_margin(case: Case, told: Array, allowed: Array) -> float | None:
    """Against finite differences along all directions at once; None if nothing can be said."""
    dossier, records = case.dossier, case.dossier.certifications
    value = np.array([record.value for record in records])
    bar = np.array([FD_FACTOR * record.error + record.slack for record in records])
    with np.errstate(all="ignore"):
        if dossier.kind == "pushforward":
            margin = np.abs(told - value) / (bar + allowed)
        else:
            along = np.array([flat(v) for v in dossier.directions])
            extra = np.sqrt((allowed**2) @ (along**2).T).T
            margin = np.abs((told @ along.T).T - value) / (bar + extra)
    known = margin[np.isfinite(margin)]
    return float(known.max()) if known.size else None


def compare(case: Case, seed: int) -> Standing:
    """Compares the answers to one seed with the reference's."""
    answer, got = case.dossier.answers[seed], case.told.rows[seed]
    tolerance = case.tolerance(seed)
    with np.errstate(all="ignore"):
        gap = np.abs(got - answer.value)
        same = (gap <= tolerance) | (got == answer.value)
    bad = ~(same | (np.isnan(got) & np.isnan(answer.value)))
    tolerance, bad = _own_noise(case, seed, gap, tolerance, bad)
    _note_margin(case, seed, gap, tolerance, bad)
    if bad.any() and _shrinks(case, seed, gap, tolerance, bad):
        case.findings.add(Finding.IMPRECISE)
        return Standing.IMPRECISE
    if got.size:
        case.no_power = max(case.no_power, float(np.mean(answer.hopeless)))
    if not bad.any():
        return _passed(case, seed, tolerance)
    broken = ~np.isfinite(got) & np.isfinite(answer.value)
    overflown = broken & ~answer.low_finite
    if overflown.any():
        case.findings.add(Finding.OVERFLOW)
        return Standing.OVERFLOW
    if broken.any():
        return hear_nonfinite(case, seed, broken)
    live = bad & ~(answer.hopeless & np.isfinite(got))
    if not live.any():
        case.findings.add(Finding.NO_POWER)
        return Standing.NO_POWER
    return hear(case, seed, live, gap, tolerance)


def _note_margin(case: Case, seed: int, gap: Array, tolerance: Array, bad: Array) -> None:
    if not gap.size:
        case.margin_reference = case.margin_reference or 0.0
        return
    answer, got = case.dossier.answers[seed], case.told.rows[seed]
    with np.errstate(all="ignore"):
        margin = np.where(bad, np.inf, 0.0)
        margin = np.where(np.isfinite(gap), gap / tolerance, margin)
    margin = np.where(answer.hopeless & np.isfinite(got), 0.0, margin)
    index = int(np.argmax(margin))
    largest = float(margin[index])
    if case.margin_reference is None or largest > case.margin_reference:
        case.margin_reference = largest
        allowed = float(tolerance[index])
        case.note_worst(index, got[index], answer.value[index], allowed=allowed)


def _own_noise(
    case: Case, seed: int, gap: Array, tolerance: Array, bad: Array
) -> tuple[Array, Array]:
    """A near miss may show its own rounding noise: summing in another order is no fault.

    So may what is exactly zero for the reference: terms that cancel there may leave a residue
    here, of which nobody else knows the size. It is one if the answer is nothing but noise, and
    small beside the seed.
    """
    dossier, noise = case.dossier, case.dossier.answers[seed].noise
    weight, got = dossier.seeds[seed], case.told.rows[seed]
    largest = float(np.abs(flat(weight)).max(initial=0.0))
    residue = dossier.answers[seed].value == 0
    with np.errstate(all="ignore"):
        residue &= np.abs(got) <= 64.0 * case.precision.unit * largest
        if not bad.any() or not np.all((residue | (gap <= NEAR_MISS * tolerance))[bad]):
            return tolerance, bad
    queries: list[Query] = []
    for probe in range(3):
        part, rest = split(dossier.name + "/own", weight, probe)
        wiggled = perturbed(dossier.name + "/own", dossier.x, dossier.dtype, probe + 1)
        queries += [(dossier.x, part), (dossier.x, rest), (wiggled, weight)]
    rows = case.asker.ask(queries).rows
    with np.errstate(all="ignore"):
        sums = np.abs(rows[0::3] + rows[1::3] - got)
        moves = np.abs(rows[2::3] - got)
        own = np.nan_to_num(np.maximum(sums, moves).max(axis=0), posinf=0.0)
        usable = noise > 0
        pooled = float(np.median(own[usable] / noise[usable])) if usable.any() else 0.0
        believed = np.minimum(np.maximum(own, pooled * noise), NEAR_MISS * noise)
        believed = np.where(residue & (sums.max(axis=0) >= RESIDUE * gap), own, believed)
        wider = np.maximum(tolerance, case.precision.factor * believed)
        left = bad & ~(gap <= wider)
    case.noise_ratio = max(case.noise_ratio or 0.0, float(np.max((own / noise)[bad])))
    if not left.any():
        case.findings.add(Finding.NOISIER)
    return wider, left


def _shrinks(case: Case, seed: int, gap: Array, tolerance: Array, bad: Array) -> bool:
    """Whether a near miss shrinks with the precision as rounding does; a wrong formula won't.

    In float64 the gap must be at most 64 x 2**-29 of the float32 gap (element by element, not
    below the latter's rms); in a lower precision the other way round.
    """
    with np.errstate(all="ignore"):
        if case.low is None or not np.all(gap[bad] <= NEAR_MISS * tolerance[bad]):
            return False
        told = case.low.ask([(case.dossier.x, case.dossier.seeds[seed])])
        if told.fault is not None:
            return False
        other = np.abs(told.rows[0] - case.dossier.answers[seed].value)
        if case.dossier.dtype == "float64":
            typical = np.sqrt(np.nanmean(other**2))
            limit = 64.0 * SINGLE_TO_DOUBLE * np.maximum(other, typical)
            return bool(np.all(gap[bad] <= limit[bad]))
        limit = 64.0 * SINGLE_TO_DOUBLE * np.maximum(gap, tolerance)
        return bool(np.all(other[bad] <= limit[bad]))


def _passed(case: Case, seed: int, tolerance: Array) -> Standing:
    """Every element agrees with the reference: what finite differences say of both."""
    answer, got, states = (
        case.dossier.answers[seed],
        case.told.rows[seed],
        case.dossier.states(seed),
    )
    _note_kink(case, seed)
    _note_fd(case, seed, got, tolerance)
    accused = any_of(states, WRONG) and not _within_bars(case, seed, tolerance)
    if got.size and not np.all(np.isfinite(got)):
        case.findings.add(Finding.NONFINITE_BOTH)
        found = hear_both_nonfinite(case, seed)
        if found is Standing.NONFINITE and any_of(states, (State.NONFINITE,)):
            case.findings.add(Finding.CONFLICT)
            return Standing.CONFLICT
        return found
    if got.size and np.mean(answer.hopeless) > 0.5 and np.any(answer.value != 0):
        if _zero_within_rounding(case, seed, got):
            case.findings.add(Finding.AGREE_ZERO)
            return Standing.ZERO
        case.findings.add(Finding.NO_POWER)
        return Standing.NO_POWER
    if accused:
        case.findings.add(Finding.CONFLICT)
        only_kinks = only(states[np.isin(states, [int(s) for s in WRONG])], KINKS)
        return Standing.KINK if only_kinks else Standing.CONFLICT
    if any_of(states, KINKS):
        return Standing.KINK
    if any_of(states, (State.AGREE,)) and case.dossier.kind == "pullback":
        return Standing.AGREE
    if only(states, (State.AGREE,)):
        return Standing.AGREE
    case.findings.add(Finding.REFERENCE_ONLY)
    return Standing.REFERENCE_ONLY


def _within_bars(case: Case, seed: int, tolerance: Array) -> bool:
    """In low precision the accused reference may still be within the tested precision."""
    if case.dossier.dtype == "float64":
        return False
    for number, record in enumerate(case.dossier.certifications):
        if case.dossier.kind == "pushforward":
            if number != seed:
                continue
            extra, pick = tolerance, np.arange(record.claim.size)
        else:
            along = flat(case.dossier.directions[number])
            extra, pick = np.sqrt(np.sum((tolerance * along) ** 2)), np.array([seed])
        with np.errstate(all="ignore"):
            bar = FD_FACTOR * record.error[pick] + record.slack[pick] + extra
            if not np.all(np.abs(record.claim - record.value)[pick] <= bar):
                return False
    return True


def _zero_within_rounding(case: Case, seed: int, got: Array) -> bool:
    """An all-zero gradient that both call zero to within rounding of the terms."""
    dossier = case.dossier
    if dossier.kind == "pushforward":
        terms = np.abs(flat(dossier.value))
        limit, size = 64.0 * terms, np.ones(terms.shape)
    else:
        summed = np.sum(np.abs(flat(dossier.seeds[seed]) * flat(dossier.value)))
        limit = 64.0 * np.full(got.shape, summed)
        size = flat(tuple(np.where(a != 0, np.abs(a), leaf_scale(a)) for a in dossier.x))
    with np.errstate(all="ignore"):
        mine = np.abs(got) * size <= case.precision.unit * limit
        theirs = np.abs(dossier.answers[seed].value) * size <= UNIT * limit
    return bool(np.all(mine & theirs))


def _note_fd(case: Case, seed: int, got: Array, tolerance: Array) -> None:
    """The backend's own margin against finite differences along the shared directions."""
    for number, record in enumerate(case.dossier.certifications):
        if case.dossier.kind == "pushforward":
            if number != seed:
                continue
            claim, extra, pick = got, tolerance, np.arange(got.size)
        else:
            along = flat(case.dossier.directions[number])
            with np.errstate(all="ignore"):
                claim = np.array([np.sum(got * along)])
                extra = np.sqrt(np.sum((tolerance * along) ** 2))
            pick = np.array([seed])
        with np.errstate(all="ignore"):
            bar = FD_FACTOR * record.error[pick] + record.slack[pick] + extra
            margin = np.abs(claim - record.value[pick]) / bar
        margin = margin[np.isfinite(margin) & (record.states[pick] == State.AGREE)]
        if margin.size:
            case.margin_fd = max(case.margin_fd or 0.0, float(margin.max()))


def _note_kink(case: Case, seed: int) -> None:
    """Names the convention of the claim where it meets a kink.

    A pushforward's is along its own direction.  A pullback's is by element, since along a direction
    of mixed signs a left slope is a right one; along the direction where elements are too many.
    """
    for number, record in enumerate(case.dossier.certifications):
        pushed = case.dossier.kind == "pushforward"
        if pushed and number != seed:
            continue
        column = np.flatnonzero(record.kink) if pushed else np.array([seed])
        column = column[record.kink[column]]
        if any_of(record.states, (State.JUMP,)):
            case.findings.add(Finding.JUMP)
        if not column.size:
            continue
        case.findings.add(Finding.KINK)
        got = case.told.rows[seed]
        if case.convention is not None:
            continue
        if not pushed and got.size <= SMALL_INPUT:
            case.convention = convention_by_element(case, seed)
            continue
        about = differences.sides(case.lines[number].samples.columns(column[:1]))
        along = None if pushed else flat(case.dossier.directions[number])
        claim = got[column[0]] if along is None else float(np.sum(got * along))
        if np.isfinite(claim):
            slack = float(record.slack[column[0]])
            case.convention = arbitrate.convention(about, 0, float(claim), slack)
