"""Policies: total, monotone, and never moved by missing evidence in silence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradtier.matrix import TierClass
from gradtier.tiers import Answer, ClassFinding, Tally, judge

counts = st.integers(0, 12)
tallies_ = st.builds(Tally, agree=counts, wrong=counts, broken=counts, other=counts,
                     missing=counts).flatmap(
    lambda t: st.builds(
        replace, st.just(t), certified=st.integers(0, t.agree),
        claimed_wrong=st.integers(0, t.wrong),
    )
)  # fmt: skip
measured = st.fixed_dictionaries({n: tallies_ for n in ("none", "forward", "reverse")})
shares = st.floats(0, 1)
criteria = st.fixed_dictionaries(
    {},
    optional={
        "trials": st.integers(1, 20),
        "agreement": shares,
        "wrong": st.integers(0, 5),
        "unclaimed_wrong": st.integers(0, 5),
        "failing": shares,
        "nested": st.fixed_dictionaries(
            {"outer": st.just(["forward", "reverse"]), "at_least": shares,
             "need": st.sampled_from(["all", "any"])}
        ),
    },
)  # fmt: skip
ORDER = [Answer.FAILS, Answer.NOT_TESTED, Answer.HOLDS]


def tier(asked: dict[str, object]) -> TierClass:
    return TierClass.model_validate(
        {"id": "I", "title": "Tier I", "meaning": "Fine.", "criteria": asked}
    )


def rank(found: ClassFinding) -> int:
    return ORDER.index(found.answer)


@given(measured, criteria)
def test_every_policy_answers_every_evidence(t: dict[str, Tally], asked: dict) -> None:
    found = judge(tier(asked), t)
    assert [f.name for f in found.findings] == [
        n for n in ("trials", "agreement", "wrong", "unclaimed_wrong", "failing", "nested")
        if n in asked
    ]  # fmt: skip
    assert all(f.says and f.asks for f in found.findings)


@given(measured, criteria, st.sampled_from(["none", "forward", "reverse"]),
       st.sampled_from(["wrong", "broken", "other"]))  # fmt: skip
def test_one_failure_in_the_place_of_an_agreement_never_raises_a_class(
    t: dict[str, Tally], asked: dict, nesting: str, kind: str
) -> None:
    one = t[nesting]
    if not one.agree:
        return
    worse = replace(
        one, agree=one.agree - 1, certified=min(one.certified, one.agree - 1),
        **{kind: getattr(one, kind) + 1},
    )  # fmt: skip
    assert rank(judge(tier(asked), {**t, nesting: worse})) <= rank(judge(tier(asked), t))


@given(measured, criteria, st.sampled_from(["none", "forward", "reverse"]),
       st.sampled_from(["agree", "wrong", "broken", "other"]))  # fmt: skip
def test_losing_a_record_neither_makes_a_class_hold_nor_fail(
    t: dict[str, Tally], asked: dict, nesting: str, kind: str
) -> None:
    one = t[nesting]
    if not getattr(one, kind):
        return
    lost = replace(
        one, **{kind: getattr(one, kind) - 1}, missing=one.missing + 1,
        **({"certified": min(one.certified, one.agree - 1)} if kind == "agree" else {}),
        **({"claimed_wrong": min(one.claimed_wrong, one.wrong - 1)} if kind == "wrong" else {}),
    )  # fmt: skip
    before, after = judge(tier(asked), t).answer, judge(tier(asked), {**t, nesting: lost}).answer
    if after is Answer.HOLDS:
        assert before is Answer.HOLDS


@given(measured, criteria)
def test_running_what_is_missing_can_settle_but_not_overturn_an_answer(
    t: dict[str, Tally], asked: dict
) -> None:
    before = judge(tier(asked), t).answer
    for settle in (Tally.best, Tally.worst):
        after = judge(tier(asked), {n: settle(x) for n, x in t.items()}).answer
        if before is not Answer.NOT_TESTED:
            assert after is before
        assert after is not Answer.NOT_TESTED


@pytest.mark.parametrize(
    ("tally", "answer"),
    [
        (Tally(agree=10), Answer.HOLDS),
        (Tally(agree=9, wrong=1), Answer.HOLDS),
        (Tally(agree=8, wrong=2), Answer.FAILS),
        (Tally(agree=8, missing=2), Answer.NOT_TESTED),
        (Tally(agree=18, missing=2), Answer.HOLDS),
        (Tally(missing=10), Answer.NOT_TESTED),
        (Tally(), Answer.FAILS),
    ],
)
def test_nine_of_ten_is_where_it_says(tally: Tally, answer: Answer) -> None:
    assert judge(tier({"agreement": 0.9}), {"none": tally}).answer is answer
