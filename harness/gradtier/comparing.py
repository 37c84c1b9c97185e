"""Two evidence sets, each judged by a matrix on a day -> their difference.

A trial is compared with itself alone: id and digest must be the same on both sides.  Where a side
has records of several digests, the one that its matrix declares now speaks for it, and the latest
where none does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from gradtier.difference import (
    ORDER,
    CellChange,
    ClassDirection,
    Difference,
    Direction,
    End,
    NoteKind,
    OneSided,
    SideEntry,
    TrialChange,
    TrialNote,
    VersionChange,
    direction,
)
from gradtier.evidence import Record
from gradtier.model import Outcome, TrialId
from gradtier.standing import Side, claim_changes, class_changes

#: A margin (difference over tolerance; above 1 fails) is worth a note from here on ...
MARGIN = 0.5
#: ... if it is at least this many times what it was.
GROWTH = 2.0


def difference(old: Side, new: Side) -> Difference:
    """What differs between two evidence sets; a pure function of both."""
    before, after = _speaking(old), _speaking(new)
    pairs = _Pairs(before, after, old, new)
    classes = tuple(class_changes(old, new))
    lowered = any(c.direction is ClassDirection.WORSE for c in classes)
    return Difference(
        regression=lowered or any(t.is_regression for t in pairs.changes),
        old=_entry(old, before),
        new=_entry(new, after),
        compared=pairs.compared,
        unchanged=pairs.compared - len(pairs.changes),
        classes=classes,
        trials=tuple(pairs.changes),
        claims=claim_changes(old, new),
        versions=tuple(_versions(before, after)),
        cells=tuple(_cells(before, after, pairs)),
        appeared=tuple(pairs.appeared),
        vanished=tuple(pairs.vanished),
        otherwise=tuple(pairs.otherwise),
        notes=tuple(pairs.notes),
    )


def _speaking(side: Side) -> dict[str, Record]:
    """Trial -> the record that speaks for it: as it is declared now, else the latest."""
    planned = side.plan.by_id
    found: dict[str, Record] = {}
    for record in side.evidence.records.values():
        other = found.get(record.trial)
        if other is None:
            found[record.trial] = record
            continue
        trial = planned.get(record.trial)
        digest = trial.digest if trial is not None else ""
        rank = (record.digest == digest, record.finished)
        if rank >= (other.digest == digest, other.finished):
            found[record.trial] = record
    return found


def _measured(record: Record | None) -> bool:
    return record is not None and record.outcome.is_evidence


def _entry(side: Side, speaking: Mapping[str, Record]) -> SideEntry:
    return SideEntry(
        files=side.evidence.files,
        matrix=side.plan.matrix.digest,
        policy=side.plan.matrix.policy.version,
        date=side.today,
        records=len(speaking),
        measured=sum(map(_measured, speaking.values())),
        problems=tuple(map(str, side.evidence.problems)),
    )


class _Pairs:
    """Every trial of both sides, sorted into what happened to it."""

    def __init__(
        self, old: Mapping[str, Record], new: Mapping[str, Record], one: Side, two: Side
    ) -> None:
        self.compared = 0
        self.changes: list[TrialChange] = []
        self.appeared: list[OneSided] = []
        self.vanished: list[OneSided] = []
        self.otherwise: list[str] = []
        self.notes: list[TrialNote] = []
        self._sides = one, two
        for trial in sorted(old.keys() | new.keys()):
            self._sort(trial, old.get(trial), new.get(trial))

    def _sort(self, trial: str, old: Record | None, new: Record | None) -> None:
        before = old if old is not None and old.outcome.is_evidence else None
        after = new if new is not None and new.outcome.is_evidence else None
        if before is None and after is None:
            return
        if before is None or after is None:
            there, absent = (after, old) if before is None else (before, new)
            assert there is not None
            kept = self.appeared if before is None else self.vanished
            kept.append(OneSided(trial=trial, outcome=there.outcome, because=_absence(absent)))
        elif before.digest != after.digest:
            self.otherwise.append(trial)
        else:
            self.compared += 1
            self._compare(trial, before, after)

    def _compare(self, trial: str, old: Record, new: Record) -> None:
        ends = [_several(side, trial) for side in self._sides]
        if ends[0] != ends[1]:
            was, now = (", ".join(found) or "one outcome" for found in ends)
            self.notes.append(TrialNote(trial=trial, kind=NoteKind.FLAKY, old=was, new=now))
        if (old.outcome, old.reason) == (new.outcome, new.reason):
            self.notes += _notes(trial, old, new)
            return
        way = direction(old.outcome, new.outcome)
        claimed = _claimed(self._sides[1], trial, new) if way is Direction.WORSE else None
        self.changes.append(
            TrialChange(trial=trial, direction=way, claimed=claimed, old=_end(old), new=_end(new))
        )


def _several(side: Side, trial: str) -> tuple[Outcome, ...]:
    """The different outcomes of a flaky trial; empty if it has one."""
    planned = side.plan.by_id.get(trial)
    return () if planned is None else side.evidence.conflict(planned)


def _absence(record: Record | None) -> str:
    if record is None:
        return "no record"
    return f"{record.outcome}: {record.detail}" if record.detail else str(record.outcome)


def _end(record: Record) -> End:
    return End(
        outcome=record.outcome,
        reason=record.reason,
        detail=record.detail,
        versions=dict(sorted(record.versions.items())),
    )


def _claimed(side: Side, trial: str, record: Record) -> str | None:
    """The words of the claim that expects how the trial ended, if there is one."""
    try:
        claim = side.plan.matrix.claim_on(TrialId.parse(trial), side.today)
    except ValueError:
        return None  # a name that no matrix can have planned
    if claim is None or not claim.expects(record.outcome, record.reason):
        return None
    return claim.because


def _notes(trial: str, old: Record, new: Record) -> Iterator[TrialNote]:
    """What changed in the numbers of a trial that ended as before."""
    was, now = old.verdict or {}, new.verdict or {}
    if new.outcome is Outcome.AGREE:
        before, after = _margin(was), _margin(now)
        if before is not None and after is not None and after >= max(MARGIN, GROWTH * before):
            yield TrialNote(
                trial=trial, kind=NoteKind.MARGIN, old=f"{before:.3g}", new=f"{after:.3g}"
            )
    took, takes = (str(v.get("convention") or "none named") for v in (was, now))
    if took != takes:
        yield TrialNote(trial=trial, kind=NoteKind.CONVENTION, old=took, new=takes)
    by, with_ = (_words(v.get("witnesses")) for v in (was, now))
    if by != with_:
        yield TrialNote(trial=trial, kind=NoteKind.WITNESSES, old=by, new=with_)


def _words(found: object) -> str:
    if not isinstance(found, list | tuple):
        return "none"
    return ", ".join(sorted(map(str, found))) or "none"


def _margin(verdict: Mapping[str, object]) -> float | None:
    """The larger of the two margins of a verdict, where it has a finite one."""
    found = [verdict.get(name) for name in ("margin_reference", "margin_fd")]
    known = [float(v) for v in found if isinstance(v, int | float) and not isinstance(v, bool)]
    return max(known, default=None)


# ------------------------------------------------------------------------- by cell, by package


def _cell(trial: str) -> str:
    return trial.rpartition("@")[2]


def _cells(
    old: Mapping[str, Record], new: Mapping[str, Record], pairs: _Pairs
) -> Iterator[CellChange]:
    before, after = _outcomes(old.values()), _outcomes(new.values())
    numbers: dict[str, Counter[str]] = {}

    def count(trials: Iterable[str], what: str) -> None:
        for trial in trials:
            numbers.setdefault(_cell(trial), Counter())[what] += 1

    for way in Direction:
        count((c.trial for c in pairs.changes if c.direction is way), way.value)
    count((t.trial for t in pairs.appeared), "appeared")
    count((t.trial for t in pairs.vanished), "vanished")
    count(pairs.otherwise, "otherwise")
    for cell in sorted(numbers):
        yield CellChange(
            cell=cell,
            old=_ordered(before.get(cell, Counter())),
            new=_ordered(after.get(cell, Counter())),
            **numbers[cell],
        )


def _outcomes(records: Iterable[Record]) -> dict[str, Counter[Outcome]]:
    found: dict[str, Counter[Outcome]] = {}
    for record in records:
        found.setdefault(_cell(record.trial), Counter())[record.outcome] += 1
    return found


def _ordered(counts: Mapping[Outcome, int]) -> dict[Outcome, int]:
    """Those that say something of a backend, from best to worst."""
    return {outcome: counts[outcome] for outcome in ORDER if counts.get(outcome)}


def _versions(old: Mapping[str, Record], new: Mapping[str, Record]) -> Iterator[VersionChange]:
    before, after = versions(old.values()), versions(new.values())
    for package in sorted(before.keys() | after.keys()):
        was, now = before.get(package, ()), after.get(package, ())
        if was != now:
            yield VersionChange(package=package, old=was, new=now)


def versions(records: Iterable[Record]) -> dict[str, tuple[str, ...]]:
    """Package -> the versions that records with evidence were measured with, sorted."""
    found: dict[str, set[str]] = {}
    for record in records:
        if record.outcome.is_evidence:
            for package, version in record.versions.items():
                found.setdefault(package, set()).add(version)
    return {package: tuple(sorted(found[package])) for package in sorted(found)}
