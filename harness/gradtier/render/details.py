"""What the page of a backend shows beyond its row: criteria, counts per suite, what is not tested.

The support table holds the summary; this is computed from the assessments behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gradtier.assess import Assessment
from gradtier.model import Outcome
from gradtier.render.trials import others
from gradtier.support import MARKS
from gradtier.table import CellEntry, Row, State, state_of, why_no_evidence
from gradtier.tiers import ClassFinding


@dataclass(frozen=True)
class SuiteCell:
    """The trials of one suite in one cell of the table."""

    state: State
    mark: str
    agree: int
    measured: int
    planned: int
    others: str  # "1 wrong, 2 unsupported"


@dataclass(frozen=True)
class SuiteLine:
    """One suite, a cell for each column of :attr:`Detail.measured`."""

    suite: str
    cells: tuple[SuiteCell, ...]


@dataclass(frozen=True)
class CellLine:
    """One kind of derivative, first order or under one outer mode, a cell per device."""

    title: str
    cells: tuple[CellEntry | None, ...]


@dataclass(frozen=True)
class Detail:
    """One backend in full.

    Attributes:
        row: its row of the table.
        label: its title and mode.
        classes: every class with its criteria answered.
        devices: the columns of ``lines``.
        lines: its cells, by kind of derivative and device.
        measured: the cells of the row that have evidence; the columns of ``suites``.
        suites: outcome counts per suite that any of its cells has trials of.
        untested: the cells without any evidence, with the reasons.
    """

    row: Row
    label: str
    classes: tuple[ClassFinding, ...]
    devices: tuple[str, ...]
    lines: tuple[CellLine, ...]
    measured: tuple[CellEntry, ...]
    suites: tuple[SuiteLine, ...]
    untested: tuple[str, ...]


def cells_of(row: Row) -> list[CellEntry]:
    """Every cell of a row, first order first."""
    return [*row.cells, *(cell for nested in row.nested for cell in nested.cells)]


def detail(row: Row, a: Assessment, suites: Iterable[str]) -> Detail:
    """One backend in full.

    Args:
        row: its row of the table.
        a: what the row was made of.
        suites: every suite, in the order to show them.
    """
    cells = cells_of(row)
    measured = tuple(cell for cell in cells if cell.measured)
    counts: dict[tuple[str, str, str], Counter[Outcome]] = {}
    for c in a.cells:
        found = Counter((j.trial.id.suite, j.outcome) for j in c.trials)
        for (suite, outcome), n in found.items():
            key = suite, c.cell.device, str(c.cell.nesting)
            counts.setdefault(key, Counter())[outcome] += n
    planned = {suite for suite, *_ in counts}
    devices = tuple(dict.fromkeys(cell.device for cell in cells))
    return Detail(
        row=row,
        label=f"{row.title}, {row.mode}",
        classes=a.classes,
        devices=devices,
        lines=tuple(_lines(cells, devices)),
        measured=measured,
        suites=tuple(
            SuiteLine(
                suite,
                tuple(
                    _suite_cell(counts.get((suite, c.device, str(c.nesting)), Counter()))
                    for c in measured
                ),
            )
            for suite in suites
            if suite in planned
        ),
        untested=tuple(_untested(a, cells)),
    )


def _lines(cells: list[CellEntry], devices: tuple[str, ...]) -> Iterator[CellLine]:
    for title in dict.fromkeys(cell.title for cell in cells):
        by_device = {cell.device: cell for cell in cells if cell.title == title}
        yield CellLine(title, tuple(by_device.get(device) for device in devices))


def _suite_cell(counts: Counter[Outcome]) -> SuiteCell:
    state = state_of(counts)
    measured = sum(n for outcome, n in counts.items() if outcome.is_evidence)
    return SuiteCell(
        state, MARKS[state], counts[Outcome.AGREE], measured, counts.total(), others(counts)
    )


def _untested(a: Assessment, cells: list[CellEntry]) -> Iterator[str]:
    """Why cells have no evidence; the same reason is said once."""
    places = {(c.device, c.nesting): c for c in cells if c.planned and not c.measured}
    if not places:
        return
    whys: dict[tuple[str, str], set[str]] = {}
    for j in a.trials():
        place = j.trial.id.cell.device, j.trial.id.cell.nesting
        if place in places:
            whys.setdefault(place, set()).add(why_no_evidence(j))
    groups: dict[str, list[str]] = {}
    for place, cell in places.items():
        why = "; ".join(sorted(whys.get(place, ()))[:3])
        groups.setdefault(why, []).append(f"{cell.device} {cell.title}")
    for why, names in groups.items():
        yield f"{', '.join(names)}: {why}"
