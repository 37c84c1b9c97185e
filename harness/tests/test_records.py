"""Records of trials in memory: what the short way reads is what the contract reads, and small."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gradtier import evidence as ev
from gradtier.lines import SCHEMA
from gradtier.model import Outcome, Reason
from gradtier.records import Reader, Record

PLAIN: dict[str, Any] = {
    "schema": SCHEMA, "run": "r", "kind": "trial", "trial": "nn/f@a/cpu/none/float64",
    "digest": "0" * 16, "outcome": "wrong", "reason": "value", "detail": "it is",
    "verdict": {
        "outcome": "wrong", "witnesses": ["finite-differences", "reference"], "convention": None,
        "worst": {"leaf": 0, "got": 1.5}, "margin_reference": 2.5, "no_power": 0.0, "findings": [],
    },
    "reference": "b", "checks": {"inputs": "unchanged"}, "observed": {"device": "cpu"},
    "versions": {"a": "1.2"}, "first_seconds": 0.5, "call_seconds": 0.25, "seconds": 1.0,
    "finished": "2026-01-01T00:00:00Z",
}  # fmt: skip

odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True)
    | st.text(max_size=4) | st.sampled_from(["agree", "value", "trial", SCHEMA, "0.5", "é"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=5,
)  # fmt: skip
changes = st.dictionaries(st.sampled_from([*PLAIN, "unknown"]), odd, max_size=3)
left_out = st.sets(st.sampled_from([*PLAIN]), max_size=3)


def by_contract(text: bytes) -> Record | None:
    try:
        data = json.loads(text)
        return Record.model_validate(data) if data.get("schema") == SCHEMA else None
    except (ValueError, AttributeError):
        return None


def as_text(data: dict[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode() + b"\n"


@given(changes, left_out)
def test_no_line_is_read_otherwise_than_the_contract_reads_it(
    more: dict[str, Any], less: set[str]
) -> None:
    text = as_text({k: v for k, v in {**PLAIN, **more}.items() if k not in less})
    short = Reader().record(text)
    if short is not None:
        right = by_contract(text)
        assert right is not None
        # repr: 1, 1.0 and True are equal, and not the same
        assert repr(right) == repr(Record.model_copy(short, update={"verdict": _plain(short)}))


def _plain(of: Record) -> dict[str, Any] | None:
    return None if of.verdict is None else dict(of.verdict)


@given(st.data())
def test_a_line_that_was_damaged_is_no_record_or_the_one_that_the_contract_reads(
    data: st.DataObject,
) -> None:
    text = bytearray(as_text(PLAIN))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 2))
        text[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from([b"", b'"', b"\\", b"{", b"}", b",", b"\xff", b"\\u12", b"\x01", b"e"])
        )
    short = Reader().record(bytes(text))
    if short is not None:
        assert _plain(short) is None or json.dumps(_plain(short))  # it can be decoded later
        right = by_contract(bytes(text))
        assert right is not None and right == short


def test_what_gradtier_writes_takes_the_short_way() -> None:
    whole = Record.model_validate(PLAIN)
    assert Reader().record(ev.to_line(whole)) == whole
    bare = Record(run="r", trial="t", digest="d", outcome=Outcome.MISSING)
    assert Reader().record(ev.to_line(bare)) == bare


def test_a_record_that_breaks_the_contract_is_not_written() -> None:
    bad = Record(run="r", trial="t", digest="d", outcome=Outcome.AGREE, detail=5)  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        ev.to_line(bad)


marks = st.sampled_from(
    ["worst", "no_power", "witnesses", "convention", ',"worst":', ',"no_power":']
)
verdicts = st.dictionaries(
    marks | st.text(max_size=3),
    st.recursive(
        st.none() | st.integers() | marks | st.just(["a", "b"]),
        lambda inner: st.dictionaries(marks, inner, max_size=3) | st.lists(inner, max_size=2),
        max_leaves=6,
    ),
    max_size=6,
)


@given(verdicts)
def test_a_verdict_is_the_mapping_that_was_written_wherever_its_text_is_cut(
    verdict: dict[str, Any],
) -> None:
    read = Reader().record(as_text({**PLAIN, "verdict": verdict}))
    assert read is not None and read.verdict is not None
    numbers = read.verdict
    assert numbers == verdict and verdict == numbers and dict(numbers) == verdict
    assert bool(numbers) == bool(verdict) and len(numbers) == len(verdict)
    assert list(numbers) == list(verdict) and list(numbers.values()) == list(verdict.values())
    for key in [*verdict, "absent", "witnesses", "convention"]:
        assert numbers.get(key, 7) == verdict.get(key, 7)
        assert (key in numbers) == (key in verdict)
    with pytest.raises(KeyError):
        numbers["absent"]


def test_a_line_nested_too_deeply_is_a_problem_and_no_traceback(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    deep = as_text({**PLAIN, "verdict": {"a": 0}}).replace(b'"a":0', b'"a":' + b"[" * 10**5)
    file.write_bytes(deep + b"[" * 10**5 + b"\n" + as_text(PLAIN))
    read = ev.read([file])
    assert len(read.records) == 1 and len(read.problems) == 2


def test_a_verdict_that_is_no_object_costs_its_line(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    file.write_bytes(as_text({**PLAIN, "verdict": [1]}) + as_text(PLAIN))
    read = ev.read([file])
    assert len(read.records) == 1
    assert "e.jsonl:1: not a record: verdict" in str(read.problems[0])


def test_witnesses_that_are_no_list_do_not_stop_a_report(tmp_path: Path) -> None:
    from gradtier.facts import _has_both

    for said in (5, {"a": 1}, "ab", [["x"], {"y": 1}], None):
        text = as_text(
            {**PLAIN, "outcome": "agree", "reason": None, "verdict": {"witnesses": said}}
        )
        record = Reader().record(text)
        assert record is not None
        assert _has_both(record) == (isinstance(said, list) and len(said) > 1)


def test_what_many_records_say_alike_is_kept_once() -> None:
    reader = Reader()
    one, two = (reader.record(as_text({**PLAIN, "trial": f"nn/f{i}@a/cpu/none/f"})) for i in (1, 2))
    assert one is not None and two is not None
    for name in ("run", "detail", "reference", "finished", "checks", "observed", "versions"):
        assert getattr(one, name) is getattr(two, name), name


def test_a_million_records_fit_into_a_gigabyte(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    n = 2000
    numbers = {**PLAIN["verdict"], "worst": {f"number {i}": i / 7 for i in range(8)}}
    with file.open("wb") as out:
        for i in range(n):
            trial = f"suite{i % 7}/a_case_{i}@a-backend-reverse/cpu/none/float64"
            out.write(as_text({**PLAIN, "trial": trial, "digest": f"{i:016}", "verdict": numbers}))
    ev.read([file])  # what is made once
    tracemalloc.start()
    try:
        found = ev.read([file])
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found.records) == n
    assert kept / n < 1000


@given(st.sampled_from(Outcome), st.none() | st.sampled_from(Reason))
def test_a_copy_differs_in_what_was_asked_for_alone(
    outcome: Outcome, reason: Reason | None
) -> None:
    whole = Record.model_validate(PLAIN)
    other = whole.model_copy(update={"outcome": outcome, "reason": reason})
    assert (other.outcome, other.reason) == (outcome, reason)
    assert other.model_copy(update={"outcome": whole.outcome, "reason": whole.reason}) == whole
