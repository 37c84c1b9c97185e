"""Recommendations follow from evidence: who is first, who falls in for whom, and what is said."""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

sys.path.insert(0, str(Path(__file__).parent / "render"))

import support_world as world
from test_html import HOSTILE, Page

from gradtier import recommended
from gradtier.assess import Assessment, CellSummary, Judged, assess
from gradtier.evidence import Bench, Evidence, Record
from gradtier.footnotes import Footnotes
from gradtier.laps import Laps
from gradtier.lint import RULES
from gradtier.loading import Loaded
from gradtier.matrix import Matrix
from gradtier.model import Cell, Mode, Nesting, Outcome, TrialId
from gradtier.plan import Plan, Planned
from gradtier.recommend import (
    FAILING,
    MOST,
    Candidate,
    Count,
    Key,
    Question,
    Times,
    answers,
    candidates,
    covering,
    ordered,
    suites_that_mutate,
)
from gradtier.render import html, markdown, terminal
from gradtier.support import RecommendationList
from gradtier.table import SupportTable
from gradtier.yamlfile import Document

MUTATING = frozenset({"mutation"})
OUTERS = (Nesting.FORWARD, Nesting.REVERSE)
DTYPES = ("float64", "float32")
KEYS: list[Key] = [
    *((s, c, Nesting.NONE, d) for s in ("nn", "mutation") for c in ("a", "b") for d in DTYPES),
    *(("nn", c, outer, "float64") for outer in OUTERS for c in ("a", "b")),
]
ENDINGS = [*FAILING, Outcome.AGREE, Outcome.AGREE, Outcome.AGREE, Outcome.INCONCLUSIVE,
           Outcome.MISSING, None]  # fmt: skip


@st.composite
def rows_of(draw: st.DrawFn) -> list[Candidate]:
    """Candidates of one device as `candidates` gives them: each agrees somewhere."""
    found = []
    for name in "abcd"[: draw(st.integers(1, 4))]:
        outcomes = draw(st.tuples(*(st.sampled_from(ENDINGS) for _ in KEYS)))
        ends = {key: o for key, o in zip(KEYS, outcomes, strict=True) if o is not None}
        ends[KEYS[draw(st.integers(0, 7))]] = Outcome.AGREE
        seconds = draw(st.sampled_from([None, 1.0, 1.5, 40.0]))
        mode, package = draw(st.sampled_from([*Mode])), draw(st.sampled_from(["p", "q"]))
        compiled, rank = draw(st.booleans()), draw(st.integers(0, 2))
        found.append(Candidate(name, package, mode, compiled, rank, seconds, ends))
    return found


def chosen_for(rows: list[Candidate]) -> dict[Question, str]:
    """Who is chosen by an order of its own, question by question."""
    found = {p.question: p.row.backend for p in ordered(rows, MUTATING) if p.cover is None}
    return found | {q: p.row.backend for q, p in answers(rows, None, OUTERS, DTYPES) if p}


# --- properties -----------------------------------------------------------------------------------


@given(rows_of())
def test_the_first_entry_is_the_fastest_of_its_mode_in_the_best_class_present(
    rows: list[Candidate],
) -> None:
    first = ordered(rows, MUTATING)[0].row
    best = min(c.rank for c in rows)
    assert first.rank == best
    peers = [c for c in rows if c.rank == best]
    mode = min((c.mode for c in peers), key=[Mode.REVERSE, Mode.FORWARD].index)
    times = [c.time for c in peers if c.mode is mode and c.time is not None]
    assert (first.mode, first.time) == (mode, min(times) if times else None)


@settings(max_examples=150)
@given(rows_of(), st.data())
def test_a_further_failure_never_puts_a_row_first(
    rows: list[Candidate], data: st.DataObject
) -> None:
    before = chosen_for(rows)
    worse = data.draw(st.sampled_from(rows))
    key = data.draw(
        st.sampled_from([k for k in KEYS if worse.ends.get(k) in (None, Outcome.AGREE)])
    )
    ends = {**worse.ends, key: data.draw(st.sampled_from(sorted(FAILING)))}
    fallen = replace(worse, ends=ends, rank=worse.rank + data.draw(st.integers(0, 1)))
    after = chosen_for(
        [fallen if c is worse else c for c in rows if c is not worse or fallen.first.agree]
    )
    newly = {q for q, b in after.items() if b == worse.backend and before.get(q) != b}
    assert not newly


@given(rows_of())
def test_the_cover_counts_no_trial_twice_and_none_that_the_first_does_not_fail(
    rows: list[Candidate],
) -> None:
    first = ordered(rows, MUTATING)[0].row
    left = first.fails()
    for row, cover in covering(first, rows):
        gained = set(cover.agrees)
        assert gained and gained <= left and len(gained) == len(cover.agrees)
        assert all(row.ends[key] is Outcome.AGREE for key in gained)
        assert row.mode is first.mode and row.backend != first.backend
        assert cover.left == len(left)
        assert len(gained) <= cover.measured <= cover.planned <= cover.left
        left -= gained
    rest = [c for c in rows if c.mode is first.mode and c.backend != first.backend]
    assert not [k for k in left for c in rest if c.ends.get(k) is Outcome.AGREE]


@given(rows_of())
def test_each_step_of_the_cover_takes_the_row_that_adds_most(rows: list[Candidate]) -> None:
    first = ordered(rows, MUTATING)[0].row
    left, used = first.fails(), {first.backend}
    for i, (row, cover) in enumerate(covering(first, rows)):
        gains = {
            c.backend: len([k for k in left if c.ends.get(k) is Outcome.AGREE])
            for c in rows
            if c.mode is first.mode
            and c.backend not in used
            and (i or c.package != first.package or row.package == first.package)
        }
        assert len(cover.agrees) == max(gains.values())
        if not i and row.package == first.package:  # only where no other package helps
            others = [c for c in rows if c.mode is first.mode and c.package != first.package]
            assert not [k for k in left for c in others if c.ends.get(k) is Outcome.AGREE]
        left, used = left - set(cover.agrees), used | {row.backend}


@given(rows_of(), st.randoms())
def test_the_order_of_the_rows_has_no_say(rows: list[Candidate], chance: Any) -> None:
    shuffled = chance.sample(rows, len(rows))
    assert ordered(shuffled, MUTATING) == ordered(rows, MUTATING)
    assert answers(shuffled, None, OUTERS, DTYPES) == answers(rows, None, OUTERS, DTYPES)


@given(rows_of())
def test_a_row_that_agrees_nowhere_in_a_question_is_never_its_answer(rows: list[Candidate]) -> None:
    picks = [*ordered(rows, MUTATING), *(p for _, p in answers(rows, None, OUTERS, DTYPES) if p)]
    assert all(sum(n.agree for n in pick.counts.values()) for pick in picks)
    assert len(ordered(rows, MUTATING)) <= MOST
    assert len({p.question for p in picks} - {Question.THEN}) == len(
        [p for p in picks if p.question is not Question.THEN]
    )


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_share_is_never_surer_for_one_failure_more_or_one_agreement_fewer(a: int, f: int) -> None:
    here = Count(a, a + f).sure
    assert Count(a, a + f + 1).sure <= here
    assert Count(max(a - 1, 0), a + f).sure <= here
    assert 0 <= here <= (100 * a // (a + f) if a else 0)


def test_many_trials_weigh_more_than_few() -> None:
    assert Count(700, 720).sure > Count(24, 24).sure > Count(2, 2).sure
    assert Count(0, 5).sure == Count(0, 0).sure == 0


# --- a world with records -------------------------------------------------------------------------

Ends = Callable[[TrialId], world.Ending]


def evidence(made: Plan, ends: Ends, seconds: Mapping[str, float] | None = None) -> Evidence:
    """Evidence with the seconds that a call of each row takes."""
    found = world.evidence(made, ends)
    timed = {
        key: r.model_copy(
            update={"call_seconds": (seconds or {}).get(TrialId.parse(r.trial).cell.backend)}
        )
        for key, r in found.records.items()
    }
    return Evidence(found.runs, timed, (), found.files)


def lists(
    made: Plan, found: Evidence, times: Times | None = None
) -> tuple[RecommendationList, ...]:
    """The recommendations, with times from outside if given."""
    assessments = assess(made, found, world.TODAY)
    table, _, _ = world.show(made, found)
    benches = found.benches.values()
    return recommended.recommendations(
        made.matrix,
        assessments,
        {row.id: row for row in table.rows},
        Footnotes(made.matrix),
        lambda d: times or recommended.times_on(d, made.matrix, assessments, benches),
    )


def cpu(made: Plan, ends: Ends | Outcome, **ratios: float) -> RecommendationList:
    """The list for the CPU; rows take as long as given."""
    known = ends if callable(ends) else (lambda _: ends)
    return lists(made, evidence(made, known), Times(ratios, "benchmarks"))[0]


def held(assessments: tuple[Assessment, ...]) -> dict[str, str | None]:
    return {a.backend: a.tier for a in assessments}


def failing(failures: Mapping[str, str], otherwise: Outcome = Outcome.RAISED) -> Ends:
    """Rows fail on the cases of theirs that are named, and agree on all others."""
    return lambda t: (
        otherwise if t.case in failures.get(t.cell.backend, "").split() else Outcome.AGREE
    )


CASES = [f"nn/c{i}" for i in range(8)]
NAMES = {"nn": {"path": "nn.py"}, "mutation": {"path": "m.py"}}


def model_page() -> world.Shown:
    """The issue's model page: eight backends on two devices, nested, three classes, a footnote of
    seven uses, computed lists of three and one entries."""
    both = ["cpu", "cuda"]
    backends = {
        f"b{i}": world.backend(f"Engine{i}", devices=both, package=f"pack{i // 2}",
                               notes=["beta"] if i else [])
        for i in range(8)
    }  # fmt: skip
    matrix = world.declaration(
        backends,
        suites=NAMES,
        axes={"devices": both, "nesting": ["none", "forward", "reverse"], "dtypes": ["float64"]},
        notes={"beta": "Its makers call it a beta."},
    )
    made = world.plan(matrix, *CASES, *(f"mutation/w{i}" for i in range(4)), "nn/c8", "nn/c9")

    def ends(t: TrialId) -> world.Ending:
        number = int(t.cell.backend[1:])
        if t.cell.device == "cuda":  # only one row was measured on a card, on layers alone
            return Outcome.AGREE if number == 0 and t.suite == "nn" else None
        if t.cell.nesting is not Nesting.NONE:
            return Outcome.UNSUPPORTED if number == 0 and t.case in ("c1", "c2") else Outcome.AGREE
        if number == 0:
            return Outcome.AGREE
        if number in (1, 2):
            return Outcome.UNSUPPORTED if t.case == "c0" else Outcome.AGREE
        return Outcome.AGREE if t.case in ("c0", "c1", "c3") else Outcome.RAISED

    found = evidence(made, ends, {f"b{i}": 1e-3 * (8 - i) for i in range(3)})
    return world.show(made, found)


def test_golden_shape_of_the_model_page() -> None:
    table, assessments, made = model_page()
    assert [c.title for c in table.columns] == [
        "Backend", "Mode", "CPU", "CUDA", "CPU", "CUDA", "Support class",
    ]  # fmt: skip
    assert len(table.rows) == 8
    assert [c.backends for c in table.classes] == [
        ("b0",), ("b1", "b2"), ("b3", "b4", "b5", "b6", "b7"),
    ]  # fmt: skip
    on_cpu, on_cuda = table.recommendations
    assert [(e.when, e.backend) for e in on_cpu.entries] == [
        ("First, for speed", "b0"), ("When the code mutates", "b0"), ("When the first fails", "b2"),
    ]  # fmt: skip
    assert [(e.when, e.backend) for e in on_cuda.entries] == [("First", "b0")]
    first, mutation, fallback = on_cpu.entries
    assert (first.agree, first.measured, first.time, first.class_title) == (14, 14, 1.3, "Tier I")
    assert first.evidence == (
        "Tier I, agrees 14/14, 1.3 x the fastest reverse row's time per derivative (trial calls)"
    )
    assert mutation.text.startswith("Agrees on 4 of 4 first-order trials of mutation")
    assert (fallback.covers, fallback.covers_of) == (4, 4)
    assert fallback.text == (
        "Agrees on 4 of the 4 trials on which Engine0, reverse fails: nn/c1 (forward over it), "
        "nn/c2 (forward over it), nn/c1 (reverse over it) and 1 more."
    )
    assert on_cuda.source == "" and on_cpu.source == "trial calls"
    (note,) = (n for n in table.footnotes if "beta" in n.text)
    found = Page(html.render(table, assessments, made))
    backs = [a["href"] for a in found.all("a", role="doc-backlink")]
    assert [b for b in backs if b.startswith(f"#fnref-{note.number}-")] == [
        f"#fnref-{note.number}-{i}" for i in range(1, 8)
    ]
    assert not found.faults


def test_every_renderer_shows_every_sentence_with_its_evidence() -> None:
    table, assessments, made = model_page()
    page = Page(html.render(table, assessments, made)).text
    shown = [page, " ".join(terminal.text(table, 4000).split())]
    text = markdown.render(table)
    for given_ in table.recommendations:
        for entry in [*given_.entries, *(a.entry for a in given_.answers if a.entry)]:
            for words in (entry.when, entry.title, entry.text, entry.evidence):
                assert all(words in whole for whole in shown)
                assert markdown.escape(words) in text
        for answer in given_.answers:
            assert all(answer.none in whole for whole in shown)
    assert table.recommended_by in page and markdown.escape(table.recommended_by) in text
    assert SupportTable.model_validate_json(table.model_dump_json(by_alias=True)) == table


def test_nothing_measured_gives_no_sentence_and_says_so() -> None:
    both = ["cpu", "cuda"]
    axes = {"devices": both, "nesting": ["none"], "dtypes": ["float64"]}
    made = world.plan(world.declaration({"a": world.backend()}, axes=axes))
    table, assessments, _ = world.show(made, world.NO_EVIDENCE)
    assert [(r.none, r.entries, r.answers) for r in table.recommendations] == [
        ("not tested on cpu", (), ()), ("no row is planned on cuda", (), ()),
    ]  # fmt: skip
    assert "not tested on cpu" in Page(html.render(table, assessments, made)).text
    assert "Nothing is recommended: not tested on cpu." in markdown.render(table)


def test_without_any_class_nothing_is_recommended() -> None:
    strict = {
        "version": 1, "devices": ["cpu"], "otherwise": "Too little.",
        "classes": [{"id": "I", "title": "Tier I", "meaning": "All.",
                     "criteria": {"agreement": 1.0}}],
    }  # fmt: skip
    made = world.plan(world.declaration({"a": world.backend()}, policy=strict))
    found = cpu(made, failing({"a": "norm"}))
    assert not found.entries and not found.answers
    assert found.none == "no row holds a class and agrees at first order on cpu"


def test_wrong_values_that_nobody_declared_are_said_with_the_recommendation() -> None:
    claim = {"match": {"case": "c0"}, "outcome": "wrong", "because": "bug 7"}
    rows = {"a": world.backend()}
    ends = failing({"a": "c0 c1"}, Outcome.WRONG)
    bare = cpu(world.plan(world.declaration(rows), *CASES), ends)
    half = cpu(world.plan(world.declaration(rows, claims=[claim]), *CASES), ends)
    both = [claim, claim | {"match": {"case": "c1"}}]
    full = cpu(world.plan(world.declaration(rows, claims=both), *CASES), ends)
    assert [given_.entries[0].caution for given_ in (bare, half, full)] == [
        "2 wrong derivatives on cpu that nobody declared",
        "1 wrong derivative on cpu that nobody declared", "",
    ]  # fmt: skip


def test_a_maintainers_sentence_does_not_hide_what_is_wrong() -> None:
    said = {"cpu": [{"when": "First", "backend": "a", "text": "Fast."}]}
    made = world.plan(world.declaration({"a": world.backend()}, recommendations=said), *CASES)
    (entry,) = cpu(made, failing({"a": "c0"}, Outcome.WRONG)).said
    assert entry.text == "Fast." and entry.caution.startswith("1 wrong derivative")


def test_a_slower_row_of_a_better_class_stands_before_a_faster_one() -> None:
    rows = {b: world.backend(b.upper()) for b in "abc"}
    made = world.plan(world.declaration(rows), *CASES)
    found = cpu(made, failing({"a": "c0 c1"}), a=1.0, b=9.0, c=4.0)
    assert [e.backend for e in found.entries] == ["c"]
    assert (
        "4 x the fastest reverse row's time per derivative (benchmarks)"
        in found.entries[0].evidence
    )


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), 0.0, -1.0])
def test_a_time_that_is_no_time_makes_nobody_first(odd: float) -> None:
    rows = {b: world.backend(b.upper()) for b in "ab"}
    made = world.plan(world.declaration(rows), *CASES)
    found = cpu(made, Outcome.AGREE, a=odd, b=3.0)
    assert [(e.backend, e.time) for e in found.entries] == [("b", 3.0)]
    alone = cpu(made, Outcome.AGREE, a=odd, b=odd)
    assert [(e.when, e.backend, e.time) for e in alone.entries] == [("First", "a", None)]
    assert alone.source == "" and "None was timed" in alone.entries[0].text


def test_times_of_trials_are_used_where_there_are_no_others() -> None:
    rows = {b: world.backend(b.upper()) for b in "ab"}
    made = world.plan(world.declaration(rows), *(f"nn/c{i:02}" for i in range(12)))
    found = evidence(made, lambda _: Outcome.AGREE, {"a": 3e-3, "b": 1e-3})
    (here,) = lists(made, found)
    assert [(e.backend, e.time) for e in here.entries] == [("b", 1.0)]
    assert here.source == "trial calls"
    assert here.entries[0].evidence.endswith("the fastest reverse row per derivative (trial calls)")


def test_benchmarks_are_asked_before_the_calls_of_trials() -> None:
    rows = {b: world.backend(b.upper()) for b in "ab"}
    made = world.plan(world.declaration(rows), *(f"nn/c{i:02}" for i in range(12)))
    found = evidence(made, lambda _: Outcome.AGREE, {"a": 3e-3, "b": 1e-3})

    def bench(backend: str, i: int, seconds: float) -> Bench:
        laps = Laps(calls=1, seconds=(seconds,))
        return Bench(
            run="r1", benchmark=f"bench/c{i}", backend=backend, device="cpu", dtype="float64",
            mode=Mode.REVERSE, digest="0", outcome=Outcome.AGREE, derivative=laps, primal=laps,
        )  # fmt: skip

    timed = [bench(b, i, s) for i in range(6) for b, s in (("a", 1e-3), ("b", 5e-3))]
    (here,) = lists(made, replace(found, benches={b.key: b for b in timed}))
    assert [(e.backend, e.time) for e in here.entries] == [("a", 1.0)]
    assert here.source == "benchmarks" and "of benchmarks" in here.basis


def test_the_cover_counts_what_is_planned_for_both_alone() -> None:
    rows = {"a": world.backend("A"), "b": world.backend("B"), "c": world.backend("C")}
    rule = {"match": {"backend": "b", "case": ["c0", "c1"]}, "reason": "too-slow", "because": "x"}
    made = world.plan(world.declaration(rows, exclusions=[rule]), *CASES)
    ends = failing({"a": "c0 c1 c2 c3 c4", "b": "c2", "c": "c0 c1 c2 c3 c4"})
    found = assess(made, evidence(made, ends), world.TODAY)
    able = candidates(made.matrix, found, "cpu", {}, held(found))
    (first,) = (c for c in able if c.backend == "a")
    covers = [(row.backend, c.agrees, c.planned, c.left) for row, c in covering(first, able)]
    assert covers == [("b", tuple(("nn", f"c{i}", Nesting.NONE, "float64") for i in (3, 4)), 3, 5)]


def test_a_sentence_names_what_was_not_planned_or_not_measured() -> None:
    rows = {"a": world.backend("A"), "b": world.backend("B")}
    rule = {"match": {"backend": "b", "case": "c0"}, "reason": "too-slow", "because": "x"}
    made = world.plan(world.declaration(rows, exclusions=[rule]), *(f"nn/c{i}" for i in range(400)))

    def ends(t: TrialId) -> world.Ending:
        if t.cell.backend == "a":
            return Outcome.RAISED if t.case in ("c0", "c1", "c2", "c3") else Outcome.AGREE
        return None if t.case in ("c1", "c9") else Outcome.AGREE

    _, fallback = cpu(made, ends, a=1.0, b=2.0).entries
    assert fallback.text == (
        "Agrees on 2 of the 3 trials on which A, reverse fails (1 of them not measured, 1 more not "
        "planned for it): nn/c2, nn/c3."
    )


def test_an_inconclusive_trial_is_no_failure_that_another_row_could_mend() -> None:
    rows = {"a": world.backend("A"), "b": world.backend("B")}
    made = world.plan(world.declaration(rows), *(f"nn/c{i}" for i in range(200)))
    found = cpu(made, failing({"a": "c0"}, Outcome.INCONCLUSIVE), a=1.0, b=2.0)
    assert [e.when for e in found.entries] == ["First, for speed"]


def test_another_package_is_asked_before_the_same_one_and_only_if_it_helps() -> None:
    rows = {
        "a": world.backend("A", package="p"), "near": world.backend("N", package="p"),
        "far": world.backend("F", package="q"),
    }  # fmt: skip
    made = world.plan(world.declaration(rows), *(f"nn/c{i}" for i in range(300)))
    lost = "c0 c1 c2"
    some = cpu(made, failing({"a": lost, "far": "c1 c2"}), a=1.0, near=2.0, far=3.0)
    assert [(e.when, e.backend, e.covers) for e in some.entries[1:]] == [
        ("When the first fails", "far", 1), ("Then", "near", 2),
    ]  # fmt: skip
    none = cpu(made, failing({"a": lost, "far": lost}), a=1.0, near=2.0, far=3.0)
    assert [(e.backend, e.covers) for e in none.entries[1:]] == [("near", 3)]


def test_a_pushforward_does_not_stand_in_for_a_pullback() -> None:
    rows = {"a": world.backend("A"), "f": world.backend("F", mode="forward")}
    made = world.plan(world.declaration(rows), *(f"nn/c{i}" for i in range(200)))
    found = cpu(made, failing({"a": "c0"}), a=1.0, f=2.0)
    assert [e.backend for e in found.entries] == ["a"]


def test_rows_about_some_suites_or_with_a_tolerance_of_their_own_are_not_compared() -> None:
    rows = {
        "a": world.backend("A"), "rules": world.backend("R", suites=["nn"]),
        "differences": world.backend("D", accuracy={"relative": 1e-6, "because": "truncation"}),
    }  # fmt: skip
    made = world.plan(world.declaration(rows), *CASES)
    found = cpu(made, Outcome.AGREE, a=9.0, rules=1.0, differences=2.0)
    assert [e.backend for e in found.entries] == ["a"]


def test_one_may_choose_among_the_rows_of_one_mode_and_the_page_says_so() -> None:
    rows = {"r": world.backend("R"), "f": world.backend("F", mode="forward")}
    made = world.plan(world.declaration(rows, recommend={"mode": "reverse"}), *CASES)
    found = cpu(made, Outcome.AGREE, r=3.0, f=1.0)
    assert [e.backend for e in found.entries] == ["r"] and "of reverse mode" in found.basis
    answered = {a.question: a.entry.backend if a.entry else a.none for a in found.answers}
    assert answered == {
        "compiled": "no compiled row of reverse mode holds a class and agrees on cpu",
        "forward mode": "f",
    }


def test_each_question_has_its_own_answer() -> None:
    axes = {"devices": ["cpu"], "nesting": ["none", "forward", "reverse"], "dtypes": list(DTYPES)}
    rows = {
        "fast": world.backend("Fast"),
        "jit": world.backend("Jit", execution="compiled (XLA)"),
        "lazy": world.backend("Lazy", execution="lazy graph, fused", compiled=True),
        "told": world.backend("Told", execution="compiled", compiled=False),
        "f": world.backend("F", mode="forward"),
    }
    made = world.plan(world.declaration(rows, axes=axes), *CASES)

    def ends(t: TrialId) -> world.Ending:
        name, cell = t.cell.backend, t.cell
        if cell.nesting is Nesting.REVERSE and name in ("fast", "f"):
            return Outcome.RAISED
        if cell.nesting is not Nesting.NONE and name == "lazy" and t.case != "c0":
            return Outcome.UNSUPPORTED
        if cell.dtype == "float32" and name in ("fast", "jit", "f") and t.case == "c1":
            return Outcome.UNSUPPORTED
        return Outcome.AGREE

    found = cpu(made, ends, fast=1.0, jit=5.0, lazy=2.0, told=4.0, f=3.0)
    answered = {a.question: (a.entry.backend, a.entry.text) for a in found.answers if a.entry}
    assert {q: b for q, (b, _) in answered.items()} == {
        "compiled": "lazy", "forward mode": "f", "nested": "told", "float32": "lazy",
    }  # fmt: skip
    assert answered["nested"][1] == (
        "Second order by outer mode: forward 16 of 16, reverse 16 of 16; the best of 5."
    )


def test_a_question_that_the_axes_do_not_ask_has_no_answer() -> None:
    made = world.plan(world.declaration({"a": world.backend()}), *CASES)
    assert [a.question for a in cpu(made, Outcome.AGREE).answers] == ["compiled", "forward mode"]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_one_more_failure_never_makes_a_backend_newly_first_through_policy_and_all(
    data: st.DataObject,
) -> None:
    names, cases = "abc", [f"c{i}" for i in range(6)]
    rows = {b: world.backend(b.upper(), package=b) for b in names}
    made = world.plan(world.declaration(rows), *(f"nn/{c}" for c in cases))
    some = st.sampled_from([Outcome.AGREE, Outcome.AGREE, Outcome.RAISED, Outcome.UNSUPPORTED])
    ends = {(b, c): data.draw(some) for b in names for c in cases}
    times = {b: data.draw(st.sampled_from([1.0, 2.0, 3.0])) for b in names}
    at = data.draw(st.sampled_from([*ends]))

    def first(of: Mapping[tuple[str, str], Outcome]) -> str | None:
        found = assess(made, evidence(made, lambda t: of[t.cell.backend, t.case]), world.TODAY)
        picks = ordered(candidates(made.matrix, found, "cpu", times, held(found)), MUTATING)
        return picks[0].row.backend if picks else None

    before, after = first(ends), first({**ends, at: Outcome.WRONG})
    assert after != at[0] or before == at[0]


def test_the_order_of_the_matrix_has_no_say() -> None:
    said = set()
    for names in permutations("abc"):
        rows = {b: world.backend(b.upper(), package=b) for b in names}
        made = world.plan(world.declaration(rows), *CASES)
        found = cpu(made, failing({"a": "c0", "b": "c0", "c": "c0"}), a=1.0, b=1.0, c=1.0)
        said.add(found.model_dump_json())
    assert len(said) == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_a_strangers_title_stays_text_in_every_sentence(text: str) -> None:
    def shown(title: str) -> world.Shown:
        rows = {b: world.backend(title, package=b, execution="compiled") for b in "abc"}
        made = world.plan(world.declaration(rows, recommendations={}), *CASES)
        ends = failing({"a": "c0", "b": "c0 c1", "c": "c1"}, Outcome.WRONG)
        return world.show(made, evidence(made, ends, dict.fromkeys("abc", 1e-3)))

    def shape(title: str) -> tuple[list[Any], list[str]]:
        table, assessments, made = shown(title)
        page = Page(html.render(table, assessments, made))
        tokens = (
            MarkdownIt("commonmark")
            .enable("table")
            .parse(re.sub(r"\[\^\d+\]:?", "", markdown.render(table)))
        )
        inner = [t.type for token in tokens for t in token.children or []]
        return page.elements and [(tag, sorted(attrs)) for tag, attrs in page.elements], [
            t for t in inner if t not in ("text", "text_special")
        ]

    assert shape(text) == shape("harmless")


def test_the_suites_of_mutation_are_those_of_the_matrix() -> None:
    suites = {s: {"path": "x.py"} for s in ("nn", "mutation", "mutations", "writes")}
    rows = {"a": world.backend()}
    assert suites_that_mutate(world.declaration(rows, suites=suites)) == {"mutation", "mutations"}
    named = world.declaration(rows, suites=suites, recommend={"mutation": ["writes"]})
    assert suites_that_mutate(named) == {"writes"}


def test_a_suite_of_mutation_that_does_not_exist_is_a_lint_problem() -> None:
    matrix = world.declaration({"a": world.backend()}, recommend={"mutation": ["nm"]})
    loaded = Loaded(matrix, Document({}, {}, (), "matrix.yaml"), Path("."))
    found = [str(p) for rule in RULES for p in rule(loaded, world.suites("nn/dense"))]
    assert any("recommend.mutation" in p and "'nm' is no suite" in p and "nn" in p for p in found)
    default = world.declaration({"a": world.backend()})
    unnamed = Loaded(default, Document({}, {}, (), "matrix.yaml"), Path("."))
    assert not [p for rule in RULES for p in rule(unnamed, world.suites("nn/dense"))
                if "recommend" in str(p)]  # fmt: skip


def test_what_is_recommended_changes_no_digest_of_what_is_measured() -> None:
    plain: Matrix = world.declaration({"a": world.backend()})
    other = world.declaration(
        {"a": world.backend(compiled=True)}, recommend={"mutation": ["nn"], "mode": "reverse"}
    )
    assert plain.digest == other.digest


def test_sixty_thousand_trials_take_less_than_two_seconds() -> None:
    names = [f"b{i}" for i in range(40)]
    rows = {b: world.backend(b.upper(), package=f"p{i // 2}") for i, b in enumerate(names)}
    axes = {"devices": ["cpu"], "nesting": ["none", "forward", "reverse"], "dtypes": ["float64"]}
    matrix = world.declaration(rows, axes=axes)
    made = world.plan(matrix)
    table, some, _ = world.show(made, world.evidence(made))
    assessments = [many(a, i) for i, a in enumerate(some)]
    by_id = {row.id: row for row in table.rows}
    began = time.process_time()
    (found,) = recommended.recommendations(
        matrix,
        assessments,
        by_id,
        Footnotes(matrix),
        lambda d: recommended.times_on(d, matrix, assessments),
    )
    assert time.process_time() - began < 2.0
    assert len(found.entries) > 2 and sum(1 for a in assessments for _ in a.trials()) == 60_000


def many(a: Assessment, number: int) -> Assessment:
    """The assessment with 500 trials in each of three cells, failing here and there."""
    agrees, raises = (
        Record(run="r", trial="", digest="", outcome=o, call_seconds=1e-3 * (1 + number))
        for o in (Outcome.AGREE, Outcome.RAISED)
    )
    cells, chance = [], random.Random(number)
    for nesting in Nesting:
        cell = Cell(a.backend, "cpu", nesting, "float64")
        trials = tuple(
            Judged(
                Planned(TrialId("nn", f"c{i}", cell), "0"),
                raises if chance.random() < 0.3 else agrees,
                None,
            )
            for i in range(500)
        )
        cells.append(CellSummary(cell, "", trials))
    return replace(a, cells=tuple(cells))
