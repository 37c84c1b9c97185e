"""Tests of the Markdown: the table stays a table, footnotes resolve, texts stay text."""

from __future__ import annotations

import re

import pytest
import support_world as world
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from test_html import HOSTILE, hostile, nested

from gradtier.render import markdown
from gradtier.table import web_link


def grid_rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def cells_of(line: str) -> int:
    return len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) - 1


def test_every_footnote_mark_has_its_text_and_every_text_its_mark() -> None:
    for table, _, _ in (world.golden(), nested()):
        text = markdown.render(table)
        declared = re.findall(r"^\[\^(\d+)\]: ", text, re.MULTILINE)
        used = re.findall(r"\[\^(\d+)\](?!:)", text)
        assert declared == [str(note.number) for note in table.footnotes]
        assert set(used) == set(declared)


def test_every_row_has_as_many_cells_as_the_head() -> None:
    table, _, _ = nested()
    rows = grid_rows(markdown.render(table))[: len(table.rows) + 2]
    assert {cells_of(line) for line in rows} == {len(table.columns)}


@pytest.mark.parametrize("text", [*HOSTILE, "[x](javascript:alert(1))", "![x](y)", "a\n# b", "***"])
def test_texts_of_strangers_make_no_markup(text: str) -> None:
    # CommonMark alone does not know footnotes and would read their texts as addresses.
    plain, strange = (
        MarkdownIt("commonmark")
        .enable("table")
        .parse(re.sub(r"\[\^\d+\]:?", "", markdown.render(hostile(t)[0])))
        for t in ("harmless", text)
    )

    def shape(tokens: list[object]) -> list[str]:
        flat = []
        for token in tokens:
            flat.append(token.type)  # type: ignore[attr-defined]
            inner = token.children or []  # type: ignore[attr-defined]
            flat += [t.type for t in inner if t.type not in ("text", "text_special")]
        return flat

    assert shape(strange) == shape(plain)  # type: ignore[arg-type]


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_escaped_text_reads_back_as_it_was(text: str) -> None:
    words = " ".join(text.split())
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown.escape(text))
    assert [t.type for t in tokens] == (
        ["paragraph_open", "inline", "paragraph_close"] if words else []
    )
    shown = "".join(t.content for token in tokens for t in token.children or [])
    assert shown == words


def test_an_address_in_a_text_is_not_made_a_link_of() -> None:
    linked = MarkdownIt("gfm-like", {"linkify": False}).render(markdown.escape("javascript:x()"))
    assert "<a" not in linked
    assert "https://" not in markdown.escape("https://example.org")


def test_a_link_cannot_be_left_by_its_own_characters() -> None:
    address = "https://example.org/a)b|c<d>e\\f"
    assert web_link(address)
    made = world.plan(world.declaration({"a": world.backend(link=address)}))
    text = markdown.render(world.show(made, world.NO_EVIDENCE)[0])
    assert "(<https://example.org/a%29b%7Cc%3Cd%3Ee%5Cf>)" in text


def test_what_is_withheld_is_not_said() -> None:
    text = markdown.render(world.golden()[0])
    assert "Fast." in text and "Small." not in text
    assert text.endswith("\n") and not text.endswith("\n\n")
