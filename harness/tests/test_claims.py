"""Claims brought in line with evidence: what they come to say, and what becomes of the file."""

from __future__ import annotations

import datetime
import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from small_world import MATRIX, World, row

from gradtier import evidence as ev
from gradtier.assess import assess
from gradtier.boxes import Task, covering, covers, kept
from gradtier.claimdraft import drafts, said
from gradtier.claimfix import revised, revisions
from gradtier.claimtext import flow_list, rewritten, word, wrapped
from gradtier.cli import main
from gradtier.errors import InputError
from gradtier.evidence import Evidence, Record
from gradtier.matrix import Claim, Claims, Match, Matrix
from gradtier.mending import mend
from gradtier.model import Cell, Nesting, Outcome, Reason, TrialId
from gradtier.plan import Plan, Planned

TODAY = datetime.date(2026, 1, 1)
LATER = datetime.date(2027, 1, 1)
BACKENDS, NESTINGS = ("a-reverse", "a-forward", "b-reverse"), tuple(Nesting)
CASES = (("nn", "dense"), ("nn", "norm"), ("lin", "norm"), ("lin", "solve"))
DTYPES = ("float64", "float32")
TRIALS = [
    TrialId(suite, case, Cell(backend, "cpu", nesting, dtype))
    for backend, nesting, dtype, (suite, case) in itertools.product(
        BACKENDS, NESTINGS, DTYPES, CASES
    )
    if not (suite == "lin" and dtype == "float32" and case == "norm")  # plans have holes
]


def plan_of(claims: list[Claim]) -> Plan:
    matrix = Matrix.model_validate(
        {
            **MATRIX,
            "axes": {**MATRIX["axes"], "dtypes": list(DTYPES)},
            "suites": {"nn": {"path": "nn.py"}, "lin": {"path": "lin.py"}},
            "backends": {name: row() for name in BACKENDS},
            "reference": [],
        }
    )
    return Plan(
        matrix.model_copy(update={"claims": tuple(claims)}),
        {},
        tuple(Planned(t, "d") for t in TRIALS),
        (),
    )


def record(trial: TrialId, outcome: Outcome, reason: Reason | None = None, detail: str = "") -> Any:
    return Record(
        run="r", trial=str(trial), digest="d", outcome=outcome, reason=reason, detail=detail
    )


def evidence_of(found: dict[TrialId, tuple[Outcome, Reason | None]]) -> Evidence:
    records = [record(t, o, r, f"{o} of {t.case} at 0x7f") for t, (o, r) in found.items()]
    return Evidence({}, {r.key: r for r in records})


ENDINGS = [
    (Outcome.AGREE, None), (Outcome.WRONG, Reason.VALUE), (Outcome.WRONG, Reason.NONFINITE),
    (Outcome.RAISED, None), (Outcome.UNSUPPORTED, None), (Outcome.UNAVAILABLE, None),
]  # fmt: skip


def globs(*words: str) -> st.SearchStrategy[Any]:
    many = st.lists(st.sampled_from(words), min_size=1, max_size=3, unique=True).map(tuple)
    return st.sampled_from(("*", *words)) | many


MATCHES = st.builds(
    Match,
    suite=globs("nn", "lin", "[!n]*"),
    case=globs("dense", "norm", "solve", "*o*"),
    backend=globs(*BACKENDS, "a-*", "*-reverse"),
    nesting=globs("none", "forward", "reverse", "*o*"),
    dtype=globs(*DTYPES),
)


@st.composite
def claims(draw: st.DrawFn) -> list[Claim]:
    made = []
    for number in range(draw(st.integers(0, 5))):
        outcome, reason = draw(st.sampled_from([e for e in ENDINGS[1:5]]))
        made.append(
            Claim(
                match=draw(MATCHES),
                outcome=outcome.value,
                reason=draw(st.sampled_from([None, reason])),
                because=f"because {number}",
                until=draw(st.sampled_from([None, LATER, LATER, datetime.date(2020, 1, 1)])),
                sometimes=draw(st.booleans()),
            )
        )
    return [c for c in made if any(c.match.covers(t) for t in TRIALS)]


FOUND = st.dictionaries(st.sampled_from(TRIALS), st.sampled_from(ENDINGS), max_size=len(TRIALS))


@settings(deadline=None, max_examples=150)
@given(claims(), FOUND)
def test_after_the_edit_nothing_drifts_and_no_unmeasured_trial_lost_its_claim(
    given_claims: list[Claim], found: dict[TrialId, tuple[Outcome, Reason | None]]
) -> None:
    plan, evidence = plan_of(given_claims), evidence_of(found)
    new = revised(plan.matrix, revisions(plan, evidence, TODAY))
    after = plan_of(list(new))
    assert not [d for a in assess(after, evidence, TODAY) for d in a.drift]
    assert not revisions(after, evidence, TODAY), "a second edit would change something"
    assert all(any(c.match.covers(t) for t in TRIALS) for c in new), "would not lint"
    for trial in TRIALS:
        was = plan.matrix.claim_on(trial, TODAY)
        now = after.matrix.claim_on(trial, TODAY)
        outcome, reason = found.get(trial, (Outcome.MISSING, None))
        if not outcome.is_evidence or (was is not None and was.expects(outcome, reason)):
            assert (was and was.because) == (now and now.because)


@settings(deadline=None, max_examples=100)
@given(claims(), FOUND)
def test_drafts_declare_every_failure_as_it_is_and_nothing_that_was_not_measured(
    given_claims: list[Claim], found: dict[TrialId, tuple[Outcome, Reason | None]]
) -> None:
    plan, evidence = plan_of(given_claims), evidence_of(found)
    left = revised(plan.matrix, revisions(plan, evidence, TODAY))
    new = drafts(plan, left, evidence, TODAY, LATER)
    after = plan_of([*left, *new])
    assert not [d for a in assess(after, evidence, TODAY) for d in a.drift]
    for trial in TRIALS:
        outcome, reason = found.get(trial, (Outcome.MISSING, None))
        now = after.matrix.claim_on(trial, TODAY)
        if outcome.is_failure:
            assert now is not None and now.expects(outcome, reason)
        elif now is not None:
            assert now in left, "a draft speaks for a trial that did not fail"
    for draft in new:
        assert draft.match.case != "*" and draft.match.backend != "*"


@settings(deadline=None, max_examples=100)
@given(MATCHES, st.sets(st.sampled_from(TRIALS)), st.sets(st.sampled_from(TRIALS)))
def test_patterns_cover_what_they_must_and_nothing_else(
    match: Match, some: set[TrialId], others: set[TrialId]
) -> None:
    def points(trials: set[TrialId]) -> frozenset[Any]:
        return frozenset(
            ((t.suite, t.case), t.cell.backend, str(t.cell.nesting), t.cell.device, t.cell.dtype)
            for t in trials
            if match.covers(t)
        )

    wanted, within = points(some), points(set(TRIALS))
    task = Task(wanted, points(others), within, match)
    found = covering(task)
    reached = {p for p in points(set(TRIALS)) if any(covers(m, p) for m in found)}
    assert wanted <= reached and not reached & task.forbidden
    for m in found:
        assert all(match.covers(t) for t in TRIALS if m.covers(t)), "wider than it was"


def test_globs_that_still_hold_are_kept_as_globs() -> None:
    known = {"torch-a", "torch-b", "jax-a", "jax-b"}
    assert kept(("torch-*", "jax-*"), {"torch-a", "torch-b", "jax-a"}, known) == (
        "torch-*", "jax-a",
    )  # fmt: skip
    assert kept("torch-*", {"torch-b"}, known) == "torch-b"
    assert kept("*", known, known) == "*"


# ---------------------------------------------------------------------------- the file

FILE = """\
# yaml-language-server: $schema=claims-1.json
schema: gradtier/claims/1   # kept

claims:
  # about the first
  - match: {backend: a-reverse, case: [norm, solve], nesting: [none, forward]}   # trailing
    outcome: wrong
    because: |
      two lines
      of text
    until: 2027-05-31
    note: first

  # about the second
  - match:
      backend: a-forward
      case:
        - dense   # one
        - norm    # two
        - solve
      nesting: none
    outcome: raised
    because: "odd: # no comment"

  - outcome: crash
    because: key order is ours
    match:
      {backend: b-reverse,   # which
       case: solve}
  # the end

notes:
  # of notes
  first: text
  second: more
"""


def lines_lost(old: str, new: str) -> list[str]:
    left = new.splitlines()
    return [line for line in old.splitlines() if line not in left]


def test_a_removed_claim_takes_its_own_lines_alone() -> None:
    new = rewritten(FILE, "c.yaml", {0: ()}, notes=["first"])
    assert yaml.safe_load(new)["claims"][0]["outcome"] == "raised"
    assert all("#" not in line or "trailing" in line for line in lines_lost(FILE, new))
    assert "# about the first" in new and "\n\n\n" not in new
    assert yaml.safe_load(new)["notes"] == {"second": "more"}


def test_a_list_in_lines_loses_the_lines_that_no_longer_hold() -> None:
    match = Match(backend="a-forward", case=("dense", "solve"), nesting="none")
    new = rewritten(FILE, "c.yaml", {1: (match,)})
    assert lines_lost(FILE, new) == ["        - norm    # two"]
    assert len(new.splitlines()) == len(FILE.splitlines()) - 1


def test_a_claim_that_is_split_is_repeated_with_all_that_it_says() -> None:
    matches = (
        Match(backend="a-reverse", case="norm", nesting=("none", "forward")),
        Match(suite="lin", backend="a-reverse", case="solve", nesting="none"),
    )
    found = yaml.safe_load(rewritten(FILE, "c.yaml", {0: matches}))["claims"]
    assert [c["because"] for c in found[:2]] == ["two lines\nof text\n"] * 2
    assert found[1]["match"] == {
        "backend": "a-reverse", "case": "solve", "nesting": "none", "suite": "lin",
    }  # fmt: skip
    assert len(found) == 4


def test_a_comment_inside_a_pattern_is_kept() -> None:
    new = rewritten(FILE, "c.yaml", {2: (Match(backend="b-reverse", case="solve", dtype="x"),)})
    assert "# which" in new and "# the end" in new
    assert yaml.safe_load(new)["claims"][2]["match"]["dtype"] == "x"


def test_a_long_pattern_is_folded_at_a_hundred_columns() -> None:
    names = tuple(f"case_number_{n}" for n in range(40))
    match = Match(backend="a-reverse", case=names, nesting=("none", "forward"))
    new = rewritten(FILE, "c.yaml", {0: (match,)})
    assert max(map(len, new.splitlines())) <= 100
    assert tuple(yaml.safe_load(new)["claims"][0]["match"]["case"]) == names


def test_the_last_claim_leaves_an_empty_list_and_drafts_can_begin_one() -> None:
    draft = Claim(match=Match(case="norm"), outcome="wrong", because="x", until=LATER)
    empty = rewritten(FILE, "c.yaml", {0: (), 1: (), 2: ()}, notes=["first", "second"])
    assert yaml.safe_load(empty) == {"schema": "gradtier/claims/1", "claims": [], "notes": {}}
    for text in (empty, "schema: gradtier/claims/1", "a: 1\nclaims: []   # none\nb: 2\n"):
        new = rewritten(text, "c.yaml", {}, [draft, draft])
        assert len(yaml.safe_load(new)["claims"]) == 2
        assert not [line for line in lines_lost(text, new) if "claims:" not in line]
    both = rewritten(FILE.partition("notes:")[0].rstrip(), "c.yaml", {2: ()}, [draft])
    assert [c["outcome"] for c in yaml.safe_load(both)["claims"]] == ["wrong", "raised", "wrong"]


def test_line_ends_of_another_system_stay() -> None:
    text = FILE.replace("\n", "\r\n")
    new = rewritten(text, "c.yaml", {0: ()})
    assert new.count("\r\n") == new.count("\n") > 10


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("claims:\n- match: &m {case: a}\n  outcome: wrong\n", "anchor"),
        ("claims: [{match: {case: a}, outcome: wrong}]\n", "brackets"),
        ("{claims: [{match: {case: a}}]}\n", "braces"),
    ],
)
def test_what_cannot_be_edited_by_lines_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(InputError, match=rf"c\.yaml:\d+.*{words}.*by hand"):
        rewritten(text, "c.yaml", {0: ()})


def test_claims_without_indent_or_with_their_dash_alone_are_edited_too() -> None:
    text = (
        "claims:\n-\n  match: {case: a}\n  outcome: wrong\n- match: {case: [b, c]}\n  x: y\nz: 1\n"
    )
    new = rewritten(text, "c.yaml", {0: (), 1: (Match(case="c"),)})
    assert yaml.safe_load(new) == {"claims": [{"match": {"case": "c"}, "x": "y"}], "z": 1}
    inline = "claims:\n- {match: {case: [b, c]}, outcome: wrong}\n"
    new = rewritten(inline, "c.yaml", {0: (Match(case="b"), Match(case="c", nesting="none"))})
    assert [c["match"] for c in yaml.safe_load(new)["claims"]] == [
        {"case": "b"}, {"case": "c", "nesting": "none"},
    ]  # fmt: skip


@given(st.text(min_size=1))
def test_any_word_reads_back(text: str) -> None:
    try:
        yaml.safe_load(json.dumps(text))
    except yaml.YAMLError:
        return  # no YAML can hold it
    if not any(0xD800 <= ord(c) <= 0xDFFF for c in text) and max(text) <= "\uffff":
        assert yaml.safe_load(word(text)) == text
        assert yaml.safe_load(f"k: {flow_list(('a', text))}")["k"] == ["a", text]


@given(st.lists(st.sampled_from(["a", "no", "1e5", "x" * 60, "*", "2026-01-01"]), min_size=2))
def test_folded_lists_read_back_within_their_width(words: list[str]) -> None:
    text = f"      case:{wrapped(tuple(words), 6, 5)}\n"
    assert yaml.safe_load(text)["case"] == words
    assert max(map(len, text.splitlines())) <= 100


STYLES = ["flow", "block", "long"]


def styled(claim: Claim, style: str) -> str:
    data = claim.model_dump(mode="json", exclude_defaults=True)
    if style == "flow":
        return f"  - {json.dumps(data)}\n"
    flow = None if style == "long" else False
    text = yaml.safe_dump([data], sort_keys=False, default_flow_style=flow)
    return "".join(f"  {line}\n" for line in text.splitlines())


@settings(deadline=None, max_examples=100)
@given(st.data(), claims(), FOUND)
def test_what_the_file_says_afterwards_is_what_was_meant(
    data: st.DataObject,
    given_claims: list[Claim],
    found: dict[TrialId, tuple[Outcome, Reason | None]],
) -> None:
    styles = [data.draw(st.sampled_from(STYLES)) for _ in given_claims]
    body = "".join(
        f"  # comment {i}\n{styled(c, s)}"
        for i, (c, s) in enumerate(zip(given_claims, styles, strict=True))
    )
    text = f"schema: gradtier/claims/1\nclaims:{'' if given_claims else ' []'}\n{body}# end\n"
    plan, evidence = plan_of(given_claims), evidence_of(found)
    changes = revisions(plan, evidence, TODAY)
    left = revised(plan.matrix, changes)
    new = drafts(plan, left, evidence, TODAY, LATER)
    after = rewritten(text, "c.yaml", {r.number: r.matches for r in changes}, new)
    read = Claims.model_validate(yaml.safe_load(after)).claims
    assert [c.model_dump() for c in read] == [c.model_dump() for c in (*left, *new)]
    for i in range(len(given_claims)):
        assert f"# comment {i}\n" in after


# ---------------------------------------------------------------------------- the command


def measured(world: World, file: str = "e.jsonl", **ended: Outcome) -> Path:
    """Evidence of the world's trials: by the name of the row, else agreeing."""
    from gradtier.host import NOWHERE
    from gradtier.running import open_matrix

    plan = open_matrix(world.file, NOWHERE).plan
    path = world.folder / file
    for planned in plan.trials:
        outcome = ended.get(planned.id.cell.backend.replace("-", "_"), Outcome.AGREE)
        detail = f"{outcome}: by {planned.id.case}"
        reason = Reason.VALUE if outcome is Outcome.WRONG else None
        line = Record(
            run="r", trial=str(planned.id), digest=planned.digest, outcome=outcome, detail=detail,
            reason=reason,
        )  # fmt: skip
        ev.append(path, line)
    return path


def claimed(world: World) -> None:
    world.matrix["claims"] = [
        {"match": {"backend": "exact-*"}, "outcome": "raised", "because": "old", "note": "gone"}
    ]
    world.matrix["notes"] = {"gone": "a note", "other": "used"}
    world.matrix["backends"]["exact-forward"]["notes"] = ["other"]


def lint(world: World, *words: str) -> Any:
    return CliRunner().invoke(
        main, ["lint", "--matrix", str(world.file), "--fix-claims", *words], catch_exceptions=False
    )


def test_assess_says_the_edit_and_the_command_that_makes_it(world: World) -> None:
    claimed(world)
    file = measured(world, exact_reverse=Outcome.RAISED)
    words = ["assess", "--matrix", str(world.file), "--evidence", str(file)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1
    assert "narrow it to {backend: exact-reverse}: 6 of 12 trials agree" in done.output
    assert f"gradtier lint --fix-claims --evidence {file}" in done.output
    data = json.loads(CliRunner().invoke(main, [*words, "--format", "json"]).stdout)
    assert data[1]["drift"][0]["edit"].startswith("narrow it to")


def test_the_edit_is_shown_then_written_and_the_matrix_is_fine_after_it(world: World) -> None:
    claimed(world)
    file = measured(world)
    before = world.file.read_text()
    shown = lint(world, "--evidence", str(file), "--dry-run")
    assert shown.exit_code == 1 and "+claims: []" in shown.output
    assert "-  gone: a note" in shown.output and world.file.read_text() == before
    done = CliRunner().invoke(
        main, ["lint", "--matrix", str(world.folder / "matrix.yaml"), "--fix-claims",
               "--evidence", str(file)],
    )  # fmt: skip
    assert done.exit_code == 0 and "remove it: 12 of 12 trials agree" in done.output
    text = (world.folder / "matrix.yaml").read_text()
    assert yaml.safe_load(text)["notes"] == {"other": "used"}
    assert len(list(world.folder.glob(".matrix*"))) == 0
    matrix = ["--matrix", str(world.folder / "matrix.yaml")]
    assert CliRunner().invoke(main, ["lint", *matrix]).exit_code == 0
    assert CliRunner().invoke(main, ["assess", *matrix, "--evidence", str(file)]).exit_code == 0
    again = ["lint", *matrix, "--fix-claims", "--evidence", str(file), "--dry-run"]
    assert CliRunner().invoke(main, again).exit_code == 0


def test_claims_in_their_own_file_are_edited_there_and_keep_its_permissions(world: World) -> None:
    claimed(world)
    beside = world.folder / "claims.yaml"
    parts = {"claims": world.matrix.pop("claims"), "notes": {"gone": "a note"}}
    world.matrix["notes"] = {"other": "used"}
    world.matrix["claims_from"] = "claims.yaml"
    beside.write_text(yaml.safe_dump({"schema": "gradtier/claims/1", **parts}))
    beside.chmod(0o640)
    matrix = world.file.read_bytes()
    file = measured(world, exact_reverse=Outcome.WRONG)
    done = lint(world, "--evidence", str(file), "--draft")
    assert done.exit_code == 0, done.output
    assert world.file.read_bytes() == matrix
    found = yaml.safe_load(beside.read_text())
    assert [c["outcome"] for c in found["claims"]] == ["wrong"] and found["notes"] == {}
    assert found["claims"][0]["match"]["case"] == ["dense", "logs"]
    assert os.stat(beside).st_mode & 0o777 == 0o640
    done = CliRunner().invoke(
        main, ["assess", "--matrix", str(world.file), "--evidence", str(file)]
    )
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "expected evidence"),
        (["--evidence", "gone.jsonl"], "can't be read"),
        (["--evidence", "e.jsonl", "--until", "2027-01-01"], "only with --draft"),
        (["--evidence", "e.jsonl", "--draft", "--until", "2001-01-01"], "would have lapsed"),
    ],
)
def test_a_question_that_cannot_be_asked_ends_with_2_and_edits_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    claimed(world)
    monkeypatch.chdir(world.folder)
    measured(world)
    before = world.file.read_text()
    done = CliRunner().invoke(main, ["lint", "--fix-claims", *words])
    assert (done.exit_code, says in done.output) == (2, True), done.output
    assert world.file.read_text() == before
    done = CliRunner().invoke(main, ["lint", "--evidence", "e.jsonl", "--draft"])
    assert done.exit_code == 2 and "--evidence, --draft: only with --fix-claims" in done.output


def test_evidence_of_another_matrix_is_refused(world: World) -> None:
    claimed(world)
    file = measured(world)
    world.suite((world.folder / "small.py").read_text().replace("tanh", "sin"))
    world.matrix["primal"] = "gradtier.backends.complex_step:ComplexStep"
    with pytest.raises(InputError):
        mend(world.file, [file], TODAY)


def test_an_edit_that_would_not_read_back_as_meant_is_not_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed(world)
    file = measured(world)
    monkeypatch.setattr("gradtier.mending.rewritten", lambda text, *_: text)
    with pytest.raises(InputError, match="not read back as meant"):
        mend(world.file, [file], TODAY)


def test_causes_are_told_apart_by_what_was_said_and_not_by_numbers() -> None:
    trial = TRIALS[0]
    one = said("p", record(trial, Outcome.RAISED, None, "shape (3,) is not (4,)  at 0x7f12"))
    two = said("p", record(trial, Outcome.RAISED, None, "shape (5,) is not (6,) at 0x8"))
    assert one == two and one != said("p", record(trial, Outcome.RAISED, None, "other"))
    assert said("p", record(trial, Outcome.CRASH, None, "")).words == "crash"
