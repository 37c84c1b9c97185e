"""What must hold for every function: scaling, permuting, adding, exchanging, and any order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_analytic import Analytic, as_map, dense, elementwise, in_single, single, witness

from gradtier.oracle import (
    Outcome,
    Verdict,
    Witness,
    batched,
    certify_pullback,
    certify_pushforward,
    directional,
    judge_pullback,
    judge_pushforward,
)

FUNCTIONS = {
    "sine": (np.sin, np.cos),
    "gauss": (lambda x: np.exp(-(x**2)), lambda x: -2.0 * x * np.exp(-(x**2))),
    "cubic": (lambda x: x**3 - x, lambda x: 3.0 * x**2 - 1.0),
    "tanh": (np.tanh, lambda x: 1.0 - np.tanh(x) ** 2),
}
FAULTS = {
    "right": lambda g: g,
    "doubled": lambda g: 2.0 * g,
    "one element": lambda g: g * np.where(np.arange(g.size) == 3, 1.0 + 1e-5, 1.0),
    "nothing": lambda g: 0.0 * g,
}
POINTS = st.lists(
    st.floats(-3, 3, width=32).filter(lambda v: abs(v) > 1e-3), min_size=5, max_size=9
)


def scaled(k: int, slope, value, x: np.ndarray) -> Analytic:
    def chain(point, seed):
        return (2.0**k * slope(point[0]) * seed[0],)

    return Analytic(lambda x: 2.0**k * value(x), chain, chain, (x,))


def verdict_of(function: Analytic, change, alone: bool, name: str = "tests/property") -> Verdict:
    known = None if alone else witness(function)
    dossier = certify_pullback(name, function.primal, function.x, known)
    broken = as_map(lambda p, w: tuple(change(g) for g in function.pull(p, w)))
    return judge_pullback(dossier, function.primal, broken)


@settings(max_examples=40, deadline=None)
@given(
    POINTS,
    st.sampled_from(sorted(FUNCTIONS)),
    st.sampled_from(sorted(FAULTS)),
    st.booleans(),
    st.integers(-30, 30),
)
def test_scaling_a_function_by_a_power_of_two_changes_no_verdict(x, name, fault, alone, k) -> None:
    value, slope = FUNCTIONS[name]
    point = np.array(x)
    plain, larger = (
        verdict_of(scaled(power, slope, value, point), FAULTS[fault], alone) for power in (0, k)
    )
    assert (plain.outcome, plain.reason) == (larger.outcome, larger.reason)
    if plain.margin_fd is not None and np.isfinite(plain.margin_fd):
        assert larger.margin_fd == pytest.approx(plain.margin_fd, rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(-60, 60), st.sampled_from(sorted(FUNCTIONS)), st.floats(-2, 2, width=32))
def test_scaling_by_a_power_of_two_scales_slope_and_bar_exactly(k, name, x) -> None:
    value, _ = FUNCTIONS[name]
    slope, bar = directional(value, x, 1.0)
    assert directional(lambda x: 2.0**k * value(x), x, 1.0) == (2.0**k * slope, 2.0**k * bar)


@settings(max_examples=40, deadline=None)
@given(POINTS, st.sampled_from(sorted(FAULTS)), st.booleans(), st.randoms(use_true_random=False))
def test_permuting_the_elements_permutes_the_verdict(x, fault, alone, random) -> None:
    value, slope = FUNCTIONS["cubic"]
    order = list(range(len(x)))
    random.shuffle(order)
    point, back = np.array(x), np.argsort(order)
    plain = verdict_of(scaled(0, slope, value, point), FAULTS[fault], alone)
    moved = verdict_of(
        scaled(0, slope, value, point[order]), lambda g: FAULTS[fault](g[back])[order], alone
    )
    assert (plain.outcome, plain.reason) == (moved.outcome, moved.reason)
    if fault == "one element" and plain.outcome is Outcome.WRONG:
        assert plain.worst is not None and moved.worst is not None
        assert order[moved.worst.index] == plain.worst.index == 3


@settings(max_examples=40, deadline=None)
@given(POINTS, st.sampled_from(sorted(FAULTS)), st.booleans(), st.floats(-64, 64))
def test_adding_a_constant_changes_no_verdict(x, fault, alone, constant) -> None:
    value, slope = FUNCTIONS["sine"]
    plain = verdict_of(scaled(0, slope, value, np.array(x)), FAULTS[fault], alone)
    shifted = verdict_of(
        scaled(0, slope, lambda x: value(x) + constant, np.array(x)), FAULTS[fault], alone
    )
    assert shifted.outcome in (plain.outcome, Outcome.INCONCLUSIVE)
    if fault != "one element":  # the constant's rounding may hide 1e-5 from finite differences
        assert shifted.outcome is plain.outcome


@settings(max_examples=40, deadline=None)
@given(POINTS, st.sampled_from(sorted(FUNCTIONS)), st.floats(0, 6), st.booleans())
def test_agreement_is_symmetric_between_two_right_backends(x, name, ulps, pushed) -> None:
    value, slope = FUNCTIONS[name]

    def one(p, w):
        return (slope(p[0]) * w[0],)

    def other(p, w):
        wobble = np.where(np.arange(p[0].size) % 2, 1.0, -1.0)
        return (slope(p[0]) * w[0] * (1.0 + ulps * 2.0**-53 * wobble),)

    primal, point = batched(lambda p: value(p[0])), (np.array(x),)
    certify = certify_pushforward if pushed else certify_pullback
    judge = judge_pushforward if pushed else judge_pullback
    both = []
    for mine, theirs in ((one, other), (other, one)):
        known = Witness(as_map(theirs), in_single(theirs))
        dossier = certify("tests/exchange", primal, point, known)
        both.append(judge(dossier, primal, as_map(mine)).outcome)
    assert both[0] is both[1] is Outcome.AGREE


@settings(max_examples=30, deadline=None)
@given(POINTS, st.sampled_from(sorted(FAULTS)), st.sampled_from(sorted(FUNCTIONS)))
def test_a_lean_dossier_gives_the_outcome_of_a_full_one(x, fault, name) -> None:
    value, slope = FUNCTIONS[name]
    function = scaled(0, slope, value, np.array(x))
    broken = as_map(lambda p, w: tuple(FAULTS[fault](g) for g in function.pull(p, w)))

    def certified(lean: bool):
        return certify_pullback(
            "tests/lean", function.primal, function.x, witness(function), lean=lean
        )

    lean, full = certified(True), certified(False)
    assert lean.primal_evaluations <= full.primal_evaluations
    verdicts = [
        judge_pullback(lean, function.primal, broken, full=lambda: full),
        judge_pullback(full, function.primal, broken),
    ]
    assert verdicts[0].outcome is verdicts[1].outcome
    assert verdicts[0].reason is verdicts[1].reason


def test_a_lean_dossier_asks_the_reference_as_often_as_there_are_seeds() -> None:
    many = elementwise(50)
    lean = certify_pullback("tests/lean", many.primal, many.x, witness(many), lean=True)
    assert lean.lean
    assert lean.derivative_evaluations == 3  # two seeds, and one at another point
    verdict = judge_pullback(lean, many.primal, as_map(many.pull))
    assert (verdict.primal_evaluations, verdict.derivative_evaluations) == (0, 3)
    full = certify_pullback("tests/lean", many.primal, many.x, witness(many))
    assert not full.lean
    assert full.derivative_evaluations > 3


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from oracle_analytic import as_map, dense, witness
from gradtier.oracle import certify_pullback, judge_pullback
f = dense()
for name in sys.argv[2:]:
    dossier = certify_pullback(name, f.primal, f.x, witness(f))
    broken = as_map(lambda p, w: tuple(1.001 * g for g in f.pull(p, w)))
    print(name, judge_pullback(dossier, f.primal, broken).to_dict())
"""


def test_another_process_and_another_order_give_the_same_verdicts() -> None:
    folder = str(Path(__file__).parent)
    names = ["first", "second", "third"]
    told = []
    for order in (names, names[::-1]):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, folder, *order],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        told.append(sorted(done.stdout.splitlines()))
    assert told[0] == told[1]
    function = dense()
    dossier = certify_pullback("second", function.primal, function.x, witness(function))
    broken = as_map(lambda p, w: tuple(1.001 * g for g in function.pull(p, w)))
    here = f"second {judge_pullback(dossier, function.primal, broken).to_dict()}"
    assert here in told[0]


def test_a_million_elements_are_judged_and_one_wrong_one_is_found() -> None:
    many = elementwise(1_000_000)
    dossier = certify_pullback("tests/million", many.primal, many.x, witness(many), lean=True)

    def full():
        return certify_pullback("tests/million", many.primal, many.x, witness(many))

    right = judge_pullback(dossier, many.primal, as_map(many.pull), full=full)
    assert right.outcome is Outcome.AGREE

    def one_wrong(p, w):
        (g,) = many.pull(p, w)
        g[123_456] *= 1.0 + 1e-3
        return (g,)

    wrong = judge_pullback(dossier, many.primal, as_map(one_wrong), full=full)
    assert wrong.outcome is Outcome.WRONG
    assert wrong.worst is not None and wrong.worst.index == 123_456


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precisions_agree_when_right_and_are_caught_when_grossly_wrong(dtype: str) -> None:
    from gradtier.oracle import round_to

    x = round_to(single(np.linspace(0.5, 2.0, 8)), dtype)

    def slope(p, w):
        return (np.cos(p[0]) * w[0],)

    def low(p, w):
        return (round_to(round_to(np.cos(p[0]), dtype) * w[0], dtype),)

    primal = batched(lambda p: np.sin(p[0]))
    for kind, certify, judge in (
        ("pull", certify_pullback, judge_pullback),
        ("push", certify_pushforward, judge_pushforward),
    ):
        dossier = certify(f"tests/{kind}", primal, (x,), Witness(as_map(slope), as_map(low)), dtype)
        assert all(
            np.array_equal(leaf, round_to(leaf, dtype)) for seed in dossier.seeds for leaf in seed
        )
        assert judge(dossier, primal, as_map(low)).outcome is Outcome.AGREE
        double = as_map(lambda p, w: (2.0 * low(p, w)[0],))
        assert judge(dossier, primal, double).outcome is Outcome.WRONG
