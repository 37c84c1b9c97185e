"""Kinks, ties and jumps: every convention is allowed and named, nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from oracle_analytic import Analytic, as_map, maximum, relu, witness

from gradtier.oracle import (
    Outcome,
    Verdict,
    Witness,
    batched,
    certify_pullback,
    certify_pushforward,
    judge_pullback,
    judge_pushforward,
)
from gradtier.oracle.differences import Samples, sides, steps

POINT = [0.0, 1.5, -2.0, 0.75]


def relu_verdict(reference: float | None, claimed: float, kind: str = "pull") -> Verdict:
    right, other = relu(POINT, reference or 0.0), relu(POINT, claimed)
    known = None if reference is None else witness(right, kind)
    certify, judge = (
        (certify_pullback, judge_pullback)
        if kind == "pull"
        else (certify_pushforward, judge_pushforward)
    )
    dossier = certify(f"tests/relu/{kind}", right.primal, right.x, known)
    return judge(dossier, right.primal, as_map(other.pull))


@pytest.mark.parametrize("kind", ["pull", "push"])
@pytest.mark.parametrize("reference", [0.0, 0.5, 1.0, None])
@pytest.mark.parametrize(
    ("claimed", "name"), [(0.0, "left"), (1.0, "right"), (0.5, "middle"), (0.3, "between")]
)
def test_every_convention_of_relu_at_zero_is_allowed_and_named(
    kind: str, reference: float | None, claimed: float, name: str
) -> None:
    verdict = relu_verdict(reference, claimed, kind)
    assert verdict.outcome is Outcome.AGREE, str(verdict)
    if "kink" in verdict.findings:
        named = {name} if kind == "pull" else {name, "left", "right", "middle", "between"}
        assert verdict.convention in named


def test_zero_strictly_inside_a_kink_is_named_zero() -> None:
    def bend(x: np.ndarray) -> np.ndarray:
        return np.where(x > 0, 3.0 * x, -x)

    def chain(at_zero: float):
        return as_map(
            lambda p, w: (np.where(p[0] > 0, 3.0, np.where(p[0] < 0, -1, at_zero)) * w[0],)
        )

    primal, x = batched(lambda p: bend(p[0])), (np.array([0.0, 1.0]),)
    dossier = certify_pullback("tests/zero", primal, x, Witness(chain(3.0)))
    assert judge_pullback(dossier, primal, chain(0.0)).convention == "zero"
    assert judge_pullback(dossier, primal, chain(1.0)).convention == "middle"


@pytest.mark.parametrize("kind", ["pull", "push"])
@pytest.mark.parametrize("reference", [0.0, 0.5, None])
@pytest.mark.parametrize("claimed", [1.2, -0.1, np.nan])
def test_outside_the_interval_of_a_kink_is_wrong(
    kind: str, reference: float | None, claimed: float
) -> None:
    verdict = relu_verdict(reference, claimed, kind)
    assert verdict.outcome is Outcome.WRONG, str(verdict)


SHARES = {
    "equal": lambda mask: mask / mask.sum(),
    "first": lambda mask: np.where(np.cumsum(mask) == 1, mask, 0.0),
    "last": lambda mask: np.where(np.cumsum(mask[::-1])[::-1] == 1, mask, 0.0),
}


@pytest.mark.parametrize("reference", [*SHARES, None])
@pytest.mark.parametrize("claimed", SHARES)
def test_shares_of_a_tied_maximum_are_conventions(reference: str | None, claimed: str) -> None:
    right = maximum([1.0, 3.0, 3.0, -2.0, 3.0], SHARES[reference or "equal"])
    other = maximum([1.0, 3.0, 3.0, -2.0, 3.0], SHARES[claimed])
    known = None if reference is None else witness(right)
    dossier = certify_pullback("tests/max", right.primal, right.x, known)
    verdict = judge_pullback(dossier, right.primal, as_map(other.pull))
    assert verdict.outcome is Outcome.AGREE, str(verdict)


@pytest.mark.parametrize("reference", [*SHARES, None])
@pytest.mark.parametrize(
    ("claimed", "name"), [("equal", "between"), ("first", "mixed"), ("last", "mixed")]
)
def test_a_gradient_of_several_kinks_is_named_by_its_elements_not_by_a_direction(
    reference: str | None, claimed: str, name: str
) -> None:
    right = maximum([1.0, 3.0, 3.0, -2.0, 3.0], SHARES[reference or "equal"])
    other = maximum([1.0, 3.0, 3.0, -2.0, 3.0], SHARES[claimed])
    known = None if reference is None else witness(right)
    dossier = certify_pullback("tests/max", right.primal, right.x, known)
    assert judge_pullback(dossier, right.primal, as_map(other.pull)).convention == name


@pytest.mark.parametrize("reference", [0.0, 0.5, 1.0, None])
@pytest.mark.parametrize(("claimed", "name"), [(0.0, "left"), (1.0, "right"), (0.5, "middle")])
def test_one_convention_at_all_kinks_is_one_word_whatever_the_signs_of_the_direction(
    reference: float | None, claimed: float, name: str
) -> None:
    point = [0.0, 1.5, 0.0, 0.0, -2.0, 0.0, 0.0]
    right, other = relu(point, reference or 0.0), relu(point, claimed)
    known = None if reference is None else witness(right)
    dossier = certify_pullback("tests/relus", right.primal, right.x, known)
    assert judge_pullback(dossier, right.primal, as_map(other.pull)).convention == name


@pytest.mark.parametrize("reference", [*SHARES, None])
@pytest.mark.parametrize("share", [lambda mask: mask, lambda mask: 0.0 * mask])
def test_shares_that_do_not_add_up_are_wrong_although_each_is_possible(reference, share) -> None:
    right = maximum([1.0, 3.0, 3.0, -2.0, 3.0], SHARES[reference or "equal"])

    def tied(mask: np.ndarray) -> np.ndarray:
        return share(mask) if mask.sum() > 1 else mask

    other = maximum([1.0, 3.0, 3.0, -2.0, 3.0], tied)
    known = None if reference is None else witness(right)
    dossier = certify_pullback("tests/max", right.primal, right.x, known)
    verdict = judge_pullback(dossier, right.primal, as_map(other.pull))
    assert verdict.outcome is Outcome.WRONG, str(verdict)
    assert "at-point-only" in verdict.findings or reference is None


def test_overlapping_windows_with_ties_allow_each_window_its_own_choice() -> None:
    """A sum over kinks may leave the interval between the one-sided slopes of the sum."""

    def pool(first: bool) -> Analytic:
        def pull(p, w):
            out = np.zeros(p[0].size)
            for i in range(p[0].size - 1):
                window = p[0][i : i + 2]
                tie = window[0] == window[1]
                chosen = (0 if first else 1) if tie else int(np.argmax(window))
                out[i + chosen] += w[0][i]
            return (out,)

        return Analytic(lambda x: np.maximum(x[:-1], x[1:]), pull, pull, (np.ones(6),))

    for name in map(str, range(6)):
        dossier = certify_pullback(name, pool(True).primal, (np.ones(6),), witness(pool(True)))
        verdict = judge_pullback(dossier, pool(True).primal, as_map(pool(False).pull))
        assert verdict.outcome is Outcome.AGREE, str(verdict)


def test_a_wrong_rule_cannot_hide_behind_a_convention() -> None:
    """Half of the true slope everywhere is allowed at the kink, but not beside it."""
    right = relu([0.0] * 8)
    halved = as_map(lambda p, w: (np.where(p[0] >= 0, 0.5, 0.0) * w[0],))
    for known in (witness(right), None):
        dossier = certify_pullback("tests/hide", right.primal, right.x, known)
        verdict = judge_pullback(dossier, right.primal, halved)
        assert verdict.outcome is Outcome.WRONG, str(verdict)
        assert "wrong-nearby" in verdict.findings


def test_a_jump_is_judged_at_a_point_beside_it() -> None:
    primal = batched(lambda p: np.where(p[0] >= 0, p[0] ** 2 + 1.0, p[0] ** 2))
    x = (np.array([0.0, 1.0, -1.0]),)
    right = as_map(lambda p, w: (2.0 * p[0] * w[0],))
    wrong = as_map(lambda p, w: (3.0 * p[0] * w[0],))
    for known in (Witness(right), None):
        dossier = certify_pullback("tests/jump", primal, x, known)
        verdict = judge_pullback(dossier, primal, right)
        assert verdict.outcome is Outcome.AGREE, str(verdict)
        assert "jump" in verdict.findings
        assert judge_pullback(dossier, primal, wrong).outcome is Outcome.WRONG


def test_a_slope_without_bound_accuses_nobody() -> None:
    primal = batched(lambda p: np.sqrt(np.abs(p[0])))
    x = (np.array([0.0, 1.0, 4.0]),)

    def root(at_zero: float):
        def pull(p, w):
            slope = 0.5 * np.sign(p[0]) / np.sqrt(np.abs(p[0]))
            return (np.where(p[0] == 0, at_zero, slope) * w[0],)

        return as_map(pull)

    dossier = certify_pullback("tests/root", primal, x, Witness(root(0.0)))
    assert judge_pullback(dossier, primal, root(np.inf)).outcome is not Outcome.WRONG


def test_a_value_at_one_point_alone_is_a_jump_and_judged_beside_it() -> None:
    primal = batched(lambda p: np.where(p[0] == 1.0, 3.0 * p[0], p[0] ** 2))
    x = (np.array([1.0, 2.0]),)

    def beside(p, w):
        return (np.where(p[0] == 1.0, 3.0, 2.0 * p[0]) * w[0],)

    for known in (Witness(as_map(beside)), None):
        dossier = certify_pullback("tests/island", primal, x, known)
        verdict = judge_pullback(dossier, primal, as_map(beside))
        assert verdict.outcome is Outcome.AGREE
        assert "jump" in verdict.findings


def test_an_element_too_small_to_be_resolved_does_not_blind_the_whole_verdict() -> None:
    x = (np.float64(np.float32([0.5, 1.0, 2.0])),)
    scale = np.array([1.0, 1e-25, 1.0])
    primal = batched(lambda p: np.sum(scale * np.sin(p[0])) + 1.0)
    dossier = certify_pullback("tests/small", primal, x, None)

    def claimed(factor):
        return as_map(lambda p, w: (factor * scale * np.cos(p[0]) * w[0],))

    verdict = judge_pullback(dossier, primal, claimed(1.0))
    assert verdict.outcome is Outcome.AGREE
    assert verdict.no_power == pytest.approx(1 / 3)
    one_wrong = claimed(np.array([1.0, 1.0, 1.0001]))
    assert judge_pullback(dossier, primal, one_wrong).outcome is Outcome.WRONG


@pytest.mark.parametrize(
    ("factor", "most"), [(2.0, 8), (1.0 + 1e-4, 24)], ids=["gross", "off by 1e-4"]
)
def test_a_wrong_value_where_nothing_has_a_kink_costs_no_hunt_for_kinks(factor, most) -> None:
    def pushed(point, tangent):
        return (np.cos(point[0]) * tangent[0],)

    primal, x = batched(lambda p: (np.sin(p[0]),)), (np.linspace(0.5, 2.0, 30),)
    dossier = certify_pushforward("tests/hunt", primal, x, Witness(as_map(pushed)))
    off = as_map(lambda p, v: (factor * pushed(p, v)[0],))
    verdict = judge_pushforward(dossier, primal, off)
    assert verdict.outcome is Outcome.WRONG, str(verdict)
    # Two for every row and every of the 30 inputs, once for all outputs that are accused.
    assert verdict.primal_evaluations < 2 * most * 30 + 150


def test_rounding_of_an_ill_conditioned_function_is_no_kink() -> None:
    """Two one-sided slopes with small bars may come from noise; it bends otherwise at each step."""
    rng, h = np.random.default_rng(5), steps(24)
    count = 2_000
    noise = 10.0 ** rng.uniform(-12, -3, count) * rng.standard_normal((2, 24, count))
    samples = Samples(
        h[:, None] + noise[0], -h[:, None] + noise[1], np.zeros(count), np.ones(count)
    )
    assert not sides(samples).kink.any()


@pytest.mark.parametrize("strength", [1.0, 1e-2, 1e-4])
def test_a_kink_is_seen_beside_a_strong_curvature(strength: float) -> None:
    h = steps(24)[:, None]
    bend = 3.0 * h**2 - h**3
    samples = Samples(bend + strength * h, bend + 2.0 * h**3, np.zeros(1), np.ones(1))
    assert sides(samples).kink.all()


def test_a_derivative_that_is_wrong_at_one_point_only_is_not_believed_because_two_agree() -> None:
    """As the tangent of det at a singular matrix: all that wiggles the point is right."""
    x = (np.array([1.0, 2.0, 2.0, 4.0]),)

    def pushed(point, tangent):
        (a, b, c, d), v = point[0], tangent[0]
        if a * d == b * c:
            return (np.zeros(()),)
        return (np.array(d * v[0] - c * v[1] - b * v[2] + a * v[3]),)

    primal = batched(lambda p: (np.array(p[0][0] * p[0][3] - p[0][1] * p[0][2]),))
    dossier = certify_pushforward("tests/special-point", primal, x, Witness(as_map(pushed)))
    verdict = judge_pushforward(dossier, primal, as_map(pushed))
    assert verdict.outcome is Outcome.INCONCLUSIVE, str(verdict)
    assert "contradict" in str(verdict)
