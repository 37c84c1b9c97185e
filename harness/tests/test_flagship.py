"""The flagship matrix on real backends: a few trials of every row, through the whole path."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROWS = yaml.safe_load((ROOT / "matrix.yaml").read_text(encoding="utf-8"))["backends"]
#: Rows that run every suite here; the others are about one suite, or can't be run at all.
PLANNED = [name for name, row in ROWS.items() if row.get("adapter") and not row.get("suites")]
pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """Trial -> record, of a dense layer and a relu at its kink on every row and device."""
    for package in ("jax", "torch", "tensorflow", "autograd"):
        if package not in sys.modules and not _installed(package):
            pytest.skip(f"{package} is not installed")
    file = tmp_path_factory.mktemp("flagship") / "e.jsonl"
    done = subprocess.run(
        [sys.executable, "-m", "gradtier", "run", "--deep", "-n", "2", "--evidence", str(file),
         "--case", "dense", "--case", "relu_at_zero"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return {line["trial"]: line for line in lines if line["kind"] == "trial"}


def _installed(package: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(package) is not None


@pytest.mark.timeout(1000)
@pytest.mark.parametrize("row", sorted(PLANNED))
def test_every_row_differentiates_a_dense_layer_on_the_cpu(
    records: dict[str, dict], row: str
) -> None:
    record = records[f"nn/dense@{row}/cpu/none/float64"]
    if record["outcome"] == "unavailable":  # no compiler, no library of the system, no Julia
        pytest.skip(record["detail"])
    assert record["outcome"] == "agree", record
    assert record["observed"]["device"] == "cpu" and record["observed"]["dtype"] == "float64"
    assert set(record["verdict"]["witnesses"]) == {"finite-differences", "reference"}
    reference = ROWS[record["reference"]]
    assert reference["package"] != ROWS[row]["package"], "a backend vouched for itself"


def test_nested_derivatives_of_every_family_are_measured(records: dict[str, dict]) -> None:
    found = {
        (row, outer): records[trial]["outcome"]
        for row in PLANNED
        for outer in ("forward", "reverse")
        if (trial := f"nn/dense@{row}/cpu/{outer}/float64") in records
    }
    ends = {pair: end for pair, end in found.items() if end != "unavailable"}
    assert len(ends) >= 40
    assert {pair: end for pair, end in ends.items() if end != "agree"} == {
        ("torch-forward-ad", "forward"): "unsupported",
    }


def test_a_kink_is_a_convention_and_not_a_fault(records: dict[str, dict]) -> None:
    found = [r for t, r in records.items() if "relu_at_zero" in t and "/cpu/none/" in t]
    rows = {t.partition("@")[2].partition("/")[0] for t in records if "relu_at_zero" in t}
    assert rows == {row for row in PLANNED if not row.startswith("torch-compile")}
    assert len(found) == len(rows)
    ends = {
        (t.partition("@")[2].partition("/")[0], r["outcome"])
        for t, r in records.items()
        if "relu_at_zero" in t and "/cpu/none/" in t
    }
    others = {row for row, end in ends if end not in ("agree", "unavailable")}
    assert others <= {"drjit-reverse", "drjit-forward"}, "LLVM 15 ends the process at a maximum"
    named = {r.get("verdict", {}).get("convention") for r in found}
    assert named & {"left", "right", "middle", "zero", "between", "mixed"}, named


def test_no_trial_ends_its_own_process_to_make_room_for_those_of_the_references() -> None:
    from gradtier.engine import MOST_LIVE, engine_key
    from gradtier.running import open_matrix

    matrix = open_matrix(ROOT / "matrix.yaml").plan.matrix
    rows = {row for pair in matrix.reference for row in (pair.reverse, pair.forward)}
    assert len({engine_key(matrix, row) for row in rows}) < MOST_LIVE


def test_cuda_cells_without_a_card_are_unavailable_and_nothing_else(
    records: dict[str, dict],
) -> None:
    found = [r for t, r in records.items() if "/cuda/" in t]
    assert found
    for record in found:
        if record["outcome"] == "unavailable":
            assert record["detail"] and "verdict" not in record
