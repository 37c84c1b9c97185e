"""The stand-alone finite difference: its bar must contain the truth, and mean something."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradtier.oracle import OracleError, directional

CLOSED = {
    "sin": (np.sin, np.cos),
    "exp": (np.exp, np.exp),
    "tanh": (np.tanh, lambda x: 1.0 / np.cosh(x) ** 2),
    "reciprocal": (lambda x: 1.0 / (2.5 + x), lambda x: -1.0 / (2.5 + x) ** 2),
    "cubic": (lambda x: x**3 - 2.0 * x, lambda x: 3.0 * x**2 - 2.0),
    "gauss": (lambda x: np.exp(-(x**2)), lambda x: -2.0 * x * np.exp(-(x**2))),
    "waves": (lambda x: np.sin(9.0 * x), lambda x: 9.0 * np.cos(9.0 * x)),
    "root": (lambda x: np.sqrt(2.125 + x), lambda x: 0.5 / np.sqrt(2.125 + x)),
}


def test_bar_contains_the_true_error_and_is_not_absurdly_wide() -> None:
    rng = np.random.default_rng(11)
    inside, widths = [], []
    for value, slope in CLOSED.values():
        for _ in range(250):
            x, v = rng.uniform(-2.0, 2.0), rng.uniform(0.5, 1.5) * rng.choice([-1.0, 1.0])
            if rng.integers(2):
                x, v = float(np.float32(x)), np.round(v * 256.0) / 256.0
            got, error = directional(value, x, v)
            inside.append(abs(got - slope(x) * v) <= 8.0 * error + 1e-15 * abs(slope(x) * v))
            widths.append(error / abs(slope(x) * v))
    assert np.mean(inside) >= 0.999
    assert np.median(widths) < 1e-10


@settings(max_examples=30, deadline=None)
@given(st.integers(-40, 40))
def test_scaling_the_function_by_a_power_of_two_scales_value_and_error_exactly(k: int) -> None:
    value, error = directional(np.sin, 0.7, 1.0)
    scaled, scaled_error = directional(lambda x: 2.0**k * np.sin(x), 0.7, 1.0)
    assert scaled == 2.0**k * value
    assert scaled_error == 2.0**k * error


@settings(max_examples=30, deadline=None)
@given(st.integers(-30, 30))
def test_scaling_the_direction_by_a_power_of_two_scales_value_and_error_exactly(k: int) -> None:
    value, error = directional(np.exp, 0.75, 1.25)
    scaled, scaled_error = directional(np.exp, 0.75, 1.25 * 2.0**k)
    assert scaled == 2.0**k * value
    assert scaled_error == 2.0**k * error


def test_a_large_constant_widens_the_bar_as_much_as_it_costs() -> None:
    value, error = directional(lambda x: np.sin(x) + 1e8, 0.5, 1.0)
    clean = directional(np.sin, 0.5, 1.0)[1]
    assert abs(value - np.cos(0.5)) <= 8.0 * error
    assert error > 1e3 * clean
    assert error < 1e-4


def test_a_kink_is_reported_with_a_bar_that_reaches_both_slopes() -> None:
    value, error = directional(lambda x: np.maximum(x, 0.0), 0.0, 1.0)
    assert value - error <= 0.0
    assert value + error >= 1.0


def test_a_jump_has_no_finite_bar() -> None:
    assert directional(np.sign, 0.0, 1.0)[1] == np.inf


def test_float32_inside_a_float64_function_is_seen_in_the_bar() -> None:
    def hidden(x: np.ndarray) -> np.ndarray:
        return np.float64(np.sin(np.float32(x)))

    value, error = directional(hidden, 0.7, 1.0)
    assert abs(value - np.cos(0.7)) <= 8.0 * error
    assert error > 1e-8


def test_tuples_in_and_out_keep_their_structure() -> None:
    x = (np.array([1.0, 2.0]), np.array(3.0))
    v = (np.array([0.5, -1.0]), np.array(2.0))
    values, errors = directional(lambda p: (p[0] * p[1], p[1] ** 2), x, v)
    np.testing.assert_allclose(values[0], v[0] * x[1] + x[0] * v[1], atol=8 * errors[0].max())
    assert values[1].shape == errors[1].shape == ()
    assert abs(values[1] - 12.0) <= 8.0 * errors[1]


def test_a_direction_of_another_shape_is_refused() -> None:
    with pytest.raises(OracleError, match="not shaped like"):
        directional(np.sin, np.ones(3), np.ones(2))


def test_a_function_that_is_nowhere_finite_has_no_finite_bar() -> None:
    value, error = directional(lambda x: np.log(x), -1.0, 1.0)
    assert np.isnan(value)
    assert error == np.inf
