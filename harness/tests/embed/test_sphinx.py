"""The directive in a small real site: table, footnotes both ways, clear errors, text stays text."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import support_world as world
from test_html import HOSTILE, Page, hostile, nested

from gradtier.render import json
from gradtier.table import SupportTable

pytest.importorskip("sphinx")

CONF = """
project = "A site"
extensions = ["gradtier.embed.sphinx"]
exclude_patterns = ["out"]
html_theme = "basic"
"""


class Site:
    """A folder with a Sphinx project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "conf.py").write_text(CONF, encoding="utf-8")

    def put(self, table: SupportTable, name: str = "support.json") -> None:
        (self.folder / name).write_text(json.render(table), encoding="utf-8")

    def build(self, text: str, builder: str = "html") -> subprocess.CompletedProcess[str]:
        """Build; every warning is an error, every reference must resolve."""
        (self.folder / "index.rst").write_text(text, encoding="utf-8")
        words = ["-m", "sphinx", "-W", "-n", "-E", "-q", "-b", builder, ".", f"out/{builder}"]
        return subprocess.run(
            [sys.executable, *words], cwd=self.folder, capture_output=True, text=True, timeout=100,
            check=False,
        )  # fmt: skip

    def page(self, text: str) -> Page:
        done = self.build(text)
        assert done.returncode == 0, done.stderr
        text = (self.folder / "out" / "html" / "index.html").read_text(encoding="utf-8")
        return Page(text.replace(" />", ">").replace("/>", ">"))  # as XHTML has it


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


PAGE = """
Support
=======

Mine [#own]_ and theirs.

.. gradtier-table:: support.json

.. [#own] my own note
"""


def test_the_table_is_there_with_legend_and_footnotes_both_ways(site: Site) -> None:
    table = nested()[0]
    site.put(table)
    found = site.page(PAGE)
    ids = {a["id"] for _, a in found.elements if "id" in a}
    assert found.all("table", **{"class": "gradtier-table docutils align-default"})
    for row in table.rows:
        assert row.title in found.text and row.cells[0].text in found.text
    for entry in table.legend:
        assert entry.meaning in found.text
    assert "judged on 2026-03-01." in found.text
    refs = [a for a in found.all("a", role="doc-noteref")]
    notes = {a["id"] for a in found.all("aside") if "footnote" in a.get("class", "") and "id" in a}
    assert len(notes) == len(table.footnotes) + 1  # and the page's own
    assert {a["href"][1:] for a in refs} == notes
    backs = {a["href"][1:] for _, a in found.elements if a.get("role") == "doc-backlink"}
    assert backs <= ids and {a["id"] for a in refs} <= backs
    for note in table.footnotes:
        assert " ".join(note.text.split()) in found.text


def test_a_class_has_a_name_for_style_sheets_and_says_its_words(site: Site) -> None:
    site.put(world.golden()[0])
    found = site.page("Support\n=======\n\n.. gradtier-table:: support.json\n")
    assert len(found.all("span", **{"class": "gradtier-class"})) == len(world.golden()[0].rows)
    assert "Tier II" in found.text


def test_options_choose_rows_and_columns_and_two_tables_share_a_page(site: Site) -> None:
    site.put(nested()[0])
    (site.folder / "below").mkdir()
    site.put(world.golden()[0], "below/other.json")
    found = site.page(
        """
Support
=======

.. gradtier-table:: support.json
   :device: cpu
   :mode: reverse
   :columns: first-cpu, class
   :no-legend:

.. gradtier-table:: /below/other.json
   :package: pack1
"""
    )
    tables = found.all("table")
    assert len(tables) == 2
    assert "Beta" not in found.text and "Engine2" in found.text and "Engine4" not in found.text
    assert "CUDA" not in found.text.partition("Engine2")[0].partition("First order, CPU")[0]
    ids = [a["id"] for _, a in found.elements if "id" in a]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("builder", ["text", "latex", "xml"])
def test_other_builders_can_write_it(site: Site, builder: str) -> None:
    site.put(nested()[0])
    done = site.build(PAGE, builder)
    assert done.returncode == 0, done.stderr


def test_texts_of_strangers_stay_text(site: Site) -> None:
    attacks = [*HOSTILE, "*a* `b`_ |c| [1]_ ::", "a\\", ".. raw:: html", "{{ x }}"]
    text = " ; ".join(attacks)
    tags = []
    for words in ("harmless", text):
        site.put(hostile(words, "https://example.org/x_y*z")[0])
        found = site.page("Support\n=======\n\n.. gradtier-table:: support.json\n")
        tags.append([(tag, sorted(a)) for tag, a in found.elements])
        assert not found.faults
    assert tags[0] == tags[1]
    assert "<script>alert(1)</script>" in found.text and "*a* `b`_ |c| [1]_ ::" in found.text


def test_a_link_that_is_none_is_not_made_one(site: Site) -> None:
    table = world.golden()[0]
    rows = tuple(r.model_copy(update={"link": "javascript:alert(1)"}) for r in table.rows)
    site.put(table.model_copy(update={"rows": rows}))
    found = site.page("Support\n=======\n\n.. gradtier-table:: support.json\n")
    assert not [a for a in found.all("a") if "javascript" in a.get("href", "")]


def test_what_cannot_be_shown_is_one_error_with_file_and_line(site: Site) -> None:
    site.put(nested()[0])
    (site.folder / "other.json").write_text('{"schema": "x"}', encoding="utf-8")
    directives = {
        ".. gradtier-table:: gone.json": r"gone\.json: can't be read: No such file",
        ".. gradtier-table:: conf.py": r"conf\.py: is no JSON",
        ".. gradtier-table:: other.json": r"other\.json: found schema 'x'; expected",
        ".. gradtier-table:: support.json\n   :device: cdua": "did you mean 'cuda'",
        ".. gradtier-table::": r"1 argument\(s\) required",
    }
    done = site.build("Support\n=======\n\n" + "\n\n".join(directives) + "\n")
    assert done.returncode != 0 and "Traceback" not in done.stderr
    for number, says in zip((4, 6, 8, 10, 13), directives.values(), strict=True):
        (said,) = re.findall(rf"index\.rst:{number}: ERROR: (.*)", done.stderr)
        assert re.search(says, said) or re.search(says, done.stderr), done.stderr
    assert len(re.findall("ERROR", done.stderr)) == len(directives)


def test_a_page_is_built_anew_when_its_table_changes(site: Site) -> None:
    site.put(nested()[0])
    (site.folder / "index.rst").write_text(PAGE, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", ".", "out/html"]
    for table, title in ((nested()[0], "Beta"), (world.golden()[0], "Engine7")):
        site.put(table)
        subprocess.run(command, cwd=site.folder, check=True, timeout=100)
        assert title in (site.folder / "out" / "html" / "index.html").read_text(encoding="utf-8")
