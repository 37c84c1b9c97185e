"""Merging evidence: nothing lost, nothing twice, nothing unmeasured that looks measured."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from small_world import World, faulty

from gradtier.errors import InputError
from gradtier.merging import merge


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


def test_a_shard_that_ran_nothing_is_void_and_says_so(sharded: World) -> None:
    folder = sharded.folder
    kept = [r for r in lines(folder / "s2.jsonl") if r["kind"] != "trial"]
    write(folder / "s2.jsonl", kept)
    done = sharded.gradtier("merge", "s1.jsonl", "s2.jsonl", "--out", "m.jsonl")
    assert "s2.jsonl: shard 2/2 ran none of its" in done.stderr and "void" in done.stderr
    assert done.returncode == 0
    planned = sum(len(r["trials"]) for r in kept if r["kind"] == "manifest")
    assert f"{planned} are missing" in done.stdout


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
