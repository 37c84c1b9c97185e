"""Support table -> CSV: a line per row and cell, for spreadsheets and data frames.

RFC 4180 in UTF-8: commas, quotes where they are needed, CR LF, a head.  A text that a spreadsheet
would take for a formula gets an apostrophe in front, which spreadsheets read as "this is text";
numbers are never such.  :data:`COLUMNS` says what the columns hold; new ones are added at the end.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from gradtier.model import Nesting, Outcome
from gradtier.support import CellEntry
from gradtier.table import Row, SupportTable, plain, web_link

#: Column -> what it holds.  Numbers of footnotes are those of the other forms, apart by blanks.
COLUMNS = {
    "backend": "id of the row",
    "title": "the row in words",
    "package": "distribution",
    "version": "measured versions of the package, apart by blanks; may be empty",
    "link": "the project's address; may be empty",
    "mode": "forward, reverse",
    "execution": "how it runs: op by op, compiled",
    "kind": "the kind of AD system",
    "device": "cpu, cuda",
    "nesting": "none (first order), or the outer mode of a second order: forward, reverse",
    "state": "agrees, partial, wrong, fails, inconclusive, not-tested, not-offered",
    "text": "the cell in words, as the table has it",
    "planned": "trials planned",
    "measured": "trials with evidence",
    **{str(outcome): f"trials that ended so: {outcome}" for outcome in Outcome},
    "class": "id of the published class of the row; empty: none",
    "class_title": "the class in words; says so where there is none",
    "class_derived": "id of the class that the evidence gives; empty: none",
    "class_age": "days since the oldest evidence that decides the class; may be empty",
    "footnotes": "footnotes of the cell",
    "row_footnotes": "footnotes of the row",
    "class_footnotes": "footnotes of the class",
}
#: What begins a formula in some spreadsheet: at the front of a cell, or behind a semicolon, at
#: which a spreadsheet may cut.
_FORMULA = re.compile(r"(^|;)(\s*)(?=[=+\-@＝＋－＠])")


def render(table: SupportTable) -> str:
    """The whole table as CSV."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in table.rows:
        for cell in cells(row):
            line = _line(row, cell)
            writer.writerow(line[column] for column in COLUMNS)
    return out.getvalue()


def cells(row: Row) -> Iterator[CellEntry]:
    """Every cell of a row: first order, then nested."""
    yield from row.cells
    for nested in row.nested:
        yield from nested.cells


def text(words: str) -> str:
    """Words on one line that no spreadsheet takes for a formula."""
    return _FORMULA.sub(r"\1\2'", plain(words))


def _line(row: Row, cell: CellEntry) -> dict[str, str | int]:
    mark = row.support_class
    return {
        "backend": text(row.id),
        "title": text(row.title),
        "package": text(row.package),
        "version": text(" ".join(row.versions)),
        "link": text(web_link(row.link) or ""),
        "mode": row.mode.value,
        "execution": text(row.execution),
        "kind": text(row.kind),
        "device": text(cell.device),
        "nesting": Nesting(cell.nesting).value,
        "state": cell.state.value,
        "text": text(", ".join((cell.text, *cell.asides))),
        "planned": cell.planned,
        "measured": cell.measured,
        **{outcome.value: cell.outcomes.get(outcome, 0) for outcome in Outcome},
        "class": text(mark.id or ""),
        "class_title": text(", ".join((mark.title, *mark.asides))),
        "class_derived": text(mark.derived or ""),
        "class_age": "" if mark.age is None else mark.age,
        "footnotes": _numbers(cell.footnotes),
        "row_footnotes": _numbers(row.footnotes),
        "class_footnotes": _numbers(mark.footnotes),
    }


def _numbers(numbers: tuple[int, ...]) -> str:
    return " ".join(map(str, numbers))
