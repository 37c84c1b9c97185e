"""What the page shows of one backend beyond its row: criteria, counts per suite, trials to look at.

The support table holds the summary; this is computed from the assessments behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from gradtier.assess import Assessment, Judged
from gradtier.model import Outcome
from gradtier.plan import Plan
from gradtier.render.trials import RANK, others
from gradtier.table import (
    LEGEND,
    LONGEST,
    CellEntry,
    Row,
    State,
    SupportTable,
    plain,
    shown_as,
    state_of,
    web_link,
    why_no_evidence,
)
from gradtier.tiers import ClassFinding

MOST_TRIALS = 60  # shown per backend; the evidence holds all of them


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
class TrialLine:
    """One trial that does not agree."""

    id: str
    case: str
    outcome: str
    reason: str
    detail: str
    declared: str  # what the matrix declares of it, or empty
    as_declared: bool
    link: str | None


@dataclass(frozen=True)
class Detail:
    """One backend in full.

    Attributes:
        row: its row of the table.
        label: its title and mode.
        classes: every class with its criteria answered.
        measured: the cells of the row that have evidence; the columns of ``suites``.
        suites: outcome counts per suite.
        untested: the cells without any evidence, with the reasons.
        trials: what does not agree, the worst first.
        more: how many of those are not listed.
    """

    row: Row
    label: str
    classes: tuple[ClassFinding, ...]
    measured: tuple[CellEntry, ...]
    suites: tuple[SuiteLine, ...]
    untested: tuple[str, ...]
    trials: tuple[TrialLine, ...]
    more: int


def details(
    table: SupportTable, assessments: tuple[Assessment, ...], plan: Plan
) -> tuple[Detail, ...]:
    """A detail per row, in the order of the rows."""
    by_id = {a.backend: a for a in assessments}
    suites = list(dict.fromkeys(case.suite for case in plan.cases.values()))
    return tuple(_detail(row, by_id[row.id], suites) for row in table.rows)


def _detail(row: Row, a: Assessment, suites: list[str]) -> Detail:
    cells = [*row.cells, *(cell for nested in row.nested for cell in nested.cells)]
    measured = tuple(cell for cell in cells if cell.measured)
    trials: dict[tuple[str, str, str], list[Judged]] = {}
    for j in a.trials():
        cell = j.trial.id.cell
        trials.setdefault((j.trial.id.suite, cell.device, cell.nesting), []).append(j)
    short = sorted(
        (j for j in a.trials() if j.outcome in RANK),
        key=lambda j: (RANK[j.outcome], str(j.trial.id)),
    )
    return Detail(
        row=row,
        label=f"{row.title}, {row.mode}",
        classes=a.classes,
        measured=measured,
        suites=tuple(
            SuiteLine(
                suite,
                tuple(_suite_cell(trials.get((suite, c.device, c.nesting), [])) for c in measured),
            )
            for suite in suites
        ),
        untested=tuple(_untested(a, cells)),
        trials=tuple(map(_line, short[:MOST_TRIALS])),
        more=len(short[MOST_TRIALS:]),
    )


def _suite_cell(trials: list[Judged]) -> SuiteCell:
    counts = Counter(j.outcome for j in trials)
    state = state_of(counts)
    mark = next(entry.mark for entry in LEGEND if entry.state is state)
    measured = sum(n for outcome, n in counts.items() if outcome.is_evidence)
    return SuiteCell(state, mark, counts[Outcome.AGREE], measured, len(trials), others(counts))


def _untested(a: Assessment, cells: list[CellEntry]) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for cell in cells:
        if cell.measured or not cell.planned:
            continue
        whys = {
            why_no_evidence(j)
            for j in a.trials()
            if (j.trial.id.cell.device, j.trial.id.cell.nesting) == (cell.device, cell.nesting)
        }
        why = "; ".join(sorted(whys)[:3])
        groups.setdefault(why, []).append(f"{cell.device} {cell.title}")
    for why, names in groups.items():
        yield f"{', '.join(names)}: {why}"


def _line(j: Judged) -> TrialLine:
    assert j.record is not None  # only a record gives an outcome that is listed
    claim = j.claim
    return TrialLine(
        id=plain(str(j.trial.id)),
        case=j.trial.id.case_id,
        outcome=shown_as(j.outcome),
        reason=str(j.record.reason or ""),
        detail=plain(j.record.detail, LONGEST),
        declared=plain(claim.because, 2 * LONGEST) if claim is not None else "",
        as_declared=j.as_claimed,
        link=web_link(claim.link) if claim is not None else None,
    )
