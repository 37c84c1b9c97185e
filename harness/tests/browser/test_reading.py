"""Small windows, paper, the keyboard alone and no scripts: the report can be read all the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from reading import PHONE, Reader
from site_world import BACKENDS, KINDS, Site

Read = Callable[..., Reader]

#: The element that has the focus: what it is, whether it can be seen, and whether one sees that.
FOCUSED = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const inside = (x, y) => {
    const hit = document.elementFromPoint(x, y);
    return hit !== null && e.contains(hit);
  };
  const seen = [...e.getClientRects()].some((r) => {
    const xs = [0.1, 0.5, 0.9].map((f) => r.left + f * r.width);
    const ys = [0.1, 0.5, 0.9].map((f) => r.top + f * r.height);
    const top = Math.max(r.top, 0), bottom = Math.min(r.bottom, innerHeight);
    return [...ys, (top + bottom) / 2].some((y) => xs.some((x) => inside(x, y)));
  });
  const style = getComputedStyle(e);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  window.visited ??= new Set();
  const again = window.visited.has(e);
  window.visited.add(e);
  return {what: e.outerHTML.slice(0, 160), seen, ring, again};
}"""
#: What the keyboard has to reach: what is drawn and not switched off.
MISSED = """() => {
  const wanted = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  return [...document.querySelectorAll(wanted)]
    .filter((e) => !e.disabled && e.checkVisibility({visibilityProperty: true}))
    .filter((e) => !window.visited.has(e) && !(e.type === "radio" && !e.checked))
    .map((e) => e.outerHTML.slice(0, 160));
}"""
#: Texts and elements that reach out of the page to the right, outside of every region that scrolls.
SPILLING = """() => {
  const width = document.documentElement.clientWidth, found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const scrolls = (e) => {
    for (let p = e; p && p !== document.body; p = p.parentElement)
      if (getComputedStyle(p).overflowX !== "visible") return true;
    return false;
  };
  while (walker.nextNode()) {
    const text = walker.currentNode, range = document.createRange();
    range.selectNodeContents(text);
    const right = Math.max(0, ...[...range.getClientRects()].map((r) => r.right));
    if (right > width + 0.5 && !scrolls(text.parentElement))
      found.push(`${text.parentElement.tagName}: ${text.data.trim().slice(0, 60)}`);
  }
  for (const e of document.body.querySelectorAll("*"))
    if (e.getBoundingClientRect().right > width + 0.5 && !scrolls(e.parentElement))
      found.push(e.outerHTML.slice(0, 120));
  return found.slice(0, 5);
}"""


# ------------------------------------------------------------------------------ narrow windows


@pytest.mark.parametrize("width", [400, 320])
def test_no_page_scrolls_sideways_on_a_phone(read_file: Read, site: Site, width: int) -> None:
    reader = read_file(size=(width, 800))
    for page in site.pages if width == PHONE[0] else site.kinds().values():
        reader.open(page)
        wide = reader.page.evaluate(
            "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, f"{page}: {wide} pixels too wide: {reader.page.evaluate(SPILLING)}"


def test_a_wide_table_scrolls_in_its_own_region_by_keyboard(read_file: Read) -> None:
    reader = read_file(size=PHONE)
    region = reader.page.get_by_role("region").filter(has=reader.page.locator("#row-beta-reverse"))
    region = region.and_(reader.page.locator("[tabindex='0']")).last
    wide = region.evaluate("e => [e.scrollWidth, e.clientWidth]")
    assert wide[0] > wide[1]
    region.focus()
    for _ in range(3):
        reader.page.keyboard.press("ArrowRight")
    reader.page.wait_for_function("e => e.scrollLeft > 0", arg=region.element_handle())


# ------------------------------------------------------------------------------------ on paper


@pytest.mark.parametrize("kind", KINDS)
def test_paper_gets_everything_on_white_and_no_controls(
    read_file: Read, site: Site, kind: str
) -> None:
    reader = read_file(site.kinds()[kind], dark=True)
    reader.page.emulate_media(media="print", color_scheme="dark")
    cut = reader.page.evaluate(
        """() => [...document.querySelectorAll("[role=region]")].filter((e) => {
          const style = getComputedStyle(e);
          return style.overflowY !== "visible" || style.maxHeight !== "none";
        }).map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert cut == []
    closed = reader.page.evaluate(
        """() => [...document.querySelectorAll("details:not([open])")]
        .filter((e) => e.checkVisibility() && e.lastElementChild.getBoundingClientRect().height < 1)
        .map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert closed == []
    fixed = reader.page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter((e) => {
          const {position} = getComputedStyle(e);
          return position === "fixed" || (position === "sticky" && e.matches("thead, th, header"));
        }).length"""
    )
    assert fixed == 0
    colours = reader.page.evaluate(
        """() => [getComputedStyle(document.body).color,
          getComputedStyle(document.body).backgroundColor]"""
    )
    assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert _controls(reader) == []


# ---------------------------------------------------------------------------- the keyboard alone


@pytest.mark.parametrize("kind", KINDS)
def test_the_keyboard_reaches_everything_and_the_focus_is_seen(
    read_file: Read, site: Site, kind: str
) -> None:
    # backwards: what comes in at the upper and the left edge is what sticky heads would cover
    reader = read_file(site.kinds()[kind], size=(1280, 600))
    stops: list[dict[str, Any]] = []
    while len(stops) < 600:
        reader.page.keyboard.press("Shift+Tab")
        stop = reader.page.evaluate(FOCUSED)
        if stop is None or stop["again"]:
            break
        stops.append(stop)
    assert 4 < len(stops) < 600
    assert [s["what"] for s in stops if not s["seen"]] == []
    assert [s["what"] for s in stops if not s["ring"]] == []
    assert reader.page.evaluate(MISSED) == []


def test_the_first_stop_skips_to_the_content(read_file: Read, site: Site) -> None:
    reader = read_file()
    for page in site.kinds().values():
        reader.open(page)
        reader.page.keyboard.press("Tab")
        assert "skip" in reader.focused().inner_text().lower()
        target = reader.focused().get_attribute("href")
        reader.page.keyboard.press("Enter")
        reader.page.keyboard.press("Tab")
        inside = reader.focused().evaluate(
            "(e, to) => (document.querySelector(to).compareDocumentPosition(e) & 20) > 0", target
        )
        assert inside, f"{page}: after the skip link the focus is not behind {target}"


# ---------------------------------------------------------------------------------- no scripts


def _controls(reader: Reader) -> list[str]:
    """Controls that a reader sees and that do nothing without a script."""
    found = reader.page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea")]
        .filter((e) => !(e.closest("th") && matchMedia("print").matches))  // a head's own words
        .filter((e) => e.checkVisibility({visibilityProperty: true}))
        .map((e) => e.outerHTML.slice(0, 160))"""
    )
    assert isinstance(found, list)
    return found


def test_without_scripts_the_whole_table_and_all_notes_are_there(read_file: Read) -> None:
    plain, scripted = read_file(script=False), read_file()
    for reader in (plain, scripted):
        for row in BACKENDS:
            assert reader.page.locator(f"#row-{row}").is_visible()
    rows = "[id^='row-']"
    texts = [reader.page.locator(rows).all_inner_texts() for reader in (plain, scripted)]
    assert texts[0] == texts[1]
    notes = [reader.page.locator("[id^='fn-']") for reader in (plain, scripted)]
    assert notes[0].count() == notes[1].count() > 5
    assert all(note.is_visible() for note in notes[0].all())


@pytest.mark.parametrize("kind", KINDS)
def test_without_scripts_no_control_is_shown_that_does_nothing(
    read_file: Read, site: Site, kind: str
) -> None:
    reader = read_file(site.kinds()[kind], script=False)
    assert _controls(reader) == []


# ----------------------------------------------------------------------------------- footnotes


@pytest.mark.parametrize("page", ["index.html", "backends/beta-reverse.html"])
def test_a_footnote_leads_back_to_the_very_reference_that_led_to_it(read: Read, page: str) -> None:
    reader = read(page)
    references = reader.page.locator("[role=doc-noteref]")
    ids = [i for i in references.evaluate_all("all => all.map((e) => e.id)") if i]
    assert len(ids) > 5
    for anchor in [*ids[:3], ids[len(ids) // 2], ids[-1]]:
        reference = reader.page.locator(f"#{anchor}")
        note = str(reference.get_attribute("href"))
        reference.click()
        assert reader.place.endswith(note)
        assert _in_window(reader, note)
        back = reader.page.locator(f"{note} [role=doc-backlink][href='#{anchor}']")
        back.focus()
        reader.page.keyboard.press("Enter")
        assert reader.place.endswith(f"#{anchor}")
        assert _in_window(reader, f"#{anchor}")
        assert reader.focused().get_attribute("id") == anchor


def _in_window(reader: Reader, selector: str) -> bool:
    """Whether a part of the element is in the window, and nothing lies over it."""
    return bool(
        reader.page.locator(selector).evaluate(
            """(e) => [...e.getClientRects()].some((r) => {
              const x = r.left + Math.min(r.width / 2, 40), y = r.top + Math.min(r.height / 2, 12);
              const hit = document.elementFromPoint(x, y);
              return hit !== null && e.contains(hit);
            })"""
        )
    )


def test_a_backend_leads_back_to_its_row(read_file: Read) -> None:
    reader = read_file("backends/slow-reverse.html")
    reader.page.get_by_role("link", name="Its row in the table").first.click()
    assert reader.place == "index.html#row-slow-reverse"
    assert _in_window(reader, "#row-slow-reverse")


@pytest.mark.parametrize("kept", ["row-slow-reverse", "fn-3", "fnref-1-1"])
def test_a_deep_link_shows_its_place(read: Read, kept: str) -> None:
    reader = read(f"index.html#{kept}")
    assert _in_window(reader, f"#{kept}")
