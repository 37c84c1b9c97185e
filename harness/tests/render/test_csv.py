"""Tests of the CSV: it reads back to the cells, and no cell of it is a formula."""

from __future__ import annotations

import csv as csvlib
import io
import re

import pytest
import support_world as world
from hypothesis import given
from hypothesis import strategies as st
from test_html import HOSTILE, hostile, nested

from gradtier.model import Outcome
from gradtier.render import csv
from gradtier.table import SupportTable


def read(table: SupportTable) -> list[dict[str, str]]:
    return list(csvlib.DictReader(io.StringIO(csv.render(table), newline="")))


@pytest.mark.parametrize("shown", [world.golden, nested], ids=["golden", "nested"])
def test_every_cell_is_a_line_and_reads_back_as_it_was(shown: object) -> None:
    table: SupportTable = shown()[0]  # type: ignore[operator]
    found = read(table)
    cells = [(row, cell) for row in table.rows for cell in csv.cells(row)]
    assert len(found) == len(cells) > len(table.rows)
    for line, (row, cell) in zip(found, cells, strict=True):
        assert f"{line['backend']}/{line['device']}/{line['nesting']}" == cell.id
        assert line["mode"] == row.mode and line["state"] == cell.state
        assert (int(line["planned"]), int(line["measured"])) == (cell.planned, cell.measured)
        counts = {o: int(line[o]) for o in Outcome if int(line[o])}
        assert counts == cell.outcomes and sum(counts.values()) == cell.planned
        assert tuple(map(int, line["footnotes"].split())) == cell.footnotes
        assert line["class"] == (row.support_class.id or "")
        assert cell.text in line["text"]


def test_the_columns_are_those_that_are_documented_in_that_order() -> None:
    text = csv.render(world.golden()[0])
    assert text.split("\r\n")[0] == ",".join(csv.COLUMNS)
    assert all(csv.COLUMNS.values())


def test_the_file_is_rfc_4180() -> None:
    text = csv.render(hostile('a "quoted", text\r\nof two lines')[0])
    assert text.endswith("\r\n") and not re.search(r"(?<!\r)\n|\r(?!\n)", text)
    assert '"a ""quoted"", text of two lines"' in text
    assert {len(line) for line in csvlib.reader(io.StringIO(text, newline=""), strict=True)} == {
        len(csv.COLUMNS)
    }


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n@x", "＝1", "a;=1", "a; -1"]


@pytest.mark.parametrize("words", [*FORMULAS, *HOSTILE])
def test_no_text_of_strangers_is_a_formula(words: str) -> None:
    for line in read(hostile(words)[0]):
        for column, value in line.items():
            for cell in (value, *value.split(";")):
                assert not re.match(r"\s*[=+\-@＝＋－＠]", cell), (column, value)
            assert not re.search(r"[\t\r\n\0]", value)


@given(st.text())
def test_a_text_that_is_no_formula_stays_as_it_was(words: str) -> None:
    harmless = "x" + re.sub(r"[;\W]", "", words)
    assert csv.text(harmless) == csv.plain(harmless)
