"""Runs that are selected, resumed, killed, and begun with bad input."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import jsonschema
import pytest
from small_world import World, faulty, row

from gradtier.schemas import schema

SLOW = """
from gradtier.cases import Suite, normal

suite = Suite("small")

"""
SLOW += "\n".join(
    f"@suite.case(x=normal(4))\ndef c{i:02}(xp, x):\n    return xp.sin(x) * {i + 1}.0\n"
    for i in range(30)
)


def slow(world: World) -> World:
    """Ninety trials of one row that take a while, however fast the machine is."""
    world.suite(SLOW)
    world.add("slow", faulty("slow"))
    return world


def trials(file: Path) -> list[dict]:
    lines = [json.loads(x) for x in file.read_text().splitlines()]
    return [x for x in lines if x["kind"] == "trial"]


def wait_for(file: Path, count: int, process: subprocess.Popen) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if file.exists() and file.read_bytes().count(b"\n") > count:
            return
        time.sleep(0.02)
    raise AssertionError(f"no {count} records; the run ended with {process.poll()}")


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_killed_run_keeps_what_it_finished_and_resumes_with_the_rest(
    world: World, workers: str
) -> None:
    slow(world)
    file = world.folder / "e.jsonl"
    words = ("run", "--backend", "slow", "--evidence", "e.jsonl", "-n", workers)
    process = subprocess.Popen(
        world.command(*words), cwd=world.folder, env=world.environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    wait_for(file, 20, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.5)
    before = file.read_bytes()
    kept = before[: before.rfind(b"\n") + 1].count(b"\n") - 1
    with file.open("ab") as out:  # as if the kill had torn a line
        out.write(b'{"schema":"gradtier/evid')
    done = world.gradtier(*words, "--resume")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the last line was unfinished" in done.stdout
    assert f"{kept} trials are measured already" in done.stdout
    assert file.read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    counted = Counter(r["trial"] for r in trials(file))
    assert len(counted) == 90 and set(counted.values()) == {1}


def test_a_killed_pytest_worker_costs_its_trial_alone_and_it_is_said(world: World) -> None:
    slow(world)
    file = world.folder / "e.jsonl"
    process = subprocess.Popen(
        world.command("run", "--backend", "slow", "--evidence", "e.jsonl", "-n", "2"),
        cwd=world.folder,
        env=world.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    wait_for(file, 10, process)
    children = subprocess.run(
        ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    os.kill(int(children[0]), signal.SIGKILL)
    output, _ = process.communicate(timeout=90)
    outcomes = Counter(r["outcome"] for r in trials(file))
    counted = Counter(r["trial"] for r in trials(file))
    assert len(counted) == 90, output
    assert outcomes["error"] <= 1 and outcomes["agree"] >= 89, outcomes
    if outcomes["error"]:
        assert process.returncode == 1 and "pytest worker that ran this trial died" in output


def test_ctrl_c_keeps_everything_and_says_how_to_go_on(world: World) -> None:
    slow(world)
    file = world.folder / "e.jsonl"
    process = world.started("run", "--backend", "slow", "--evidence", "e.jsonl")
    wait_for(file, 5, process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130, output
    assert "go on with: gradtier run --resume --evidence e.jsonl" in output
    assert len(trials(file)) >= 5


def test_ctrl_c_for_the_controller_alone_ends_its_workers_amid_a_trial(world: World) -> None:
    slow(world)
    world.add("hanging", faulty("hang"))
    world.matrix["timeout"] = 100
    file = world.folder / "e.jsonl"
    words = ("run", "-n", "2", "--backend", "slow", "--backend", "hanging", "--evidence", "e.jsonl")
    process = world.started(*words)
    wait_for(file, 5, process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)  # the trial in flight would take a hundred seconds
    assert process.returncode == 130, output
    assert "go on with: gradtier run --resume --evidence e.jsonl" in output
    assert {r["outcome"] for r in trials(file)} == {"agree"}


def test_a_backend_that_takes_all_memory_is_ended_and_costs_its_own_trial(world: World) -> None:
    world.add("hog", faulty("hog"))
    world.add("good", faulty("exact"))
    world.matrix |= {"memory": 0.5, "timeout": 100}
    words = ("--case", "dense", "--nesting", "none", "--evidence", "e.jsonl")
    done = world.gradtier("run", "--backend", "hog", "--backend", "good", *words)
    assert done.returncode == 0, done.stdout
    found = {r["trial"].split("@")[1].split("/")[0]: r for r in trials(world.folder / "e.jsonl")}
    assert found["hog"]["outcome"] == "crash"
    assert re.fullmatch(r"held 0\.[5-9] GiB of memory, and was ended", found["hog"]["detail"])
    assert found["good"]["outcome"] == "agree"


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_full_disk_ends_the_run_with_the_reason_and_no_half_line(
    world: World, workers: str
) -> None:
    import resource

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

    slow(world)
    words = ("run", "-n", workers, "--backend", "slow", "--evidence", "e.jsonl")
    done = subprocess.run(
        world.command(*words), cwd=world.folder, env=world.environment(), preexec_fn=limit,
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "e.jsonl can't be written" in done.stdout and "the run was ended" in done.stdout
    assert "go on with: gradtier run --resume" in done.stdout
    text = (world.folder / "e.jsonl").read_bytes()
    assert text.endswith(b"\n") and 0 < len(trials(world.folder / "e.jsonl")) < 30


def test_every_attempt_at_a_failure_is_recorded_and_no_third_process_is_lost(
    world: World,
) -> None:
    world.add("dying", faulty("exit"))
    world.add("wrong", faulty("sign"))
    world.add("good", faulty("exact"))
    words = ("--case", "dense", "--nesting", "none", "--retries", "3", "--evidence", "e.jsonl")
    rows = [word for name in ("dying", "wrong", "good") for word in ("--backend", name)]
    done = world.gradtier("run", *rows, *words)
    assert "3 trials in" in done.stdout, done.stdout + done.stderr
    ends = Counter((r["trial"].split("@")[1].split("/")[0], r["outcome"])
                   for r in trials(world.folder / "e.jsonl"))  # fmt: skip
    assert ends == {("dying", "crash"): 2, ("wrong", "wrong"): 4, ("good", "agree"): 1}


def test_agreement_on_a_retry_alone_is_flaky_and_counts_as_the_failure(world: World) -> None:
    (world.folder / "moody.py").write_text(MOODY, encoding="utf-8")
    world.add("moody", row("moody:Moody"))
    words = ("--case", "dense", "--nesting", "none", "--evidence", "e.jsonl")
    done = world.gradtier("run", "--backend", "moody", "--retries", "2", *words)
    assert "1 trials in" in done.stdout and "1 raised" in done.stdout, done.stdout + done.stderr
    assert [r["outcome"] for r in trials(world.folder / "e.jsonl")] == ["raised", "agree"]
    told = world.gradtier("explain", "moody", "--evidence", "e.jsonl").stdout
    assert "flaky" in told and "raised" in told


#: Raises in the first trial that it is asked about, and never again.
MOODY = """
from pathlib import Path

from gradtier.backends.autograd import Autograd


class Moody(Autograd):
    def pullback(self, f, x, w):
        told = Path(__file__).with_name("told")
        if not told.exists():
            told.touch()
            raise ValueError("not today")
        return super().pullback(f, x, w)
"""


def test_resume_without_a_name_takes_the_newest_run(world: World) -> None:
    first = world.gradtier("run", "--case", "dense")
    assert first.returncode == 0, first.stdout + first.stderr
    again = world.gradtier("run", "--resume")
    assert "6 trials are measured already" in again.stdout
    assert "6 trials in" in again.stdout.splitlines()[-1]
    (file,) = (world.folder / "reports" / "runs").glob("*.jsonl")
    assert len({r["trial"] for r in trials(file)}) == 12
    assert len(trials(file)) == 12


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--backend", "exact-revers"], "--backend 'exact-revers' matches nothing; did you mean"),
        (["--suite", "nn"], "--suite 'nn' matches nothing; known: small"),
        (["--case", "densee"], "did you mean 'dense'?"),
        (["--device", "cuda"], "--device 'cuda' matches nothing; did you mean 'cpu'?"),
        (["--nesting", "both"], "--nesting 'both' matches nothing"),
        (["--resume"], "there is no run in reports/runs/ to go on with"),
        (["--matrix", "gone.yaml"], "gone.yaml: there is no such file"),
        (["--evidence", "small.py/e.jsonl"], "can't be written"),
    ],
)
def test_a_run_that_cannot_be_begun_says_why_and_exits_2(
    world: World, words: list[str], says: str
) -> None:
    done = world.gradtier("run", *words)
    assert done.returncode == 2
    assert says in done.stderr and "Traceback" not in done.stderr
    assert not list(world.folder.glob("**/*.jsonl"))


def test_two_wrong_words_are_told_at_once(world: World) -> None:
    done = world.gradtier("run", "--backend", "x", "--suite", "y")
    assert "--backend 'x'" in done.stderr and "--suite 'y'" in done.stderr


def test_an_excluded_selection_says_by_which_rule(world: World) -> None:
    world.matrix["exclusions"] = [
        {"match": {"nesting": "reverse"}, "reason": "too-slow", "because": "it takes a week"}
    ]
    done = world.gradtier("run", "--nesting", "reverse")
    assert done.returncode == 2 and "it takes a week" in done.stderr


def test_a_case_that_raises_everywhere_stops_the_run_before_it_begins(world: World) -> None:
    world.suite(
        "from gradtier.cases import Suite, normal\nsuite = Suite('small')\n"
        "@suite.case(x=normal(3))\ndef one(xp, x):\n    return xp.no_such_function(x)\n"
    )
    done = world.gradtier("run")
    assert done.returncode == 2
    assert "small.py:3: small/one: the case raises on NumPy: AttributeError" in done.stderr


def test_a_case_that_raises_on_every_backend_is_named_and_its_records_are_kept(
    world: World,
) -> None:
    world.suite(
        "from gradtier.cases import Suite, normal\nsuite = Suite('small')\n"
        "@suite.case(x=normal(3))\ndef one(xp, x):\n"
        "    if type(x).__module__ != 'numpy':\n        raise RuntimeError('only for NumPy')\n"
        "    return x\n"
        "@suite.case(x=normal(3))\ndef two(xp, x):\n    return xp.sin(x)\n"
    )
    done = world.gradtier("run", "--evidence", "e.jsonl")
    assert done.returncode == 2
    assert "small/one: the case raises on every backend that ran it: RuntimeError" in done.stderr
    assert "small/two" not in done.stderr
    assert len(trials(world.folder / "e.jsonl")) == 12


def test_a_package_that_is_not_installed_is_unavailable_with_the_reason(world: World) -> None:
    (world.folder / "absent.py").write_text(
        "from gradtier.backends.faulty import Faulty\n"
        "class Absent(Faulty):\n    distributions = ('no-such-package',)\n"
    )
    world.add("absent", faulty("exact") | {"adapter": "absent:Absent"})
    with pytest.MonkeyPatch.context() as patch:
        path = os.pathsep.join([str(world.folder), os.environ.get("PYTHONPATH", "")])
        patch.setenv("PYTHONPATH", path)
        done = world.gradtier("run", "--backend", "absent", "--evidence", "e.jsonl")
    assert done.returncode == 1, "nothing was measured, which is no success"
    found = {(r["outcome"], r["detail"]) for r in trials(world.folder / "e.jsonl")}
    assert found == {("unavailable", "the package no-such-package is not installed here")}


def test_an_existing_file_is_never_overwritten(world: World) -> None:
    (world.folder / "e.jsonl").write_text("precious\n")
    done = world.gradtier("run", "--evidence", "e.jsonl")
    assert done.returncode == 2 and "add --resume" in done.stderr
    assert (world.folder / "e.jsonl").read_text() == "precious\n"


def test_evidence_of_another_matrix_is_refused(world: World) -> None:
    world.gradtier("run", "--evidence", "e.jsonl", "--case", "logs", "--nesting", "none")
    world.suite((world.folder / "small.py").read_text().replace("x * xp.log(x)", "xp.log(x)"))
    for words in (["assess"], ["run", "--resume"], ["report"], ["explain", "exact-reverse"]):
        done = world.gradtier(*words, "--evidence", "e.jsonl")
        assert done.returncode == 2, (words, done.stdout)
        assert "evidence of another matrix" in done.stderr


def test_a_changed_case_makes_its_own_records_stale_and_no_others(world: World) -> None:
    world.gradtier("run", "--evidence", "e.jsonl", "--nesting", "none")
    world.suite((world.folder / "small.py").read_text().replace("x * xp.log(x)", "xp.log(x)"))
    done = world.gradtier("run", "--resume", "--evidence", "e.jsonl", "--nesting", "none")
    assert "2 records are of trials that were declared otherwise" in done.stdout
    assert "2 trials in" in done.stdout


def test_pytest_itself_runs_a_matrix_with_its_own_habits(world: World) -> None:
    world.add("bad", faulty("sign"))
    world.matrix["claims"] = [
        {"match": {"backend": "bad", "case": "logs"}, "outcome": "wrong", "because": "it is so"}
    ]
    command = [
        world.command()[0], "-m", "pytest", str(world.file), "-p", "no:cacheprovider", "-q",
        "-k", "logs and none and not exact-forward or dense and bad and none", "-rfx",
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=world.folder, env=world.environment(), capture_output=True, text=True,
        timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout and "1 xfailed" in done.stdout
    assert "small/dense@bad/cpu/none/float64: wrong (value)" in done.stdout
    assert "gradtier: evidence in" in done.stdout


def test_pytest_says_what_is_wrong_with_a_matrix_without_a_traceback(world: World) -> None:
    world.matrix["timeout"] = -1
    command = [world.command()[0], "-m", "pytest", str(world.file)]
    done = subprocess.run(
        command, cwd=world.folder, env=world.environment(), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert "timeout: found -1" in done.stderr and "Traceback" not in done.stderr


def test_collecting_only_writes_nothing(world: World) -> None:
    command = [world.command()[0], "-m", "pytest", str(world.file), "--collect-only", "-q"]
    done = subprocess.run(
        command, cwd=world.folder, env=world.environment(), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert "small/dense@exact-reverse/cpu/none/float64" in done.stdout
    assert not (world.folder / "reports").exists()


def test_a_plan_keeps_what_is_excluded_and_what_cannot_run_here(world: World) -> None:
    world.matrix["axes"]["devices"] = ["cpu", "cuda", "tpu"]
    world.matrix["backends"]["exact-reverse"]["devices"] = ["cpu", "cuda"]
    world.matrix["exclusions"] = [
        {"match": {"case": "logs", "nesting": "forward", "backend": "exact-forward"},
         "reason": "by-design", "because": "it is so"}
    ]  # fmt: skip
    done = world.gradtier("plan", "--format", "json")
    plan = json.loads(done.stdout)
    jsonschema.validate(plan, schema("plan"))
    ids = {t["id"] for t in plan["trials"]}
    assert len(ids) == len(plan["trials"]) == 6 + 6 + 5
    reasons = Counter(e["reason"] for e in plan["exclusions"])
    assert reasons == {"not-claimed": 9, "by-design": 1}
    for t in plan["trials"]:
        assert t["id"].endswith("@" + t["cell"])
        if "/cuda/" in t["id"]:
            assert t["available"] == (not t["unavailable"])


def test_a_device_that_is_absent_is_unavailable_and_never_a_failure(world: World) -> None:
    world.matrix["axes"]["devices"] = ["cpu", "tpu"]
    world.matrix["backends"]["exact-reverse"]["devices"] = ["cpu", "tpu"]
    done = world.gradtier("run", "--device", "tpu", "--evidence", "e.jsonl")
    assert done.returncode == 1, "nothing was measured, which is no success either"
    assert "Nothing was measured: autograd as installed here sees no tpu (6 trials)" in done.stdout
    records = trials(world.folder / "e.jsonl")
    assert {r["outcome"] for r in records} == {"unavailable"}
    assert {r["detail"] for r in records} == {"autograd as installed here sees no tpu"}


def test_every_line_of_a_real_run_fits_the_published_schema(world: World) -> None:
    world.add("bad", faulty("nan"))
    world.add("worse", faulty("raise"))
    world.gradtier("run", "--evidence", "e.jsonl")
    validator = jsonschema.Draft202012Validator(schema("evidence"))
    for line in (world.folder / "e.jsonl").read_text().splitlines():
        assert not list(validator.iter_errors(json.loads(line))), line
        assert str(world.folder) not in line, "a path of this machine is in the evidence"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel call is Linux's")
def test_a_hanging_worker_does_not_outlive_a_killed_run(world: World) -> None:
    world.add("bad", faulty("hang"))
    process = subprocess.Popen(
        world.command("run", "--backend", "bad", "--evidence", "e.jsonl"), cwd=world.folder,
        env=world.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def workers() -> list[str]:
        found = subprocess.run(
            ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False
        )
        return found.stdout.split()

    end = time.monotonic() + 40
    while not workers() and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(1.5)
    mine = workers()
    assert mine
    process.kill()
    process.wait()
    time.sleep(0.5)
    for worker in mine:
        state = Path(f"/proc/{worker}/stat")
        assert not state.exists() or state.read_text().split()[2] == "Z"
