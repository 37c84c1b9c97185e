"""What part of a table is shown, and what is said of files and words that can't be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import support_world as world
from test_html import nested

from gradtier.embed.view import Wanted, read, view, wanted
from gradtier.errors import InputError
from gradtier.render import json as json_
from gradtier.render.outline import Refs
from gradtier.table import SupportTable

GOLDEN, NESTED = world.golden()[0], nested()[0]


def titles(table: SupportTable, asked: Wanted) -> list[str]:
    return [cells[0][0][0].text for cells in view(table, asked).grid.rows]  # type: ignore[union-attr]


def test_without_a_wish_everything_is_shown() -> None:
    shown = view(NESTED, Wanted())
    assert shown.columns == tuple(c.id for c in NESTED.columns)
    assert len(shown.grid.rows) == len(NESTED.rows)
    assert [n for n, _ in shown.notes.texts] == [n.number for n in NESTED.footnotes]


def test_rows_are_those_that_are_all_that_is_asked() -> None:
    assert titles(GOLDEN, Wanted(package=("pack1",))) == ["Engine2", "Engine3"]
    assert titles(GOLDEN, Wanted(backend=("b5", "b1"))) == ["Engine1", "Engine5"]
    assert titles(NESTED, Wanted(mode=("forward",))) == ["Beta"]
    first = next(r for r in GOLDEN.rows if r.support_class.id == "I")
    assert first.title in titles(GOLDEN, Wanted(class_=("I",)))
    none = [r.title for r in GOLDEN.rows if r.support_class.id is None]
    assert not none or titles(GOLDEN, Wanted(class_=("none",))) == none
    with pytest.raises(InputError, match="no row of the table is all that"):
        view(GOLDEN, Wanted(package=("pack1",), backend=("b5",)))


def test_a_device_leaves_the_columns_that_are_about_none() -> None:
    assert view(NESTED, Wanted(device=("cuda",))).columns == (
        "backend", "mode", "first-cuda", "nested-cuda", "class",
    )  # fmt: skip


def test_the_backends_stay_whatever_columns_are_asked_for() -> None:
    shown = view(GOLDEN, Wanted(columns=("class", "first-cpu")))
    assert shown.columns == ("backend", "first-cpu", "class")
    assert {len(cells) for cells in shown.grid.rows} == {3} == {len(shown.grid.head)}


def test_only_the_footnotes_that_are_cited_are_there() -> None:
    shown = view(NESTED, Wanted(mode=("reverse",), columns=("class",)))
    cited = {
        n for cells in shown.grid.rows for cell in cells for line in cell for span in line
        if isinstance(span, Refs) for n in span.numbers
    }  # fmt: skip
    assert {n for n, _ in shown.notes.texts} == cited
    assert len(cited) < len(NESTED.footnotes)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"device": "cdua"}, "device 'cdua' is not in the table; did you mean 'cuda'?"),
        ({"columns": "class frist-cpu"}, "columns 'frist-cpu' is not in the table; did you mean"),
        ({"class": "9"}, "class '9' is not in the table"),
        ({"colums": "class"}, "'colums' is no option; did you mean 'columns'?"),
        ({"mode": " , "}, "'mode' names nothing"),
    ],
)
def test_a_wrong_word_names_the_nearest(options: dict[str, str], says: str) -> None:
    with pytest.raises(InputError) as caught:
        view(GOLDEN, wanted(options))
    assert says in str(caught.value) and len(caught.value.problems) == 1


def test_all_wrong_words_are_said_at_once() -> None:
    with pytest.raises(InputError) as caught:
        view(GOLDEN, wanted({"device": "tpu,rocm", "backend": "x"}))
    assert len(caught.value.problems) == 3


def test_words_are_apart_by_commas_or_blanks() -> None:
    assert wanted({"device": "cpu, cuda", "class": "I"}) == Wanted(("cpu", "cuda"), class_=("I",))


# ----------------------------------------------------------------------------------------- files


def test_a_table_reads_back_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "support.json"
    file.write_text(json_.render(NESTED), encoding="utf-8")
    assert read(file) == NESTED


def broken(**changes: Any) -> str:
    return json.dumps({**json.loads(json_.render(GOLDEN)), **changes})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no JSON; expected a support.json of gradtier"),
        ("{" * 100_000, "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "found schema None; expected 'gradtier/support/1'"),
        ('{"schema": "gradtier/plan/1"}', "found schema 'gradtier/plan/1'; expected"),
        ('{"schema": ["\\u001b[31m"]}', "found schema"),
        (broken(rows=[{}]), "is not as gradtier/support/1 has it: rows.0.id: Field required"),
        (broken(strange=1), "strange: Extra inputs are not permitted"),
    ],
)
def test_a_file_that_is_no_table_is_one_clear_sentence(
    tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "support.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read(file, "docs/support.json")
    said = str(caught.value)
    assert said.startswith("docs/support.json: ") and says in said
    assert said.isprintable() and len(said) < 400


def test_bytes_that_are_no_text_and_files_that_are_not_there_are_told_apart(
    tmp_path: Path,
) -> None:
    file = tmp_path / "support.json"
    with pytest.raises(InputError, match=r"support\.json: can't be read: No such file"):
        read(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is no JSON"):
        read(file)


def test_a_table_that_contradicts_itself_is_not_shown() -> None:
    short = GOLDEN.model_copy(update={"columns": GOLDEN.columns[:-1]})
    with pytest.raises(InputError, match="other cells than its columns"):
        view(short, Wanted())
    bare = NESTED.model_copy(update={"footnotes": ()})
    with pytest.raises(InputError, match="cites footnote 1, which it does not have"):
        view(bare, Wanted())
