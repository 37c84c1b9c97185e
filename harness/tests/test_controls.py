"""Controls in a run: a harness that has rotted must not measure, and must not be believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_world import World, faulty
from test_assess import MADE, TODAY, head, plans, record

from gradtier import controls, measure, oracle
from gradtier import evidence as ev
from gradtier.assess import assess
from gradtier.controls import EXPECTED, FIRST, SECOND, check
from gradtier.errors import InputError, Problem
from gradtier.evidence import Gathering, Record, Run
from gradtier.fitting import shows
from gradtier.lines import Control, Manifest
from gradtier.measure import Manner, run_trials
from gradtier.merging import merge
from gradtier.model import Nesting, Outcome, Reason
from gradtier.plan import Selection, select
from gradtier.running import open_matrix
from gradtier.schemas import schema


def control(run: str = "r", caught: bool = True, **more: Any) -> Control:
    """A line as a run writes it."""
    said = {
        "run": run, "fault": "double", "case": "small/dense", "around": "exact-reverse",
        "expected": "wrong", "expected_reason": "value", "caught": caught,
        "outcome": "wrong" if caught else "agree", "reason": "value" if caught else None,
    }  # fmt: skip
    return Control.model_validate({**said, **more})


def write(file: Path, *lines: Any) -> Path:
    file.write_bytes(b"".join(map(ev.to_line, lines)))
    return file


def kinds(file: Path, kind: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [line for line in found if line["kind"] == kind]


def few(monkeypatch: pytest.MonkeyPatch, *faults: str) -> None:
    """Each control starts a process; a test that is not about them all takes few."""
    monkeypatch.setattr(controls, "FIRST", faults)


def no_trials(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the measuring itself; what would have been measured."""
    begun: list[str] = []
    monkeypatch.setattr(measure, "_pytest", lambda o, order, *_: (begun.append(order.run) or 0, ()))
    return begun


# ------------------------------------------------------------------------------- a sound harness


def test_a_shard_runs_every_control_before_its_trials_and_keeps_them(world: World) -> None:
    done = world.gradtier("run", "--shard", "1/1", "--evidence", "e.jsonl")
    assert done.returncode == 0, done.stdout + done.stderr
    faults = [*FIRST, SECOND]
    assert f"controls: {len(faults)} of {len(faults)} faults caught" in done.stdout
    file = world.folder / "e.jsonl"
    found = kinds(file, "control")
    assert [c["fault"] for c in found if c["fault"] != "exact"] == faults
    exact = [(c["nesting"], c["outcome"]) for c in found if c["fault"] == "exact"]
    assert exact == [("none", "agree"), ("forward", "agree")]
    for c in found:
        expected, reason = EXPECTED[c["fault"]]
        assert (c["outcome"], c.get("reason")) == (expected, reason) and c["caught"] is True, c
        assert c["seconds"] > 0 and c["finished"]
        jsonschema.Draft202012Validator(schema("evidence")).validate(c)
    every = [json.loads(line)["kind"] for line in file.read_text(encoding="utf-8").splitlines()]
    last = len(every) - 1 - every[::-1].index("control")
    assert last < every.index("trial"), "a reader that goes line by line must know in time"
    evidence = ev.read([file])
    assert len(evidence.records) == 12 and not evidence.problems
    world.gradtier("report", "--evidence", "e.jsonl", "--out", "site", "--quiet")
    said = f"{len(faults)} of {len(faults)} caught"
    support = json.loads((world.folder / "site" / "support.json").read_text(encoding="utf-8"))
    assert [run["controls"] for run in support["provenance"]["runs"]] == [said]
    assert f"<td>{said}</td>" in (world.folder / "site" / "index.html").read_text("utf-8")


def test_forward_mode_alone_is_controlled_as_well(world: World) -> None:
    forward = world.matrix["backends"]["exact-forward"]
    reverse = world.matrix["backends"]["exact-reverse"]
    world.matrix["backends"] = {"exact-forward": forward, "exact-reverse": reverse}
    opened = open_matrix(world.file)
    left = select(opened.plan, Selection(backend=("exact-forward",), nesting=("none",)))
    found = check(opened, "r", left, lambda _: None)
    assert {c.around for c in found.done} == {"exact-forward"}
    assert [c.fault for c in found.done] == ["exact", *FIRST]
    assert found.void is None, found.words()


def test_without_being_asked_only_shards_and_ci_run_controls(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from gradtier.cli import main

    asked: list[bool] = []
    monkeypatch.delenv("GRADTIER_SOURCE", raising=False)
    monkeypatch.setattr(measure, "run_trials", lambda m, a, manner: asked.append(manner.controls))
    for words in ([], ["--shard", "1/2"], ["--source", "ci"], ["--controls"],
                  ["--shard", "1/2", "--no-controls"]):  # fmt: skip
        CliRunner().invoke(main, ["run", "--matrix", str(world.file), *words])
    assert asked == [False, True, True, True, False]


def test_a_resumed_run_is_controlled_anew_under_its_own_id(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    few(monkeypatch, "zero")
    begun = no_trials(monkeypatch)
    file = world.folder / "e.jsonl"
    words = {"nesting": ("none",)}
    run_trials(world.file, words, Manner(evidence=file, controls=True))
    run_trials(world.file, words, Manner(evidence=file, controls=True, resume=True))
    assert len(set(begun)) == 2
    found = [(c["run"], c["fault"]) for c in kinds(file, "control")]
    assert found == [(run, fault) for run in begun for fault in ("exact", "zero")]


# ------------------------------------------------------------------------------- a rotten harness


@pytest.fixture
def rotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """An oracle that has nothing to object to, ever."""
    real = oracle.judge_pullback

    def judge(*given: Any, **more: Any) -> oracle.Verdict:
        return replace(real(*given, **more), outcome=oracle.Outcome.AGREE, reason=None)

    monkeypatch.setattr(oracle, "judge_pullback", judge)


@pytest.mark.usefixtures("rotten")
def test_a_harness_that_objects_to_nothing_measures_nothing_and_says_why(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few(monkeypatch, "zero", "double")
    begun = no_trials(monkeypatch)
    file = world.folder / "e.jsonl"
    words = {"nesting": ("none",)}
    assert run_trials(world.file, words, Manner(evidence=file, controls=True)) == 1
    assert not begun, "trials were measured by a harness that had shown that it can't"
    said = capsys.readouterr().out
    assert "is void" in said and "control 'zero' of exact-" in said
    assert "expected wrong (severed), found agree" in said
    last = kinds(file, "control")[-1]
    assert (last["fault"], last["outcome"], last["caught"]) == ("zero", "agree", False)
    assert not kinds(file, "trial")


def test_a_control_that_the_harness_itself_breaks_on_is_not_caught(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    few(monkeypatch, "zero")
    real = oracle.judge_pullback
    calls: list[int] = []

    def judge(*given: Any, **more: Any) -> oracle.Verdict:
        calls.append(1)
        if len(calls) > 1:
            raise RuntimeError("rot")
        return real(*given, **more)

    monkeypatch.setattr(oracle, "judge_pullback", judge)
    opened = open_matrix(world.file)
    left = select(opened.plan, Selection(backend=("exact-reverse",), nesting=("none",)))
    found = check(opened, "r", left, lambda _: None)
    assert found.void is not None and found.void.outcome is Outcome.ERROR


def test_an_interrupt_among_the_controls_ends_the_run_and_leaves_no_folder(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun, folders = no_trials(monkeypatch), list[str]()

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    def order(*given: Any, **more: Any) -> Any:
        found = begin(*given, **more)
        folders.append(found[1].folder)
        return found

    begin = measure.begin
    monkeypatch.setattr(measure, "begin", order)
    monkeypatch.setattr(measure, "check", interrupted)
    file = world.folder / "e.jsonl"
    assert run_trials(world.file, {}, Manner(evidence=file, controls=True)) == 130
    assert not begun and not Path(folders[0]).exists()
    assert "12 trials were not run; go on with: gradtier run --resume" in capsys.readouterr().out


# ----------------------------------------------------------------------- nothing to control with


LINEAR = """
from gradtier.cases import Suite, complex_normal, normal

suite = Suite("small")


@suite.case(x=normal(4))
def linear(xp, x):
    return 3.0 * x


@suite.case(z=complex_normal(4))
def wave(xp, z):
    return xp.exp(z)


@suite.case(x=normal(4), tags=("kink",))
def kink(xp, x):
    return xp.abs(x) * xp.sin(x)
"""


def nothing(_: Control) -> None:
    raise AssertionError("no control can have been run")


def test_cases_that_can_show_no_fault_leave_a_run_unchecked_and_not_void(world: World) -> None:
    world.suite(LINEAR)
    opened = open_matrix(world.file)
    found = check(opened, "r", opened.plan.trials, nothing)
    assert found.void is None and not found.done
    assert "this run is unchecked: no selected case is small, smooth" in found.words()


def test_rows_that_are_expected_to_fail_or_are_spoiled_already_are_no_subject(
    world: World,
) -> None:
    world.add("good", faulty("exact"))
    world.matrix["claims"] = [
        {"match": {"backend": "exact-*"}, "outcome": "wrong", "because": "It is known."}
    ]
    opened = open_matrix(world.file)
    found = check(opened, "r", opened.plan.trials, nothing)
    assert "no installed row is planned for the cases that suit" in found.words()


def test_a_row_that_does_not_agree_unspoiled_proves_nothing_and_its_answer_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controls._Bed, "control", lambda *_: control(
        fault="exact", expected="agree", expected_reason=None, outcome="raised", reason=None,
        detail="no such thing", caught=False,
    ))  # fmt: skip
    opened = open_matrix(world.file)
    found = check(opened, "r", opened.plan.trials, nothing)
    assert found.void is None
    assert "unchecked: unspoiled, exact-" in found.words() and "no such thing" in found.words()


SHOWN = """
from gradtier.cases import Suite, normal, positive, values

suite = Suite("small")


@suite.case(x=positive(4))
def sine(xp, x):
    return xp.sin(x)


@suite.case(x=normal(4))
def shares(xp, x):
    e = xp.exp(x)
    return e / xp.sum(e)


@suite.case(x=normal(4))
def square(xp, x):
    return x * x


@suite.case(x=normal(4))
def linear(xp, x):
    return 0.1 * x


@suite.case(x=normal(4))
def first_alone(xp, x):
    return xp.exp(x[0])


@suite.case(x=positive(3), y=normal(3))
def straight_in_y(xp, x, y):
    return xp.sum(xp.exp(x)) + xp.sum(0.1 * y)


@suite.case(x=positive(4))
def breaks_beside(xp, x):
    return xp.log(x - xp.min(x))
"""


def test_a_case_shows_every_fault_only_if_its_slopes_have_digits_and_vary(world: World) -> None:
    world.suite(SHOWN)
    plan = open_matrix(world.file).plan
    found = {case.name: shows(plan.matrix, case) for case in plan.cases.values()}
    assert found == {
        "sine": True,
        "shares": True,  # though their sum is constant
        "square": False,  # 2 x is a float32
        "linear": False,  # the same everywhere
        "first_alone": False,  # severed where it does not depend
        "straight_in_y": False,  # what is stale in y alone does not show
        "breaks_beside": False,  # not finite
    }


# ------------------------------------------------------------------------------- whoever reads it


def lines_of(draw: Callable[[Any], Any], run: str) -> list[Run | Record]:
    ends = st.sampled_from([*[Outcome.AGREE] * 3, Outcome.WRONG, Outcome.RAISED, Outcome.ERROR])
    here = [t for t in MADE.trials if draw(st.integers(0, 3))]
    return [head(run, "ci", len(here)), *(record(t, draw(ends), run) for t in here)]


def gathered(lines: list[Any]) -> ev.Evidence:
    gathering = Gathering()
    for line in lines:
        gathering.add(line)
    return gathering.evidence((), ())


@settings(max_examples=60, deadline=None)
@given(plans(), st.data())
def test_records_of_a_void_run_never_change_an_assessment(made: Any, data: st.DataObject) -> None:
    sound = [control("r1"), *lines_of(data.draw, "r1")]
    void = [control("r2"), control("r2", caught=False), *lines_of(data.draw, "r2")]
    following = iter(sound)  # which of two records counts is by their order, which is kept
    mixed = [
        next(following) if is_sound else line
        for is_sound, line in data.draw(
            st.permutations([*((True, x) for x in sound), *((False, x) for x in void)])
        )
    ]
    both, alone = gathered(mixed), gathered(sound)
    assert (both.records, both.earlier, both.runs) == (alone.records, alone.earlier, alone.runs)
    assert assess(made, both, TODAY) == assess(made, alone, TODAY)


def world_file(world: World, name: str, *controls_: Control, shard: str = "1/2") -> Path:
    """A shard as a run writes it: everything agrees."""
    opened = open_matrix(world.file)
    run = name.partition(".")[0]
    asked = opened.plan.trials
    cells: dict[str, dict[str, str]] = {}
    for t in asked:
        cells.setdefault(str(t.id.cell), {})[t.id.case_id] = t.digest
    first = Run(
        run=run, matrix=opened.plan.matrix.digest, gradtier="0", started="2026-01-01T00:00:00Z",
        host={"system": "x"}, planned=len(asked), selection={"shard": [shard]} if shard else {},
    )  # fmt: skip
    return write(
        world.folder / name, first,
        *(Manifest(run=run, cell=c, trials=of) for c, of in cells.items()),
        *controls_,
        *(Record(run=run, trial=str(t.id), digest=t.digest, outcome=Outcome.AGREE) for t in asked),
    )  # fmt: skip


def test_reading_a_void_run_counts_nothing_and_names_file_run_and_control(world: World) -> None:
    file = world_file(world, "bad.jsonl", control("bad"), control("bad", caught=False))
    found = ev.read([file])
    assert not found.records and not found.runs
    (problem,) = found.problems
    assert str(problem).startswith("bad.jsonl: run bad is void")
    assert "control 'double' of exact-reverse on small/dense was not caught" in str(problem)
    assert "expected wrong (value), found agree" in str(problem)
    streamed = list(ev.lines(file))
    assert not [line for line in streamed if isinstance(line, Record)]
    assert sum(isinstance(line, Problem) for line in streamed) == 1


def test_commands_over_a_void_run_say_so_and_show_nothing_as_measured(world: World) -> None:
    world_file(world, "bad.jsonl", control("bad", caught=False))
    done = world.gradtier("assess", "--evidence", "bad.jsonl")
    assert "run bad is void" in done.stdout + done.stderr
    assert "agrees" not in done.stdout
    costs = world.gradtier("costs", "--evidence", "bad.jsonl")
    assert costs.returncode == 2 and "no trial of this matrix" in costs.stderr


@pytest.mark.parametrize(
    "lie",
    [{"outcome": "agree", "reason": None}, {"reason": "severed"}, {"outcome": "raised"}],
)
def test_a_line_that_says_caught_and_shows_something_else_is_not_believed(
    world: World, lie: dict[str, Any]
) -> None:
    file = world_file(world, "bad.jsonl", control("bad", caught=True, **lie))
    found = ev.read([file])
    assert not found.records and "void" in str(found.problems[0])


def test_a_line_that_says_not_caught_is_believed_whatever_it_shows() -> None:
    honest = control(caught=True).model_copy(update={"caught": False})
    assert not honest.is_caught


def test_a_control_line_without_what_it_expected_is_no_evidence(tmp_path: Path) -> None:
    data = json.loads(ev.to_line(control()))
    del data["expected"]
    file = write(tmp_path / "e.jsonl", control())
    with file.open("ab") as out:
        out.write(json.dumps(data).encode() + b"\n")
    assert "not a record: expected: Field required" in str(ev.read([file]).problems[0])


def test_merging_leaves_out_a_void_shard_whose_trials_are_missing(world: World) -> None:
    good = world_file(world, "good.jsonl", control("good"), shard="1/2")
    bad = world_file(world, "bad.jsonl", control("bad", caught=False), shard="2/2")
    out = world.folder / "m.jsonl"
    found = merge([good, bad], out)
    assert found.records == 12 and found.head.missing == 12 and not found.unchecked
    (void,) = found.void
    assert void.startswith("bad.jsonl: shard 2/2: run bad is void") and "'double'" in void
    ends = {(r["run"], r["outcome"]) for r in kinds(out, "trial")}
    assert ends == {("good", "agree"), ("bad", "missing")}
    assert {r.run for r in ev.read([out]).records.values()} == {"good"}
    again = world.folder / "again.jsonl"
    assert merge([out], again).void == (void.replace("bad.jsonl", "m.jsonl"),)
    assert kinds(again, "trial") == kinds(out, "trial"), "a merge of a merged file knows it still"


def test_merge_says_which_shards_are_unchecked_and_exits_1_for_void_ones(world: World) -> None:
    world_file(world, "plain.jsonl", shard="1/2")
    world_file(world, "bad.jsonl", control("bad", caught=False), shard="2/2")
    words = ("merge", "plain.jsonl", "bad.jsonl", "--out", "m.jsonl")
    done = world.gradtier(*words, "--strict")
    assert done.returncode == 1
    assert "plain.jsonl: shard 1/2 is unchecked: its run had no controls" in done.stderr
    assert "shard 2/2: run bad is void" in done.stderr


def test_the_control_that_was_not_caught_counts_wherever_it_stands(world: World) -> None:
    file = world_file(world, "bad.jsonl")
    ev.append(file, control("bad", caught=False))
    assert not ev.read([file]).records
    assert merge([file], world.folder / "m.jsonl").records == 0


def test_what_can_not_be_written_ends_the_run_with_the_reason(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = no_trials(monkeypatch)
    real = ev.append

    def append(file: Path, line: Any) -> None:
        if isinstance(line, Control):
            raise OSError(28, "No space left on device")
        real(file, line)

    monkeypatch.setattr(ev, "append", append)
    with pytest.raises(InputError, match="No space left on device"):
        run_trials(world.file, {}, Manner(evidence=world.folder / "e.jsonl", controls=True))
    assert not begun


def test_every_control_has_an_expectation_and_a_nested_one_is_among_them() -> None:
    assert {*FIRST, SECOND, "exact"} <= EXPECTED.keys()
    assert EXPECTED[SECOND] == (Outcome.WRONG, Reason.VALUE)
    assert control(nesting=Nesting.FORWARD).name.endswith("forward over it")
