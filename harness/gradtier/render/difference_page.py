"""Difference of two evidence sets -> a page of the site, and JSON.

What got worse comes first.  Long lists are folded away and cut short, with the number left out; the
JSON has everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, Self, TypeVar

from gradtier.aging import Ages, ages
from gradtier.comparing import versions
from gradtier.difference import (
    CellChange,
    ClaimChange,
    ClassChange,
    ClassDirection,
    ClassName,
    Difference,
    Direction,
    End,
    OneSided,
    SideEntry,
    TrialChange,
    TrialNote,
)
from gradtier.evidence import Evidence
from gradtier.model import Cell, Outcome, TrialId
from gradtier.plan import Plan
from gradtier.render import templating
from gradtier.render.difference import (
    agreement,
    counted,
    cut,
    flipped,
    moved,
    numbers,
    render_json,
    telling,
    verdict,
)
from gradtier.render.paths import Paths
from gradtier.render.trials import chip, derivative
from gradtier.table import LONGEST, SupportTable, plain

PAGE, JSON = "difference.html", "difference.json"
MOST_LINES = 200  # of one kind of difference
MOST_SHOWN = 15  # lines that are not folded away
MOST_REASONS = 8  # why a class changed
FIRST_REASONS = 3  # of them that are not folded away
MOST_TRIALS = 3  # that contradict a claim
MOST_NAMES = 40  # files, problems and packages of a set

_CLASSES_FIRST = (ClassDirection.WORSE, ClassDirection.BETTER)

_ANY_CASE = "of/any"  # makes the name of a cell that of a trial

Item = TypeVar("Item")


@dataclass(frozen=True)
class Measured:
    """When an evidence set was measured, and with which versions of each package."""

    days: Ages
    versions: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, evidence: Evidence) -> Self:
        """Of the records that say something of a backend."""
        found = [r for r in evidence.records.values() if r.outcome.is_evidence]
        return cls(ages(r.finished for r in found), versions(found))


@dataclass(frozen=True)
class Since:
    """An older evidence set compared with that of the report.

    Attributes:
        found: their difference.
        old, new: when and with what each was measured.
    """

    found: Difference
    old: Measured
    new: Measured

    def render_json(self) -> str:
        """The contract ``gradtier/diff/1``, as ``gradtier diff`` writes it."""
        return render_json(self.found)


class Set(NamedTuple):
    """One evidence set in words; ``versions`` are lines, of which ``more`` are left out."""

    name: str
    entry: SideEntry
    files: list[str]
    days: Ages
    versions: list[str]
    more: int
    problems: list[str]


class Place(NamedTuple):
    """A trial or cell, with the pages of its case and row where the site has them."""

    case: str
    case_page: str | None
    title: str
    row: str
    row_page: str | None
    rest: str


class Ended(NamedTuple):
    """An outcome as a mark with words."""

    state: str
    mark: str
    word: str


class Held(NamedTuple):
    """A support class: its id, title, and why it is not what the criteria give."""

    id: str
    title: str
    remark: str


@dataclass(frozen=True)
class Part:
    """One kind of difference.

    Attributes:
        id: of its section.
        kind: which columns the table has.
        title: the heading.
        lines: the first of its lines.
        total: how many there are.
        pressing: whether it is open even where it is long.
    """

    id: str
    kind: str
    title: str
    lines: tuple[Mapping[str, object], ...]
    total: int
    pressing: bool = False

    @property
    def more(self) -> int:
        """How many lines are left out."""
        return self.total - len(self.lines)

    @property
    def is_long(self) -> bool:
        """Whether it is folded away."""
        return self.total > MOST_SHOWN


def render(table: SupportTable, since: Since, plan: Plan, paths: Paths) -> str:
    """The page as text; a pure function of its arguments.

    Args:
        table: names the whole, its classes and rows.
        since: the difference to show.
        plan: names the cases.
        paths: pages of cases and backends, to link to.
    """
    found = since.found
    return templating.render(
        "difference.html.j2",
        top="",
        table=table,
        found=found,
        verdict=_verdict(found),
        counted=counted(found),
        sets=[
            _set("Older", found.old, since.old),
            _set("This report", found.new, since.new),
        ],
        parts=[part for part in _Lines(table, plan, paths).parts(found) if part.total],
        rank={c.id: min(i, 4) for i, c in enumerate(table.classes, 1)},
        json=JSON,
    )


def _verdict(found: Difference) -> Ended:
    """What it comes to; where nothing could be compared, that is not shown as a success."""
    if found.regression:
        return Ended("wrong", "↓", verdict(found))
    if not found.compared:
        return Ended("not-tested", "–", "Nothing to compare")
    return Ended("agrees", "✓", verdict(found))


def _set(name: str, entry: SideEntry, measured: Measured) -> Set:
    packages = islice(measured.versions.items(), MOST_NAMES)
    return Set(
        name,
        entry,
        [cut(file) for file in entry.files[:MOST_NAMES]],
        measured.days,
        [f"{cut(package)} {cut(', '.join(found))}" for package, found in packages],
        max(0, len(measured.versions) - MOST_NAMES),
        [plain(problem, 2 * LONGEST) for problem in entry.problems[:MOST_NAMES]],
    )


class _Lines:
    """Makes the lines of every kind of difference."""

    def __init__(self, table: SupportTable, plan: Plan, paths: Paths) -> None:
        self._plan, self._paths = plan, paths
        self._rows = {row.id: cut(f"{row.title}, {row.mode}") for row in table.rows}

    def parts(self, found: Difference) -> Iterator[Part]:
        """Every kind of difference, what got worse first."""
        classes = sorted(
            found.classes,
            key=lambda c: [*_CLASSES_FIRST, c.direction].index(c.direction),
        )
        better = [t for t in found.trials if t.direction is Direction.BETTER]
        other = [t for t in found.trials if t.direction is Direction.OTHER]
        claims = sorted(found.claims, key=lambda c: c.direction != "stopped")
        cells = sorted(found.cells, key=lambda c: -c.worse)
        part, trial = self._part, self._trial
        yield part("classes", "classes", "Classes that changed", classes, self._class, True)
        yield part("worse", "trials", "Trials that got worse", found.regressions, trial, True)
        yield part(
            "declared", "trials", "Trials that got worse, as declared", found.expected, trial
        )
        yield part("better", "trials", "Trials that got better", better, trial)
        yield part("other", "trials", "Trials that are wrong in another way", other, trial)
        yield part("claims", "claims", "Claims", claims, self._claim)
        yield part(
            "packages", "packages", "Packages in other versions", found.versions,
            lambda v: {"name": cut(v.package), "old": _listed(v.old), "new": _listed(v.new)},
        )  # fmt: skip
        yield part("cells", "cells", "Cells", cells, self._cell)
        yield part("appeared", "sided", "Trials measured only now", found.appeared, self._one_sided)
        yield part(
            "vanished", "sided", "Trials measured only then", found.vanished, self._one_sided
        )
        yield part(
            "otherwise", "named", "Trials declared otherwise then, and not comparable",
            found.otherwise, lambda t: {"at": self._place(t)},
        )  # fmt: skip
        yield part("notes", "notes", "Notes on trials that ended as before", found.notes,
                   self._note)  # fmt: skip

    @staticmethod
    def _part(
        id_: str,
        kind: str,
        title: str,
        items: list[Item] | tuple[Item, ...],
        line: Callable[[Item], Mapping[str, object]],
        pressing: bool = False,
    ) -> Part:
        shown = tuple(map(line, items[:MOST_LINES]))
        return Part(id_, kind, title, shown, len(items), pressing)

    def _place(self, trial: str) -> Place:
        """Where a trial belongs; one whose name no matrix can have planned stays words."""
        planned = self._plan.by_id.get(trial)
        try:
            t = TrialId.parse(trial) if planned is None else planned.id
        except ValueError:
            return Place(cut(trial), None, "", "", None, "")
        case, cell = self._plan.cases.get(t.case_id), t.cell
        return self._row(cell.backend)._replace(
            case=cut(t.case_id),
            case_page=self._paths.cases.get(t.case_id),
            title="" if case is None else cut(case.title),
            rest=self._rest(cell),
        )

    def _rest(self, cell: Cell) -> str:
        """What of a cell is not its row: ``forward over reverse, cpu, float64``."""
        row = self._plan.matrix.backends.get(cell.backend)
        order = cell.nesting.value if row is None else derivative(cell.nesting, row.mode)
        return cut(f"{order}, {cell.device}, {cell.dtype}")

    def _row(self, backend: str) -> Place:
        row = self._rows.get(backend, cut(backend))
        return Place("", None, "", row, self._paths.backends.get(backend), "")

    def _trial(self, t: TrialChange) -> Mapping[str, object]:
        was, now = plain(t.old.detail, LONGEST), plain(t.new.detail, LONGEST)
        return {
            "at": self._place(t.trial), "old": _ended(t.old), "new": _ended(t.new),
            "now": now, "was": "" if was == now else was,
            "versions": moved(t.old.versions, t.new.versions),
            "declared": plain(t.claimed or "", 2 * LONGEST),
        }  # fmt: skip

    def _class(self, c: ClassChange) -> Mapping[str, object]:
        why = [cut(flipped(flip), 4 * LONGEST) for flip in telling(c)]
        return {
            "at": self._row(c.backend), "way": c.direction.value,
            "old": _held(c.old), "new": _held(c.new),
            "why": why[:FIRST_REASONS], "rest": why[FIRST_REASONS:MOST_REASONS],
            "more": len(why[MOST_REASONS:]),
        }  # fmt: skip

    def _claim(self, c: ClaimChange) -> Mapping[str, object]:
        return {
            "at": self._row(c.backend), "way": c.direction,
            "says": "; ".join(filter(None, (plain(c.says, 2 * LONGEST), plain(c.remark, LONGEST)))),
            "because": plain(c.because, 2 * LONGEST), "link": c.link,
            "trials": [self._place(t) for t in c.trials[:MOST_TRIALS]],
            "more": len(c.trials[MOST_TRIALS:]),
        }  # fmt: skip

    def _cell(self, c: CellChange) -> Mapping[str, object]:
        at = self._place(f"{_ANY_CASE}@{c.cell}")
        at = at if at.row else at._replace(row=cut(c.cell))
        return {"at": at, "old": agreement(c.old), "new": agreement(c.new), "said": numbers(c)}

    def _one_sided(self, t: OneSided) -> Mapping[str, object]:
        return {
            "at": self._place(t.trial), "ended": Ended(*chip(t.outcome)),
            "because": plain(t.because, LONGEST),
        }  # fmt: skip

    def _note(self, n: TrialNote) -> Mapping[str, object]:
        return {
            "at": self._place(n.trial), "of": n.kind.value, "old": cut(n.old), "new": cut(n.new),
        }  # fmt: skip


def _ended(end: End) -> Ended:
    state, mark, word = chip(end.outcome)
    reason = f", {end.reason}" if end.reason and end.outcome is not Outcome.AGREE else ""
    return Ended(state, mark, word + reason)


def _held(name: ClassName | None) -> Held:
    if name is None:
        return Held("", "not declared", "")
    return Held(name.id or "", cut(name.title), plain(name.remark))


def _listed(found: tuple[str, ...]) -> str:
    return cut(", ".join(found)) or "not measured"
