"""Support table -> the overview, a page of HTML.

The template is autoescaped and holds the markup; the style sheet stands beside the page.  The page
loads nothing from another host and runs no script.
"""

from __future__ import annotations

from importlib import resources
from itertools import groupby

from gradtier.assess import Assessment
from gradtier.history import History
from gradtier.plan import Plan
from gradtier.render import templating
from gradtier.render.details import details
from gradtier.render.pages import Pages, conventions_that_differ
from gradtier.table import Row, SupportTable

PAGE, STYLE = "index.html", "style.css"


def render(
    table: SupportTable,
    assessments: tuple[Assessment, ...],
    plan: Plan,
    pages: Pages | None = None,
    history: History | None = None,
) -> str:
    """The overview as text; a pure function of its arguments.

    Args:
        table: what to show.
        assessments: what the table was made of.
        plan: what the assessments were made of.
        pages: those of suites and cases, where they are made already.
        history: when classes changed, if there is a page of that to link to.
    """
    pages = pages or Pages(table, assessments, plan)
    return templating.render(
        "index.html.j2",
        table=table,
        details=details(table, assessments, plan),
        packages=_packages(table.rows),
        first=[c for c in table.columns if c.group == "first"],
        nested=[c for c in table.columns if c.group == "nested"],
        rank={c.id: min(i, 4) for i, c in enumerate(table.classes, 1)},
        titles={row.id: f"{row.title}, {row.mode}" for row in table.rows},
        ref=_references(table),
        words={entry.state: entry for entry in table.legend},
        days=sorted({run.started[:10] for run in table.provenance.runs}),
        suites=pages.suites,
        paths=pages.paths,
        differing=conventions_that_differ(table),
        history=history,
    )


def style() -> str:
    """The style sheet that the page names."""
    return resources.files(__package__).joinpath("static", STYLE).read_text(encoding="utf-8")


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
