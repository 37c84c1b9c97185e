"""A declared closed form: used where mpmath runs it, absent where not, part of the digest."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from gradtier.cases import Suite, complex_normal, constant, normal, positive
from gradtier.oracle import Outcome, Sharper, batched, certify_pullback, judge_pullback
from gradtier.precise import ELEMENTWISE, SAME, Namespace, exact

suite = Suite("closed", "Cases that declare a closed form")


def written_anew(xp, x, w):
    return xp.sum(x * x * w) / 2


@suite.case(exact=True, x=normal(3, 2), w=positive(2))
def itself(xp, x, w):
    return xp.mean(xp.exp(xp.tanh(x)) @ w, axis=0)


@suite.case(exact=written_anew, x=normal(4), w=constant(positive(4)))
def another(xp, x, w):
    return xp.sum((x * w + 1e17) * x - 1e17 * x) / 2 + 0.0 * xp.max(x)


@suite.case(exact=True, x=normal(4))
def too_much(xp, x):
    return xp.linalg.det(x * x)


@suite.case(x=normal(4))
def undeclared(xp, x):
    return xp.sum(x)


@suite.case(exact=True, z=complex_normal(3))
def of_complex(xp, z):
    return xp.real(xp.conj(z) * xp.exp(z))


@pytest.mark.parametrize("name", ["itself", "of_complex"])
def test_the_closed_form_has_the_value_of_the_case(name: str) -> None:
    case = suite.cases[name]
    x, constants = case.draw()
    form = exact(case)
    assert form is not None
    (got,) = form(tuple(np.frompyfunc(mpmath.mpmathify, 1, 1)(leaf) for leaf in x))
    (wanted,) = case.bind(np, constants)(*x)
    np.testing.assert_allclose(np.asarray(got, dtype=wanted.dtype), wanted, rtol=1e-12)


def test_a_case_without_a_declaration_has_none() -> None:
    assert exact(suite.cases["undeclared"]) is None


@pytest.mark.parametrize("name", sorted(ELEMENTWISE))
def test_every_elementwise_function_is_numpys(name: str) -> None:
    xp, given = Namespace(), [np.array([0.25, 0.5])] * (2 if name in ("atan2", "hypot") else 1)
    if name == "acosh":
        given = [np.array([1.25, 2.5])]
    got = getattr(xp, name)(*(xp.asarray(a) for a in given))
    np.testing.assert_allclose(np.array(got, dtype=float), getattr(np, name)(*given), rtol=1e-14)


def test_every_other_name_is_numpys_own() -> None:
    assert all(hasattr(np, name) for name in SAME)


def test_a_function_that_is_not_offered_says_so() -> None:
    with pytest.raises(NotImplementedError, match="linalg is not offered"):
        suite.cases["too_much"].bind(Namespace(), ())(np.ones(2))


def test_the_closed_form_decides_where_finite_differences_are_blind() -> None:
    case = suite.cases["another"]
    x, (w,) = case.draw()
    primal = batched(lambda p: case.bind(np, (w,))(*p))
    sharper = Sharper(exact=exact(case))

    def gradient(factor):
        return lambda queries: [(factor * p[0] * w * s[0],) for p, s in queries]

    dossier = certify_pullback("tests/closed", primal, x, None, sharper=sharper)
    for factor, outcome in ((1.0, Outcome.AGREE), (1.0001, Outcome.WRONG)):
        verdict = judge_pullback(dossier, primal, gradient(factor), sharper=sharper)
        assert verdict.outcome is outcome
        assert "high-precision" in verdict.findings


def test_another_closed_form_is_another_digest() -> None:
    def declared(form):
        fresh = Suite("closed", "")
        fresh.case(exact=form, x=normal(4), w=positive(4))(written_anew)
        return fresh.cases["written_anew"].digest

    assert len({declared(False), declared(True), declared(another)}) == 3
