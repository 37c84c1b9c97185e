"""Two answers to one question: what rounding may do on both sides is no difference, all else is."""

from __future__ import annotations

import numpy as np
import pytest

from gradtier.oracle import Dossier, Witness, apart, batched, certify_pullback

X = (np.array([0.5, -1.25, 2.0]), np.array(0.75))


def function(x):
    return (np.exp(x[0]) * x[1],)


def pullback(queries):
    return [((np.exp(x[0]) * x[1] * w[0]), np.sum(np.exp(x[0]) * w[0])) for x, w in queries]


@pytest.fixture(params=["float64", "float32"])
def dossier(request: pytest.FixtureRequest) -> Dossier:
    return made(request.param)


def made(dtype: str = "float64", witness: bool = True) -> Dossier:
    low = Witness(pullback, pullback, "reference") if witness else None
    return certify_pullback("case", batched(function), X, low, dtype)


def answers(dossier: Dossier):
    return [tuple(np.array(a) for a in leaves) for leaves in
            pullback([(dossier.x, seed) for seed in dossier.seeds])]  # fmt: skip


def test_the_same_bits_are_not_apart(dossier: Dossier) -> None:
    found = apart(dossier, answers(dossier), answers(dossier))
    assert (found.times, found.ulps, found.place) == (0.0, 0.0, "")
    assert found.first_right and found.second_right


def test_a_unit_in_the_last_place_is_counted_as_one_in_the_tested_precision(
    dossier: Dossier,
) -> None:
    kind = np.dtype(dossier.dtype).type
    mine = [tuple(np.asarray(a, kind) for a in leaves) for leaves in answers(dossier)]
    theirs = [tuple(np.nextafter(a, kind(np.inf)) for a in leaves) for leaves in mine]
    wide = [[tuple(np.asarray(a, np.float64) for a in leaves) for leaves in side]
            for side in (mine, theirs)]  # fmt: skip
    found = apart(dossier, *wide)
    assert 0.5 <= found.ulps <= 1.0  # a half below a power of two
    assert 0.0 < found.times <= 1.0


@pytest.mark.parametrize("leaf, index", [(0, 1), (1, 0)])
@pytest.mark.parametrize("witness", [True, False])
def test_one_element_that_is_off_is_named_with_both_sides(
    leaf: int, index: int, witness: bool
) -> None:
    dossier = made(witness=witness)
    mine, theirs = answers(dossier), answers(dossier)
    was = float(mine[1][leaf].reshape(-1)[index])
    mine[1][leaf].reshape(-1)[index] = was * (1 + 1e-9)
    found = apart(dossier, mine, theirs)
    assert found.times > 1.0
    assert found.place == f"leaf {leaf}[{index}]"
    assert (found.first, found.second) == (was * (1 + 1e-9), was)
    assert (found.first_right, found.second_right) == ((False, True) if witness else (None, None))


def test_what_is_not_connected_is_zero(dossier: Dossier) -> None:
    mine, theirs = answers(dossier), answers(dossier)
    mine = [(first, None) for first, _ in mine]
    assert apart(dossier, mine, theirs).times > 1.0
    zero = [(first, np.zeros(())) for first, _ in theirs]
    assert apart(dossier, mine, zero).times == 0.0


def test_a_side_that_alone_is_not_finite_is_infinitely_far(dossier: Dossier) -> None:
    mine, theirs = answers(dossier), answers(dossier)
    mine[0][0][2] = np.nan
    found = apart(dossier, mine, theirs)
    assert found.times == np.inf
    assert found.place == "leaf 0[2]"
    theirs[0][0][2] = np.nan
    assert apart(dossier, mine, theirs).times == 0.0
    theirs[0][0][2] = np.inf
    assert apart(dossier, mine, theirs).times == np.inf


def test_leaves_of_another_shape_are_no_numbers_to_compare(dossier: Dossier) -> None:
    mine, theirs = answers(dossier), answers(dossier)
    mine = [(first[None], second) for first, second in mine]
    found = apart(dossier, mine, theirs)
    assert (found.times, found.second_fault) == (np.inf, None)
    assert found.first_fault is not None and "shape (1, 3)" in found.first_fault
    assert apart(dossier, mine, mine).times == 0.0


def test_the_part_of_a_complex_element_is_named() -> None:
    z = (np.array([0.5 + 1.0j, -1.0 + 0.25j]),)
    dossier = certify_pullback("complex", batched(lambda x: (x[0] * x[0],)), z, None)
    mine = [(np.conj(2.0 * z[0]),) for _ in dossier.seeds]
    theirs = [(np.conj(2.0 * z[0]) + np.array([0.0, 0.5j]),) for _ in dossier.seeds]
    assert apart(dossier, mine, theirs).place == "leaf 0[1].imaginary"
