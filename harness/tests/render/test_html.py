"""Tests of the page: well-formed, closed to strangers' markup, every link with its target."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from importlib import resources

import pytest
import support_world as world

from gradtier.model import Outcome, Reason, TrialId
from gradtier.render import html
from gradtier.table import State

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Elements, ids and links of a page; open elements must be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.faults: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is not closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        repeated = [k for k, n in Counter(k for k, _ in attrs).items() if n > 1]
        self.faults += [f"{tag} has {k} twice" for k in repeated]
        self.elements.append((tag, {k: v or "" for k, v in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> out of order at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        named = [attrs for name, attrs in self.elements if name == tag]
        return [a for a in named if all(a.get(k) == v for k, v in wanted.items())]


def page(shown: world.Shown) -> Page:
    return Page(html.render(*shown))


def nested() -> world.Shown:
    """Second order on two devices, one without evidence, and a claim that no longer holds."""
    axes = {"devices": ["cpu", "cuda"], "nesting": ["none", "forward", "reverse"],
            "dtypes": ["float64"]}  # fmt: skip
    backends = {
        "a": world.backend(devices=["cpu", "cuda"]),
        "b": world.backend("Beta", mode="forward", link="https://example.org/beta"),
    }
    claims = [{"match": {"case": "norm"}, "outcome": "raised", "because": "bug 7",
               "link": "https://example.org/7"}]  # fmt: skip
    made = world.plan(
        world.declaration(backends, axes=axes, claims=claims), absent={"cuda": world.NO_CARD}
    )

    def ends(t: TrialId) -> world.Ending:
        if t.cell.backend == "b" and t.cell.nesting == "reverse":
            return Outcome.WRONG, Reason.SEVERED, "got None"
        return Outcome.INCONCLUSIVE if t.case == "dense" else Outcome.AGREE

    return world.show(made, world.evidence(made, ends))


@pytest.mark.parametrize("shown", [world.golden, nested], ids=["golden", "nested"])
class TestEveryPage:
    def test_elements_are_closed_in_order_and_ids_are_unique(self, shown: world.Shown) -> None:
        found = page(shown())  # type: ignore[operator]
        assert not found.faults
        ids = [a["id"] for _, a in found.elements if "id" in a]
        assert [i for i, n in Counter(ids).items() if n > 1] == []

    def test_every_link_within_the_page_has_its_target(self, shown: world.Shown) -> None:
        found = page(shown())  # type: ignore[operator]
        ids = {a["id"] for _, a in found.elements if "id" in a}
        hrefs = [a["href"] for a in found.all("a") if a["href"].startswith("#")]
        assert hrefs and {h[1:] for h in hrefs} <= ids
        labels = [a[k] for _, a in found.elements for k in a if k == "aria-labelledby"]
        assert set(labels) <= ids

    def test_every_footnote_links_back_to_each_of_its_uses(self, shown: world.Shown) -> None:
        table, assessments, made = shown()  # type: ignore[operator]
        found = Page(html.render(table, assessments, made))
        back = [a["href"] for a in found.all("a", role="doc-backlink")]
        assert back == [
            f"#fnref-{n.number}-{i}" for n in table.footnotes for i in range(1, len(n.uses) + 1)
        ]
        anchors = [a["id"] for _, a in found.elements if a.get("id", "").startswith("fnref-")]
        assert Counter(f"#{a}" for a in anchors) == Counter(back)
        refs = {a["href"] for a in found.all("a", role="doc-noteref")}
        assert refs == {f"#fn-{n.number}" for n in table.footnotes}
        assert found.all("section", role="doc-endnotes")

    def test_nothing_is_loaded_but_style_sheet_and_script(self, shown: world.Shown) -> None:
        found = page(shown())  # type: ignore[operator]
        tags = {tag for tag, _ in found.elements}
        assert not tags & {"style", "iframe", "img", "object", "form", "base"}
        assert found.all("script") == [{"src": "site.js", "defer": ""}]
        assert not [a for tag, a in found.elements if "src" in a and tag != "script"]
        assert not [a for _, a in found.elements if "style" in a]
        assert not [k for _, a in found.elements for k in a if k.startswith("on")]
        assert [a["href"] for a in found.all("link")] == ["data:,", "style.css"]
        (policy,) = found.all("meta", **{"http-equiv": "Content-Security-Policy"})
        assert policy["content"].startswith(
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        )
        assert "unsafe" not in policy["content"]

    def test_same_input_gives_the_same_bytes(self, shown: world.Shown) -> None:
        assert html.render(*shown()) == html.render(*shown())  # type: ignore[operator]

    def test_tables_can_be_read_aloud_and_scrolled_by_keyboard(self, shown: world.Shown) -> None:
        found = page(shown())  # type: ignore[operator]
        assert len(found.all("table")) == len(found.all("caption")) > 1
        assert not [a for a in found.all("th") if "scope" not in a]
        regions = found.all("div", role="region")
        assert len(regions) == len(found.all("table"))
        assert all(r["tabindex"] == "0" for r in regions)
        assert all("aria-label" in r or "aria-labelledby" in r for r in regions)


def test_the_page_shows_every_word_of_the_table() -> None:
    table, assessments, made = world.golden()
    text = Page(html.render(table, assessments, made)).text
    for row in table.rows:
        assert row.title in text
        assert all(f"{cell.mark} {cell.text}" in text for cell in row.cells)
    assert all(note.text in text for note in table.footnotes)
    assert all(c.meaning in text for c in table.classes)
    assert "Fast." in text and "not tested on cuda" in text
    assert "Small." not in text  # withheld


def test_a_wrong_cell_is_never_styled_as_anything_else() -> None:
    table, assessments, made = nested()
    text = html.render(table, assessments, made)
    chip = (
        r'class="chip s-([a-z-]+)[^"]*"><span class="mark"[^>]*>(.)</span> <span class="part">(\w+)'
    )
    chips = set(re.findall(chip, text))
    assert chips == {
        ("partial", "◐", "partial"), ("wrong", "✗", "wrong"), ("not-tested", "–", "not"),
        ("not-offered", "·", "not"),
    }  # fmt: skip
    cells = [c for row in table.rows for n in row.nested for c in n.cells]
    assert [c.state for c in cells if c.id == "b/cpu/reverse"] == [State.WRONG]


HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onmouseover='x", "a|b|c",
    "{{ 7*7 }}{% raw %}", "&lt;b&gt;", "]]>--><!--", "\x1b[31m\x00 red \u202e",
]  # fmt: skip


def hostile(text: str, link: str = "https://example.org/'\"><script>") -> world.Shown:
    """A world in which every text that someone else writes is hostile."""
    bad = world.backend(text, package=text, link=link, execution=text, kind=text, notes=["n"])
    matrix = world.declaration(
        {"a": bad}, title=text, about=text, notes={"n": text},
        claims=[{"match": {"case": "norm"}, "outcome": "raised", "because": text, "link": link},
                {"match": {"case": "dense"}, "outcome": "crash", "because": text, "link": link}],
        recommendations={"cpu": [{"when": text, "backend": "a", "text": text, "note": "n"}]},
    )  # fmt: skip
    made = world.plan(matrix, "nn/dense", "nn/norm", "nn/third")
    raised: world.Ending = (Outcome.RAISED, None, text)
    ends = {"dense": raised, "norm": raised, "third": Outcome.AGREE}
    found = world.evidence(made, lambda t: ends[t.case])
    run = found.runs["r1"].model_copy(
        update={"host": {text: text}, "versions": {text: text}, "started": text, "gradtier": text}
    )
    return world.show(made, type(found)({"r1": run}, found.records, (), (text,)))


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_strangers_stay_text(text: str) -> None:
    plain, strange = page(hostile("harmless")), page(hostile(text))
    assert not strange.faults

    def shape(found: Page) -> list[tuple[str, list[str]]]:
        return [(tag, sorted(attrs)) for tag, attrs in found.elements]

    assert shape(strange) == shape(plain)  # not one element or attribute more
    source = html.render(*hostile(text))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", source)


def test_a_link_that_is_no_web_address_is_not_a_link() -> None:
    table, assessments, made = hostile("x")
    row = table.rows[0].model_copy(update={"link": "javascript:alert(1)"})
    drift = tuple(d.model_copy(update={"link": "data:text/html,x"}) for d in table.drift)
    changed = table.model_copy(update={"rows": (row,), "drift": drift})
    hrefs = [a["href"] for a in Page(html.render(changed, assessments, made)).all("a")]
    schemes = {h.partition(":")[0] for h in hrefs if ":" in h.partition("#")[0]}
    assert schemes <= {"https"}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_has_the_contrast_that_wcag_asks_for_in_light_and_dark() -> None:
    css = resources.files("gradtier.render").joinpath("static", "style.css").read_text("utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    colours: dict[str, str] = {}
    for block in blocks:
        colours |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        grounds = ["page", "raised"]
        pairs = [(name, ground) for name in ("text", "soft", "link", "none") for ground in grounds]
        pairs += [(k, f"{k}-bg") for k in colours if f"{k}-bg" in colours]
        assert len(pairs) >= 17
        for front, ground in pairs:
            high, low = sorted((luminance(colours[front]), luminance(colours[ground])))[::-1]
            ratio = (high + 0.05) / (low + 0.05)
            assert ratio >= 4.5, f"{front} on {ground}: {ratio:.2f}"
