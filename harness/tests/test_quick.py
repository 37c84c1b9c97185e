"""The quick subset: declared in the matrix, within what the user named, and never silent."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_world import World

from gradtier.errors import InputError
from gradtier.lint import load_checked
from gradtier.plan import select, selected
from gradtier.running import Order, open_matrix, to_do

ROOT = Path(__file__).parents[2]


def ids(world: World, quick: bool = True, **axes: tuple[str, ...]) -> set[str]:
    opened = open_matrix(world.file)
    chosen = select(opened.plan, selected(opened.plan.matrix, axes, quick))
    return {t.id.case_id for t in chosen}


def test_quick_keeps_the_declared_cases_alone(world: World) -> None:
    world.matrix["quick"] = ["small/lo*"]
    assert ids(world) == {"small/logs"}
    assert ids(world, quick=False) == {"small/logs", "small/dense"}


def test_quick_stays_within_what_the_user_named(world: World) -> None:
    world.matrix["quick"] = ["small/logs"]
    with pytest.raises(InputError, match="holds no trial"):
        ids(world, case=("dense",))


def test_quick_without_a_subset_is_an_error_and_not_the_whole_matrix(world: World) -> None:
    with pytest.raises(InputError, match="names no cases under 'quick'"):
        ids(world)


def test_a_quick_case_that_does_not_exist_is_a_lint_problem_with_its_line(world: World) -> None:
    world.matrix["quick"] = ["small/logz"]
    with pytest.raises(InputError, match=r"matrix.yaml:\d+: quick\[0\].*'small/logz' is no case"):
        load_checked(world.file)


def test_a_pytest_worker_is_handed_the_quick_subset(world: World, tmp_path: Path) -> None:
    world.matrix["quick"] = ["small/logs"]
    opened = open_matrix(world.file)
    words = selected(opened.plan.matrix, {}, True).words()
    order = Order.loads(Order("r", str(tmp_path / "e"), str(tmp_path), words, ()).dumps())
    assert {t.id.case_id for t in to_do(opened, order)} == {"small/logs"}


def test_the_flagships_quick_subset_touches_every_suite() -> None:
    plan = open_matrix(ROOT / "matrix.yaml").plan
    chosen = select(plan, selected(plan.matrix, {}, True))
    assert {t.id.suite for t in chosen} == set(plan.matrix.suites)
    assert {t.id.cell.backend for t in chosen} >= {t.id.cell.backend for t in plan.trials}
