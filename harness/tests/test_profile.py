"""Where the time of a run goes: the ledger's arithmetic, and the profile of real runs."""

from __future__ import annotations

import json
import re
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from small_world import World, faulty
from test_running import slow, wait_for

from gradtier.cases import load_suite
from gradtier.cli import main
from gradtier.ledger import UNKEPT, Kept, Ledger, Part, read
from gradtier.messages import Ask, Refusal, Setup
from gradtier.model import Mode, Nesting
from gradtier.profile import WORDS, Profile, profile, text
from gradtier.schemas import schema
from gradtier.worker import Server

#: What a process does: opens, closes, moves to a backend, begins and ends trials; and time passes.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["open", "close", "inside", "all inside", "begin", "end"]),
        st.sampled_from([p for p in Part if p is not Part.REST]),
        st.integers(0, 50),
    ),
    max_size=40,
)


class Clock:
    """Whole seconds, so that sums are exact."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@given(STEPS)
def test_every_second_is_booked_once_however_spans_are_nested(steps: list[Any]) -> None:
    clock = Clock()
    ledger, open_, told = Ledger(clock), 0, 0.0
    for word, part, seconds in steps:
        clock.now += seconds
        if word == "open":
            ledger.open(part)
            open_ += 1
        elif word == "close" and open_:
            ledger.close()
            open_ -= 1
        elif word == "begin":
            ledger.begin(("package", "suite"))
        elif word == "end":
            ledger.end()
            told += 1
        elif word in ("inside", "all inside"):
            ledger.inside("other", float(seconds) if word == "inside" else None)
    kept = ledger.kept()
    assert sum(t for *_, t in kept.spent) == clock.now - 100.0
    assert kept.trials == told


def test_an_inner_span_interrupts_the_outer_one_and_an_exception_ends_both() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    with pytest.raises(KeyError), ledger.trial("p", "s"), ledger.of(Part.ORACLE):
        clock.now += 3
        with ledger.of(Part.CHANNEL):
            clock.now += 10
            ledger.inside("q", 7.0)
        clock.now += 2
        raise KeyError
    clock.now += 1
    spent = {key[:3]: key[3] for key in ledger.kept().spent}
    assert spent["p", "s", Part.ORACLE] == 5.0
    assert spent["p", "s", Part.CHANNEL] == 3.0
    assert spent["q", "s", Part.INSIDE] == 7.0, "a reference's calls are its own package's"
    assert spent["", "", Part.REST] == 1.0


def test_more_than_one_waited_for_cannot_be_spent_inside() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    clock.now += 5
    with ledger.of(Part.CHANNEL):
        clock.now += 2
        ledger.inside("p", 60.0)
    spent = {key[2]: key[3] for key in ledger.kept().spent}
    assert (spent[Part.INSIDE], spent[Part.CHANNEL], spent[Part.REST]) == (2.0, 0.0, 5.0)


def test_what_a_killed_process_wrote_is_read_back_whole(tmp_path: Path) -> None:
    clock = Clock()
    ledger = Ledger(clock)
    with ledger.trial("p", "s"):
        clock.now += 1
        ledger.keep(tmp_path, now=False)
        assert read(tmp_path) == (), "written after every trial, it would cost more than it says"
        clock.now += 10
        ledger.keep(tmp_path, now=False)
    (kept,) = read(tmp_path)
    assert (kept.began, kept.first, kept.last) == (100.0, 100.0, 111.0), "amid a trial"
    assert dict((p, t) for *_, p, t in kept.spent) == {Part.REST: 11.0}


def test_a_ledger_that_nobody_asked_for_leaves_nothing(tmp_path: Path) -> None:
    with UNKEPT.trial("p", "s"), UNKEPT.of(Part.ORACLE):
        UNKEPT.inside("p", None)
    UNKEPT.keep(tmp_path)
    assert not list(tmp_path.iterdir())


def kept(first: float | None, last: float | None, inside: float) -> Kept:
    spent = (("p", "s", Part.INSIDE, inside), ("", "", Part.REST, 1.0))
    return Kept(0.0, first, last, 1, spent, 2.0, 3.0)


@pytest.mark.parametrize("gone", [False, True])
def test_waiting_before_and_after_is_told_though_a_worker_died_and_was_replaced(gone: bool) -> None:
    processes = [kept(10.0, 90.0, 40.0), kept(12.0, 30.0, 10.0), kept(40.0, 70.0, 20.0)]
    found = profile(processes[: 2 if gone else 3], "r", 2, 5.0, 100.0)
    assert sum(found.parts.values()) == pytest.approx(190.0)
    assert found.parts["planning"] == 5.0 + 7.0
    assert found.parts["idle"] == (10.0 + 70.0 if gone else 10.0 + 30.0)
    assert found.parts["inside"] == (50.0 if gone else 70.0)


def test_a_worker_that_ran_no_trial_was_idle_all_the_time() -> None:
    found = profile([kept(10.0, 90.0, 40.0)], "r", 2, 0.0, 100.0)
    assert found.parts["idle"] == 110.0
    assert sum(found.parts.values()) == pytest.approx(200.0)


def shares(output: str) -> tuple[float, dict[str, float]]:
    """The whole and the parts, in seconds, as a run printed them."""
    head = re.search(r"where the time went: [\d.]+ s x \d+ = ([\d.]+) s, (\d+) trials", output)
    assert head, output
    parts = {
        name: float(found[1])
        for name, words in WORDS.items()
        if (found := re.search(rf"^  {re.escape(words)} +(-?[\d.]+) s", output, re.M))
    }
    assert parts.keys() == WORDS.keys(), output
    return float(head[1]), parts


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_parts_of_a_run_add_up_to_its_wall_time_times_its_workers(
    world: World, workers: str
) -> None:
    world.add("slow", faulty("slow"))
    words = ("--backend", "slow", "--profile", "p.json", "--evidence", "e.jsonl", "-n", workers)
    done = world.gradtier("run", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    whole, parts = shares(done.stdout)
    assert sum(parts.values()) == pytest.approx(whole, abs=0.6)
    told = Profile.model_validate_json((world.folder / "p.json").read_text())
    jsonschema.validate(json.loads((world.folder / "p.json").read_text()), schema("profile"))
    assert sum(told.parts.values()) == pytest.approx(told.wall * told.workers)
    assert (told.trials, told.workers) == (6, max(1, int(workers)))
    assert min(told.parts.values()) >= 0.0
    lines = [json.loads(line) for line in (world.folder / "e.jsonl").read_text().splitlines()]
    slept = sum(r["first_seconds"] + r.get("call_seconds", 0.0) for r in lines[1:])
    by = {s.name: s.inside for s in told.packages}
    assert by["faulty"] >= slept > 0.0, "what is called longer is inside the backend"
    assert {s.name for s in told.suites} == {"small"} and "autograd" in by


def test_an_interrupted_run_still_says_where_the_time_went(world: World) -> None:
    slow(world)
    file = world.folder / "e.jsonl"
    words = ("run", "--backend", "slow", "--evidence", "e.jsonl", "-n", "2", "--profile")
    process = world.started(*words)
    wait_for(file, 10, process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    whole, parts = shares(output)
    assert sum(parts.values()) == pytest.approx(whole, abs=0.6)
    assert parts["inside"] > 0.0
    assert "go on with: gradtier run --resume" in output


def test_without_the_word_nothing_is_kept_or_said(world: World) -> None:
    done = world.gradtier("run", "--case", "logs", "--nesting", "none", "--evidence", "e.jsonl")
    assert done.returncode == 0 and "where the time went" not in done.stdout
    assert {f.suffix for f in world.folder.iterdir() if f.is_file()} == {".py", ".yaml", ".jsonl"}


@pytest.mark.parametrize(
    ("file", "says"),
    [("small.py", "small.py: it exists already"), ("gone/p.json", "there is no folder gone")],
)
def test_a_profile_is_not_written_over_a_file_and_that_is_said_before_the_run(
    world: World, monkeypatch: pytest.MonkeyPatch, file: str, says: str
) -> None:
    suite = (world.folder / "small.py").read_text()
    monkeypatch.chdir(world.folder)
    words = ["run", "--matrix", str(world.file), "--profile", file, "--evidence", "e.jsonl"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2 and says in done.output
    assert not (world.folder / "e.jsonl").exists()
    assert (world.folder / "small.py").read_text() == suite


#: Its time is not the machine's: preparing takes 5 s, and each call 20 s.
LATE = """
from gradtier.backends.autograd import Autograd

NOW = [0.0]


class Late(Autograd):
    def compile(self, f):
        NOW[0] += 5.0
        return f

    def pullback(self, f, x, w):
        NOW[0] += 20.0
        raise NotImplementedError("not at all")

    def from_numpy(self, array, device):
        NOW[0] += 300.0
        return super().from_numpy(array, device)
"""


def test_the_time_until_a_refusal_is_inside_and_so_is_preparing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world.folder / "late.py").write_text(LATE, encoding="utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path])  # a worker's own, as a rule
    paths = {"small": str(world.folder / "small.py")}
    server = Server(Setup("late:Late", {}, paths, str(world.folder), ()))
    now = sys.modules["late"].NOW
    monkeypatch.setattr("gradtier.worker.time", SimpleNamespace(perf_counter=lambda: now[0]))
    x = load_suite("small", world.folder / "small.py").cases["logs"].draw()[0]
    ask = Ask("small/logs", "cpu", "float64", Mode.REVERSE, Nesting.NONE, ((x, (x[0].sum(),)),))
    refused = server.answer(ask)
    assert isinstance(refused, Refusal) and refused.declined
    assert refused.inside == 25.0, "conversions are not the library's own calls"
    assert server.answer(ask).inside == 20.0, "each question has its own time; prepared once"


def test_a_hanging_call_is_inside_its_backend(world: World) -> None:
    world.add("bad", faulty("hang"))
    world.matrix["timeout"] = 1
    words = ("--case", "logs", "--nesting", "none", "--profile", "p.json", "--backend", "bad")
    done = world.gradtier("run", *words)
    assert "1 timeout" in done.stdout, done.stdout + done.stderr
    told = json.loads((world.folder / "p.json").read_text())
    assert {s["name"]: s["inside"] for s in told["packages"]}["faulty"] >= 1.0


def test_the_dearest_packages_come_first_and_no_more_than_ten_are_shown() -> None:
    spent = tuple((f"p{i:02}", "s", Part.INSIDE, float(i)) for i in range(12))
    found = profile([Kept(0.0, 0.0, 70.0, 12, spent, 0.0, 0.0)], "r", 1, 0.0, 70.0)
    assert [s.name for s in found.packages][:2] == ["p11", "p10"]
    lines = "\n".join(text(found))
    assert "p02" in lines and "p01" not in lines
