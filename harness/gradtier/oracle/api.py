"""The oracle's questions: certify once per point, judge once per backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gradtier.oracle.alone import alone
from gradtier.oracle.case import Case, Standing
from gradtier.oracle.compare import compare, settles
from gradtier.oracle.dossier import Dossier, build
from gradtier.oracle.sharper import NOTHING_SHARPER, Sharper
from gradtier.oracle.types import BatchedPrimal, Leaves, Map, OracleError, Witness
from gradtier.oracle.verdict import FINITE_DIFFERENCES, REFERENCE, Finding, Outcome, Reason, Verdict

SENTENCES = {
    Standing.LEANING: "it differs from the reference where finite differences cannot tell who is"
    " right",
    Standing.REFERENCE_WRONG: "the reference is wrong by finite differences; nothing is known"
    " against the backend",
    Standing.CONFLICT: "backend and reference agree, finite differences contradict both",
    Standing.JUMP: "the function is discontinuous at this point",
    Standing.NO_POWER: "rounding noise is as large as the derivative",
    Standing.OVERFLOW: "not finite, but neither is the reference in the tested precision",
    Standing.UNRESOLVED: "finite differences are not sharp enough to judge alone",
    Standing.IMPRECISE: "agrees, but with an error far above rounding that shrinks with precision",
    Standing.ZERO: "both are zero to within rounding of the terms that cancel",
    Standing.NONFINITE: "agrees with the reference, which is not finite in the same elements",
    Standing.KINK: "an allowed value at a kink",
    Standing.REFERENCE_ONLY: "agrees with the reference; finite differences could not tell",
}
ACCUSATIONS = {
    Reason.VALUE: "the value is wrong",
    Reason.SEVERED: "zero or not connected where the function varies",
    Reason.NONFINITE: "not finite where the derivative is finite",
    Reason.SHAPE: "the answer's leaves do not have the right shapes",
    Reason.UNSTABLE: "asked twice for the same, it answered differently",
    Reason.MUTATED: "the call changed its own inputs",
    Reason.STALE: "at another point it answered as at the first one",
}
FORMAL = (Reason.SHAPE, Reason.UNSTABLE, Reason.MUTATED, Reason.STALE)
"""Reasons that are seen without comparing values."""

AGREEING = {
    Standing.AGREE,
    Standing.REFERENCE_ONLY,
    Standing.KINK,
    Standing.NONFINITE,
    Standing.ZERO,
    Standing.IMPRECISE,
}


def certify_pullback(
    name: str,
    primal: BatchedPrimal,
    x: Leaves,
    reference: Witness | None,
    dtype: str = "float64",
    *,
    sharper: Sharper = NOTHING_SHARPER,
    lean: bool = False,
) -> Dossier:
    """Prepares the judging of pullbacks (VJPs) of a function at a point.

    Args:
        name: the trial's name; cotangents, directions and probes are drawn from it.
        primal: the function, batched (see `batched`), in float64 or complex128.
        x: the point; leaves should be representable in float32, so that steps are exact. Complex
            leaves are differentiated by their real and imaginary parts (see `conjugated`).
        reference: the reference's pullback, or None to let finite differences judge alone.
        dtype: the precision under test: a key of `gradtier.oracle.constants.PRECISIONS`.
        sharper: what may be asked where finite differences are not sharp.
        lean: measure the reference's noise only if it takes that to certify it. Judging then
            needs `full`, which is called where a backend's answer does not settle the matter.

    Returns:
        A dossier with two cotangents, shaped like the output, to be shared by all backends.

    Raises:
        OracleError: if there is nothing to differentiate, the primal fails at `x`, gives whole
            numbers or has hidden state, or the reference answers with wrong shapes.
    """
    return build("pullback", name, primal, x, reference, dtype, sharper, lean)


def certify_pushforward(
    name: str,
    phi: BatchedPrimal,
    x: Leaves,
    reference: Witness | None,
    dtype: str = "float64",
    *,
    sharper: Sharper = NOTHING_SHARPER,
    lean: bool = False,
) -> Dossier:
    """Prepares the judging of pushforwards (JVPs, and HVPs as pushforwards of a gradient).

    Args:
        name: the trial's name; the two tangents are drawn from it.
        phi: what is differenced along the tangent, batched: the primal for a JVP; for an HVP the
            *reference's* gradient, so that a first-order fault is not counted twice.
        x: the point; leaves should be representable in float32, so that steps are exact.
        reference: the reference's pushforward of `phi`, or None.
        dtype: the precision under test.
        sharper: what may be asked where finite differences are not sharp.
        lean: as for `certify_pullback`.

    Returns:
        A dossier with two tangents, shaped like `x`, to be shared by all backends.

    Raises:
        OracleError: as for `certify_pullback`.
    """
    return build("pushforward", name, phi, x, reference, dtype, sharper, lean)


def judge_pullback(
    dossier: Dossier,
    primal: BatchedPrimal,
    claimed: Map,
    low: Map | None = None,
    *,
    full: Callable[[], Dossier] | None = None,
    sharper: Sharper = NOTHING_SHARPER,
) -> Verdict:
    """Judges a backend's pullback.

    Args:
        dossier: from `certify_pullback`.
        primal: the same primal; called only where backend and reference differ.
        claimed: the backend's pullback in the tested precision. It is asked for both cotangents
            in one batch and for the first one at another point; without a lean dossier, in near
            misses and in arbitration for more.
        low: the same in float32 (in float64 where a lower precision is tested). Only with it can
            a near miss be told to be imprecise: agree with the finding "imprecise", if the error
            shrinks with the precision like rounding. Without it, such a claim goes to arbitration.
        full: gives the dossier that is not lean; needed (and called) for a lean one only.
        sharper: what may be asked where finite differences are not sharp.

    Returns:
        A verdict; exceptions raised by `claimed` are passed on.

    Raises:
        OracleError: if the dossier is of another kind, or is lean and `full` is needed but absent.
    """
    return _judge("pullback", dossier, primal, claimed, low, full, sharper)


def judge_pushforward(
    dossier: Dossier,
    phi: BatchedPrimal,
    claimed: Map,
    low: Map | None = None,
    *,
    full: Callable[[], Dossier] | None = None,
    sharper: Sharper = NOTHING_SHARPER,
) -> Verdict:
    """Judges a backend's pushforward; see `judge_pullback` for the arguments."""
    return _judge("pushforward", dossier, phi, claimed, low, full, sharper)


def _judge(
    kind: str,
    dossier: Dossier,
    primal: BatchedPrimal,
    claimed: Map,
    low: Map | None,
    full: Callable[[], Dossier] | None,
    sharper: Sharper,
) -> Verdict:
    if dossier.kind != kind:
        raise OracleError(f"this dossier is about a {dossier.kind}, not a {kind}")
    case = Case(dossier, primal, claimed, low, sharper)
    if dossier.lean and case.told.fault is None and not settles(case):
        if full is None:
            raise OracleError("the answer is not settled by this lean dossier; pass `full`")
        dossier = full()
        case = case.knowing(dossier)
    standing = _standing(case)
    verdict = _verdict(case, standing)
    beside = dossier.jittered
    if beside is None:
        return verdict
    if standing in (Standing.KINK, Standing.JUMP):
        there = _judge(kind, beside, primal, claimed, low, None, sharper)
        return _with_beside(verdict, standing, there)
    if standing == Standing.WRONG and case.reason in (Reason.VALUE, Reason.SEVERED):
        there = _judge(kind, beside, primal, claimed, low, None, sharper)
        found = Finding.AT_POINT_ONLY.value
        if there.outcome is Outcome.AGREE and found not in verdict.findings:
            verdict = replace(verdict, findings=tuple(sorted((*verdict.findings, found))))
        return _with_counts(verdict, there)
    return verdict


def _standing(case: Case) -> Standing:
    if case.dossier.reference is None:
        case.findings.add(Finding.NO_REFERENCE)
    if case.dossier.troubles is not None:
        case.findings.add(Finding.PRIMAL)
    case.reason = _misbehaved(case)
    if case.reason is not None:
        return Standing.WRONG
    if case.strays():
        case.findings.add(Finding.ELSEWHERE)
    if case.dossier.lean:
        return Standing.AGREE
    if not case.dossier.answers:
        return alone(case)
    standing = Standing.AGREE
    for seed in range(len(case.dossier.seeds)):
        standing = min(standing, compare(case, seed))
        if standing == Standing.WRONG:
            return standing
    if standing == Standing.REFERENCE_WRONG:
        by_fd = alone(case)
        if by_fd in (Standing.WRONG, Standing.AGREE, Standing.KINK):
            return by_fd
    return standing


def _misbehaved(case: Case) -> Reason | None:
    """What is wrong with the answers besides their values."""
    if case.told.fault is not None:
        return Reason.SHAPE
    if case.asker.mutated:
        return Reason.MUTATED
    if case.asker.overwritten or not (case.dossier.lean or case.steady()):
        return Reason.UNSTABLE
    return Reason.STALE if case.stale() else None


def _verdict(case: Case, standing: Standing) -> Verdict:
    outcome = Outcome.INCONCLUSIVE
    if standing == Standing.WRONG:
        outcome = Outcome.WRONG
    elif standing in AGREEING:
        outcome = Outcome.AGREE
    evaluator, dossier = case.evaluator, case.dossier
    findings = {finding.value for finding in case.findings}
    findings |= evaluator.sharpened | set(dossier.sharpened)
    return Verdict(
        outcome=outcome,
        reason=case.reason if outcome is Outcome.WRONG else None,
        detail=_detail(case, standing),
        witnesses=_witnesses(case, standing),
        convention=None if outcome is Outcome.WRONG else case.convention,
        worst=case.worst,
        margin_reference=case.margin_reference,
        margin_fd=case.margin_fd,
        no_power=case.no_power,
        noise_ratio=case.noise_ratio,
        rows=case.rows_seen,
        primal_evaluations=evaluator.count,
        derivative_evaluations=case.asker.count + (case.low.count if case.low else 0),
        findings=tuple(sorted(findings)),
    )


def _witnesses(case: Case, standing: Standing) -> tuple[str, ...]:
    if case.reason in FORMAL:
        return ()
    if case.dossier.reference is None:
        return (FINITE_DIFFERENCES,)
    if standing == Standing.REFERENCE_ONLY:
        return (REFERENCE,)
    if Finding.REFERENCE_WRONG in case.findings:
        return (FINITE_DIFFERENCES,)
    return (FINITE_DIFFERENCES, REFERENCE)


def _detail(case: Case, standing: Standing) -> str:
    if standing == Standing.AGREE:
        if case.dossier.reference is None or Finding.REFERENCE_WRONG in case.findings:
            limit = Finding.DIRECTIONS_ONLY in case.findings
            known = "along two directions only" if limit else "by finite differences alone"
            return f"agrees, {known}"
        return "agrees with finite differences and with the reference"
    if standing != Standing.WRONG:
        said = SENTENCES[standing]
        if standing == Standing.KINK and case.convention is not None:
            said = f"{said} ({case.convention})"
        if standing not in AGREEING and case.dossier.troubles is not None:
            said = f"{said}; {case.dossier.troubles}"
        return said
    said = ACCUSATIONS[case.reason or Reason.VALUE]
    if case.told.fault is not None:
        return f"{said}: {case.told.fault}"
    if case.asker.overwritten and case.reason is Reason.UNSTABLE:
        return "an earlier result changed while a later one was computed"
    if case.worst is None or case.reason in FORMAL:
        return said
    worst = case.worst
    told = f"{said}: {worst.place} is {worst.got:.9g}"
    if worst.fd is not None:
        told += f", finite differences say {worst.fd:.9g}"
    if worst.reference is not None:
        told += f", the reference {worst.reference:.9g}"
    return told


def _with_counts(verdict: Verdict, beside: Verdict) -> Verdict:
    return replace(
        verdict,
        rows=max(verdict.rows, beside.rows),
        primal_evaluations=verdict.primal_evaluations + beside.primal_evaluations,
        derivative_evaluations=verdict.derivative_evaluations + beside.derivative_evaluations,
    )


def _with_beside(verdict: Verdict, standing: Standing, beside: Verdict) -> Verdict:
    """A wrong rule cannot hide behind a convention: the point beside decides."""
    both = _with_counts(verdict, beside)
    if beside.outcome is Outcome.WRONG:
        return replace(
            both,
            outcome=Outcome.WRONG,
            reason=beside.reason,
            detail=f"at a point beside the kink or jump: {beside.detail}",
            convention=None,
            worst=beside.worst,
            margin_reference=beside.margin_reference,
            margin_fd=beside.margin_fd,
            findings=tuple(sorted({*verdict.findings, Finding.WRONG_NEARBY.value})),
        )
    if standing == Standing.JUMP and beside.outcome is Outcome.AGREE:
        detail = "discontinuous at this point; agrees at a point beside it"
        return replace(both, outcome=Outcome.AGREE, detail=detail)
    return both
