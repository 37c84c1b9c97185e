"""Sharper witnesses: they decide what finite differences leave open, and nothing else."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from oracle_analytic import as_map

from gradtier.oracle import (
    Outcome,
    Sharper,
    Witness,
    adjoint,
    batched,
    certify_pullback,
    check_pullback,
    check_pushforward,
    judge_pullback,
)

X = np.float64(np.float32([1.0, 1.5, 2.25]))


def drowned(x):
    """x**2 / 2 beside a huge term: finite differences keep four digits of the slope."""
    return 0.5 * x**2 + 1e11


def right(x, w):
    return x * w


def nearly(x, w):
    return x * w * np.array([1.0, 1.0 + 1e-7, 1.0])


def exact(leaves):
    return [0.5 * leaves[0] ** 2 + mpmath.mpf(10) ** 11]


def test_without_a_sharper_witness_a_drowned_slope_is_not_judged_wrong_by_1e_7() -> None:
    for claim in (right, nearly):
        assert check_pullback(drowned, X, claim).outcome is not Outcome.WRONG


def test_high_precision_tells_right_from_wrong_by_1e_7() -> None:
    sharper = Sharper(exact=exact)
    with_reference = {"reference": right, "sharper": sharper}
    verdict = check_pullback(drowned, X, nearly, **with_reference)
    assert verdict.outcome is Outcome.WRONG
    assert "high-precision" in verdict.findings
    assert check_pullback(drowned, X, right, **with_reference).outcome is Outcome.AGREE
    # The other way round the reference is the one that is wrong.
    blamed = check_pullback(drowned, X, right, reference=nearly, sharper=sharper)
    assert blamed.outcome is not Outcome.WRONG
    assert "reference-wrong" in blamed.findings


def test_high_precision_judges_alone_where_finite_differences_are_blind() -> None:
    def blind(x):
        return 0.5 * x**2 + 1e17

    sharper = Sharper(exact=lambda p: [0.5 * p[0] ** 2 + mpmath.mpf(10) ** 17])
    assert check_pullback(blind, X, right).outcome is Outcome.INCONCLUSIVE
    assert check_pullback(blind, X, right, sharper=sharper).outcome is Outcome.AGREE
    doubled = check_pullback(blind, X, lambda x, w: 2 * x * w, sharper=sharper)
    assert doubled.outcome is Outcome.WRONG
    pushed = check_pushforward(blind, X, right, sharper=sharper)
    assert pushed.outcome is Outcome.AGREE


def test_high_precision_does_not_take_the_middle_of_a_kink_for_a_slope() -> None:
    zero = np.array([0.0, 1.0])
    sharper = Sharper(exact=lambda p: [np.array([abs(v) for v in p[0]], dtype=object)])
    for slope, outcome in ((0.0, Outcome.AGREE), (1.0, Outcome.AGREE), (3.0, Outcome.WRONG)):
        verdict = check_pullback(
            np.abs, zero, lambda x, w, s=slope: np.where(x == 0, s, 1.0) * w, sharper=sharper
        )
        assert verdict.outcome is outcome


def test_an_exact_form_that_fails_is_as_good_as_none() -> None:
    def fails(leaves):
        raise NotImplementedError("no such function")

    verdict = check_pullback(drowned, X, right, reference=right, sharper=Sharper(exact=fails))
    assert verdict.outcome is Outcome.AGREE
    assert "high-precision" not in verdict.findings


def test_high_precision_knows_complex_numbers() -> None:
    z = np.array([1.0 + 2.0j, -0.5 + 0.25j])
    sharper = Sharper(exact=lambda p: [p[0] ** 2 / 2 + mpmath.mpf(10) ** 17])
    verdict = check_pullback(
        lambda z: z**2 / 2 + 1e17, z, lambda z, w: np.conj(z) * w, sharper=sharper
    )
    assert verdict.outcome is Outcome.AGREE
    assert "high-precision" in verdict.findings


def test_a_complex_step_confirms_what_finite_differences_cannot() -> None:
    def cancelling(x):
        return 0.5 * x**2 + 1e17

    sharper = Sharper(complex_step=True)
    verdict = check_pullback(cancelling, X, right, sharper=sharper)
    assert verdict.outcome is Outcome.AGREE
    assert "complex-step" in verdict.findings


def test_a_complex_step_alone_accuses_nobody() -> None:
    sharper = Sharper(complex_step=True)
    verdict = check_pullback(
        lambda x: 0.5 * x**2 + 1e17, X, lambda x, w: 2 * x * w, sharper=sharper
    )
    assert verdict.outcome is not Outcome.WRONG


def test_a_complex_step_through_a_function_that_is_not_analytic_changes_nothing() -> None:
    def modulus(x):
        return np.abs(x) + 1e17 if np.isrealobj(x) else np.abs(x) + 1e17 + 0j

    verdict = check_pullback(modulus, X, lambda x, w: w, sharper=Sharper(complex_step=True))
    assert verdict.outcome is Outcome.INCONCLUSIVE


MATRIX = np.random.default_rng(2).normal(size=(5, 4))


def pull(p, w):
    return (MATRIX.T @ (np.cos(MATRIX @ p[0]) * w[0]),)


def push(p, v):
    return (np.cos(MATRIX @ p[0]) * (MATRIX @ v[0]),)


POINT = (np.float64(np.float32(np.random.default_rng(3).normal(size=4))),)
VALUE = (np.sin(MATRIX @ POINT[0]),)


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-5, 1e-7])
def test_the_adjoint_identity_sees_one_wrong_element_on_either_side(size: float) -> None:
    def wrong_pull(p, w):
        return (pull(p, w)[0] * np.array([1.0, 1.0, 1.0 + size, 1.0]),)

    def wrong_push(p, v):
        return (push(p, v)[0] * np.array([1.0, 1.0, 1.0 + size, 1.0, 1.0]),)

    for back, forward in ((wrong_pull, push), (pull, wrong_push)):
        verdict = adjoint("tests/one", POINT, VALUE, as_map(back), as_map(forward))
        assert verdict.outcome is Outcome.WRONG
        assert "contradict each other" in verdict.detail


def test_the_adjoint_identity_agrees_with_two_right_maps() -> None:
    verdict = adjoint("tests/two", POINT, VALUE, as_map(pull), as_map(push))
    assert verdict.outcome is Outcome.AGREE
    assert verdict.witnesses == ("adjoint-identity",)


def test_different_conventions_at_a_kink_are_no_contradiction() -> None:
    zero = (np.array([0.0, 1.0]),)
    back = as_map(lambda p, w: (w[0] * (p[0] > 0),))
    forward = as_map(lambda p, v: (v[0] * (p[0] >= 0),))
    verdict = adjoint("tests/kink", zero, zero, back, forward)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "at-point-only" in verdict.findings


def test_float32_hidden_in_one_of_two_modes_breaks_the_adjoint_identity() -> None:
    hidden = as_map(lambda p, w: (np.float64(np.float32(pull(p, w)[0])),))
    verdict = adjoint("tests/hidden", POINT, VALUE, hidden, as_map(push))
    assert verdict.outcome is Outcome.WRONG


def test_a_conditioned_reference_is_certified_by_high_precision() -> None:
    primal = batched(lambda p: 0.5 * p[0] ** 2 + 1e17)
    reference = Witness(as_map(lambda p, w: (p[0] * w[0],)))
    sharper = Sharper(exact=lambda p: [0.5 * p[0] ** 2 + mpmath.mpf(10) ** 17])
    plain = certify_pullback("tests/cond", primal, (X,), reference)
    sharp = certify_pullback("tests/cond", primal, (X,), reference, sharper=sharper)
    claimed = as_map(lambda p, w: (p[0] * w[0],))
    assert "reference-only" in judge_pullback(plain, primal, claimed).findings
    known = judge_pullback(sharp, primal, claimed, sharper=sharper)
    assert "reference-only" not in known.findings
