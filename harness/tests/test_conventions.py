"""Tests of the table of conventions: who takes which slope at a kink."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent / "render"))

import support_world as world

from gradtier.conventions import WORDS, apart, by_package, conventions, differ
from gradtier.model import Mode, Nesting, Outcome
from gradtier.support import ConventionEntry

ROWS = {"a": "pack1", "b": "pack1", "c": "pack2", "d": "pack3", "f": "pack1"}


def said(word: str | None, like: str = "", same: bool = True) -> Any:
    """A verdict with its reference."""
    return {"convention": word, "margin_reference": 0.1 if same else 1e9}, like


def measured(
    ends: Mapping[str, Any], tags: tuple[str, ...] = ("kink",), **outcomes: Outcome | None
) -> tuple[Any, Any]:
    """Plan and evidence where row (or row/nesting) -> verdict and reference; the others agree."""
    backends = {
        name: world.backend(name.upper(), package=package,
                            mode="forward" if name == "f" else "reverse")
        for name, package in ROWS.items()
    }  # fmt: skip
    axes = {"devices": ["cpu"], "nesting": ["none", "forward"], "dtypes": ["float64"]}
    made = world.plan(world.declaration(backends, axes=axes), "nn/abs.kink")
    cases = {k: dataclasses.replace(c, tags=frozenset(tags)) for k, c in made.cases.items()}
    made = dataclasses.replace(made, cases=cases)
    found = world.evidence(made, lambda t: outcomes.get(t.cell.backend, Outcome.AGREE))
    records = {}
    for key, record in found.records.items():
        _, _, cell = key[0].partition("@")
        row, _, nesting, _ = cell.split("/")
        verdict, like = ends.get(f"{row}/{nesting}", (None, ""))
        if nesting == "none":
            verdict, like = ends.get(row, (verdict, like))
        records[key] = record.model_copy(update={"verdict": verdict, "reference": like or None})
    return made, dataclasses.replace(found, records=records)


def table(
    ends: Mapping[str, Any], tags: tuple[str, ...] = ("kink",), **outcomes: Outcome | None
) -> tuple[ConventionEntry, ...]:
    """The conventions of what is :func:`measured`."""
    made, found = measured(ends, tags, **outcomes)
    return conventions(made, world.show(made, found)[1])


def first(entries: tuple[ConventionEntry, ...]) -> dict[str, tuple[str, ...]]:
    """Word -> rows, of the first entry: reverse, first order."""
    assert (entries[0].mode, entries[0].nesting) == (Mode.REVERSE, Nesting.NONE)
    return {g.says: g.backends for g in entries[0].groups}


def test_rows_that_take_other_slopes_stand_apart_and_the_line_says_so() -> None:
    found = table({"a": said("right", same=False), "c": said("left", same=False)})
    assert first(found) == {"left": ("c",), "right": ("a",)}
    assert differ(found[0])


def test_the_same_numbers_under_two_words_are_no_difference() -> None:
    """c was asked along another direction than its reference."""
    found = table({"c": said("right", like="a"), "a": said("left", same=False)})
    assert first(found) == {"left": ("a", "c")}
    assert not differ(found[0])


def test_a_row_that_differs_from_its_reference_keeps_its_own_word() -> None:
    found = table({"c": said("middle", like="a", same=False), "a": said("right")})
    assert first(found) == {"right": ("a",), "middle": ("c",)}


def test_references_of_each_other_are_one_group_and_end() -> None:
    found = table(
        {"a": said("left", like="c"), "c": said("left", like="a"), "d": said("left", "d")}
    )
    assert first(found) == {"left": ("a", "c", "d")}


def test_modes_and_nestings_are_lines_of_their_own() -> None:
    found = table({"a": said("left"), "f": said("right"), "a/forward": said("zero")})
    lines = [(e.mode, e.nesting, [g.says for g in e.groups]) for e in found]
    assert lines == [
        (Mode.REVERSE, Nesting.NONE, ["left"]),
        (Mode.FORWARD, Nesting.NONE, ["right"]),
        (Mode.REVERSE, Nesting.FORWARD, ["zero"]),
    ]


def test_a_tagged_case_without_any_word_is_listed_and_one_not_measured_is_not() -> None:
    assert [(e.case, e.groups) for e in table({})] == [("nn/abs.kink", ())] * 2
    assert table({}, **dict.fromkeys(ROWS)) == ()


def test_a_word_counts_without_the_tag_and_a_smooth_case_has_no_line() -> None:
    assert first(table({"a": said("middle")}, tags=())) == {"middle": ("a",)}
    assert table({}, tags=()) == ()


def test_a_word_that_nobody_knows_is_not_passed_on() -> None:
    found = table({"a": said("<script>"), "c": said("left")})
    assert first(found) == {"left": ("c",)}


def test_packages_show_where_their_own_rows_differ() -> None:
    found = table({"a": said("left", same=False), "b": said("zero", same=False), "c": said("left")})
    assert by_package(found[0], ROWS) == {
        "pack1": {"left": ("a",), "zero": ("b",)},
        "pack2": {"left": ("c",)},
    }


def test_the_slope_that_fewer_packages_take_is_told_and_no_majority_is_no_difference() -> None:
    ends = {"a": said("left", same=False), "c": said("left"), "d": said("zero", same=False)}
    assert apart(table(ends), ROWS) == {("d", "cpu", Nesting.NONE): [("nn/abs.kink", "zero")]}
    assert apart(table({k: ends[k] for k in "ad"}), ROWS) == {}


def test_the_cell_of_a_row_that_takes_another_slope_has_a_footnote_and_no_other_has() -> None:
    ends = {"a": said("left", same=False), "c": said("left"), "d": said("zero", same=False)}
    shown = world.show(*measured(ends))[0]
    text = "At a kink another slope than most packages take (nn/abs.kink: zero)."
    (note,) = [f for f in shown.footnotes if f.text == text]
    assert [use.id for use in note.uses] == ["d/cpu/none"]


def test_rows_of_one_package_are_one_voice() -> None:
    ends = {"a": said("left"), "b": said("left"), "c": said("zero", same=False),
            "d": said("zero", same=False)}  # fmt: skip
    assert set(apart(table(ends), ROWS)) == {
        ("a", "cpu", Nesting.NONE), ("b", "cpu", Nesting.NONE)
    }  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from("abcd"),
        st.builds(said, st.sampled_from(WORDS), st.sampled_from("abcd"), st.booleans()),
        min_size=1,
    )
)  # fmt: skip
def test_every_row_that_says_a_word_stands_under_exactly_one(ends: dict[str, Any]) -> None:
    found = table(ends)
    assert sorted(r for g in found[0].groups for r in g.backends) == sorted(ends)
    words = [g.says for g in found[0].groups]
    assert words == [w for w in WORDS if w in words]
