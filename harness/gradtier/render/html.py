"""Support table -> the overview, a page of HTML.

The template is autoescaped and holds the markup; style sheet and script stand beside the page,
which loads nothing from another host.  Without the script everything is there but the controls.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from itertools import groupby

from gradtier.aging import Ages, ages
from gradtier.assess import Assessment
from gradtier.history import History
from gradtier.model import Outcome
from gradtier.plan import Plan
from gradtier.render import templating
from gradtier.render.difference_page import Since
from gradtier.render.pages import Pages, conventions_that_differ
from gradtier.table import CellEntry, Row, State, SupportTable

PAGE, STYLE, SCRIPT = "index.html", "style.css", "site.js"


def render(
    table: SupportTable,
    assessments: tuple[Assessment, ...],
    plan: Plan,
    pages: Pages | None = None,
    history: History | None = None,
    since: Since | None = None,
) -> str:
    """The overview as text; a pure function of its arguments.

    Args:
        table: what to show.
        assessments: what the table was made of.
        plan: what the assessments were made of.
        pages: those of suites and cases, where they are made already.
        history: when classes changed, if there is a page of that to link to.
        since: what changed since an older evidence set, likewise.
    """
    pages = pages or Pages(table, assessments, plan)
    return templating.render(
        "index.html.j2",
        table=table,
        packages=_packages(table.rows),
        first=[c for c in table.columns if c.group == "first"],
        nested=[c for c in table.columns if c.group == "nested"],
        rank={c.id: min(i, 4) for i, c in enumerate(table.classes, 1)},
        titles={row.id: f"{row.title}, {row.mode}" for row in table.rows},
        ref=_references(table),
        words={entry.state: entry for entry in table.legend},
        days=_days(assessments),
        stale_after=plan.matrix.policy.stale_after,
        values=_values(table),
        offered={row.id: _offered(row) for row in table.rows},
        choices=_choices(table),
        suites=pages.suites,
        paths=pages.paths,
        differing=conventions_that_differ(table),
        history=history,
        since=since,
    )


def style() -> str:
    """The style sheet that every page names."""
    return _static(STYLE)


def script() -> str:
    """The script that every page names."""
    return _static(SCRIPT)


def _static(name: str) -> str:
    return resources.files(__package__).joinpath("static", name).read_text(encoding="utf-8")


def _days(assessments: Iterable[Assessment]) -> Ages:
    """When the evidence that counts was measured."""
    return ages(
        j.record.finished
        for a in assessments
        for j in a.trials()
        if j.record is not None and j.outcome.is_evidence
    )


@dataclass(frozen=True)
class Choices:
    """What the rows may be filtered by: for each, values and words."""

    mode: list[tuple[str, str]]
    device: list[tuple[str, str]]
    kind: list[tuple[str, str]]
    support_class: list[tuple[str, str]]
    package: list[tuple[str, str]]


def _choices(table: SupportTable) -> Choices:
    parts = {part for row in table.rows for part in row.kind.split(", ")}
    marks = {row.support_class.id or row.support_class.title: row.support_class.title
             for row in table.rows}  # fmt: skip
    order = [c.id for c in table.classes]
    ranked = sorted(marks, key=lambda m: order.index(m) if m in order else len(order))
    return Choices(
        mode=_same(row.mode for row in table.rows),
        device=_same(c.device for c in table.columns if c.device is not None),
        kind=_same(sorted(parts, key=lambda part: (part.casefold(), part))),
        support_class=[(mark, marks[mark]) for mark in ranked],
        package=_same(row.package for row in table.rows),
    )


def _same(words: Iterable[str]) -> list[tuple[str, str]]:
    return [(word, word) for word in dict.fromkeys(words)]


def _offered(row: Row) -> str:
    """The devices on which the row has anything, tested or not, with spaces between."""
    cells = [*row.cells, *(cell for nested in row.nested for cell in nested.cells)]
    return " ".join(dict.fromkeys(c.device for c in cells if c.state is not State.NOT_OFFERED))


def _values(table: SupportTable) -> dict[str, str]:
    """What rows are sorted by: a cell's id, or a row's with the column -> a number as text.

    Of a cell, the share of its measured trials that agree, empty where nothing is measured; of a
    class, its place.
    """
    place = {c.id: str(i) for i, c in enumerate(table.classes, 1)}
    none = str(len(place) + 1)
    found = {}
    for row in table.rows:
        mark = row.support_class
        unheld = "" if mark.title == "not tested" else none
        found[f"{row.id}/class"] = place[mark.id] if mark.id is not None else unheld
        for cell in row.cells:
            found[cell.id] = _share([cell])
        for nested in row.nested:
            found[f"{row.id}/nested-{nested.device}"] = _share(nested.cells)
    return found


def _share(cells: Iterable[CellEntry]) -> str:
    measured = agree = 0
    for cell in cells:
        measured += cell.measured
        agree += cell.outcomes.get(Outcome.AGREE, 0)
    return f"{agree / measured:.4f}" if measured else ""


def _packages(rows: tuple[Row, ...]) -> list[tuple[str, list[str], list[Row]]]:
    """Rows that follow each other and are of one package, with its name and measured versions."""
    groups = [(name, list(group)) for name, group in groupby(rows, key=lambda row: row.package)]
    return [
        (name, sorted({v for row in group for v in row.versions}), group) for name, group in groups
    ]


def _references(table: SupportTable) -> dict[tuple[str, int], str]:
    """(place, footnote) -> the id of the anchor there, which the footnote links back to."""
    return {
        (use.id, note.number): f"fnref-{note.number}-{i}"
        for note in table.footnotes
        for i, use in enumerate(note.uses, 1)
    }
