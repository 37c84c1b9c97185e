"""Exports: what each outcome is called, in valid JUnit and CTRF; only the measured may fail."""

from __future__ import annotations

import datetime
import io
import json
import re
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from click.testing import CliRunner
from small_world import World, faulty

sys.path.insert(0, str(Path(__file__).parent / "render"))
import support_world as made_world

from gradtier import evidence as ev
from gradtier.cli import main
from gradtier.errors import InputError
from gradtier.evidence import Bench, Record, Run
from gradtier.export import ctrf, junit
from gradtier.export.results import Declared, Result, Status, results, survey
from gradtier.model import Mode, Outcome, Reason
from gradtier.plan import Plan

TODAY = datetime.date(2026, 3, 1)
CASES = tuple(f"nn/{outcome}" for outcome in Outcome)
CLAIMS = [
    {"match": {"backend": "b", "case": "agree"}, "outcome": "wrong", "because": "a bug, mended"},
    {"match": {"backend": "b", "case": "wrong"}, "outcome": "wrong", "because": "a known bug"},
    {"match": {"backend": "b", "case": "raised"}, "outcome": "wrong", "because": "a known bug"},
    {"match": {"backend": "b", "case": "crash"}, "outcome": "crash", "because": "over",
     "until": "2026-02-01"},
    {"match": {"backend": "b", "case": "inconclusive"}, "outcome": "inconclusive",
     "because": "rough"},
]  # fmt: skip
WAIVERS = [
    {"match": {"backend": "b", "case": "timeout"}, "owner": "ann", "link": "https://example.org/1",
     "because": "slow host", "until": "2026-12-31"},
]  # fmt: skip


def plan(*cases: str, **given: Any) -> Plan:
    rows = {"a": made_world.backend(), "b": made_world.backend("Beta")}
    return made_world.plan(made_world.declaration(rows, **given), *(cases or CASES))


PLAN = plan(claims=CLAIMS, waivers=WAIVERS)


def head(run: str = "r1", **given: Any) -> Run:
    facts = {"matrix": "m", "gradtier": "1", "started": "2026-02-01T10:00:00Z", "planned": 1,
             "host": {"cores": "2"}, "versions": {"alpha": "1.0"}}  # fmt: skip
    return Run(run=run, **{**facts, **given})


def record(made: Plan, trial: str, outcome: Outcome, **given: Any) -> Record:
    planned = made.by_id[trial]
    facts: dict[str, Any] = {"run": "r1", "detail": "it said so", "seconds": 0.25,
                             "finished": "2026-02-01T10:00:05Z"}  # fmt: skip
    if outcome is Outcome.WRONG:
        facts["reason"] = Reason.VALUE
    return Record(trial=trial, digest=planned.digest, outcome=outcome, **{**facts, **given})


def write(file: Path, lines: Iterable[Any]) -> Path:
    file.touch()
    for line in lines:
        ev.append(file, line)
    return file


def every(made: Plan) -> list[Any]:
    """A run in which each case ends as it is called; ``missing`` leaves no record."""
    ends = {t: Outcome(p.id.case) for t, p in made.by_id.items()}
    return [head(), *(record(made, t, o) for t, o in ends.items() if o is not Outcome.MISSING)]


def read(made: Plan, *files: Path, declared: Declared = "skipped") -> list[Result]:
    return list(results(made, files, survey(made, files), TODAY, declared))


def statuses(found: Iterable[Result], backend: str) -> dict[str, Status]:
    return {r.trial.case: r.status for r in found if r.trial.cell.backend == backend}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write(tmp_path / "r.jsonl", every(PLAN))


PLAINLY = {
    "agree": "passed", "wrong": "failed", "raised": "failed", "timeout": "failed",
    "crash": "failed", "unsupported": "skipped", "inconclusive": "undecided",
    "unavailable": "skipped", "missing": "pending", "error": "error",
}  # fmt: skip


def test_an_outcome_is_called_what_the_table_of_outcomes_says(run: Path) -> None:
    assert set(PLAINLY) == set(Outcome)
    assert statuses(read(PLAN, run), "a") == PLAINLY


def test_only_what_was_measured_passes_or_fails(run: Path) -> None:
    for declared in ("skipped", "failure"):
        for result in read(PLAN, run, declared=declared):  # type: ignore[arg-type]
            if result.status in (Status.PASSED, Status.FAILED):
                assert result.outcome.is_evidence and result.outcome is not Outcome.INCONCLUSIVE


def test_what_is_declared_is_skipped_with_its_reason(run: Path) -> None:
    found = {r.trial.case: r for r in read(PLAN, run) if r.trial.cell.backend == "b"}
    for case, why in (("wrong", "as declared: a known bug"), ("timeout", "waived by ann until")):
        assert found[case].status is Status.SKIPPED and why in found[case].message
    assert found["inconclusive"].status is Status.UNDECIDED  # declared or not, nobody knows


def test_a_claim_that_no_longer_holds_is_a_failure_in_both_directions(run: Path) -> None:
    found = {r.trial.case: r for r in read(PLAN, run) if r.trial.cell.backend == "b"}
    assert found["agree"].status is Status.FAILED
    assert found["agree"].message == "agrees; declared wrong: the claim no longer holds"
    assert found["raised"].status is Status.FAILED
    assert "declared wrong: the claim no longer holds" in found["raised"].message


def test_a_claim_that_lapsed_excuses_nothing(run: Path) -> None:
    (found,) = (r for r in read(PLAN, run) if str(r.trial).startswith("nn/crash@b"))
    assert (found.status, found.message) == (Status.FAILED, "crashed: it said so")


def test_with_failure_for_what_is_declared_claims_change_nothing(run: Path) -> None:
    found = read(PLAN, run, declared="failure")
    assert statuses(found, "b") == statuses(found, "a") == PLAINLY


def test_a_claim_on_what_happens_only_sometimes_is_kept_by_an_agreement(tmp_path: Path) -> None:
    claims = [{"match": {"case": "dense"}, "outcome": "crash", "because": "x", "sometimes": True}]
    made = plan("nn/dense", claims=claims)
    lines = [head(), *(record(made, t, Outcome.AGREE) for t in made.by_id)]
    assert {r.status for r in read(made, write(tmp_path / "r.jsonl", lines))} == {Status.PASSED}


# ----------------------------------------------------------------------------- several records


def outcome_of(tmp_path: Path, *lines: Any) -> list[Result]:
    made = plan("nn/dense", "nn/norm")
    return read(made, write(tmp_path / "r.jsonl", [head(selection={"backend": ["a"]}), *lines]))


def test_of_several_records_of_a_trial_one_result_is_made_by_the_rule_of_reports(
    tmp_path: Path,
) -> None:
    made, trial = plan("nn/dense", "nn/norm"), "nn/dense@a/cpu/none/float64"
    for ends, counts, flaky in (
        ([Outcome.ERROR, Outcome.AGREE], Outcome.AGREE, False),
        ([Outcome.AGREE, Outcome.UNAVAILABLE], Outcome.AGREE, False),
        ([Outcome.AGREE, Outcome.WRONG, Outcome.AGREE], Outcome.WRONG, True),
        ([Outcome.AGREE, Outcome.AGREE], Outcome.AGREE, False),
    ):
        lines = [record(made, trial, o, detail=str(i)) for i, o in enumerate(ends)]
        folder = tmp_path / "-".join(ends)
        folder.mkdir()
        found = outcome_of(folder, *lines)
        (one,) = (r for r in found if str(r.trial) == trial)
        assert one.outcome is counts and bool(one.conflict) is flaky
        assert ("flaky: wrong, agree" in one.message) is flaky
        whole = ev.read([folder / "r.jsonl"])
        counting = whole.of(made.by_id[trial])
        assert counting is not None and one.record == counting


def test_what_a_run_was_not_asked_for_is_not_said_to_be_missing(tmp_path: Path) -> None:
    made = plan("nn/dense", "nn/norm")
    found = outcome_of(tmp_path, record(made, "nn/dense@a/cpu/none/float64", Outcome.AGREE))
    assert [(str(r.trial)[:9], r.status) for r in found] == [
        ("nn/dense@", Status.PASSED), ("nn/norm@a", Status.PENDING),
    ]  # fmt: skip


def test_records_of_another_declaration_are_counted_and_left_out(tmp_path: Path) -> None:
    made = plan("nn/dense")
    trial = "nn/dense@a/cpu/none/float64"
    old = record(made, trial, Outcome.WRONG).model_copy(update={"digest": "0" * 16})
    file = write(tmp_path / "r.jsonl", [head(), old, record(made, trial, Outcome.AGREE)])
    surveyed = survey(made, (file,))
    assert any("1 records are of trials that were declared" in w for w in surveyed.words([file]))
    assert next(r.outcome for r in read(made, file)) is Outcome.AGREE
    alone = write(tmp_path / "old.jsonl", [head(), old])
    with pytest.raises(InputError, match="evidence of another matrix"):
        survey(made, (alone,))


def test_a_run_that_timed_benchmarks_is_not_asked_for_trials(tmp_path: Path) -> None:
    made = plan("nn/dense")
    bench = Bench(run="r2", benchmark="b/x", backend="a", device="cpu", dtype="float64",
                  mode=Mode.REVERSE, digest="0", outcome=Outcome.RAISED)  # fmt: skip
    timing = write(tmp_path / "bench.jsonl", [head("r2"), bench])
    with pytest.raises(InputError, match="holds benchmarks, and no trial"):
        survey(made, (timing,))
    tried = record(made, "nn/dense@a/cpu/none/float64", Outcome.AGREE)
    trials = write(tmp_path / "r.jsonl", [head(selection={"backend": ["a"]}), tried])
    assert [r.status for r in read(made, trials, timing)] == [Status.PASSED]


def test_a_run_of_which_nothing_is_there_but_its_head_is_pending(tmp_path: Path) -> None:
    found = read(plan("nn/dense"), write(tmp_path / "r.jsonl", [head()]))
    assert [r.status for r in found] == [Status.PENDING] * 2


def test_memory_does_not_grow_with_the_records(tmp_path: Path) -> None:
    made = plan(*(f"nn/case{i}" for i in range(1500)))
    verdict = {"rows": ["x" * 2000], "margin_fd": 2.0}
    lines = [head(), *(record(made, t, Outcome.WRONG, verdict=verdict) for t in made.by_id)]
    file = tmp_path / "r.jsonl"
    file.write_bytes(b"".join(map(ev.to_line, lines)))
    surveyed = survey(made, (file,))
    for writer in (junit.write, ctrf.write):
        with (tmp_path / "out").open("w") as out:
            tracemalloc.start()
            found = results(made, (file,), surveyed, TODAY)
            writer(found, out, "t", surveyed.runs)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert file.stat().st_size > 6_000_000
        assert peak < 3_000_000, (writer.__module__, peak)


# -------------------------------------------------------------------------------------- JUnit

#: Element -> attributes it must have, attributes it may have, children it may have; as the schema
#: junit-10.xsd of Jenkins has them, and pytest's xunit2.
JUNIT: Mapping[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log",
         "url"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": (
        {"name"}, {"time", "classname", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "skipped": (set(), {"type", "message"}, set()),
}  # fmt: skip


def parsed(text: str) -> ET.Element:
    """A report in JUnit XML, checked."""
    root = ET.fromstring(text)
    assert root.tag == "testsuites"
    for element in root.iter():
        required, optional, inside = JUNIT[element.tag]
        assert required <= set(element.attrib) <= required | optional, element.tag
        assert {child.tag for child in element} <= inside
    for suite in root.iter("testsuite"):
        assert re.fullmatch(r"\d+\.\d*", suite.attrib["time"])
        tags = Counter(child.tag for case in suite.iter("testcase") for child in case)
        assert int(suite.attrib["tests"]) == len(list(suite.iter("testcase")))
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.attrib[name]) == tags[tag]
    for name in ("tests", "failures", "errors"):
        assert int(root.attrib[name]) == sum(int(s.attrib[name]) for s in root)
    return root


def as_junit(made: Plan, *files: Path, declared: Declared = "skipped") -> ET.Element:
    out = io.StringIO()
    surveyed = survey(made, files)
    found = results(made, files, surveyed, TODAY, declared)
    junit.write(found, out, made.matrix.title, surveyed.runs)
    return parsed(out.getvalue())


def test_junit_has_a_suite_per_backend_and_a_case_per_trial(run: Path) -> None:
    root = as_junit(PLAN, run)
    assert [s.get("name") for s in root] == ["a", "b"]
    names = {c.get("name") for c in root.iter("testcase")}
    assert names == set(PLAN.by_id) and len(list(root.iter("testcase"))) == len(names)
    found = {
        str(c.get("name")).partition("/")[2].partition("@")[0]: [e.tag for e in c]
        for c in root[0].iter("testcase")
    }
    tags = {"passed": [], "failed": ["failure"], "error": ["error"]}
    assert found == {case: tags.get(status, ["skipped"]) for case, status in PLAINLY.items()}
    assert root[0].get("timestamp") == "2026-02-01T10:00:00Z"
    assert {p.get("name") for p in root[0].iter("property")} >= {"host.cores", "version.alpha"}


def test_a_failure_says_the_numbers_of_both_oracles_and_how_to_repeat_it(tmp_path: Path) -> None:
    made, trial = plan("nn/dense"), "nn/dense@a/cpu/none/float64"
    worst = {"leaf": 0, "index": 3, "got": 1.5, "reference": 1.0, "fd": "nan", "fd_error": 1e-9}
    verdict = {"worst": worst, "margin_reference": 12.5, "margin_fd": None}
    lines = [head(), record(made, trial, Outcome.WRONG, verdict=verdict)]
    root = as_junit(made, write(tmp_path / "r.jsonl", lines))
    (failure,) = root.iter("failure")
    assert (failure.get("type"), failure.get("message")) == (
        "wrong.value",
        "wrong (value): it said so",
    )
    assert str(failure.text).splitlines() == [
        "leaf 0[3]: got 1.5", "reference: 1.0", "finite differences: nan +- 1e-09",
        "difference / tolerance, reference: 12.5",
        "again: gradtier run --backend a --device cpu --nesting none --case nn/dense "
        "--dtype float64",
    ]  # fmt: skip


def test_many_cases_come_out_whole_whatever_waits_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(junit, "_BUFFER", 300)
    made = plan(*(f"nn/case{i}" for i in range(60)))
    lines = [record(made, t, Outcome.RAISED, detail=f"é∂ {t}") for t in made.by_id]
    mixed = sorted(lines, key=lambda r: r.trial)  # the backends take turns
    root = as_junit(made, write(tmp_path / "r.jsonl", [head(), *mixed]))
    assert {c.get("name") for c in root.iter("testcase")} == set(made.by_id)
    for case in root.iter("testcase"):
        assert case[0].get("message") == f"raised: é∂ {case.get('name')}"


STRANGE = [
    "<failure>&amp;]]>",
    "\x00\x0b\x1b[31m\ufffe\ud800 red",
    "\u202e\n\r\t two",
    "\"' --><!--",
]


@pytest.mark.parametrize("text", STRANGE)
def test_texts_of_strangers_stay_text_and_within_xml_and_json(tmp_path: Path, text: str) -> None:
    made = plan("nn/dense", title=f"x{text.encode(errors='ignore').decode()}")
    said = text.encode(errors="ignore").decode()
    for outcome in (Outcome.RAISED, Outcome.UNSUPPORTED, Outcome.ERROR):
        ends = [record(made, t, outcome, detail=said, finished=said) for t in made.by_id]
        lines = [head(started=said, host={said: said}, versions={said: said}), *ends]
        file = tmp_path / f"{outcome}.jsonl"
        write(file, lines)
        for element in as_junit(made, file).iter():
            for value in (*element.attrib.values(), *filter(None, [element.text])):
                assert all(c.isprintable() or c == "\n" for c in value)
        as_ctrf(made, file)


def test_a_detail_is_capped(tmp_path: Path) -> None:
    made = plan("nn/dense")
    lines = [head(), *(record(made, t, Outcome.RAISED, detail="x" * 10**6) for t in made.by_id)]
    root = as_junit(made, write(tmp_path / "r.jsonl", lines))
    assert all(len(str(f.get("message"))) < 700 for f in root.iter("failure"))


# --------------------------------------------------------------------------------------- CTRF

_STATUS = {"enum": ["passed", "failed", "skipped", "pending", "other"]}
_WHOLE = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object", "required": required, "properties": properties,
        "additionalProperties": False,
    }  # fmt: skip


#: As the format's documentation has the parts that are used; nothing else may be there.
CTRF = closed(
    ["reportFormat", "specVersion", "results"],
    reportFormat={"const": "CTRF"},
    specVersion={"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
    generatedBy=_TEXT,
    results=closed(
        ["tool", "summary", "tests"],
        tool=closed(["name"], name={"type": "string", "minLength": 1}, version=_TEXT),
        summary=closed(
            ["tests", "passed", "failed", "skipped", "pending", "other", "start", "stop"],
            **dict.fromkeys(
                ["tests", "passed", "failed", "skipped", "pending", "other", "suites", "start",
                 "stop", "duration"], _WHOLE,
            ),
        ),
        tests={
            "type": "array",
            "items": closed(
                ["name", "status", "duration"],
                id={"type": "string", "format": "uuid"},
                name={"type": "string", "minLength": 1},
                status=_STATUS,
                duration=_WHOLE,
                start={"type": "integer"},
                stop={"type": "integer"},
                suite={"type": "array", "minItems": 1, "items": _TEXT},
                message=_TEXT,
                trace=_TEXT,
                rawStatus=_TEXT,
                device=_TEXT,
                tags={"type": "array", "items": _TEXT},
                extra={"type": "object"},
            ),
        },
        environment=closed([], reportName=_TEXT, extra={"type": "object"}),
    ),
)  # fmt: skip
FITS = jsonschema.Draft202012Validator(
    CTRF, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)


def as_ctrf(made: Plan, *files: Path) -> dict[str, Any]:
    out = io.StringIO()
    surveyed = survey(made, files)
    ctrf.write(results(made, files, surveyed, TODAY), out, made.matrix.title, surveyed.runs)
    report: dict[str, Any] = json.loads(out.getvalue())
    assert not list(FITS.iter_errors(report))
    found: dict[str, Any] = report["results"]
    counts = Counter(t["status"] for t in found["tests"])
    for status in _STATUS["enum"]:
        assert found["summary"][status] == counts[status]
    assert found["summary"]["tests"] == len(found["tests"])
    assert len({t["id"] for t in found["tests"]}) == len(found["tests"])
    return found


def test_ctrf_has_a_test_per_trial_with_the_status_of_its_outcome(run: Path) -> None:
    found = as_ctrf(PLAN, run)
    assert {t["name"] for t in found["tests"]} == set(PLAN.by_id)
    mine = {t["rawStatus"].partition(".")[0]: t["status"] for t in found["tests"]
            if t["suite"][0] == "a"}  # fmt: skip
    other = {"undecided": "other", "error": "other"}
    assert mine == {case: other.get(status, status) for case, status in PLAINLY.items()}
    assert found["summary"]["suites"] == 2


def test_ctrf_times_are_milliseconds_of_what_was_measured(run: Path) -> None:
    found = as_ctrf(PLAN, run)
    (one,) = (t for t in found["tests"] if t["name"].startswith("nn/agree@a"))
    stop = int(datetime.datetime(2026, 2, 1, 10, 0, 5, tzinfo=datetime.UTC).timestamp() * 1000)
    assert (one["duration"], one["start"], one["stop"]) == (250, stop - 250, stop)
    (gone,) = (t for t in found["tests"] if t["name"].startswith("nn/missing@a"))
    assert gone["duration"] == 0 and "start" not in gone
    assert found["summary"]["start"] == stop - 5000 and found["summary"]["duration"] == 5000


def test_the_id_of_a_ctrf_test_is_the_same_in_every_run(run: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.jsonl", [head("r2"), *every(PLAN)[1:]])
    ids = [{t["name"]: t["id"] for t in as_ctrf(PLAN, f)["tests"]} for f in (run, other)]
    assert ids[0] == ids[1]


# ------------------------------------------------------------------------------- command line


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> World:
    pytest.importorskip("autograd")
    world = World(tmp_path_factory.mktemp("export"))
    world.add("bad", faulty("sign"))
    assert world.gradtier("run", "--evidence", "e.jsonl", "--nesting", "none").returncode == 0
    return world


def test_the_command_writes_a_file_or_standard_output(
    measured: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(measured.folder)
    done = CliRunner().invoke(main, ["export", "e.jsonl", "--format", "junit", "--out", "j.xml"])
    assert done.exit_code == 0 and not done.output
    root = parsed((measured.folder / "j.xml").read_text(encoding="utf-8"))
    assert (root.get("tests"), root.get("failures")) == ("6", "2")
    shown = CliRunner().invoke(main, ["export", "--evidence", "e.jsonl", "--format", "junit"])
    assert shown.stdout_bytes == (measured.folder / "j.xml").read_bytes()
    found = json.loads(CliRunner().invoke(main, ["export", "e.jsonl", "--format", "ctrf"]).output)
    assert found["results"]["summary"]["failed"] == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["gone.jsonl", "--format", "junit"], "gone.jsonl: can't be read as evidence"),
        (["--format", "junit"], "there is no run in reports/runs/ yet"),
        (["e.jsonl", "--format", "tap"], "'tap' is not one of 'junit', 'ctrf'"),
        (["e.jsonl", "--format", "ctrf", "--out", "no/such/folder.json"], "can't be written"),
        (["e.jsonl"], "Missing option '--format'"),
    ],
)
def test_what_cannot_be_exported_is_one_clear_message(
    measured: World, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    monkeypatch.chdir(measured.folder)
    done = CliRunner().invoke(main, ["export", *words])
    assert done.exit_code == 2 and says in done.output and "Traceback" not in done.output
