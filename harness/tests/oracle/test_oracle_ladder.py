"""The ladder behind a verdict: there where somebody looks at it, true to the digit, and small."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle_analytic import Analytic, as_map, broken, dense, witness

from gradtier.oracle import Outcome, certify_pullback, certify_pushforward, judge_pushforward
from gradtier.oracle.api import judge_pullback
from gradtier.oracle.differences import Samples, steps
from gradtier.oracle.ladder import MOST_RUNGS, ladder

DENSE = dense()


def judged(change: Any, reference: bool = True, push: bool = False) -> dict[str, Any]:
    """The verdict on a changed derivative, as a record keeps it."""
    answer = DENSE.push if push else DENSE.pull
    certify = certify_pushforward if push else certify_pullback
    judge = judge_pushforward if push else judge_pullback
    known = witness(DENSE, "push" if push else "pull") if reference else None
    dossier = certify("tests/ladder", DENSE.primal, DENSE.x, known)
    verdict = judge(dossier, DENSE.primal, broken(answer, change), full=lambda: dossier)
    return verdict.to_dict()


def doubled(leaves: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    return tuple(2.0 * a for a in leaves)


@pytest.mark.parametrize("push", [False, True], ids=["pullback", "pushforward"])
@pytest.mark.parametrize("reference", [True, False], ids=["reference", "alone"])
def test_a_wrong_derivative_has_a_ladder_that_comes_down_to_the_slope(
    reference: bool, push: bool
) -> None:
    found = judged(doubled, reference, push)
    worst = found["worst"]
    step, off = worst["ladder"]["step"], worst["ladder"]["off"]
    assert found["outcome"] == "wrong" and len(step) == len(off)
    assert step == sorted(step, reverse=True) and step[-1] > 0
    gap = abs(worst["got"] - worst["fd"])
    assert min(map(abs, off)) < 1e-9 * gap  # the quotients settle at the slope
    assert min(abs(o + worst["fd"] - worst["got"]) for o in off) > 0.5 * gap  # and not at this


def test_a_rung_is_the_difference_quotient_of_the_function_itself() -> None:
    worst = judged(doubled, reference=False)["worst"]
    h, off = worst["ladder"]["step"][1], worst["ladder"]["off"][1]
    x = [np.array(a) for a in DENSE.x]
    (seed, *_) = certify_pullback("tests/ladder", DENSE.primal, DENSE.x, None).seeds
    quotients = []
    for cotangent in certify_pullback("tests/ladder", DENSE.primal, DENSE.x, None).seeds:
        ends = []
        for sign in (1.0, -1.0):
            moved = [a.copy() for a in x]
            moved[worst["leaf"]].reshape(-1)[worst["index"]] += sign * h
            (value,) = DENSE.primal([tuple(moved)])[0]
            ends.append(float(np.sum(value * cotangent[0])))
        quotients.append((ends[0] - ends[1]) / (2.0 * h))
    assert len(seed) == 1
    assert min(abs(q - worst["fd"] - off) for q in quotients) < 1e-5 * abs(off)


def test_what_agrees_with_the_reference_keeps_no_ladder() -> None:
    found = judged(lambda leaves: leaves)
    assert found["outcome"] == "agree" and "ladder" not in found["worst"]


def test_what_finite_differences_alone_confirm_keeps_its_ladder() -> None:
    found = judged(lambda leaves: leaves, reference=False)
    assert found["outcome"] == "agree" and found["witnesses"] == ["finite-differences"]
    assert len(found["worst"]["ladder"]["step"]) >= 3


def test_at_a_kink_an_allowed_slope_keeps_no_ladder_beside_a_reference() -> None:
    kink = Analytic(
        lambda x: np.maximum(x, 0.0),
        lambda point, seed: (np.where(point[0] > 0, seed[0], 0.0),),
        lambda point, seed: (np.where(point[0] > 0, seed[0], 0.0),),
        (np.array([0.0, 1.0, -2.0]),),
    )
    dossier = certify_pullback("tests/kink", kink.primal, kink.x, witness(kink))
    other = as_map(lambda point, seed: (np.where(point[0] >= 0, seed[0], 0.0),))
    verdict = judge_pullback(dossier, kink.primal, other, full=lambda: dossier)
    assert verdict.outcome is Outcome.AGREE and verdict.worst is not None
    assert verdict.worst.ladder and "ladder" not in (verdict.to_dict()["worst"] or {})


def test_a_ladder_is_small_in_a_record() -> None:
    assert len(json.dumps(judged(doubled)["worst"]["ladder"])) < 600


def sampled(plus: np.ndarray, minus: np.ndarray) -> Samples:
    return Samples(plus[:, None], minus[:, None], np.zeros(1), np.ones(1))


@given(
    st.integers(1, 24),
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=48, max_size=48),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([1.0, 2.0**-30, 2.0**40]),
)
def test_values_that_are_not_finite_never_reach_a_record(
    rows: int, values: list[float], slope: float, length: float
) -> None:
    plus, minus = np.array(values[:rows]), np.array(values[24 : 24 + rows])
    rungs = ladder(sampled(plus, minus), 0, slope, length)
    assert len(rungs) <= min(rows, MOST_RUNGS)
    assert all(np.isfinite(h) and h > 0 and np.isfinite(off) for h, off in rungs)
    assert [h for h, _ in rungs] == sorted({h for h, _ in rungs}, reverse=True)
    json.dumps(rungs, allow_nan=False)


def test_the_coarsest_and_the_finest_step_are_always_there() -> None:
    h = steps(24)
    rungs = ladder(sampled(h, -h), 0, 1.0)
    assert rungs[0][0] == pytest.approx(h[0]) and rungs[-1][0] == pytest.approx(h[-1], rel=1e-5)
    assert all(off == 0.0 for _, off in rungs)  # a line has one slope
