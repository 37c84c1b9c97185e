"""The benchmark of faults counts what it says it counts, and its committed result is clean."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCH = ROOT / "ci" / "bench" / "faults"
COMMITTED = ROOT / "reports" / "bench" / "faults.json"


def test_the_committed_result_has_every_fault_and_none_that_cost_anything() -> None:
    names = subprocess.run(
        [sys.executable, "-c", "from scenarios import SCENARIOS; print('\\n'.join(SCENARIOS))"],
        cwd=BENCH, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    faults = json.loads(COMMITTED.read_text(encoding="utf-8"))["faults"]
    assert [f["name"] for f in faults] == names and len(names) >= 12
    said = {"name", "lost", "duplicated", "wrong", "told"}
    assert all(f.keys() - {"seconds"} == said for f in faults)
    assert [f["name"] for f in faults if "seconds" in f] == ["Ctrl-C"]
    bad = [f for f in faults if f["lost"] or f["duplicated"] or f["wrong"] or not f["told"]]
    assert not bad


def test_a_lost_a_doubled_and_a_wrong_record_would_be_counted(tmp_path: Path) -> None:
    pytest.importorskip("autograd")
    script = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from small import Small\n"
        "small = Small(Path(sys.argv[1]))\n"
        "small.gradtier(*small.run('good'))\n"
        "before = small.records()\n"
        "lines = small.file.read_bytes().splitlines(keepends=True)\n"
        'wrong = lines[3].replace(b\'"outcome":"agree"\', b\'"outcome":"raised"\')\n'
        "kept = [*lines[:1], *lines[2:3], *lines[2:3], wrong, *lines[4:]]\n"
        "small.file.write_bytes(b''.join(kept))\n"
        "print(json.dumps(small.seen(before, ('good',), 'x')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=BENCH, capture_output=True, text=True, check=True,
    )  # fmt: skip
    seen = json.loads(done.stdout)
    assert seen["lost"] == 3, "one trial without a record, and the records of two others are gone"
    assert (seen["duplicated"], seen["wrong"]) == (1, 1)


def test_one_fault_really_happens_here_and_what_was_said_of_others_stays(tmp_path: Path) -> None:
    pytest.importorskip("autograd")
    out = tmp_path / "faults.json"
    other = {"name": "a backend hangs", "lost": 7}
    out.write_text(json.dumps({"faults": [other, {"name": "of old"}]}), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(BENCH), "the file is cut", "--out", str(out)],
        capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    before, fault = json.loads(out.read_text(encoding="utf-8"))["faults"]
    assert before == other
    assert "the last line was unfinished" in fault["told"]
