"""Tests of the reStructuredText: docutils reads it without a word, and reads what was meant."""

from __future__ import annotations

import io

import pytest
import support_world as world
from hypothesis import given, settings
from hypothesis import strategies as st
from test_html import HOSTILE, hostile, nested

from gradtier.render import rst
from gradtier.table import SupportTable, plain, web_link

docutils = pytest.importorskip("docutils.core")
from docutils import nodes  # noqa: E402 - where there is a docutils


def read(text: str) -> nodes.document:
    """What docutils makes of a text; any remark of its is a failure."""
    said = io.StringIO()
    settings = {"warning_stream": said, "report_level": 1, "_disable_config": True}
    tree = docutils.publish_doctree(text, settings_overrides=settings)
    assert said.getvalue() == ""
    return tree


def rows(tree: nodes.document, which: int = 0) -> list[list[str]]:
    table = list(tree.findall(nodes.table))[which]
    return [
        [entry.astext() for entry in row.findall(nodes.entry)] for row in table.findall(nodes.row)
    ]


ATTACKS = [
    *HOSTILE, "*a", "a_", "`a <javascript:x()>`__", "|a|", "[1]_", ":raw:`x`", ".. raw:: html",
    "::", "ends with::", "====", "- a", "1. a", "(i) a", "#. a", ":a: b", "-a  b", "/V b", ">>> a",
    "a@b.example", "https://example.org", "\\", "a\\", "__ x", "* * *", "_`a`", "a``b",
]  # fmt: skip


@pytest.mark.parametrize("shown", [world.golden, nested], ids=["golden", "nested"])
def test_the_table_has_a_row_per_backend_and_a_cell_per_column(shown: object) -> None:
    table: SupportTable = shown()[0]  # type: ignore[operator]
    found = rows(read(rst.render(table)))
    assert len(found) == len(table.rows) + 1
    assert {len(row) for row in found} == {len(table.columns)}
    for row, line in zip(table.rows, found[1:], strict=True):
        assert line[0].startswith(row.title) and row.support_class.title in line[-1]
        assert row.cells[0].text in line[2]


@pytest.mark.parametrize("shown", [world.golden, nested], ids=["golden", "nested"])
def test_footnotes_lead_there_and_back(shown: object) -> None:
    table: SupportTable = shown()[0]  # type: ignore[operator]
    tree = read(rst.render(table))
    notes = list(tree.findall(nodes.footnote))
    assert [n.children[0].astext() for n in notes] == [str(n.number) for n in table.footnotes]
    assert [n.children[1].astext() for n in notes] == [n.text for n in table.footnotes]
    by_id = {n["ids"][0]: n for n in notes}
    refs = list(tree.findall(nodes.footnote_reference))
    assert refs
    for ref in refs:
        note = by_id[ref["refid"]]
        assert ref["ids"][0] in note["backrefs"]
        assert ref.astext() == note.children[0].astext()


def test_the_rst_says_as_much_as_the_markdown() -> None:
    tree = read(rst.render(nested()[0]))
    titles = [t.astext() for t in tree.findall(nodes.title)]
    assert titles[0] == "Backends"
    for title in ("Nested grid", "Classes", "Claims that no longer hold"):
        assert title in titles


@pytest.mark.parametrize("text", ATTACKS)
def test_texts_of_strangers_make_no_markup(text: str) -> None:
    def shape(tree: nodes.document) -> list[str]:
        return [type(n).__name__ for n in tree.findall() if not isinstance(n, nodes.Text)]

    plain, strange = (read(rst.render(hostile(t)[0])) for t in ("harmless", text))
    assert shape(strange) == shape(plain)


@settings(deadline=None, max_examples=300)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)) | st.sampled_from(ATTACKS))
def test_escaped_text_reads_back_as_it_was(text: str) -> None:
    words = plain(text)
    tree = read(f"before\n\n{rst.escape(text)}\n\nafter\n")
    shown = [p.astext() for p in tree.children]
    assert shown == ["before", *([words] if words else []), "after"]
    assert all(type(p) is nodes.paragraph and len(p.children) == 1 for p in tree.children)


@pytest.mark.parametrize(
    "address", ["https://example.org/a_", "https://example.org/a)`_b|c<d>e\\f*", "http://e.org/_x_"]
)
def test_a_link_cannot_be_left_by_its_own_characters(address: str) -> None:
    assert web_link(address)
    made = world.plan(world.declaration({"a": world.backend(link=address)}))
    tree = read(rst.render(world.show(made, world.NO_EVIDENCE)[0]))
    (found,) = list(tree.findall(nodes.reference))
    assert found["refuri"].startswith(address[:20]) and "<" not in found["refuri"]
    assert found.astext() == "Alpha"


def test_the_file_may_be_included_where_there_are_footnotes_already() -> None:
    page = f"Mine [1]_ and [#]_.\n\n.. [1] one\n.. [#] two\n\n{rst.render(nested()[0])}"
    notes = [n.children[0].astext() for n in read(page).findall(nodes.footnote)]
    assert len(notes) == len(set(notes)) == 2 + len(nested()[0].footnotes)
