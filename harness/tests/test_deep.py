"""What a matrix leaves to deep runs: left out of a run, told, and counted where it was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_world import World

from gradtier.errors import InputError
from gradtier.lint import load_checked
from gradtier.plan import select, selected
from gradtier.running import Order, open_matrix, to_do

DEEP = {
    "match": {"case": "logs", "nesting": ["forward", "reverse"]},
    "reason": "too-slow",
    "because": "second derivatives of logarithms take ages",
    "deep": True,
}


@pytest.fixture
def deep(world: World) -> World:
    world.matrix["exclusions"] = [DEEP]
    return world


def chosen(world: World, deep: bool = False, **axes: tuple[str, ...]) -> set[str]:
    opened = open_matrix(world.file)
    found = select(opened.plan, selected(opened.plan.matrix, axes, False, deep))
    return {str(t.id) for t in found}


def test_a_run_leaves_deep_trials_out_and_a_deep_one_does_not(deep: World) -> None:
    daily, all_ = chosen(deep), chosen(deep, deep=True)
    assert {t for t in all_ - daily} == {
        f"small/logs@exact-{inner}/cpu/{outer}/float64"
        for inner in ("forward", "reverse")
        for outer in ("forward", "reverse")
    }
    assert daily < all_


def test_a_selection_of_deep_trials_alone_says_what_to_add(deep: World) -> None:
    with pytest.raises(InputError, match=r"2 are left to deep runs: add --deep"):
        chosen(deep, case=("logs",), nesting=("forward",))


def test_a_pytest_worker_is_handed_the_depth(deep: World, tmp_path: Path) -> None:
    opened = open_matrix(deep.file)
    words = selected(opened.plan.matrix, {}, False, True).words()
    order = Order.loads(Order("r", str(tmp_path / "e"), str(tmp_path), words, ()).dumps())
    assert {str(t.id) for t in to_do(opened, order)} == chosen(deep, deep=True)


def test_an_unmeasured_deep_trial_is_excluded_with_its_reason_and_never_missing(
    deep: World,
) -> None:
    plan = open_matrix(deep.file).plan
    settled = plan.settled(lambda t: False)
    assert {str(t.id) for t in settled.trials} == chosen(deep)
    left = [e for e in settled.exclusions if e.because == DEEP["because"]]
    assert len(left) == 4
    assert plan.settled(lambda t: True) is plan


def test_depth_does_not_change_what_a_record_is_of(world: World) -> None:
    before = {t.id: t.digest for t in open_matrix(world.file).plan.trials}
    world.matrix["exclusions"] = [DEEP]
    assert {t.id: t.digest for t in open_matrix(world.file).plan.trials} == before


def test_a_claim_about_deep_trials_alone_is_no_lint_problem(deep: World) -> None:
    deep.matrix["claims"] = [
        {"match": DEEP["match"], "outcome": "unsupported", "because": "not there yet"}
    ]
    load_checked(deep.file)


def test_what_a_deep_run_measured_counts_and_the_rest_is_said_to_be_left_out(deep: World) -> None:
    some = ["--backend", "exact-reverse", "--case", "logs", "--evidence", "e.jsonl"]
    daily = deep.gradtier("run", *some)
    assert "2 more are left to deep runs; --deep measures them too" in daily.stdout, daily.stderr
    assert cell(deep, "exact-reverse")["planned"] == 1  # dense was not measured and is planned
    done = deep.gradtier("run", "--deep", "--resume", *some)
    assert done.returncode == 0, done.stdout + done.stderr
    assert cell(deep, "exact-reverse")["planned"] == 2
    assert cell(deep, "exact-reverse")["measured"] == 1
    assert cell(deep, "exact-forward")["planned"] == 1


def cell(world: World, backend: str) -> dict[str, int]:
    """The cell of forward over the backend, as the support table has it."""
    world.gradtier("report", "--evidence", "e.jsonl", "--out", "out", "--quiet")
    table = json.loads((world.folder / "out" / "support.json").read_text(encoding="utf-8"))
    (row,) = [r for r in table["rows"] if r["id"] == backend]
    (found,) = [c for n in row["nested"] for c in n["cells"] if c["nesting"] == "forward"]
    return dict(found)
