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
pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """Trial -> record, of a dense layer and a relu at its kink on every row and device."""
    for package in ("jax", "torch", "tensorflow", "autograd"):
        if package not in sys.modules and not _installed(package):
            pytest.skip(f"{package} is not installed")
    file = tmp_path_factory.mktemp("flagship") / "e.jsonl"
    done = subprocess.run(
        [sys.executable, "-m", "gradtier", "run", "-n", "2", "--evidence", str(file),
         "--case", "dense", "--case", "relu_at_zero"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return {line["trial"]: line for line in lines if line["kind"] == "trial"}


def _installed(package: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(package) is not None


@pytest.mark.timeout(500)
@pytest.mark.parametrize("row", sorted(ROWS))
def test_every_row_differentiates_a_dense_layer_on_the_cpu(
    records: dict[str, dict], row: str
) -> None:
    record = records[f"nn/dense@{row}/cpu/none/float64"]
    assert record["outcome"] == "agree", record
    assert record["observed"]["device"] == "cpu" and record["observed"]["dtype"] == "float64"
    assert set(record["verdict"]["witnesses"]) == {"finite-differences", "reference"}
    reference = ROWS[record["reference"]]
    assert reference["package"] != ROWS[row]["package"], "a backend vouched for itself"


def test_nested_derivatives_of_every_family_are_measured(records: dict[str, dict]) -> None:
    for row in ROWS:
        for outer in ("forward", "reverse"):
            record = records.get(f"nn/dense@{row}/cpu/{outer}/float64")
            if record is None:
                assert row.startswith("numpy"), row
                continue
            declined = (row, outer) == ("torch-forward-ad", "forward")
            assert record["outcome"] == ("unsupported" if declined else "agree"), record


def test_a_kink_is_a_convention_and_not_a_fault(records: dict[str, dict]) -> None:
    found = [r for t, r in records.items() if "relu_at_zero" in t and "/cpu/none/" in t]
    assert len(found) == len(ROWS)
    assert {r["outcome"] for r in found} == {"agree"}
    named = {r["verdict"].get("convention") for r in found}
    assert named & {"left", "right", "middle", "zero", "between"}, named


def test_cuda_cells_without_a_card_are_unavailable_and_nothing_else(
    records: dict[str, dict],
) -> None:
    found = [r for t, r in records.items() if "/cuda/" in t]
    assert found
    for record in found:
        if record["outcome"] == "unavailable":
            assert record["detail"] and "verdict" not in record
