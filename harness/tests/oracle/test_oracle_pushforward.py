"""Pushforwards of functions and of gradients."""

from __future__ import annotations

import numpy as np
import pytest
from oracle_analytic import as_map, broken, dense, elementwise, in_single, single, witness

from gradtier.oracle import (
    Outcome,
    Reason,
    Witness,
    batched,
    certify_pushforward,
    judge_pushforward,
)

DENSE = dense()
WRONGS = {
    "factor two": (lambda t: (2.0 * t[0],), Reason.VALUE),
    "one element by 1e-5": (lambda t: (t[0] * [1.0, 1.0, 1.00001, 1.0],), Reason.VALUE),
    "zero": (lambda t: (0.0 * t[0],), Reason.SEVERED),
    "none": (lambda t: (None,), Reason.SEVERED),
    "nan": (lambda t: (t[0] * [1.0, np.nan, 1.0, 1.0],), Reason.NONFINITE),
    "shape": (lambda t: (t[0][None],), Reason.SHAPE),
    "reversed": (lambda t: (t[0][::-1],), Reason.VALUE),
}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("name", WRONGS)
def test_wrong_pushforward_is_caught(name: str, known: bool) -> None:
    change, reason = WRONGS[name]
    reference = witness(DENSE, "push") if known else None
    dossier = certify_pushforward("tests/push", DENSE.primal, DENSE.x, reference)
    verdict = judge_pushforward(dossier, DENSE.primal, broken(DENSE.push, change))
    assert (verdict.outcome, verdict.reason) == (Outcome.WRONG, reason), str(verdict)


@pytest.mark.parametrize("known", [True, False])
def test_right_pushforward_agrees(known: bool) -> None:
    reference = witness(DENSE, "push") if known else None
    dossier = certify_pushforward("tests/push", DENSE.primal, DENSE.x, reference)
    verdict = judge_pushforward(dossier, DENSE.primal, as_map(DENSE.push))
    assert verdict.outcome is Outcome.AGREE
    assert dossier.primal_evaluations <= 49


def test_float32_pushforward_is_right_in_float32_and_wrong_in_float64() -> None:
    low = in_single(DENSE.push)
    for dtype, outcome in (("float32", Outcome.AGREE), ("float64", Outcome.WRONG)):
        reference = witness(DENSE, "push")
        dossier = certify_pushforward("tests/low", DENSE.primal, DENSE.x, reference, dtype)
        assert judge_pushforward(dossier, DENSE.primal, low).outcome is outcome


def test_one_output_in_a_hundred_thousand_wrong_is_caught() -> None:
    many = elementwise(100_000)
    dossier = certify_pushforward("tests/many", many.primal, many.x, witness(many, "push"))
    right = judge_pushforward(dossier, many.primal, as_map(many.push))
    assert right.outcome is Outcome.AGREE, str(right)

    def change(t):
        out = t[0].copy()
        out[777] *= 1.0 + 1e-5
        return (out,)

    verdict = judge_pushforward(dossier, many.primal, broken(many.push, change))
    assert verdict.outcome is Outcome.WRONG
    assert verdict.worst is not None and verdict.worst.index == 777


def hessian_case():
    """sum(a * x**4) / 4 + product of neighbours: gradient and Hessian-vector product."""
    x = single(np.random.default_rng(2).normal(size=6))

    def gradient(p: np.ndarray) -> np.ndarray:
        return p**3 + np.roll(p, 1) + np.roll(p, -1)

    def product(p, v):
        return (3.0 * p[0] ** 2 * v[0] + np.roll(v[0], 1) + np.roll(v[0], -1),)

    return x, gradient, product


def test_wrong_second_derivative_of_a_right_gradient_is_caught() -> None:
    x, gradient, product = hessian_case()
    phi = batched(lambda p: gradient(p[0]))
    dossier = certify_pushforward("tests/hvp", phi, (x,), Witness(as_map(product)))
    assert judge_pushforward(dossier, phi, as_map(product)).outcome is Outcome.AGREE

    def first_order_only(p, v):
        return (2.0 * p[0] ** 2 * v[0] + np.roll(v[0], 1) + np.roll(v[0], -1),)

    def no_coupling(p, v):
        return (3.0 * p[0] ** 2 * v[0] + np.roll(v[0], 1),)

    for wrong in (first_order_only, no_coupling):
        assert judge_pushforward(dossier, phi, as_map(wrong)).outcome is Outcome.WRONG


def test_all_the_points_of_a_certification_arrive_in_few_batches() -> None:
    x, gradient, product = hessian_case()
    batches: list[int] = []

    def phi(points):
        batches.append(len(points))
        return [(gradient(point[0]),) for point in points]

    certify_pushforward("tests/batches", phi, (x,), Witness(as_map(product)))
    assert batches[0] == 1
    assert len(batches) <= 5
