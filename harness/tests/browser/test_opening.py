"""Every kind of page opens, from a file and from a server, in peace, and has no barrier."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from reading import DESK, PHONE, Reader, barriers
from site_world import IMAGE, KINDS, Site

Read = Callable[..., Reader]


def test_every_kind_of_page_is_in_the_list(site: Site) -> None:
    assert set(site.kinds()) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_opens_without_error_or_request_elsewhere(read: Read, site: Site, kind: str) -> None:
    reader = read(site.kinds()[kind])
    assert reader.page.locator("h1").count() == 1
    assert reader.page.locator("main").count() == 1
    # the reader's faults are looked at when the window closes
    assert reader.requests


def test_a_fault_on_a_page_is_noticed(read: Read, site: Site) -> None:
    """The listeners can hear: without this, silence would prove nothing."""
    reader = read()
    for script in (
        "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))",
        "fetch('https://example.org/').catch(() => 0)",
        "setTimeout(() => { throw new Error('thrown') })",
        "alert('hello')",
        "window.pwned = 1",
    ):
        reader.page.evaluate(script)
    reader.page.wait_for_timeout(200)
    told = "\n".join(reader.faults)
    for words in (
        "policy: script-src",
        "connect-src",
        "script: thrown",
        "dialog: hello",
        "was run",
    ):
        assert words in told
    reader.faults.clear()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "dark"), [(DESK, False), (PHONE, True)], ids=["desk", "phone"])
def test_axe_finds_no_barrier(
    read_file: Read, site: Site, kind: str, size: tuple[int, int], dark: bool
) -> None:
    reader = read_file(site.kinds()[kind], size=size, dark=dark)
    reader.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    found = barriers(reader)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_pages_are_as_light_or_dark_as_is_asked(read_file: Read, dark: bool) -> None:
    back = read_file(dark=dark).page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(json.loads(back.replace("rgb(", "[").replace(")", "]"))) / 3
    assert light < 60 if dark else light > 200


#: What only a text that was taken for markup would bring into a page.
STRANGE = """() => {
  const own = (e) => /^(\\.\\.\\/)*[a-z]+\\.js$/.test(e.getAttribute("src"));
  const all = [...document.querySelectorAll("*")];
  const elements = [...document.querySelectorAll("script, img, iframe, object, embed, base, form")]
    .filter((e) => !(e.tagName === "SCRIPT" && own(e)));
  const handlers = all.filter((e) => e.getAttributeNames().some((n) => /^on|^style$/.test(n)));
  const links = [...document.querySelectorAll("[href]")]
    .filter((e) => !/^(https?|file|data:,$)/.test(new URL(e.getAttribute("href"), document.URL)));
  return [...elements, ...handlers, ...links].map((e) => e.outerHTML.slice(0, 160));
}"""


def test_texts_from_strangers_are_text(read_file: Read, site: Site) -> None:
    reader = read_file()
    assert reader.page.get_by_text(IMAGE).count() > 2
    for page in site.pages:
        reader.open(page)
        assert reader.page.evaluate(STRANGE) == [], page
