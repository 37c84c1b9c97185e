"""A small matrix whose every trial has a known outcome, and runs of it that one can disturb."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

AUTOGRAD = "gradtier.backends.autograd:Autograd"
FAULTY = "gradtier.backends.faulty:Faulty"
CASES = 30
PATIENCE = 240.0  # seconds

#: Row -> the fault of its backend, and how each of its trials ends.
ROWS = {
    "slow": ("slow", "agree"),
    "good": ("exact", "agree"),
    "wrong": ("sign", "wrong"),
    "segfault": ("segfault", "crash"),
    "hang": ("hang", "timeout"),
    "hog": ("hog", "crash"),
    "gone": ("import", "unavailable"),
}

Seen = dict[str, Any]


def _row(adapter: str, mode: str, package: str, **more: Any) -> dict[str, Any]:
    return {
        "title": package, "package": package, "link": "https://example.org/", "adapter": adapter,
        "mode": mode, "execution": "op by op", "kind": "tape", "devices": ["cpu"], **more,
    }  # fmt: skip


class Small:
    """A folder with the matrix, and one evidence file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "e.jsonl"
        cases = "".join(
            f"@suite.case(x=normal(3))\ndef case{i}(xp, x):\n"
            f"    return xp.sum(xp.sin(x * {i + 1}))\n\n"
            for i in range(CASES)
        )
        head = "from gradtier.cases import Suite, normal\n\nsuite = Suite('small', 'Small')\n\n\n"
        (folder / "small.py").write_text(head + cases, encoding="utf-8")
        rows = {
            "exact-reverse": _row(AUTOGRAD, "reverse", "autograd"),
            "exact-forward": _row(AUTOGRAD, "forward", "autograd"),
        }
        for name, (fault, _) in ROWS.items():
            options = {"around": AUTOGRAD, "fault": fault}
            rows[name] = _row(FAULTY, "reverse", f"faulty-{name}", options=options)
        matrix = {
            "schema": "gradtier/matrix/1", "title": "Faults", "about": "Small.",
            "axes": {"devices": ["cpu"], "nesting": ["none"], "dtypes": ["float64"]},
            "suites": {"small": {"path": "small.py"}}, "primal": "gradtier.backends.numpy:NumPy",
            "backends": rows, "timeout": 5, "memory": 0.5,
            "reference": [{"reverse": "exact-reverse", "forward": "exact-forward"}],
            "policy": {
                "version": 1, "devices": ["cpu"], "otherwise": "No class.",
                "classes": [{"id": "I", "title": "Tier I", "meaning": "All is right.",
                             "criteria": {"agreement": 1.0}}],
            },
        }  # fmt: skip
        (folder / "matrix.yaml").write_text(
            yaml.safe_dump(matrix, sort_keys=False), encoding="utf-8"
        )

    def start(self, *words: str, limit: Callable[[], None] | None = None) -> subprocess.Popen[str]:
        """A command that goes on while one does something to it."""

        def before() -> None:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            if limit is not None:
                limit()

        return subprocess.Popen(
            [sys.executable, "-m", "gradtier", *words], cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=before,
            env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")},
        )  # fmt: skip

    def gradtier(self, *words: str) -> str:
        """A command to its end: what it says."""
        return self.start(*words).communicate(timeout=PATIENCE)[0]

    def run(self, *rows: str, more: tuple[str, ...] = ()) -> list[str]:
        """The words of a run of some rows."""
        named = [word for row in rows for word in ("--backend", row)]
        return ["run", *named, "--evidence", self.file.name, *more]

    def wait_for(self, records: int, process: subprocess.Popen[str]) -> list[dict[str, Any]]:
        """Until so many records are there; those."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and process.poll() is None:
            found = self.records()
            if len(found) >= records:
                return found
            time.sleep(0.05)
        raise RuntimeError(f"{records} records never came: {process.communicate()[0]}")

    def records(self) -> list[dict[str, Any]]:
        """The whole lines that are records of trials."""
        if not self.file.exists():
            return []
        found = []
        for line in self.file.read_bytes().splitlines(keepends=True):
            try:
                data = json.loads(line) if line.endswith(b"\n") else {}
            except ValueError:
                continue
            if data.get("kind") == "trial":
                found.append(data)
        return found

    def seen(self, before: list[dict[str, Any]], rows: tuple[str, ...], told: str) -> Seen:
        """What the file holds in the end, beside what it held before the fault.

        A trial is lost if its record was there and is not any more, or if it has no outcome after
        all: trials in flight are measured again by whoever goes on.
        """
        after = self.records()
        names = {r["trial"] for r in after if r["outcome"] not in ("error", "missing")}
        wanted = {f"small/case{i}@{row}/cpu/none/float64" for row in rows for i in range(CASES)}
        kept = {json.dumps(r, sort_keys=True) for r in after}
        gone = sum(json.dumps(r, sort_keys=True) not in kept for r in before)
        often = Counter(r["trial"] for r in after if r["outcome"] not in ("error", "missing"))
        wrong = [r for r in after if r["outcome"] not in ("error", ROWS[_row_of(r)][1])]
        return {
            "lost": gone + len(wanted - names),
            "duplicated": sum(n - 1 for n in often.values()),
            "wrong": len(wrong),
            "told": told,
        }


def _row_of(record: dict[str, Any]) -> str:
    return str(record["trial"]).partition("@")[2].partition("/")[0]
