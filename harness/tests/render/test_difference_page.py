"""The page on what changed: what got worse first, every link with its target, strangers' text."""

from __future__ import annotations

import json
import posixpath
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
import support_world as world
from click.testing import CliRunner
from test_html import HOSTILE, Page

from gradtier import evidence as ev
from gradtier.assess import assess
from gradtier.cli import main
from gradtier.comparing import difference
from gradtier.errors import Problem
from gradtier.evidence import Evidence, Record, Run
from gradtier.model import Outcome, Reason, TrialId
from gradtier.plan import Plan
from gradtier.render import differing, site, write_site
from gradtier.render.difference_page import (
    JSON,
    MOST_LINES,
    MOST_SHOWN,
    PAGE,
    Measured,
    Since,
)
from gradtier.running import open_matrix
from gradtier.schemas import schema
from gradtier.standing import Side

sys.path.insert(0, str(Path(__file__).parents[1]))
from small_world import World, faulty

CLAIMS = [
    {"match": {"backend": "b", "case": "norm"}, "outcome": "raised", "because": "bug 7",
     "link": "https://example.org/7"},
]  # fmt: skip
BACKENDS = {"a": world.backend(), "b": world.backend("Beta"), "c": world.backend("Gamma")}
PLAN = world.plan(
    world.declaration(BACKENDS, claims=CLAIMS), "nn/dense", "nn/norm", "nn/third", "nn/fourth"
)
Ends = Callable[[TrialId], world.Ending]


def before(t: TrialId) -> world.Ending:
    """Beta is bad at first, Gamma good."""
    if t.cell.backend == "b":
        return Outcome.RAISED, None, "ValueError: old"
    return None if (t.cell.backend, t.case) == ("a", "fourth") else Outcome.AGREE


def after(t: TrialId) -> world.Ending:
    """Beta is good now, Gamma wrong and without one of its trials."""
    if t.cell.backend == "c":
        return {
            "dense": (Outcome.WRONG, Reason.SEVERED, "got None"), "norm": Outcome.TIMEOUT,
            "third": None,
        }.get(t.case, Outcome.AGREE)  # fmt: skip
    return Outcome.AGREE


def aged(evidence: Evidence, day: str, version: str) -> Evidence:
    """The evidence as measured on that day with that version of every package."""
    records = {
        key: r.model_copy(
            update={
                "versions": dict.fromkeys(r.versions, version),
                "finished": f"{day}T10:00:00Z",
            }
        )
        for key, r in evidence.records.items()
    }
    return Evidence(evidence.runs, records, evidence.problems, (f"{day}.jsonl",))


def since(plan: Plan, old: Evidence, new: Evidence) -> Since:
    one, two = (Side(plan, e, assess(plan, e, world.TODAY), world.TODAY) for e in (old, new))
    return Since(difference(one, two), Measured.of(old), Measured.of(new))


def files_of(plan: Plan, old: Evidence, new: Evidence) -> dict[str, str]:
    """Every file of a site with a difference."""
    shown = world.show(plan, new)
    return {name: text() for name, text in site(*shown, since=since(plan, old, new))}


def changed(plan: Plan = PLAN, old: Ends = before, new: Ends = after) -> dict[str, str]:
    return files_of(
        plan, aged(world.evidence(plan, old), "2026-01-05", "1.0"),
        aged(world.evidence(plan, new), "2026-02-27", "2.0"),
    )  # fmt: skip


FILES = changed()


def section(text: str, id_: str) -> str:
    """The markup of one section."""
    found = re.search(rf'<section id="{id_}".*?</section>', text, re.DOTALL)
    assert found is not None, f"no section {id_}"
    return found[0]


def ids(text: str) -> list[str]:
    return re.findall(r'<section id="([^"]+)"', text)


def test_what_got_worse_comes_before_what_got_better() -> None:
    assert ids(FILES[PAGE]) == [
        "sets", "classes", "worse", "better", "claims", "packages", "cells", "appeared",
        "vanished",
    ]  # fmt: skip
    classes = Page(section(FILES[PAGE], "classes")).text
    assert classes.index("Gamma") < classes.index("Beta")  # b stands before c in the matrix


def test_the_verdict_and_the_numbers_are_those_of_the_command() -> None:
    page = Page(FILES[PAGE])
    assert "↓ Regression: 2 trials got worse, 1 class got worse" in page.text
    assert "10 trials compared: 4 unchanged, 2 worse, 4 better; 1 appeared, 1 vanished" in page.text
    data = json.loads(FILES[JSON])
    jsonschema.Draft202012Validator(schema("diff")).validate(data)
    assert (data["compared"], data["unchanged"], data["regression"]) == (10, 4, True)


def test_the_two_sets_are_told_apart_by_file_day_and_version() -> None:
    said = Page(section(FILES[PAGE], "sets")).text
    for old, new in (
        ("2026-01-05.jsonl", "2026-02-27.jsonl"), ("alpha 1.0", "alpha 2.0"),
        ("11 with evidence", "11 with evidence"),
    ):  # fmt: skip
        assert old in said and new in said[said.index(old) :]
    days = [a["datetime"] for a in Page(section(FILES[PAGE], "sets")).all("time")]
    assert days == ["2026-01-05", "2026-02-27", "2026-03-01", "2026-03-01"]


def test_a_class_that_changed_says_which_criteria_flipped() -> None:
    said = Page(section(FILES[PAGE], "classes")).text
    assert re.search(r"Gamma, reverse Tier I .*↓ worse Tier I, agreement: holds -> fails", said)
    assert re.search(r"Beta, reverse Tier III Tier I ↑ better", said)


def test_of_many_criteria_the_first_are_shown_and_the_others_folded_or_counted() -> None:
    asked = {"trials": 1, "agreement": 0.99, "wrong": 0, "failing": 0.1, "both_witnesses": 0.1}
    classes = [
        {"id": id_, "title": f"Tier {id_}", "meaning": "All.", "criteria": asked} for id_ in "XY"
    ]
    policy = {"version": 1, "devices": ["cpu"], "classes": classes, "otherwise": "Too little."}
    plan = world.plan(world.declaration({"a": world.backend()}, policy=policy), "nn/dense")
    found = since(plan, world.NO_EVIDENCE, world.evidence(plan))
    flips = [f for f in found.found.classes[0].because if f.class_id == "X"]
    assert len(flips) > 3
    text = section(files_of(plan, world.NO_EVIDENCE, world.evidence(plan))[PAGE], "classes")
    shown, _, folded = text.partition("<details>")
    assert (shown.count("<li>"), folded.count("<li>")) == (3, len(flips) - 3)
    assert f"{len(flips) - 3} more" in Page(text).text


def test_a_trial_says_how_it_ended_then_and_now_and_with_which_versions() -> None:
    worse, better = (Page(section(FILES[PAGE], id_)).text for id_ in ("worse", "better"))
    assert "✓ agrees" in worse and "wrong, severed" in worse and "timed out" in worse
    assert "got None" in worse and "gamma 1.0 -> 2.0" in worse
    assert "Before: ValueError: old" in better


def test_a_claim_that_stopped_holding_links_its_report() -> None:
    claims = section(FILES[PAGE], "claims")
    assert "no longer holds" in claims and "nn/norm" in claims
    assert [a["href"] for a in Page(claims).all("a") if a["href"].startswith("http")] == [
        "https://example.org/7"
    ]


def test_a_trial_that_got_worse_as_declared_is_no_regression() -> None:
    def norm(t: TrialId) -> world.Ending:
        return Outcome.RAISED if (t.cell.backend, t.case) == ("b", "norm") else Outcome.AGREE

    text = changed(old=lambda t: Outcome.AGREE, new=norm)[PAGE]
    assert "worse" not in ids(text) and "declared" in ids(text)
    assert "Declared: bug 7" in Page(section(text, "declared")).text


def test_nothing_changed_is_said() -> None:
    same = world.evidence(PLAN)
    page = Page(files_of(PLAN, same, same)[PAGE])
    assert ids(files_of(PLAN, same, same)[PAGE]) == ["sets"]
    assert "✓ No difference" in page.text
    assert "Nothing changed: all 12 trials with evidence in both sets ended as before" in page.text


def test_nothing_in_common_is_not_said_to_be_nothing_changed() -> None:
    for old in (world.NO_EVIDENCE, world.evidence(PLAN, Outcome.MISSING)):
        text = files_of(PLAN, old, world.evidence(PLAN))[PAGE]
        assert "Nothing changed" not in text
        assert "– Nothing to compare 0 trials compared" in Page(text).text
        assert "No trial has evidence in both sets" in text and "no day is known" in text


def test_trials_link_to_their_cases_and_rows_and_every_link_resolves() -> None:
    page = Page(FILES[PAGE])
    hrefs = {a["href"] for a in Page(section(FILES[PAGE], "worse")).all("a")}
    assert hrefs == {"cases/nn/dense.html", "cases/nn/norm.html", "backends/c.html"}
    places = {name: {a["id"] for _, a in Page(t).elements if "id" in a}
              for name, t in FILES.items() if name.endswith(".html")}  # fmt: skip
    for a in page.all("a"):
        if a["href"].startswith("https://"):
            continue
        path, _, place = a["href"].partition("#")
        target = posixpath.normpath(path) if path else PAGE
        assert target in FILES and (not place or place in places[target]), a["href"]
    assert max(Counter(a["id"] for _, a in page.elements if "id" in a).values()) == 1


def test_a_trial_that_the_matrix_does_not_know_is_shown_without_links() -> None:
    strange = Record(
        run="r1", trial="gone/case@x/cpu/none/float64", digest="0" * 16, outcome=Outcome.AGREE
    )
    no_name = strange.model_copy(update={"trial": "no name"})
    old = Evidence({}, {r.key: r for r in (strange, no_name)}, (), ("old.jsonl",))
    page = Page(section(files_of(PLAN, old, world.evidence(PLAN))[PAGE], "vanished"))
    assert page.all("a") == []
    assert "gone/case x none, cpu, float64" in page.text and "no name" in page.text


def test_the_page_can_be_read_aloud_and_loads_nothing() -> None:
    page = Page(FILES[PAGE])
    assert not page.faults
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"style", "iframe", "img", "object", "form", "base"}
    assert [a["src"] for a in page.all("script")] == ["site.js"]
    assert not [a for _, a in page.elements if "style" in a or any(k[:2] == "on" for k in a)]
    assert len(page.all("table")) == len(page.all("caption")) == len(page.all("div", role="region"))
    assert not [a for a in page.all("th") if "scope" not in a]


def test_a_long_list_is_folded_away_and_cut_with_the_number_left_out() -> None:
    names = [f"nn/case{i}" for i in range(MOST_LINES // 2 + 20)]
    plan = world.plan(world.declaration({"a": world.backend(), "b": world.backend("Beta")}), *names)
    worse = changed(plan, lambda t: Outcome.AGREE, lambda t: Outcome.RAISED)[PAGE]
    better = changed(plan, lambda t: Outcome.RAISED, lambda t: Outcome.AGREE)[PAGE]
    for text, id_, is_open in ((worse, "worse", True), (better, "better", False)):
        page = Page(section(text, id_))
        (details,) = page.all("details")
        assert ("open" in details) is is_open  # what got worse is not hidden
        assert len(page.all("tr")) == MOST_LINES + 1
        assert f"{MOST_LINES} of 240 lines" in page.text
        assert "40 more are left out here" in page.text
    short = changed(world.plan(PLAN.matrix, *names[: MOST_SHOWN // 3]), lambda t: Outcome.RAISED)
    assert Page(section(short[PAGE], "better")).all("details") == []


def test_the_page_is_the_same_whatever_the_order_of_the_records() -> None:
    old, new = world.evidence(PLAN, before), world.evidence(PLAN, after)
    turned = Evidence(
        old.runs, dict(reversed(list(old.records.items()))), old.problems, old.files
    )  # fmt: skip
    one, two = files_of(PLAN, old, new), files_of(PLAN, turned, new)
    assert one[PAGE] == two[PAGE] and one[JSON] == two[JSON]


def test_the_overview_links_to_the_page_exactly_when_there_is_one() -> None:
    new = aged(world.evidence(PLAN, after), "2026-02-27", "2.0")
    without = {name: text() for name, text in site(*world.show(PLAN, new))}
    assert set(FILES) - set(without) == {PAGE, JSON}
    hrefs = [a["href"] for a in Page(FILES["index.html"]).all("a")]
    assert PAGE in hrefs and JSON in hrefs
    assert PAGE not in without["index.html"] and JSON not in without["index.html"]
    assert [n for n in without if without[n] != FILES[n]] == ["index.html"]
    assert "index.html" in [a["href"] for a in Page(FILES[PAGE]).all("a")]


@pytest.mark.parametrize("words", HOSTILE)
def test_texts_of_strangers_stay_text(words: str) -> None:
    def shape(text: str) -> list[tuple[str, list[str]]]:
        bad = world.backend(text, package=text, execution=text)
        tiers = [{"id": "I", "title": text, "meaning": text, "criteria": {"agreement": 0.9}}]
        policy = {"version": 1, "devices": ["cpu"], "classes": tiers, "otherwise": text}
        claims = [{"match": {"backend": "a"}, "outcome": "wrong", "because": text}]
        plan = world.plan(
            world.declaration({"a": bad, "b": bad}, policy=policy, claims=claims),
            "nn/dense", f"nn/{text}",
        )  # fmt: skip
        sets = [
            aged(world.evidence(plan, lambda t, o=o: (o, None, text)), "2026-01-05", text + o)  # type: ignore[misc]
            for o in (Outcome.RAISED, Outcome.AGREE)
        ]
        one, two = (
            Evidence(
                e.runs,
                {r.key: r.model_copy(update={"versions": {text: text + str(i)}})
                 for r in e.records.values()},
                (*e.problems, Problem(text)), (text,),
            )
            for i, e in enumerate(sets)
        )  # fmt: skip
        page = files_of(plan, one, two)[PAGE]
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", page)
        parsed = Page(page)
        assert not parsed.faults and {"better", "classes", "packages"} <= set(ids(page))
        return [(tag, sorted(attrs)) for tag, attrs in parsed.elements]

    assert shape(words) == shape("harmless")


# ------------------------------------------------------------------------- writing and verifying


def test_a_site_with_the_page_is_the_same_twice(tmp_path: Path) -> None:
    old, new = world.evidence(PLAN, before), world.evidence(PLAN, after)
    for name in ("one", "two"):
        found = since(PLAN, old, new)
        files = write_site(*world.show(PLAN, new), tmp_path / name, since=found)
        assert {PAGE, JSON} <= {f.name for f in files}
        assert differing(site(*world.show(PLAN, new), since=found), tmp_path / name) == []
    for name in (PAGE, JSON):
        one, two = ((tmp_path / n / name).read_bytes() for n in ("one", "two"))
        assert one == two


def command(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, words)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


REPORT = ("report", "--evidence", "new.jsonl", "--quiet", "--date", "2026-03-01", "--out")
VERIFY = ("verify", "site", "--evidence", "new.jsonl")


@pytest.fixture
def reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a matrix, two sets of evidence, and a report with the page in ``site``."""
    made = World(tmp_path)
    made.add("other", faulty("exact"))
    file = made.file
    monkeypatch.chdir(tmp_path)
    plan = open_matrix(file).plan
    for name, outcome in (("old/a.jsonl", Outcome.AGREE), ("new.jsonl", Outcome.RAISED)):
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        ev.append(target, Run(run=name, matrix=plan.matrix.digest, gradtier="0",
                              started="2026-01-01T10:00:00Z", host={}, planned=1))  # fmt: skip
        for t in plan.trials:
            ev.append(target, Record(run=name, trial=str(t.id), digest=t.digest, outcome=outcome,
                                     finished="2026-01-01T10:00:00Z"))  # fmt: skip
    status, out, err = command(*REPORT, "site", "--since", "old")
    assert status == 0, err
    assert "site/difference.html" in out.replace("\\", "/")
    return tmp_path


def test_the_json_is_that_of_the_command_to_the_byte(reported: Path) -> None:
    status, out, _ = command(
        "diff", "old", "new.jsonl", "--date", "2026-03-01", "--format", "json"
    )  # fmt: skip
    assert status == 1 and out == (reported / "site" / JSON).read_text(encoding="utf-8")


def test_verify_rebuilds_the_page_to_the_byte(reported: Path) -> None:
    assert command(*VERIFY, "--since", "old") == (0, "site: as matrix and evidence give it\n", "")
    assert command(*VERIFY, "--since", "old/a.jsonl")[0] == 0


def test_verify_without_the_older_set_says_that_there_was_one(reported: Path) -> None:
    status, _, err = command(*VERIFY)
    assert status == 1
    for words in (
        "index.html is not what matrix and evidence give",
        "difference.html is no part of this report", "difference.json is no part of this report",
        "it was written with --since, and is compared without",
    ):  # fmt: skip
        assert words in err, words
    assert "--history" not in err


def test_verify_with_an_older_set_that_the_report_lacks_says_what_is_missing(
    reported: Path,
) -> None:
    command(*REPORT, "bare")
    bare = ("verify", "bare", "--evidence", "new.jsonl")
    assert command(*bare)[0] == 0
    status, _, err = command(*bare, "--since", "old")
    assert status == 1
    assert "difference.html is missing" in err and "index.html is not what" in err


def test_verify_with_another_older_set_finds_the_difference(reported: Path) -> None:
    status, _, err = command(*VERIFY, "--since", "new.jsonl")
    assert status == 1
    assert "difference.html is not what" in err and "difference.json is not what" in err
    assert "index.html" not in err


@pytest.mark.parametrize("name", [PAGE, JSON])
def test_verify_catches_an_edit_of_the_page(reported: Path, name: str) -> None:
    file = reported / "site" / name
    file.write_bytes(file.read_bytes() + b" ")
    status, _, err = command(*VERIFY, "--since", "old")
    assert status == 1 and f"{name} is not what" in err


@pytest.mark.parametrize(
    ("given", "says"), [("empty", "holds no evidence"), ("gone.jsonl", "gone.jsonl")]
)
def test_an_older_set_that_is_not_there_stops_before_anything_is_written(
    reported: Path, given: str, says: str
) -> None:
    (reported / "empty").mkdir()
    status, _, err = command(*REPORT, "fresh", "--since", given)
    assert status == 2 and says in err
    assert not (reported / "fresh").exists()
