"""The tables of benchmarks as text for a terminal, as Markdown, and as JSON."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gradtier import evidence as evidence_
from gradtier.bench.sheets import Sheet, provenance, sheets
from gradtier.errors import InputError
from gradtier.evidence import Evidence
from gradtier.ratios import cost, relative

WIDTH = 160  # where there is no terminal
PREFACE = """\
Written by `gradtier bench` from what it measured; not edited by hand.

A derivative is timed together with the value of the function, at one point, in the row's own mode:
a product with a tangent (JVP) or with a cotangent (VJP). The backends took turns, each in a
process of its own, on one core; times are medians over the rounds, of calls after the first one.
Each derivative was checked against finite differences and a reference backend before: where it is
not right, or there is none, the cell says so in place of a time. *Relative* is the geometric mean,
over the benchmarks that a backend can do, of its time over the fastest one's, divided by that of
the fastest backend; *in calls* is the time of a derivative over that of the function as the backend
itself executes it. By Griewank and Walther (*Evaluating Derivatives*, 2nd ed., SIAM 2008, chapters
3 and 4) a gradient need not cost more than 3 to 4 calls, and a directional derivative not more than
2 to 2.5; an earlier bound for gradients is 5 (Griewank, *On Automatic Differentiation*, 1989). Peak
memory is what one call takes beyond what was there before: of the process's resident set on a CPU,
by the library's own allocator elsewhere.
"""


def read(files: Sequence[Path]) -> Evidence:
    """Evidence that holds benchmarks.

    Raises:
        InputError: a file can't be read, or there is none in them.
    """
    found = evidence_.read(files)
    if not found.benches:
        raise InputError(
            f"{', '.join(found.files)}: holds no benchmark; gradtier bench writes them"
        )
    return found


def printed(evidence: Evidence, console: Console | None = None) -> None:
    """Print the tables."""
    console = console or Console()
    console = console if console.is_terminal else Console(width=WIDTH, file=console.file)
    group = ""
    for sheet in sheets(evidence):
        if sheet.group != group:
            group = sheet.group
            console.print(Text(f"\n{group}", style="bold"))
        console.print(Text(f"\n{sheet.title}"))
        console.print(_table(sheet))


def _table(sheet: Sheet) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for i, column in enumerate(sheet.columns):
        table.add_column(Text(column), justify="right" if i else "left")
    for row in sheet.rows:
        table.add_row(*map(Text, row))
    return table


def markdown(evidence: Evidence) -> str:
    """The tables as a page; names and texts of files are escaped."""
    return "\n".join(_page(evidence)) + "\n"


def write(evidence: Evidence, file: Path) -> None:
    """Write the page.

    Raises:
        InputError: the file can't be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(markdown(evidence), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{file} can't be written: {error.strerror or error}") from error


def _page(evidence: Evidence) -> Iterator[str]:
    yield "# What a derivative costs"
    yield ""
    yield PREFACE
    yield from (f"{_escaped(line)}\n" for line in provenance(evidence))
    group = ""
    for sheet in sheets(evidence):
        if sheet.group != group:
            group = sheet.group
            yield f"## {_escaped(group)}\n"
        yield f"### {_escaped(sheet.title)}\n"
        yield _line(sheet.columns)
        yield _line(["---", *["---:"] * (len(sheet.columns) - 1)], raw=True)
        yield from map(_line, sheet.rows)
        yield ""
    if failed := [b for b in evidence.benches.values() if b.derivative is None]:
        yield "## Without a time\n"
        for b in failed:
            where = f"{b.benchmark} on {b.backend} ({b.device}, {b.dtype})"
            yield _escaped(f"- {where}: {b.outcome}: {b.detail}")


def _line(cells: Sequence[str], raw: bool = False) -> str:
    return "| " + " | ".join(cells if raw else map(_escaped, cells)) + " |"


def _escaped(text: str) -> str:
    """Text as text: no markup of Markdown or HTML is left in it, and no line break."""
    safe = html.escape(" ".join(text.split()), quote=False)
    for mark in "\\`*_[]|":
        safe = safe.replace(mark, f"\\{mark}")
    return safe


def as_json(evidence: Evidence) -> dict[str, Any]:
    """What the tables are made of, as JSON-safe data."""
    benches = list(evidence.benches.values())
    devices = dict.fromkeys(b.device for b in benches)
    ranks = {device: relative(benches, device) for device in devices}
    return {
        "devices": {
            device: {
                name: {"relative": ranks[device].get(name), "in_calls": cost(benches, name, device)}
                for name in dict.fromkeys(b.backend for b in benches if b.device == device)
            }
            for device in devices
        },
        "benches": [json.loads(evidence_.to_line(b)) for b in benches],
    }
