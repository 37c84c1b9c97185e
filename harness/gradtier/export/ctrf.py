"""Results -> CTRF, the Common Test Report Format, a JSON document.

Written while the results come in: the summary stands behind the tests, which JSON allows.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterable
from typing import Any

import gradtier
from gradtier.evidence import Run
from gradtier.export.numbers import finite, milliseconds, witnesses
from gradtier.export.results import Result, Sink, Status
from gradtier.render.trials import command
from gradtier.table import plain

SPEC = "0.0.0"  # as in the examples of the format itself
_IDS = uuid.UUID("d1f3f3b0-6f0e-5c7e-8f0b-3a52f5c1a4e6")  # ours, drawn once
#: The statuses of the format, which has one for all that is neither.
STATUS = {
    Status.PASSED: "passed",
    Status.FAILED: "failed",
    Status.SKIPPED: "skipped",
    Status.PENDING: "pending",
    Status.UNDECIDED: "other",
    Status.ERROR: "other",
}


def write(results: Iterable[Result], out: Sink, title: str, runs: Iterable[Run]) -> None:
    """Write a report.

    Args:
        results: in any order.
        out: where to.
        title: the name of the whole.
        runs: that the results are of.
    """
    runs = list(runs)
    tool = {"name": "gradtier", "version": gradtier.__version__}
    out.write('{\n"reportFormat": "CTRF",\n')
    out.write(f'"specVersion": {_json(SPEC)},\n"generatedBy": "gradtier export",\n')
    out.write(f'"results": {{\n"tool": {_json(tool)},\n"tests": [')
    counts: Counter[str] = Counter()
    times: list[int] = [t for run in runs if (t := milliseconds(run.started)) is not None]
    suites: set[tuple[str, str]] = set()
    first, last = min(times, default=None), max(times, default=None)
    for i, result in enumerate(results):
        test = _test(result)
        counts[test["status"]] += 1
        suites.add((result.trial.cell.backend, result.trial.suite))
        if "stop" in test:
            first = test["start"] if first is None else min(first, test["start"])
            last = test["stop"] if last is None else max(last, test["stop"])
        out.write(f"{',' if i else ''}\n{_json(test)}")
    start, stop = first or 0, last or 0
    summary: dict[str, Any] = {
        "tests": counts.total(),
        **{status: counts[status] for status in dict.fromkeys(STATUS.values())},
        "suites": len(suites),
        "start": start,
        "stop": stop,
        "duration": stop - start,
    }
    out.write(f'\n],\n"summary": {_json(summary)},\n')
    out.write(f'"environment": {_json(_environment(title, runs))}\n}}\n}}\n')


def _test(result: Result) -> dict[str, Any]:
    name, cell = str(result.trial), result.trial.cell
    record = result.record
    duration = round(1000 * finite(record.seconds)) if record is not None else 0
    test: dict[str, Any] = {
        "id": str(uuid.uuid5(_IDS, name)),
        "name": name,
        "status": STATUS[result.status],
        "duration": duration,
        "suite": [cell.backend, result.trial.suite],
        "rawStatus": f"{result.outcome}.{result.reason}" if result.reason else result.outcome.value,
        "device": cell.device,
        "tags": [f"nesting:{cell.nesting}", f"dtype:{cell.dtype}"],
    }
    if result.message:
        test["message"] = result.message
    if record is not None and (stop := milliseconds(record.finished)) is not None:
        test |= {"start": stop - duration, "stop": stop}
    if result.status is Status.FAILED:
        test["trace"] = "\n".join([*witnesses(record), f"again: {command(result.trial)}"])
    if result.conflict:
        test["extra"] = {"flaky": [outcome.value for outcome in result.conflict]}
    return test


def _environment(title: str, runs: list[Run]) -> dict[str, Any]:
    return {
        "reportName": plain(title),
        "extra": {
            "runs": [
                {
                    "run": plain(run.run),
                    "started": plain(run.started),
                    "gradtier": plain(run.gradtier),
                    "matrix": plain(run.matrix),
                    "host": {plain(k): plain(v) for k, v in run.host.items()},
                    "versions": {plain(k): plain(v) for k, v in run.versions.items()},
                }
                for run in runs
            ]
        },
    }


def _json(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, allow_nan=False)
