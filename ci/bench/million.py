"""A million records, and what the report on them costs: ``nox -s scale``.

A scratch matrix of 20 backends in 24 cells each, its suites, and an evidence file whose lines look
like real ones are written into a folder; then ``gradtier report`` runs in a process of its own on
one core.  How long that took, how much memory it needed and how large the overview is goes into
``reports/bench/scale.json`` and, as a line, to the terminal.

Nothing is measured here: the records are drawn at random, always the same for the same number.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import yaml

from gradtier.collector import uncollected
from gradtier.evidence import SCHEMA, Run, to_line
from gradtier.host import NOWHERE
from gradtier.plan import Plan, Planned
from gradtier.running import open_matrix

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "reports" / "bench" / "scale.json"
DAY = datetime.datetime(2026, 11, 20, 8, tzinfo=datetime.UTC)
LIBRARIES = 10  # each with a forward and a reverse row
NESTINGS, DTYPES = ("none", "forward", "reverse"), ("float64", "float32", "float16", "bfloat16")
DEVICES = ("cpu", "cuda")
CELLS = 2 * LIBRARIES * len(DEVICES) * len(NESTINGS) * len(DTYPES)
SUITE = 100  # cases of a suite
#: Of so many records one is a second one of a trial: 2,000 cases in 480 cells make 960,000 trials.
AGAIN = 25

#: How a trial may end: outcome, reason, detail, how often.  The shares are near those of the
#: evidence in this repository.
ENDINGS = (
    ("agree", None, "agrees with finite differences and with the reference", 72.0),
    ("unsupported", None, "NotImplementedError: no rule for %s in %s mode", 16.0),
    ("wrong", "value", "the value is wrong: leaf 0[%d] is %.9g, the reference %.9g", 4.0),
    ("wrong", "nonfinite", "not finite where it is finite: leaf 0[%d] is nan, not %.9g%.0g", 1.0),
    ("wrong", "severed", "zero or not connected: leaf 0[%d] is 0, the reference %.9g%.0g", 0.7),
    ("raised", None, "RuntimeError: expected a matrix in %s, got a vector (%s)", 2.5),
    ("inconclusive", None, "neither witness is sharp enough to tell", 1.0),
    ("crash", None, "killed by SIGSEGV", 0.4),
    ("timeout", None, "no answer within 60 s", 0.2),
    ("unavailable", None, "its adapter does not start: ImportError: no library here", 2.0),
    ("error", None, "OSError: no space left on the device", 0.2),
)
WITH_VERDICT = frozenset({"agree", "wrong", "inconclusive"})

_HEAD = '''"""Suite %(number)d of the scale benchmark."""

from gradtier.cases import Suite, normal

suite = Suite("%(suite)s", "Suite %(number)d: %(words)s")
'''
_CASE = '''

@suite.case(x=normal(%(rows)d, 3), y=normal(3), tags=%(tags)s)
def %(case)s(xp, x, y):
    """%(title)s"""
    z = xp.%(outer)s(x * %(factor)d.0 + y)
    return xp.sum(z * xp.%(inner)s(x), axis=%(axis)d)
'''
_FUNCTIONS = ("sin", "cos", "tanh", "exp", "abs", "square", "sqrt")


# ------------------------------------------------------------------------- a matrix, its suites


def world(folder: Path, cases: int) -> Path:
    """Write a matrix with that many cases, and their suites; the matrix file."""
    suites = {}
    for number, first in enumerate(range(0, cases, SUITE)):
        suite = f"suite{number:02}"
        suites[suite] = {"path": f"{suite}.py"}
        names = range(first, min(first + SUITE, cases))
        text = _HEAD % {"number": number, "suite": suite, "words": "functions of two arrays"}
        (folder / f"{suite}.py").write_text(text + "".join(map(_case, names)), encoding="utf-8")
    file = folder / "matrix.yaml"
    file.write_text(yaml.safe_dump(_declared(suites, cases), sort_keys=False), encoding="utf-8")
    return file


def _case(number: int) -> str:
    outer, inner = (_FUNCTIONS[(number // n) % len(_FUNCTIONS)] for n in (1, len(_FUNCTIONS)))
    return _CASE % {
        "case": f"case{number:04}", "rows": 2 + number % 5, "outer": outer, "inner": inner,
        "title": f"{outer.capitalize()} of a shifted array, times {inner}, number {number}",
        "factor": 1 + number % 9, "axis": number % 2,
        "tags": '("kink",)' if outer == "abs" else "()",
    }  # fmt: skip


def _declared(suites: Mapping[str, Any], cases: int) -> dict[str, Any]:
    real = yaml.safe_load((ROOT / "matrix.yaml").read_text(encoding="utf-8"))
    numpy = "gradtier.backends.numpy:NumPy"
    rows = {
        f"library{i}-{mode}": {
            "title": f"Library {i}", "package": f"library{i}", "link": "https://example.org/",
            "adapter": numpy, "mode": mode, "execution": "op by op", "kind": "tape",
            "devices": list(DEVICES),
        }
        for i in range(LIBRARIES)
        for mode in ("reverse", "forward")
    }  # fmt: skip
    pairs = [{m: f"library{i}-{m}" for m in ("reverse", "forward")} for i in (0, 1)]
    claims = [
        {
            "match": {"backend": f"library{i}-{mode}", "suite": suite, "case": f"case*{i}"},
            "outcome": outcome,
            "because": f"Library {i} does not do this in {mode} mode, see its documentation.",
        }
        for i in range(min(LIBRARIES, cases))
        for mode, outcome in (("reverse", "unsupported"), ("forward", "wrong"))
        for suite in list(suites)[:10]
        if _has(suite, i, cases)
    ]
    return {
        "schema": "gradtier/matrix/1", "title": "A million trials",
        "about": "Nothing here was measured: this is how gradtier's own speed is tested.",
        "axes": {"devices": list(DEVICES), "nesting": list(NESTINGS), "dtypes": list(DTYPES)},
        "suites": suites, "primal": numpy, "backends": rows, "reference": pairs,
        "claims": claims, "policy": real["policy"],
    }  # fmt: skip


def _has(suite: str, digit: int, cases: int) -> bool:
    """Whether the suite has a case whose number ends in that digit."""
    first = int(suite.removeprefix("suite")) * SUITE
    return first + digit < cases


# ----------------------------------------------------------------------------------- the evidence


def evidence(plan: Plan, file: Path, records: int) -> None:
    """Write that many records: of every trial one, of some a second one in a later run."""
    draw = Random(7)
    order = {case: i for i, case in enumerate(plan.cases)}
    rows = plan.matrix.backends
    trials = sorted(  # as a run has them: a library's process, case by case
        plan.trials, key=lambda t: (rows[t.id.cell.backend].package, order[t.id.case_id])
    )[:records]
    again = draw.sample(trials, min(records - len(trials), len(trials)))
    with file.open("wb") as out:
        for run, mine in (("first", trials), ("second", again)):
            started = DAY if run == "first" else DAY + datetime.timedelta(days=3)
            versions = {f"library{i}": "1.2.3" for i in range(LIBRARIES)}
            out.write(
                to_line(
                    Run(
                        run=run, matrix=plan.matrix.digest, gradtier="0.1.0",
                        started=f"{started:%Y-%m-%dT%H:%M:%SZ}", versions=versions,
                        host={"system": "Linux x86_64", "cores": "2"}, planned=len(mine),
                    )
                )
            )  # fmt: skip
            out.writelines(lines(plan, mine, run, started, draw))


def lines(
    plan: Plan, trials: list[Planned], run: str, started: datetime.datetime, draw: Random
) -> Iterator[bytes]:
    """The lines of one run, one of each trial, drawn at random."""
    encode = msgspec.json.Encoder().encode
    weights = [ending[-1] for ending in ENDINGS]
    ends = draw.choices(ENDINGS, weights, k=len(trials))
    for number, (t, end) in enumerate(zip(trials, ends, strict=True)):
        cell = t.id.cell
        package = plan.matrix.backends[cell.backend].package
        finished = started + datetime.timedelta(seconds=number // 150)
        yield encode(
            {
                "schema": SCHEMA, "run": run, "kind": "trial", "trial": str(t.id),
                "digest": t.digest, **_found(end, t, draw),
                "reference": "library1-reverse" if package == "library0" else "library0-reverse",
                "observed": {"threads": "1", "device": cell.device, "dtype": cell.dtype},
                "versions": {package: "1.2.3", "numpy": "2.4.6"},
                "seconds": round(draw.uniform(0.01, 0.2), 4),
                "finished": f"{finished:%Y-%m-%dT%H:%M:%SZ}",
            }
        ) + b"\n"  # fmt: skip


def _found(end: tuple[str, str | None, str, float], t: Planned, draw: Random) -> dict[str, Any]:
    outcome, reason, detail, _ = end
    found: dict[str, Any] = {"outcome": outcome}
    got, index = draw.gauss(0, 1), draw.randrange(6)
    if reason is not None:
        found["reason"] = reason
        detail %= (index, got, draw.gauss(0, 1))
    elif "%s" in detail:
        detail %= (f"function {draw.randrange(200)}", t.id.cell.nesting)
    found["detail"] = detail
    if outcome not in WITH_VERDICT:
        return found
    close, agrees = draw.random(), outcome == "agree"
    kink = agrees and t.id.case[4:].isdigit() and int(t.id.case[4:]) % len(_FUNCTIONS) == 4
    found["verdict"] = {
        "outcome": outcome, "reason": reason, "detail": detail,
        "witnesses": ["finite-differences", "reference"] if close < 0.93 else ["reference"],
        "convention": draw.choice(["left", "right", "minimal"]) if kink else None,
        "worst": {
            "leaf": 0, "index": index, "got": got,
            "reference": got * (1 + 1e-15 * close) if agrees else draw.gauss(0, 1),
            "fd": None if agrees else draw.gauss(0, 1), "fd_error": None if agrees else 2e-12,
            "allowed": abs(got) * 4e-15, "part": None,
        },
        "margin_reference": close if agrees else 1e9 * close, "margin_fd": draw.random(),
        "no_power": 0.0, "noise_ratio": None, "rows": 4, "primal_evaluations": 0,
        "derivative_evaluations": 4, "findings": ["kink"] if kink else [],
    }  # fmt: skip
    found["checks"] = {
        "inputs": "unchanged", "second call": "the same to the bit",
        "other point": "agrees with the reference", "primal": "the same to the bit",
    }  # fmt: skip
    found["first_seconds"], found["call_seconds"] = (
        draw.uniform(1e-3, 1e-1),
        draw.uniform(1e-4, 3e-3),
    )
    return found


# ------------------------------------------------------------------------------------ the report


def reported(matrix: Path, file: Path, site: Path) -> dict[str, Any]:
    """Run ``gradtier report`` on one core; what it took."""
    words = ["-m", "gradtier", "report", "--matrix", str(matrix), "--evidence", str(file)]
    words += ["--date", "2026-12-01", "--quiet", "--out", str(site)]
    core = min(os.sched_getaffinity(0))
    pace = loop()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, *words], check=True, stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )  # fmt: skip
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    index = (site / "index.html").read_bytes()
    return {
        "loop_seconds": pace,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(
            after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2
        ),
        "peak_mib": after.ru_maxrss // 1024,  # of the largest child: there was no other
        "index_bytes": len(index),
        "index_gzip_bytes": len(gzip.compress(index, 9, mtime=0)),
    }


def loop() -> float:
    """Seconds of a fixed piece of work: how fast this machine is just now."""
    start, total = time.perf_counter(), 0
    for i in range(10_000_000):
        total += i
    assert total
    return round(time.perf_counter() - start, 3)


def stages(matrix: Path, file: Path) -> Iterator[tuple[str, float, int]]:
    """Every stage up to the support table: its name, CPU seconds, peak MiB so far."""
    from gradtier import evidence as evidence_
    from gradtier.assess import assess
    from gradtier.lint import load_checked
    from gradtier.plan import make
    from gradtier.table import tabulate

    spent = time.process_time()

    def done(name: str) -> tuple[str, float, int]:
        nonlocal spent
        since, spent = spent, time.process_time()
        return name, spent - since, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    loaded, suites = load_checked(matrix)
    yield done("load")
    plan = make(loaded, suites, NOWHERE)
    yield done("plan")
    found = evidence_.read([file])
    yield done("read")
    evidence_.check_belongs(found, plan)
    yield done("check")
    today = datetime.date(2026, 12, 1)
    assessments = assess(plan, found, today)
    yield done("assess")
    tabulate(plan, assessments, found, today)
    yield done("tabulate")


def main() -> None:
    """Write the world, report on it, write down what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="keep the files here, and use what is there")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--times", type=int, default=3, help="how often; a machine has moods")
    parser.add_argument("--stages", action="store_true", help="up to the table alone, by stage")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "evidence.jsonl"
        if not file.exists():
            cases = max(1, round(given.records * (AGAIN - 1) / AGAIN / CELLS))
            matrix = world(folder, cases)
            evidence(open_matrix(matrix, NOWHERE).plan, file, given.records)
        if given.stages:
            with uncollected():  # as the command does
                for name, seconds, peak in stages(folder / "matrix.yaml", file):
                    print(f"{name:10} {seconds:7.2f} s  peak {peak} MiB", flush=True)
            return
        took = [reported(folder / "matrix.yaml", file, folder / "site") for _ in range(given.times)]
        found = {
            "records": given.records,
            "evidence_bytes": file.stat().st_size,
            "python": sys.version.split()[0],
            "loop_seconds": [one.pop("loop_seconds") for one in took],
            "all_seconds": [one["seconds"] for one in took],
            **min(took, key=lambda one: one["seconds"]),
        }
    given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(
        f"{found['records']:,} records: {found['seconds']} s at best of {found['all_seconds']} "
        f"({found['cpu_seconds']} s of one core's time), {found['peak_mib']} MiB; index.html "
        f"{found['index_bytes']:,} bytes, {found['index_gzip_bytes']:,} compressed; a fixed loop "
        f"beside each took {found['loop_seconds']} s"
    )


if __name__ == "__main__":
    main()
