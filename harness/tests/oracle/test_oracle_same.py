"""Two computations of the same value: rounding is allowed, as much as is measured, and no more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gradtier.oracle import batched, same_value

X = (np.array([0.3, -1.2, 2.0]), np.array(0.7))


def function(x):
    return np.sin(x[0]) * np.exp(x[1]), np.sum(x[0])


def margin(value, f=function, x=X, dtype="float64"):
    return same_value("case", x, value, batched(f), dtype)


def test_the_same_bits_are_the_same() -> None:
    assert margin(function(X)) == 0.0


def test_another_order_of_summation_is_no_other_value() -> None:
    big = (np.linspace(-1.0, 1.0, 999),)
    f = lambda x: (np.sum(x[0] ** 3),)  # noqa: E731
    other = (np.asarray(sum(float(v) ** 3 for v in big[0])),)
    assert 0.0 <= margin(other, f, big) <= 1.0


@pytest.mark.parametrize("relative", [1e-9, 1e-3, 1.0])
def test_a_value_that_is_off_is_seen_in_a_single_element(relative: float) -> None:
    first, total = function(X)
    first = first.copy()
    first[1] *= 1 + relative
    assert margin((first, total)) > 1.0


def test_single_precision_hidden_in_double_is_seen() -> None:
    assert margin(tuple(np.float64(np.float32(a)) for a in function(X))) > 1.0
    assert margin(tuple(np.float64(np.float32(a)) for a in function(X)), dtype="float32") <= 1.0


def test_cancellation_is_allowed_what_it_costs() -> None:
    x = (np.array(0.1),)
    f = lambda x: ((1.0 + x[0]) - 1.0,)  # noqa: E731
    assert margin((np.asarray(x[0]),), f, x) <= 1.0, "as exact as the plain call is not"


def test_shapes_leaves_and_finiteness_must_be_alike() -> None:
    first, total = function(X)
    assert margin((first,)) == np.inf
    assert margin((first[None], total)) == np.inf
    assert margin((np.where(first > 0, np.nan, first), total)) == np.inf


def test_what_is_not_finite_on_both_sides_is_the_same() -> None:
    f = lambda x: (np.log(x[0]),)  # noqa: E731
    with np.errstate(all="ignore"):
        assert margin((np.log(X[0]) * (1 + 1e-16),), f) <= 1.0


def test_complex_values_are_compared_too() -> None:
    x = (np.array([1.0 + 2.0j]),)
    f = lambda x: (x[0] ** 2,)  # noqa: E731
    assert margin((x[0] ** 2,), f, x) == 0.0
    assert margin((np.conj(x[0] ** 2),), f, x) > 1.0


@given(arrays(np.float64, 4, elements=st.floats(-8, 8)))
def test_a_value_is_always_its_own(x: np.ndarray) -> None:
    f = lambda x: (np.tanh(x[0]) * 3.0,)  # noqa: E731
    assert margin(f((x,)), f, (x,)) == 0.0
