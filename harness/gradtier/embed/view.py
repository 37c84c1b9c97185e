"""A part of a support table, as it stands in somebody's page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from pydantic import ValidationError

from gradtier.errors import InputError, Problem, nearest
from gradtier.render.outline import Cell, Grid, Notes, Paragraph, Refs, Text, legend, overview
from gradtier.support import SCHEMA
from gradtier.table import Row, SupportTable, plain


@dataclass(frozen=True)
class Wanted:
    """What is to be shown; what is empty asks for nothing less than all.

    Attributes:
        device: only columns about these devices; columns about none stay.
        mode, package, backend: only rows that are of these.
        class_: only rows in these classes, by id; ``none`` for rows in no class.
        columns: only these columns, by id; that of the backends always stays.
    """

    device: tuple[str, ...] = ()
    mode: tuple[str, ...] = ()
    package: tuple[str, ...] = ()
    backend: tuple[str, ...] = ()
    class_: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    @classmethod
    def names(cls) -> dict[str, str]:
        """What an option is called -> the field."""
        return {f.name.rstrip("_"): f.name for f in fields(cls)}


@dataclass(frozen=True)
class View:
    """What is shown.

    Attributes:
        columns: ids of the columns of the grid.
        grid: the table.
        legend: what its marks mean.
        dated: when it was measured and judged.
        notes: the footnotes that it cites, and no others.
    """

    columns: tuple[str, ...]
    grid: Grid
    legend: Paragraph
    dated: Paragraph
    notes: Notes


def read(file: Path, shown: str = "") -> SupportTable:
    """The support table of a ``support.json``.

    Args:
        file: where it is.
        shown: what it is called in messages, if not so.

    Raises:
        InputError: it can't be read, or is no such file; one sentence.
    """
    name = shown or str(file)
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{name}: can't be read: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise InputError(f"{name}: is no JSON; expected a support.json of gradtier") from None
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema != SCHEMA:
        found = plain(repr(schema), 60)
        raise InputError(f"{name}: found schema {found}; expected '{SCHEMA}'")
    try:
        return SupportTable.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = plain(".".join(map(str, first["loc"])), 120)
        text = f"{name}: is not as {SCHEMA} has it: {where}: {plain(first['msg'], 120)}"
        raise InputError(text) from None


def view(table: SupportTable, wanted: Wanted) -> View:
    """The part of a table that is wanted.

    Raises:
        InputError: a word that the table doesn't know, a table without such rows, or one that
            contradicts itself.
    """
    problems = list(_unknown(table, wanted))
    if problems:
        raise InputError(problems)
    rows = tuple(row for row in table.rows if _is_wanted(row, wanted))
    if not rows:
        raise InputError("no row of the table is all that")
    whole = overview(table.model_copy(update={"rows": rows}))
    if any(len(cells) != len(table.columns) for cells in whole.rows):
        raise InputError("the rows of the table have other cells than its columns")
    chosen = [i for i, c in enumerate(table.columns) if i == 0 or _is_shown(c.id, c.device, wanted)]
    grid = Grid(
        tuple(whole.head[i] for i in chosen),
        tuple(tuple(cells[i] for i in chosen) for cells in whole.rows),
    )
    cited = sorted(set(_cited(grid.rows)))
    texts = {note.number: note.text for note in table.footnotes}
    if missing := [n for n in cited if n not in texts]:
        raise InputError(f"the table cites footnote {missing[0]}, which it does not have")
    return View(
        tuple(table.columns[i].id for i in chosen),
        grid,
        legend(table),
        _dated(table),
        Notes(tuple((n, texts[n]) for n in cited)),
    )


def wanted(options: Mapping[str, str]) -> Wanted:
    """What options ask for: each a few words, apart by commas or blanks.

    Raises:
        InputError: there is no such option, or it names nothing.
    """
    names, problems = Wanted.names(), []
    given: dict[str, tuple[str, ...]] = {}
    for option, words in options.items():
        if option not in names:
            problems.append(Problem(f"'{option}' is no option", hint=nearest(option, names)))
            continue
        given[names[option]] = tuple(words.replace(",", " ").split())
        if not given[names[option]]:
            problems.append(Problem(f"'{option}' names nothing"))
    if problems:
        raise InputError(problems)
    return Wanted(**given)


def _unknown(table: SupportTable, wanted: Wanted) -> Iterator[Problem]:
    known: dict[str, Iterable[str]] = {
        "device": (c.device for c in table.columns if c.device is not None),
        "mode": (row.mode.value for row in table.rows),
        "package": (row.package for row in table.rows),
        "backend": (row.id for row in table.rows),
        "class": (*(c.id for c in table.classes), "none"),
        "columns": (c.id for c in table.columns),
    }
    for option, field in Wanted.names().items():
        words = list(dict.fromkeys(known[option]))
        for word in getattr(wanted, field):
            if word not in words:
                found = plain(word, 60)
                yield Problem(f"{option} '{found}' is not in the table", hint=nearest(found, words))


def _is_wanted(row: Row, wanted: Wanted) -> bool:
    pairs = (
        (wanted.mode, row.mode.value),
        (wanted.package, row.package),
        (wanted.backend, row.id),
        (wanted.class_, row.support_class.id or "none"),
    )
    return all(not words or word in words for words, word in pairs)


def _is_shown(column: str, device: str | None, wanted: Wanted) -> bool:
    if wanted.device and device is not None and device not in wanted.device:
        return False
    return not wanted.columns or column in wanted.columns


def _cited(rows: Iterable[Iterable[Cell]]) -> Iterator[int]:
    for row in rows:
        for cell in row:
            for line in cell:
                for span in line:
                    if isinstance(span, Refs):
                        yield from span.numbers


def _dated(table: SupportTable) -> Paragraph:
    days = sorted({run.started[:10] for run in table.provenance.runs})
    judged = f"judged on {table.provenance.date.isoformat()}."
    if not days:
        return Paragraph((Text(f"Not measured yet; {judged}"),))
    span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return Paragraph((Text(f"Measured {span}, {judged}"),))
