"""What differs between two evidence sets: nothing lost, nothing blamed that was not measured."""

from __future__ import annotations

import dataclasses
import datetime
import gzip
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from small_world import World, faulty

sys.path.insert(0, str(Path(__file__).parent / "render"))
import support_world as made_world
from test_html import HOSTILE

from gradtier import evidence as ev
from gradtier.assess import assess
from gradtier.cli import main
from gradtier.comparing import difference
from gradtier.difference import (
    ORDER,
    ClassDirection,
    Difference,
    Direction,
    NoteKind,
    direction,
)
from gradtier.evidence import Evidence, Record, Run
from gradtier.model import NO_EVIDENCE, Outcome, Reason
from gradtier.plan import Plan
from gradtier.render.difference import render_json, render_text
from gradtier.render.difference_markdown import ROOM, quoted, render
from gradtier.running import open_matrix
from gradtier.schemas import schema
from gradtier.standing import Side

TODAY = made_world.TODAY
CLAIMS = [{"match": {"backend": "b", "case": "norm"}, "outcome": "raised", "because": "bug 7"}]
PLAN = made_world.plan(
    made_world.declaration(
        {"a": made_world.backend(), "b": made_world.backend("Beta")}, claims=CLAIMS
    ),
    "nn/dense", "nn/norm", "nn/third",
)  # fmt: skip
IDS = [str(t.id) for t in PLAN.trials]
OTHER_DIGEST = "f" * 16


def record(trial: str, outcome: Outcome, **more: object) -> Record:
    planned = PLAN.by_id.get(trial)
    given: dict[str, object] = {
        "run": "r1", "trial": trial, "digest": planned.digest if planned else "0" * 16,
        "outcome": outcome, "versions": {"alpha": "1.0"},
    }  # fmt: skip
    if outcome is Outcome.WRONG:
        given["reason"] = Reason.VALUE
    return Record.model_validate({**given, **more})


def side(*records: Record, plan: Plan = PLAN, today: datetime.date = TODAY) -> Side:
    found = Evidence({}, {r.key: r for r in records}, (), ("e.jsonl",))
    return Side(plan, found, assess(plan, found, today), today)


def of(outcomes: Mapping[str, Outcome]) -> Side:
    return side(*(record(t, o) for t, o in outcomes.items()))


records = st.builds(
    record,
    st.sampled_from([*IDS, "nn/gone@a/cpu/none/float64", "<b>|x"]),
    st.sampled_from(Outcome),
    detail=st.text(max_size=20),
    versions=st.dictionaries(st.sampled_from(["alpha", "p|q"]), st.text(min_size=1, max_size=4)),
    finished=st.sampled_from(["", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
    verdict=st.none()
    | st.fixed_dictionaries(
        {"margin_fd": st.none() | st.floats(0, 2) | st.just("nan"),
         "convention": st.sampled_from([None, "left"]), "witnesses": st.just(["reference"])}
    ),
).flatmap(
    lambda r: st.sampled_from([r, r.model_copy(update={"digest": OTHER_DIGEST})])
)  # fmt: skip
sets = st.lists(records, max_size=12).map(lambda found: side(*found))


# ------------------------------------------------------------------------- properties


@settings(deadline=None)
@given(sets)
def test_a_set_does_not_differ_from_itself(one: Side) -> None:
    found = difference(one, one)
    assert found.is_empty and not found.regression
    assert found.compared == found.unchanged == found.old.measured
    assert render_text(found).startswith("No difference\n")


MIRRORED = {
    Direction.BETTER: Direction.WORSE, Direction.WORSE: Direction.BETTER,
    Direction.OTHER: Direction.OTHER,
}  # fmt: skip
CLASS_MIRRORED = {
    ClassDirection.BETTER: ClassDirection.WORSE, ClassDirection.WORSE: ClassDirection.BETTER,
    ClassDirection.MORE_KNOWN: ClassDirection.LESS_KNOWN,
    ClassDirection.LESS_KNOWN: ClassDirection.MORE_KNOWN,
    ClassDirection.APPEARED: ClassDirection.VANISHED,
    ClassDirection.VANISHED: ClassDirection.APPEARED, ClassDirection.OTHER: ClassDirection.OTHER,
    ClassDirection.DECLARED: ClassDirection.DECLARED,
}  # fmt: skip


@settings(deadline=None)
@given(sets, sets)
def test_forth_and_back_are_mirror_images(one: Side, two: Side) -> None:
    forth, back = difference(one, two), difference(two, one)
    assert (forth.old, forth.new) == (back.new, back.old)
    assert (forth.compared, forth.unchanged) == (back.compared, back.unchanged)
    assert (forth.appeared, forth.vanished) == (back.vanished, back.appeared)
    assert forth.otherwise == back.otherwise
    assert [(t.trial, t.old, t.new, t.direction) for t in forth.trials] == [
        (t.trial, t.new, t.old, MIRRORED[t.direction]) for t in back.trials
    ]
    assert [(c.backend, c.old, c.new, c.direction) for c in forth.classes] == [
        (c.backend, c.new, c.old, CLASS_MIRRORED[c.direction]) for c in back.classes
    ]
    for a, b in zip(forth.classes, back.classes, strict=True):
        flips = [(f.criterion, f.class_id, f.old, f.new) for f in a.because]
        assert flips == [(f.criterion, f.class_id, f.new, f.old) for f in b.because]
    stopped = {(c.backend, c.says) for c in forth.claims if c.direction == "stopped"}
    assert stopped == {(c.backend, c.says) for c in back.claims if c.direction == "started"}
    assert [(v.package, v.old, v.new) for v in forth.versions] == [
        (v.package, v.new, v.old) for v in back.versions
    ]
    assert [(c.cell, c.old, c.new, c.better, c.worse) for c in forth.cells] == [
        (c.cell, c.new, c.old, c.worse, c.better) for c in back.cells
    ]


@settings(deadline=None)
@given(sets, sets)
def test_every_measured_trial_is_in_exactly_one_place(one: Side, two: Side) -> None:
    found = difference(one, two)
    appeared = {t.trial for t in found.appeared}
    vanished = {t.trial for t in found.vanished}
    otherwise = set(found.otherwise)
    assert not appeared & vanished and not (appeared | vanished) & otherwise
    assert not {t.trial for t in found.trials} & (appeared | vanished | otherwise)
    assert found.old.measured == found.compared + len(vanished) + len(otherwise)
    assert found.new.measured == found.compared + len(appeared) + len(otherwise)
    assert found.unchanged == found.compared - len(found.trials) >= 0
    cells = found.cells
    assert sum(c.appeared for c in cells) == len(appeared)
    assert sum(c.vanished for c in cells) == len(vanished)
    assert sum(c.otherwise for c in cells) == len(otherwise)
    assert sum(c.better + c.worse + c.other for c in cells) == len(found.trials)


FITS = jsonschema.Draft202012Validator(schema("diff"))


@settings(deadline=None)
@given(sets, sets)
def test_what_is_said_fits_its_schema_and_reads_back(one: Side, two: Side) -> None:
    found = difference(one, two)
    text = render_json(found)
    FITS.validate(json.loads(text))
    assert Difference.model_validate_json(text) == found


@given(st.sampled_from(ORDER), st.sampled_from(ORDER))
def test_outcomes_have_one_order(one: Outcome, two: Outcome) -> None:
    assert direction(one, two) is MIRRORED[direction(two, one)]
    assert (direction(one, two) is Direction.OTHER) == (one is two)
    assert set(ORDER) == set(Outcome) - NO_EVIDENCE  # none is forgotten


# ------------------------------------------------------------------------- what is a regression

AGREE_ALL = dict.fromkeys(IDS, Outcome.AGREE)
DENSE_A, NORM_A, NORM_B = IDS[0], IDS[1], "nn/norm@b/cpu/none/float64"


@pytest.mark.parametrize("outcome", [o for o in ORDER if o is not Outcome.AGREE])
def test_whatever_is_worse_than_agreement_is_a_regression(outcome: Outcome) -> None:
    found = difference(of(AGREE_ALL), of(AGREE_ALL | {DENSE_A: outcome}))
    assert found.regression and [t.trial for t in found.regressions] == [DENSE_A]


@pytest.mark.parametrize("outcome", sorted(NO_EVIDENCE))
def test_a_trial_that_is_not_measured_any_more_is_no_regression(outcome: Outcome) -> None:
    found = difference(of(AGREE_ALL), of(AGREE_ALL | {DENSE_A: outcome}))
    assert [t.trial for t in found.vanished] == [DENSE_A] and not found.trials
    assert found.vanished[0].because == outcome
    assert [c.direction for c in found.classes] in ([], [ClassDirection.LESS_KNOWN])
    assert not found.regression


def test_wrong_instead_of_raised_is_worse_and_the_reverse_is_better() -> None:
    raised, wrong = of({DENSE_A: Outcome.RAISED}), of({DENSE_A: Outcome.WRONG})
    assert difference(raised, wrong).regression
    assert not difference(wrong, raised).regression


def test_a_trial_that_got_worse_as_declared_is_no_regression() -> None:
    old = of(AGREE_ALL)
    as_declared = of(AGREE_ALL | {NORM_B: Outcome.RAISED})
    found = difference(old, as_declared)
    assert [t.claimed for t in found.trials] == ["bug 7"] and not found.regressions
    assert [t.trial for t in found.expected] == [NORM_B]
    worse_than_declared = difference(old, of(AGREE_ALL | {NORM_B: Outcome.WRONG}))
    assert [t.trial for t in worse_than_declared.regressions] == [NORM_B]


def test_a_claim_that_lapsed_excuses_nothing() -> None:
    claims = [{**CLAIMS[0], "until": "2026-02-01"}]
    matrix = PLAN.matrix.model_validate({**PLAN.matrix.model_dump(by_alias=True), "claims": claims})
    plan = dataclasses.replace(PLAN, matrix=matrix)
    good = [record(t, Outcome.AGREE) for t in IDS]
    bad = [*good, record(NORM_B, Outcome.RAISED)]

    def judged(day: datetime.date) -> Difference:
        return difference(side(*good, plan=plan, today=day), side(*bad, plan=plan, today=day))

    assert not judged(datetime.date(2026, 2, 1)).regressions
    assert judged(datetime.date(2026, 2, 2)).regressions


def test_a_class_that_got_worse_is_a_regression_even_where_each_trial_was_declared() -> None:
    found = difference(of(AGREE_ALL), of(AGREE_ALL | {NORM_B: Outcome.RAISED}))
    (change,) = found.classes
    assert (change.backend, change.direction) == ("b", ClassDirection.WORSE)
    assert found.lowered and found.regression
    (flip,) = (f for f in change.because if f.class_id == "I")
    assert (flip.criterion, flip.old, flip.new) == ("agreement", "holds", "fails")
    assert "3 of 3" in flip.old_says and "2 of 3" in flip.new_says


def test_a_class_that_only_missing_evidence_lowers_is_said_to_be_less_known() -> None:
    found = difference(of(AGREE_ALL), of({k: v for k, v in AGREE_ALL.items() if k != DENSE_A}))
    (change,) = found.classes
    assert (change.backend, change.direction) == ("a", ClassDirection.LESS_KNOWN)
    assert change.new is not None and change.new.possible == "I"
    assert not found.regression and "less known" in render_text(found)


def test_a_trial_declared_otherwise_is_counted_and_never_called_a_regression() -> None:
    old = side(*(record(t, Outcome.AGREE, digest=OTHER_DIGEST) for t in IDS))
    found = difference(old, of(dict.fromkeys(IDS, Outcome.WRONG)))
    assert found.otherwise == tuple(sorted(IDS)) and not found.trials and not found.compared
    assert not found.regressions


@pytest.mark.parametrize("turn", [1, -1])
def test_of_several_digests_the_one_that_the_matrix_declares_speaks(turn: int) -> None:
    several = (
        record(DENSE_A, Outcome.AGREE, finished="2026-01-01T00:00:00Z"),
        record(DENSE_A, Outcome.WRONG, digest=OTHER_DIGEST, finished="2026-02-01T00:00:00Z"),
        record("nn/x@a/cpu/none/float64", Outcome.AGREE, finished="2026-01-01T00:00:00Z"),
        record(
            "nn/x@a/cpu/none/float64", Outcome.WRONG, digest=OTHER_DIGEST,
            finished="2026-02-01T00:00:00Z",
        ),
    )  # fmt: skip
    found = difference(side(), side(*several[::turn]))
    ends = {t.trial: t.outcome for t in found.appeared}
    assert ends == {DENSE_A: Outcome.AGREE, "nn/x@a/cpu/none/float64": Outcome.WRONG}


def test_another_reason_of_a_wrong_value_is_a_change_but_neither_better_nor_worse() -> None:
    old = side(record(DENSE_A, Outcome.WRONG))
    found = difference(old, side(record(DENSE_A, Outcome.WRONG, reason=Reason.SEVERED)))
    assert [t.direction for t in found.trials] == [Direction.OTHER] and not found.regression


def test_a_claim_that_stopped_or_started_to_hold_is_told_with_its_words() -> None:
    holds, contradicted = of(AGREE_ALL | {NORM_B: Outcome.RAISED}), of(AGREE_ALL)
    (stopped,) = difference(holds, contradicted).claims
    assert (stopped.direction, stopped.backend, stopped.because) == ("stopped", "b", "bug 7")
    assert stopped.trials == (NORM_B,) and stopped.remark == ""
    (started,) = difference(contradicted, holds).claims
    assert (started.direction, started.remark) == ("started", "")
    unmeasured = of({k: v for k, v in AGREE_ALL.items() if k != NORM_B})
    (gone,) = difference(contradicted, unmeasured).claims
    assert (gone.direction, gone.remark) == ("started", "not measured now")


def test_the_numbers_of_a_cell_count_only_what_was_measured() -> None:
    third = "nn/third@a/cpu/none/float64"
    old = of({DENSE_A: Outcome.AGREE, NORM_A: Outcome.UNAVAILABLE, third: Outcome.AGREE})
    found = difference(old, of({DENSE_A: Outcome.WRONG, third: Outcome.ERROR}))
    (cell,) = found.cells
    assert (cell.old, cell.new) == ({Outcome.AGREE: 2}, {Outcome.WRONG: 1})
    assert (cell.worse, cell.vanished, cell.state) == (1, 1, "changed")
    assert "a/cpu/none/float64: 2/2 -> 0/1; trials: 1 worse, 1 vanished" in render_text(found)


def test_versions_are_told_by_package_and_beside_the_trial_that_changed() -> None:
    old = side(record(DENSE_A, Outcome.AGREE, versions={"alpha": "1.0", "gone": "3"}))
    new = side(record(DENSE_A, Outcome.RAISED, versions={"alpha": "2.0", "come": "1"}))
    found = difference(old, new)
    assert {v.package: (v.old, v.new) for v in found.versions} == {
        "alpha": (("1.0",), ("2.0",)), "come": ((), ("1",)), "gone": (("3",), ()),
    }  # fmt: skip
    assert "alpha 1.0 -> 2.0" in render_text(found)


@pytest.mark.parametrize(
    ("before", "after", "noted"),
    [(0.2, 0.9, True), (0.4, 0.6, False), (0.01, 0.4, False), (0.9, 0.1, False), (None, 1, False),
     (0.0, 0.5, True), ("nan", 0.9, False)],
)  # fmt: skip
def test_a_margin_that_grew_past_the_threshold_is_a_note_and_no_regression(
    before: float | None, after: float, noted: bool
) -> None:
    old = side(record(DENSE_A, Outcome.AGREE, verdict={"margin_fd": before}))
    found = difference(
        old, side(record(DENSE_A, Outcome.AGREE, verdict={"margin_fd": 0.01,
                                                         "margin_reference": after}))
    )  # fmt: skip
    assert [n.kind for n in found.notes] == [NoteKind.MARGIN] * noted
    assert not found.regression and not found.trials


def test_another_slope_at_a_kink_and_fewer_witnesses_are_notes() -> None:
    old = {"convention": "left", "witnesses": ["finite-differences", "reference"]}
    new = {"convention": "zero", "witnesses": ["reference"]}
    found = difference(
        side(record(DENSE_A, Outcome.AGREE, verdict=old)),
        side(record(DENSE_A, Outcome.AGREE, verdict=new)),
    )
    assert {(n.kind, n.old, n.new) for n in found.notes} == {
        (NoteKind.CONVENTION, "left", "zero"),
        (NoteKind.WITNESSES, "finite-differences, reference", "reference"),
    }


def test_a_trial_with_several_outcomes_is_noted_as_flaky_in_the_set_where_it_is() -> None:
    known = ev.Gathering()
    for t in IDS:
        known.add(record(t, Outcome.AGREE))
    known.add(record(DENSE_A, Outcome.RAISED, finished="2026-01-02T00:00:00Z"))
    evidence = known.evidence((), ())
    flaky = Side(PLAN, evidence, assess(PLAN, evidence, TODAY), TODAY)
    found = difference(of(AGREE_ALL), flaky)
    assert [(n.kind, n.old, n.new) for n in found.notes] == [
        (NoteKind.FLAKY, "one outcome", "raised, agree")
    ]
    assert difference(flaky, flaky).is_empty


def test_what_only_the_declaration_changed_of_a_class_is_no_regression() -> None:
    data = PLAN.matrix.model_dump(by_alias=True)
    data["backends"]["a"] |= {"at_most": "II", "at_most_because": "we promise no more"}
    capped = dataclasses.replace(PLAN, matrix=PLAN.matrix.model_validate(data))
    good = [record(t, Outcome.AGREE) for t in IDS]
    found = difference(side(*good), side(*good, plan=capped))
    assert [(c.backend, c.direction) for c in found.classes] == [("a", ClassDirection.DECLARED)]
    assert not found.regression
    assert "Tier II (the declaration allows no better one)" in render_text(found)


def test_a_class_that_only_its_age_lowers_is_said_to_be_less_known() -> None:
    data = PLAN.matrix.model_dump(by_alias=True)
    data["policy"]["stale_after"] = 10
    plan = dataclasses.replace(PLAN, matrix=PLAN.matrix.model_validate(data))
    good = [record(t, Outcome.AGREE, finished="2026-02-25T00:00:00Z") for t in IDS]
    later = TODAY + datetime.timedelta(30)
    found = difference(side(*good, plan=plan), side(*good, plan=plan, today=later))
    assert {c.direction for c in found.classes} == {ClassDirection.LESS_KNOWN}
    assert not found.regression and "over 10 days old" in render_text(found)


def test_a_waiver_that_lapsed_is_told_with_who_answers_for_it() -> None:
    data = PLAN.matrix.model_dump(by_alias=True)
    data["waivers"] = [
        {
            "match": {"backend": "a", "case": "dense"},
            "owner": "Kim",
            "link": "https://example.org/1",
            "because": "slow",
            "until": TODAY,
        }
    ]
    plan = dataclasses.replace(PLAN, matrix=PLAN.matrix.model_validate(data))  # fmt: skip
    bad = [record(DENSE_A, Outcome.RAISED)]
    later = TODAY + datetime.timedelta(1)
    (one,) = difference(side(*bad, plan=plan), side(*bad, plan=plan, today=later)).claims
    assert (one.direction, one.because) == ("stopped", "slow") and "Kim" in one.says


def test_a_backend_of_one_matrix_only_appears_or_vanishes_and_is_not_judged() -> None:
    small = made_world.plan(made_world.declaration({"a": made_world.backend()}), "nn/dense")
    bad = [record(str(t.id), Outcome.WRONG, digest=t.digest) for t in PLAN.trials]
    new = side(*bad)
    old = side(plan=small)
    found = difference(old, new)
    ways = {c.backend: c.direction for c in found.classes}
    assert ways["b"] is ClassDirection.APPEARED and not found.regression
    assert {c.backend: c.direction for c in difference(new, old).classes}["b"] is (
        ClassDirection.VANISHED
    )


def test_a_class_that_the_other_policy_does_not_have_is_not_ranked() -> None:
    data = PLAN.matrix.model_dump(by_alias=True)
    data["policy"]["classes"] = [{**data["policy"]["classes"][0], "id": "gold", "title": "Gold"}]
    other = dataclasses.replace(PLAN, matrix=PLAN.matrix.model_validate(data))
    good = [record(t, Outcome.AGREE) for t in IDS]
    found = difference(side(*good), side(*good, plan=other))
    assert {c.direction for c in found.classes} == {ClassDirection.OTHER}
    assert {f.old for c in found.classes for f in c.because} >= {None, "holds"}
    assert not found.regression


# ------------------------------------------------------------------------- texts of strangers


def strange(words: str, many: int = 1) -> Difference:
    trials = [f"{words}/{i}@a/cpu/none/float64" for i in range(many)] + [DENSE_A]
    old = side(
        *(record(t, Outcome.AGREE, versions={words: "1"}) for t in trials),
        record(words, Outcome.AGREE),
    )
    verdict = {"convention": words, "witnesses": [words]}
    new = side(
        *(record(t, Outcome.RAISED, detail=words, versions={words: words}) for t in trials),
        record(NORM_B, Outcome.AGREE, detail=words, verdict=verdict),
    )
    problem = ev.Problem(words)
    return difference(
        dataclasses.replace(old, evidence=dataclasses.replace(old.evidence, files=(words,))),
        dataclasses.replace(new, evidence=dataclasses.replace(new.evidence, problems=(problem,))),
    )


MARKDOWN = [
    *HOSTILE, "</details></summary>", "a | b\n| c | d", "`x` | y", "``` \n# head", "\\| x \\", "\\",
    "@everyone #1", "![x](https://example.org/x.png)", "[x](javascript:alert(1))", "-->", "| --- |",
    "https://evil.example", "www.evil.example", "\u2028| x", "*b* _i_ ~s~", "`", "a\tb",
]  # fmt: skip
_CODE = re.compile(r"`[\w./@+:-]+`")
_CELL = re.compile(r"(?<!\\)(?:\\\\)*\|")


@pytest.mark.parametrize("words", MARKDOWN)
def test_a_strangers_text_does_not_break_out_of_a_table_or_a_fold(words: str) -> None:
    plain_, bad = render(strange("harmless")), render(strange(words))
    assert len(bad.splitlines()) == len(plain_.splitlines())
    for harmless, line in zip(plain_.splitlines(), bad.splitlines(), strict=True):
        assert line.isprintable()
        if harmless.startswith("|"):
            assert line.startswith("| ") and line.endswith(" |")
            assert len(_CELL.findall(line)) == len(_CELL.findall(harmless)), line
        rest = _CODE.sub("", line)  # code spans hold names of safe characters alone
        if not rest.startswith(("<details", "</details>", "<summary>")):
            assert not re.search(r"(?<!\\)[<`*_~\[]", rest), line
            assert not re.search(r"@(?!&#8203;)|#(?!&#8203;|#|\d+;| gradtier)", rest), line
            assert not re.search(r"https?://|www\.", rest), line
    for line in render_text(strange(words)).splitlines():
        assert line.isprintable()


@given(st.text(max_size=60))
def test_words_stay_on_one_line_and_in_one_cell(words: str) -> None:
    said = quoted(words)
    assert len(said.splitlines()) <= 1 and not _CELL.search(said)
    assert not re.search(r"(?<!\\)(?:\\\\)*[<>`]", said)


@pytest.mark.parametrize("words", ["x" * 5000, "|" * 5000, "@" * 400, "ordinary"])
def test_a_comment_is_never_longer_than_github_takes_and_counts_what_it_leaves_out(
    words: str,
) -> None:
    found = strange(words, many=1500)
    text = render(found)
    assert len(text) <= ROOM < 65_536
    shown = text.count("agree | raised")
    assert 0 < shown < 1501
    left = len(found.regressions) - shown
    assert f"\n\n{left:,} more were left out." in text
    assert re.search(r"[\d,]+ lines were left out in all; `--format json` has them\.\n$", text)
    assert text.count("<details") == text.count("</details>") == text.count("<summary>")
    assert "1,500" not in text.split("<details")[0] or text.startswith("### gradtier: Regression")


def test_the_comment_begins_with_what_it_comes_to() -> None:
    bad = render(difference(of(AGREE_ALL), of(AGREE_ALL | {DENSE_A: Outcome.WRONG})))
    assert bad.startswith("### gradtier: Regression: 1 trial got worse, 1 class got worse\n")
    good = render(difference(of(AGREE_ALL), of(AGREE_ALL)))
    assert good.startswith("### gradtier: No difference\n") and "<details" not in good


# ------------------------------------------------------------------------- the command

HEAD = Run(
    run="r1", matrix="m" * 16, gradtier="0", started="2026-01-01T00:00:00Z",
    host={"system": "x"}, versions={}, planned=2,
)  # fmt: skip


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path)
    world.add("other", faulty("exact"))
    _ = world.file
    monkeypatch.chdir(tmp_path)
    return world


def measured(world: World, name: str, *ends: Outcome, head: Run = HEAD) -> Path:
    """A file in which the trials of the row ``other`` end so, in turn; all others agree."""
    file = world.folder / name
    file.parent.mkdir(exist_ok=True)
    ev.append(file, head)
    turn = list(ends)
    for t in open_matrix(world.file).plan.trials:
        outcome = turn.pop(0) if t.id.cell.backend == "other" and turn else Outcome.AGREE
        ev.append(file, Record(run=head.run, trial=str(t.id), digest=t.digest, outcome=outcome))
    return file


def ask(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["diff", *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def test_the_exit_status_says_whether_anything_got_worse(planned: World) -> None:
    measured(planned, "good.jsonl")
    measured(planned, "bad.jsonl", Outcome.RAISED)
    assert ask("good.jsonl", "good.jsonl")[0] == 0
    status, out, _ = ask("good.jsonl", "bad.jsonl")
    assert status == 1 and out.startswith("Regression: 1 trial got worse")
    assert "small/dense@other/cpu/none/float64: agree -> raised" in out
    assert ask("bad.jsonl", "good.jsonl")[0] == 0
    planned.matrix["claims"] = [
        {"match": {"backend": "other"}, "outcome": "raised", "because": "known"}
    ]
    planned.matrix["policy"]["classes"][0]["criteria"] = {"trials": 1}
    _ = planned.file
    status, out, _ = ask("good.jsonl", "bad.jsonl")
    assert status == 0 and "declared: known" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "expected two evidence sets: gradtier diff OLD NEW"),
        (("good.jsonl",), "expected two evidence sets"),
        (("good.jsonl", "gone.jsonl"), "gone.jsonl: can't be read as evidence"),
        (("good.jsonl", "empty.jsonl"), "empty.jsonl: holds no evidence"),
        (("good.jsonl", "folder"), "folder: holds no evidence (*.jsonl, *.jsonl.gz)"),
        (("good.jsonl", "cut.jsonl.gz"), "cut.jsonl.gz: can't be read as evidence"),
        (("good.jsonl", "good.jsonl", "--matrix", "gone.yaml"), "gone.yaml"),
        (("good.jsonl", "good.jsonl", "--old-matrix", "gone.yaml"), "gone.yaml"),
        (("alien.jsonl", "other.jsonl"), "evidence of another matrix"),
    ],
)
def test_what_cannot_be_compared_is_an_exit_of_2_with_the_reason(
    planned: World, words: tuple[str, ...], says: str
) -> None:
    file = measured(planned, "good.jsonl")
    (planned.folder / "folder").mkdir()
    (planned.folder / "empty.jsonl").write_bytes(b"")
    (planned.folder / "cut.jsonl.gz").write_bytes(gzip.compress(file.read_bytes())[:-20])
    alien(file, "alien.jsonl", "0" * 16)
    alien(file, "other.jsonl", "1" * 16)
    status, out, err = ask(*words)
    assert (status, out) == (2, "") and says in err


def alien(file: Path, name: str, digest: str) -> None:
    """A copy of evidence in which every trial is declared otherwise."""
    text = re.sub(r'"digest":"\w+"', f'"digest":"{digest}"', file.read_text())
    (file.parent / name).write_text(text)


def test_sets_of_an_older_declaration_are_compared_by_trial_and_their_classes_are_not(
    planned: World,
) -> None:
    alien(measured(planned, "good.jsonl"), "old.jsonl", "0" * 16)
    alien(measured(planned, "bad.jsonl", Outcome.CRASH), "new.jsonl", "0" * 16)
    status, out, _ = ask("old.jsonl", "new.jsonl", "--format", "json")
    found = json.loads(out)
    assert (status, found["compared"], len(found["trials"])) == (1, 18, 1)
    assert found["classes"] == [] and "of another matrix" in found["old"]["problems"][0]


def test_a_truncated_file_is_compared_as_far_as_it_goes_and_says_so(planned: World) -> None:
    file = measured(planned, "good.jsonl")
    (planned.folder / "part.jsonl").write_bytes(file.read_bytes()[:-30])
    status, out, _ = ask("good.jsonl", "part.jsonl")
    assert status == 0
    assert re.search(r"new, left out: part\.jsonl:\d+: unfinished line \(\d+ bytes\)", out)
    assert "1 vanished" in out


def test_evidence_without_a_single_trial_is_no_evidence_of_a_regression(planned: World) -> None:
    measured(planned, "good.jsonl")
    ev.append(planned.folder / "head.jsonl", HEAD)
    status, out, _ = ask("good.jsonl", "head.jsonl", "--format", "json")
    found = json.loads(out)
    assert (status, found["compared"], len(found["vanished"])) == (0, 0, 18)
    assert {c["direction"] for c in found["classes"]} == {"less known"}


def test_a_set_may_be_files_or_a_folder(planned: World) -> None:
    measured(planned, "good.jsonl")
    later = HEAD.model_copy(update={"run": "r2"})
    file = measured(planned, "runs/2.jsonl", Outcome.WRONG, head=later)
    (planned.folder / "runs" / "3.jsonl.gz").write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()
    measured(planned, "runs/1.jsonl")
    status, folder, _ = ask("good.jsonl", "runs", "--format", "json", "--date", "2026-02-02")
    assert status == 1 and json.loads(folder)["new"]["files"] == ["1.jsonl", "3.jsonl.gz"]
    named = ("--old", "good.jsonl", "--new", "runs/1.jsonl", "--new", "runs/3.jsonl.gz")
    assert ask(*named, "--format", "json", "--date", "2026-02-02")[:2] == (1, folder)
    assert ask("good.jsonl", "runs/1.jsonl", "--new", "runs/3.jsonl.gz", "--format", "json",
               "--date", "2026-02-02")[:2] == (1, folder)  # fmt: skip


def test_each_side_may_be_judged_by_its_own_matrix_and_day(planned: World) -> None:
    measured(planned, "old.jsonl")
    (planned.folder / "old.yaml").write_bytes(planned.file.read_bytes())
    planned.suite((planned.folder / "small.py").read_text().replace("x * xp.log(x)", "xp.log(x)"))
    (planned.folder / "old.py").write_text(made_suite())
    old = (planned.folder / "old.yaml").read_text().replace("path: small.py", "path: old.py")
    (planned.folder / "old.yaml").write_text(old)
    measured(planned, "new.jsonl", Outcome.AGREE, Outcome.WRONG)
    words = ("old.jsonl", "new.jsonl", "--old-matrix", "old.yaml", "--format", "json")
    status, out, _ = ask(*words, "--date", "2026-03-02", "--old-date", "2026-03-01")
    found = json.loads(out)
    assert (found["old"]["date"], found["new"]["date"]) == ("2026-03-01", "2026-03-02")
    assert {t.partition("@")[0] for t in found["otherwise"]} == {"small/logs"}
    assert found["old"]["problems"] == [] == found["new"]["problems"]
    assert status == 1 and found["compared"] == 9


def made_suite() -> str:
    from small_world import SUITE

    return SUITE


def test_markdown_of_the_command_is_that_of_the_renderer(planned: World) -> None:
    measured(planned, "good.jsonl")
    measured(planned, "bad.jsonl", Outcome.CRASH)
    status, out, _ = ask("good.jsonl", "bad.jsonl", "--format", "markdown")
    assert status == 1 and out.startswith("### gradtier: Regression: 1 trial got worse")
    assert "| `small/dense@other/cpu/none/float64` | agree | crashed |" in out
