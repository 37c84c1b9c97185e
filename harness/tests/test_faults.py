"""Backends that are wrong on purpose, through the whole path."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_world import World, faulty

from gradtier import engine
from gradtier.backends.faulty import FAULTS
from gradtier.evidence import Record
from gradtier.model import Outcome, Reason
from gradtier.plan import Selection, select
from gradtier.running import Order, open_matrix, runner

#: Faults that show in the numbers only where there are numbers to spoil; nesting none suffices.
ALL = sorted(FAULTS)


def run(world: World, tmp_path: Path, **selection: str) -> list[Record]:
    """Run the selected trials in this process; their records."""
    opened = open_matrix(world.file)
    chosen = select(opened.plan, Selection(**{k: (v,) for k, v in selection.items()}))
    folder = tmp_path / "dossiers"
    folder.mkdir()
    todo = runner(opened, Order("test", str(tmp_path / "e.jsonl"), str(folder), {}, ()))
    try:
        return [todo.run(t)[0] for t in chosen]
    finally:
        todo.engines.close()


@pytest.mark.parametrize("fault", ALL)
def test_a_fault_comes_out_as_its_own_outcome(world: World, tmp_path: Path, fault: str) -> None:
    world.add("bad", faulty(fault))
    if fault.startswith("hang"):
        world.matrix["timeout"] = 1.0
    if fault == "hog":
        world.matrix["memory"] = 0.4
    expected, reason = FAULTS[fault]
    records = run(world, tmp_path, backend="bad", nesting="none")
    assert [(r.outcome, r.reason) for r in records] == [(expected, reason)] * 2, records


def test_a_right_first_derivative_does_not_hide_a_wrong_second_one(
    world: World, tmp_path: Path
) -> None:
    world.add("bad", faulty("second"))
    outcomes = {r.trial: r.outcome for r in run(world, tmp_path, backend="bad")}
    for trial, outcome in outcomes.items():
        right = "/none/" in trial
        assert outcome is (Outcome.AGREE if right else Outcome.WRONG), trial


RULED = """
from gradtier.cases import Suite, normal, rule

suite = Suite("small")


@suite.case(x=normal(4), rules={"sine": rule(
    lambda xp, x: xp.sin(x),
    lambda xp, apply, x, dx: xp.cos(x[0]) * dx[0],
    lambda xp, apply, x, dy: (xp.cos(x[0]) * dy,),
)})
def ruled(xp, x, sine):
    return sine(x)
"""


def test_a_rule_that_is_differentiated_through_is_wrong_though_the_value_is_right(
    world: World, tmp_path: Path
) -> None:
    world.suite(RULED)
    world.add("bad", faulty("through"))
    for record in run(world, tmp_path, backend="bad", nesting="none"):
        assert (record.outcome, record.reason) == (Outcome.WRONG, Reason.RULE), record
        assert record.checks["rule"] == "called 0 times for 1 uses"


def test_every_check_leaves_its_answer_in_the_record(world: World, tmp_path: Path) -> None:
    world.add("good", faulty("exact"))
    world.add("other", faulty("exact", "forward"))
    first, outer, _ = run(world, tmp_path, backend="good", case="dense")
    same = {"inputs": "unchanged", "primal": "the same to the bit"}
    same |= {"second call": "the same to the bit", "other point": "agrees with the reference"}
    assert first.checks == {**same, "adjoint": "holds"}
    assert outer.checks == same


def test_a_forward_mode_fault_is_caught_as_well(world: World, tmp_path: Path) -> None:
    world.add("bad", faulty("element", "forward"))
    records = run(world, tmp_path, backend="bad", nesting="none")
    assert {(r.outcome, r.reason) for r in records} == {(Outcome.WRONG, Reason.VALUE)}


def test_a_crash_costs_one_trial_and_the_next_gets_a_fresh_worker(
    world: World, tmp_path: Path
) -> None:
    world.add("bad", faulty("exit"))
    world.add("good", faulty("exact"))
    records = run(world, tmp_path)
    crashed = [r for r in records if "@bad/" in r.trial]
    assert {r.outcome for r in crashed} == {Outcome.CRASH}
    assert all("status 3" in r.detail for r in crashed)
    assert {r.outcome for r in records if "@good/" in r.trial} == {Outcome.AGREE}


def test_a_signal_is_named_in_the_record(world: World, tmp_path: Path) -> None:
    world.add("bad", faulty("segfault"))
    (record,) = run(world, tmp_path, backend="bad", case="logs", nesting="none")
    assert "SIGSEGV" in record.detail


def test_the_reference_does_not_vouch_for_itself(world: World, tmp_path: Path) -> None:
    records = run(world, tmp_path, backend="exact-*", nesting="none")
    assert {r.reference for r in records} == {None}
    assert {r.outcome for r in records} == {Outcome.AGREE}
    assert all(list(r.verdict["witnesses"]) == ["finite-differences"] for r in records if r.verdict)


def test_a_wrong_reference_is_not_blamed_on_the_backend(world: World, tmp_path: Path) -> None:
    world.matrix["backends"]["exact-reverse"] = faulty("double") | {"package": "reference"}
    world.matrix["backends"]["exact-forward"]["package"] = "reference"
    world.add("good", faulty("exact"))
    (record,) = run(world, tmp_path, backend="good", case="dense", nesting="none")
    assert record.outcome is Outcome.AGREE
    assert record.verdict is not None and "reference-wrong" in record.verdict["findings"]


def test_a_reference_that_crashes_is_not_blamed_on_the_backend(
    world: World, tmp_path: Path
) -> None:
    world.matrix["backends"]["exact-reverse"] = faulty("exit") | {"package": "reference"}
    world.matrix["backends"]["exact-forward"]["package"] = "reference"
    world.add("good", faulty("exact"))
    first, second = run(world, tmp_path, backend="good", case="dense", nesting="[nf]*")
    assert (first.outcome, first.reference) == (Outcome.AGREE, None)
    assert second.outcome is Outcome.INCONCLUSIVE
    assert "exact-reverse does not answer" in second.detail


def test_a_worker_can_import_no_other_backends_package(world: World, tmp_path: Path) -> None:
    other = tmp_path / "meddler.py"
    other.write_text(
        "from gradtier.backends.faulty import Faulty\n"
        "class Meddler(Faulty):\n"
        "    modules = ('json_of_others',)\n"
        "    @classmethod\n"
        "    def owned(cls, options): return ()\n"
        "    def __init__(self, **options):\n"
        "        import autograd\n",
        encoding="utf-8",
    )
    world.add("meddler", faulty("exact") | {"adapter": "meddler:Meddler"})
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        patch.setenv("PYTHONPATH", str(tmp_path))
        records = run(world, tmp_path, backend="meddler", case="logs", nesting="none")
    assert records[0].outcome is Outcome.UNAVAILABLE
    assert "autograd" in records[0].detail


def test_a_worker_that_hoards_memory_is_replaced_between_trials(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    start = engine.Engines._start
    monkeypatch.setattr(engine, "MOST_BYTES", 1)
    monkeypatch.setattr(
        engine.Engines, "_start", lambda self, key: started.append(key) or start(self, key)
    )
    world.add("good", faulty("exact"))
    records = run(world, tmp_path, backend="good", nesting="none")
    assert {r.outcome for r in records} == {Outcome.AGREE}
    assert sum(dict(key.options).get("fault") == "exact" for key in started) == len(records)


def test_serial_and_parallel_runs_give_the_same_evidence_apart_from_times(world: World) -> None:
    world.add("bad", faulty("element"))
    times = {"seconds", "first_seconds", "call_seconds", "finished", "run"}
    found = []
    for name, more in (("serial", []), ("parallel", ["-n", "2"])):
        done = world.gradtier("run", "--evidence", f"{name}.jsonl", *more)
        assert done.returncode == 0, done.stdout + done.stderr
        lines = (world.folder / f"{name}.jsonl").read_text().splitlines()[1:]
        kept = [{k: v for k, v in json.loads(x).items() if k not in times} for x in lines]
        found.append(sorted(kept, key=lambda r: r["trial"]))
    assert len(found[0]) == 18
    assert found[0] == found[1]


COMPLEX = '''
"""Complex numbers."""

from gradtier.cases import Suite, complex_normal, constant, normal

suite = Suite("small", "Complex numbers")


@suite.case(z=complex_normal(4), r=normal(4))
def mixed(xp, z, r):
    """A complex and a real input, a complex and a real output"""
    return z * z * xp.conj(z) * r, xp.abs(z)


@suite.case(x=normal(3), w=constant(complex_normal(3)))
def wave(xp, x, w):
    """A complex function of a real number"""
    return xp.exp(1j * x) * w
'''


@pytest.fixture
def complex_world(world: World) -> World:
    world.suite(COMPLEX)
    return world


def test_a_convention_declared_the_wrong_way_round_is_caught(
    complex_world: World, tmp_path: Path
) -> None:
    complex_world.add("good", faulty("exact"))
    complex_world.add("bad", faulty("conjugate"))
    records = run(complex_world, tmp_path, backend="*d")
    outcomes = {r.trial: (r.outcome, r.reason) for r in records if "exact-" not in r.trial}
    assert outcomes
    for trial, outcome in outcomes.items():
        wrong = "@bad/" in trial
        expected = (Outcome.WRONG, Reason.VALUE) if wrong else (Outcome.AGREE, None)
        assert outcome == expected, trial


def test_half_precisions_run_and_are_judged_where_the_backend_has_them(
    world: World, tmp_path: Path
) -> None:
    world.matrix["axes"]["dtypes"] = ["float16", "bfloat16"]
    world.add("good", faulty("exact"))
    world.add("bad", faulty("double"))
    records = run(world, tmp_path, nesting="none")
    found = {(r.trial.split("@")[1].split("/")[0], r.trial.rsplit("/")[-1], r.outcome)
             for r in records if "@good/" in r.trial or "@bad/" in r.trial}  # fmt: skip
    assert found == {
        ("good", "float16", Outcome.AGREE),
        ("bad", "float16", Outcome.WRONG),
        ("good", "bfloat16", Outcome.UNSUPPORTED),
        ("bad", "bfloat16", Outcome.UNSUPPORTED),
    }


def test_complex_cases_are_left_out_of_half_precision_with_a_reason(complex_world: World) -> None:
    complex_world.matrix["axes"]["dtypes"] = ["float64", "float16"]
    plan = open_matrix(complex_world.file).plan
    left_out = {(e.case, e.because) for e in plan.exclusions}
    assert ("small/mixed", "there are no complex numbers in float16") in left_out
