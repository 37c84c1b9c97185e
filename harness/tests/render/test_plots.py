"""Plots of error against step: what they show, and that no record can break them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_case_page import many, mixed, rendered
from test_html import Page

from gradtier.render.plots import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, plot

STEPS = [2.0**-k for k in range(4, 20)]


def verdict(got: float, reference: Any = 1.0, slope: float = 1.0, **worst: Any) -> dict[str, Any]:
    """Quotients whose error falls as the square of the step, to a slope."""
    ladder = {"step": STEPS, "off": [h * h for h in STEPS]}
    known = {"leaf": 0, "index": 0, "got": got, "reference": reference, "fd": slope,
             "fd_error": 1e-10, "allowed": 1e-15, "ladder": ladder}  # fmt: skip
    return {"worst": {**known, **worst}, "findings": []}


def heights(points: Any) -> list[float]:
    return [y for _, y in points]


def test_a_wrong_derivative_stays_where_it_is_while_the_reference_comes_down() -> None:
    found = plot(verdict(got=1.5))
    assert found is not None and found.other is not None and found.of == "the reference"
    mine, theirs = heights(found.got.points), heights(found.other.points)
    assert max(mine) - min(mine) < 5 < max(theirs) - min(theirs)
    assert theirs == sorted(theirs)[:: 1 if theirs[0] < theirs[-1] else -1]
    assert theirs[-1] > theirs[0]  # y grows downwards, and steps shrink along the rows


def test_a_reference_that_is_as_wrong_is_replaced_by_the_slope() -> None:
    found = plot(verdict(got=1.5, reference=7.0))
    assert found is not None and found.of == "the slope they settle at"
    alone = plot(verdict(got=1.5, reference=None))
    assert alone is not None and alone.of == "the slope they settle at"


def test_a_right_derivative_without_a_reference_has_one_curve() -> None:
    found = plot(verdict(got=1.0, reference=None))
    assert found is not None and found.other is None and found.bar is not None


def test_a_wrong_reference_stays_up_where_the_backend_comes_down() -> None:
    found = plot(verdict(got=1.0, reference=1.5))
    assert found is not None and found.other is not None
    assert heights(found.got.points)[-1] > heights(found.other.points)[-1]


def test_the_table_beside_the_plot_holds_the_quotients_themselves() -> None:
    found = plot(verdict(got=1.5))
    assert found is not None
    assert found.rows[0] == ("0.0625", "1.00390625", "0.496", "0.00391")


@pytest.mark.parametrize(
    "worst",
    [
        {"ladder": None}, {"ladder": []}, {"ladder": {"step": 1, "off": 2}},
        {"ladder": {"step": [0.1], "off": [1.0]}}, {"ladder": {"step": ["a", "b"], "off": [1, 2]}},
        {"ladder": {"step": [-1.0, 0.0], "off": [1.0, 2.0]}}, {"got": "nan"}, {"fd": "inf"},
        {"ladder": {"off": [1.0, 2.0]}}, {"got": None}, {"got": [1.0]},
    ],
)  # fmt: skip
def test_without_a_ladder_that_can_be_drawn_there_is_no_plot(worst: dict[str, Any]) -> None:
    assert plot(verdict(**{"got": 1.5, **worst})) is None


def test_records_from_before_ladders_were_kept_have_no_plot() -> None:
    assert plot(None) is None and plot({}) is None
    assert plot({"worst": {"got": 1.0, "fd": 2.0}}) is None


NUMBERS = st.one_of(
    st.floats(),
    st.none(),
    st.sampled_from(["nan", "inf", "-inf", "x"]),
    st.integers(),
    st.booleans(),
)


@given(
    got=NUMBERS, reference=NUMBERS, slope=NUMBERS, error=NUMBERS,
    steps=st.lists(NUMBERS, max_size=8), offs=st.lists(NUMBERS, max_size=8),
)  # fmt: skip
def test_every_point_lies_within_the_axes_whatever_a_record_says(
    got: Any, reference: Any, slope: Any, error: Any, steps: Any, offs: Any
) -> None:
    worst = {"got": got, "reference": reference, "fd": slope, "fd_error": error,
             "ladder": {"step": steps, "off": offs}}  # fmt: skip
    found = plot({"worst": worst})
    if found is None:
        return
    points = [*found.got.points, *(found.other.points if found.other else ())]
    points += [(LEFT, tick.at) for tick in found.y] + [(tick.at, TOP) for tick in found.x]
    points += [] if found.bar is None else [(LEFT, found.bar)]
    for x, y in points:
        assert math.isfinite(x) and LEFT <= x <= WIDTH - RIGHT
        assert math.isfinite(y) and TOP <= y <= HEIGHT - BOTTOM


def test_a_plot_is_on_the_page_with_its_words_and_numbers_and_a_link_from_its_trial() -> None:
    text, _ = rendered(many(mixed, verdict(got=1.5)))
    page = Page(text)
    assert not page.faults
    drawn = page.all("svg", role="img")
    assert len(drawn) == 12  # six wrong, six that decline with the same numbers
    ids = {a["id"] for _, a in page.elements if "id" in a}
    assert {label for svg in drawn for label in svg["aria-labelledby"].split()} <= ids
    assert {a["href"] for a in page.all("a") if a["href"].startswith("#plot-")} == {
        f"#plot-{i}" for i in range(1, 13)
    }
    assert "distance from the derivative got: 0.5 at the largest step" in page.text
    assert "off what the backend gave □ off the reference ┄ uncertainty claimed" in page.text


def test_at_most_a_dozen_plots_are_on_a_page_the_worst_trials_first() -> None:
    text, _ = rendered(many(verdict=verdict(got=1.0, reference=None)))
    assert len(Page(text).all("figure")) == 12  # of 24 that agree by finite differences alone
