"""Asking a library in a process of its own: some do not bear others beside them."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent


def asked(
    script: Path | str, adapter: str, *words: str, timeout: float = 100, may_lack: bool = False
) -> Any:
    """What ``script`` prints as its last line, JSON; it is called with ``words``.

    The test is skipped where the adapter's library is not installed.

    Args:
        script: the file; its folder and the harness can be imported from.
        adapter: ``module:Class`` of the adapter.
        words: the arguments; the adapter's path if there are none.
        timeout: seconds.
        may_lack: an ImportError skips the test: a library of the system may not be here.
    """
    module, _, name = adapter.partition(":")
    kind = getattr(importlib.import_module(module), name)
    if not kind.installed():
        pytest.skip(f"{module.rpartition('.')[2]} is not installed")
    path = os.pathsep.join(map(str, (TESTS.parent, TESTS)))  # a test file may be its own script
    folders = {"PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, str(script), *(words or (adapter,))],
        env={**os.environ, **kind.environment, **folders},
        capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    if may_lack and done.returncode and "ImportError" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])
