"""Faults of released packages: each a script of its own, run as it stands."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

#: One small computation each; torch.compile needs the most.
SECONDS = 300


def released(root: Path) -> list[dict[str, Any]]:
    """Run every script in ``reports/faults``: is the fault there, and in the script's words?"""
    return [ran(file) for file in sorted((root / "reports" / "faults").glob("*.py"))]


def ran(file: Path) -> dict[str, Any]:
    """One script: exit status 1 means that the fault is there, 0 that it is mended."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, str(file)], capture_output=True, text=True, check=False,
        timeout=SECONDS, env=environment,
    )  # fmt: skip
    states = {0: "mended", 1: "there"}
    crashed = done.returncode < 0  # the fault may be that the process dies
    doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    failed = "Traceback (most recent call last)" in done.stderr
    state = "could not be run" if failed else states.get(done.returncode, "could not be run")
    return {
        "script": f"reports/faults/{file.name}",
        "fault": doc.splitlines()[0] if doc else file.stem,
        "state": "there" if crashed else state,
        "says": (done.stdout.strip() or done.stderr.strip()).splitlines()[-4:],
    }
