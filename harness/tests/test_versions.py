"""Since which version: what is said of several versions, and the search for the first bad one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version
from small_world import World

from gradtier import evidence as ev
from gradtier.bisecting import search
from gradtier.cli import main
from gradtier.evidence import Record, Run
from gradtier.host import NOWHERE
from gradtier.model import Outcome, TrialId
from gradtier.running import open_matrix
from gradtier.versions import Standing, order, ordered

TRIAL = TrialId.parse("nn/dense@a/cpu/none/float64")
A, W, R, U = Outcome.AGREE, Outcome.WRONG, Outcome.RAISED, Outcome.UNSUPPORTED


def standing(text: str, known: bool = True) -> Standing:
    """``1.6:wrong 1.7:- 1.8:agree``: a dash was not measured."""
    pairs = [word.partition(":")[::2] for word in text.split()]
    return Standing(
        TRIAL,
        {v: Outcome(o) for v, o in pairs if o != "-"},
        tuple(v for v, o in pairs if o == "-"),
        known,
    )


# ---------------------------------------------------------------------------- bisection


@given(st.data(), st.integers(2, 200))
def test_any_single_change_is_found_in_as_few_questions_as_can_be(
    data: st.DataObject, count: int
) -> None:
    first = data.draw(st.integers(1, count - 1))
    silent = data.draw(st.sets(st.integers(1, count - 1)) if count < 20 else st.just(set()))
    silent |= data.draw(st.sets(st.integers(1, count - 1), max_size=5))
    asked: list[int] = []

    def ask(i: int) -> bool | None:
        asked.append(i)
        return None if i in silent else i >= first

    found = search(count, ask)
    assert 0 <= found.before < first <= found.after < count
    assert set(found.untold) == set(range(found.before + 1, found.after)) <= silent
    assert found.is_exact == (not found.untold)
    assert len(asked) == len(set(asked)) == found.asked, "a version was asked twice"
    assert not {0, count - 1} & set(asked), "the ends are known"
    skips = len(silent & set(asked))
    assert len(asked) <= math.ceil(math.log2(count - 1)) + skips


@given(st.lists(st.sampled_from([True, False, None]), max_size=40))
def test_where_it_changes_to_and_fro_one_of_the_changes_is_found(answers: list[Any]) -> None:
    world = [False, *answers, True]
    found = search(len(world), lambda i: world[i])
    assert world[found.before] is False and world[found.after] is True
    assert all(world[i] is None for i in found.untold)


def test_one_position_is_no_search() -> None:
    with pytest.raises(ValueError, match="two at least"):
        search(1, lambda _: True)


# ---------------------------------------------------------------------------- what is said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1.6:wrong 1.7:agree", "agrees since 1.7 (wrong until 1.6)"),
        ("1.8:agree 1.8.1:agree 1.9:wrong", "wrong since 1.9 (agrees until 1.8.1)"),
        ("1.6:wrong 1.7:- 1.8:agree", "between 1.6 (wrong) and 1.8 (agrees); not measured: 1.7"),
        ("1.6:wrong 1.7:wrong", "wrong in all 2 measured"),
        ("1.6:agree 1.7:- 1.8:agree", "agrees in all 2 measured; not measured: 1.7"),
        ("1.5:- 1.6:agree 1.7:-", "agrees in 1.6, the only version measured"),
        ("1.5:-", "not measured"),
        (
            "1:wrong 2:agree 3:agree 4:raised 5:unsupported",
            "wrong until 1, agrees 2 to 3, raises in 4, unsupported since 5",
        ),
        (
            "1:wrong 2:- 3:agree 4:raised",
            "between 1 (wrong) and 3 (agrees); raises since 4 (agrees until 3); not measured: 2",
        ),
        (
            "1:crash 2:timeout 3:inconclusive",
            "crashes until 1, times out in 2, inconclusive since 3",
        ),
    ],
)
def test_the_sentence(text: str, says: str) -> None:
    assert standing(text).says() == says


def test_without_the_list_of_releases_nothing_is_dated() -> None:
    assert standing("1.6:wrong 1.7:agree", known=False).says() == (
        "between 1.6 (wrong) and 1.7 (agrees)"
    )


@given(st.lists(st.sampled_from([A, W, R, U, None]), min_size=1, max_size=9))
def test_nothing_that_was_not_measured_is_filled_in(states: list[Outcome | None]) -> None:
    text = " ".join(f"{i}.0:{s.value if s else '-'}" for i, s in enumerate(states))
    said = standing(text).says()
    known = [i for i, s in enumerate(states) if s is not None]
    for i in range(1, len(states)):
        if f"since {i}.0" in said:
            assert states[i] is not None and states[i - 1] is not None, said
            assert states[i] is not states[i - 1]
    for i, s in enumerate(states):
        if known and known[0] < i < known[-1] and s is None:
            assert f"{i}.0" in said.partition("not measured: ")[2], "a hole is passed over"


@given(st.lists(st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,2}){0,2}(rc1|\.post1)?", fullmatch=True)))
def test_versions_are_ordered_as_packages_order_them(words: list[str]) -> None:
    found = ordered(words)
    assert [Version(v) for v in found] == sorted({Version(v) for v in words})


def test_spellings_and_builds_of_one_release_are_one_and_nonsense_comes_first() -> None:
    assert ordered(["1.10", "1.9", "main", "1.9.0", "1.9+cpu"]) == ("main", "1.9", "1.10")
    assert order("2.0rc1") < order("2.0")


# ---------------------------------------------------------------------------- the command


def evidence(world: World, version: str, outcome: Outcome, *, headless: bool = False) -> None:
    """A file of one version in which the case `dense` ends so, and `logs` agrees."""
    plan = open_matrix(world.file, NOWHERE).plan
    file = world.folder / "reports" / "sweep" / "autograd" / f"{version}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    run = Run(
        run=version, matrix="m", gradtier="1", started="now", host={"system": "x"}, planned=1,
        versions={} if headless else {"autograd": version},
    )  # fmt: skip
    ev.append(file, run)
    for t in plan.trials:
        ends = outcome if t.id.case == "dense" else Outcome.AGREE
        detail = "can't be installed: no | wheel" if not ends.is_evidence else ""
        if not outcome.is_evidence:
            ends, detail = outcome, "can't be installed: no | wheel"
        ev.append(
            file,
            Record(run=version, trial=str(t.id), digest=t.digest, outcome=ends, detail=detail),
        )


def since(world: World, *words: str) -> Any:
    return CliRunner().invoke(main, ["since", "--matrix", str(world.file), *words])


def releases(world: World, *versions: str) -> Path:
    file = world.folder / "reports" / "sweep" / "autograd" / "releases.json"
    file.write_text(json.dumps({"package": "autograd", "releases": versions}))
    return file


@pytest.fixture
def swept(world: World) -> World:
    evidence(world, "1.6", Outcome.WRONG)
    evidence(world, "1.10", Outcome.AGREE)
    evidence(world, "1.9", Outcome.UNAVAILABLE)
    releases(world, "1.5", "1.6", "1.7", "1.9", "1.10", "1.11")
    return world


def test_it_says_what_was_measured_and_what_was_not_and_why(swept: World) -> None:
    done = since(swept)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[:3] == [
        "autograd: measured 1.6, 1.10",
        "  not measured: 1.7: not asked",
        "  not measured: 1.9: can't be installed: no | wheel",
    ]
    says = "between 1.6 (wrong) and 1.10 (agrees); not measured: 1.7, 1.9"
    assert lines[3] == f"  small/dense@exact-reverse (none, forward, reverse): {says}"
    assert lines[-1] == "  6 of 12 trials agree wherever they were measured"
    assert "1.5" not in done.output and "1.11" not in done.output, "nobody asked beyond the ends"
    assert (
        "small/logs@exact-reverse (none, forward, reverse): agrees" in since(swept, "--all").output
    )


def test_a_change_between_neighbours_is_dated_once_the_releases_are_known(swept: World) -> None:
    evidence(swept, "1.7", Outcome.WRONG)
    evidence(swept, "1.9", Outcome.RAISED)
    assert "wrong until 1.7, raises in 1.9, agrees since 1.10" in since(swept).output
    (swept.folder / "reports" / "sweep" / "autograd" / "releases.json").unlink()
    said = since(swept).output
    assert "since 1.10" not in said and "nothing is dated" in said


def test_json_and_markdown_say_the_same(swept: World) -> None:
    found = json.loads(since(swept, "--format", "json", "--case", "small/dense").stdout)
    assert [s["package"] for s in found] == ["autograd"]
    assert len(found[0]["trials"]) == 6
    assert found[0]["trials"][0]["found"] == {"1.6": "wrong", "1.10": "agree"}
    assert found[0]["absent"]["1.7"] == "not asked"
    shown = since(swept, "--format", "markdown").output
    rows = [line for line in shown.splitlines() if line.startswith("| small")]
    assert rows and all(line.replace("\\|", "").count("|") == 4 for line in rows)
    assert "no \\| wheel" in shown


def test_records_that_name_no_version_are_left_out_and_counted(world: World) -> None:
    evidence(world, "1.6", Outcome.WRONG)
    evidence(world, "1.7", Outcome.AGREE, headless=True)
    done = since(world)
    assert "12 records do not say which version" in done.output
    assert "1.7" not in done.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--package", "autgrad"], "did you mean 'autograd'?"),
        (["--case", "dens"], "--case 'dens' matches nothing"),
        (["--evidence", "gone"], "can't be read"),
        (["--package", "faulty"], "no package"),
    ],
)
def test_what_is_not_there_cannot_be_asked(swept: World, words: list[str], says: str) -> None:
    done = since(swept, *words)
    assert (done.exit_code, says in done.output) == (2, True), done.output


def test_a_list_of_releases_that_is_none_is_named(swept: World) -> None:
    for text in ("[]", "{", '{"package": 1, "releases": [2]}'):
        releases(swept).write_text(text)
        done = since(swept)
        assert done.exit_code == 2 and "autograd/releases.json: expected" in done.output


def test_without_a_sweep_it_says_how_to_make_one(world: World) -> None:
    done = since(world)
    assert done.exit_code == 2 and "nox -s sweep" in done.output
