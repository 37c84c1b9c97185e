"""The other forms of the table as parts of a report: all there, all compared, none outside."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import support_world as world

sys.path.insert(0, str(Path(__file__).parents[1]))
from test_history import CHANGING, LAST, PLAN

from gradtier.history import history
from gradtier.render import differing, site, write_site

FORMS = ["support.rst", "support.csv", "badges/a.json", "badges/on/cpu/b.json",
         "badges/class/II.json", "feed.atom"]  # fmt: skip
SHOWN = world.show(PLAN, world.evidence(PLAN), LAST)
PAST = history(PLAN, CHANGING, LAST)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_site(*SHOWN, tmp_path, history=PAST)
    return tmp_path


def test_a_report_has_every_form_and_a_feed_only_with_a_history(folder: Path) -> None:
    assert all((folder / name).is_file() for name in FORMS)
    assert "feed.atom" not in dict(site(*SHOWN)) and "feed.atom" in dict(site(*SHOWN, history=PAST))


@pytest.mark.parametrize("name", FORMS)
def test_an_edit_of_any_form_or_its_absence_is_a_difference(folder: Path, name: str) -> None:
    def said() -> list[str]:
        return differing(site(*SHOWN, history=PAST), folder)

    assert said() == []
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    assert said() == [f"{folder / name} is not what matrix and evidence give"]
    (folder / name).unlink()
    assert said() == [f"{folder / name} is missing"]


@pytest.mark.parametrize("name", ["badges/gone.json", "badges/on/tpu/a.json"])
def test_a_badge_of_a_row_that_is_gone_is_a_difference(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("{}")
    said = differing(site(*SHOWN, history=PAST), folder)
    assert said == [f"{folder / name} is no part of this report"]


def test_a_feed_that_is_left_over_is_a_difference(folder: Path) -> None:
    said = differing(site(*SHOWN), folder)
    assert f"{folder / 'feed.atom'} is no part of this report" in said


def test_the_overview_names_the_forms_and_offers_the_feed_to_readers() -> None:
    for given, has_feed in ((None, False), (PAST, True)):
        page = dict(site(*SHOWN, history=given))["index.html"]()
        assert 'href="support.rst"' in page and 'href="support.csv"' in page
        assert ('<link rel="alternate" type="application/atom+xml"' in page) is has_feed
