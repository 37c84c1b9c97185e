"""Classes from plan, evidence and policy: total, monotone, waived and held back with reasons."""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent / "render"))

import support_world as world
from test_tiers import one_criterion

from gradtier.assess import Assessment, assess
from gradtier.evidence import Evidence, Gathering, Record, Run
from gradtier.facts import Ledger, facts
from gradtier.matrix import Claim, Waiver
from gradtier.model import Outcome, Reason
from gradtier.plan import Plan
from gradtier.policy import Policy
from gradtier.render import html, markdown
from gradtier.schemas import schema

TODAY = datetime.date(2026, 3, 1)
DAYS = [0, 20, 40, 400]
AXES = {"devices": ["cpu"], "nesting": ["none", "forward", "reverse"], "dtypes": ["float64"]}
ROWS = {"a": world.backend(), "b": world.backend("Beta")}
CASES = ("nn/c0", "nn/c1", "linalg/c2")
MADE = world.plan(world.declaration(ROWS, axes=AXES), *CASES)
FAILING = [Outcome.WRONG, Outcome.RAISED, Outcome.CRASH, Outcome.UNSUPPORTED, Outcome.INCONCLUSIVE]


def plan(policy: dict[str, Any], rows: dict[str, Any] | None = None, **given_: Any) -> Plan:
    """The plan under another policy, and with other rows, waivers or claims."""
    matrix = MADE.matrix
    backends = {n: b.model_copy(update=rows or {}) for n, b in matrix.backends.items()}
    full = {"version": 1, "devices": ["cpu"], "otherwise": "None.", **policy}
    update = {"policy": Policy.model_validate(full), "backends": backends, **given_}
    return replace(MADE, matrix=matrix.model_copy(update=update))


def classes(*asked: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"id": "I" * i, "title": f"Tier {'I' * i}", "meaning": "x", "criteria": c}
        for i, c in enumerate(asked, 1)
    ]


def finished(days: int) -> str:
    return f"{TODAY - datetime.timedelta(days=days)}T12:00:00Z"


def head(run: str, source: str = "ci", planned: int = 0, days: int = 0) -> Run:
    return Run.model_validate(
        {"run": run, "matrix": "m", "gradtier": "0", "started": finished(days), "host": {},
         "planned": planned, "source": source}
    )  # fmt: skip


def record(trial: Any, outcome: Outcome, run: str = "r", days: int = 0, **more: Any) -> Record:
    return Record(
        run=run, trial=str(trial.id), digest=trial.digest, outcome=outcome,
        reason=Reason.VALUE if outcome is Outcome.WRONG else None, finished=finished(days),
        versions={"alpha": "1"},
        **{"verdict": {"witnesses": ["fd", "reference"]}, **more},
    )  # fmt: skip


def read(*lines: Run | Record) -> Evidence:
    gathering = Gathering()
    for line in lines:
        gathering.add(line)
    return gathering.evidence((), ("e.jsonl",))


def ending(outcome: Callable[[Any], Outcome | None], run: str = "r", **more: Any) -> list[Record]:
    """A record of every trial of backend a."""
    mine = [t for t in MADE.trials if t.id.cell.backend == "a"]
    return [record(t, end, run, **more) for t in mine if (end := outcome(t)) is not None]


def one(made: Plan, found: Evidence, today: datetime.date = TODAY, **more: Any) -> Assessment:
    return assess(made, found, today, **more)[0]


def rank(made: Plan, tier: str | None) -> int:
    return made.matrix.policy.rank(tier)


# --- random plans and records ---------------------------------------------------------------------


dates = st.sampled_from([TODAY - datetime.timedelta(days=d) for d in (-30, 0, 1, 20)])
matches = st.fixed_dictionaries(
    {}, optional={"case": st.sampled_from(["c0", "c1", "c*"]),
                  "nesting": st.sampled_from(["none", "reverse"])}
)  # fmt: skip
waivers = st.builds(
    lambda match, until: Waiver.model_validate(
        {"match": match, "owner": "Ada", "link": "https://example.org/1", "because": "Soon.",
         "until": until}
    ), matches, dates,
)  # fmt: skip
claims = st.builds(
    lambda match, until: Claim.model_validate(
        {"match": match, "outcome": "wrong", "because": "Known.", "until": until}
    ), matches, dates,
)  # fmt: skip


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    asked = draw(st.lists(one_criterion, min_size=1, max_size=4))
    policy = {
        "stale_after": draw(st.sampled_from([None, 10, 30, 300])),
        "classes": classes(*asked),
    }
    held = draw(st.none() | st.sampled_from([c["id"] for c in policy["classes"]]))
    rows = {} if held is None else {"at_most": held, "at_most_because": "Experimental."}
    return plan(
        policy, rows,
        waivers=tuple(draw(st.lists(waivers, max_size=2))),
        claims=tuple(draw(st.lists(claims, max_size=2))),
    )  # fmt: skip


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    lines: list[Run | Record] = []
    for run, source in (("r1", "self"), ("r2", "ci"))[: draw(st.integers(1, 2))]:
        here = [t for t in MADE.trials if draw(st.integers(0, 5))]
        lines.append(head(run, source, len(here), draw(st.sampled_from(DAYS))))
        for t in here:
            outcome = draw(st.sampled_from([*[Outcome.AGREE] * 6, *FAILING, Outcome.ERROR]))
            both = {"verdict": {"witnesses": ["fd", "reference"][: draw(st.integers(1, 2))]}}
            lines.append(record(t, outcome, run, draw(st.sampled_from(DAYS)), **both))
    return read(*lines)


def without(found: Evidence, key: tuple[str, str]) -> Evidence:
    """The evidence without any record of one trial."""
    records = {k: r for k, r in found.records.items() if k != key}
    earlier = {k: r for k, r in found.earlier.items() if k != key}
    return replace(found, records=records, earlier=earlier)


@settings(max_examples=40, deadline=None)
@given(plans(), evidences())
def test_every_backend_gets_one_class_or_none_and_never_a_better_one_than_derived(
    made: Plan, found: Evidence
) -> None:
    ids = {c.id for c in made.matrix.policy.classes}
    done = assess(made, found, TODAY)
    assert [a.backend for a in done] == [*made.matrix.backends]
    for a in done:
        assert a.tier is None or a.tier in ids
        assert rank(made, a.tier) >= rank(made, a.derived)
        most = made.matrix.backends[a.backend].at_most
        assert most is None or rank(made, a.tier) >= rank(made, most)
        assert a.possible is None or rank(made, a.possible) < rank(made, a.tier)
        assert a.derived is None or a.measured


@settings(max_examples=60, deadline=None)
@given(plans(), evidences(), st.data())
def test_a_record_that_turns_to_a_failure_never_raises_a_class(
    made: Plan, found: Evidence, data: st.DataObject
) -> None:
    agreeing = [k for k, r in found.records.items() if r.outcome is Outcome.AGREE]
    if not agreeing:
        return
    key = data.draw(st.sampled_from(agreeing))
    end = {"outcome": data.draw(st.sampled_from(FAILING)), "reason": None}
    worse = found.records[key].model_copy(update=end)
    after = assess(made, replace(found, records={**found.records, key: worse}), TODAY)
    for a, b in zip(assess(made, found, TODAY), after, strict=True):
        assert rank(made, b.tier) >= rank(made, a.tier)
        assert rank(made, b.derived) >= rank(made, a.derived)


@settings(max_examples=60, deadline=None)
@given(plans(), evidences(), st.data())
def test_one_record_fewer_never_raises_a_class(
    made: Plan, found: Evidence, data: st.DataObject
) -> None:
    if not found.records:
        return
    less = without(found, data.draw(st.sampled_from([*found.records])))
    for a, b in zip(assess(made, found, TODAY), assess(made, less, TODAY), strict=True):
        assert rank(made, b.tier) >= rank(made, a.tier)
        assert rank(made, b.derived) >= rank(made, a.derived)


@settings(max_examples=60, deadline=None)
@given(plans(), evidences(), st.sampled_from([1, 11, 31, 400]))
def test_a_day_that_passes_never_raises_a_class(made: Plan, found: Evidence, days: int) -> None:
    later = TODAY + datetime.timedelta(days=days)
    for a, b in zip(assess(made, found, TODAY), assess(made, found, later), strict=True):
        assert rank(made, b.tier) >= rank(made, a.tier)
        assert rank(made, b.derived) >= rank(made, a.derived)


@settings(max_examples=40, deadline=None)
@given(plans(), evidences())
def test_waiving_everything_never_gives_the_first_class_to_what_is_wrong(
    made: Plan, found: Evidence
) -> None:
    over = {"match": {}, "owner": "Ada", "link": "https://example.org/1", "because": "x",
            "until": "2027-01-01"}  # fmt: skip
    asked = [c.model_dump(mode="json") for c in made.matrix.policy.classes]
    asked[0]["criteria"]["wrong"] = 0
    policy = {**made.matrix.policy.model_dump(mode="json"), "classes": asked}
    update = {"waivers": (Waiver.model_validate(over),), "policy": Policy.model_validate(policy)}
    waived = replace(made, matrix=made.matrix.model_copy(update=update))
    for a in assess(waived, found, TODAY):
        if any(j.outcome is Outcome.WRONG for j in a.trials()):
            assert a.derived != "I" and a.tier != "I"


# --- derived, declared, published -----------------------------------------------------------------


FINE = read(head("r"), *ending(lambda _: Outcome.AGREE))
TWO = {"classes": classes({"agreement": 1.0}, {"agreement": 0.5})}


@pytest.mark.parametrize(("most", "tier"), [(None, "I"), ("I", "I"), ("II", "II")])
def test_the_lower_of_derived_and_declared_is_published(most: str | None, tier: str) -> None:
    rows = {"at_most": most, "at_most_because": most and "Beta."}
    a = one(plan(TWO, rows), FINE)
    assert (a.derived, a.tier, a.possible) == ("I", tier, None)


def test_what_is_declared_at_most_never_raises() -> None:
    found = read(head("r"), *ending(lambda t: Outcome.AGREE if t.id.case == "c0" else None))
    a = one(plan(TWO, {"at_most": "I", "at_most_because": "Fine."}), found)
    assert (a.derived, a.tier, a.possible) == (None, None, "I")
    a = one(plan(TWO, {"at_most": "II", "at_most_because": "Beta."}), found)
    assert (a.tier, a.possible) == (None, "II")  # no better class can come of more evidence


def test_a_fourth_class_is_a_few_lines_of_the_policy() -> None:
    policy = {"classes": [
        *classes({"agreement": 1.0}, {"agreement": 0.9}, {"agreement": 0.5}),
        {"id": "IV", "title": "Tier IV", "meaning": "No longer maintained.",
         "promises": "Nothing.", "criteria": {}},
    ]}  # fmt: skip
    made = plan(policy, {"at_most": "IV", "at_most_because": "Archived in 2025."})
    table, done, _ = world.show(made, FINE, TODAY)
    assert [a.tier for a in done] == ["IV", None]  # the other one has no evidence
    mark = table.rows[0].support_class
    assert (mark.title, mark.derived, mark.asides) == ("Tier IV", "I", ("Tier I by the evidence",))
    notes = [table.footnotes[n - 1].text for n in mark.footnotes]
    says = "Tier I by the evidence; at most Tier IV is published: Archived in 2025."
    assert says in notes
    assert [(c.id, c.promises, c.backends) for c in table.classes][-1] == ("IV", "Nothing.", ("a",))


# --- age and source -------------------------------------------------------------------------------


def test_stale_evidence_drops_one_class_with_a_reason_and_an_age() -> None:
    found = read(head("r"), *ending(lambda _: Outcome.AGREE, days=40))
    fresh, stale = (one(plan({**TWO, "stale_after": d}), found) for d in (40, 39))
    assert (fresh.tier, fresh.stale, fresh.age) == ("I", None, 40)
    assert (stale.tier, stale.derived, stale.possible, stale.age) == ("II", "II", "I", 40)
    assert stale.stale is not None and (stale.stale.old, stale.stale.measured) == (9, 9)
    table, _, _ = world.show(plan({**TWO, "stale_after": 39}), found, TODAY)
    mark = table.rows[0].support_class
    assert (mark.id, mark.age, mark.asides) == ("II", 40, ("stale, 40 days old",))
    assert table.footnotes[mark.footnotes[0] - 1].text == (
        "Stale: 9 of 9 trials that decide were measured more than 39 days ago, the oldest 40 days; "
        "one class lower than Tier I, measure it anew."
    )


def test_old_records_that_a_class_does_not_need_make_nothing_stale() -> None:
    lines = ending(lambda _: Outcome.AGREE, days=1)
    lines[0] = lines[0].model_copy(update={"finished": finished(300)})
    made = plan({"classes": classes({"agreement": 0.6}), "stale_after": 90})
    assert one(made, read(head("r"), *lines)).tier == "I"
    none = [r.model_copy(update={"finished": ""}) for r in lines]  # may be as old as can be
    a = one(made, read(head("r"), *none))
    assert (a.tier, a.age) == (None, None) and a.stale is not None and a.stale.days is None


def test_what_is_lost_of_old_and_of_fresh_evidence_makes_nothing_fresher() -> None:
    made = plan({**TWO, "classes": classes({"agreement": 0.6}, {}), "stale_after": 90})
    seen = set()
    for many, old in [(8, n) for n in range(9)] + [(9, n) for n in range(10)]:
        lines = ending(lambda _: Outcome.AGREE)[:many]
        for i in range(old):
            lines[i] = lines[i].model_copy(update={"finished": finished(300)})
        whole = one(made, read(head("r"), *lines)).tier
        seen.add(whole)
        for i in range(many):
            less = one(made, read(head("r"), *lines[:i], *lines[i + 1 :])).tier
            assert rank(made, less) >= rank(made, whole)
    assert seen == {"I", "II"}


def test_evidence_of_a_source_that_is_not_trusted_is_missing_for_that_class_alone() -> None:
    made = plan({"classes": classes({"agreement": 1.0, "sources": ["ci"]}, {"agreement": 1.0})})
    own, ci = (read(head("r", s), *ending(lambda _: Outcome.AGREE)) for s in ("self", "ci"))
    assert (one(made, own).tier, one(made, own).possible) == ("II", "I")
    assert one(made, ci).tier == "I"
    nobody = replace(ci, runs={})  # a run without a head says nothing of who measured
    assert one(made, nobody).tier == "II"


def test_evidence_that_is_not_fresh_is_missing_for_that_class_alone() -> None:
    made = plan({"classes": classes({"agreement": 1.0, "fresh_days": 30}, {"agreement": 1.0})})
    for days, tier in ((30, "I"), (31, "II")):
        found = read(head("r"), *ending(lambda _: Outcome.AGREE, days=days))
        assert one(made, found).tier == tier


def test_a_cost_comes_from_outside_or_from_benchmarks_and_is_not_guessed() -> None:
    made = plan({"classes": classes({"cost": 2})})
    assert (one(made, FINE).tier, one(made, FINE).possible) == (None, "I")
    assert one(made, FINE, relative_costs={"cpu": {"a": 1.5}}).tier == "I"
    slow = one(made, FINE, relative_costs={"cpu": {"a": 2.5, "b": 1.0}})
    assert (slow.tier, slow.possible) == (None, None)


# --- runs -----------------------------------------------------------------------------------------


def clean(n: int, *lines: Run | Record, **given_: Any) -> str | None:
    return one(plan({"classes": classes({"clean_runs": n})}, **given_), read(*lines)).tier


def run(name: str, days: int, outcome: Outcome = Outcome.AGREE, planned: int = 9) -> list[Any]:
    lines = ending(lambda t: outcome if t.id.case == "c0" else Outcome.AGREE, name, days=days)
    return [head(name, planned=planned, days=days), *lines]


def test_runs_in_a_row_count_although_their_records_are_superseded() -> None:
    assert clean(2, *run("r1", 9), *run("r2", 8)) == "I"
    assert clean(2, *run("r2", 8)) is None
    assert clean(2, *run("r1", 9), *run("r2", 8, Outcome.WRONG)) is None
    assert clean(2, *run("r1", 9), *run("r2", 8, Outcome.ERROR)) is None
    assert clean(2, *run("r1", 9), *run("r2", 8, Outcome.RAISED)) == "I"
    assert clean(1, *run("r1", 9, Outcome.ERROR), *run("r2", 8)) == "I"
    assert clean(2, *run("r1", 9), *run("r2", 8), *run("r3", 7, planned=10)) is None  # cut short


def test_a_run_about_other_backends_is_no_run_of_this_one() -> None:
    other = [r.model_copy(update={"trial": r.trial.replace("@a/", "@b/")}) for r in run("x", 1)[1:]]
    cut = head("x", planned=50, days=1)
    assert clean(1, *run("r1", 9), cut, *other) is None  # it might have come to this one
    of_b = cut.model_copy(update={"selection": {"backend": ["b"]}})
    assert clean(1, *run("r1", 9), of_b, *other) == "I"
    assert clean(1, *run("r1", 9), head("x", planned=9, days=1), *other) == "I"


def test_a_declared_wrong_derivative_leaves_a_run_clean() -> None:
    claim = {"match": {"case": "c0"}, "outcome": "wrong", "because": "Known."}
    lines = run("r1", 9, Outcome.WRONG)
    assert clean(1, *lines) is None
    assert clean(1, *lines, claims=(Claim.model_validate(claim),)) == "I"


# --- waivers --------------------------------------------------------------------------------------


def waiver(until: str = "2026-06-01", **match: str) -> Waiver:
    return Waiver.model_validate(
        {"match": match, "owner": "Ada", "link": "https://example.org/1", "until": until,
         "because": "Being mended"}
    )  # fmt: skip


def failing(outcome: Outcome) -> Evidence:
    return read(
        head("r"), *ending(lambda t: outcome if t.id.case == "c0" else Outcome.AGREE)
    )  # fmt: skip


@pytest.mark.parametrize("outcome", [o for o in FAILING if o is not Outcome.WRONG])
def test_a_waived_failure_counts_neither_way_until_the_waiver_lapses(outcome: Outcome) -> None:
    policy = {"classes": classes({"agreement": 1.0, "failing": 0.0}, {"agreement": 0.5})}
    made = plan(policy, waivers=(waiver(case="c0"),))
    assert one(plan(policy), failing(outcome)).tier == "II"
    assert one(made, failing(outcome)).tier == "I"
    assert one(made, failing(outcome), datetime.date(2026, 6, 1)).tier == "I"
    late = one(made, failing(outcome), datetime.date(2026, 6, 2))
    assert late.tier == "II"
    assert [(d.kind, d.number, d.says) for d in late.drift] == [
        ("waiver", 0, "waived by Ada until 2026-06-01, which is over")
    ]
    assert len(late.drift[0].trials) == 3


def test_a_wrong_value_is_waived_for_lower_classes_and_never_into_the_first() -> None:
    asked = {"wrong": 0, "agreement": 0.6}
    made = plan({"classes": classes(asked, asked)}, waivers=(waiver(case="c0"),))
    a = one(made, failing(Outcome.WRONG))
    assert (a.derived, a.tier) == ("II", "II")
    assert one(plan({"classes": classes(asked, asked)}), failing(Outcome.WRONG)).tier is None


def test_a_waiver_that_nothing_needs_is_told_as_loudly() -> None:
    made = plan(TWO, waivers=(waiver(case="c0"), waiver("2026-01-01", case="c1")))
    assert [d.says for d in one(made, FINE).drift] == [
        "waived by Ada, but agrees now",
        "waived by Ada until 2026-01-01, which is over; agrees now",
    ]
    renewed = plan(TWO, waivers=(waiver("2026-01-01", case="c0"), waiver(case="c0")))
    assert one(renewed, failing(Outcome.RAISED)).drift == ()  # another one is in force


def test_a_waived_cell_says_so_with_owner_reason_day_and_link() -> None:
    made = plan(TWO, waivers=(waiver(case="c0"),))
    table, _, _ = world.show(made, failing(Outcome.RAISED), TODAY)
    cell = table.rows[0].cells[0]
    assert cell.asides == ("1 waived",)
    notes = [table.footnotes[n - 1].text for n in cell.footnotes]
    assert notes[-1] == (
        "1 waived by Ada until 2026-06-01: Being mended. https://example.org/1 (nn/c0)"
    )


# --- flaky trials ---------------------------------------------------------------------------------


def twice(first: Outcome, second: Outcome, **more: Any) -> Evidence:
    again = ending(lambda t: second if t.id.case == "c0" else None, "r2")
    again = [r.model_copy(update=more) for r in again]
    return read(
        head("r1"), *ending(lambda t: first if t.id.case == "c0" else Outcome.AGREE, "r1"),
        head("r2"), *again,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second"), [(Outcome.AGREE, Outcome.WRONG), (Outcome.WRONG, Outcome.AGREE)]
)
def test_a_flaky_trial_is_a_finding_and_its_worst_outcome_counts(
    first: Outcome, second: Outcome
) -> None:
    made = plan(TWO)
    a = one(made, twice(first, second))
    assert a.tier == "II"
    assert [(j.trial.id.case, j.conflict) for j in a.flaky] == [
        ("c0", (Outcome.WRONG, Outcome.AGREE))
    ] * 3
    table, _, _ = world.show(made, twice(first, second), TODAY)
    cell = table.rows[0].cells[0]
    assert cell.asides == ("1 flaky",) and cell.outcomes[Outcome.WRONG] == 1
    notes = [table.footnotes[n - 1].text for n in cell.footnotes]
    assert notes[-1] == "1 flaky, the worst outcome counts (nn/c0: wrong, agree)."


def test_another_version_or_the_same_line_twice_is_no_flake() -> None:
    later = twice(Outcome.WRONG, Outcome.AGREE, versions={"alpha": "2"})
    assert one(plan(TWO), later).tier == "I" and not one(plan(TWO), later).flaky
    lines = [head("r"), *ending(lambda _: Outcome.WRONG)]
    assert not read(*lines, *lines).earlier
    error = twice(Outcome.AGREE, Outcome.ERROR)  # says nothing of the backend
    assert one(plan(TWO), error).tier == "I" and not one(plan(TWO), error).flaky


def test_what_owners_write_stays_text_on_the_page_and_in_markdown() -> None:
    evil = "<script>x</script> {{ 7*7 }} [a](javascript:b) |"
    rows = {"at_most": "II", "at_most_because": evil}
    waived = waiver(case="c0").model_copy(update={"owner": evil, "because": evil})
    asked = classes({"agreement": 0.5}, {"agreement": 0.1})
    made = plan({"classes": [{**c, "promises": evil} for c in asked]}, rows, waivers=(waived,))
    table, done, _ = world.show(made, failing(Outcome.RAISED), TODAY)
    assert table.rows[0].support_class.asides == ("Tier I by the evidence",)
    page, text = html.render(table, done, made), markdown.render(table)
    assert "<script>x" not in page and "&lt;script&gt;x&lt;/script&gt; {{ 7*7 }}" in page
    assert "<script>x" not in text and "[a](javascript" not in text
    assert page.count("Tier I by the evidence") == 2 and "1 waived" in page and "1 waived" in text
    jsonschema.validate(json.loads(table.model_dump_json(by_alias=True)), schema("support"))


def test_suites_stand_in_the_order_of_the_plan_however_their_trials_end() -> None:
    made = world.plan(world.declaration({"a": world.backend()}), "s1/f", "s2/f", "s3/f", "s1/g")
    ends = {"s1": Outcome.AGREE, "s2": Outcome.RAISED, "s3": Outcome.AGREE}
    found = world.evidence(made, lambda t: ends[t.suite] if t.case == "f" else None)
    (backend,) = assess(made, found, TODAY)
    ledger = Ledger(made.matrix, "a", backend.cells, found, TODAY, {})
    counted = facts(ledger, None, None).suites
    assert list(counted) == ["s1", "s2", "s3"]
    assert [t.planned for t in counted.values()] == [2, 1, 1]
