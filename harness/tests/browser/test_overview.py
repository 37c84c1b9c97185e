"""The support table: rows filtered, searched and sorted, and all of it in the address."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest
from reading import Reader
from site_world import BACKENDS, BREAKOUT, CONTROL, DAY, IMAGE, LINK, SCRIPT, TODAY

Read = Callable[..., Reader]
REVERSE = [row for row, block in BACKENDS.items() if block["mode"] == "reverse"]
FORWARD = [row for row, block in BACKENDS.items() if block["mode"] == "forward"]


def shown(reader: Reader) -> list[str]:
    """The rows that a reader sees, from top to bottom."""
    found = reader.page.evaluate(
        """() => [...document.querySelectorAll("tr[id^='row-']")]
        .filter((e) => e.checkVisibility({visibilityProperty: true})).map((e) => e.id.slice(4))"""
    )
    assert isinstance(found, list)
    return found


def choose(reader: Reader, name: str, words: str) -> None:
    reader.page.get_by_role("search").get_by_label(name).select_option(words)


def chosen(reader: Reader, name: str) -> str:
    return reader.page.get_by_role("search").get_by_label(name).input_value()


def head(reader: Reader, words: str) -> str:
    """How the column with that title is sorted, by its own word."""
    return reader.page.get_by_role("columnheader", name=words).get_attribute("aria-sort") or ""


def sort(reader: Reader, words: str) -> None:
    reader.page.get_by_role("columnheader", name=words).get_by_role("button").click()


# --------------------------------------------------------------------------- filters and search


def test_a_filter_leaves_its_rows_and_says_how_many(read: Read) -> None:
    reader = read()
    assert shown(reader) == list(BACKENDS)
    choose(reader, "Mode", "reverse")
    assert shown(reader) == REVERSE
    said = reader.page.get_by_role("status").first.inner_text()
    assert f"{len(REVERSE)} of {len(BACKENDS)}" in said
    choose(reader, "Package", "beta")
    assert shown(reader) == ["beta-reverse"]
    choose(reader, "Mode", "")
    assert shown(reader) == ["beta-reverse", "beta-forward"]
    reader.page.get_by_role("button", name="Clear", exact=True).click()
    assert shown(reader) == list(BACKENDS)
    assert "#" not in reader.place


def test_a_filter_by_class_kind_and_device_counts_what_the_table_says(read_file: Read) -> None:
    reader = read_file()
    choose(reader, "AD kind", "dual numbers")
    assert shown(reader) == ["alpha-forward", "beta-forward"]
    choose(reader, "AD kind", "")
    choose(reader, "Device", "cuda")
    assert shown(reader) == [row for row, b in BACKENDS.items() if "cuda" in b["devices"]]
    assert not reader.page.locator("tr[id^='row-'] [data-device=cpu]").first.is_visible()
    choose(reader, "Device", "")
    for title in reader.page.get_by_label("Class").locator("option").all_inner_texts()[1:]:
        reader.page.get_by_role("search").get_by_label("Class").select_option(label=title)
        cells = reader.page.locator("tr[id^='row-']:visible .badge").all_inner_texts()
        assert cells and set(cells) == {title}


def test_packages_without_a_row_left_are_not_shown_by_name(read_file: Read) -> None:
    reader = read_file()
    choose(reader, "Mode", "forward")
    names = reader.page.locator("table.support tr:visible .name").all_inner_texts()
    assert names == ["alpha", "beta", "idle"]


SEARCHES = {
    "gam": ["gamma-reverse"],
    "DUAL forward": ["alpha-forward", "beta-forward"],
    "evil <img": ["evil-reverse"],
    "  ": list(BACKENDS),
    "[.*(": [],
    "no such thing": [],
}


def test_the_search_finds_words_and_not_patterns(read_file: Read) -> None:
    reader = read_file()
    field = reader.page.get_by_role("searchbox")
    for words, rows in SEARCHES.items():
        field.fill(words)
        assert shown(reader) == rows, words
        assert reader.page.get_by_text("No backend matches").is_visible() == (not rows)
    reader.page.get_by_role("button", name="Clear filters and search").click()
    assert shown(reader) == list(BACKENDS)
    assert field.evaluate("e => e === document.activeElement")


def test_a_hostile_search_stays_text_in_the_field_and_the_address(read_file: Read) -> None:
    reader, other = read_file(), read_file()
    for words in (IMAGE, SCRIPT, BREAKOUT, CONTROL, LINK):
        reader.page.get_by_role("searchbox").fill(words)
        address = reader.place
        assert "q=" in address
        other.anew(address)
        assert other.place == address
        assert shown(other) == shown(reader)


# ------------------------------------------------------------------------------ in the address


def test_a_view_is_in_the_address_and_a_link_to_it_shows_the_same(read: Read) -> None:
    reader = read()
    choose(reader, "Mode", "reverse")
    reader.page.get_by_role("searchbox").fill("tape")
    sort(reader, "Class")
    assert "mode=reverse" in reader.place
    other = read(reader.place)
    assert shown(other) == shown(reader) != list(BACKENDS)
    assert chosen(other, "Mode") == "reverse"
    assert other.page.get_by_role("searchbox").input_value() == "tape"
    assert head(other, "Class") == head(reader, "Class") != ""


def test_the_way_back_from_a_backend_leads_to_the_view_that_was_left(read: Read) -> None:
    reader = read()
    choose(reader, "Mode", "forward")
    address = reader.place
    reader.page.locator("#row-beta-forward").get_by_role("link").first.click()
    reader.page.wait_for_url("**/backends/beta-forward.html*")
    reader.page.go_back()
    assert reader.place == address
    assert shown(reader) == FORWARD and chosen(reader, "Mode") == "forward"


def test_an_address_that_is_changed_by_hand_changes_the_view(read_file: Read) -> None:
    reader = read_file("index.html#mode=forward")
    assert shown(reader) == FORWARD
    reader.page.evaluate("location.hash = '#package=alpha'")
    assert shown(reader) == ["alpha-reverse", "alpha-forward"]
    assert chosen(reader, "Mode") == "" and chosen(reader, "Package") == "alpha"
    reader.page.go_back()
    assert shown(reader) == FORWARD and chosen(reader, "Mode") == "forward"


WRONG = (
    "mode=sideways", "gone=1", "sort=gone", "sort=-", "%E0%A4%A", "row-gone", "=",
    "mode=%3Cimg%20src=x%20onerror=alert(1)%3E", "__proto__=1", "constructor=x", "']=",
)  # fmt: skip


def test_a_wrong_address_shows_the_whole_table(read_file: Read) -> None:
    reader = read_file()
    for fragment in WRONG:
        reader.anew(f"index.html#{fragment}")
        assert shown(reader) == list(BACKENDS), fragment


# ---------------------------------------------------------------------------------- sorting


def test_a_click_on_a_head_sorts_turns_around_and_gives_back_the_order(read_file: Read) -> None:
    reader = read_file()
    sort(reader, "Backend")
    one = head(reader, "Backend")
    titles = [str(BACKENDS[row]["title"]).lower() for row in shown(reader)]
    assert titles == sorted(titles) and one == "ascending"
    sort(reader, "Backend")
    titles = [str(BACKENDS[row]["title"]).lower() for row in shown(reader)]
    assert titles == sorted(titles, reverse=True) and head(reader, "Backend") == "descending"
    sort(reader, "Backend")
    assert shown(reader) == list(BACKENDS) and head(reader, "Backend") == ""


def test_sorted_by_class_the_best_is_first_and_only_one_head_says_so(read_file: Read) -> None:
    reader = read_file()
    sort(reader, "Class")
    badges = reader.page.locator("tr[id^='row-']:visible .badge").all_inner_texts()
    order = ["Tier I", "Tier II", "Tier III"]
    ranks = [order.index(b) if b in order else len(order) for b in badges]
    assert ranks == sorted(ranks) and len(set(ranks)) > 2
    sort(reader, "Mode")
    assert reader.page.locator("[aria-sort]").count() == 1 and head(reader, "Mode")


def test_what_has_no_evidence_is_last_whichever_way_one_sorts(read_file: Read) -> None:
    reader = read_file()
    column = reader.page.locator("th[data-sort='first-cpu'] button")
    for _ in range(2):
        column.click()
        assert shown(reader)[-1] == "idle-forward"


def test_a_head_is_sorted_by_keyboard_and_keeps_the_focus(read_file: Read) -> None:
    reader = read_file()
    button = reader.page.get_by_role("columnheader", name="Backend").get_by_role("button")
    button.focus()
    reader.page.keyboard.press("Enter")
    assert head(reader, "Backend") == "ascending"
    assert button.evaluate("e => e === document.activeElement")


# --------------------------------------------------------------------------------- deep links


def test_a_link_to_a_row_that_a_filter_hides_shows_it(read: Read) -> None:
    reader = read("index.html#mode=forward")
    reader.page.evaluate("location.hash = '#row-gamma-reverse'")
    row = reader.page.locator("#row-gamma-reverse")
    row.wait_for(state="visible")
    assert set(FORWARD) <= set(shown(reader))
    box = row.bounding_box()
    assert box is not None and 0 <= box["y"] < 900


def test_a_footnote_leads_back_to_a_reference_that_a_filter_hides(read_file: Read) -> None:
    reader = read_file("index.html#mode=forward")
    hidden = reader.page.locator("#row-beta-reverse [role=doc-noteref]").first
    anchor = hidden.get_attribute("id")
    assert not hidden.is_visible()
    reader.page.locator(f"[role=doc-backlink][href='#{anchor}']").click()
    hidden.wait_for(state="visible")


# ------------------------------------------------------------------------------------- its age


@pytest.mark.parametrize(("days", "old"), [(0, False), (1, False), (59, False), (200, True)])
def test_the_age_is_that_on_the_day_of_reading(read_file: Read, days: int, old: bool) -> None:
    measured = datetime.date.fromisoformat(DAY)
    now = datetime.datetime.combine(measured, datetime.time(12), datetime.UTC)
    reader = read_file(now=now + datetime.timedelta(days=days))
    words = {0: "(today)", 1: "(1 day ago)"}.get(days, f"({days} days ago)")
    summary = reader.page.locator("header").inner_text()
    assert f"{DAY} {words}" in summary
    warning = reader.page.get_by_text("evidence is old")
    assert warning.count() == int(old)  # the policy calls it stale after 60 days
    assert f"Judged on {TODAY}" in reader.page.get_by_role("contentinfo").inner_text()


def test_a_clock_that_is_wrong_makes_no_age(read_file: Read) -> None:
    reader = read_file(now=datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC))
    assert "ago" not in reader.page.locator("header").inner_text()
