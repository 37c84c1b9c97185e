"""The session `scale`, small: a world is written, and the report on it is whole."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradtier import evidence as ev

ROOT = Path(__file__).resolve().parents[2]
N = 1000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world of two cases with the report on it."""
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("one core can't be asked for here")
    folder = tmp_path_factory.mktemp("scale")
    command = [sys.executable, str(ROOT / "ci" / "bench" / "million.py"), "--records", str(N)]
    words = ["--folder", str(folder), "--out", str(folder / "scale.json")]
    done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{N:,} records: ")
    return folder


def test_as_many_records_are_written_as_asked_for_and_all_of_them_are_evidence(
    folder: Path,
) -> None:
    read = ev.read([folder / "evidence.jsonl"])
    assert not read.problems
    again = sum(len(others) for others in read.earlier.values())
    assert len(read.records) + again == N and again == N // 25
    assert len({r.outcome for r in read.records.values()}) > 5


def test_every_trial_of_the_scratch_matrix_is_in_the_report(folder: Path) -> None:
    table = json.loads((folder / "site" / "support.json").read_text(encoding="utf-8"))
    said = table["provenance"]
    assert len(table["rows"]) == 20 and said["planned"] == 960
    assert said["left_out"] == 0 and not said["problems"]
    assert {r["id"] for r in said["runs"]} == {"first", "second"}


def test_what_the_report_took_is_written_down(folder: Path) -> None:
    found = json.loads((folder / "scale.json").read_text(encoding="utf-8"))
    index = (folder / "site" / "index.html").read_bytes()
    assert found["records"] == N
    assert found["index_bytes"] == len(index)
    assert found["index_gzip_bytes"] == len(gzip.compress(index, 9, mtime=0))
    assert found["cpu_seconds"] > 0 and found["peak_mib"] > 10
