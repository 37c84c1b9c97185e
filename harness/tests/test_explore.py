"""Exploration: variants are found, shrunk, asked for again by name, and kept."""

from __future__ import annotations

import numpy as np
import pytest
from small_world import World, row

from gradtier.cases import Suite, integers, normal, values
from gradtier.variants import find, free, keep, spelled

ODD = '''
from gradtier.backends.autograd import Autograd


class Odd(Autograd):
    """Forgets to sum over an axis of length one that was broadcast, but for small arrays."""

    def pullback(self, f, x, w):
        y, dx = super().pullback(f, x, w)
        broken = x[0].ndim == 2 and x[0].shape[0] == 1 and y[0].shape[1] >= 3
        return y, tuple(2.0 * d for d in dx) if broken else dx
'''

ADD = '''
from gradtier.cases import Suite, normal, values

suite = Suite("small", "Small functions")


@suite.case(x=normal(3, 2), y=normal(2))
def add(xp, x, y):
    """Sum of sines"""
    return xp.sin(x) + y


@suite.case(x=values([1.0, 2.0]))
def fixed(xp, x):
    """Nothing to vary"""
    return xp.sin(x)
'''


def suite() -> Suite:
    made = Suite("small", "Small")

    @made.case(x=normal(3, 2), y=normal(2), at=values([1.0]), index=integers(4, high=3))
    def add(xp, x, y, at, index):
        """Sum"""
        return x + y + at

    return made


def test_a_variants_name_is_its_case_again() -> None:
    made = suite()
    case = made.cases["add"]
    name = spelled(case, {"y": (), "x": (1, 4)}, seed=2)
    assert name == "add+x.1.4+y+seed.2"
    found = find(made, name)
    assert [found.inputs[n].shape for n in ("x", "y", "at")] == [(1, 4), (), (1,)]
    assert spelled(found, {}) == name and found.digest != case.digest


def test_another_seed_draws_other_numbers_and_the_same_seed_the_same() -> None:
    made = suite()
    draws = [find(made, f"add+seed.{n}").draw()[0][1] for n in (1, 2, 1)]
    assert not np.array_equal(draws[0], draws[1])
    assert np.array_equal(draws[0], draws[2])


def test_only_drawn_arrays_are_varied_and_no_indices() -> None:
    assert set(free(suite().cases["add"])) == {"x", "y"}


@pytest.mark.parametrize("name", ["add+at.3", "add+x.a", "add+nothing.2", "sub+x.2", "add+"])
def test_a_name_that_is_no_variant_is_refused(name: str) -> None:
    with pytest.raises(KeyError):
        find(suite(), name)


def test_a_variant_that_is_kept_is_a_case_of_the_suite() -> None:
    made = suite()
    keep(made, "add+x.1.2")
    assert made.cases["add+x.1.2"].id == "small/add+x.1.2"
    assert made.cases["add+x.1.2"].title == "Sum (x.1.2)"


@pytest.fixture
def odd(world: World) -> World:
    world.suite(ADD)
    (world.folder / "odd.py").write_text(ODD, encoding="utf-8")
    world.add("odd", row("odd:Odd", package="odd"))
    return world


def test_a_fault_of_one_shape_is_found_and_shrunk_to_the_smallest(odd: World) -> None:
    done = odd.gradtier("run", "--explore", "60", "--backend", "odd", "--nesting", "none")
    assert done.returncode == 1, done.stdout + done.stderr
    kept = [line for line in done.stdout.splitlines() if "keep it in" in line]
    assert len(kept) == 1, done.stdout
    name = kept[0].split('"')[1]
    sizes = [int(n) for part in name.split("+")[1:] for n in part.split(".")[1:]]
    assert "+x.1." in name and max(sizes) == 3, "not the smallest that fails"
    # and the name asks for the same again, as a case of the suite
    odd.suite(ADD + f'\n\nfrom gradtier.variants import keep\n\nkeep(suite, "{name}")\n')
    again = odd.gradtier(
        "run", "--backend", "odd", "--nesting", "none", "--case", name, "--evidence", "e.jsonl"
    )
    assert "1 wrong" in again.stdout, again.stdout + again.stderr


def test_a_right_backend_passes_every_variant(odd: World) -> None:
    done = odd.gradtier("run", "--explore", "20", "--backend", "exact-reverse", "--nesting", "none")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 trials fail elsewhere" in done.stdout


def test_a_selection_with_nothing_to_vary_says_so(odd: World) -> None:
    done = odd.gradtier("run", "--explore", "5", "--case", "fixed")
    assert done.returncode == 2
    assert "no selected trial has drawn inputs" in done.stderr
