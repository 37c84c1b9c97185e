"""When classes changed: only by what was measured by then, and drawn as it is said."""

from __future__ import annotations

import datetime
import gzip
import json
import posixpath
import re
import sys
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from small_world import World, faulty

sys.path.insert(0, str(Path(__file__).parent / "render"))
import support_world as made_world
from test_html import HOSTILE, Page

from gradtier import evidence as ev
from gradtier.assess import assess
from gradtier.cli import main
from gradtier.errors import Problem
from gradtier.evidence import Gathering, Record, Run
from gradtier.history import History, Line, history
from gradtier.model import Outcome
from gradtier.plan import Plan
from gradtier.render import differing, site, write_site
from gradtier.render.history import HEIGHT, WIDTH, render, render_json
from gradtier.running import open_matrix
from gradtier.schemas import schema
from gradtier.standing import class_of
from gradtier.table import tabulate

PLAN = made_world.plan(
    made_world.declaration({"a": made_world.backend(), "b": made_world.backend("Beta")}),
    "nn/dense", "nn/norm", "nn/third",
)  # fmt: skip
DAYS = [datetime.date(2026, 1, day) for day in (1, 5, 9, 20)]
LAST = datetime.date(2026, 2, 1)
FITS = jsonschema.Draft202012Validator(schema("history"))

Ends = Mapping[str, Outcome]


def run(
    day: datetime.date, ends: Ends, version: str = "1.0", plan: Plan = PLAN, time: str = "10:00:00Z"
) -> list[Line]:
    """A run on that day in which every trial of a backend ends as ``ends`` says of the backend."""
    name = f"r{day}"
    head = Run(
        run=name, matrix="m", gradtier="0", started=f"{day}T{time}", host={}, planned=6
    )  # fmt: skip
    records = [
        Record(
            run=name, trial=str(t.id), digest=t.digest, outcome=ends[t.id.cell.backend],
            versions={"alpha": version}, finished=f"{day}T{time}",
        )
        for t in plan.trials if t.id.cell.backend in ends
    ]  # fmt: skip
    return [head, *records]


def told(found: History, backend: str) -> list[tuple[str, str | None]]:
    (one,) = (b for b in found.backends if b.backend == backend)
    return [(t.date.isoformat(), t.new.id) for t in one.transitions]


GOOD, BAD = Outcome.AGREE, Outcome.RAISED
CHANGING = {
    "1.jsonl": run(DAYS[0], {"a": BAD}, "1.0"),
    "2.jsonl": run(DAYS[1], {"a": BAD, "b": GOOD}, "1.1"),
    "3.jsonl": run(DAYS[2], {"a": GOOD}, "2.0"),
    "4.jsonl": run(DAYS[3], {"a": GOOD, "b": BAD}, "3.0"),
}


def test_only_days_on_which_a_class_changed_are_kept() -> None:
    found = history(PLAN, CHANGING, LAST)
    assert told(found, "a") == [("2026-01-01", "III"), ("2026-01-09", "I")]
    assert told(found, "b") == [("2026-01-05", "I"), ("2026-01-20", "III")]
    assert found.days == (*DAYS, LAST)


def test_a_transition_says_the_versions_then_the_numbers_and_what_flipped() -> None:
    found = history(PLAN, CHANGING, LAST)
    first, second = found.backends[0].transitions
    assert (first.old, first.because, first.versions) == (None, (), {"alpha": ("1.0",)})
    assert (first.agree, first.measured) == (0, 3)
    assert second.old is not None and (second.old.id, second.new.id) == ("III", "I")
    assert second.versions == {"alpha": ("2.0",)} and (second.agree, second.measured) == (3, 3)
    assert {(f.class_id, f.criterion, f.old, f.new) for f in second.because} == {
        ("I", "agreement", "fails", "holds"), ("II", "agreement", "fails", "holds"),
    }  # fmt: skip


def test_the_versions_are_those_of_the_latest_run_alone() -> None:
    part = run(DAYS[1], {"a": BAD}, "2.0")[:2]  # a head and one of three trials
    found = history(PLAN, {"1.jsonl": run(DAYS[0], {"a": GOOD}, "1.0"), "2.jsonl": part}, LAST)
    assert [t.versions for t in found.backends[0].transitions] == [
        {"alpha": ("1.0",)}, {"alpha": ("2.0",)},
    ]  # fmt: skip


def test_what_was_measured_after_the_day_of_the_report_does_not_count() -> None:
    found = history(PLAN, CHANGING, DAYS[2])
    assert told(found, "b") == [("2026-01-05", "I")]
    assert found.later == 6 and found.days == tuple(DAYS[:3])


outcomes = st.dictionaries(st.sampled_from("ab"), st.sampled_from(Outcome))
pasts = st.dictionaries(st.sampled_from(DAYS), outcomes, max_size=4)


def files_of(past: Mapping[datetime.date, Ends]) -> dict[str, list[Line]]:
    return {f"{day}.jsonl": run(day, ends) for day, ends in past.items()}


@settings(max_examples=50, deadline=None)
@given(pasts, st.sampled_from(DAYS))
def test_a_later_run_never_changes_what_is_said_of_earlier_days(
    past: Mapping[datetime.date, Ends], day: datetime.date
) -> None:
    early, whole = history(PLAN, files_of(past), day), history(PLAN, files_of(past), LAST)
    for one, two in zip(early.backends, whole.backends, strict=True):
        assert one.transitions == tuple(t for t in two.transitions if t.date <= day)


@settings(max_examples=50, deadline=None)
@given(pasts)
def test_the_last_transition_leads_to_the_class_of_the_report(
    past: Mapping[datetime.date, Ends],
) -> None:
    found = history(PLAN, files_of(past), LAST)
    known = Gathering()
    for day in sorted(past):
        for line in run(day, past[day]):
            assert not isinstance(line, Problem)
            known.add(line)
    for a, b in zip(
        assess(PLAN, known.evidence((), ()), LAST), found.backends, strict=True
    ):  # fmt: skip
        assert a.backend == b.backend
        assert [t.new.id for t in b.transitions][-1:] == ([class_of(a).id] if a.measured else [])
        ids = [t.new.id for t in b.transitions]
        assert all(x != y for x, y in pairwise(ids))


@settings(max_examples=50, deadline=None)
@given(pasts)
def test_history_fits_its_schema_and_reads_back(past: Mapping[datetime.date, Ends]) -> None:
    found = history(PLAN, files_of(past), LAST)
    FITS.validate(json.loads(render_json(found)))
    assert History.model_validate_json(render_json(found)) == found


def test_a_class_that_evidence_gives_and_the_declaration_forbids_is_told_so() -> None:
    row = made_world.backend(at_most="II", at_most_because="we do not promise more")
    plan = made_world.plan(made_world.declaration({"a": row}), "nn/dense", "nn/norm", "nn/third")
    found = history(plan, {"1.jsonl": run(DAYS[0], {"a": GOOD}, plan=plan)}, LAST)
    (first,) = found.backends[0].transitions
    assert (first.new.id, first.new.remark) == ("II", "the declaration allows no better one")
    assert "the declaration allows no better one" in Page(shown(found, plan)[0]).text


def test_evidence_that_ages_is_a_transition_on_the_day_on_which_it_is_judged_stale() -> None:
    data = PLAN.matrix.model_dump(by_alias=True)
    data["policy"]["stale_after"] = 10
    plan = made_world.plan(PLAN.matrix.model_validate(data), "nn/dense", "nn/norm", "nn/third")
    found = history(plan, {"1.jsonl": run(DAYS[0], {"a": GOOD}, plan=plan)}, LAST)
    assert told(found, "a") == [("2026-01-01", "I"), ("2026-02-01", "II")]
    last = found.backends[0].transitions[-1].new
    assert (last.possible, last.remark) == ("I", "3 of 3 trials are over 10 days old")


def test_the_order_of_files_does_not_matter_but_that_of_the_days_does() -> None:
    turned = dict(reversed(CHANGING.items()))
    one, two = history(PLAN, CHANGING, LAST), history(PLAN, turned, LAST)
    assert one.backends == two.backends


def test_runs_without_a_head_or_without_a_time_are_dated_otherwise_or_left_out_and_counted() -> (
    None
):
    headless = run(DAYS[0], {"a": GOOD})[1:]
    timeless = [
        r.model_copy(update={"finished": "yesterday", "run": "other"})
        for r in run(DAYS[1], {"b": GOOD})
        if isinstance(r, Record)
    ]
    found = history(PLAN, {"x.jsonl": headless, "y.jsonl": timeless}, LAST)
    assert told(found, "a") == [("2026-01-01", "I")] and told(found, "b") == []
    assert found.problems == ("y.jsonl: 3 lines without a day; left out",)


@pytest.mark.parametrize(
    ("time", "day"),
    [("23:30:00-02:00", "2026-01-02"), ("00:30:00+02:00", "2025-12-31"), ("10:00", "2026-01-01")],
)  # fmt: skip
def test_days_are_those_of_utc(time: str, day: str) -> None:
    found = history(PLAN, {"x.jsonl": run(DAYS[0], {"a": GOOD}, time=time)}, LAST)
    assert told(found, "a") == [(day, "I")]


def test_records_of_trials_that_are_declared_otherwise_now_make_no_history() -> None:
    stale = [
        line.model_copy(update={"digest": "0" * 16}) if isinstance(line, Record) else line
        for line in CHANGING["1.jsonl"]
        if not isinstance(line, Problem)
    ]
    found = history(PLAN, {"1.jsonl": stale}, LAST)
    assert told(found, "a") == [] and found.left_out == 3


# ------------------------------------------------------------------------- the page


def shown(found: History, plan: Plan = PLAN) -> tuple[str, dict[str, str]]:
    """The page, and every file of a site with it."""
    table, assessments, made = made_world.show(plan, made_world.evidence(plan), LAST)
    files = site(table, assessments, made, history=found)
    return render(table, found), {name: text() for name, text in files}


def test_the_page_says_each_transition_in_words_and_draws_it() -> None:
    text, _ = shown(history(PLAN, CHANGING, LAST))
    page = Page(text)
    assert not page.faults
    for words in (
        "2026-01-01 Tier III 0/3 agree alpha 1.0", "2026-01-09 Tier III → to Tier I 3/3 agree",
        "alpha 2.0", "2026-01-20 Tier I → to Tier III",
        "Tier I, agreement: fails -> holds (0 of 3", "From 2026-01-01 to 2026-02-01",
    ):  # fmt: skip
        assert words in page.text, words
    assert "2026-01-05 Tier I 3/3 agree" in page.text  # the first class of the second backend
    drawn = [{k: float(v) for k, v in r.items() if k != "class"} for r in page.all("rect")]
    assert len(drawn) == 4 == text.count("<li><time")
    for one, two in ((drawn[0], drawn[1]), (drawn[2], drawn[3])):
        assert one["x"] + one["width"] == pytest.approx(two["x"], abs=0.02)
        assert two["x"] + two["width"] == pytest.approx(WIDTH, abs=0.02)
    assert all(r["y"] + r["height"] == HEIGHT for r in drawn)
    assert drawn[0]["height"] < drawn[1]["height"] == HEIGHT  # the better, the higher


def test_a_single_day_and_a_class_of_the_last_day_are_still_seen() -> None:
    for past, last in (({DAYS[0]: {"a": GOOD}}, DAYS[0]), ({DAYS[0]: {"a": GOOD},
                                                            LAST: {"a": BAD}}, LAST)):  # fmt: skip
        text, _ = shown(history(PLAN, files_of(past), last))
        assert all(float(r["width"]) > 5 for r in Page(text).all("rect"))


def test_a_backend_without_evidence_is_said_to_be_not_tested_and_has_no_band() -> None:
    text, _ = shown(history(PLAN, {"1.jsonl": CHANGING["1.jsonl"]}, LAST))
    assert "– not tested 1 backend has no evidence: Beta, reverse." in Page(text).text
    assert len(Page(text).all("svg")) == 1
    empty, _ = shown(history(PLAN, {}, LAST))
    assert "There is no evidence that counts." in Page(empty).text


def test_the_overview_links_to_the_history_exactly_when_there_is_one() -> None:
    found = history(PLAN, CHANGING, LAST)
    _, with_it = shown(found)
    table, assessments, made = made_world.show(PLAN, made_world.evidence(PLAN), LAST)
    without = {name: text() for name, text in site(table, assessments, made)}
    assert set(with_it) - set(without) == {"history.html", "history.json", "feed.atom"}
    hrefs = [a["href"] for a in Page(with_it["index.html"]).all("a")]
    assert "history.html" in hrefs and "history.json" in hrefs
    assert "history" not in without["index.html"]
    own = [n for n in without if n.startswith("backends/")]
    assert [n for n in own if "history.html" in without[n]] == []
    assert [n for n in own if "history.html" in with_it[n]] == own
    others = set(without) - {"index.html", *own}
    assert [n for n in others if without[n] != with_it[n]] == []


def test_the_page_loads_nothing_can_be_read_aloud_and_every_link_resolves() -> None:
    text, files = shown(history(PLAN, CHANGING, LAST))
    page = Page(text)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"style", "iframe", "img", "object", "form", "base"}
    assert [a["src"] for a in page.all("script")] == ["site.js"]
    assert not [a for _, a in page.elements if "style" in a or any(k[:2] == "on" for k in a)]
    assert [a["href"] for a in page.all("link")] == ["data:,", "style.css"]
    (policy,) = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy["content"].startswith("default-src 'none'; style-src 'self'")
    assert len(page.all("table")) == len(page.all("caption")) == len(page.all("div", role="region"))
    assert not [a for a in page.all("th") if "scope" not in a]
    assert all(a["aria-hidden"] == "true" for a in page.all("svg"))  # the list says the same
    ids = {name: {a["id"] for _, a in Page(t).elements if "id" in a}
           for name, t in files.items() if name.endswith(".html")}  # fmt: skip
    for a in page.all("a"):
        path, _, place = a["href"].partition("#")
        target = posixpath.normpath(path) if path else "history.html"
        assert target in files and (not place or place in ids[target]), a["href"]
    assert max(Counter(a["id"] for _, a in page.elements if "id" in a).values()) == 1


@pytest.mark.parametrize("words", HOSTILE)
def test_texts_of_strangers_stay_text(words: str) -> None:
    def shape(text: str) -> list[tuple[str, list[str]]]:
        bad = made_world.backend(text, package=text, execution=text)
        tiers = [{"id": "I", "title": text, "meaning": text, "criteria": {"agreement": 0.9}}]
        policy = {"version": 1, "devices": ["cpu"], "classes": tiers, "otherwise": text}
        plan = made_world.plan(made_world.declaration({"a": bad, "b": bad}, policy=policy))
        first = run(DAYS[0], {"a": BAD}, text, plan)
        strange: list[Line] = [
            r.model_copy(update={"versions": {text: text + r.run}}) if isinstance(r, Record) else r
            for r in (*first, *run(DAYS[1], {"a": GOOD}, text, plan))
        ]  # fmt: skip
        found = history(plan, {text: [*strange, Problem(text)]}, LAST)
        page, _ = shown(found, plan)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", page)
        parsed = Page(page)
        assert not parsed.faults and len(parsed.all("rect")) == 2
        return [(tag, sorted(attrs)) for tag, attrs in parsed.elements]

    assert shape(words) == shape("harmless")


# ------------------------------------------------------------------------- writing and verifying


def test_a_site_with_history_is_the_same_twice_and_stays_inside_its_folder(tmp_path: Path) -> None:
    found = history(PLAN, CHANGING, LAST)
    table, assessments, made = made_world.show(PLAN, made_world.evidence(PLAN), LAST)
    for name in ("one", "two"):
        files = write_site(table, assessments, made, tmp_path / name, history=found)
        assert {"history.html", "history.json"} <= {f.name for f in files}
        assert differing(site(table, assessments, made, history=found), tmp_path / name) == []
    for file in (tmp_path / "one").rglob("*.*"):
        other = tmp_path / "two" / file.relative_to(tmp_path / "one")
        assert file.read_bytes() == other.read_bytes()


@pytest.fixture
def reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a matrix, a past of two runs, and a report of it with history in ``site``."""
    world = World(tmp_path)
    world.add("other", faulty("exact"))
    _ = world.file
    monkeypatch.chdir(tmp_path)
    plan = open_matrix(world.file).plan
    (tmp_path / "past").mkdir()
    names = list(plan.matrix.backends)
    for day, outcome, version in ((DAYS[0], BAD, "1.0"), (DAYS[1], GOOD, "2.0")):
        for line in run(day, dict.fromkeys(names, outcome), version, plan):
            assert not isinstance(line, Problem)
            ev.append(tmp_path / "past" / f"{day}.jsonl", line)
    second = tmp_path / "past" / f"{DAYS[1]}.jsonl"
    (tmp_path / "past" / f"{DAYS[1]}.jsonl.gz").write_bytes(gzip.compress(second.read_bytes()))
    second.rename(tmp_path / "e.jsonl")
    (tmp_path / "past" / "README.md").write_text("not evidence")
    status, out = command(
        "report", "--evidence", "e.jsonl", "--out", "site", "--quiet", "--date", "2026-03-01",
        "--history", "past",
    )  # fmt: skip
    assert status == 0 and "site/history.html" in out.replace("\\", "/")
    return tmp_path


def command(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, words)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


VERIFY = ("verify", "site", "--evidence", "e.jsonl")
WITH = (*VERIFY, "--history", "past")


def test_the_command_writes_the_history_and_verify_rebuilds_it_to_the_byte(reported: Path) -> None:
    found = json.loads((reported / "site" / "history.json").read_text())
    FITS.validate(found)
    assert found["files"] == ["2026-01-01.jsonl", "2026-01-05.jsonl.gz"]
    other = next(b for b in found["backends"] if b["backend"] == "other")
    assert [(t["date"], t["new"]["id"]) for t in other["transitions"]] == [
        ("2026-01-01", None), ("2026-01-05", "I"),
    ]  # fmt: skip
    assert command(*WITH) == (0, "site: as matrix and evidence give it\n")


def test_verify_without_the_history_says_that_there_was_one(reported: Path) -> None:
    status, out = command(*VERIFY)
    assert status == 1
    for words in (
        "index.html is not what matrix and evidence give", "history.html is no part of this report",
        "history.json is no part of this report",
        "it was written with --history, and is compared without",
    ):  # fmt: skip
        assert words in out, words


def test_verify_with_a_history_that_the_report_does_not_have_says_what_is_missing(
    reported: Path,
) -> None:
    command("report", "--evidence", "e.jsonl", "--out", "bare", "--quiet", "--date", "2026-03-01")
    assert command("verify", "bare", "--evidence", "e.jsonl")[0] == 0
    status, out = command("verify", "bare", "--evidence", "e.jsonl", "--history", "past")
    assert status == 1
    assert "history.html is missing" in out and "index.html is not what" in out


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("history.html", "history.html is not what"), ("history.json", "history.json is not what"),
        ("style.css", "style.css is not what"),
        ("cases/small/dense.html", "dense.html is not what"),
    ],
)  # fmt: skip
def test_verify_catches_an_edit_of_any_file(reported: Path, name: str, says: str) -> None:
    file = reported / "site" / name
    file.write_bytes(file.read_bytes() + b" ")
    status, out = command(*WITH)
    assert status == 1 and says in out


def test_verify_catches_a_page_that_is_gone_or_left_over(reported: Path) -> None:
    (reported / "site" / "cases" / "small" / "dense.html").unlink()
    (reported / "site" / "cases" / "small" / "old.html").write_text("a case of long ago")
    (reported / "site" / "mine.txt").write_text("not of the report, and none of its business")
    status, out = command(*WITH)
    assert status == 1 and out.count("\n") == 2
    assert "dense.html is missing" in out and "old.html is no part of this report" in out


def test_verify_of_a_folder_without_the_overview_compares_what_is_there(reported: Path) -> None:
    kept = reported / "kept"
    kept.mkdir()
    (kept / "support.json").write_bytes((reported / "site" / "support.json").read_bytes())
    assert command("verify", "kept", "--evidence", "e.jsonl")[0] == 0


@pytest.mark.parametrize(
    ("folder", "says"),
    [("gone", "expected a folder of evidence files"), ("e.jsonl", "expected a folder"),
     ("empty", "holds no evidence"), ("broken", "cut.jsonl.gz: can't be read as evidence")],
)  # fmt: skip
def test_a_history_that_cannot_be_read_is_an_exit_of_2(
    reported: Path, folder: str, says: str
) -> None:
    (reported / "empty").mkdir()
    (reported / "broken").mkdir()
    packed = next((reported / "past").glob("*.gz")).read_bytes()
    (reported / "broken" / "cut.jsonl.gz").write_bytes(packed[:-10])
    status, out = command(
        "report", "--evidence", "e.jsonl", "--out", "other", "--history", folder, "--quiet"
    )
    assert status == 2 and says in out and not (reported / "other").exists()


def test_a_truncated_file_of_the_past_is_used_as_far_as_it_goes_and_the_page_says_so(
    reported: Path,
) -> None:
    file = reported / "past" / "2026-01-01.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    command("report", "--evidence", "e.jsonl", "--out", "other", "--history", "past", "--quiet")
    page = Page((reported / "other" / "history.html").read_text())
    assert re.search(r"2026-01-01\.jsonl:\d+: unfinished line", page.text)


def test_the_class_of_today_is_that_of_the_table(reported: Path) -> None:
    table = json.loads((reported / "site" / "support.json").read_text())
    found = json.loads((reported / "site" / "history.json").read_text())
    last = {b["backend"]: b["transitions"][-1]["new"]["id"] for b in found["backends"]}
    assert last == {r["id"]: r["support_class"]["id"] for r in table["rows"]}


def test_of_a_table_no_more_is_needed_than_its_classes() -> None:
    _, assessments, made = made_world.show(PLAN, made_world.NO_EVIDENCE, LAST)
    table = tabulate(made, assessments, made_world.NO_EVIDENCE, LAST)
    text = render(table, history(PLAN, CHANGING, LAST))
    assert "2026-01-09" in text
