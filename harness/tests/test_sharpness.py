"""The session `sharpness`: what it counts as caught, and the scripts that stand for real faults."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "reports" / "faults").glob("*.py"))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module ``score`` of the benchmark."""
    monkeypatch.syspath_prepend(str(ROOT / "ci" / "bench" / "sharpness"))
    import score

    yield score
    sys.modules.pop("score", None)


def record(case: str, fault: str, outcome: str, nesting: str = "none") -> dict[str, Any]:
    row = "faulty-" + fault.replace(" ", "-")
    return {"trial": f"{case}@{row}/cpu/{nesting}/float64", "outcome": outcome, "detail": "d"}


def test_a_fault_that_nobody_saw_is_named(bench: Any) -> None:
    records = [record("a/f", "exact", "agree"), record("a/f", "double", "agree")]
    found = bench.counted(records, set())["suites"]["a"]["double"]
    assert found == {"met": 1, "caught": 0, "missed": ["a/f: agree: d"]}


def test_a_case_that_the_unspoiled_backend_fails_says_nothing_of_a_fault(bench: Any) -> None:
    records = [record("a/f", "exact", "raised"), record("a/f", "double", "wrong")]
    assert bench.counted(records, set())["suites"] == {}


def test_a_fault_that_changes_nothing_is_not_counted_as_missed(bench: Any) -> None:
    records = [record("a/f", "exact", "agree"), record("a/f", "stale", "agree")]
    assert bench.counted(records, {("stale", "a/f")})["suites"] == {}


def test_a_wrong_second_derivative_is_looked_for_in_nested_trials_alone(bench: Any) -> None:
    records = [
        record("a/f", "exact", "agree"), record("a/f", "exact", "agree", "forward"),
        record("a/f", "second", "agree"), record("a/f", "second", "wrong", "forward"),
    ]  # fmt: skip
    assert bench.counted(records, set())["suites"]["a"]["second"]["caught"] == 1


def test_every_fault_with_a_wrong_answer_is_met(bench: Any) -> None:
    from gradtier.backends.faulty import FAULTS, SPECIAL
    from gradtier.model import Outcome

    wrong = {name for name, (outcome, _) in FAULTS.items() if outcome is Outcome.WRONG}
    assert wrong - set(bench.NUMBERS) == {"later"}  # not a number: it answers no more
    rows = set(bench.matrix_of(ROOT, [])["backends"])
    assert rows >= {"faulty-" + f.replace(" ", "-") for f in (*bench.NUMBERS, *SPECIAL, "second")}


def test_there_are_scripts_of_real_faults() -> None:
    assert len(SCRIPTS) >= 15


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda s: s.stem)
def test_a_script_of_a_fault_stands_alone_and_says_what_it_shows(script: Path) -> None:
    tree = ast.parse(script.read_text(encoding="utf-8"))
    title = (ast.get_docstring(tree) or "").splitlines()
    assert title and ":" in title[0], "the first line names the package and the fault"
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert not any(name.startswith("gradtier") for name in imported), "the package alone"
    assert "sys.exit(" in ast.unparse(tree.body[-1]), "exit status 1 while the fault is there"
