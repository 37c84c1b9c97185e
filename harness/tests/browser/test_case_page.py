"""The page of a case: commands are copied; trials that agree come on demand, filtered, sorted."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from reading import Reader, barriers
from site_world import HOSTILE_CASE, Site

from gradtier.host import NOWHERE
from gradtier.render.trials import command
from gradtier.running import open_matrix

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Read = Callable[..., Reader]
CASE, KINK = "cases/nn/logs.html", "cases/array/absolute.html"


def rows(reader: Reader, part: str) -> list[str]:
    """The backends of the trials that are listed, from top to bottom."""
    table = reader.page.locator(f"table[data-part={part}]")
    return table.locator("tbody tr:visible th").all_inner_texts()


def bring(reader: Reader) -> None:
    """Ask for the trials that agree."""
    reader.page.get_by_role("button", name="that agree").click()
    reader.page.locator("table[data-part=agree] tbody tr").first.wait_for()


# ------------------------------------------------------------------------------------- copying


def test_a_copied_command_is_the_one_that_stands_there(
    browser: Browser, address: str, site: Site
) -> None:
    reader = Reader(browser, address, permissions=["clipboard-read", "clipboard-write"])
    reader.open(site.kinds()["cases"])  # of a case whose name is markup
    buttons = reader.page.get_by_role("button", name="Copy")
    assert buttons.count() >= 1
    buttons.first.click()
    reader.page.get_by_text("Copied").first.wait_for()
    copied = reader.page.evaluate("navigator.clipboard.readText()")
    words = shlex.split(copied)
    assert words[:2] == ["gradtier", "run"] and f"nn/{HOSTILE_CASE}" in words
    assert copied in reader.page.locator("code.copy").all_inner_texts()
    assert reader.close() == []


def test_where_there_is_no_clipboard_the_command_is_selected(
    browser: Browser, address: str
) -> None:
    reader = Reader(browser, address)
    reader.context.add_init_script(
        "Object.defineProperty(navigator, 'clipboard', {value: undefined});"
        "document.execCommand = () => false"
    )
    reader.open(CASE)
    reader.page.get_by_role("button", name="Copy").first.click()
    selected = reader.page.evaluate("getSelection().toString()")
    assert selected in reader.page.locator("code.copy").all_inner_texts()
    assert reader.close() == []


# ------------------------------------------------------------------------- trials on demand


def test_trials_that_agree_come_when_asked_for_and_stay_in_the_address(read: Read) -> None:
    reader = read(CASE)
    assert reader.page.locator("table[data-part=agree]").count() == 0
    bring(reader)
    assert "Alpha" in rows(reader, "agree")
    assert reader.focused().get_attribute("role") == "region"
    other = read(reader.place)
    other.page.locator("table[data-part=agree] tbody tr").first.wait_for()
    assert rows(other, "agree") == rows(reader, "agree")


def test_hostile_texts_from_the_data_file_stay_text(read_file: Read, site: Site) -> None:
    reader = read_file(site.kinds()["cases"] + "#trials=all")
    reader.page.locator("table[data-part=agree] tbody tr").first.wait_for()
    assert reader.page.locator("main img, main script").count() == 0
    # and the commands that the script makes are those that this program would print
    opened = open_matrix(site.source / "matrix.yaml", NOWHERE)
    right = {command(t.id) for t in opened.plan.trials if t.id.case == HOSTILE_CASE}
    shown = reader.page.locator("table[data-part] details > code.copy").all_text_contents()
    made = [words for words in shown if words.startswith("gradtier run")]
    assert len(made) > 10 and set(made) <= right


@pytest.mark.parametrize("size", [(1280, 900), (400, 800)])
def test_axe_finds_no_barrier_once_all_trials_are_there(
    read_file: Read, size: tuple[int, int]
) -> None:
    reader = read_file(f"{KINK}#trials=all", size=size)
    reader.page.locator("table[data-part=agree] tbody tr").first.wait_for()
    found = barriers(reader)
    assert not found, "\n".join(found)
    assert reader.page.evaluate("document.scrollingElement.scrollWidth") <= size[0]


def test_data_that_does_not_come_is_said_and_can_be_asked_for_again(
    browser: Browser, address: str
) -> None:
    reader = Reader(browser, address)
    reader.open(CASE)
    reader.page.route("**/*.js", lambda route: route.abort())
    reader.page.get_by_role("button", name="that agree").click()
    again = reader.page.get_by_role("button", name="try again")
    again.wait_for()
    assert len(reader.faults) > 0
    reader.faults.clear()  # what was refused on purpose
    reader.page.unroute("**/*.js")
    again.click()
    reader.page.locator("table[data-part=agree] tbody tr").first.wait_for()
    assert reader.close() == []


# ----------------------------------------------------------------------------- filters, sorting


def test_a_filter_is_in_the_address_and_works_on_what_is_there(read_file: Read) -> None:
    reader = read_file(CASE)
    bring(reader)
    group = reader.page.get_by_role("group", name="Trials to show")
    group.get_by_label("Mode").select_option("forward")
    listed = rows(reader, "agree")
    assert listed and set(listed) <= {"Alpha", "Beta"}
    assert "mode=forward" in reader.place and "trials=all" in reader.place
    said = group.get_by_role("status").inner_text()
    assert said.startswith(f"{len(listed) + len(rows(reader, 'differ'))} of")
    group.get_by_role("searchbox").fill("BET")
    assert set(rows(reader, "agree")) == {"Beta"}
    other = read_file(reader.place)
    other.page.locator("table[data-part=agree] tbody tr").first.wait_for()
    assert rows(other, "agree") == rows(reader, "agree")
    assert other.page.get_by_role("searchbox").input_value() == "BET"


def test_the_trials_sort_by_a_head_which_says_so(read_file: Read) -> None:
    reader = read_file(CASE)
    bring(reader)
    table = reader.page.locator("table[data-part=agree]")
    column = table.get_by_role("columnheader", name="Backend")
    for way in ("ascending", "descending"):
        column.get_by_role("button").click()
        assert column.get_attribute("aria-sort") == way
        names = [name.lower() for name in rows(reader, "agree")]
        assert names == sorted(names, reverse=way == "descending")
    column.get_by_role("button").click()
    assert column.get_attribute("aria-sort") is None
