"""What is committed under reports/ is what the committed evidence gives."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from gradtier.cli import main
from gradtier.evidence import read, to_line
from gradtier.schemas import schema

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "reports" / "evidence").glob("*.jsonl*"))


def test_there_is_evidence() -> None:
    assert FILES


def test_the_published_table_has_not_drifted_from_its_evidence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    named = [word for f in FILES for word in ("--evidence", str(f.relative_to(ROOT)))]
    done = CliRunner().invoke(main, ["verify", "reports", *named])
    assert done.exit_code == 0, f"{done.output}\nrun: python3 ci/bootstrap.py -s publish"


def test_the_readme_shows_the_published_table() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "ci" / "readme.py"), "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_published_table_fits_its_schema_and_is_not_empty() -> None:
    table = json.loads((ROOT / "reports" / "support.json").read_text(encoding="utf-8"))
    jsonschema.validate(table, schema("support"))
    assert len(table["rows"]) >= 13
    assert all(row["support_class"] for row in table["rows"])


def test_every_committed_line_is_a_record_and_says_where_it_was_measured() -> None:
    found = read(FILES)
    assert not found.problems
    validator = jsonschema.Draft202012Validator(schema("evidence"))
    for run in found.runs.values():
        assert run.host["processor"] and run.versions
    for record in found.records.values():
        assert record.run in found.runs
        assert not record.outcome.is_evidence or record.versions, record.trial
    some = list(found.records.values())[:: max(1, len(found.records) // 200)]
    for record in some:
        assert not list(validator.iter_errors(json.loads(to_line(record))))


def test_no_committed_record_is_of_a_trial_that_is_declared_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    table = json.loads((ROOT / "reports" / "support.json").read_text(encoding="utf-8"))
    assert table["provenance"]["left_out"] == 0
