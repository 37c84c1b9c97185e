"""Since which version of a package a trial ends as it does, by evidence of several versions.

Nothing is filled in: a change is dated only where the two releases beside it were both measured,
and what was not measured is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from packaging.version import InvalidVersion, Version

from gradtier.evidence import AnyLine, Record, Run
from gradtier.model import Outcome, TrialId
from gradtier.plan import Plan

VERBS: Mapping[Outcome, str] = {
    Outcome.AGREE: "agrees", Outcome.WRONG: "wrong", Outcome.RAISED: "raises",
    Outcome.UNSUPPORTED: "unsupported", Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.TIMEOUT: "times out", Outcome.CRASH: "crashes",
}  # fmt: skip


def order(version: str) -> tuple[bool, Version, str]:
    """A key that sorts versions as packages do; what is no version comes first.

    Two spellings of one release (``1.2`` and ``1.2.0``) have one key, and so have its builds
    (``2.9.0+cpu``).
    """
    try:
        return True, Version(Version(version).public), ""
    except InvalidVersion:
        return False, Version("0"), version


def ordered(versions: Iterable[str]) -> tuple[str, ...]:
    """Versions, oldest first, each release once."""
    once: dict[tuple[bool, Version, str], str] = {}
    for version in versions:
        once.setdefault(order(version), version)
    return tuple(once[key] for key in sorted(once))


@dataclass(frozen=True)
class Span:
    """Measured versions in a row with one outcome."""

    outcome: Outcome
    first: str
    last: str

    @property
    def verb(self) -> str:
        """The outcome in a word."""
        return VERBS[self.outcome]


@dataclass(frozen=True)
class Standing:
    """One trial over the versions of its package.

    Attributes:
        trial: which.
        found: version -> outcome, of those with evidence, oldest first.
        missing: versions in between, or asked for, that have none; oldest first.
        known: whether every release in between is in one of the two; else nothing is dated.
    """

    trial: TrialId
    found: Mapping[str, Outcome]
    missing: tuple[str, ...] = ()
    known: bool = True

    @property
    def spans(self) -> tuple[Span, ...]:
        """The measured versions, in runs of one outcome."""
        spans: list[Span] = []
        for version, outcome in self.found.items():
            if spans and spans[-1].outcome is outcome:
                spans[-1] = Span(outcome, spans[-1].first, version)
            else:
                spans.append(Span(outcome, version, version))
        return tuple(spans)

    @property
    def holes(self) -> tuple[str, ...]:
        """Versions without evidence between the first and the last that were measured."""
        if not self.found:
            return ()
        measured = [order(v) for v in self.found]
        ends = min(measured), max(measured)
        return tuple(v for v in self.missing if ends[0] < order(v) < ends[1])

    def is_exact(self, before: Span, after: Span) -> bool:
        """Whether the change between two runs is dated to one release."""
        low, high = order(before.last), order(after.first)
        return self.known and not any(low < order(v) < high for v in self.missing)

    def says(self) -> str:
        """The answer: since which version, until which."""
        spans = self.spans
        match len(spans):
            case 0:
                return "not measured"
            case 1 if len(self.found) == 1:
                said = f"{spans[0].verb} in {spans[0].first}, the only version measured"
            case 1:
                said = f"{spans[0].verb} in all {len(self.found)} measured"
            case _:
                said = self._changes(spans)
        return f"{said}; not measured: {', '.join(self.holes)}" if self.holes else said

    def _changes(self, spans: Sequence[Span]) -> str:
        if len(spans) > 2 and all(self.is_exact(a, b) for a, b in pairwise(spans)):
            inner = [
                f"{s.verb} in {s.first}" if s.first == s.last else f"{s.verb} {s.first} to {s.last}"
                for s in spans[1:-1]
            ]
            ends = (
                f"{spans[0].verb} until {spans[0].last}",
                f"{spans[-1].verb} since {spans[-1].first}",
            )
            return ", ".join([ends[0], *inner, ends[1]])
        return "; ".join(
            f"{b.verb} since {b.first} ({a.verb} until {a.last})"
            if self.is_exact(a, b)
            else f"between {a.last} ({a.verb}) and {b.first} ({b.verb})"
            for a, b in pairwise(spans)
        )


@dataclass(frozen=True)
class Absent:
    """A version of which nothing was measured, and why."""

    version: str
    why: str


@dataclass(frozen=True)
class Series:
    """One package over its versions.

    Attributes:
        package: the distribution.
        measured: versions with evidence, oldest first.
        absent: versions without, between those or asked for.
        known: whether the list of releases is known.
        standings: one per trial with any record, in the order of the plan.
    """

    package: str
    measured: tuple[str, ...]
    absent: tuple[Absent, ...]
    known: bool
    standings: tuple[Standing, ...]


@dataclass
class Table:
    """Records by trial and version while evidence is read.

    Attributes:
        otherwise: records of trials that the plan has otherwise or not at all.
        unversioned: records that do not say which version of the package they are of.
    """

    plan: Plan
    records: dict[str, dict[str, dict[str, Record]]] = field(default_factory=dict)
    otherwise: int = 0
    unversioned: int = 0
    _heads: dict[str, Run] = field(default_factory=dict)
    _spelled: dict[tuple[bool, Version, str], str] = field(default_factory=dict)

    def add(self, line: AnyLine) -> None:
        """Take in one line; the head of a run comes before its records."""
        if isinstance(line, Run):
            self._heads[line.run] = line
        if not isinstance(line, Record):
            return
        planned = self.plan.by_id.get(line.trial)
        if planned is None or planned.digest != line.digest:
            self.otherwise += 1
            return
        package = self.plan.matrix.backends[planned.id.cell.backend].package
        head = self._heads.get(line.run)
        version = line.versions.get(package) or (head.versions.get(package) if head else None)
        if version is None:
            self.unversioned += 1
            return
        version = self._spelled.setdefault(order(version), version)
        mine = self.records.setdefault(package, {}).setdefault(line.trial, {})
        old = mine.get(version)
        if old is None or line.outcome.is_evidence or not old.outcome.is_evidence:
            mine[version] = line

    def series(self, releases: Mapping[str, Sequence[str]]) -> Iterator[Series]:
        """Every package that was measured in some version.

        Args:
            releases: package -> its released versions, where they are known.
        """
        for package, trials in sorted(self.records.items()):
            yield _series(self.plan, package, trials, releases.get(package))


def _series(
    plan: Plan,
    package: str,
    trials: Mapping[str, Mapping[str, Record]],
    releases: Sequence[str] | None,
) -> Series:
    met = ordered(v for records in trials.values() for v in records)
    measured = ordered(
        v for records in trials.values() for v, r in records.items() if r.outcome.is_evidence
    )
    keys = [order(v) for v in met]
    between = [v for v in releases or () if keys[0] < order(v) < keys[-1]]
    every = ordered([*met, *between])
    absent = tuple(Absent(v, _why(trials, v)) for v in every if v not in measured)
    standings = []
    for planned in plan.trials:
        records = trials.get(str(planned.id))
        if records is None:
            continue
        found = {
            v: records[v].outcome for v in every if v in records and records[v].outcome.is_evidence
        }
        missing = tuple(v for v in every if v not in found)
        standings.append(Standing(planned.id, found, missing, releases is not None))
    return Series(package, measured, absent, releases is not None, tuple(standings))


def _why(trials: Mapping[str, Mapping[str, Record]], version: str) -> str:
    said = Counter(r.detail for records in trials.values() if (r := records.get(version)))
    return said.most_common(1)[0][0] if said else "not asked"
