"""What the benchmark of the oracle says of it is true, complete, and can be measured again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
pytest.importorskip("scipy", reason="the extra `bench` is not installed")
pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What the committed run measured."""
    return json.loads((ROOT / "reports" / "bench" / "oracle.json").read_text(encoding="utf-8"))


def benchmark(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "ci" / "bench" / "oracle"), *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_page_is_what_was_measured_and_every_miss_is_explained() -> None:
    done = benchmark("--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_promised_of_the_oracle_was_measured(found) -> None:
    assert found["functions"] >= 120
    assert found["right_trials"] >= 5_000
    assert found["false_alarms"] == 0 == len(found["right"]["false_alarms_told"])
    assert set(found["inconclusive_share_by_dtype"]) == {"float64", "float32"}
    assert found["inconclusive_share"] <= 0.03
    assert found["detected_float64"] >= 0.99
    assert found["speed_vs_gradcheck_slow"] >= 20
    assert len(found["wrong"]["faults"]) >= 20


def test_the_readme_tells_what_was_measured(found) -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    first = found["cost_targets"]["first verdict over slow gradcheck, up to 30"]["as used"]
    for words in (
        f"({found['false_alarms']} of {found['right_trials']})",
        f"({100 * found['detected_float64']:.1f} % in float64)",
        f"{first['seconds']:.1f} times the processor time",
        f"in {first['evaluations']:.2f} times the evaluations",
    ):
        assert words in readme, words


def test_a_fault_in_the_corpus_would_be_seen_by_the_benchmark_itself(tmp_path: Path) -> None:
    done = benchmark(
        *("right", "wrong", "--seeds", "1", "--only", "smooth/swirl"),
        *("--parts-folder", str(tmp_path)),
    )
    assert done.returncode == 0, done.stderr
    assert "no report yet: compare, operators, adjoint" in done.stderr
    right, wrong = (
        json.loads((tmp_path / f"{part}.json").read_text(encoding="utf-8"))
        for part in ("right", "wrong")
    )
    assert right["false_alarms"] == 0 < right["right_trials"]
    assert wrong["detected_float64"]["detected"] == wrong["detected_float64"]["above"] >= 50


@pytest.mark.parametrize(
    ("words", "said"), [(["rigth"], "'rigth' is no part"), (["--seeds", "0"], "at least 1")]
)
def test_a_wrong_word_is_told_before_anything_is_measured(words: list[str], said: str) -> None:
    done = benchmark(*words)
    assert done.returncode == 2
    assert said in done.stderr
