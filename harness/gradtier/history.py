"""Evidence by the day on which it was measured -> when the class of each backend changed.

On each day on which a run began, and on the day of the report, the backends are assessed by the
present declaration with all evidence known up to then.  What is kept are the transitions.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from pydantic import Field

from gradtier.assess import Assessment, assess
from gradtier.comparing import versions
from gradtier.difference import ClassName, Flip
from gradtier.errors import Problem
from gradtier.evidence import AnyLine, Evidence, Gathering, Record, Run
from gradtier.model import Mode, Outcome
from gradtier.plan import Plan
from gradtier.standing import class_of, flips
from gradtier.support import Entry

SCHEMA: Literal["gradtier/history/1"] = "gradtier/history/1"


class Transition(Entry):
    """A day on which a backend came into another class, or into its first."""

    date: datetime.date
    old: ClassName | None = Field(description="null: there was no evidence of it before")
    new: ClassName
    agree: int = Field(ge=0)
    measured: int = Field(ge=0, description="trials with evidence known on that day")
    versions: Mapping[str, tuple[str, ...]] = Field(
        description="package -> versions in the latest run of the backend up to that day"
    )
    because: tuple[Flip, ...] = Field((), description="criteria that flipped since the day before")


class BackendHistory(Entry):
    """One backend with its transitions; none: there is no evidence of it."""

    backend: str
    title: str
    package: str
    mode: Mode
    execution: str
    transitions: tuple[Transition, ...]


class History(Entry):
    """The contract ``gradtier/history/1``."""

    schema_: Literal["gradtier/history/1"] = Field(default=SCHEMA, alias="schema")
    matrix: str = Field(description="digest of the declaration that every day is judged by")
    policy: int = Field(description="version of its policy")
    files: tuple[str, ...]
    days: tuple[datetime.date, ...] = Field(
        description="on which runs began, and the day of the report"
    )
    backends: tuple[BackendHistory, ...]
    left_out: int = Field(description="records of trials that are declared otherwise now")
    later: int = Field(description="records measured after the day of the report")
    problems: tuple[str, ...] = Field((), description="lines that could not be read or dated")


Line = AnyLine | Problem
Days = dict[datetime.date, list[AnyLine]]


def history(plan: Plan, files: Mapping[str, Iterable[Line]], today: datetime.date) -> History:
    """When the class of each backend changed; a pure function of its arguments.

    Args:
        plan: what every day is judged by.
        files: names of evidence files -> their lines, in reading order.
        today: the day of the report; what was measured later does not count.
    """
    days, problems = _by_day(files)
    later = [day for day in days if day > today]
    known, told = Gathering(), sorted({*days.keys() - set(later), today})
    states: dict[str, Assessment] = {}
    found: dict[str, list[Transition]] = {backend: [] for backend in plan.matrix.backends}
    measured_on: dict[str, datetime.date] = {}
    evidence = known.evidence((), files)
    for day in told:
        for line in days.get(day, ()):
            known.add(line)
            measured_on[line.run] = day
        evidence = known.evidence((), files)
        for now in assess(plan.settled(evidence.of), evidence, day):
            if not now.measured:
                continue
            before = states.get(now.backend)
            states[now.backend] = now
            if before is None or class_of(before).id != class_of(now).id:
                found[now.backend].append(_transition(day, before, now, measured_on))
    return History(
        matrix=plan.matrix.digest,
        policy=plan.matrix.policy.version,
        files=tuple(files),
        days=tuple(told),
        backends=tuple(_backends(plan, found)),
        left_out=_left_out(plan, evidence),
        later=sum(isinstance(line, Record) for day in later for line in days[day]),
        problems=tuple(map(str, problems)),
    )


def _backends(plan: Plan, found: Mapping[str, Iterable[Transition]]) -> Iterator[BackendHistory]:
    for name, row in plan.matrix.backends.items():
        yield BackendHistory(
            backend=name,
            title=row.title,
            package=row.package,
            mode=row.mode,
            execution=row.execution,
            transitions=tuple(found[name]),
        )


def _transition(
    day: datetime.date,
    before: Assessment | None,
    now: Assessment,
    measured_on: Mapping[str, datetime.date],
) -> Transition:
    records = [j.record for j in now.trials() if j.record is not None]
    evident = [r for r in records if r.outcome.is_evidence]
    latest = max(measured_on[r.run] for r in evident)
    return Transition(
        date=day,
        old=None if before is None else class_of(before),
        new=class_of(now),
        agree=sum(r.outcome is Outcome.AGREE for r in evident),
        measured=len(evident),
        versions=versions(r for r in evident if measured_on[r.run] == latest),
        because=() if before is None else flips(before, now),
    )


def _left_out(plan: Plan, evidence: Evidence) -> int:
    return len(evidence.records) - sum(r is not None for r in evidence.of_each(plan.trials))


def _by_day(files: Mapping[str, Iterable[Line]]) -> tuple[Days, list[Problem]]:
    """Lines by the day on which their run began, each day in reading order.

    A record whose run has no head counts for the day on which it was finished.
    """
    problems: list[Problem] = []
    lines: list[tuple[str, AnyLine]] = []
    for name, given in files.items():
        for line in given:
            if isinstance(line, Problem):
                problems.append(line)
            else:
                lines.append((name, line))
    starts = {line.run: _day(line.started) for _, line in lines if isinstance(line, Run)}
    days: Days = {}
    undated: dict[str, int] = {}
    for name, line in lines:
        day = starts.get(line.run)
        if day is None and not isinstance(line, Run):
            day = _day(line.finished)
        if day is None:
            undated[name] = undated.get(name, 0) + 1
        else:
            days.setdefault(day, []).append(line)
    problems += [
        Problem(f"{name}: {n} lines without a day; left out") for name, n in undated.items()
    ]
    return days, problems


def _day(text: str) -> datetime.date | None:
    """The day of an ISO 8601 time, in UTC."""
    try:
        time = datetime.datetime.fromisoformat(text)
        return (time.astimezone(datetime.UTC) if time.tzinfo else time).date()
    except (ValueError, OverflowError):
        return None
