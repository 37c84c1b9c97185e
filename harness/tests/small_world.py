"""A small world for the tests: a suite, a matrix and backends that are wrong on purpose."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

AUTOGRAD = "gradtier.backends.autograd:Autograd"
FAULTY = "gradtier.backends.faulty:Faulty"

SUITE = '''
"""Two small functions."""

from gradtier.cases import Suite, integers, normal, positive

suite = Suite("small", "Small functions")


@suite.case(x=normal(3, 2), w=normal(2, 4), b=normal(4))
def dense(xp, x, w, b):
    """Dense layer"""
    return xp.tanh(xp.matmul(x, w) + b)


@suite.case(x=positive(5))
def logs(xp, x):
    """Sum of x log x"""
    return xp.sum(x * xp.log(x))
'''


def row(adapter: str = AUTOGRAD, mode: str = "reverse", **more: Any) -> dict[str, Any]:
    """A backend's block with everything that is required."""
    return {
        "title": "A backend", "package": "autograd", "link": "https://example.org/",
        "adapter": adapter, "mode": mode, "execution": "op by op", "kind": "tape",
        "devices": ["cpu"], **more,
    }  # fmt: skip


def faulty(fault: str, mode: str = "reverse", **more: Any) -> dict[str, Any]:
    """A row that is wrong on purpose."""
    options = {"around": AUTOGRAD, "fault": fault}
    return row(FAULTY, mode, package="faulty", title=f"Faulty: {fault}", options=options, **more)


MATRIX: dict[str, Any] = {
    "schema": "gradtier/matrix/1",
    "title": "A test",
    "about": "For tests.",
    "axes": {"devices": ["cpu"], "nesting": ["none", "forward", "reverse"], "dtypes": ["float64"]},
    "suites": {"small": {"path": "small.py"}},
    "primal": "gradtier.backends.numpy:NumPy",
    "backends": {"exact-reverse": row(), "exact-forward": row(mode="forward")},
    "reference": [{"reverse": "exact-reverse", "forward": "exact-forward"}],
    "timeout": 20,
    "policy": {
        "version": 1,
        "devices": ["cpu"],
        "classes": [
            {"id": "I", "title": "Tier I", "meaning": "All is right.",
             "criteria": {"trials": 2, "agreement": 1.0, "wrong": 0}},
            {"id": "II", "title": "Tier II", "meaning": "Half is right.",
             "criteria": {"agreement": 0.5}},
        ],
        "otherwise": "Less than half is right.",
    },
}  # fmt: skip


class World:
    """A folder with a matrix and a suite."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.matrix = copy.deepcopy(MATRIX)
        self.suite(SUITE)

    @property
    def file(self) -> Path:
        """The matrix, written as it is now."""
        file = self.folder / "matrix.yaml"
        file.write_text(yaml.safe_dump(self.matrix, sort_keys=False), encoding="utf-8")
        return file

    def suite(self, text: str) -> None:
        """Replace the suite."""
        (self.folder / "small.py").write_text(text, encoding="utf-8")

    def add(self, name: str, block: dict[str, Any]) -> None:
        """Add a backend."""
        self.matrix["backends"][name] = block

    def gradtier(self, *words: str, timeout: float = 100) -> subprocess.CompletedProcess[str]:
        """Run the command line in the folder."""
        return subprocess.run(
            self.command(*words), cwd=self.folder, env=self.environment(), capture_output=True,
            text=True, timeout=timeout, check=False,
        )  # fmt: skip

    def command(self, *words: str) -> list[str]:
        """The command line, for one's own Popen."""
        _ = self.file
        return [sys.executable, "-m", "gradtier", *words]

    def started(self, *words: str) -> subprocess.Popen[str]:
        """The command while it runs, ready for Ctrl-C; all that it says is in its output."""
        return subprocess.Popen(
            self.command(*words), cwd=self.folder, env=self.environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            # what a shell starts in the background ignores Ctrl-C, and so would its children
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        """As a user's shell would have it, without what this pytest run put there."""
        return {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
