"""Evidence files -> results, one per trial, in words that every report format has.

============== =============================================== ==============
outcome        JUnit                                           CTRF
============== =============================================== ==============
agree          passed                                          passed
wrong, raised, failure                                         failed
timeout, crash
declared so    skipped, with the reason of the claim or waiver skipped
unsupported    skipped: the backend declines                   skipped
inconclusive   skipped: the oracle could not tell              other
unavailable    skipped: package or device absent               skipped
missing        skipped: planned, and there is no record        pending
error          error: the harness's own fault                  other
============== =============================================== ==============

A trial that agrees although a claim says that it does not is a failure: the claim no longer holds,
as ``pytest matrix.yaml`` has it.  With ``failure`` for what is declared, claims and waivers are
ignored in both directions.

Records are read twice and not kept: the first time their keys are counted, the second time each
that is alone goes through; only those that share a trial are weighed against each other, by the
same rule as in a report.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol

from gradtier import evidence as evidence_
from gradtier.errors import InputError, Problem
from gradtier.evidence import AnyLine, Bench, Control, Evidence, Gathering, Record, Run
from gradtier.judged import Judged
from gradtier.matrix import Claim
from gradtier.model import Outcome, TrialId
from gradtier.plan import Plan, Planned, Selection
from gradtier.table import plain, shown_as

LONGEST = 600  # characters of a stranger's text
#: What becomes of a failure that a claim or a waiver declares.
Declared = Literal["skipped", "failure"]


class Sink(Protocol):
    """What a report is written to."""

    def write(self, text: str, /) -> object:
        """Take in more."""


class Status(StrEnum):
    """What a trial is called in a report; closed."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    PENDING = "pending"
    UNDECIDED = "undecided"
    ERROR = "error"


@dataclass(frozen=True)
class Result:
    """One trial.

    Attributes:
        trial: which.
        status: what it is called.
        outcome: what gradtier calls it.
        reason: why, where it is wrong; or empty.
        message: one sentence without control characters; empty where it simply agrees.
        record: the record that counts, if there is one.
        conflict: different outcomes under the same conditions, the worst first: it is flaky.
    """

    trial: TrialId
    status: Status
    outcome: Outcome
    reason: str
    message: str
    record: Record | None
    conflict: tuple[Outcome, ...] = ()


@dataclass(frozen=True)
class Survey:
    """What a first reading of the files found.

    Attributes:
        runs: heads of the runs that tried something; those that timed benchmarks are left out.
        several: hashes of the trials with more than one record.  Two trials that share a hash are
            among them for nothing, which costs a little memory and changes no answer.
        otherwise: records of trials that are declared otherwise now, or not at all.
        problems: lines that could not be read.
    """

    runs: tuple[Run, ...]
    several: frozenset[int]
    otherwise: int
    problems: tuple[Problem, ...]

    def words(self, files: Iterable[Path]) -> Iterator[str]:
        """What the user should read."""
        yield from map(str, self.problems)
        if self.otherwise:
            yield (
                f"{_names(files)}: {self.otherwise} records are of trials that were declared "
                "otherwise or not at all; left out"
            )


def survey(plan: Plan, files: tuple[Path, ...]) -> Survey:
    """Read the files a first time.

    Raises:
        InputError: a file can't be read, or it holds no trial of this plan.
    """
    runs: dict[str, Run] = {}
    timed, seen, several = set[str](), set[int](), set[int]()
    problems: list[Problem] = []
    otherwise = 0
    for line in _lines(files):
        if isinstance(line, Problem):
            problems.append(line)
        elif isinstance(line, Run):
            runs[line.run] = line
        elif isinstance(line, Bench):
            timed.add(line.run)
        elif isinstance(line, Control):
            continue  # of a void run nothing else is read
        elif _of(plan, line) is None:
            otherwise += 1
        else:
            key = hash(line.trial)
            (several if key in seen else seen).add(key)
    tried = tuple(run for name, run in runs.items() if name not in timed)
    if otherwise and not seen:
        raise InputError(
            f"{_names(files)}: evidence of another matrix: none of its {otherwise} records is of a "
            "trial as it is declared now"
        )
    if not seen and not tried:
        raise InputError(f"{_names(files)}: holds benchmarks, and no trial to report on")
    return Survey(tried, frozenset(several), otherwise, tuple(problems))


def results(
    plan: Plan,
    files: tuple[Path, ...],
    surveyed: Survey,
    today: datetime.date,
    declared: Declared = "skipped",
) -> Iterator[Result]:
    """Every trial that the runs were to do, as it came out.

    Args:
        plan: what is declared.
        files: evidence.
        surveyed: what :func:`survey` found in them.
        today: the day that claims and waivers are judged by.
        declared: what becomes of failures that are declared.
    """
    judge = Judge(plan, today, declared)
    gathering, done = Gathering(), set[int]()
    for run in surveyed.runs:
        gathering.add(run)
    for line in _lines(files):
        if not isinstance(line, Record) or (planned := _of(plan, line)) is None:
            continue
        done.add(id(planned))
        if hash(line.trial) in surveyed.several:
            gathering.add(line)
        else:
            yield judge(planned, line)
    weighed = gathering.evidence((), ())
    for planned, record in _weighed(plan, weighed):
        yield judge(planned, record, weighed.conflict(planned))
    asked = [_selection(run) for run in surveyed.runs]
    for planned in plan.trials:
        if id(planned) not in done and any(s.covers(planned.id) for s in asked):
            yield judge(planned, None)


def _lines(files: Iterable[Path]) -> Iterator[AnyLine | Problem]:
    for file in files:
        yield from evidence_.lines(file)


def _names(files: Iterable[Path]) -> str:
    return ", ".join(file.name for file in files)


def _of(plan: Plan, record: Record) -> Planned | None:
    """The trial that a record is of, if it is declared as it was then."""
    planned = plan.by_id.get(record.trial)
    return planned if planned is not None and planned.digest == record.digest else None


def _weighed(plan: Plan, found: Evidence) -> Iterator[tuple[Planned, Record]]:
    for record in found.records.values():
        planned = plan.by_id[record.trial]
        yield planned, record


def _selection(run: Run) -> Selection:
    """What a run was asked to do; words of an axis that is not known ask for nothing less."""
    known = {f.name for f in fields(Selection)}
    return Selection(**{a: tuple(w) for a, w in run.selection.items() if a in known})


class Judge:
    """What each outcome is called, by what is declared on a day."""

    def __init__(self, plan: Plan, today: datetime.date, declared: Declared) -> None:
        self._matrix, self._today, self._declared = plan.matrix, today, declared
        self._near: dict[str, tuple[Claim, ...]] = {}

    def __call__(
        self, planned: Planned, record: Record | None, conflict: tuple[Outcome, ...] = ()
    ) -> Result:
        """One trial with its record."""
        judged = self._judged(planned, record, conflict)
        status, why = status_of(judged, self._declared)
        reason = "" if record is None or record.reason is None else record.reason.value
        detail = _cleaned(record.detail if record is not None else planned.unavailable)
        said = "; ".join(filter(None, (_ended(judged, reason, detail), why, _flaky(conflict))))
        message = "" if status is Status.PASSED else said
        return Result(planned.id, status, judged.outcome, reason, message, record, judged.conflict)

    def _judged(
        self, planned: Planned, record: Record | None, conflict: tuple[Outcome, ...]
    ) -> Judged:
        if record is None or not record.outcome.is_evidence:  # nothing is declared of that
            return Judged(planned, record, None, None, conflict)
        name = planned.id.cell.backend
        near = self._near.get(name)
        if near is None:
            near = self._near.setdefault(name, self._matrix.claims_near(name))
        claim = self._matrix.claim_on(planned.id, self._today, near)
        waiver = self._matrix.waiver_on(planned.id, self._today)
        return Judged(planned, record, claim, waiver, conflict)


def status_of(j: Judged, declared: Declared) -> tuple[Status, str]:
    """What a trial is called, and why where that is not its outcome's own doing."""
    heard = declared == "skipped"
    why = ""
    if j.as_claimed and j.claim is not None:
        why = f"as declared: {plain(j.claim.because)}"
    elif j.is_waived and j.waiver is not None:
        why = f"waived by {plain(j.waiver.owner)} until {j.waiver.until}: {plain(j.waiver.because)}"
    elif j.claim is not None and j.outcome.is_evidence and not j.claim.sometimes:
        why = f"declared {j.claim.outcome}: the claim no longer holds"
    excused = heard and (j.as_claimed or j.is_waived)
    match j.outcome:
        case Outcome.AGREE:
            broken = heard and j.claim is not None and not j.claim.sometimes
            return (Status.FAILED if broken else Status.PASSED), why
        case Outcome.WRONG | Outcome.RAISED | Outcome.TIMEOUT | Outcome.CRASH:
            return (Status.SKIPPED if excused else Status.FAILED), why
        case Outcome.UNSUPPORTED | Outcome.UNAVAILABLE:
            return Status.SKIPPED, why
        case Outcome.INCONCLUSIVE:
            return Status.UNDECIDED, why
        case Outcome.MISSING:
            return Status.PENDING, why
        case Outcome.ERROR:
            return Status.ERROR, why


def _ended(j: Judged, reason: str, detail: str) -> str:
    """How a trial ended, in a few words and its own."""
    if j.outcome is Outcome.AGREE:
        return "agrees"
    if j.outcome is Outcome.MISSING:
        return "planned, and there is no record"
    head = f"{shown_as(j.outcome)} ({reason})" if reason else shown_as(j.outcome)
    return f"{head}: {detail}" if detail else head


def _flaky(conflict: tuple[Outcome, ...]) -> str:
    return f"flaky: {', '.join(map(shown_as, conflict))}" if conflict else ""


@lru_cache(maxsize=512)  # the same few sentences, thousands of times
def _cleaned(text: str) -> str:
    return plain(text, LONGEST)
