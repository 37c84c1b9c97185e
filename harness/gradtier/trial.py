"""One trial: ask the backend, let the oracle judge, make the record.

Whatever goes wrong inside gradtier itself is caught here and becomes the outcome ``error``, which
says nothing of the backend; what a backend raises is caught where it is called, in its worker.
"""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Iterator
from typing import Any

from gradtier import checks, oracle
from gradtier.checks import Check
from gradtier.claimed import Claimed
from gradtier.engine import (
    Crashed,
    Engine,
    Engines,
    Refused,
    Shortage,
    TimedOut,
    Unavailable,
    engine_key,
)
from gradtier.evidence import Record
from gradtier.ledger import UNKEPT, Part, Unkept
from gradtier.matrix import Matrix
from gradtier.model import HOST, Cell, Mode, Nesting, Outcome, Reason
from gradtier.plan import Plan, Planned
from gradtier.witnesses import Bench, Known, NoReference, Question, question

MOST_TEXT = 300


class Runner:
    """Runs the trials of a plan, one after the other.

    Args:
        plan: what is planned.
        engines: the workers.
        bench: the witnesses.
        run: id of the run, for the records.
        ledger: where its time is kept.
    """

    def __init__(
        self, plan: Plan, engines: Engines, bench: Bench, run: str, ledger: Unkept = UNKEPT
    ) -> None:
        self.plan, self.engines, self.bench, self.run_id = plan, engines, bench, run
        self._ledger = ledger

    def run(self, planned: Planned) -> tuple[Record, oracle.Verdict | None]:
        """Run one trial; never raises for anything that a backend or gradtier does.

        Returns:
            the record, and the oracle's verdict where it got that far.
        """
        start, verdict = time.perf_counter(), None
        try:
            with self._ledger.of(Part.ORACLE):
                found, verdict = self._judged(planned)
        except Exception as error:  # the harness's own fault: recorded as such
            found = {"outcome": Outcome.ERROR, "detail": clean(f"{type(error).__name__}: {error}")}
        record = Record(
            run=self.run_id,
            trial=str(planned.id),
            digest=planned.digest,
            seconds=round(time.perf_counter() - start, 4),
            finished=now(),
            **found,
        )
        return record, verdict

    def _judged(self, planned: Planned) -> tuple[dict[str, Any], oracle.Verdict | None]:
        if planned.unavailable:
            return {"outcome": Outcome.UNAVAILABLE, "detail": clean(planned.unavailable)}, None
        cell = planned.id.cell
        row = self.plan.matrix.backends[cell.backend]
        try:
            engine = self.engines.get(cell.backend)
        except Unavailable as error:
            return {"outcome": Outcome.UNAVAILABLE, "detail": clean(str(error))}, None
        ready = engine.ready
        if cell.device not in ready.devices:
            detail = f"{row.package} as installed here sees no {cell.device}"
            return {"outcome": Outcome.UNAVAILABLE, "detail": detail}, None
        case = self.plan.cases[planned.id.case_id]
        asked = question(self.plan.matrix, case, row.mode, cell.nesting, cell.dtype)
        claimed, found, verdict = self._with_room(engine, cell, asked)
        found["versions"] = dict(ready.versions)
        granted = {"accuracy": f"{row.accuracy.relative:g} granted"} if row.accuracy else {}
        found["observed"] = {**ready.observed(cell.device), **granted, **placed(claimed)}
        return {**claimed.timing(), **found}, verdict

    def _with_room(
        self, engine: Engine, cell: Cell, asked: Question
    ) -> tuple[Claimed, dict[str, Any], oracle.Verdict | None]:
        """Ask and judge; where a card's memory runs out, once more without the other processes."""
        mode, limit = self.plan.matrix.backends[cell.backend].mode, self.plan.matrix.timeout
        claimed = Claimed(engine, asked, cell.device, mode, limit)
        try:
            return claimed, *self._asked(claimed, cell.backend)
        except Shortage:
            self.engines.close()  # what they hold of the card may be what it lacks
        claimed = Claimed(self.engines.get(cell.backend), asked, cell.device, mode, limit)
        try:
            return claimed, *self._asked(claimed, cell.backend)
        except Shortage as error:
            return claimed, short(error), None

    def _asked(
        self, claimed: Claimed, backend: str
    ) -> tuple[dict[str, Any], oracle.Verdict | None]:
        try:
            known = self.bench.known(claimed.asked, backend)
        except NoReference as why:
            return self._unjudged(claimed, why), None
        except oracle.OracleError as why:
            return not_judged(why), None
        pulls = claimed.asked.map_name == "vjp"
        judge = oracle.judge_pullback if pulls else oracle.judge_pushforward
        try:
            verdict = judge(
                known.dossier, known.phi, claimed, full=known.full, sharper=known.sharper
            )
        except (Refused, TimedOut, Crashed) as error:
            return {**ended(error), "reference": known.reference}, None
        except (NoReference, oracle.OracleError) as why:
            return not_judged(why), None
        timing = claimed.timing()
        claimed.left = self.plan.matrix.timeout  # what was measured is safe; checks have their own
        try:
            with self._ledger.of(Part.CHECKS):
                said, fault = checks.said(self._checked(claimed, backend, known, verdict, judge))
        except (TimedOut, Crashed) as error:
            return {**ended(error), "reference": known.reference}, verdict
        found = {**found_by(verdict, fault), "checks": said, "reference": known.reference}
        return {**found, **timing}, verdict

    def _checked(
        self, claimed: Claimed, backend: str, known: Known, verdict: oracle.Verdict, judge: Any
    ) -> Iterator[Check]:
        """Every check that concerns the trial; the first faults are the plainest ones."""
        yield checks.structure(claimed)
        yield from self._of_numbers(claimed, backend, known, verdict, judge)
        # last: a process that dies of it has answered all that counts
        if claimed.device != HOST and HOST in claimed.engine.ready.devices:
            yield checks.on_host(claimed, known, verdict)

    def _of_numbers(
        self, claimed: Claimed, backend: str, known: Known, verdict: oracle.Verdict, judge: Any
    ) -> Iterator[Check]:
        right = verdict.outcome is not oracle.Outcome.WRONG
        if right:
            yield checks.second_call(claimed, known, judge)
            yield checks.other_point(claimed, known, verdict, self.bench, backend, judge)
        if claimed.asked.case.rules:
            yield checks.rule(claimed)
        if not right:
            return
        yield checks.primal(claimed)
        if _has_other_mode(self.plan.matrix, backend, claimed):
            yield checks.adjoint(claimed)

    def _unjudged(self, claimed: Claimed, why: NoReference) -> dict[str, Any]:
        """There is no reference to judge by; whether the backend answers at all is still seen."""
        q = claimed.asked
        try:
            claimed([(q.x, q.x)])
        except (Refused, TimedOut, Crashed) as error:
            return ended(error)
        return not_judged(why)


def _has_other_mode(matrix: Matrix, backend: str, claimed: Claimed) -> bool:
    """Whether the adjoint identity can be put: first-order reverse, and a forward row beside it."""
    if claimed.mode is not Mode.REVERSE or claimed.asked.nesting is not Nesting.NONE:
        return False
    own = engine_key(matrix, backend)
    others = (n for n, b in matrix.backends.items() if b.mode is Mode.FORWARD)
    return any(engine_key(matrix, name) == own for name in others)


def found_by(verdict: oracle.Verdict, fault: Check | None) -> dict[str, Any]:
    """Outcome, reason and numbers of a judged trial; what a check found comes first."""
    outcome = Outcome(verdict.outcome.value)
    reason = Reason(verdict.reason.value) if verdict.reason is not None else None
    detail = verdict.detail
    if fault is not None and fault.fault is not None:
        outcome, (reason, detail) = Outcome.WRONG, fault.fault
    return {
        "outcome": outcome,
        "reason": reason,
        "detail": clean(detail),
        "verdict": verdict.to_dict(),
    }


def short(error: Shortage) -> dict[str, Any]:
    """Outcome and detail where a card had no room; it says nothing of the backend."""
    text = "the card's memory ran out, also when no other process of this run's worker held any"
    return _said(Outcome.ERROR, f"{text}: {error}")


def ended(error: Refused | TimedOut | Crashed) -> dict[str, Any]:
    """Outcome and detail where a backend did not answer."""
    match error:
        case TimedOut():
            return _said(Outcome.TIMEOUT, str(error))
        case Crashed():
            return _said(Outcome.CRASH, str(error))
        case Refused(refusal=refusal):
            if refusal.fault:
                return _said(Outcome.ERROR, refusal.error)
            outcome = Outcome.UNSUPPORTED if refusal.declined else Outcome.RAISED
            return _said(outcome, refusal.error)


def _said(outcome: Outcome, detail: str) -> dict[str, Any]:
    return {"outcome": outcome, "detail": clean(detail)}


def not_judged(why: Exception) -> dict[str, Any]:
    """Outcome and detail where nothing is known to judge by."""
    return _said(Outcome.INCONCLUSIVE, f"can't be judged: {why}")


def placed(claimed: Claimed) -> dict[str, str]:
    """Where inputs, values and results were, and the dtypes of the results."""
    devices = {d for a in claimed.answers for d in a.devices}
    dtypes = {d for a in claimed.answers for d in a.dtypes}
    seen = {"device": ",".join(sorted(devices)), "dtype": ",".join(sorted(dtypes))}
    return {key: words for key, words in seen.items() if words}


_PATH = re.compile(r"(?<![\w/])/(?:[^\s/'\":,;()]+/)+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]|\x1b\[[0-9;]*[A-Za-z]")


def clean(text: str) -> str:
    """One line without control characters or this machine's folders, cut to a bearable length."""
    line = " ".join(_CONTROL.sub("", _PATH.sub("", text)).split())
    return line if len(line) <= MOST_TEXT else line[: MOST_TEXT - 3] + "..."


def now() -> str:
    """The time in UTC, to the second, as ISO 8601."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
