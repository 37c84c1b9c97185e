"""Tests of the pages of suites, cases and conventions: complete, linked, closed to strangers."""

from __future__ import annotations

import dataclasses
import posixpath
import re
import shlex
from collections import Counter
from urllib.parse import unquote

import pytest
import support_world as world
from hypothesis import given
from hypothesis import strategies as st
from test_html import HOSTILE, Page, hostile, nested

from gradtier.cases import Suite, constant, integers, normal, spd, values
from gradtier.model import AXES, Nesting, Outcome, Reason, TrialId
from gradtier.plan import Selection, select
from gradtier.render import site
from gradtier.render.paths import file_names
from gradtier.render.words import described, source

NUMBERS = {
    "convention": None,
    "witnesses": ["finite-differences", "reference"],
    "worst": {"leaf": 1, "index": 7, "got": 2.5, "reference": 1.25, "allowed": 1e-15,
              "fd": 1.2500001, "fd_error": 1e-7, "part": None},
    "margin_reference": 1234567.0, "margin_fd": 88.5, "findings": [],
}  # fmt: skip


def pages(shown: world.Shown, **titles: str) -> dict[str, str]:
    return {name: text() for name, text in site(*shown, titles) if name.endswith(".html")}


def with_verdict(verdict: object, outcome: Outcome = Outcome.WRONG) -> world.Shown:
    """Row a ends as given in case nn/dense, with that verdict; everything else agrees."""
    axes = {"devices": ["cpu", "cuda"], "nesting": ["none", "forward"], "dtypes": ["float64"]}
    both = {"devices": ["cpu", "cuda"]}
    made = world.plan(
        world.declaration(
            {"a": world.backend(**both), "b": world.backend("Beta", mode="forward", **both)},
            axes=axes,
            exclusions=[{"match": {"backend": "b", "case": "norm"}, "reason": "by-design",
                         "because": "it has no norm"}],
        ),
        absent={"cuda": world.NO_CARD},
    )  # fmt: skip

    def ends(t: TrialId) -> world.Ending:
        if (t.cell.backend, t.case, t.cell.nesting) == ("a", "dense", Nesting.NONE):
            return outcome, Reason.VALUE if outcome is Outcome.WRONG else None, "off by a half"
        return Outcome.AGREE

    found = world.evidence(made, ends)
    records = {
        key: r.model_copy(update={"verdict": verdict, "reference": "b"}) if r.detail else r
        for key, r in found.records.items()
    }
    return world.show(made, dataclasses.replace(found, records=records))


WORLDS = {
    "golden": world.golden, "nested": nested, "strange": lambda: hostile(HOSTILE[0]),
    "kink": lambda: with_verdict({**NUMBERS, "convention": "left"}, Outcome.AGREE),
}  # fmt: skip


@pytest.mark.parametrize("shown", WORLDS.values(), ids=WORLDS)
class TestEveryPage:
    def test_every_link_resolves_to_a_file_and_a_place_in_it(self, shown: world.Shown) -> None:
        texts = dict(site(*shown()))  # type: ignore[operator]
        found = {name: Page(t()) for name, t in texts.items() if name.endswith(".html")}
        ids = {name: {a["id"] for _, a in p.elements if "id" in a} for name, p in found.items()}
        walked = set()
        for name, page in found.items():
            links = [a["href"] for tag in ("a", "link") for a in page.all(tag)]
            links += [a["src"] for a in page.all("script")]
            for href in links:
                if href.startswith(("https://", "http://", "data:")):
                    continue
                path, _, place = href.partition("#")
                here = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(path)))
                target = here if path else name
                assert target in texts, f"{name} links to {href}"
                assert not place or place in ids[target], f"{name} links to {href}"
                walked.add(target)
        embedded = {name for name in texts if name.startswith("badges/")}
        assert walked == set(texts) - embedded  # nothing is written that nobody can reach

    def test_elements_are_closed_and_ids_unique(self, shown: world.Shown) -> None:
        for name, text in pages(shown()).items():  # type: ignore[operator]
            found = Page(text)
            assert not found.faults, (name, found.faults)
            ids = Counter(a["id"] for _, a in found.elements if "id" in a)
            assert max(ids.values()) == 1, name
            labels = {a["aria-labelledby"] for _, a in found.elements if "aria-labelledby" in a}
            assert labels <= set(ids), name

    def test_nothing_is_loaded_but_style_sheet_and_scripts(self, shown: world.Shown) -> None:
        for name, text in pages(shown()).items():  # type: ignore[operator]
            found = Page(text)
            tags = {tag for tag, _ in found.elements}
            assert not tags & {"style", "iframe", "img", "object", "form", "base"}
            top = "../" * name.count("/")
            own = [{"src": f"{top}{file}", "defer": ""} for file in ("site.js", "case.js")]
            assert found.all("script") == own[: 1 + name.startswith("cases/")]
            assert [a["href"] for a in found.all("link")] == ["data:,", f"{top}style.css"]
            (policy,) = found.all("meta", **{"http-equiv": "Content-Security-Policy"})
            assert policy["content"].startswith(
                "default-src 'none'; style-src 'self'; script-src 'self'; "
            )

    def test_tables_can_be_read_aloud_and_scrolled_by_keyboard(self, shown: world.Shown) -> None:
        for name, text in pages(shown()).items():  # type: ignore[operator]
            found = Page(text)
            assert len(found.all("table")) == len(found.all("caption")), name
            assert not [a for a in found.all("th") if "scope" not in a], name
            regions = found.all("div", role="region")
            assert len(regions) == len(found.all("table")) + len(found.all("pre")), name
            assert all(r["tabindex"] == "0" for r in regions)

    def test_no_chip_is_told_by_its_colour_alone(self, shown: world.Shown) -> None:
        for name, text in pages(shown()).items():  # type: ignore[operator]
            for chip in re.findall(r'<span class="chip s-[^>]*>(.*?)</span> *(\S+)', text):
                assert 'class="mark"' in chip[0], name
                assert re.match(r"[\w<]", chip[1]), name  # a word or a number follows the sign

    def test_same_input_gives_the_same_bytes(self, shown: world.Shown) -> None:
        assert pages(shown()) == pages(shown())  # type: ignore[operator]


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_strangers_stay_text_on_every_page(text: str) -> None:
    """Details, titles, tags, versions, claims, exclusions and names of cases."""

    def shape(words: str) -> list[list[tuple[str, list[str]]]]:
        _, _, made = hostile(words)
        word = {"nn/dense": words, "nn/norm": "norm", "nn/third": "third"}
        cases = {
            key: dataclasses.replace(c, title=word[c.id], tags=frozenset({word[c.id]}))
            for key, c in made.cases.items()
        }
        made = dataclasses.replace(made, cases=cases)
        found = world.evidence(made, (Outcome.RAISED, None, words))
        verdict = {**NUMBERS, "convention": words, "worst": {"index": words, "got": words}}
        records = {
            key: r.model_copy(update={
                "verdict": verdict, "reference": words, "checks": {words: words},
                "versions": {words: words},
            })
            for key, r in found.records.items()
        }  # fmt: skip
        shown = world.show(made, dataclasses.replace(found, records=records))
        texts = pages(shown, nn=words)
        for name, page in texts.items():
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", page), name
        parsed = [Page(page) for page in texts.values()]
        assert not [p.faults for p in parsed if p.faults]
        return [[(tag, sorted(attrs)) for tag, attrs in p.elements] for p in parsed]

    assert shape(text) == shape("harmless")  # not one element or attribute more


def test_a_name_that_is_markup_or_a_path_stays_text_and_stays_inside(tmp_path: object) -> None:
    names = ["../../etc", "<script>alert(1)</script>", "a b", "CON", "abs.kink"]
    made = world.plan(world.declaration({"a": world.backend()}), *(f"nn/{n}" for n in names))
    texts = pages(world.show(made, world.evidence(made)))
    assert "cases/nn/abs.kink.html" in texts
    for name, text in texts.items():
        assert ".." not in name and re.fullmatch(r"[A-Za-z0-9._/-]+", name)
        assert "<script>" not in text
    assert sum(name.startswith("cases/nn/") and name.count("/") == 2 for name in texts) == 5


@given(st.sets(st.one_of(st.text(max_size=12), st.from_regex(r"[Aa.]{1,4}(-[0-9a-f]{10})?")),
               max_size=12))  # fmt: skip
def test_no_two_names_share_a_file_on_any_file_system(names: set[str]) -> None:
    found = file_names(sorted(names))
    assert set(found) == names
    assert len({f.casefold() for f in found.values()}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,100}", f) for f in found.values())
    assert found == file_names(sorted(names))


@pytest.mark.parametrize("name", ["con", "Nul.txt", "com1", "..", "", "a/b", "é", "x" * 200])
def test_a_name_that_a_file_system_refuses_gets_another(name: str) -> None:
    (file,) = file_names([name]).values()
    assert file != name and re.fullmatch(r"[\w.-]{1,100}", file, re.ASCII)


def test_a_case_page_says_the_numbers_of_both_witnesses_with_their_uncertainty() -> None:
    text = Page(pages(with_verdict(NUMBERS))["cases/nn/dense.html"]).text
    for words in (
        "✗ wrong, value", "off by a half", "leaf 1, element 7", "got 2.5",
        "reference 1.25 ± 1e-15", "finite differences 1.2500001 ± 8e-07",  # 8 times its bar
        "reference 1.23e+06", "finite differences 88.5", "alpha 1.2.3", "reference: b",
    ):  # fmt: skip
        assert words in text, words


def test_numbers_that_are_not_finite_are_shown_as_they_are() -> None:
    worst = {"leaf": 0, "index": 0, "got": "nan", "reference": "inf", "fd": None}
    text = Page(pages(with_verdict({"worst": worst}))["cases/nn/dense.html"]).text
    assert "got nan" in text and "reference inf" in text


def test_what_does_not_agree_comes_first_with_the_command_that_repeats_it() -> None:
    shown = with_verdict(NUMBERS)
    text = pages(shown)["cases/nn/dense.html"]
    assert text.index('id="differ"') < text.index("off by a half") < text.index('id="agree"')
    found = re.findall(r'<summary>Repeat it</summary><code class="copy">(.*?)</code>', text)
    (command,) = found
    words = shlex.split(command)
    assert words[:2] == ["gradtier", "run"]
    given = dict(zip(words[2::2], words[3::2], strict=True))
    assert {option.removeprefix("--") for option in given} <= set(AXES)
    selection = Selection(**{k.removeprefix("--"): (v,) for k, v in given.items()})
    (trial,) = select(shown[2], selection)
    assert str(trial.id) == "nn/dense@a/cpu/none/float64"
    assert str(trial.id) in text


def test_what_was_not_measured_is_said_with_its_reason_and_never_as_a_result() -> None:
    shown = with_verdict(NUMBERS)
    text = Page(pages(shown)["cases/nn/norm.html"]).text
    assert f"2 trials, cuda: {world.NO_CARD}" in text
    assert "· not planned Beta, forward : it has no norm" in text
    assert "Trials that do not agree 0 None." in text


def test_a_suite_page_shows_per_mode_and_nesting_where_a_package_does_not_agree() -> None:
    texts = pages(with_verdict(NUMBERS), nn="All about layers")
    text = Page(texts["suites/nn.html"]).text
    assert "All about layers" in text
    assert "2 cases, 12 trials planned, 6 measured: 5 agree, 1 wrong" in text
    assert "✗ 1/2 reverse ✗✓ 1 wrong" in text  # first order wrong, forward over right
    assert "✓ 2/2" in text and "reverse ✓✓" not in text  # what agrees needs no more words
    index = Page(texts["index.html"]).text
    assert "nn All about layers 2 1 ✗ 5/6 1 wrong" in index


def test_conventions_are_on_their_page_and_on_that_of_the_case() -> None:
    texts = pages(with_verdict({**NUMBERS, "convention": "left"}, Outcome.AGREE))
    table = Page(texts["conventions.html"]).text
    assert "nn/dense reverse one left" in table
    assert "reverse: left Alpha, reverse" in Page(texts["cases/nn/dense.html"]).text
    assert "takes left" in Page(texts["cases/nn/dense.html"]).text
    assert 'id="convention"' not in texts["cases/nn/norm.html"]


def test_of_many_conventions_those_that_differ_are_on_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gradtier.render.pages.MOST_CONVENTIONS", 1)
    backends = {"a": world.backend(), "b": world.backend("Beta", package="beta")}
    made = world.plan(world.declaration(backends), "nn/alike", "nn/other")
    found = world.evidence(made)
    records = {
        key: r.model_copy(update={"verdict": {
            **NUMBERS, "findings": ["kink"],
            "convention": "right" if "nn/other@b" in r.trial else "left",
        }})
        for key, r in found.records.items()
    }  # fmt: skip
    shown = world.show(made, dataclasses.replace(found, records=records))
    text = Page(pages(shown)["conventions.html"]).text
    assert "nn/other" in text and "nn/alike" not in text
    assert "1 more lines are on the pages of their cases" in text


def test_without_a_kink_the_page_of_conventions_says_so() -> None:
    assert "No measured case has a kink." in Page(pages(world.golden())["conventions.html"]).text


def test_inputs_are_put_into_words() -> None:
    told = [described(spec) for spec in (
        normal(4, 3), normal(), constant(normal(2)), integers(5, high=3), spd(3),
        values([[1.0, -0.0], [0.5, 2.0]]), values(range(900)),
    )]  # fmt: skip
    assert told[0] == "normally distributed, mean 0, standard deviation 1; shape 4 × 3"
    assert told[1].endswith("a scalar")
    assert told[2].endswith("2 numbers; constant")
    assert told[3] == "whole numbers in [0, 3); 5 numbers; constant"
    assert told[4] == "symmetric positive definite; shape 3 × 3"
    assert told[5] == "[[1.0, -0.0], [0.5, 2.0]]; shape 2 × 2"
    assert len(told[6]) < 300


def test_the_source_is_the_functions_own_and_its_absence_is_no_error() -> None:
    suite = Suite("nn")

    @suite.case(x=normal(2))
    def shown(xp, x):  # type: ignore[no-untyped-def]
        return xp.sum(x) + 1.5

    namespace: dict[str, object] = {}
    exec("def made(xp, x):\n    return x", namespace)
    suite.case(x=normal(2))(namespace["made"])
    assert source(suite.cases["shown"]).endswith("    return xp.sum(x) + 1.5")
    assert source(suite.cases["shown"]).startswith("@suite.case(")
    assert source(suite.cases["made"]) == ""
