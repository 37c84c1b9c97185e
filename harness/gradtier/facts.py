"""From judged trials and runs to the counts that a class is judged by."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from gradtier.evidence import Evidence, Record, Run
from gradtier.judged import CellSummary, Judged
from gradtier.matrix import Matrix, any_glob
from gradtier.model import Nesting, Outcome
from gradtier.policy import Source
from gradtier.tally import Facts, Lap, Tally, total

Costs = Mapping[str, Mapping[str, float]]  # device -> backend -> time relative to the fastest

_MISSING = ("missing",)


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

    def deciding(self) -> Iterator[Judged]:
        """The trials on devices that decide."""
        for summary in self.cells:
            if summary.cell.device in self.matrix.policy.devices:
                yield from summary.trials

    def age(self, record: Record) -> int | None:
        """Days since a record was finished, at least 0; None if it does not say."""
        day = day_of(record.finished)
        return None if day is None else max(0, (self.today - day).days)

    def is_older(self, record: Record, days: int) -> bool:
        """Whether a record is older than ``days``; one without a day may be, so it is."""
        age = self.age(record)
        return age is None or age > days

    def source(self, record: Record) -> Source:
        """Who measured it."""
        run = self.evidence.runs.get(record.run)
        return run.source if run is not None else "self"

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

    def counts(record: Record) -> bool:
        trusted = sources is None or of.source(record) in sources
        return trusted and (fresh_days is None or not of.is_older(record, fresh_days))

    policy = of.matrix.policy
    everywhere = _tallies(of.cells, counts)
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
        evident=sum(j.outcome.is_evidence for j in of.deciding()),
        costs={d: of.costs.get(d, {}).get(of.backend) for d in policy.devices if d in planned},
        laps=tuple(lap for lap in of.laps if sources is None or lap.source in sources),
    )


def _tallies(
    cells: Iterable[CellSummary], counts: Callable[[Record], bool]
) -> dict[tuple[str, str, str], Tally]:
    """Device, nesting and suite -> the trials there."""
    found: dict[tuple[str, str, str], Counter[tuple[str, ...]]] = {}
    for summary in cells:
        device, nesting = summary.cell.device, str(summary.cell.nesting)
        for j in summary.trials:
            known = j.record is not None and j.outcome.is_evidence and counts(j.record)
            key = device, nesting, j.trial.id.suite
            found.setdefault(key, Counter())[_kinds(j) if known else _MISSING] += 1
    return {key: _tally(kinds) for key, kinds in found.items()}


def _tally(kinds: Mapping[tuple[str, ...], int]) -> Tally:
    counts: Counter[str] = Counter()
    for names, n in kinds.items():
        for name in names:
            counts[name] += n
    return Tally(**counts)


def _kinds(j: Judged) -> tuple[str, ...]:
    """The counts of a tally in which a trial stands."""
    match j.outcome:
        case Outcome.AGREE:
            both = set((j.record.verdict or {}).get("witnesses", ())) if j.record else set()
            return ("agree", "certified") if len(both) >= 2 else ("agree",)
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
    for j in of.deciding():
        for record in of.evidence.all_of(j.trial):
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
