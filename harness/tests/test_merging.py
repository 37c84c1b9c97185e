"""Merging evidence: nothing lost, nothing twice, nothing unmeasured that looks measured."""

from __future__ import annotations

import gzip
import hashlib
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from small_world import World, faulty

from gradtier.errors import InputError
from gradtier.merging import MOST_PROBLEMS, absent, merge


@pytest.fixture
def sharded(world: World) -> World:
    """Two shards of one matrix, measured."""
    world.add("bad", faulty("sign"))
    for k in (1, 2):
        done = world.gradtier(
            "run", "--no-controls", "--shard", f"{k}/2", "--evidence", f"s{k}.jsonl"
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return world


def lines(file: Path) -> list[dict[str, Any]]:
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8") as handle:
        return [json.loads(line) for line in handle]


def write(file: Path, found: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(line) + "\n" for line in found), encoding="utf-8")
    return file


def test_shards_merge_to_what_one_run_says(sharded: World) -> None:
    done = sharded.gradtier("merge", "s1.jsonl", "s2.jsonl", "--out", "m.jsonl")
    assert done.returncode == 0, done.stderr
    assert "18 records of 2 files; 0 lines stood there twice, 0 trials are in" in done.stdout
    assert "0 are missing" in done.stdout
    sharded.gradtier("run", "--evidence", "whole.jsonl")
    outcomes = [
        {r["trial"]: r["outcome"] for r in lines(sharded.folder / name) if r["kind"] == "trial"}
        for name in ("m.jsonl", "whole.jsonl")
    ]
    assert outcomes[0] == outcomes[1] and len(outcomes[0]) == 18
    said = [
        sharded.gradtier("assess", "--evidence", name).stdout for name in ("m.jsonl", "whole.jsonl")
    ]
    assert said[0] == said[1] and "Tier" in said[0]


def test_a_merged_file_names_its_inputs_and_their_digests(sharded: World) -> None:
    folder = sharded.folder
    merge([folder / "s1.jsonl", folder / "s2.jsonl"], folder / "m.jsonl.gz")
    head = lines(folder / "m.jsonl.gz")[0]
    assert head["kind"] == "merged"
    assert {i["file"]: i["sha256"] for i in head["inputs"]} == {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("s1.jsonl", "s2.jsonl")
    }
    first = (folder / "m.jsonl.gz").read_bytes()
    merge([folder / "s1.jsonl", folder / "s2.jsonl"], folder / "m.jsonl.gz")
    assert (folder / "m.jsonl.gz").read_bytes() == first, "the same inputs give the same bytes"


def test_what_a_killed_shard_did_not_reach_is_missing_and_not_forgotten(sharded: World) -> None:
    folder = sharded.folder
    found = lines(folder / "s2.jsonl")
    gone = found.pop()
    write(folder / "s2.jsonl", found)
    done = sharded.gradtier("merge", "s1.jsonl", "s2.jsonl", "--out", "m.jsonl", "--strict")
    assert done.returncode == 1 and "1 are missing" in done.stdout
    (missing,) = [r for r in lines(folder / "m.jsonl") if r.get("outcome") == "missing"]
    assert (missing["trial"], missing["digest"]) == (gone["trial"], gone["digest"])
    again = sharded.gradtier("merge", "m.jsonl", "--out", "n.jsonl")
    assert "17 records" in again.stdout or "18 records" in again.stdout
    assert sharded.gradtier("assess", "--evidence", "m.jsonl").returncode == 0


def test_a_shard_that_ran_nothing_or_has_no_file_is_void_and_says_so(sharded: World) -> None:
    folder = sharded.folder
    kept = [r for r in lines(folder / "s2.jsonl") if r["kind"] != "trial"]
    write(folder / "s2.jsonl", kept)
    done = sharded.gradtier("merge", "s1.jsonl", "s2.jsonl", "--out", "m.jsonl")
    assert "s2.jsonl: shard 2/2 ran none of its" in done.stderr and "void" in done.stderr
    assert done.returncode == 0
    planned = sum(len(r["trials"]) for r in kept if r["kind"] == "manifest")
    assert f"{planned} are missing" in done.stdout
    alone = merge([folder / "s1.jsonl"], folder / "m.jsonl")
    assert alone.void == (
        "shard 2/2 is in none of the files: what it was to do is not known: void",
    )


def test_a_file_given_twice_adds_nothing(sharded: World) -> None:
    folder = sharded.folder
    copy = folder / "copy.jsonl"
    copy.write_bytes((folder / "s1.jsonl").read_bytes())
    found = merge([folder / "s1.jsonl", copy, folder / "s2.jsonl"], folder / "m.jsonl")
    assert found.records == 18
    assert found.head.duplicates == len(lines(copy))


def test_a_conflict_keeps_both_and_the_worse_counts(sharded: World) -> None:
    folder = sharded.folder
    found = lines(folder / "s1.jsonl")
    agreed = next(r for r in found if r.get("outcome") == "agree")
    write(folder / "other.jsonl", [found[0], {**agreed, "outcome": "raised", "detail": "no"}])
    done = sharded.gradtier(
        "merge", "s1.jsonl", "other.jsonl", "s2.jsonl", "--out", "m.jsonl", "--strict"
    )
    assert done.returncode == 1
    assert f"conflict: {agreed['trial']}: agree, raised; the worse counts" in done.stderr
    both = [r["outcome"] for r in lines(folder / "m.jsonl") if r.get("trial") == agreed["trial"]]
    assert sorted(both) == ["agree", "raised"]
    row = agreed["trial"].split("@")[1].split("/")[0]
    assert "flaky" in sharded.gradtier("explain", row, "--evidence", "m.jsonl").stdout


def test_other_versions_are_another_environment_and_no_conflict(sharded: World) -> None:
    folder = sharded.folder
    found = lines(folder / "s1.jsonl")
    agreed = next(r for r in found if r.get("outcome") == "agree")
    newer = {**agreed, "outcome": "raised", "detail": "no", "versions": {"autograd": "99"}}
    write(folder / "other.jsonl", [found[0], newer])
    merged = merge([folder / "s1.jsonl", folder / "other.jsonl"], folder / "m.jsonl")
    assert merged.head.conflicts == 0


def test_evidence_of_several_matrices_is_refused_with_the_files_named(sharded: World) -> None:
    folder = sharded.folder
    found = lines(folder / "s2.jsonl")
    head = {**found[0], "matrix": "0" * 16}
    write(folder / "s2.jsonl", [head, *found[1:]])
    done = sharded.gradtier("merge", "s1.jsonl", "s2.jsonl", "--out", "m.jsonl")
    assert done.returncode == 2
    assert "several matrices" in done.stderr and "s1.jsonl" in done.stderr
    assert not (folder / "m.jsonl").exists()


def test_one_run_of_two_matrices_is_refused(sharded: World) -> None:
    folder = sharded.folder
    found = lines(folder / "s1.jsonl")
    write(folder / "other.jsonl", [{**found[0], "matrix": "0" * 16}, *found[1:]])
    with pytest.raises(InputError, match=rf"run {found[0]['run']} is of matrix"):
        merge([folder / "s1.jsonl", folder / "other.jsonl"], folder / "m.jsonl")


def test_a_corrupt_line_is_told_with_its_place_and_costs_itself_alone(sharded: World) -> None:
    folder = sharded.folder
    text = (folder / "s1.jsonl").read_text(encoding="utf-8").splitlines()
    at = next(i for i, line in enumerate(text) if '"kind":"trial"' in line)
    text[at] = text[at][:40] + "\x00garbage"
    (folder / "s1.jsonl").write_text("\n".join(text) + "\n", encoding="utf-8")
    done = sharded.gradtier("merge", "s1.jsonl", "s2.jsonl", "--out", "m.jsonl")
    assert f"s1.jsonl:{at + 1}:" in done.stderr and "left out" in done.stderr
    assert "17 records" in done.stdout and "1 are missing" in done.stdout


def test_a_cut_compressed_file_is_one_clear_error_and_leaves_nothing(sharded: World) -> None:
    folder = sharded.folder
    packed = gzip.compress((folder / "s1.jsonl").read_bytes())
    (folder / "cut.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    done = sharded.gradtier("merge", "cut.jsonl.gz", "s2.jsonl", "--out", "m.jsonl")
    assert done.returncode == 2 and "cut.jsonl.gz: can't be read as evidence" in done.stderr
    assert not [f for f in folder.iterdir() if "m.jsonl" in f.name]


@pytest.mark.parametrize(
    ("out", "says"),
    [("s1.jsonl", "can't be one of those that are merged"), ("m.txt", "expected a name that ends")],
)
def test_an_output_that_would_destroy_or_confuse_is_refused(
    sharded: World, out: str, says: str
) -> None:
    before = (sharded.folder / "s1.jsonl").read_bytes()
    done = sharded.gradtier("merge", "s1.jsonl", "s2.jsonl", "--out", out)
    assert done.returncode == 2 and says in done.stderr
    assert (sharded.folder / "s1.jsonl").read_bytes() == before


def all_different(file: Path, number: int) -> Path:
    """An evidence file of a shard in which no text and no number stands twice."""
    head = {
        "schema": "gradtier/evidence/1", "kind": "run", "run": "r", "matrix": "m", "gradtier": "1",
        "started": "2026-01-01T00:00:00Z", "host": {}, "planned": number,
    }  # fmt: skip
    with file.open("w", encoding="utf-8") as out:
        out.write(json.dumps(head) + "\n")
        for i in range(number):
            verdict = {"outcome": "wrong", "detail": f"{i}" + "x" * 400, "worst": {"index": i},
                       "no_power": i, "rows": 4}  # fmt: skip
            out.write(json.dumps({
                "schema": "gradtier/evidence/1", "kind": "trial", "run": "r", "outcome": "wrong",
                "trial": f"s/case{i}@b/cpu/none/float64", "digest": f"{i:016x}",
                "reason": "value", "detail": f"leaf {i} is wrong" + "y" * 200, "verdict": verdict,
                "observed": {"number": str(i)}, "finished": f"2026-01-01T00:00:00.{i:06d}Z",
            }) + "\n")  # fmt: skip
    return file


def test_memory_does_not_grow_with_the_evidence(tmp_path: Path) -> None:
    """Python's part of it; the database beside it has a cache of 2 MiB and keeps the rest on disk.

    A tenth has already more of everything than is kept at once.
    """
    peaks = []
    for number in (1_200, 12_000):
        file = all_different(tmp_path / f"{number}.jsonl", number)
        tracemalloc.start()
        found = merge([file], tmp_path / f"merged-{number}.jsonl")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert found.records == number
    assert file.stat().st_size > 11_000_000
    assert peaks[1] < peaks[0] + 500_000, peaks


def test_lines_without_evidence_are_counted_but_not_all_named(tmp_path: Path) -> None:
    file = all_different(tmp_path / "e.jsonl", 3)
    with file.open("a", encoding="utf-8") as out:
        out.writelines(f"garbage {i}\n" for i in range(MOST_PROBLEMS + 7))
    found = merge([file], tmp_path / "m.jsonl")
    assert (found.records, len(found.problems), found.unread) == (
        3, MOST_PROBLEMS, MOST_PROBLEMS + 7,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("selections", "gone"),
    [
        ([{}], []),
        ([{"shard": ["1/3"]}, {"shard": ["3/3"]}], ["2/3"]),
        ([{"shard": ["1/1"]}, {"device": ["cuda"]}], []),
        (
            [{"shard": ["1/2"], "device": ["a"]}, {"shard": ["2/2"], "device": ["b"]}],
            ["2/2", "1/2"],
        ),
    ],
)
def test_shards_are_missed_among_those_of_their_own_selection(
    selections: list[dict[str, list[str]]], gone: list[str]
) -> None:
    assert absent(selections) == gone


def test_agreement_on_a_retry_alone_is_flaky_after_a_merge_too(world: World) -> None:
    """As a run with retries leaves it: two records of one trial; the worse counts, in any order."""
    world.gradtier("run", "--nesting", "none", "--retries", "1", "--evidence", "e.jsonl")
    folder = world.folder
    found = lines(folder / "e.jsonl")
    head, again = found[0], next(r for r in found if r.get("outcome") == "agree")
    first = {**again, "outcome": "raised", "detail": "not yet", "verdict": None}
    for name, pair in (("retried", [first, again]), ("backwards", [again, first])):
        rest = [r for r in found[1:] if r is not again]
        write(folder / "a.jsonl", [head, *pair])
        write(folder / "b.jsonl", [head, *rest, *pair])  # the same two records once more
        merged = merge([folder / "a.jsonl", folder / "b.jsonl"], folder / f"{name}.jsonl")
        assert merged.head.duplicates == 3 and merged.records == len(found)
        assert merged.conflicts == ((again["trial"], ("agree", "raised")),)
        row = again["trial"].split("@")[1].split("/")[0]
        judged = world.gradtier("assess", "--evidence", f"{name}.jsonl").stdout
        assert f"{row} (A backend): Tier II\n" in judged
        assert f"flaky: {again['trial']}: raised, agree" in judged
