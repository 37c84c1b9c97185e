"""What a trial checks beside the numbers of the derivative, once the oracle has judged those.

Each check answers in words that the record keeps; what contradicts a backend also gives a fault.

- ``primal``: the value that comes with the derivative is that of the function called plainly (for
  a nested map: of the inner derivative called alone).
- ``second call``: asking once more gives the same.
- ``other point``: the derivative, as it was prepared for the first point, is right at another one.
- ``adjoint``: <w, J v> = <J* w, v> between this row and the one that is its other mode.
- ``rule``: a derivative rule that the case states was called, once for each use.
- ``cpu``: on a card alone, the same process gives the same numbers on the CPU.  It gives no fault:
  what differs may be wrong on either side, and each has a trial, whose numbers the oracle judges.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradtier import oracle
from gradtier.claimed import Claimed
from gradtier.direct import CHECK, Direct
from gradtier.engine import Crashed, Refused, TimedOut
from gradtier.messages import Leaves
from gradtier.model import HOST, Mode, Nesting, Reason
from gradtier.witnesses import Bench, Known, NoReference

#: A backend that does not answer a check has answered the trial itself; that is what counts.
SILENT = (Refused, TimedOut, Crashed)

Judge = Any  # oracle.judge_pullback or oracle.judge_pushforward


@dataclass(frozen=True)
class Check:
    """One check's answer.

    Attributes:
        name: which.
        says: the answer in a few words.
        fault: what is wrong, and in a sentence how; None where nothing is.
    """

    name: str
    says: str
    fault: tuple[Reason, str] | None = None


def structure(claimed: Claimed) -> Check:
    """What the answers say of inputs, dtypes and devices, besides the numbers."""
    for answer in claimed.answers:
        if answer.mutated:
            return Check("inputs", "changed", (Reason.MUTATED, "the call changed its own inputs"))
        if answer.overwritten:
            text = "an earlier result changed while a later one was computed"
            return Check("inputs", "unchanged", (Reason.UNSTABLE, text))
        if strange := [d for d in answer.dtypes if d not in claimed.asked.dtypes]:
            text = f"the result is {strange[0]}, not {claimed.asked.dtype}"
            return Check("inputs", "unchanged", (Reason.DTYPE, text))
        if strange := [d for d in answer.devices if d != claimed.device]:
            text = f"computed on {', '.join(answer.devices)}, not on {claimed.device} alone"
            return Check("inputs", "unchanged", (Reason.DEVICE, text))
    return Check("inputs", "unchanged")


def primal(claimed: Claimed) -> Check:
    """The value beside the derivative against the plain call."""
    q, first = claimed.asked, claimed.answers[0]
    seed = claimed.first_seed
    inner = q.fixed if q.fixed and (claimed.mode, q.nesting) != _TANGENT_INSIDE else seed
    nested = q.nesting is not Nesting.NONE

    def evaluate(points: Sequence[Leaves]) -> list[Leaves]:
        queries = tuple((tuple(x), tuple(inner) if nested else ()) for x in points)
        ask = replace(claimed.ask_of(queries), nesting=Nesting.NONE, fixed=0, plain=not nested)
        if not nested:  # it has no mode: both rows of a system share what was compiled
            ask = replace(ask, mode=Mode.REVERSE)
        given = claimed.put(ask).leaves
        return [_filled(leaves, first.value) for leaves in given]

    try:
        value = _filled(first.value, first.value)
        margin = oracle.same_value(q.name, q.x, value, evaluate, q.dtype)
    except (*SILENT, ValueError) as why:
        return Check("primal", f"not checked: {_short(why)}")
    if margin == 0.0:
        return Check("primal", "the same to the bit")
    if margin <= 1.0:
        return Check("primal", "the same within rounding")
    how = f"by {margin:.3g} times what rounding allows"
    text = f"the value beside the derivative differs from the plain call {how}"
    return Check("primal", "differs", (Reason.PRIMAL, text))


_TANGENT_INSIDE = (Mode.FORWARD, Nesting.REVERSE)  # its inner map is along the direction


def _filled(leaves: Sequence[Any], like: Sequence[Any]) -> Leaves:
    """Leaves that are not connected as zeros of the other side's shape, if that is known."""
    pairs = zip(leaves, like, strict=True)
    return tuple(
        (np.zeros(()) if b is None else np.zeros_like(b)) if a is None else a for a, b in pairs
    )


def second_call(claimed: Claimed, known: Known, judge: Judge) -> Check:
    """The first query once more; what differs by a bit is judged by the oracle's whole dossier.

    Raises:
        TimedOut, Crashed: the backend answered once, and then it hung or died.
    """
    q, first = claimed.asked, claimed.answers[0].leaves[0]
    try:
        (again,) = claimed([(q.x, claimed.first_seed)])
        if all(map(_identical, first, again)):
            return Check("second call", "the same to the bit")
        verdict = judge(known.full(), known.phi, claimed, full=known.full, sharper=known.sharper)
    except Refused as why:
        text = f"the first call answers, a later one does not: {_short(why)}"
        return Check("second call", "does not answer", (Reason.UNSTABLE, text))
    except (NoReference, oracle.OracleError) as why:
        return Check("second call", f"differs, and can't be judged: {_short(why)}")
    if verdict.reason is not None and verdict.reason.value == Reason.UNSTABLE.value:
        return Check("second call", "differs", (Reason.UNSTABLE, verdict.detail))
    return Check("second call", "the same within rounding")


def other_point(
    claimed: Claimed,
    known: Known,
    verdict: oracle.Verdict,
    bench: Bench,
    backend: str,
    judge: Judge,
) -> Check:
    """The prepared derivative elsewhere; where it strays, that point gets a trial of its own.

    Wrong there, and right when prepared anew for that point, is stale.
    """
    elsewhere = known.dossier.elsewhere_point
    if elsewhere is None:
        return Check("other point", "not checked: no reference answers there")
    if oracle.Finding.ELSEWHERE.value not in verdict.findings:
        return Check("other point", "agrees with the reference")
    moved = replace(claimed.asked, x=elsewhere, name=f"{claimed.asked.name}#elsewhere")
    try:
        there = bench.known(moved, backend)
        prepared = _judged(judge, there, claimed)
        if prepared.outcome is not oracle.Outcome.WRONG:
            return Check("other point", f"{prepared.outcome}: {prepared.detail}")
        anew = _judged(judge, there, replace(claimed, fresh=True, answers=[]))
    except (*SILENT, NoReference, oracle.OracleError) as why:
        return Check("other point", f"not checked: {_short(why)}")
    if anew.outcome is oracle.Outcome.AGREE:
        text = f"right when prepared anew at another point, but used again there {prepared.detail}"
        return Check("other point", "wrong when used again", (Reason.STALE, text))
    assert prepared.reason is not None
    fault = (Reason(prepared.reason.value), f"at another point {prepared.detail}")
    return Check("other point", "wrong", fault)


def _judged(judge: Judge, known: Known, claimed: Claimed) -> oracle.Verdict:
    verdict: oracle.Verdict = judge(
        known.dossier, known.phi, claimed, full=known.full, sharper=known.sharper
    )
    return verdict


def adjoint(claimed: Claimed) -> Check:
    """Forward and reverse of one system; which of them is wrong, the identity cannot tell."""
    q = claimed.asked

    def push(queries: Any) -> Any:
        ask = replace(claimed.ask_of(tuple(queries)), mode=Mode.FORWARD)
        return list(claimed.put(ask).leaves)

    value = tuple(np.asarray(a) for a in claimed.answers[0].value)
    try:
        verdict = oracle.adjoint(q.name, q.x, value, claimed, push, q.dtype)
    except (*SILENT, ValueError) as why:
        return Check("adjoint", f"not checked: {_short(why)}")
    match verdict.outcome:
        case oracle.Outcome.AGREE:
            return Check("adjoint", "holds")
        case oracle.Outcome.WRONG:
            return Check("adjoint", f"fails: {verdict.detail}")
        case oracle.Outcome.INCONCLUSIVE:
            return Check("adjoint", f"can't tell: {verdict.detail}")


def rule(claimed: Claimed) -> Check:
    """How often the case's own derivative rules were called by one derivative, prepared anew."""
    q = claimed.asked
    query = ((tuple(q.x), (*q.fixed, *claimed.first_seed)),)
    try:
        answer = claimed.put(replace(claimed.ask_of(query), fresh=True))
    except SILENT as why:
        return Check("rule", f"not checked: {_short(why)}")
    text = f"called {answer.ruled} times for {answer.uses} uses"
    if not answer.ruled:
        return Check("rule", text, (Reason.RULE, "the case's derivative rule was not called"))
    return Check("rule", text)


def on_host(claimed: Claimed, known: Known, verdict: oracle.Verdict) -> Check:
    """The first questions once more, on the CPU: are they answered by the same numbers?"""
    here = claimed.answers[0] if claimed.answers else None
    if here is None or not claimed.first:
        return _uncompared("nothing was asked")
    if stray := {d for answer in claimed.answers for d in answer.devices} - {claimed.device}:
        return _uncompared(f"not on {claimed.device} alone, but on {', '.join(sorted(stray))} too")
    try:
        there = claimed.put(replace(claimed.ask_of(claimed.first), device=HOST))
        if set(there.devices) != {HOST}:
            return _uncompared(f"asked of the {HOST}, it was on {', '.join(there.devices)}")
        both = oracle.apart(known.dossier, here.leaves, there.leaves)
    except (*SILENT, ValueError) as why:
        return _uncompared(f"the {HOST} does not answer: {_short(why)}")
    return Check(CHECK, compared(both, claimed.device, verdict))


def _uncompared(why: str) -> Check:
    return Check(CHECK, f"{Direct.UNKNOWN}: {why}")


_OF_NUMBERS = (oracle.Reason.VALUE, oracle.Reason.SEVERED, oracle.Reason.NONFINITE)
_MOST_ULPS = 1024.0


def compared(both: oracle.Apart, device: str, verdict: oracle.Verdict) -> str:
    """In words; ulps are rounded up to a power of two, so that few texts cover many trials."""
    if both.first_fault is not None or both.second_fault is not None:
        if both.first_fault == both.second_fault:
            return f"{Direct.BOTH}, in the same way"
        leads = Direct.ALONE if both.second_fault is None else Direct.APART
        return f"{leads}: {both.first_fault or both.second_fault}"
    # The numbers at this point: another reason, or a point beside a kink, is not about them.
    nearby = oracle.Finding.WRONG_NEARBY.value in verdict.findings
    wrong = verdict.reason in _OF_NUMBERS and not both.first_right and not nearby
    if both.times <= 1.0:
        if wrong:
            return f"{Direct.BOTH}, by the same numbers"
        if both.ulps == 0.0:
            return f"{Direct.SAME} to the bit"
        if both.ulps <= _MOST_ULPS:
            return f"{Direct.SAME} within {2 ** max(math.ceil(math.log2(both.ulps)), 0)} ulp"
        return f"{Direct.SAME} within tolerance"
    far = f"by {both.times:.3g} times what both may be off"
    numbers = f"{far}, at {both.place}: {device} {both.first:.9g}, {HOST} {both.second:.9g}"
    if wrong and both.second_right:
        return f"{Direct.ALONE}: apart {numbers}"
    return f"{Direct.APART} {numbers}"


def said(checks: Iterable[Check]) -> tuple[Mapping[str, str], Check | None]:
    """The answers by name, and the first check that found a fault."""
    done = list(checks)
    return {c.name: c.says for c in done}, next((c for c in done if c.fault is not None), None)


def _identical(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    return np.array_equal(a, b, equal_nan=True)


def _short(why: BaseException) -> str:
    return " ".join(str(why).split())[:120]
