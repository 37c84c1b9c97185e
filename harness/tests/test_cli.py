"""The commands as a user meets them: help, exit statuses, text and JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from small_world import World, faulty

from gradtier.cli import CONTRACTS, main
from gradtier.schemas import schema

COMMANDS = sorted(main.commands)


def with_rows(folder: Path) -> World:
    world = World(folder)
    world.add("good", faulty("exact"))
    world.add("bad", faulty("sign"))
    return world


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What a run over a good and a bad row measured."""
    pytest.importorskip("autograd")
    world = with_rows(tmp_path_factory.mktemp("measured"))
    done = world.gradtier("run", "--evidence", "e.jsonl")
    assert done.returncode == 0, done.stderr
    return (world.folder / "e.jsonl").read_bytes()


@pytest.fixture
def measured(tmp_path: Path, evidence: bytes) -> World:
    """A world with that evidence in e.jsonl."""
    (tmp_path / "e.jsonl").write_bytes(evidence)
    return with_rows(tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    done = CliRunner().invoke(main, [command, "--help"])
    assert done.exit_code == 0
    assert "Example: gradtier " + command in done.output
    assert "--matrix" in done.output or command in ("schema", "merge")


def test_lint_says_yes_with_0_and_no_with_1_and_cannot_with_2(world: World) -> None:
    assert world.gradtier("lint").returncode == 0
    world.matrix["notes"] = {"lonely": "x"}
    done = world.gradtier("lint")
    assert (done.returncode, done.stderr.count("matrix.yaml:")) == (1, 1)
    problems = json.loads(world.gradtier("lint", "--format", "json").stdout)["problems"]
    assert problems[0]["path"] == "notes.lonely" and problems[0]["line"] > 1
    assert world.gradtier("lint", "--matrix", "gone.yaml").returncode == 2
    assert world.gradtier("lint", "--no-such-option").returncode == 2


def test_assess_gives_each_backend_the_class_its_evidence_gives(measured: World) -> None:
    done = measured.gradtier("assess", "--evidence", "e.jsonl", "--format", "json")
    assert done.returncode == 0, done.stderr
    classes = {a["backend"]: a["class"] for a in json.loads(done.stdout)}
    assert classes == {"exact-reverse": "I", "exact-forward": "I", "good": "I", "bad": None}


def test_assess_says_why_a_backend_is_no_better(measured: World) -> None:
    text = measured.gradtier("assess", "--evidence", "e.jsonl").stdout
    assert "good (Faulty: exact): Tier I" in text
    assert "bad (Faulty: sign): no class" in text
    assert "not Tier I: wrong: 6 wrong derivatives; asked for at most 0 (fails)" in text


def test_explain_names_the_criterion_the_trials_and_what_would_raise_it(measured: World) -> None:
    done = measured.gradtier("explain", "bad", "--evidence", "e.jsonl")
    assert done.returncode == 0
    assert "- agreement: 0 of 2 first-order trials agree; asked for at least 100%" in done.stdout
    assert "small/dense@bad/cpu/none/float64" in done.stdout
    raising = done.stdout[done.stdout.index("what would raise it to Tier II") :]
    assert "[ ] agreement" in raising


def test_explain_of_an_unknown_backend_names_the_nearest(measured: World) -> None:
    done = measured.gradtier("explain", "goood", "--evidence", "e.jsonl")
    assert done.returncode == 2 and "did you mean 'good'?" in done.stderr


def test_missing_trials_neither_raise_nor_lower_a_class_in_silence(measured: World) -> None:
    done = measured.gradtier("run", "--evidence", "part.jsonl", "--case", "dense")
    assert done.returncode == 0
    done = measured.gradtier("assess", "--evidence", "part.jsonl", "--format", "json")
    found = {a["backend"]: (a["class"], a["possible"]) for a in json.loads(done.stdout)}
    assert found["good"] == ("II", "I")
    assert found["bad"] == (None, "II")


def test_a_claim_that_no_longer_holds_is_told_and_exits_1(measured: World) -> None:
    measured.matrix["claims"] = [
        {"match": {"backend": "good"}, "outcome": "wrong", "because": "it was so"},
        {"match": {"backend": "bad"}, "outcome": "raised", "because": "it is so"},
    ]
    done = measured.gradtier("assess", "--evidence", "e.jsonl")
    assert done.returncode == 1
    assert "claim 1 no longer holds: declared wrong, but agrees now" in done.stdout
    assert "claim 2 no longer holds: declared raised, but ends otherwise" in done.stdout


def test_a_claim_on_what_happens_only_sometimes_holds_when_it_does_not_happen(
    measured: World,
) -> None:
    measured.matrix["claims"] = [
        {"match": {"backend": "good"}, "outcome": "crash", "because": "x", "sometimes": True},
        {"match": {"backend": "bad"}, "outcome": "raised", "because": "y", "sometimes": True},
    ]
    done = measured.gradtier("assess", "--evidence", "e.jsonl")
    assert "claim 1 no longer holds" not in done.stdout
    assert "claim 2 no longer holds: declared raised, but ends otherwise" in done.stdout
    done = measured.gradtier("run", "--strict", "--backend", "good", "--evidence", "again.jsonl")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_claim_that_lapsed_is_not_compared(measured: World) -> None:
    measured.matrix["claims"] = [
        {"match": {"backend": "good"}, "outcome": "wrong", "because": "x", "until": "2026-01-01"}
    ]
    words = ("assess", "--evidence", "e.jsonl", "--date")
    assert measured.gradtier(*words, "2025-12-31").returncode == 1
    assert measured.gradtier(*words, "2026-01-02").returncode == 0


def test_assessing_before_any_run_says_how_to_measure(world: World) -> None:
    done = world.gradtier("assess")
    assert done.returncode == 2
    assert "there is no run in reports/runs/ yet; measure with 'gradtier run'" in done.stderr


def test_report_writes_the_three_forms_and_prints_the_table(measured: World) -> None:
    done = measured.gradtier("report", "--evidence", "e.jsonl", "--out", "site")
    assert done.returncode == 0, done.stderr
    site = measured.folder / "site"
    table = json.loads((site / "support.json").read_text())
    jsonschema.validate(table, schema("support"))
    assert {"rows", "footnotes", "recommendations", "classes", "provenance"} <= set(table)
    assert len(table["rows"]) == 4
    assert "exact-reverse" in (site / "index.html").read_text() and "Tier I" in done.stdout
    assert (site / "support.md").read_text().count("|") > 20


def test_report_is_a_pure_function_of_matrix_evidence_and_date(measured: World) -> None:
    words = ("report", "--evidence", "e.jsonl", "--quiet", "--date", "2026-05-05", "--out")
    measured.gradtier(*words, "one")
    measured.gradtier(*words, "two")
    for file in (measured.folder / "one").rglob("*"):
        if file.is_file():
            other = measured.folder / "two" / file.relative_to(measured.folder / "one")
            assert file.read_bytes() == other.read_bytes(), file.name


def test_report_into_a_place_that_cannot_be_written_says_so(measured: World) -> None:
    done = measured.gradtier("report", "--evidence", "e.jsonl", "--out", "small.py/site")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "small.py/site" in done.stderr


def test_a_broken_evidence_line_is_reported_and_the_rest_is_used(measured: World) -> None:
    file = measured.folder / "e.jsonl"
    file.write_bytes(file.read_bytes()[:-30])
    done = measured.gradtier("assess", "--evidence", "e.jsonl")
    assert done.returncode == 0
    assert re.search(r"e\.jsonl:25: unfinished line \(\d+ bytes\); left out", done.stderr)
    assert "good (Faulty: exact): Tier I" in done.stdout


def test_strict_makes_an_undeclared_failure_an_exit_of_1(measured: World) -> None:
    words = ("run", "--strict", "--nesting", "none", "--backend")
    assert measured.gradtier(*words, "good").returncode == 0
    assert measured.gradtier(*words, "bad").returncode == 1
    measured.matrix["claims"] = [
        {"match": {"backend": "bad"}, "outcome": "wrong", "reason": "value", "because": "x"}
    ]
    assert measured.gradtier(*words, "bad").returncode == 0
    measured.matrix["claims"][0]["until"] = "2020-01-01"
    assert measured.gradtier(*words, "bad").returncode == 1, "a claim that lapsed excuses nothing"
    del measured.matrix["claims"]
    waiver = {
        "match": {"backend": "bad"}, "owner": "me", "link": "https://example.org/1",
        "because": "being mended", "until": "2999-01-01",
    }  # fmt: skip
    measured.matrix["waivers"] = [waiver]
    assert measured.gradtier(*words, "bad").returncode == 0, "somebody answers for it"
    measured.matrix["waivers"] = [{**waiver, "until": "2020-01-01"}]
    assert measured.gradtier(*words, "bad").returncode == 1, "nobody does any more"


@pytest.mark.parametrize("contract", CONTRACTS)
def test_schema_prints_a_valid_schema(contract: str) -> None:
    done = CliRunner().invoke(main, ["schema", contract])
    jsonschema.Draft202012Validator.check_schema(json.loads(done.output))


def test_verify_proves_a_report_and_catches_an_edit_by_hand(measured: World) -> None:
    measured.gradtier("report", "--evidence", "e.jsonl", "--out", "site", "--date", "2026-02-03")
    words = ("verify", "site", "--evidence", "e.jsonl")
    done = measured.gradtier(*words)
    assert done.returncode == 0, done.stderr
    page = measured.folder / "site" / "support.md"
    page.write_text(page.read_text().replace("wrong", "agrees"))
    done = measured.gradtier(*words)
    assert (done.returncode, "support.md is not what" in done.stderr) == (1, True)
    assert measured.gradtier("verify", "gone", "--evidence", "e.jsonl").returncode == 2


def test_explain_in_json_has_the_criteria_in_numbers_the_causes_and_the_checklist(
    measured: World,
) -> None:
    words = ("explain", "bad", "--evidence", "e.jsonl", "--format", "json")
    told = json.loads(measured.gradtier(*words).stdout)
    assert (told["class"], told["derived"], told["possible"]) == (None, None, None)
    agreement = told["criteria"][0]["findings"][1]
    assert {k: agreement[k] for k in ("name", "value", "threshold", "answer", "more", "lack")} == {
        "name": "agreement", "value": 0.0, "threshold": 1.0, "answer": "fails", "more": 2,
        "lack": "2 more must agree",
    }  # fmt: skip
    assert sum(cause["count"] for cause in told["causes"]) == 6
    assert {cause["outcome"] for cause in told["causes"]} == {"wrong"}
    assert told["next"]["class"] == "II"
    assert [(s["name"], s["more"]) for s in told["next"]["checklist"]] == [("agreement", 1)]
    above = json.loads(measured.gradtier("explain", "good", *words[2:]).stdout)["next"]
    assert above is None


def test_what_is_declared_waived_and_stale_is_said_by_assess_and_explain(measured: World) -> None:
    measured.matrix["policy"]["stale_after"] = 3
    measured.matrix["policy"]["classes"][1]["criteria"] = {"trials": 1}
    good = measured.matrix["backends"]["good"]
    good |= {"at_most": "II", "at_most_because": "an experiment"}
    measured.matrix["waivers"] = [
        {"match": {"backend": "bad"}, "owner": "Ada", "link": "https://example.org/1",
         "because": "being mended", "until": "2999-01-01"}
    ]  # fmt: skip
    words = ("assess", "--evidence", "e.jsonl")
    text = measured.gradtier(*words).stdout
    assert "good (Faulty: exact): Tier II" in text
    assert "  declared: the evidence gives Tier I, at most Tier II is published: an exp" in text
    assert "bad (Faulty: sign): Tier II" in text
    assert "waived by Ada until 2999-01-01: being mended. https://example.org/1" in text
    late = ("--date", "2998-01-01")
    text = measured.gradtier(*words, *late).stdout
    assert "bad (Faulty: sign): no class; Tier II is possible, fresh evidence is missing" in text
    steps = measured.gradtier("explain", "good", *words[1:], *late).stdout
    assert "[ ] declared: now at most Tier II: an experiment" in steps
    assert "[ ] fresh evidence: now 6 of 6 trials that decide were measured more than 3" in steps
    assert "[x] wrong: 0 wrong derivatives; asked for at most 0" in steps


def test_a_run_says_who_measured_by_its_own_word(world: World) -> None:
    words = ("run", "--case", "logs", "--nesting", "none", "--evidence")
    assert world.gradtier(*words, "own.jsonl").returncode == 0
    assert world.gradtier(*words, "ci.jsonl", "--source", "ci", "--no-controls").returncode == 0
    heads = [json.loads((world.folder / f).read_text().splitlines()[0]) for f in
             ("own.jsonl", "ci.jsonl")]  # fmt: skip
    assert [h["source"] for h in heads] == ["self", "ci"]
    assert world.gradtier(*words, "x.jsonl", "--source", "me").returncode == 2
