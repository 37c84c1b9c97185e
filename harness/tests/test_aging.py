"""Tests of how old evidence is: nothing old is hidden, and nothing fresh is called stale."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent / "render"))

import dataclasses

import support_world as world

from gradtier.aging import ages, stale_aside
from gradtier.facts import day_of
from gradtier.model import Outcome

TODAY = datetime.date(2026, 3, 1)


def at(days: int) -> str:
    return f"{(TODAY - datetime.timedelta(days=days)).isoformat()}T09:00:00Z"


def test_evidence_is_stale_from_the_day_after_the_last_that_is_allowed() -> None:
    assert stale_aside(ages([at(180)]), 180, TODAY) == ""
    assert stale_aside(ages([at(181)]), 180, TODAY) == "stale: 1 of 1 older than 180 days"


def test_some_old_trials_are_counted_among_all_and_fresh_ones_do_not_hide_them() -> None:
    found = ages([at(181)] * 3 + [at(1)] * 77)
    assert stale_aside(found, 180, TODAY) == "stale: 3 of 80 older than 180 days"
    assert (found.first, found.last) == (
        TODAY - datetime.timedelta(181),
        datetime.date(2026, 2, 28),
    )


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30T09:00:00Z", "2026-02-28", "9" * 40])
def test_a_time_that_is_none_may_be_old_so_it_is(text: str) -> None:
    aside = stale_aside(ages([text, at(1)]), 180, TODAY)
    dated = day_of(text) is not None
    assert aside == ("" if dated else "stale: 1 of 2 older than 180 days or undated")


def test_a_policy_without_an_age_calls_nothing_stale_and_no_evidence_is_not_old() -> None:
    assert stale_aside(ages([at(9000), ""]), None, TODAY) == ""
    assert stale_aside(ages([]), 1, TODAY) == ""
    assert ages([]).first is None and ages([""]).last is None


def test_a_record_from_tomorrow_is_not_old() -> None:
    assert stale_aside(ages([at(-3)]), 1, TODAY) == ""


@given(st.lists(st.one_of(
    st.datetimes(timezones=st.sampled_from([
        datetime.UTC, datetime.timezone(datetime.timedelta(hours=14)),
        datetime.timezone(datetime.timedelta(hours=-12)),
    ])).map(lambda t: t.isoformat()),
    st.datetimes().map(lambda t: t.isoformat(timespec="seconds") + "Z"),
    st.text(max_size=25),
)))  # fmt: skip
def test_days_are_those_of_each_time_by_itself_in_utc(times: list[str]) -> None:
    found = ages(times)
    days = [day_of(text) for text in times]
    assert found.total == len(times) and found.undated == days.count(None)
    assert found.days == {day: days.count(day) for day in days if day is not None}


def cell(after: int | None, *days: int) -> tuple[str, ...]:
    """The asides of a cell whose trials, all of which agree, are so old."""
    cases = [f"nn/case{i}" for i in range(len(days))]
    policy = world.declaration({"a": world.backend()}).policy.model_dump()
    matrix = world.declaration({"a": world.backend()}, policy=policy | {"stale_after": after})
    made = world.plan(matrix, *cases)
    found = world.evidence(made, Outcome.AGREE)
    dated = {
        key: record.model_copy(update={"finished": at(n)})
        for n, (key, record) in zip(days, found.records.items(), strict=True)
    }
    table, _, _ = world.show(made, dataclasses.replace(found, records=dated), TODAY)
    return table.rows[0].cells[0].asides


def test_a_cell_says_how_much_of_it_is_older_than_the_policy_allows() -> None:
    assert cell(30, 31, 300, 30) == ("stale: 2 of 3 older than 30 days",)
    assert cell(30, 31, 300) == ("stale: 2 of 2 older than 30 days",)
    assert cell(30, 30, 0) == ()
    assert cell(None, 9000) == ()
