"""The doctor: every row with what it can run here, why not, and what would cure it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from small_world import World, row

from gradtier.doctor import Checked, Started, diagnosis, start_all, words
from gradtier.engine import Engines
from gradtier.host import Host
from gradtier.running import open_matrix

HERE = Host({"cuda": "no CUDA device on the host"}, {"system": "Test"})
CARD = Host({}, {"cards": "A card"})


def checked(world: World, host: Host, started: dict[str, Started]) -> dict[str, Checked]:
    plan = open_matrix(world.file, host).plan
    return {row.backend: row for row in diagnosis(plan, host, started).rows}


@pytest.fixture
def carded(world: World) -> World:
    world.matrix["axes"]["devices"] = ["cpu", "cuda"]
    world.add("on-card", row(devices=["cpu", "cuda"], package="carded"))
    return world


def test_a_claimed_device_that_the_host_lacks_is_missing_with_the_reason(carded: World) -> None:
    found = checked(carded, HERE, {})["on-card"]
    assert found.runs_on == ("cpu",)
    assert found.missing == {"cuda": "no CUDA device on the host"}
    assert (found.trials, found.planned) == (6, 12)


def test_a_build_that_does_not_see_the_card_is_told_apart_from_a_host_without_one(
    carded: World,
) -> None:
    found = checked(carded, CARD, {"on-card": Started(("cpu",))})["on-card"]
    assert found.missing == {"cuda": "carded as installed here sees no cuda"}
    assert checked(carded, CARD, {"on-card": Started(("cpu", "cuda"))})["on-card"].missing == {}


def test_a_row_that_does_not_start_can_run_nothing_and_says_why(carded: World) -> None:
    found = checked(carded, CARD, {"on-card": Started(why="there is no compiler")})["on-card"]
    assert found.runs_on == ()
    assert set(found.missing.values()) == {"there is no compiler"}
    assert found.trials == 0


def test_what_is_not_installed_comes_with_a_command_that_installs_it(world: World) -> None:
    (world.folder / "absent.py").write_text(
        "from gradtier.backends.numpy import NumPy\n"
        "class Absent(NumPy):\n"
        "    distributions = ('not-there-at-all',)\n",
        encoding="utf-8",
    )
    world.add("absent", row("absent:Absent", package="absent", extra="jax"))
    found = checked(world, HERE, {})["absent"]
    assert found.missing == {"cpu": "the package not-there-at-all is not installed here"}
    assert found.cure.endswith('--constraint ci/constraints/jax.txt --editable ".[jax]"')


def test_many_rows_with_one_reason_do_not_drown_it(carded: World) -> None:
    for i in range(5):
        carded.add(f"more-{i}", row(devices=["cpu", "cuda"], package="carded"))
    plan = open_matrix(carded.file, HERE).plan
    said = "\n".join(words(diagnosis(plan, HERE, {})))
    assert "no cuda: no CUDA device on the host (6 rows)" in said


def test_a_worker_is_really_started_and_ended(world: World) -> None:
    opened = open_matrix(world.file)
    engines = Engines(opened.plan.matrix, opened.suites, opened.loaded.root)
    found = dict(start_all(engines, opened.plan.matrix, opened.host, 2))
    assert {name: way.devices for name, way in found.items()} == {
        "exact-reverse": ("cpu",),
        "exact-forward": ("cpu",),
    }


def test_the_command_counts_deep_trials_and_prints_what_json_says(world: World) -> None:
    done = world.gradtier("doctor", "--quick", "--format", "json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [r["backend"] for r in rows] == ["exact-reverse", "exact-forward"]
    said = world.gradtier("doctor", "--quick").stdout
    assert "2 of 2 rows can run here, 12 of 12 trials" in said


def test_a_host_on_which_nothing_runs_is_an_exit_of_1(world: World) -> None:
    for name in world.matrix["backends"]:
        block = world.matrix["backends"][name]
        world.matrix["backends"][name] = {**block, "adapter": "absent:Absent"}
    (world.folder / "absent.py").write_text(
        "from gradtier.backends.numpy import NumPy\n"
        "class Absent(NumPy):\n"
        "    distributions = ('not-there-at-all',)\n",
        encoding="utf-8",
    )
    assert world.gradtier("doctor", "--quick").returncode == 1


def test_a_diagnosis_is_plain_data(world: World) -> None:
    plan = open_matrix(world.file, HERE).plan
    found = diagnosis(plan, replace(HERE, facts={"a": "b"}), {})
    assert json.loads(json.dumps(found.to_json()))["facts"]["a"] == "b"
