"""Writes the pages and their companions into one folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from gradtier.assess import Assessment
from gradtier.errors import InputError
from gradtier.plan import Plan
from gradtier.render import html, json, markdown
from gradtier.render.pages import Pages
from gradtier.table import SupportTable

MARKDOWN, JSON = "support.md", "support.json"


def site(
    table: SupportTable,
    assessments: tuple[Assessment, ...],
    plan: Plan,
    titles: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, Callable[[], str]]]:
    """Every file of the site: its path from the top, and what gives its text.

    Args:
        table: what to show.
        assessments: what the table was made of, for the details of each backend and case.
        plan: what the assessments were made of.
        titles: suite -> what it is about, in a line.
    """
    pages = Pages(table, assessments, plan, titles)
    yield html.PAGE, partial(html.render, table, assessments, plan, pages)
    yield html.STYLE, html.style
    yield MARKDOWN, partial(markdown.render, table)
    yield JSON, partial(json.render, table)
    yield from pages.all()


def write_site(
    table: SupportTable,
    assessments: tuple[Assessment, ...],
    plan: Plan,
    out: Path,
    titles: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write the whole site into ``out``.

    Args:
        table: what to show.
        assessments: what the table was made of.
        plan: what the assessments were made of.
        out: the folder; made if it is not there. Nothing is written outside of it.
        titles: suite -> what it is about, in a line.

    Returns:
        the files at its top; pages of suites and cases lie in folders below.

    Raises:
        InputError: the folder can't be made or written, or a link in it leads elsewhere.
    """
    files = dict(site(table, assessments, plan, titles))
    try:
        out.mkdir(parents=True, exist_ok=True)
        inside = out.resolve(strict=True)
        for name in files:  # all of them are looked at before one is written
            target = inside / name
            if target.resolve() != target:
                text = f"{out}: '{name}' is a link that leads elsewhere; remove it"
                raise InputError(text)
        for name, text_of in files.items():
            target = inside / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text_of().encode("utf-8"))
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(f"{out}: the page can't be written here: {why}") from error
    return [out / name for name in files if "/" not in name]
