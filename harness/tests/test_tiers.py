"""Criteria: total, monotone, and never moved by missing evidence in silence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradtier.policy import Criteria, TierClass
from gradtier.tally import Facts, Lap, Tally, total
from gradtier.tiers import Answer, ClassFinding, Finding, allowed, judge, needed, share

counts = st.integers(0, 4)


@st.composite
def tallies_(draw: st.DrawFn) -> Tally:
    one = Tally(*(draw(counts) for _ in range(8)))
    wrong = draw(st.integers(0, one.waived))
    return replace(
        one,
        certified=draw(st.integers(0, one.agree)),
        claimed_wrong=draw(st.integers(0, one.wrong)),
        waived_wrong=wrong,
        waived_claimed=draw(st.integers(0, wrong)),
    )


laps = st.builds(
    Lap, run=st.just("r"), source=st.just("self"), finished=st.booleans(),
    wrong=st.integers(0, 1), waived_wrong=st.integers(0, 1), errors=st.integers(0, 1),
)  # fmt: skip


@st.composite
def facts_(draw: st.DrawFn) -> Facts:
    first = {suite: draw(tallies_()) for suite in ("nn", "linalg")}
    orders = {"none": total(first.values())}
    orders |= {outer: draw(tallies_()) for outer in ("forward", "reverse")}
    every = total(orders.values())
    return Facts(
        orders=orders, suites=first,
        devices={"cpu": orders["none"], "cuda": draw(tallies_())},
        counted=every.evident, evident=every.evident + every.missing,
        costs={"cpu": draw(st.none() | st.floats(1, 9))},
        laps=tuple(draw(st.lists(laps, max_size=4))),
    )  # fmt: skip


shares = st.sampled_from([0.0, 0.2, 0.25, 1 / 3, 0.5, 0.6, 2 / 3, 0.75, 0.8, 0.9, 1.0])
CRITERIA = {
    "trials": st.integers(1, 40),
    "agreement": shares,
    "suites": st.dictionaries(
        st.sampled_from(["nn", "linalg", "*", "n*", "fft"]), shares, min_size=1
    ),
    "devices": st.sampled_from([["cpu"], ["cuda"], ["cpu", "cuda"]]),
    "wrong": st.integers(0, 5),
    "unclaimed_wrong": st.integers(0, 5),
    "failing": shares,
    "nested": st.fixed_dictionaries(
        {
            "outer": st.just(["forward", "reverse"]),
            "at_least": shares,
            "need": st.sampled_from(["all", "any"]),
        }
    ),
    "both_witnesses": shares,
    "clean_runs": st.integers(1, 3),
    "cost": st.floats(1, 9),
    "sources": st.just(["ci"]),
    "fresh_days": st.just(30),
}
criteria = st.fixed_dictionaries({}, optional=CRITERIA)
#: One criterion at a time: a class holds as far as the worst of its criteria does.
one_criterion = st.one_of([st.fixed_dictionaries({name: of}) for name, of in CRITERIA.items()])
ORDER = [Answer.FAILS, Answer.NOT_TESTED, Answer.HOLDS]
KINDS = ("agree", "wrong", "broken", "other", "waived")


def tier(asked: dict[str, Any]) -> TierClass:
    return TierClass.model_validate(
        {"id": "I", "title": "Tier I", "meaning": "Fine.", "criteria": asked}
    )


def only(asked: dict[str, Any], facts: Facts) -> Finding:
    (finding,) = judge(tier(asked), facts).findings
    return finding


def rank(found: ClassFinding) -> int:
    return ORDER.index(found.answer)


def moved(facts: Facts, place: str, change: Tally) -> Facts:
    """The facts with a change to one nesting, or to one suite at first order."""
    order = place if place in facts.orders else "none"
    orders = {**facts.orders, order: facts.orders[order] + change}
    suites, devices = dict(facts.suites), dict(facts.devices)
    if order == "none":
        suites[place] += change
        devices["cpu"] = orders["none"]
    every = total(orders.values())
    return replace(facts, orders=orders, suites=suites, devices=devices, counted=every.evident)


def at(facts: Facts, place: str) -> Tally:
    return facts.orders[place] if place in facts.orders else facts.suites[place]


def with_less(one: Tally, kind: str) -> Tally:
    """What taking one trial away from a count does to those inside it, the worst for us."""
    inner = {"agree": "certified", "wrong": "claimed_wrong", "waived": "waived_wrong"}.get(kind)
    change = Tally(**{kind: -1})
    if inner is not None and getattr(one, inner) == getattr(one, kind):
        change += Tally(**{inner: -1})
    if kind == "waived" and one.waived_claimed == one.waived_wrong == one.waived:
        change += Tally(waived_claimed=-1)
    return change


places = st.sampled_from(["nn", "linalg", "forward", "reverse"])


@settings(deadline=None)
@given(facts_(), criteria)
def test_every_policy_answers_every_evidence(facts: Facts, asked: dict[str, Any]) -> None:
    found = judge(tier(asked), facts)
    assert [f.name for f in found.findings] == [n for n in Criteria.model_fields if n in asked]
    for f in found.findings:
        assert f.says and f.asks
        assert bool(f.lack) == (f.answer is not Answer.HOLDS)
        assert f.more == 0 or f.answer is not Answer.HOLDS


def test_every_criterion_of_the_policy_has_its_function() -> None:
    asked = {
        "trials": 1, "agreement": 1, "suites": {"nn": 1}, "devices": ["cpu"], "wrong": 0,
        "unclaimed_wrong": 0, "failing": 1, "nested": {"outer": ["forward"], "at_least": 1},
        "both_witnesses": 1, "clean_runs": 1, "cost": 1, "sources": ["ci"], "fresh_days": 1,
    }  # fmt: skip
    assert set(asked) == set(Criteria.model_fields)
    assert [f.name for f in judge(tier(asked), Facts()).findings] == [*Criteria.model_fields]


@settings(deadline=None)
@given(facts_(), one_criterion, places, st.sampled_from(["wrong", "broken", "other", "waived"]))
def test_one_failure_in_the_place_of_an_agreement_never_raises_a_class(
    facts: Facts, asked: dict[str, Any], place: str, kind: str
) -> None:
    one = at(facts, place)
    if not one.agree:
        return
    worse = moved(facts, place, with_less(one, "agree") + Tally(**{kind: 1}))
    assert rank(judge(tier(asked), worse)) <= rank(judge(tier(asked), facts))


@settings(deadline=None)
@given(facts_(), one_criterion, places, st.sampled_from(["wrong", "broken", "other"]))
def test_one_failure_more_never_raises_what_holds(
    facts: Facts, asked: dict[str, Any], place: str, kind: str
) -> None:
    # more trials are more evidence, and a trial that declines is no failure
    if "trials" in asked or ("failing" in asked and kind == "other"):
        return
    facts = replace(facts, counted=max(1, facts.counted))
    worse = moved(facts, place, Tally(**{kind: 1}))
    if judge(tier(asked), worse).answer is Answer.HOLDS and at(facts, place).planned:
        assert judge(tier(asked), facts).answer is Answer.HOLDS


@settings(deadline=None)
@given(facts_(), one_criterion, places, st.sampled_from(KINDS))
def test_losing_a_record_never_makes_a_class_hold(
    facts: Facts, asked: dict[str, Any], place: str, kind: str
) -> None:
    one = at(facts, place)
    if not getattr(one, kind):
        return
    lost = moved(facts, place, with_less(one, kind) + Tally(missing=1))
    if judge(tier(asked), lost).answer is Answer.HOLDS:
        assert judge(tier(asked), facts).answer is Answer.HOLDS


@settings(deadline=None)
@given(facts_(), one_criterion, places, st.sampled_from(["broken", "other", "wrong"]))
def test_a_waiver_that_lapses_never_raises_a_class(
    facts: Facts, asked: dict[str, Any], place: str, kind: str
) -> None:
    one = at(facts, place)
    change = Tally(waived=-1) + Tally(**{kind: 1})
    if kind == "wrong":
        if not one.waived_wrong:
            return
        change += Tally(waived_wrong=-1)
        change += Tally(waived_claimed=-(one.waived_claimed == one.waived_wrong))
    elif one.waived == one.waived_wrong:
        return
    lapsed = moved(facts, place, change)
    assert rank(judge(tier(asked), lapsed)) <= rank(judge(tier(asked), facts))


@settings(deadline=None)
@given(facts_(), one_criterion)
def test_a_waived_wrong_never_helps_where_it_is_judged_strictly(
    facts: Facts, asked: dict[str, Any]
) -> None:
    strict = facts.strict()
    assert not any(t.waived_wrong for t in strict.orders.values())
    assert total(strict.orders.values()).planned == total(facts.orders.values()).planned
    assert rank(judge(tier(asked), strict)) <= rank(judge(tier(asked), facts))


@settings(deadline=None)
@given(facts_(), one_criterion)
def test_running_what_is_missing_can_settle_but_not_overturn_an_answer(
    facts: Facts, asked: dict[str, Any]
) -> None:
    if asked.keys() & {"clean_runs", "cost", "sources", "fresh_days"}:
        return  # not a matter of missing trials alone
    before = judge(tier(asked), facts).answer
    for settle in (Tally.best, Tally.worst):
        orders, suites, devices = (
            {k: settle(t) for k, t in of.items()}
            for of in (facts.orders, facts.suites, facts.devices)
        )
        after = judge(
            tier(asked), replace(facts, orders=orders, suites=suites, devices=devices)
        ).answer
        if before is not Answer.NOT_TESTED:
            assert after is before
        assert after is not Answer.NOT_TESTED


@settings(deadline=None)
@given(facts_(), st.integers(1, 3), st.integers(0, 3), st.sampled_from(["wrong", "finished"]))
def test_a_run_that_gets_worse_or_loses_a_line_is_no_cleaner(
    facts: Facts, least: int, which: int, how: str
) -> None:
    if which >= len(facts.laps):
        return
    lap = facts.laps[which]
    # a lost line, be it of a failure, leaves the run unfinished
    worse = replace(lap, wrong=lap.wrong + 1) if how == "wrong" else Lap("r", finished=False)
    less = replace(facts, laps=(*facts.laps[:which], worse, *facts.laps[which + 1 :]))
    if only({"clean_runs": least}, less).answer is Answer.HOLDS:
        assert only({"clean_runs": least}, facts).answer is Answer.HOLDS


# --- where each criterion draws its line ----------------------------------------------------------


@pytest.mark.parametrize(
    ("tally", "answer"),
    [
        (Tally(agree=10), Answer.HOLDS),
        (Tally(agree=9, wrong=1), Answer.HOLDS),
        (Tally(agree=8, wrong=2), Answer.FAILS),
        (Tally(agree=8, missing=2), Answer.NOT_TESTED),
        (Tally(agree=18, missing=2), Answer.HOLDS),
        (Tally(agree=9, wrong=1, waived=5), Answer.HOLDS),
        (Tally(waived=5), Answer.FAILS),
        (Tally(missing=10), Answer.NOT_TESTED),
        (Tally(), Answer.FAILS),
    ],
)
def test_nine_of_ten_is_where_it_says(tally: Tally, answer: Answer) -> None:
    assert only({"agreement": 0.9}, Facts(orders={"none": tally})).answer is answer


@settings(deadline=None)
@given(st.floats(0, 1), st.integers(1, 300))
def test_how_many_more_must_agree_is_exact(least: float, whole: int) -> None:
    part = needed(least, whole)
    assert share(part, whole) >= least and (not part or share(part - 1, whole) < least)
    most = allowed(least, whole)
    assert share(most, whole) <= least and (most == whole or share(most + 1, whole) > least)


@settings(deadline=None)
@given(facts_(), shares)
def test_agreeing_in_so_many_more_makes_it_hold_and_in_one_less_does_not(
    facts: Facts, least: float
) -> None:
    first = replace(facts.first, waived=0, waived_wrong=0, waived_claimed=0)
    found = only({"agreement": least}, Facts(orders={"none": first}))
    whole = first.planned
    if found.answer is Answer.HOLDS or not whole:
        return
    for more, answer in ((found.more, Answer.HOLDS), (found.more - 1, Answer.FAILS)):
        mended = Tally(agree=first.agree + more, wrong=whole - first.agree - more)
        assert only({"agreement": least}, Facts(orders={"none": mended})).answer is answer


@pytest.mark.parametrize(
    ("asked", "before", "after"),
    [
        # an agreement that only one witness certifies turns wrong
        (
            {"both_witnesses": 0.9},
            Tally(agree=10, certified=8),
            Tally(agree=9, certified=8, wrong=1),
        ),
        # what is unsupported is not waived any more
        ({"failing": 0.1}, Tally(agree=8, broken=1, waived=1), Tally(agree=8, broken=1, other=1)),
        ({"trials": 9}, Tally(agree=8, waived=1), Tally(agree=8, broken=1)),
    ],
)
def test_what_gets_worse_is_not_left_out_of_what_it_is_counted_in(
    asked: dict[str, Any], before: Tally, after: Tally
) -> None:
    answers = [only(asked, Facts(orders={"none": t})).answer for t in (before, after)]
    assert ORDER.index(answers[1]) <= ORDER.index(answers[0])


@pytest.mark.parametrize(
    ("suites", "asked", "answer"),
    [
        ({"nn": Tally(agree=9, wrong=1)}, {"nn": 0.9}, Answer.HOLDS),
        ({"nn": Tally(agree=9, wrong=1), "fft": Tally(wrong=1)}, {"nn": 0.9}, Answer.HOLDS),
        ({"nn": Tally(agree=9, wrong=1), "fft": Tally(wrong=1)}, {"*": 0.9}, Answer.FAILS),
        ({"nn": Tally(agree=9), "fft": Tally(missing=3)}, {"*": 0.9}, Answer.NOT_TESTED),
        ({"nn": Tally(agree=9)}, {"fft": 0.1}, Answer.FAILS),
        ({"nn": Tally(agree=9), "fft": Tally()}, {"*": 0.9}, Answer.HOLDS),
    ],
)
def test_each_suite_that_a_glob_names_must_reach_the_share(
    suites: dict[str, Tally], asked: dict[str, float], answer: Answer
) -> None:
    assert only({"suites": asked}, Facts(suites=suites)).answer is answer


@pytest.mark.parametrize(
    ("devices", "answer"),
    [
        ({"cpu": Tally(agree=1), "cuda": Tally(agree=1, wrong=50)}, Answer.HOLDS),
        ({"cpu": Tally(agree=1), "cuda": Tally(missing=5)}, Answer.NOT_TESTED),
        ({"cpu": Tally(agree=1), "cuda": Tally(wrong=5)}, Answer.FAILS),
        ({"cpu": Tally(agree=1)}, Answer.FAILS),
    ],
)
def test_every_device_asked_for_must_have_agreement(
    devices: dict[str, Tally], answer: Answer
) -> None:
    assert only({"devices": ["cpu", "cuda"]}, Facts(devices=devices)).answer is answer


CLEAN, CUT, DIRTY, ERROR = Lap("c"), Lap("u", finished=False), Lap("d", wrong=1), Lap("e", errors=1)


@pytest.mark.parametrize(
    ("runs", "answer"),
    [
        ((CLEAN, CLEAN), Answer.HOLDS),
        ((CLEAN, CLEAN, DIRTY), Answer.HOLDS),
        ((CLEAN, DIRTY, CLEAN), Answer.FAILS),
        ((ERROR, CLEAN), Answer.FAILS),
        ((CLEAN,), Answer.NOT_TESTED),
        ((CLEAN, CUT), Answer.NOT_TESTED),
        ((CUT, DIRTY), Answer.FAILS),
        ((), Answer.NOT_TESTED),
    ],
)
def test_clean_runs_are_counted_from_the_last(runs: tuple[Lap, ...], answer: Answer) -> None:
    assert only({"clean_runs": 2}, Facts(laps=runs)).answer is answer


@pytest.mark.parametrize(
    ("costs", "answer"),
    [
        ({"cpu": 2.0}, Answer.HOLDS),
        ({"cpu": 2.01}, Answer.FAILS),
        ({"cpu": None}, Answer.NOT_TESTED),
        ({"cpu": 1.0, "cuda": None}, Answer.NOT_TESTED),
        ({"cpu": 3.0, "cuda": None}, Answer.FAILS),
        ({}, Answer.NOT_TESTED),
    ],
)
def test_a_cost_that_nobody_measured_is_not_tested(
    costs: dict[str, float | None], answer: Answer
) -> None:
    assert only({"cost": 2.0}, Facts(costs=costs)).answer is answer


def test_a_share_is_asked_for_as_it_stands_in_the_policy() -> None:
    assert only({"failing": 0.025}, Facts()).asks == "at most 2.5%"
    assert only({"agreement": 0.9}, Facts()).asks == "at least 90%"
