"""Tests of the pages of backends and of what the script of the overview is given."""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Callable, Iterator

import pytest
import support_world as world
from test_html import HOSTILE, Page, nested

from gradtier.assess import assess
from gradtier.evidence import Bench
from gradtier.history import BackendHistory, History, Transition
from gradtier.laps import Laps
from gradtier.model import Mode, Outcome, Reason, TrialId
from gradtier.render import backend_causes, html, site
from gradtier.render.backend_causes import MOST_CAUSES, MOST_TRIALS, blamed
from gradtier.render.backend_speed import WIDTH, Speeds, times
from gradtier.render.paths import Paths
from gradtier.standing import class_of


def pages(shown: world.Shown, **given: object) -> dict[str, str]:
    files = site(*shown, **given)  # type: ignore[arg-type]
    return {name: text() for name, text in files if name.startswith(("backends/", "index"))}


def failing(
    ends: Callable[[TrialId], world.Ending] | world.Ending, cases: int = 3, **given: object
) -> world.Shown:
    """One row, all of whose trials end so."""
    made = world.plan(
        world.declaration({"a": world.backend()}, **given), *(f"nn/c{i}" for i in range(cases))
    )
    return world.show(made, world.evidence(made, ends))


def groups(shown: world.Shown) -> backend_causes.Blamed:
    _, (assessment,), made = shown
    return blamed(assessment, Mode.REVERSE, Paths(made).cases)


# ----------------------------------------------------------------------------------------- pages


def test_every_backend_has_a_page_that_leads_to_its_row_and_to_its_neighbours() -> None:
    texts = pages(world.golden())
    assert [f"backends/b{i}.html" in texts for i in range(8)] == [True] * 8
    for i in range(8):
        links = [a["href"] for a in Page(texts[f"backends/b{i}.html"]).all("a")]
        assert f"../index.html#row-b{i}" in links
        assert (f"../backends/b{i - 1}.html" in links) == (i > 0)
        assert (f"../backends/b{i + 1}.html" in links) == (i < 7)
        assert f"backends/b{i}.html" in [a["href"] for a in Page(texts["index.html"]).all("a")]


def test_an_old_link_to_the_details_of_a_backend_still_finds_its_row() -> None:
    ids = {a["id"] for _, a in Page(pages(world.golden())["index.html"]).elements if "id" in a}
    assert {f"backend-b{i}" for i in range(8)} | {f"row-b{i}" for i in range(8)} <= ids


def test_the_overview_holds_no_trial_so_that_it_stays_small() -> None:
    few, many = (failing((Outcome.RAISED, None, "boom"), n) for n in (3, 60))
    sizes = [len(html.render(*shown)) for shown in (few, many)]
    assert sizes[1] - sizes[0] < 200  # numbers have more digits, nothing else


def test_a_footnote_on_the_page_of_a_backend_has_the_number_of_the_table_and_leads_back() -> None:
    shown = world.golden()
    texts = pages(shown)
    cited = {use.id for note in shown[0].footnotes for use in note.uses}
    assert "b1" in cited
    page = Page(texts["backends/b1.html"])
    numbers = {int(a["href"].removeprefix("#fn-")) for a in page.all("a", role="doc-noteref")}
    mine = {n.number for n in shown[0].footnotes if any(u.id.split("/")[0] == "b1" for u in n.uses)}
    assert numbers == mine
    notes = {a["id"]: a["value"] for a in page.all("li") if a.get("id", "").startswith("fn-")}
    assert notes == {f"fn-{n}": str(n) for n in numbers}
    ids = {a["id"] for _, a in page.elements if "id" in a}
    back = [a["href"] for a in page.all("a", role="doc-backlink")]
    assert back and {b[1:] for b in back} <= ids


def test_what_is_missing_to_the_next_class_is_said_in_words() -> None:
    text = Page(pages(world.golden())["backends/b7.html"]).text
    assert "What Tier II asks for" in text
    assert "✗ fails first-order trials that agree: 1 of 5 first-order trials agree" in text
    assert "To do: 2 more must agree." in text


def test_at_the_top_nothing_is_said_to_be_missing() -> None:
    text = Page(pages(world.golden())["backends/b0.html"]).text
    assert "There is no class above this one." in text and "To do" not in text


def test_the_nested_grid_has_a_cell_per_outer_and_inner_mode() -> None:
    text = Page(pages(nested())["backends/a.html"]).text
    assert "On CPU Outer forward inside reverse inside" in text
    assert "forward over · no forward mode ◐ partial 1/2" in text
    assert "Every class with its criteria" in text


def test_a_backend_without_evidence_says_so_and_claims_nothing() -> None:
    made = world.plan(world.declaration({"a": world.backend()}))
    texts = pages(world.show(made, world.NO_EVIDENCE))
    text = Page(texts["backends/a.html"]).text
    assert "There is no evidence of it." in text and "Every measured trial agrees" not in text
    assert "data-first" not in texts["index.html"]


# ---------------------------------------------------------------------------------------- causes


def test_trials_that_differ_in_numbers_alone_have_one_cause() -> None:
    numbers: Iterator[int] = iter(range(100))
    shown = failing(lambda t: (Outcome.RAISED, None, f"shape {next(numbers)} is odd"), 5)
    found = groups(shown)
    assert [(g.total, g.says) for g in found.groups] == [(5, "shape 0 is odd")]


def test_the_same_words_with_another_outcome_or_reason_are_another_cause() -> None:
    ends: dict[str, world.Ending] = {
        "c0": (Outcome.WRONG, Reason.VALUE, "x"), "c1": (Outcome.WRONG, Reason.SEVERED, "x"),
        "c2": (Outcome.RAISED, None, "x"), "c3": (Outcome.UNSUPPORTED, None, "x"),
    }  # fmt: skip
    found = groups(failing(lambda t: ends[t.case], 4))
    assert [g.outcome for g in found.groups] == [
        "wrong, severed", "wrong, value", "raised", "unsupported"
    ]  # fmt: skip


def test_trials_of_one_claim_are_one_cause_with_its_link_and_others_are_not_excused() -> None:
    claim = {"match": {"case": "c[01]"}, "outcome": "raised", "because": "bug 7",
             "link": "https://example.org/7", "until": "2027-01-01"}  # fmt: skip
    shown = failing(lambda t: (Outcome.RAISED, None, f"boom in {t.case}x"), 3, claims=[claim])
    found = groups(shown)
    assert [(g.declared, g.total, g.says) for g in found.groups] == [
        (False, 1, "boom in c2x"), (True, 2, "bug 7")
    ]  # fmt: skip
    assert found.groups[1].link == "https://example.org/7"
    text = Page(pages(shown)["backends/a.html"]).text
    assert "as declared until 2027-01-01" in text and "not declared" in text


def test_a_trial_that_ends_otherwise_than_declared_is_said_to_and_not_as_declared() -> None:
    claim = {"match": {"case": "*"}, "outcome": "unsupported", "because": "no such thing"}
    found = groups(failing((Outcome.WRONG, Reason.VALUE, "off"), 3, claims=[claim]))
    (group,) = found.groups
    assert not group.declared and group.otherwise == 3 and group.claim == "no such thing"


def test_a_long_cause_is_cut_and_what_is_left_out_is_counted() -> None:
    shown = failing((Outcome.RAISED, None, "boom"), MOST_TRIALS + 11)
    (group,) = groups(shown).groups
    assert (len(group.trials), group.left, group.total) == (MOST_TRIALS, 11, MOST_TRIALS + 11)
    assert "and 11 more, on the pages of their cases" in Page(pages(shown)["backends/a.html"]).text


def test_a_claim_that_no_longer_holds_is_on_the_page_with_more_trials_than_in_the_overview() -> (
    None
):
    claim = {"match": {"case": "*"}, "outcome": "raised", "because": "bug 7"}
    shown = failing(Outcome.AGREE, 80, claims=[claim])
    texts = pages(shown)
    overview, own = (Page(texts[n]).text for n in ("index.html", "backends/a.html"))
    assert "declared raised, but agrees now. The claim: bug 7 80 trials" in own
    assert "and 20 more" in own and "and 72 more, of which its page has some" in overview
    assert [a for a in Page(texts["index.html"]).all("a") if a["href"] == "backends/a.html#drift"]
    assert Page(texts["backends/a.html"]).all("section", id="drift")


def test_many_causes_are_cut_and_what_is_left_out_is_counted() -> None:
    words = {f"c{i}": "ab"[i % 2] * (i + 1) for i in range(MOST_CAUSES + 7)}
    shown = failing(lambda t: (Outcome.RAISED, None, words[t.case]), MOST_CAUSES + 7)
    found = groups(shown)
    assert (len(found.groups), found.left, found.left_trials) == (MOST_CAUSES, 7, 7)
    assert sum(g.total for g in found.groups) + found.left_trials == found.total
    text = Page(pages(shown)["backends/a.html"]).text
    assert "7 more causes with 7 trials are not listed here" in text


# ----------------------------------------------------------------------------------------- speed


def bench(backend: str, name: str, derivative: float | None, **given: object) -> Bench:
    laps = None if derivative is None else Laps(calls=1, seconds=(derivative,))
    primal = None if derivative is None else Laps(calls=1, seconds=(0.001,))
    data: dict[str, object] = {
        "run": "r9", "benchmark": name, "backend": backend, "device": "cpu", "dtype": "float64",
        "mode": Mode.REVERSE, "digest": "d", "derivative": laps, "primal": primal,
        "outcome": Outcome.AGREE if laps else Outcome.WRONG,
    }  # fmt: skip
    return Bench.model_validate(data | given)


def test_bars_are_ratios_to_the_fastest_row_and_to_the_function() -> None:
    speeds = Speeds([bench("a", "s/x", 0.001), bench("b", "s/x", 0.01), bench("c", "s/x", 0.1)])
    texts = {}
    for name in "abc":
        found = speeds.of(name, Mode.REVERSE)
        assert found is not None
        (lap,) = found.laps
        assert lap.to_fastest is not None and lap.to_primal is not None
        assert 0 < lap.to_fastest.width <= WIDTH and 0 < lap.to_primal.width <= WIDTH
        texts[name] = (lap.to_fastest.text, lap.to_primal.text, lap.seconds)
    assert texts == {
        "a": ("1 ×", "1 ×", "1 ms"), "b": ("10 ×", "10 ×", "10 ms"),
        "c": ("100 ×", "100 ×", "100 ms"),
    }  # fmt: skip


def test_a_derivative_faster_than_its_function_has_a_bar_all_the_same() -> None:
    found = Speeds([bench("a", "s/x", 0.0001)]).of("a", Mode.REVERSE)
    assert found is not None and found.laps[0].to_primal is not None
    assert found.laps[0].to_primal.text == "0.1 ×" and found.laps[0].to_primal.width > 0
    assert found.laps[0].to_fastest is None  # nobody else was timed


def test_a_wrong_derivative_has_no_bar_and_says_why() -> None:
    made = world.plan(world.declaration({"a": world.backend(), "b": world.backend("Beta")}))
    shown = world.show(made, world.evidence(made))
    benches = [
        bench("a", "s/x", None, reason=Reason.VALUE, detail="off by <b>two</b>"),
        bench("b", "s/x", 0.002),
    ]
    texts = pages(shown, benches=benches)
    page = Page(texts["backends/a.html"])
    assert "no time: wrong, value: off by <b>two</b>" in page.text
    assert not page.all("rect") and "<b>" not in texts["backends/a.html"]
    other = Page(texts["backends/b.html"])
    assert len(other.all("rect")) == 1  # to its function; it has no rival
    assert "2 ×" in other.text and "no rival timed" in other.text
    svgs = other.all("svg")
    assert svgs and all(a["aria-hidden"] == "true" for a in svgs)


def test_without_benchmarks_nothing_is_said_of_speed() -> None:
    assert 'id="speed"' not in pages(world.golden())["backends/b0.html"]
    assert times(1.2345) == "1.23 ×" and times(1234.5) == "1234 ×"


# ------------------------------------------------------------------------------ kinks and history


def kinked(words: dict[str, str]) -> world.Shown:
    """Rows of a package each, with the slope that each takes at one kink."""
    made = world.plan(
        world.declaration({n: world.backend(n.title(), package=n) for n in words}), "nn/abs"
    )
    found = world.evidence(made)
    records = {
        key: r.model_copy(
            update={"verdict": {"convention": words[r.trial.split("@")[1].split("/")[0]]}}
        )
        for key, r in found.records.items()
    }
    return world.show(made, dataclasses.replace(found, records=records))


def test_a_row_that_takes_another_slope_than_most_is_told_which() -> None:
    texts = pages(kinked({"p": "left", "q": "left", "r": "right"}))
    apart, most = (Page(texts[f"backends/{n}.html"]).text for n in ("r", "p"))
    assert "It takes another one than most packages at 1 of the 1 kinks below" in apart
    assert "first order cpu right left left: 2 packages" in apart
    assert "at 0 of the 1 kinks" in most and "left the same right: 1 package" in most


def test_where_two_slopes_are_as_frequent_nobody_stands_apart() -> None:
    text = Page(pages(kinked({"p": "left", "q": "right"}))["backends/p.html"]).text
    assert "at 0 of the 1 kinks" in text and "no majority" in text


def test_where_all_take_the_same_slope_no_line_is_spent_on_it() -> None:
    text = Page(pages(kinked({"p": "left", "q": "left"}))["backends/p.html"]).text
    assert "At 1 more all packages take the same." in text


def test_the_history_of_a_class_is_on_the_page_exactly_when_there_is_one() -> None:
    shown = world.golden()
    day = datetime.date(2026, 2, 1)
    new = class_of(assess(shown[2], world.evidence(shown[2]), world.TODAY)[0])
    transition = Transition(date=day, old=None, new=new, agree=5, measured=5, versions={})
    past = History(
        matrix="m", policy=1, files=("f",), days=(day, world.TODAY), left_out=0, later=0,
        backends=(BackendHistory(backend="b0", title="T", package="p", mode=Mode.REVERSE,
                                 execution="e", transitions=(transition,)),),
    )  # fmt: skip
    texts = pages(shown, history=past)
    assert 'class="band"' in texts["backends/b0.html"] and "2026-02-01" in texts["backends/b0.html"]
    assert 'id="history"' not in texts["backends/b1.html"]
    assert "../history.html" in texts["backends/b0.html"]


# ----------------------------------------------------------------------- what the script is given


def test_controls_are_hidden_until_the_script_shows_them() -> None:
    for shown in (world.golden(), nested()):
        page = Page(html.render(*shown))
        (controls,) = page.all("div", id="controls")
        assert "hidden" in controls
        assert "hidden" in page.all("p", id="nothing")[0]
        assert not [a for a in page.all("tr") if "hidden" in a]
        assert not [a for t in ("td", "th") for a in page.all(t) if "aria-sort" in a]
        assert page.all("p", id="count", role="status")


def test_every_row_has_what_it_is_filtered_and_sorted_by() -> None:
    table, assessments, made = nested()
    page = Page(html.render(table, assessments, made))
    rows = {a["id"].removeprefix("row-"): a for a in page.all("tr") if "data-mode" in a}
    assert list(rows) == [row.id for row in table.rows]
    assert {n: (a["data-mode"], a["data-devices"]) for n, a in rows.items()} == {
        "a": ("reverse", "cpu cuda"), "b": ("forward", "cpu")
    }  # fmt: skip
    columns = [a["data-sort"] for a in page.all("th") if "data-sort" in a]
    assert sorted(columns) == [
        "backend", "class", "first-cpu", "first-cuda", "mode", "nested-cpu", "nested-cuda"
    ]  # fmt: skip
    cells = [a["data-column"] for t in ("th", "td") for a in page.all(t) if "data-column" in a]
    assert {c: cells.count(c) for c in columns} == dict.fromkeys(columns, len(rows))
    offered = [a["value"] for a in page.all("option")]
    assert {"reverse", "forward", "cpu", "cuda"} <= set(offered)


def test_cells_are_sorted_by_their_share_and_what_is_not_measured_has_none() -> None:
    page = Page(html.render(*world.golden()))
    values = [a["data-value"] for a in page.all("td") if a.get("data-column") == "first-cpu"]
    assert values == ["1.0000", "1.0000", "0.8000", "0.8000", *["0.2000"] * 4]
    assert {a["data-value"] for a in page.all("td") if a.get("data-column") == "first-cuda"} == {""}
    classes = [a["data-value"] for a in page.all("td") if a.get("data-column") == "class"]
    assert classes == ["1", "1", "2", "2", "3", "3", "3", "3"]


def test_a_warning_of_age_waits_for_the_day_on_which_the_page_is_read() -> None:
    made = world.plan(
        world.declaration({"a": world.backend()}, policy=world.declaration(
            {"a": world.backend()}).policy.model_dump() | {"stale_after": 30})
    )  # fmt: skip
    found = world.evidence(made)
    dated = {
        key: r.model_copy(update={"finished": "2026-02-27T10:00:00Z"})
        for key, r in found.records.items()
    }
    texts = pages(world.show(made, dataclasses.replace(found, records=dated)))
    for name in ("index.html", "backends/a.html"):
        (warning,) = Page(texts[name]).all("p", id="aged")
        assert (warning["data-first"], warning["data-last"]) == ("2026-02-27", "2026-02-27")
        assert warning["data-after"] == "30" and "hidden" in warning
        assert '<time datetime="2026-02-27" data-age>2026-02-27</time>' in texts[name]


def test_the_script_makes_no_markup_of_text_and_asks_for_nothing() -> None:
    text = html.script()
    assert text.startswith("//") and '"use strict"' in text
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",
                 "Function(", "fetch(", "XMLHttpRequest", "import(", "http"):  # fmt: skip
        assert word not in text, word


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_strangers_stay_text_on_the_pages_of_backends(text: str) -> None:
    def shape(words: str) -> list[list[tuple[str, list[str]]]]:
        claim = {"match": {"case": "c0"}, "outcome": "raised", "because": words,
                 "link": "https://example.org/'\"><script>"}  # fmt: skip
        row = world.backend(words, package=words, execution=words, kind=words, family=words)
        ends = {"c0": (Outcome.RAISED, None, words), "c1": (Outcome.WRONG, Reason.VALUE, words)}

        def end(t: TrialId) -> world.Ending:
            return ends.get(t.case, (Outcome.RAISED, None, words))

        made = world.plan(
            world.declaration({"a": row}, claims=[claim], axes={
                "devices": ["cpu"], "nesting": ["none", "forward"], "dtypes": ["float64"]}),
            "nn/c0", "nn/c1", "nn/c2",
        )  # fmt: skip
        benches = [bench("a", words, 0.002), bench("a", f"{words}2", None, detail=words)]
        texts = pages(world.show(made, world.evidence(made, end)), benches=benches)
        for page in texts.values():
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", page)
        parsed = [Page(page) for page in texts.values()]
        assert not [p.faults for p in parsed if p.faults]
        return [[(tag, sorted(attrs)) for tag, attrs in p.elements] for p in parsed]

    assert shape(text) == shape("harmless")
