"""What callers rely on besides the verdict: purity, edge shapes, clear errors, plain records."""

from __future__ import annotations

import json
import pickle
import time

import numpy as np
import pytest
from oracle_analytic import as_map, broken, dense, elementwise, in_single, judged, witness

from gradtier.oracle import (
    OracleError,
    Outcome,
    Reason,
    Verdict,
    Witness,
    batched,
    certify_pullback,
    certify_pushforward,
    judge_pullback,
    judge_pushforward,
)

DENSE = dense()


def both_ways(name: str) -> Verdict:
    dossier = certify_pullback(name, DENSE.primal, DENSE.x, witness(DENSE))
    return judged(dossier, DENSE, lambda g: tuple(1.01 * a for a in g))


def test_the_same_question_has_the_same_answer_in_any_order() -> None:
    names = ["one", "two", "three"]
    forward = {name: both_ways(name) for name in names}
    np.random.seed(5)
    backward = {name: both_ways(name) for name in reversed(names)}
    assert forward == backward
    assert forward["one"].margin_reference != forward["two"].margin_reference


def test_a_dossier_survives_pickling_and_judges_the_same() -> None:
    dossier = certify_pullback("tests/pickle", DENSE.primal, DENSE.x, witness(DENSE))
    again = pickle.loads(pickle.dumps(dossier))
    assert judged(again, DENSE, lambda g: g) == judged(dossier, DENSE, lambda g: g)


def test_judging_does_not_change_the_dossier() -> None:
    dossier = certify_pullback("tests/frozen", DENSE.primal, DENSE.x, witness(DENSE))
    before = pickle.dumps(dossier)
    judged(dossier, DENSE, lambda g: tuple(-a for a in g))
    assert pickle.dumps(dossier) == before


@pytest.mark.parametrize("change", [lambda g: g, lambda g: (g[0] * np.nan, g[1])])
def test_the_record_is_strict_json(change) -> None:
    dossier = certify_pullback("tests/json", DENSE.primal, DENSE.x, witness(DENSE))
    verdict = judged(dossier, DENSE, change)
    record = json.loads(json.dumps(verdict.to_dict(), allow_nan=False))
    assert record["outcome"] == verdict.outcome.value
    assert verdict.detail in str(verdict)


def test_inputs_that_a_map_overwrites_do_not_spoil_the_question() -> None:
    def vandal(queries):
        answers = as_map(DENSE.pull)(queries)
        for point, seed in queries:
            for leaf in (*point, *seed):
                leaf[...] = 7.0
        return answers

    dossier = certify_pullback("tests/vandal", DENSE.primal, DENSE.x, Witness(vandal))
    assert judge_pullback(dossier, DENSE.primal, as_map(DENSE.pull)).outcome is Outcome.AGREE
    verdict = judge_pullback(dossier, DENSE.primal, vandal)
    assert (verdict.outcome, verdict.reason) == (Outcome.WRONG, Reason.MUTATED)


def test_scalars_empty_leaves_and_no_outputs_work() -> None:
    x = (np.array(2.0), np.zeros((0, 3)), np.array([1.0]))
    primal = batched(lambda p: (p[0] ** 2 * p[2], np.zeros(0)))
    right = as_map(
        lambda p, w: (np.sum(2 * p[0] * p[2] * w[0]), np.zeros((0, 3)), p[0] ** 2 * w[0])
    )
    for known in (Witness(right), None):
        dossier = certify_pullback("tests/empty", primal, x, known)
        assert judge_pullback(dossier, primal, right).outcome is Outcome.AGREE
    nothing = batched(lambda p: np.zeros(0))
    zeros = as_map(lambda p, w: tuple(0.0 * a for a in p))
    for known in (Witness(zeros), None):
        dossier = certify_pullback("tests/nothing", nothing, x, known)
        assert judge_pullback(dossier, nothing, zeros).outcome is Outcome.AGREE
        pushed = certify_pushforward("tests/nothing", nothing, x, known and Witness(none_out))
        assert judge_pushforward(pushed, nothing, none_out).outcome is Outcome.AGREE
    hollow = (np.zeros(0),)
    total = batched(lambda p: np.sum(p[0]))
    for known in (Witness(zeros), None):
        dossier = certify_pullback("tests/hollow", total, hollow, known)
        assert judge_pullback(dossier, total, zeros).outcome is Outcome.AGREE


def none_out(queries):
    return [(np.zeros(0),) for _ in queries]


def test_a_constant_function_agrees_with_zero_and_with_none() -> None:
    primal = batched(lambda p: np.full(3, 4.25))
    x = (np.array([1.0, 2.0]),)
    zero, none = as_map(lambda p, w: (np.zeros(2),)), as_map(lambda p, w: (None,))
    one = as_map(lambda p, w: (np.ones(2),))
    for known in (Witness(zero), None):
        dossier = certify_pullback("tests/constant", primal, x, known)
        assert judge_pullback(dossier, primal, zero).outcome is Outcome.AGREE
        assert judge_pullback(dossier, primal, none).outcome is Outcome.AGREE
        assert judge_pullback(dossier, primal, one).outcome is Outcome.WRONG


def test_a_hundred_thousand_elements_are_judged_in_a_second() -> None:
    many = elementwise(100_000)
    start = time.perf_counter()
    dossier = certify_pullback("tests/large", many.primal, many.x, witness(many))
    assert judged(dossier, many, lambda g: g).outcome is Outcome.AGREE
    assert time.perf_counter() - start < 3.0


def test_a_small_question_costs_milliseconds() -> None:
    certify_pullback("tests/warm", DENSE.primal, DENSE.x, witness(DENSE))
    certifying, judging = [], []
    for i in range(10):
        start = time.perf_counter()
        dossier = certify_pullback(f"tests/{i}", DENSE.primal, DENSE.x, witness(DENSE))
        middle = time.perf_counter()
        judged(dossier, DENSE, lambda g: g)
        judging.append(time.perf_counter() - middle)
        certifying.append(middle - start)
    assert min(certifying) < 0.030
    assert min(judging) < 0.003


def test_a_primal_that_raises_at_the_point_is_a_clear_error() -> None:
    def raising(p):
        raise ZeroDivisionError("no such value")

    with pytest.raises(OracleError, match="raises at the point itself: ZeroDivisionError"):
        certify_pullback("tests/raises", batched(raising), DENSE.x, None)


def test_a_reference_with_wrong_shapes_is_a_clear_error() -> None:
    short = broken(DENSE.pull, lambda g: g[:1])
    with pytest.raises(OracleError, match="shaky: 1 leaves where 2 were expected"):
        certify_pullback("tests/ref", DENSE.primal, DENSE.x, Witness(short, name="shaky"))


def test_a_dossier_of_the_other_kind_is_refused() -> None:
    dossier = certify_pullback("tests/kind", DENSE.primal, DENSE.x, None)
    with pytest.raises(OracleError, match="about a pullback"):
        judge_pushforward(dossier, DENSE.primal, as_map(DENSE.push))


def test_an_unknown_dtype_is_refused_with_the_known_ones() -> None:
    with pytest.raises(OracleError, match=r"float128.*float64"):
        certify_pullback("tests/dtype", DENSE.primal, DENSE.x, None, "float128")


@pytest.mark.parametrize("fault", ["raises", "nan", "shape"])
def test_a_primal_that_fails_on_one_side_never_crashes(fault: str) -> None:
    def half(p):
        if np.any(p[0] < 0):
            if fault == "raises":
                raise RuntimeError("outside the domain")
            return np.full(2, np.nan) if fault == "nan" else np.ones(3)
        return p[0] * np.sqrt(p[0])

    x = (np.array([0.0, 1.0]),)
    right = as_map(lambda p, w: (1.5 * np.sqrt(np.abs(p[0])) * w[0],))
    for known in (Witness(right), None):
        dossier = certify_pullback("tests/side", batched(half), x, known)
        assert judge_pullback(dossier, batched(half), right).outcome is not Outcome.WRONG


def test_both_not_finite_in_the_same_elements_is_said() -> None:
    primal = batched(lambda p: np.sqrt(p[0]))
    x = (np.array([0.0, 1.0]),)

    def root(p, w):
        return (0.5 / np.sqrt(p[0]) * w[0],)

    dossier = certify_pullback("tests/inf", primal, x, Witness(as_map(root)))
    verdict = judge_pullback(dossier, primal, as_map(root))
    assert verdict.outcome is Outcome.AGREE
    assert "nonfinite-both" in verdict.findings


def test_both_not_finite_is_wrong_where_finite_differences_know_the_slope() -> None:
    """Of |p| at (0, 0), and of a smooth function: nobody need answer with NaN."""

    def length(p, w):
        with np.errstate(all="ignore"):
            return (p[0] / np.sqrt(np.sum(p[0] ** 2)) * w[0],)

    def power(p, w):
        with np.errstate(all="ignore"):
            return (np.where(p[0] == 0, np.nan, 2 * p[0]) * w[0],)

    for f, pull in (
        (lambda p: np.sqrt(np.sum(p[0] ** 2)), length),
        (lambda p: p[0] ** 2, power),
    ):
        x = (np.array([0.0, 0.0]),)
        primal = batched(f)
        dossier = certify_pullback("tests/both", primal, x, Witness(as_map(pull)))
        verdict = judge_pullback(dossier, primal, as_map(pull))
        assert (verdict.outcome, verdict.reason) == (Outcome.WRONG, Reason.NONFINITE), str(verdict)
        assert {"nonfinite-both", "reference-wrong"} <= set(verdict.findings)
        mended = as_map(lambda p, w, pull=pull: (np.nan_to_num(pull(p, w)[0]),))
        with_right = judge_pullback(dossier, primal, mended)
        assert with_right.outcome is Outcome.AGREE, str(with_right)


def test_an_exception_of_the_backend_is_passed_on() -> None:
    def raising(queries):
        raise NotImplementedError("no rule for this")

    dossier = certify_pullback("tests/pass", DENSE.primal, DENSE.x, witness(DENSE))
    with pytest.raises(NotImplementedError, match="no rule"):
        judge_pullback(dossier, DENSE.primal, raising)


def stubborn(function):
    """A map that keeps the first point that it ever saw."""
    kept = []

    def answer(queries):
        kept.extend(x for x, _ in queries[: 1 - len(kept)])
        return [function.pull(kept[0], seed) for _, seed in queries]

    return answer


def reusing(function):
    """A map that returns the same arrays from call to call."""
    buffers = []

    def answer(queries):
        told = [function.pull(x, seed) for x, seed in queries]
        if not buffers:
            buffers.extend([np.zeros_like(g) for g in leaves] for leaves in told)
        for kept, leaves in zip(buffers, told, strict=False):
            for buffer, g in zip(kept, leaves, strict=True):
                buffer[...] = g
        return [tuple(kept) for kept in buffers[: len(told)]]

    return answer


def accumulating(function):
    """A map that adds what it answered in an earlier call."""
    left = []

    def answer(queries):
        told = [function.pull(x, seed) for x, seed in queries]
        added = [tuple(g + sum(old[i] for old in left) for i, g in enumerate(t)) for t in told]
        left.append(told[0])
        return added

    return answer


@pytest.mark.parametrize("lean", [True, False])
@pytest.mark.parametrize(
    ("spoiled", "reasons"),
    [
        (stubborn, {Reason.STALE}),
        (reusing, {Reason.UNSTABLE}),
        (accumulating, {Reason.UNSTABLE}),
    ],
)
def test_a_map_with_a_memory_is_caught(spoiled, reasons, lean: bool) -> None:
    def certified(lean: bool):
        return certify_pullback("tests/memory", DENSE.primal, DENSE.x, witness(DENSE), lean=lean)

    verdict = judge_pullback(
        certified(lean), DENSE.primal, spoiled(DENSE), full=lambda: certified(False)
    )
    assert verdict.outcome is Outcome.WRONG
    assert verdict.reason in reasons


def test_a_map_that_is_not_defined_at_another_point_is_judged_at_its_own() -> None:
    def fussy(queries):
        if not all(np.array_equal(x[0], DENSE.x[0]) for x, _ in queries):
            raise ValueError("outside my domain")
        return as_map(DENSE.pull)(queries)

    for lean in (True, False):
        dossier = certify_pullback("tests/fussy", DENSE.primal, DENSE.x, witness(DENSE), lean=lean)
        assert judge_pullback(dossier, DENSE.primal, fussy).outcome is Outcome.AGREE


def test_an_overflow_of_the_reference_in_float32_excuses_no_nan_in_float64() -> None:
    x = (np.array([1.0, 2.0, 3.0]),)

    def right(point, cotangent):
        return (np.full(3, 2.0) * cotangent[0],)

    def overflows(point, cotangent):
        return (np.full(3, np.inf, dtype=np.float32),)

    def lost(point, cotangent):
        return (np.array([np.nan, 2.0, 2.0]) * cotangent[0],)

    primal = batched(lambda p: (2.0 * p[0],))
    known = Witness(as_map(right), as_map(overflows))
    for dtype, outcome in (("float64", Outcome.WRONG), ("float32", Outcome.INCONCLUSIVE)):
        dossier = certify_pullback("tests/overflow", primal, x, known, dtype)
        rounded = in_single(lost) if dtype == "float32" else as_map(lost)
        verdict = judge_pullback(dossier, primal, rounded)
        assert verdict.outcome is outcome, f"{dtype}: {verdict}"
