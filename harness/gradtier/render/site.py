"""Writes the pages and their companions into one folder."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from gradtier.assess import Assessment
from gradtier.errors import InputError
from gradtier.evidence import Bench
from gradtier.history import History
from gradtier.plan import Plan
from gradtier.render import badges, csv, difference_page, feed, html, json, markdown, rst
from gradtier.render import history as history_
from gradtier.render.backend_page import BackendPages
from gradtier.render.difference_page import Since
from gradtier.render.pages import Pages
from gradtier.table import SupportTable

MARKDOWN, JSON, RST, CSV = "support.md", "support.json", "support.rst", "support.csv"


def site(
    table: SupportTable,
    assessments: tuple[Assessment, ...],
    plan: Plan,
    titles: Mapping[str, str] | None = None,
    history: History | None = None,
    benches: Iterable[Bench] = (),
    since: Since | None = None,
) -> Iterator[tuple[str, Callable[[], str]]]:
    """Every file of the site: its path from the top, and what gives its text.

    Args:
        table: what to show.
        assessments: what the table was made of, for the details of each backend and case.
        plan: what the assessments were made of.
        titles: suite -> what it is about, in a line.
        history: when classes changed, where the site is to show that.
        benches: benchmarks that count, for the pages of backends.
        since: what changed since an older evidence set, where the site is to show that.
    """
    pages = Pages(table, assessments, plan, titles)
    backends = BackendPages(table, assessments, plan, pages.paths, benches, history)
    yield html.PAGE, partial(html.render, table, assessments, plan, pages, history, since)
    yield html.STYLE, html.style
    yield html.SCRIPT, html.script
    yield MARKDOWN, partial(markdown.render, table)
    yield JSON, partial(json.render, table)
    yield RST, partial(rst.render, table)
    yield CSV, partial(csv.render, table)
    yield from badges.badges(table)
    if history is not None:
        yield history_.PAGE, partial(history_.render, table, history, pages.paths.backends)
        yield history_.JSON, partial(history_.render_json, history)
        published = plan.matrix.site
        yield feed.FEED, partial(feed.render, table, history, published, pages.paths.backends)
    if since is not None:
        page = partial(difference_page.render, table, since, plan, pages.paths)
        yield difference_page.PAGE, page
        yield difference_page.JSON, since.render_json
    yield from backends.all()
    yield from pages.all()


def write_site(
    table: SupportTable,
    assessments: tuple[Assessment, ...],
    plan: Plan,
    out: Path,
    titles: Mapping[str, str] | None = None,
    history: History | None = None,
    benches: Iterable[Bench] = (),
    since: Since | None = None,
) -> list[Path]:
    """Write the whole site into ``out``.

    Args:
        table: what to show.
        assessments: what the table was made of.
        plan: what the assessments were made of.
        out: the folder; made if it is not there. Nothing is written outside of it.
        titles: suite -> what it is about, in a line.
        history: when classes changed, where the site is to show that.
        benches: benchmarks that count, for the pages of backends.
        since: what changed since an older evidence set, where the site is to show that.

    Returns:
        the files at its top; pages of backends, suites and cases lie in folders below.

    Raises:
        InputError: the folder can't be made or written, or a link in it leads elsewhere.
    """
    files = dict(site(table, assessments, plan, titles, history, benches, since))
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


def differing(files: Iterable[tuple[str, Callable[[], str]]], folder: Path) -> list[str]:
    """What of a site is not, to the byte, what it should be.

    Args:
        files: as :func:`site` gives them.
        folder: where it lies. A folder with the overview holds the whole site, so that a file
            which is missing there, or left over from another report, is a difference; of a folder
            without it, only the files that are there are compared.

    Returns:
        one sentence per file.

    Raises:
        InputError: a file can't be read.
    """
    wanted = dict(files)
    is_whole = (folder / html.PAGE).is_file()
    said = []
    try:
        for name, text_of in wanted.items():
            file = folder / name
            if file.is_file():
                if file.read_bytes() != text_of().encode("utf-8"):
                    said.append(f"{file} is not what matrix and evidence give")
            elif is_whole:
                said.append(f"{file} is missing")
        said += [f"{file} is no part of this report" for file in _left_over(folder, wanted)]
    except OSError as error:
        raise InputError(f"{folder}: can't be compared: {error.strerror or error}") from error
    for page, option in ((history_.PAGE, "--history"), (difference_page.PAGE, "--since")):
        if page not in wanted and (folder / page).exists():
            said.append(f"it was written with {option}, and is compared without")
    return said


def _left_over(folder: Path, wanted: Collection[str]) -> list[Path]:
    """Files in the folders that the site makes, and that options make, that are not wanted."""
    made = {name.partition("/")[0] for name in wanted if "/" in name}
    there = [file for top in sorted(made) for file in sorted((folder / top).rglob("*"))]
    asked = (history_.PAGE, history_.JSON, feed.FEED, difference_page.PAGE, difference_page.JSON)
    there += [folder / name for name in asked]
    return [f for f in there if f.is_file() and f.relative_to(folder).as_posix() not in wanted]
