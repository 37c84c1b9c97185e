"""From judged trials and runs to the counts that a class is judged by."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from gradtier.evidence import Evidence, Record, Run
from gradtier.judged import CellSummary, Judged
from gradtier.matrix import Matrix, any_glob
from gradtier.model import Nesting, Outcome
from gradtier.policy import Source
from gradtier.tally import Facts, Lap, Tally, total

Costs = Mapping[str, Mapping[str, float]]  # device -> backend -> time relative to the fastest

_MISSING = ("missing",)
_AGREE, _CERTIFIED = ("agree",), ("agree", "certified")


class Kind(NamedTuple):
    """What decides how a trial counts.

    Attributes:
        suite: of its case.
        counts: the counts of a tally in which it stands, if its record counts.
        run: that it was measured in; None: there is no evidence of it.
        day: on which it was finished, if it says.
    """

    suite: str
    counts: tuple[str, ...]
    run: str | None = None
    day: datetime.date | None = None


@dataclass(frozen=True)
class Kinds:
    """The trials of a cell by kind.

    Attributes:
        device: of the cell.
        nesting: of the cell.
        suites: in the order of the plan.
        counts: kind -> trials.
    """

    device: str
    nesting: str
    suites: tuple[str, ...]
    counts: Counter[Kind]


@dataclass(frozen=True)
class Ledger:
    """All that is known of one backend on the day of judgement.

    Attributes:
        matrix: the declaration.
        backend: the backend's id.
        cells: its cells with their trials.
        evidence: what was measured, of all backends.
        today: the day.
        costs: times relative to the fastest backend's, by device.
    """

    matrix: Matrix
    backend: str
    cells: tuple[CellSummary, ...]
    evidence: Evidence
    today: datetime.date
    costs: Costs

    def age(self, day: datetime.date | None) -> int | None:
        """Days since then, at least 0; None where a record does not say when it was finished."""
        return None if day is None else max(0, (self.today - day).days)

    def is_older(self, day: datetime.date | None, days: int) -> bool:
        """Whether that is more than ``days`` ago; what has no day may be, so it is."""
        age = self.age(day)
        return age is None or age > days

    def source(self, name: str) -> Source:
        """Who measured in a run."""
        run = self.evidence.runs.get(name)
        return run.source if run is not None else "self"

    @cached_property
    def kinds(self) -> tuple[Kinds, ...]:
        """The trials of every cell, counted by all that the rules of counting ask of them."""
        days: dict[str, datetime.date | None] = {}
        return tuple(_counted(summary, days) for summary in self.cells)

    @cached_property
    def ages(self) -> Counter[int | None]:
        """Days since trials with evidence on the devices that decide were finished."""
        found: Counter[int | None] = Counter()
        for kinds in self.kinds:
            if kinds.device in self.matrix.policy.devices:
                for kind, n in kinds.counts.items():
                    if kind.run is not None:
                        found[self.age(kind.day)] += n
        return found

    @cached_property
    def laps(self) -> tuple[Lap, ...]:
        """The runs that concern the backend, the latest first."""
        return tuple(_laps(self))


def facts(of: Ledger, sources: tuple[Source, ...] | None, fresh_days: int | None) -> Facts:
    """Count what is known of a backend.

    Args:
        of: what is known.
        sources: who may have measured it; None: anybody.
        fresh_days: how old a record may be; None: of any age.  What does not count is missing.
    """

    def counts(kind: Kind) -> bool:
        if kind.run is None:
            return False
        trusted = sources is None or of.source(kind.run) in sources
        return trusted and (fresh_days is None or not of.is_older(kind.day, fresh_days))

    policy = of.matrix.policy
    everywhere = _tallies(of.kinds, counts)
    here = {key: tally for key, tally in everywhere.items() if key[0] in policy.devices}
    axis = of.matrix.axes.devices
    first = str(Nesting.NONE)
    suites = dict.fromkeys(suite for _, nesting, suite in here if nesting == first)
    planned = {device for (device, _, _), tally in here.items() if tally.planned}
    return Facts(
        orders={str(n): total(t for k, t in here.items() if k[1] == n) for n in Nesting},
        suites={s: total(t for k, t in here.items() if k[1:] == (first, s)) for s in suites},
        devices={d: total(t for k, t in everywhere.items() if k[:2] == (d, first)) for d in axis},
        counted=sum(tally.evident for tally in here.values()),
        evident=of.ages.total(),
        costs={d: of.costs.get(d, {}).get(of.backend) for d in policy.devices if d in planned},
        laps=tuple(lap for lap in of.laps if sources is None or lap.source in sources),
    )


def _counted(summary: CellSummary, days: dict[str, datetime.date | None]) -> Kinds:
    """Count a cell's trials by kind; ``days`` keeps the days of times that were met before."""
    found: Counter[tuple[Any, ...]] = Counter()
    for outcome, trials in summary.by_outcome.items():
        for j in trials:
            record = j.record
            if record is None or not outcome.is_evidence:
                found[j.trial.id.suite, _MISSING, None, None] += 1
                continue
            finished = record.finished
            if finished not in days:
                days[finished] = day_of(finished)
            found[j.trial.id.suite, _kinds(j, record), record.run, days[finished]] += 1
    kinds = Counter({Kind(*kind): n for kind, n in found.items()})
    suites = tuple(dict.fromkeys(j.trial.id.suite for j in summary.trials))
    return Kinds(summary.cell.device, str(summary.cell.nesting), suites, kinds)


def _tallies(
    cells: Iterable[Kinds], counts: Callable[[Kind], bool]
) -> dict[tuple[str, str, str], Tally]:
    """Device, nesting and suite -> the trials there."""
    found: dict[tuple[str, str, str], Counter[tuple[str, ...]]] = {}
    for cell in cells:
        for suite in cell.suites:
            found.setdefault((cell.device, cell.nesting, suite), Counter())
        for kind, n in cell.counts.items():
            there = found[cell.device, cell.nesting, kind.suite]
            there[kind.counts if counts(kind) else _MISSING] += n
    return {key: _tally(kinds) for key, kinds in found.items()}


def _tally(kinds: Mapping[tuple[str, ...], int]) -> Tally:
    counts: Counter[str] = Counter()
    for names, n in kinds.items():
        for name in names:
            counts[name] += n
    return Tally(**counts)


def _kinds(j: Judged, record: Record) -> tuple[str, ...]:
    """The counts of a tally in which a trial with that record stands."""
    match record.outcome:
        case Outcome.AGREE:
            return _CERTIFIED if _has_both(record) else _AGREE
        case Outcome.WRONG:
            if j.is_waived:
                more = ("waived_claimed",) if j.as_claimed else ()
                return ("waived", "waived_wrong", *more)
            return ("wrong", "claimed_wrong") if j.as_claimed else ("wrong",)
        case Outcome.RAISED | Outcome.CRASH | Outcome.TIMEOUT:
            return ("waived",) if j.is_waived else ("broken",)
        case Outcome.UNSUPPORTED | Outcome.INCONCLUSIVE:
            return ("waived",) if j.is_waived else ("other",)
        case Outcome.UNAVAILABLE | Outcome.MISSING | Outcome.ERROR:
            return _MISSING


def _has_both(record: Record) -> bool:
    """Whether both witnesses confirm a derivative."""
    found = record.verdict.get("witnesses") if record.verdict is not None else None
    return isinstance(found, list | tuple) and len(set(map(str, found))) > 1


def day_of(finished: str) -> datetime.date | None:
    """The day, in UTC, of an ISO 8601 time; None if it is none."""
    try:
        time = datetime.datetime.fromisoformat(finished)
        return (time.astimezone(datetime.UTC) if time.tzinfo else time).date()
    except (ValueError, OverflowError):
        return None


# ------------------------------------------------------------------------------------------- runs


def _laps(of: Ledger) -> Iterator[Lap]:
    mine: dict[str, Counter[str]] = {}
    for j, record in _tried(of):
        if kind := _lap_kind(j, record):
            mine.setdefault(record.run, Counter())[kind] += 1
    read = of.evidence.trials_by_run
    runs = of.evidence.runs
    for name in sorted({*mine, *runs}, key=lambda r: _begun(r, runs), reverse=True):
        run = runs.get(name)
        finished = run is not None and read.get(name, 0) >= run.planned
        if name in mine or (run is not None and not finished and _may_concern(of, run)):
            counts = mine.get(name, Counter())
            yield Lap(
                run=name,
                source=run.source if run is not None else "self",
                finished=finished,
                wrong=counts["wrong"],
                waived_wrong=counts["waived"],
                errors=counts["error"],
            )


def _tried(of: Ledger) -> Iterator[tuple[Judged, Record]]:
    """Every record of a trial that decides; of those that end well, one of each run is enough."""
    for summary in of.cells:
        if summary.cell.device not in of.matrix.policy.devices:
            continue
        for outcome, trials in summary.by_outcome.items():
            with_record = ((j, j.record) for j in trials if j.record is not None)
            if outcome in (Outcome.WRONG, Outcome.ERROR):
                yield from with_record
            else:
                yield from {record.run: (j, record) for j, record in with_record}.values()
        for j in summary.trials if of.evidence.earlier else ():
            if j.record is not None:
                yield from ((j, record) for record in of.evidence.others(j.record))


def _lap_kind(j: Judged, record: Record) -> str:
    """What a record says of its run; empty if the backend was not tried in it."""
    match record.outcome:
        case Outcome.ERROR:
            return "error"
        case Outcome.WRONG:
            if j.claim is not None and j.claim.expects(record.outcome, record.reason):
                return "fine"
            return "waived" if j.waiver is not None else "wrong"
    return "fine" if record.outcome.is_evidence else ""


def _begun(name: str, runs: Mapping[str, Run]) -> tuple[str, str]:
    run = runs.get(name)
    return (run.started if run is not None else "", name)


def _may_concern(of: Ledger, run: Run) -> bool:
    """Whether a run that was cut short may have been about to try the backend."""
    backends, devices = run.selection.get("backend"), run.selection.get("device")
    return (
        run.run not in of.evidence.timed
        and (not backends or any_glob(tuple(backends), of.backend))
        and (not devices or any(any_glob(tuple(devices), d) for d in of.matrix.policy.devices))
    )
