"""Complex numbers: both conventions, real and complex mixed, and the faults that are theirs."""

from __future__ import annotations

import numpy as np
import pytest
from oracle_analytic import as_map, single

from gradtier.oracle import (
    Outcome,
    Reason,
    Witness,
    adjoint,
    batched,
    certify_pullback,
    certify_pushforward,
    conjugated,
    judge_pullback,
    judge_pushforward,
)

RNG = np.random.default_rng(4)
Z = (
    single(RNG.normal(size=(3, 2))) + 1j * single(RNG.normal(size=(3, 2))),
    single(RNG.normal(size=2)),
)
PRIMAL = batched(lambda p: (p[0] ** 2 @ p[1], np.abs(p[0]), np.conj(p[0]) * p[1]))


def push(p, v):
    z, r = p
    dz, dr = v
    return (
        2 * z * dz @ r + z**2 @ dr,
        np.real(np.conj(z) * dz) / np.abs(z),
        np.conj(dz) * r + np.conj(z) * dr,
    )


def pull(p, w):
    """For a real r the cotangent is the real part of what a complex one would have."""
    z, r = p
    u, a, c = w
    gz = np.conj(2 * z * r) * u[:, None] + a * z / np.abs(z) + np.conj(c) * r
    gr = np.real(np.conj(u) @ z**2) + np.sum(np.real(np.conj(c) * np.conj(z)), axis=0)
    return gz, gr


def transposed(p, w):
    return tuple(np.conj(g) for g in pull(p, tuple(np.conj(a) for a in w)))


@pytest.fixture(scope="module", params=["reference", "alone"])
def dossier(request):
    witness = Witness(as_map(pull)) if request.param == "reference" else None
    return certify_pullback("tests/complex", PRIMAL, Z, witness)


def test_a_right_pullback_agrees_in_its_own_convention_only(dossier) -> None:
    assert judge_pullback(dossier, PRIMAL, as_map(pull)).outcome is Outcome.AGREE
    turned = conjugated(as_map(transposed))
    assert judge_pullback(dossier, PRIMAL, turned).outcome is Outcome.AGREE
    assert judge_pullback(dossier, PRIMAL, as_map(transposed)).outcome is Outcome.WRONG


@pytest.mark.parametrize(
    "change",
    [
        lambda g: (np.conj(g[0]), g[1]),
        lambda g: (1j * g[0], g[1]),
        lambda g: (np.real(g[0]), g[1]),
        lambda g: (g[0] + 1e-6j * (np.arange(6).reshape(3, 2) == 3) * abs(g[0]), g[1]),
        lambda g: (g[0], 2.0 * g[1]),
    ],
    ids=["conjugate", "turned", "real part", "one imaginary part", "real leaf doubled"],
)
def test_a_wrong_complex_pullback_is_caught(dossier, change) -> None:
    broken = as_map(lambda p, w: change(pull(p, w)))
    verdict = judge_pullback(dossier, PRIMAL, broken)
    assert (verdict.outcome, verdict.reason) == (Outcome.WRONG, Reason.VALUE)


def test_the_worst_element_names_the_part_of_the_complex_number(dossier) -> None:
    off = 1e-3j * (np.arange(6).reshape(3, 2) == 3)
    verdict = judge_pullback(
        dossier, PRIMAL, as_map(lambda p, w: (pull(p, w)[0] + off, pull(p, w)[1]))
    )
    assert verdict.worst is not None
    assert verdict.worst.place == "leaf 0[3].imaginary"
    assert verdict.to_dict()["worst"]["part"] == "imaginary"


def test_a_complex_leaf_of_the_wrong_shape_is_named_in_the_callers_shapes(dossier) -> None:
    verdict = judge_pullback(
        dossier, PRIMAL, as_map(lambda p, w: (pull(p, w)[0][:2], pull(p, w)[1]))
    )
    assert verdict.reason is Reason.SHAPE
    assert "shape (2, 2), expected (3, 2)" in verdict.detail


def test_a_complex_answer_for_a_real_input_is_a_fault(dossier) -> None:
    verdict = judge_pullback(
        dossier, PRIMAL, as_map(lambda p, w: (pull(p, w)[0], pull(p, w)[1] + 0j))
    )
    assert verdict.reason is Reason.SHAPE
    assert "complex128" in verdict.detail


def test_pushforwards_need_no_convention_and_are_judged_by_part() -> None:
    for witness in (Witness(as_map(push)), None):
        dossier = certify_pushforward("tests/complex", PRIMAL, Z, witness)
        assert judge_pushforward(dossier, PRIMAL, as_map(push)).outcome is Outcome.AGREE
        wrong = as_map(lambda p, v: (*push(p, v)[:2], np.conj(push(p, v)[2])))
        assert judge_pushforward(dossier, PRIMAL, wrong).outcome is Outcome.WRONG


def test_a_real_function_of_a_complex_number_and_a_complex_one_of_a_real() -> None:
    norm = batched(lambda p: np.sum(np.abs(p[0]) ** 2))
    gradient = as_map(lambda p, w: (2 * p[0] * w[0],))
    dossier = certify_pullback("tests/norm", norm, Z[:1], None)
    assert judge_pullback(dossier, norm, gradient).outcome is Outcome.AGREE
    wave = batched(lambda p: np.exp(1j * p[0]))
    back = as_map(lambda p, w: (np.real(np.conj(1j * np.exp(1j * p[0])) * w[0]),))
    dossier = certify_pullback("tests/wave", wave, Z[1:], None)
    assert judge_pullback(dossier, wave, back).outcome is Outcome.AGREE


def test_the_adjoint_identity_holds_for_real_and_imaginary_parts() -> None:
    value = PRIMAL([Z])[0]
    assert adjoint("tests/c", Z, value, as_map(pull), as_map(push)).outcome is Outcome.AGREE
    turned = as_map(transposed)
    assert adjoint("tests/c", Z, value, turned, as_map(push)).outcome is Outcome.WRONG


def test_the_absolute_value_at_zero_allows_a_convention() -> None:
    modulus = batched(lambda p: np.abs(p[0]))
    x = (np.array([0.0 + 0.0j, 1.0 - 2.0j]),)

    def zero(p, w):
        size = np.abs(p[0])
        return (w[0] * np.where(size == 0, 0.0, p[0] / np.where(size == 0, 1.0, size)),)

    dossier = certify_pullback("tests/modulus", modulus, x, None)
    verdict = judge_pullback(dossier, modulus, as_map(zero))
    assert verdict.outcome is Outcome.AGREE
    assert "kink" in verdict.findings
