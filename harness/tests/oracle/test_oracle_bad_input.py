"""A primal that can't be trusted is named as such, never blamed on the derivative in silence."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gradtier.oracle import (
    OracleError,
    Outcome,
    Sharper,
    Verdict,
    batched,
    certify_pushforward,
    check_pullback,
    directional,
)

X = np.array([1.0, 2.0, -1.5])


def identity(x, w):
    return w


def check(f) -> Verdict:
    return check_pullback(f, X, identity)


def test_random_numbers_in_the_primal_are_an_error_that_says_so() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(OracleError, match=r"another value \(.*\): hidden state or random numbers"):
        check(lambda x: x * rng.uniform())


def test_a_counter_in_the_primal_is_an_error_that_says_so() -> None:
    calls = itertools.count()
    with pytest.raises(OracleError, match="hidden state"):
        check(lambda x: x + next(calls))


def test_a_primal_that_moves_in_the_last_digits_is_said_and_still_judged() -> None:
    calls = itertools.count()
    verdict = check(lambda x: x * (1.0 + 2.0**-50 * (next(calls) % 2)))
    assert verdict.outcome is not Outcome.WRONG
    assert "primal" in verdict.findings


def test_whole_numbers_are_an_error_that_says_so() -> None:
    with pytest.raises(OracleError, match=r"whole numbers \(int64\): nothing to differentiate"):
        check(lambda x: np.argmax(x))


def test_whole_numbers_beside_real_ones_have_a_zero_derivative() -> None:
    verdict = check_pullback(
        lambda x: (x**2, np.argmax(x)), X, lambda x, w: 2 * x * w[0], reference=None
    )
    assert verdict.outcome is Outcome.AGREE


@pytest.mark.parametrize("nothing", [(), {}, []])
def test_no_inputs_are_an_error_that_says_so(nothing) -> None:
    with pytest.raises(OracleError, match="no inputs to differentiate"):
        check_pullback(lambda x: np.ones(2), nothing, lambda x, w: nothing)


def test_other_shapes_on_the_second_call_are_an_error_that_says_so() -> None:
    shapes = itertools.chain([3, 3], itertools.repeat(2))
    with pytest.raises(OracleError, match=r"called again.*returns shape \(2,\), not \(3,\)"):
        check(lambda x: x[: next(shapes)])


def test_other_shapes_around_the_point_are_counted_in_the_verdict() -> None:
    verdict = check(lambda x: x if x[0] >= 1.0 else x[:2])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "returns shape (2,), not (3,), at" in verdict.detail


def test_another_number_of_leaves_around_the_point_is_counted_too() -> None:
    verdict = check(lambda x: x if x[0] >= 1.0 else (x, x))
    assert "returns 2 leaves, not 1, at" in verdict.detail


def test_a_side_on_which_the_primal_raises_is_in_the_verdict() -> None:
    def half(x):
        if x[0] < 1.0:
            raise ValueError("below one")
        return x

    verdict = check(half)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "raises at" in verdict.detail
    assert "ValueError: below one" in verdict.detail


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_at_the_point_is_in_the_verdict(bad: float) -> None:
    verdict = check(lambda x: np.where(x > 0, x, bad))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "not finite at the point (1 of 3 elements)" in verdict.detail


def test_values_that_are_not_finite_on_one_side_are_in_the_verdict() -> None:
    verdict = check(lambda x: np.where(x[0] < 1.0, np.nan, x))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "not finite at" in verdict.detail


@pytest.mark.parametrize("junk", ["words", None, object()])
def test_what_is_no_number_is_an_error_that_names_the_dtype(junk) -> None:
    with pytest.raises(OracleError, match="expected real or complex numbers, got dtype"):
        check(lambda x: np.asarray(junk))


def test_a_primal_that_writes_into_its_input_is_differentiated_all_the_same() -> None:
    def vandal(x):
        y = x**2
        x[...] = 0.0
        return y

    verdict = check_pullback(vandal, X.copy(), lambda x, w: 2 * x * w)
    assert verdict.outcome is Outcome.AGREE


def test_a_primal_that_raises_is_an_error_for_the_slope_along_a_direction_too() -> None:
    def raising(x):
        raise ZeroDivisionError("no such value")

    with pytest.raises(OracleError, match="ZeroDivisionError: no such value"):
        directional(raising, X, X)


def test_a_batched_primal_with_too_few_answers_is_an_error() -> None:
    with pytest.raises(OracleError, match="wrap it with batched"):
        certify_pushforward("tests/none", lambda points: [], (X,), None)


def test_a_complex_step_is_not_taken_where_the_primal_drops_the_imaginary_part() -> None:
    noisy = batched(lambda p: np.float64(np.float32(np.real(p[0]) ** 3)))
    dossier = certify_pushforward(
        "tests/real", noisy, (X,), None, sharper=Sharper(complex_step=True)
    )
    assert "complex-step" not in dossier.sharpened
