"""Benchmarks, end to end: what is timed is right, what fails is said, nothing is timed twice."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
from small_world import World, faulty, row

from gradtier import evidence as ev
from gradtier.bench.lanes import Lane, Pace, digits
from gradtier.bench.meet import Meet, Pool
from gradtier.bench.races import Entry, Race
from gradtier.engine import Engine, Unavailable
from gradtier.evidence import Bench
from gradtier.model import Outcome, Reason
from gradtier.ratios import to_fastest
from gradtier.schemas import schema

SUITE = '''
"""Benchmarks."""

from gradtier.cases import Suite, normal, positive

suite = Suite("bench", "Benchmarks")


@suite.case(tags=("small",), x=normal(3, 2), w=normal(2, 4))
def dense(xp, x, w):
    """Dense layer"""
    return xp.tanh(xp.matmul(x, w))


@suite.case(tags=("large",), x=positive(4000))
def logs(xp, x):
    """Sum of x log x"""
    return xp.sum(x * xp.log(x))
'''
FAULTS = ("slow", "double", "raise", "decline", "exit", "exit later", "hang", "import", "device")


def name(fault: str) -> str:
    return f"bad-{fault.replace(' ', '-')}"


def benched(folder: Path, *faults: str) -> World:
    """A world with benchmarks, two right backends and some that are not."""
    world = World(folder)
    (folder / "bench.py").write_text(SUITE, encoding="utf-8")
    world.matrix["benchmarks"] = {"bench": {"path": "bench.py"}}
    for fault in faults:
        world.add(name(fault), faulty(fault))
    return world


def benches(file: Path) -> list[dict[str, Any]]:
    return [x for x in map(json.loads, file.read_text().splitlines()) if x["kind"] == "bench"]


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[subprocess.CompletedProcess[str], Path]:
    """One run of one benchmark on every kind of backend: starting their processes takes a while."""
    world = benched(tmp_path_factory.mktemp("bench"), *FAULTS)
    words = ("--case", "dense", "--rounds", "4", "--limit", "5", "--evidence", "e.jsonl")
    return world.gradtier("bench", *words), world.folder / "e.jsonl"


def by_backend(file: Path) -> dict[str, Bench]:
    return {b.backend: b for b in ev.read([file]).benches.values()}


def test_every_backend_has_a_record_whatever_became_of_it(whole: Any) -> None:
    done, file = whole
    assert done.returncode == 0, done.stdout + done.stderr
    expected = {name(f) for f in FAULTS} | {"exact-reverse", "exact-forward"}
    assert Counter(b["backend"] for b in benches(file)) == Counter(expected)


def test_a_derivative_that_fails_has_its_outcome_in_place_of_a_time(whole: Any) -> None:
    found = by_backend(whole[1])
    outcomes = {
        "double": Outcome.WRONG, "raise": Outcome.RAISED, "decline": Outcome.UNSUPPORTED,
        "exit": Outcome.CRASH, "exit later": Outcome.CRASH, "hang": Outcome.TIMEOUT,
        "import": Outcome.UNAVAILABLE, "device": Outcome.WRONG,
    }  # fmt: skip
    for fault, outcome in outcomes.items():
        record = found[name(fault)]
        assert record.outcome is outcome, fault
        assert record.derivative is record.primal is record.first_seconds is None
        assert record.detail
    assert found[name("double")].reason is Reason.VALUE
    assert found[name("device")].reason is Reason.DEVICE


def test_a_slow_backend_is_slower_than_a_fast_one_by_what_it_sleeps(whole: Any) -> None:
    found = by_backend(whole[1])
    slow, fast = found[name("slow")], found["exact-reverse"]
    assert slow.derivative is not None and fast.derivative is not None
    assert slow.derivative.median >= 0.05 and slow.first_seconds >= 0.05
    ratios = to_fastest(found.values())
    assert ratios[fast.key] == 1.0 and ratios[slow.key] > 5


def test_a_turn_of_a_fast_backend_repeats_its_calls_and_each_map_has_every_round(
    whole: Any,
) -> None:
    found = by_backend(whole[1])
    fast, slow = found["exact-reverse"], found[name("slow")]
    assert fast.derivative.calls > 1 and slow.derivative.calls == 1
    assert len(fast.derivative.seconds) == len(fast.primal.seconds) == 4


def test_records_say_where_and_with_what_they_were_measured(whole: Any) -> None:
    evidence = ev.read([whole[1]])
    (head,) = evidence.runs.values()
    assert head.planned == 11 and head.selection == {"case": ["dense"]} and head.host["python"]
    record = by_backend(whole[1])["exact-reverse"]
    assert record.versions["autograd"] and record.observed["cores"] in ("1", "unknown")
    assert record.run == head.run and record.finished


def test_bench_lines_fit_the_published_schema(whole: Any) -> None:
    published = schema("evidence")
    for line in whole[1].read_text().splitlines():
        jsonschema.validate(json.loads(line), published)


def test_the_tables_are_printed_and_failures_are_told(whole: Any) -> None:
    done, _ = whole
    assert "Time relative to the fastest" in done.stdout
    assert "wrong: bench/dense@bad-double/cpu: the value is wrong" in done.stderr
    assert "timeout: bench/dense@bad-hang/cpu: no answer within 5 s" in done.stderr


def test_resuming_times_what_is_left_and_nothing_twice(tmp_path: Path) -> None:
    world = benched(tmp_path)
    words = ("bench", "--quick", "--evidence", "e.jsonl", "--backend", "exact-reverse")
    assert world.gradtier(*words).returncode == 0
    first = (tmp_path / "e.jsonl").read_bytes()
    again = world.gradtier(*words, "--resume")
    assert again.returncode == 0 and "1 benchmarks are timed already" in again.stderr
    assert (tmp_path / "e.jsonl").read_bytes() == first
    more = world.gradtier(
        "bench", "--rounds", "2", "--backend", "exact-reverse", "--evidence", "e.jsonl", "--resume"
    )
    assert more.returncode == 0, more.stderr
    counted = Counter(b["benchmark"] for b in benches(tmp_path / "e.jsonl"))
    assert counted == {"bench/dense": 1, "bench/logs": 1}


def test_a_benchmark_that_misses_a_backend_is_timed_anew_as_a_whole(tmp_path: Path) -> None:
    world = benched(tmp_path)
    words = ("bench", "--quick", "--evidence", "e.jsonl")
    assert world.gradtier(*words, "--backend", "exact-reverse").returncode == 0
    assert world.gradtier(*words, "--resume").returncode == 0
    counted = Counter(b["backend"] for b in benches(tmp_path / "e.jsonl"))
    assert counted == {"exact-reverse": 2, "exact-forward": 1}
    assert len({b.run for b in by_backend(tmp_path / "e.jsonl").values()}) == 1


def test_a_benchmark_that_was_changed_is_timed_again(tmp_path: Path) -> None:
    world = benched(tmp_path)
    words = ("bench", "--quick", "--evidence", "e.jsonl", "--backend", "exact-reverse")
    assert world.gradtier(*words).returncode == 0
    (tmp_path / "bench.py").write_text(SUITE.replace("xp.tanh", "xp.sin"), encoding="utf-8")
    done = world.gradtier(*words, "--resume")
    assert "0 benchmarks are timed already" in done.stderr
    assert len(benches(tmp_path / "e.jsonl")) == 2


def test_ctrl_c_keeps_what_is_finished_and_says_how_to_go_on(tmp_path: Path) -> None:
    world = benched(tmp_path, "slow")
    file = tmp_path / "e.jsonl"
    process = world.started("bench", "--backend", "bad-slow", "--evidence", "e.jsonl")
    end = time.monotonic() + 60
    while time.monotonic() < end and (not file.exists() or file.read_bytes().count(b"\n") < 2):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130, output
    assert "go on with: gradtier bench --resume --evidence e.jsonl" in output.replace("Go", "go")
    assert [b["benchmark"] for b in benches(file)] == ["bench/dense"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--backend", "exact-revers"], "--backend 'exact-revers' matches nothing; did you mean"),
        (["--case", "dens"], "did you mean 'dense'?"),
        (["--dtype", "float16"], "--dtype 'float16' matches nothing"),
        (["--device", "cuda"], "--device 'cuda' matches nothing"),
        (["--case", "logs", "--quick"], "holds no benchmark of any backend"),
        (["--resume"], "there is no run in reports/runs/bench/ to go on with"),
        (["--evidence", "bench.py/e.jsonl"], "can't be written"),
        (["--show", "gone.jsonl"], "gone.jsonl: can't be read as evidence"),
        (["--show", "x", "--backend", "y"], "--show measures nothing: --backend can't go with it"),
        (["--rounds", "0"], "--rounds"),
        (["--limit", "0"], "--limit"),
    ],
)
def test_a_question_that_cannot_be_asked_exits_2_and_writes_nothing(
    tmp_path: Path, words: list[str], says: str
) -> None:
    done = benched(tmp_path).gradtier("bench", *words)
    assert done.returncode == 2
    assert says in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.glob("**/*.jsonl"))


def test_a_matrix_without_benchmarks_says_how_to_name_some(tmp_path: Path) -> None:
    done = World(tmp_path).gradtier("bench")
    assert done.returncode == 2
    assert "matrix.yaml" in done.stderr and "name a suite under 'benchmarks'" in done.stderr


def test_an_existing_file_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").write_text("precious\n")
    done = benched(tmp_path).gradtier("bench", "--evidence", "e.jsonl")
    assert done.returncode == 2 and "exists already; add --resume" in done.stderr
    assert (tmp_path / "e.jsonl").read_text() == "precious\n"


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"bench": {"path": "gone.py"}}, "benchmarks.bench: there is no suite file 'gone.py'"),
        ({"other": {"path": "bench.py"}}, "'bench.py' calls itself 'bench'"),
        ({"small": {"path": "small.py"}}, "benchmarks.small: 'small' is a suite already"),
        ({"bench": {"paht": "bench.py"}}, "unknown key 'paht'; did you mean 'path'?"),
    ],
)
def test_lint_finds_what_is_wrong_with_the_benchmarks(
    tmp_path: Path, entry: Any, says: str
) -> None:
    world = benched(tmp_path)
    world.matrix["benchmarks"] = entry
    done = world.gradtier("lint")
    assert done.returncode == 1 and says in done.stderr, done.stderr
    assert "matrix.yaml:" in done.stderr


def test_benchmarks_are_planned_by_nothing_else_and_leave_all_digests_alone(
    tmp_path: Path,
) -> None:
    with_, without = benched(tmp_path), World(tmp_path)
    plans = []
    for world in (with_, without):
        plans.append(json.loads(world.gradtier("plan", "--format", "json").stdout))
    assert plans[0] == plans[1]


def test_showing_a_file_reports_its_malformed_lines_and_shows_the_rest(
    whole: Any, tmp_path: Path
) -> None:
    good = whole[1].read_text().splitlines(keepends=True)
    timed = next(x for x in good if '"outcome":"agree"' in x)
    bad = [
        "garbage\n",
        timed.replace('"outcome":"agree"', '"outcome":"wrong"'),  # a speed of what is wrong
        timed.replace('"mode":"', '"mode":"side'),
        timed.replace('"seconds":[', '"seconds":[0.0,'),
        timed.replace('"seconds":[', '"seconds":[NaN,'),
        timed[:60],
    ]
    file = tmp_path / "mixed.jsonl"
    file.write_text("".join([*good, *bad]))
    done = benched(tmp_path).gradtier("bench", "--show", "mixed.jsonl", "--format", "json")
    assert done.returncode == 0
    said = [x for x in done.stderr.splitlines() if "mixed.jsonl:" in x]
    assert len(said) == len(bad), done.stderr
    assert "outcome wrong with times" in done.stderr
    told = json.loads(done.stdout)
    assert len(told["benches"]) == 11
    assert told["devices"]["cpu"]["bad-double"] == {"relative": None, "in_calls": None}


def test_the_page_is_written_where_it_is_asked_for(whole: Any, tmp_path: Path) -> None:
    world = benched(tmp_path)
    (tmp_path / "e.jsonl").write_bytes(whole[1].read_bytes())
    done = world.gradtier("bench", "--show", "e.jsonl", "--out", "a/speed.md")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "a" / "speed.md").read_text(encoding="utf-8")
    assert "| bad-double | wrong |" in page and page.count("# What a derivative costs") == 1
    again = world.gradtier("bench", "--show", "e.jsonl", "--format", "markdown")
    assert again.stdout == page
    refused = world.gradtier("bench", "--show", "e.jsonl", "--out", "small.py/speed.md")
    assert refused.returncode == 2 and "can't be written" in refused.stderr


def test_a_file_of_trials_alone_holds_no_benchmark(tmp_path: Path) -> None:
    world = benched(tmp_path)
    assert world.gradtier("run", "--case", "logs", "--evidence", "t.jsonl").returncode == 0
    done = world.gradtier("bench", "--show", "t.jsonl")
    assert done.returncode == 2 and "t.jsonl: holds no benchmark" in done.stderr


# ---------------------------------------------------------------------------- turns, by themselves


def stub(backend: str, rounds: int, log: list[tuple[int, str]], fails_at: int = -1) -> Lane:
    class Stub(Lane):
        def turn(self, number: int) -> None:
            log.append((number, backend))
            if number == fails_at:
                self.failed = {"outcome": Outcome.CRASH}

    race = Race(SimpleNamespace(id="b/x"), "cpu", "float64", ())  # type: ignore[arg-type]
    lane = Stub(race, Entry(backend, "0" * 16), "r", None, Pace())  # type: ignore[arg-type]
    lane.rounds = rounds
    return lane


def turns(*lanes: Lane) -> None:
    meet = Meet(None, None, None, "r", Pace(), 0, lambda now, finished: None)  # type: ignore[arg-type]
    meet._turns(list(lanes))


def test_backends_take_turns_and_each_is_first_in_some_round() -> None:
    log: list[tuple[int, str]] = []
    turns(stub("a", 3, log), stub("b", 3, log), stub("c", 3, log))
    rounds = [[b for number, b in log if number == i] for i in range(3)]
    assert rounds == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"]]


def test_a_backend_that_dies_in_a_turn_has_no_more_and_the_others_go_on() -> None:
    log: list[tuple[int, str]] = []
    turns(stub("a", 4, log, fails_at=1), stub("b", 4, log), stub("c", 2, log))
    assert Counter(b for _, b in log) == {"a": 2, "b": 4, "c": 2}


@pytest.mark.parametrize("seconds", [1e-12, 1e-6, 1e-3, 0.3, 2.0, 1e4])
def test_a_pace_gives_every_speed_a_turn_that_is_long_enough_and_not_more_than_it_affords(
    seconds: float,
) -> None:
    pace = Pace()
    calls = pace.calls_for(seconds)
    assert 1 <= calls <= pace.calls
    assert calls == pace.calls or calls * seconds >= pace.block
    rounds = pace.rounds_for(calls * seconds * 2)
    assert pace.least <= rounds <= pace.rounds
    assert rounds == pace.least or rounds * calls * seconds * 2 <= pace.budget


def test_a_time_of_nothing_is_no_division_by_zero_later() -> None:
    assert digits(0.0) > 0 and digits(0.123456) == 0.1235


class Fake:
    """An engine of a given size."""

    def __init__(self, resident: int) -> None:
        self.resident, self.alive = resident, True

    def close(self) -> None:
        self.alive = False


class Starting:
    """Starts fakes, and remembers for whom and where they may keep compiled code."""

    def __init__(self, resident: int, dead: str = "") -> None:
        self.resident, self.dead = resident, dead
        self.caches: list[Path] = []

    def alone(self, backend: str, cache: Path) -> Engine:
        self.caches.append(cache)
        if backend == self.dead:
            raise Unavailable("it is not there")
        return Fake(self.resident)  # type: ignore[return-value]


def test_no_two_backends_share_a_process_or_compiled_code(tmp_path: Path) -> None:
    starting = Starting(1)
    pool = Pool(starting, tmp_path)  # type: ignore[arg-type]
    a, b = pool.get("a"), pool.get("b")
    assert a is not b and pool.get("a") is a
    assert starting.caches == [tmp_path / "a", tmp_path / "b"]


def test_processes_that_were_not_asked_for_are_ended_when_memory_is_short(tmp_path: Path) -> None:
    pool = Pool(Starting(10), tmp_path)  # type: ignore[arg-type]
    a, b, c = pool.get("a"), pool.get("b"), pool.get("c")
    pool.make_room(20, kept=["a", "c"])
    assert (a.alive, b.alive, c.alive) == (True, False, True)
    pool.make_room(0, kept=[])
    assert not (a.alive or c.alive) and pool.resident == 0


def test_a_backend_that_cannot_start_is_tried_once(tmp_path: Path) -> None:
    starting = Starting(1, dead="a")
    pool = Pool(starting, tmp_path)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(Unavailable, match="it is not there"):
            pool.get("a")
    assert len(starting.caches) == 1


def test_rows_that_do_not_fit_into_memory_together_have_their_turns_one_after_the_other(
    tmp_path: Path,
) -> None:
    world = benched(tmp_path)
    world.add("again", row())
    from gradtier.bench import session
    from gradtier.bench.races import Wanted

    file = world.file
    session.room, kept = (lambda: 1), session.room  # type: ignore[assignment]
    try:
        status, written = session.run_benchmarks(
            file, Wanted(case=("dense",)), tmp_path / "e.jsonl", False, Pace(rounds=2, least=2)
        )
    finally:
        session.room = kept
    assert status == 0
    found = by_backend(written)
    assert {b.outcome for b in found.values()} == {Outcome.AGREE} and len(found) == 3
    assert len({b.run for b in found.values()}) == 1
