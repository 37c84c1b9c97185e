"""Tests of JSON, terminal text and of what is written where."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path

import pytest
import support_world as world
from rich.cells import cell_len
from test_html import HOSTILE, hostile, nested

from gradtier.errors import InputError
from gradtier.render import json, terminal, write_site
from gradtier.table import SupportTable

FILES = [
    "case.js", "conventions.html", "index.html", "site.js", "standard.html", "style.css",
    "support.csv", "support.json", "support.md", "support.rst",
]  # fmt: skip
PAGES = [
    "suites/nn.html",
    *(f"cases/nn/case{i}.{end}" for i in range(5) for end in ("html", "js")),
    *(f"backends/b{i}.html" for i in range(8)),
]


def test_json_reads_back_to_the_same_table_and_ends_in_a_newline() -> None:
    table, _, _ = world.golden()
    text = json.render(table)
    assert text.endswith("}\n")
    assert SupportTable.model_validate_json(text) == table
    assert next(iter(jsonlib.loads(text).items())) == ("schema", "gradtier/support/1")


def test_a_site_is_written_the_same_twice_and_only_into_its_folder(tmp_path: Path) -> None:
    first = write_site(*world.golden(), tmp_path / "one" / "deep")
    second = write_site(*world.golden(), tmp_path / "two")
    assert sorted(f.name for f in first) == FILES
    everything = [*FILES, *PAGES]
    files = [f.relative_to(tmp_path) for f in tmp_path.rglob("*") if f.is_file()]
    written = sorted(str(f) for f in files if "badges" not in f.parts)
    assert written == sorted(f"{top}/{n}" for top in ("one/deep", "two") for n in everything)
    assert sorted(f.name for f in second) == FILES
    for name in everything:
        text = (tmp_path / "one" / "deep" / name).read_bytes()
        assert text == (tmp_path / "two" / name).read_bytes()
        assert str(tmp_path).encode() not in text


def test_a_folder_that_cannot_be_made_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here first")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="the page can't be written here") as caught:
            write_site(*world.golden(), out)
        assert len(caught.value.problems) == 1


def test_a_file_that_cannot_be_replaced_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "support.json").mkdir()
    with pytest.raises(InputError, match="can't be written here"):
        write_site(*world.golden(), tmp_path)


def test_a_link_in_the_folder_does_not_lead_the_writer_out_of_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "support.md").symlink_to(outside)
    with pytest.raises(InputError, match=r"'support\.md' is a link that leads elsewhere"):
        write_site(*world.golden(), tmp_path / "site")
    assert outside.read_text() == "mine"
    assert [f.name for f in (tmp_path / "site").iterdir()] == ["support.md"]


@pytest.mark.parametrize("folder", ["suites", "cases", "cases/nn"])
def test_a_linked_folder_does_not_lead_the_writer_out_either(tmp_path: Path, folder: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "site" / folder
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(InputError, match="is a link that leads elsewhere"):
        write_site(*world.golden(), tmp_path / "site")
    assert not [f for f in tmp_path.rglob("*") if f.is_file()]


def test_the_terminal_text_fits_its_width_and_says_marks_in_words() -> None:
    for table, _, _ in (world.golden(), nested()):
        text = terminal.text(table, 100)
        assert max(map(cell_len, text.splitlines())) <= 100
        assert "– not tested" in text and "[1]" in text
        for note in table.footnotes:
            assert f"[{note.number}] " in text


@pytest.mark.parametrize("words", [*HOSTILE, "[bold red]x[/]", "[link=javascript:x]y[/link]"])
def test_the_terminal_is_not_steered_by_texts_of_strangers(words: str) -> None:
    text = terminal.text(hostile(words)[0])
    assert all(c.isprintable() for c in text.replace("\n", ""))
    if words.startswith("["):
        assert words[:6] in text
