"""Tests of the feed: valid Atom, with ids that stay, and nothing in it is markup."""

from __future__ import annotations

import datetime
import sys
import uuid
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import support_world as world
from test_html import HOSTILE

sys.path.insert(0, str(Path(__file__).parents[1]))
from test_history import CHANGING, DAYS, LAST, PLAN

from gradtier.history import History, Transition, history
from gradtier.render import feed
from gradtier.table import SupportTable

ATOM = "{http://www.w3.org/2005/Atom}"
TABLE = world.show(PLAN, world.NO_EVIDENCE, LAST)[0]


def past(today: datetime.date = LAST) -> History:
    return history(PLAN, CHANGING, today)


def read(found: History, table: SupportTable = TABLE, site: str | None = None) -> ET.Element:
    """The feed, with all that RFC 4287 asks of one."""
    text = feed.render(table, found, site)
    assert text == feed.render(table, found, site) and text.endswith("</feed>\n")
    root = ET.fromstring(text)
    assert root.tag == f"{ATOM}feed"
    for element in (root, *root.findall(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            (one,) = element.findall(ATOM + name)
            assert one.text and one.text.strip()
        assert uuid.UUID(element.findtext(f"{ATOM}id"))
        assert str(element.findtext(f"{ATOM}id")).startswith("urn:uuid:")
        time = datetime.datetime.fromisoformat(str(element.findtext(f"{ATOM}updated")))
        assert time.tzinfo is not None
        rels = [(a.get("rel"), a.get("type")) for a in element.findall(f"{ATOM}link")]
        assert len(rels) == len(set(rels)) and rels[0][0] == "alternate"
    assert root.findtext(f"{ATOM}author/{ATOM}name")
    ids = [e.text for e in root.iter(f"{ATOM}id")]
    assert len(ids) == len(set(ids))
    return root


def entries(root: ET.Element) -> list[tuple[str, str]]:
    return [
        (str(e.findtext(f"{ATOM}updated"))[:10], str(e.findtext(f"{ATOM}title")))
        for e in root.findall(f"{ATOM}entry")
    ]


def ids(root: ET.Element) -> list[str]:
    return [str(e.findtext(f"{ATOM}id")) for e in root.findall(f"{ATOM}entry")]


def test_every_change_is_an_entry_the_newest_first() -> None:
    assert entries(read(past())) == [
        ("2026-01-20", "Beta, reverse: Tier I to Tier III"),
        ("2026-01-09", "Alpha, reverse: Tier III to Tier I"),
        ("2026-01-05", "Beta, reverse: Tier I, measured first"),
        ("2026-01-01", "Alpha, reverse: Tier III, measured first"),
    ]


def test_an_entry_says_the_versions_and_what_flipped() -> None:
    said = str(read(past()).findall(f"{ATOM}entry")[1].findtext(f"{ATOM}summary"))
    assert "3 of 3 measured trials agree." in said and "Measured with alpha 2.0." in said
    assert "Because: Tier I, agreement: fails -> holds" in said


def test_later_changes_leave_the_ids_of_earlier_ones_as_they_were() -> None:
    early, late = ids(read(past(DAYS[2]))), ids(read(past()))
    assert len(late) == len(early) + 1 and late[-len(early) :] == early


def test_a_new_backend_or_address_makes_no_old_change_new() -> None:
    more = world.declaration(
        {"a": world.backend(), "b": world.backend("Beta"), "c": world.backend("Gamma")}
    )
    other = history(world.plan(more, "nn/dense", "nn/norm", "nn/third"), CHANGING, LAST)
    assert ids(read(other)) == ids(read(past())) == ids(read(past(), site="https://example.org/a"))


def test_the_feed_is_updated_when_a_class_changes_and_not_when_it_is_built() -> None:
    for today in (LAST, datetime.date(2027, 1, 1)):
        assert read(past(today)).findtext(f"{ATOM}updated") == "2026-01-20T00:00:00Z"


def test_a_feed_without_changes_is_one_all_the_same() -> None:
    root = read(history(PLAN, {}, LAST))
    assert not root.findall(f"{ATOM}entry")
    assert root.findtext(f"{ATOM}updated") == "2026-02-01T00:00:00Z"


def test_links_are_whole_where_the_declaration_names_an_address() -> None:
    root = read(past(), site="https://example.org/support")
    hrefs = {a.get("rel"): a.get("href") for a in root.findall(f"{ATOM}link")}
    assert hrefs == {
        "alternate": "https://example.org/support/history.html",
        "self": "https://example.org/support/feed.atom",
    }
    bare = read(past(), site="javascript:alert(1)")
    assert [a.get("href") for a in bare.findall(f"{ATOM}link")] == ["history.html"]


def test_an_entry_leads_to_the_page_of_its_backend() -> None:
    text = feed.render(TABLE, past(), "https://example.org", {"b": "backends/b.html"})
    root = ET.fromstring(text)
    hrefs = [e.find(f"{ATOM}link") for e in root.findall(f"{ATOM}entry")]
    assert [a.get("href") for a in hrefs if a is not None][:2] == [
        "https://example.org/backends/b.html", "https://example.org/history.html",
    ]  # fmt: skip


def test_a_long_history_keeps_its_newest_entries() -> None:
    found = past()
    one = found.backends[0].transitions[0]
    days = [DAYS[0] + datetime.timedelta(i) for i in range(feed.MOST_ENTRIES + 5)]
    many = tuple(one.model_copy(update={"date": day}) for day in days)
    backend = found.backends[0].model_copy(update={"transitions": many})
    shown = entries(read(found.model_copy(update={"backends": (backend,)})))
    assert len(shown) == feed.MOST_ENTRIES and shown[0][0] == days[-1].isoformat()


@pytest.mark.parametrize("text", [*HOSTILE, "]]>", "&amp;", "\x00\x0b\ufffe\ud800x"])
def test_texts_of_strangers_stay_text(text: str) -> None:
    found = past()

    def strange(t: Transition) -> Transition:
        new = t.new.model_copy(update={"title": text, "remark": text})
        because = tuple(f.model_copy(update={"new_says": text}) for f in t.because)
        changes = {"new": new, "because": because, "versions": {text: (text,)}}
        return t.model_copy(update=changes)

    backends = tuple(
        b.model_copy(update={"title": text, "transitions": tuple(map(strange, b.transitions))})
        for b in found.backends
    )
    table = TABLE.model_copy(update={"title": f"x{text}", "about": text})
    root = read(found.model_copy(update={"backends": backends}), table)
    known = {"feed", "id", "title", "subtitle", "updated", "author", "name", "generator", "link",
             "entry", "summary"}  # fmt: skip
    assert {e.tag.removeprefix(ATOM) for e in root.iter()} <= known


def test_the_changes_of_a_day_are_in_the_order_of_the_rows() -> None:
    found = past()
    day = found.backends[0].transitions[:1]
    backends = tuple(b.model_copy(update={"transitions": day}) for b in found.backends)
    shown = entries(read(found.model_copy(update={"backends": backends})))
    assert [title.split(",")[0] for _, title in shown] == ["Alpha", "Beta"]
