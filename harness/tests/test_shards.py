"""Shards: disjoint, whole, of like cost, stable; and the costs that they are cut by."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_world import World

from gradtier import costs as costs_
from gradtier.costs import GUESS, Costs, learn
from gradtier.errors import InputError
from gradtier.model import Cell, Nesting, TrialId
from gradtier.plan import Planned
from gradtier.running import Order, chosen, open_matrix, to_do
from gradtier.shards import Shard, part

PACKAGES = {"a-1": "a", "a-2": "a", "b": "b", "c": "c"}


def trials(cases: int = 40) -> tuple[Planned, ...]:
    return tuple(
        Planned(TrialId("s", f"case{i}", Cell(row, "cpu", nesting, "float64")), "d")
        for row in PACKAGES
        for i in range(cases)
        for nesting in Nesting
    )


def cost(t: TrialId) -> float:
    """Rows differ by far, and some cases are very dear."""
    return {"a-1": 0.1, "a-2": 0.01, "b": 1.0, "c": 0.3}[t.cell.backend] * (
        5 if t.case.endswith("7") else 1
    )


@given(st.integers(1, 12), st.integers(1, 30))
def test_no_trial_is_in_two_shards_or_in_none(of: int, cases: int) -> None:
    whole = trials(cases)
    parts = [part(whole, Shard(k, of), PACKAGES, cost) for k in range(1, of + 1)]
    assert Counter(t.id for p in parts for t in p) == Counter(t.id for t in whole)


def test_shards_cost_alike_though_rows_do_not() -> None:
    sums = [
        sum(cost(t.id) for t in part(trials(200), Shard(k, 8), PACKAGES, cost)) for k in range(1, 9)
    ]
    assert max(sums) < 1.15 * min(sums), sums


def test_rows_that_share_compilations_are_not_torn_apart() -> None:
    for k in range(1, 6):
        found = {(PACKAGES[t.id.cell.backend], t.id.case_id): 0 for t in trials()}
        for t in part(trials(), Shard(k, 5), PACKAGES, cost):
            found[PACKAGES[t.id.cell.backend], t.id.case_id] += 1
        assert all(n in (0, 6 if package == "a" else 3) for (package, _), n in found.items())


def test_a_new_case_moves_few_of_the_others() -> None:
    def where(cases: int) -> dict[str, int]:
        parts = {k: part(trials(cases), Shard(k, 8), PACKAGES, cost) for k in range(1, 9)}
        return {str(t.id): k for k, found in parts.items() for t in found}

    before, after = where(200), where(201)
    moved = sum(after[t] != k for t, k in before.items())
    assert moved < 0.05 * len(before), moved


@pytest.mark.parametrize("text", ["", "0/3", "4/3", "3", "a/b", "1/0", "3/8/1", "-1/3"])
def test_what_is_no_shard_is_an_error_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match="as 3/8"):
        Shard.parse(text)


def test_workers_of_a_shard_run_that_shard_and_its_head_says_so(world: World) -> None:
    opened = open_matrix(world.file)
    mine = {str(t.id) for t in chosen(opened, everything(), "1/2")}
    theirs = {str(t.id) for t in chosen(opened, everything(), "2/2")}
    assert len(mine) + len(theirs) == 12 and not mine & theirs and mine and theirs
    order = Order.loads(Order("r", "e", "f", {}, (), shard="1/2").dumps())
    assert {str(t.id) for t in to_do(opened, order)} == mine
    done = world.gradtier("run", "--no-controls", "--shard", "1/2", "--evidence", "e.jsonl")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (world.folder / "e.jsonl").read_text().splitlines()]
    assert lines[0]["selection"]["shard"] == ["1/2"] and lines[0]["planned"] == len(mine)
    assert {line["trial"] for line in lines if line["kind"] == "trial"} == mine
    manifest = [line for line in lines if line["kind"] == "manifest"]
    named = {f"{case}@{line['cell']}" for line in manifest for case in line["trials"]}
    assert named == mine, "what a shard was to do is known even if it does none of it"


def test_a_shard_without_trials_is_told_before_anything_is_written(world: World) -> None:
    done = world.gradtier("run", "--shard", "3/900", "--evidence", "e.jsonl")
    assert done.returncode == 2
    assert "--shard 3/900: no trial is left for it; take fewer parts" in done.stderr
    assert not (world.folder / "e.jsonl").exists()


def everything():  # type: ignore[no-untyped-def]
    from gradtier.plan import Selection

    return Selection()


# ------------------------------------------------------------------------------------------- costs


def test_an_unknown_suite_costs_what_its_row_costs_and_an_unknown_row_a_guess() -> None:
    known = TrialId("s", "c", Cell("b", "cpu", Nesting.NONE, "float64"))
    found = learn([(known, 1.0), (known, 3.0)])
    assert found.of(known) == 2.0
    assert found.of(TrialId("other", "c", known.cell)) == 2.0
    assert found.of(TrialId("s", "c", Cell("x", "cpu", Nesting.NONE, "float64"))) == GUESS


@given(st.dictionaries(
    st.tuples(st.sampled_from("ab"), st.sampled_from("st"), st.sampled_from(("none", "forward"))),
    st.floats(0, 1000),
))  # fmt: skip
def test_costs_read_back_as_they_were_written(means: dict[tuple[str, str, str], float]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "costs.json"
        file.write_text(json.dumps(Costs(means).to_json()), encoding="utf-8")
        assert costs_.read(file).means == pytest.approx(means, abs=1e-4)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"schema": "gradtier/costs/2", "seconds": {}}',
     '{"schema": "gradtier/costs/1", "seconds": {"a": {"s": {"none": "1"}}}}',
     '{"schema": "gradtier/costs/1", "seconds": {"a": {"s": {"none": -1}}}}',
     '{"schema": "gradtier/costs/1", "seconds": {"a": {"s": {"none": NaN}}}}',
     '{"schema": "gradtier/costs/1", "seconds": [1]}'],
)  # fmt: skip
def test_a_file_that_is_no_costs_file_is_named_with_what_was_expected(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "costs.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"costs\.json: expected costs as `gradtier costs` writes"):
        costs_.read(file)


def test_costs_are_learned_from_evidence_and_order_a_run(world: World) -> None:
    world.gradtier("run", "--evidence", "e.jsonl")
    done = world.gradtier("costs", "--evidence", "e.jsonl")
    assert done.returncode == 0, done.stderr
    found = costs_.read(world.folder / "ci" / "costs.json")
    assert {key[0] for key in found.means} == {"exact-reverse", "exact-forward"}
    assert "minutes of one core by earlier runs" in world.gradtier("plan").stdout
