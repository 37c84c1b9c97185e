"""Wrong pullbacks must be caught, right ones must not, whoever else is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from oracle_analytic import (
    Analytic,
    as_map,
    broken,
    dense,
    elementwise,
    in_single,
    judged,
    single,
    witness,
)

from gradtier.oracle import (
    Dossier,
    Outcome,
    Reason,
    Witness,
    batched,
    certify_pullback,
    judge_pullback,
)

DENSE = dense()


@pytest.fixture(scope="module")
def dossier() -> Dossier:
    return certify_pullback("tests/dense", DENSE.primal, DENSE.x, witness(DENSE))


@pytest.fixture(scope="module")
def lonely() -> Dossier:
    return certify_pullback("tests/dense", DENSE.primal, DENSE.x, None)


def poke(leaves: tuple[np.ndarray, ...], leaf: int, index: int, factor: float):
    changed = [np.array(a) for a in leaves]
    changed[leaf].reshape(-1)[index] *= factor
    return tuple(changed)


WRONGS = {
    "factor two": (lambda g: tuple(2.0 * a for a in g), Reason.VALUE),
    "sign": (lambda g: tuple(-a for a in g), Reason.VALUE),
    "transposed": (lambda g: (g[0].T, g[1]), Reason.VALUE),
    "swapped elements": (lambda g: (g[0], g[1][[1, 0, 2, 3]]), Reason.VALUE),
    "missing term": (lambda g: (g[0], g[1] - 0.25 * np.mean(g[1])), Reason.VALUE),
    "one element by 1e-3": (lambda g: poke(g, 0, 7, 1.001), Reason.VALUE),
    "one element by 1e-5": (lambda g: poke(g, 0, 7, 1.00001), Reason.VALUE),
    "all zero": (lambda g: tuple(0.0 * a for a in g), Reason.SEVERED),
    "one leaf zero": (lambda g: (g[0], 0.0 * g[1]), Reason.SEVERED),
    "one leaf None": (lambda g: (None, g[1]), Reason.SEVERED),
    "nan in one element": (lambda g: poke(g, 0, 5, np.nan), Reason.NONFINITE),
    "infinity in one element": (lambda g: poke(g, 1, 2, np.inf), Reason.NONFINITE),
    "raveled": (lambda g: (g[0].ravel(), g[1]), Reason.SHAPE),
    "one leaf short": (lambda g: g[:1], Reason.SHAPE),
}


@pytest.mark.parametrize("name", WRONGS)
def test_wrong_pullback_is_caught_with_both_witnesses(name: str, dossier: Dossier) -> None:
    change, reason = WRONGS[name]
    verdict = judged(dossier, DENSE, change)
    assert (verdict.outcome, verdict.reason) == (Outcome.WRONG, reason), str(verdict)
    if reason is not Reason.SHAPE:
        assert verdict.rows >= 24


@pytest.mark.parametrize("name", WRONGS)
def test_wrong_pullback_is_caught_by_finite_differences_alone(name: str, lonely: Dossier) -> None:
    change, reason = WRONGS[name]
    verdict = judged(lonely, DENSE, change)
    assert (verdict.outcome, verdict.reason) == (Outcome.WRONG, reason), str(verdict)
    assert "no-reference" in verdict.findings
    if reason is not Reason.SHAPE:
        assert verdict.rows >= 24


def test_right_pullback_agrees_cheaply(dossier: Dossier) -> None:
    verdict = judged(dossier, DENSE, lambda g: g)
    assert verdict.outcome is Outcome.AGREE
    assert verdict.findings == ()
    assert verdict.primal_evaluations == 0
    assert verdict.derivative_evaluations == 4  # two seeds, one elsewhere, one again
    assert dossier.primal_evaluations == 18  # the point twice, 2 directions x 4 steps x 2 sides


def test_without_a_reference_the_verdict_says_so(lonely: Dossier) -> None:
    verdict = judged(lonely, DENSE, lambda g: g)
    assert verdict.outcome is Outcome.AGREE
    assert verdict.witnesses == ("finite-differences",)
    assert "no-reference" in verdict.findings


def test_the_worst_element_is_named(dossier: Dossier) -> None:
    verdict = judged(dossier, DENSE, lambda g: poke(g, 0, 7, 1.5))
    assert verdict.worst is not None
    assert (verdict.worst.leaf, verdict.worst.index) == (0, 7)
    assert verdict.worst.fd == pytest.approx(verdict.worst.reference, rel=1e-9)
    assert verdict.worst.got == pytest.approx(1.5 * verdict.worst.reference)


def test_one_element_in_ten_thousand_wrong_by_1e_minus_5_is_caught() -> None:
    many = elementwise(10_000)
    dossier = certify_pullback("tests/many", many.primal, many.x, witness(many))
    assert judged(dossier, many, lambda g: g).outcome is Outcome.AGREE
    verdict = judged(dossier, many, lambda g: poke(g, 0, 1234, 1.00001))
    assert verdict.reason is Reason.VALUE
    assert verdict.worst is not None and verdict.worst.index == 1234


def test_float32_hidden_inside_float64_is_caught(dossier: Dossier) -> None:
    verdict = judge_pullback(dossier, DENSE.primal, in_single(DENSE.pull))
    assert verdict.outcome is Outcome.WRONG
    assert verdict.reason is Reason.VALUE


def test_float32_is_right_where_float32_was_asked_for() -> None:
    dossier = certify_pullback("tests/low", DENSE.primal, DENSE.x, witness(DENSE), "float32")
    assert judge_pullback(dossier, DENSE.primal, in_single(DENSE.pull)).outcome is Outcome.AGREE
    low = in_single(lambda p, w: poke(DENSE.pull(p, w), 0, 7, 1.001))
    assert judge_pullback(dossier, DENSE.primal, low).outcome is Outcome.WRONG


def test_a_second_call_that_differs_is_unstable(dossier: Dossier) -> None:
    calls = [0]

    def drifting(queries):
        out = []
        for point, seed in queries:
            calls[0] += 1
            out.append(tuple(a * (1.0 + 1e-3 * (calls[0] > 2)) for a in DENSE.pull(point, seed)))
        return out

    verdict = judge_pullback(dossier, DENSE.primal, drifting)
    assert (verdict.outcome, verdict.reason) == (Outcome.WRONG, Reason.UNSTABLE)


def test_a_cotangent_that_is_ignored_is_caught(dossier: Dossier) -> None:
    ones = (np.ones(4),)
    verdict = judge_pullback(
        dossier, DENSE.primal, as_map(lambda point, seed: DENSE.pull(point, ones))
    )
    assert verdict.outcome is Outcome.WRONG


def test_another_order_of_summation_is_no_fault() -> None:
    rng = np.random.default_rng(3)
    x = single(rng.normal(size=2000))
    matrix = single(rng.normal(size=(2000, 30)))
    square = Analytic(
        lambda x: (x @ matrix) ** 2,
        lambda p, w: (matrix @ (2.0 * (p[0] @ matrix) * w[0]),),
        lambda p, v: (2.0 * (p[0] @ matrix) * (v[0] @ matrix),),
        (x,),
    )

    def backwards(p, w):
        inner = 2.0 * np.cumsum((p[0][:, None] * matrix)[::-1], axis=0)[-1] * w[0]
        return (np.cumsum((matrix * inner)[:, ::-1], axis=1)[:, -1],)

    for name in ("a", "b", "c"):
        dossier = certify_pullback(name, square.primal, square.x, witness(square))
        verdict = judge_pullback(dossier, square.primal, as_map(backwards))
        assert verdict.outcome is Outcome.AGREE, str(verdict)


def test_a_wrong_reference_is_found_and_not_blamed_on_the_backend() -> None:
    wrong = broken(DENSE.pull, lambda g: poke(g, 1, 1, 1.25))
    dossier = certify_pullback("tests/wrongref", DENSE.primal, DENSE.x, Witness(wrong))
    verdict = judged(dossier, DENSE, lambda g: g)
    assert verdict.outcome is Outcome.AGREE
    assert "reference-wrong" in verdict.findings
    assert verdict.witnesses == ("finite-differences",)


def test_both_wrong_in_the_same_way_is_a_conflict_not_an_agreement() -> None:
    twice = broken(DENSE.pull, lambda g: tuple(2.0 * a for a in g))
    dossier = certify_pullback("tests/both", DENSE.primal, DENSE.x, Witness(twice))
    verdict = judge_pullback(dossier, DENSE.primal, twice)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "conflict" in verdict.findings


def test_both_wrong_in_different_ways_accuses_the_backend_too() -> None:
    twice = broken(DENSE.pull, lambda g: tuple(2.0 * a for a in g))
    dossier = certify_pullback("tests/both", DENSE.primal, DENSE.x, Witness(twice))
    verdict = judged(dossier, DENSE, lambda g: tuple(-a for a in g))
    assert verdict.outcome is Outcome.WRONG
    assert "reference-wrong" in verdict.findings


@pytest.mark.parametrize("known", [True, False])
def test_a_noisy_primal_makes_it_inconclusive_not_wrong(known: bool) -> None:
    def noisy(x: np.ndarray) -> np.ndarray:
        noise = np.modf(np.abs(np.sin(x * 1e7)) * 1e5)[0] - 0.5
        return np.sin(x) + 0.03 * noise

    x = (single(np.linspace(0.3, 1.2, 5)),)
    near = as_map(lambda p, w: (np.cos(p[0]) * w[0],))
    far = as_map(lambda p, w: (np.cos(p[0]) * w[0] * 1.01,))
    primal = batched(lambda p: noisy(p[0]))
    dossier = certify_pullback("tests/noisy", primal, x, Witness(near) if known else None)
    assert judge_pullback(dossier, primal, far).outcome is Outcome.INCONCLUSIVE


def test_right_at_most_points_but_wrong_only_at_this_one_is_told_apart() -> None:
    x = (np.array([0.0, 1.0, -2.0]),)

    def special(p, w):
        return (np.where(p[0] == 0.0, 0.5, np.exp(p[0])) * w[0],)

    primal = batched(lambda p: np.exp(p[0]))
    right = Witness(as_map(lambda p, w: (np.exp(p[0]) * w[0],)))
    for reference in (right, None):
        dossier = certify_pullback("tests/special", primal, x, reference)
        verdict = judge_pullback(dossier, primal, as_map(special))
        assert verdict.outcome is Outcome.WRONG
        assert "at-point-only" in verdict.findings


def test_rounding_that_shrinks_with_precision_is_imprecise_not_wrong(dossier: Dossier) -> None:
    def scaled(unit: float):
        return as_map(lambda p, w: tuple(a * (1.0 + 400.0 * unit) for a in DENSE.pull(p, w)))

    verdict = judge_pullback(dossier, DENSE.primal, scaled(2.0**-53), scaled(2.0**-24))
    assert verdict.outcome is Outcome.AGREE
    assert "imprecise" in verdict.findings
    verdict = judge_pullback(dossier, DENSE.primal, scaled(2.0**-53), scaled(2.0**-53))
    assert "imprecise" not in verdict.findings


def test_a_residue_of_terms_that_cancel_is_no_fault_but_a_small_value_is() -> None:
    """w x - w x: zero for whoever cancels exactly, rounding noise for whoever does not."""
    rng = np.random.default_rng(3)
    x, w = single(rng.normal(size=6)), single(rng.uniform(0.5, 2.0, size=6))
    primal = batched(lambda p: w * p[0] - p[0] * w)

    def residue(p, c):
        thirds = single(w * single(c[0] / 3.0))
        return (single(thirds + thirds + thirds) - single(w * c[0]),)

    def zero(p, c):
        return (0.0 * c[0],)

    def small(p, c):
        return (1e-7 * c[0],)

    known = Witness(as_map(zero), as_map(zero))
    dossier = certify_pullback("tests/residue", primal, (x,), known, "float32")
    assert any(np.any(residue((x,), seed)[0] != 0) for seed in dossier.seeds)
    assert judge_pullback(dossier, primal, as_map(residue)).outcome is Outcome.AGREE
    assert judge_pullback(dossier, primal, as_map(small)).outcome is Outcome.WRONG
