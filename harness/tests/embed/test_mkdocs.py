"""The plugin in a small real site: table, footnotes both ways, clear errors, text stays text."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import support_world as world
from test_html import HOSTILE, Page, hostile, nested

from gradtier.render import json
from gradtier.table import SupportTable

pytest.importorskip("mkdocs")

from mkdocs.exceptions import PluginError

from gradtier.embed.mkdocs import replaced

ROOT = Path(__file__).parents[3]
CONFIG = """
site_name: A site
theme: {name: null, custom_dir: theme}
plugins: [gradtier]
"""
PAGE = """# Support

Mine[^own].

<!-- gradtier: support.json -->

Text after it.

[^own]: my own note
"""


def entry_points(folder: Path) -> Path:
    """The entry points of ``pyproject.toml`` as an installation has them, whatever is installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = folder / "declared-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: declared\nVersion: 1\n")
    declared = project["entry-points"]["mkdocs.plugins"]
    lines = [f"{name} = {target}\n" for name, target in declared.items()]
    (info / "entry_points.txt").write_text("[mkdocs.plugins]\n" + "".join(lines))
    return folder


class Site:
    """A folder with a MkDocs project; its theme is the content alone."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.docs = folder, folder / "docs"
        (folder / "theme").mkdir()
        (folder / "theme" / "main.html").write_text("<main>{{ page.content }}</main>")
        self.docs.mkdir()
        (folder / "mkdocs.yml").write_text(CONFIG, encoding="utf-8")
        self.plugins = entry_points(folder / "installed")

    def put(self, table: SupportTable, name: str = "support.json") -> None:
        (self.docs / name).write_text(json.render(table), encoding="utf-8")

    def build(self, text: str, page: str = "index.md") -> subprocess.CompletedProcess[str]:
        (self.docs / page).write_text(text, encoding="utf-8")
        path = os.pathsep.join([str(self.plugins), *filter(None, sys.path)])
        return subprocess.run(
            [sys.executable, "-m", "mkdocs", "build", "--strict", "-q"], cwd=self.folder,
            env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=100,
            check=False,
        )  # fmt: skip

    def page(self, text: str) -> Page:
        done = self.build(text)
        assert done.returncode == 0, done.stdout + done.stderr
        text = (self.folder / "site" / "index.html").read_text(encoding="utf-8")
        return Page(text.replace(" />", ">"))  # as XHTML has it


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_the_table_is_there_with_legend_and_footnotes_both_ways(site: Site) -> None:
    table = nested()[0]
    site.put(table)
    found = site.page(PAGE)
    assert not found.faults and len(found.all("table")) == 1
    assert len(found.all("tr")) == len(table.rows) + 1
    assert len(found.all("th")) == len(table.columns)
    for row in table.rows:
        assert row.title in found.text and row.cells[0].text in found.text
    for entry in table.legend:
        assert entry.meaning in found.text
    assert "judged on 2026-03-01." in found.text and "Text after it." in found.text
    notes = {a["id"] for a in found.all("li") if a.get("id", "").startswith("fn:")}
    assert len(notes) == len(table.footnotes) + 1  # and the page's own
    refs = found.all("a", **{"class": "footnote-ref"})
    assert {a["href"][1:] for a in refs} == notes
    anchors = {a["id"] for a in found.all("sup") if "id" in a}
    backs = {a["href"][1:] for a in found.all("a", **{"class": "footnote-backref"})}
    assert anchors == backs and len(refs) == len(anchors)
    for note in table.footnotes:
        assert " ".join(note.text.split()) in found.text


def test_two_footnotes_beside_each_other_do_not_read_as_one_number(site: Site) -> None:
    site.put(nested()[0])
    site.page(PAGE)
    text = (site.folder / "site" / "index.html").read_text(encoding="utf-8")
    assert "</sup> <sup" in text and "</sup><sup" not in text


def test_options_choose_rows_and_columns_and_two_tables_share_a_page(site: Site) -> None:
    site.put(nested()[0])
    (site.docs / "below").mkdir()
    site.put(world.golden()[0], "below/other.json")
    found = site.page(
        "<!-- gradtier: support.json mode=reverse columns=first-cpu,class no-legend -->\n\n"
        "<!-- gradtier: /below/other.json package=pack1 -->\n"
    )
    assert len(found.all("table")) == 2
    assert "Beta" not in found.text and "Engine2" in found.text and "Engine4" not in found.text
    assert found.text.count("every measured trial agrees") == 1
    ids = [a["id"] for _, a in found.elements if "id" in a]
    assert len(ids) == len(set(ids))


def test_a_marker_within_code_is_left_alone(site: Site) -> None:
    site.put(nested()[0])
    found = site.page(
        "Write:\n\n```html\n<!-- gradtier: support.json -->\n```\n\n~~~~\n```\n"
        "<!-- gradtier: gone.json -->\n~~~\n~~~~\n"
    )
    assert not found.all("table")
    assert "<!-- gradtier: support.json -->" in found.text
    assert "<!-- gradtier: gone.json -->" in found.text


def test_texts_of_strangers_stay_text(site: Site) -> None:
    attacks = [*HOSTILE, "*a* _b_ `c` [d](e) ![f](g)", "a|b", "a\\", "[^1]", "~~x~~ :x: {: .y}"]
    text = " ; ".join(attacks)
    tags = []
    for words in ("harmless", text):
        site.put(hostile(words, "https://example.org/x_y*z")[0])
        found = site.page("<!-- gradtier: support.json -->\n")
        tags.append([(tag, sorted(a)) for tag, a in found.elements])
        assert not found.faults
    assert tags[0] == tags[1]
    assert "<script>alert(1)</script>" in found.text and "*a* _b_ `c` [d](e)" in found.text


def test_a_link_that_is_none_is_not_made_one(site: Site) -> None:
    table = world.golden()[0]
    rows = tuple(r.model_copy(update={"link": "javascript:alert(1)"}) for r in table.rows)
    site.put(table.model_copy(update={"rows": rows}))
    found = site.page("<!-- gradtier: support.json -->\n")
    assert not [a for a in found.all("a") if "javascript" in a.get("href", "")]


@pytest.mark.parametrize(
    ("marker", "says"),
    [
        ("<!-- gradtier: gone.json -->", "gone.json: can't be read: No such file"),
        ("<!-- gradtier: index.md -->", "index.md: is no JSON"),
        ("<!-- gradtier: other.json -->", "other.json: found schema 'x'; expected"),
        ("<!-- gradtier: support.json device=cdua -->", "did you mean 'cuda'"),
    ],
)
def test_what_cannot_be_shown_is_one_error_with_file_and_line(
    tmp_path: Path, marker: str, says: str
) -> None:
    (tmp_path / "support.json").write_text(json.render(nested()[0]), encoding="utf-8")
    (tmp_path / "other.json").write_text('{"schema": "x"}', encoding="utf-8")
    (tmp_path / "index.md").write_text(marker, encoding="utf-8")
    with pytest.raises(PluginError) as caught:
        replaced(f"# Support\n\n{marker}\n", tmp_path, tmp_path, "index.md", 2)
    assert str(caught.value).startswith("index.md:5: gradtier: ") and says in str(caught.value)


def test_an_error_stops_the_build_and_counts_the_lines_of_the_front_matter(site: Site) -> None:
    marker = "<!-- gradtier: gone.json -->"
    done = site.build(f"---\ntitle: With front matter\n---\n\n# Support\n\n{marker}\n")
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "Traceback" not in said
    assert said.count("index.md:7: gradtier: gone.json: can't be read: No such file") == 1, said


@pytest.mark.parametrize(
    "marker",
    [
        "<!-- gradtier support.json -->", "<!-- gradtier: -->", "<!-- gradtier: a.json",
        "<!--gradtier: 'a.json -->", "<!-- gradtier: device=cpu -->",
        "<!-- gradtier: a.json --> and more",
    ],
)  # fmt: skip
def test_a_marker_that_is_misspelt_is_not_shown_as_a_comment(tmp_path: Path, marker: str) -> None:
    with pytest.raises(PluginError, match=r"page\.md:2: gradtier: expected a marker like"):
        replaced(f"\n{marker}\n", tmp_path, tmp_path, "page.md")


def test_a_text_without_a_marker_stays_as_it_was(tmp_path: Path) -> None:
    text = "# gradtier\n\nabout `<!-- gradtier: x -->` and <!-- gradtiers --> \r\n\n"
    assert replaced(text, tmp_path, tmp_path, "page.md") == text
