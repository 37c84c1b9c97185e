"""Numbers that leave the graph: the value stays right and the derivative is gone."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from small_world import World, row
from test_faults import run

from gradtier.evidence import Record
from gradtier.model import Outcome, Reason

SUITE = """
import math

import numpy as np

from gradtier.cases import Suite, normal

suite = Suite("small")


@suite.case(x=normal(4))
def by_numpy(xp, x):
    return 2.0 * xp.asarray(np.sin(x))


@suite.case(x=normal(3))
def by_python(xp, x):
    return xp.sum(xp.asarray([math.sin(float(x[i])) for i in range(3)]))


@suite.case(x=normal(3))
def by_hand(xp, x):
    return xp.sum(xp.sin(xp.asarray(np.asarray(getattr(x, "_value", x)))))
"""

ADAPTERS = {
    "tensorflow": "gradtier.backends.tensorflow:TensorFlow",
    "torch": "gradtier.backends.torch:TorchAutograd",
    "jax": "gradtier.backends.jax:Jax",
}


def records(world: World, tmp_path: Path, package: str, case: str) -> Record:
    world.suite(SUITE)
    if package in ADAPTERS:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
        world.add("other", row(ADAPTERS[package], package=package))
    backend = "other" if package in ADAPTERS else "exact-reverse"
    (record,) = run(world, tmp_path, backend=backend, case=case, nesting="none")
    return record


def test_a_number_taken_out_of_the_graph_by_hand_is_severed(world: World, tmp_path: Path) -> None:
    record = records(world, tmp_path, "autograd", "by_hand")
    assert (record.outcome, record.reason) == (Outcome.WRONG, Reason.SEVERED), record


@pytest.mark.integration
@pytest.mark.parametrize(
    ("package", "case"),
    [("tensorflow", "by_numpy"), ("tensorflow", "by_python"), ("torch", "by_python")],
)
def test_a_library_that_lets_a_number_go_in_silence_is_severed(
    world: World, tmp_path: Path, package: str, case: str
) -> None:
    record = records(world, tmp_path, package, case)
    assert (record.outcome, record.reason) == (Outcome.WRONG, Reason.SEVERED), record


@pytest.mark.integration
@pytest.mark.parametrize(("package", "case"), [("jax", "by_numpy"), ("jax", "by_python")])
def test_a_library_that_refuses_to_let_a_number_go_is_not_accused(
    world: World, tmp_path: Path, package: str, case: str
) -> None:
    assert records(world, tmp_path, package, case).outcome is Outcome.UNSUPPORTED
