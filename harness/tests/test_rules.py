"""Derivative rules that cases state: declared, counted, and part of what identifies a case."""

from __future__ import annotations

import numpy as np
import pytest

from gradtier.cases import Suite, normal, rule
from gradtier.errors import InputError
from gradtier.rules import Calls, bound


def primal(xp, x):
    return xp.sin(x)


def pushforward(xp, apply, x, dx):
    return xp.cos(x[0]) * dx[0] + 0.0 * apply(x[0])


def pullback(xp, apply, x, dy):
    return (xp.cos(x[0]) * dy,)


def other_pullback(xp, apply, x, dy):
    return (2.0 * xp.cos(x[0]) * dy,)


SINE = rule(primal, pushforward, pullback)


def declared(**rules):
    suite = Suite("small")

    @suite.case(x=normal(3), rules=rules)
    def ruled(xp, x, sine):
        return sine(x)

    return suite.cases["ruled"]


def test_without_a_mechanism_the_primal_stands_for_itself() -> None:
    case = declared(sine=SINE)
    x, constants = case.draw()
    (y,) = case.bind(np, constants)(*x)
    assert np.array_equal(y, np.sin(x[0]))


def test_a_mechanism_gets_the_rule_and_every_call_is_counted() -> None:
    calls, kept = Calls(), []

    def mechanism(*functions):
        kept.append(functions)
        return functions[0]

    case = declared(sine=SINE)
    x, constants = case.draw()
    case.bind(np, constants, mechanism, calls)(*x)
    assert (calls.uses, calls.ruled) == (1, 0)
    _, push, pull = kept[0]
    assert np.allclose(push(x, x), np.cos(x[0]) * x[0])
    (back,) = pull(x, x[0])
    assert np.allclose(back, np.cos(x[0]) * x[0])
    assert (calls.uses, calls.ruled) == (1, 2), "what a rule calls is no use by the case"
    calls.reset()
    assert (calls.uses, calls.ruled) == (0, 0)


def test_another_rule_makes_another_case() -> None:
    other = rule(primal, pushforward, other_pullback)
    assert declared(sine=SINE).digest == declared(sine=SINE).digest
    assert declared(sine=SINE).digest != declared(sine=other).digest


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({}, "no input is declared for sine"),
        ({"sine": SINE, "cosine": SINE}, "inputs are declared for cosine, which it does not take"),
        ({"sine": primal}, "rule 'sine' is <function primal"),
    ],
)
def test_a_wrong_declaration_of_rules_is_told(rules, says) -> None:
    with pytest.raises(InputError) as caught:
        declared(**rules)
    assert says in str(caught.value)


def test_a_rule_that_raises_leaves_the_count_right() -> None:
    def fails(xp, apply, x, dx):
        raise ValueError("no")

    calls, kept = Calls(), []
    made = bound(
        {"f": rule(primal, fails, pullback)}, np,
        lambda p, f, b: kept.append(f) or p, calls,
    )  # fmt: skip
    with pytest.raises(ValueError, match="no"):
        kept[0]((np.ones(2),), (np.ones(2),))
    made["f"](np.ones(2))
    assert (calls.uses, calls.ruled, calls.inside) == (1, 1, 0)
