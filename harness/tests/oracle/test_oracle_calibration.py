"""Closed forms: the bar must contain the true error, and mean something."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from oracle_analytic import as_map

from gradtier.oracle import (
    Outcome,
    Witness,
    batched,
    certify_pullback,
    directional,
    judge_pullback,
)
from gradtier.oracle.constants import FD_FACTOR

#: Value on NumPy and slope on mpmath: what NumPy's own slope would be off by is then no error here.
CLOSED = {
    "sin": (np.sin, mpmath.cos),
    "exp": (np.exp, mpmath.exp),
    "tanh": (np.tanh, lambda x: mpmath.sech(x) ** 2),
    "logistic": (lambda x: 1 / (1 + np.exp(-x)), lambda x: mpmath.sech(x / 2) ** 2 / 4),
    "reciprocal": (lambda x: 1 / (2.5 + x), lambda x: -1 / (2.5 + x) ** 2),
    "log": (lambda x: np.log(2.25 + x), lambda x: 1 / (2.25 + x)),
    "cubic": (lambda x: x**3 - 2 * x, lambda x: 3 * x**2 - 2),
    "gauss": (lambda x: np.exp(-x * x), lambda x: -2 * x * mpmath.exp(-x * x)),
    "waves": (lambda x: np.sin(9 * x), lambda x: 9 * mpmath.cos(9 * x)),
    "root": (lambda x: np.sqrt(2.125 + x), lambda x: 1 / (2 * mpmath.sqrt(2.125 + x))),
    "bell": (lambda x: 1 / (1 + 25 * x * x), lambda x: -50 * x / (1 + 25 * x * x) ** 2),
    "offset": (lambda x: 1e3 + np.sin(x), mpmath.cos),
    "powers": (lambda x: (1 + x / 8) ** 20, lambda x: mpmath.mpf(20) / 8 * (1 + x / 8) ** 19),
    "expm1": (np.expm1, mpmath.exp),
    "arctan": (np.arctan, lambda x: 1 / (1 + x * x)),
    "cosh": (np.cosh, mpmath.sinh),
}
DRAWS = 10_000


@pytest.fixture(scope="module")
def draws() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True error, bar and slope of every draw, points and directions of all kinds."""
    rng = np.random.default_rng(11)
    errors, bars, slopes = [], [], []
    per_call = 25  # points that are one call of a vectorised function: as fast, and as good
    with mpmath.workdps(40):
        for number in range(DRAWS // per_call):
            value, slope = list(CLOSED.values())[number % len(CLOSED)]
            x = rng.uniform(-2.0, 2.0, per_call)
            v = rng.uniform(0.5, 1.5, per_call) * rng.choice([-1.0, 1.0], per_call)
            if number % 3:  # as trials have them; else points whose steps are not exact
                x, v = np.float64(np.float32(x)), np.round(v * 256.0) / 256.0
            got, bar = directional(value, x, v)
            true = [
                slope(mpmath.mpf(float(a))) * mpmath.mpf(float(b))
                for a, b in zip(x, v, strict=True)
            ]
            errors += [abs(float(mpmath.mpf(float(g)) - t)) for g, t in zip(got, true, strict=True)]
            bars += list(bar)
            slopes += [abs(float(t)) for t in true]
    return np.array(errors), np.array(bars), np.array(slopes)


def test_the_bar_contains_the_true_error_in_999_of_1000_draws(draws) -> None:
    errors, bars, _ = draws
    assert len(errors) == DRAWS
    assert np.mean(errors <= FD_FACTOR * bars) >= 0.999


def test_the_bar_is_not_wider_than_ten_thousand_true_errors_in_the_median(draws) -> None:
    errors, bars, slopes = draws
    # An error of zero says that the slope was hit by luck: it counts as half a unit of roundoff.
    true = np.maximum(errors, 2.0**-54 * slopes)
    assert np.median(FD_FACTOR * bars / true) <= 1e4


def test_the_bar_is_a_small_share_of_the_slope_in_the_median(draws) -> None:
    _, bars, slopes = draws
    assert np.median(bars / slopes) < 1e-9


@pytest.mark.parametrize("lucky", [True, False])
def test_rounding_that_is_small_at_the_point_by_luck_accuses_nobody(lucky: bool) -> None:
    """An elementary function may round well here and by hundreds of units close by."""
    x = (np.linspace(-3.0, -2.5, 8).astype(np.float32).astype(np.float64),)

    def right(point, cotangent):
        return (np.cosh(point[0]) ** -2 * cotangent[0],)

    def low(point, cotangent):
        (exact,), moved = right(point, cotangent), np.abs(point[0] - x[0]) > 1e-5
        return (np.float32(exact * (1.0 + 1e-5 * (moved if lucky else 0.0))),)

    def other(point, cotangent):
        return (np.float32(right(point, cotangent)[0] * (1.0 + 1.5e-5)),)

    primal = batched(lambda p: (np.tanh(p[0]),))
    known = Witness(as_map(right), as_map(low))
    dossier = certify_pullback(f"tests/lucky/{lucky}", primal, x, known, "float32")
    verdict = judge_pullback(dossier, primal, as_map(other))
    assert verdict.outcome is (Outcome.AGREE if lucky else Outcome.WRONG), str(verdict)
