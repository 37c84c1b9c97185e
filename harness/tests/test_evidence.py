"""Evidence files: whole lines, read back as written, and nothing lost when a writer is killed."""

from __future__ import annotations

import gzip
import json
import multiprocessing
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradtier import evidence as ev
from gradtier.errors import InputError
from gradtier.evidence import Record, Run
from gradtier.model import Outcome, Reason
from gradtier.schemas import schema

TRIAL = "nn/dense@jax-reverse/cpu/none/float64"


def record(outcome: Outcome = Outcome.AGREE, trial: str = TRIAL, **more: object) -> Record:
    return Record.model_validate(
        {"run": "r", "trial": trial, "digest": "0" * 16, "outcome": outcome, **more}
    )


HEAD = Run(
    run="r", matrix="m" * 16, gradtier="0", started="2026-01-01T00:00:00Z",
    host={"system": "x"}, versions={}, planned=2,
)  # fmt: skip

records = st.builds(
    record,
    st.sampled_from(Outcome),
    detail=st.text(max_size=50),
    reason=st.sampled_from([None, *Reason]),
    seconds=st.floats(0, 1e6),
    verdict=st.none() | st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5)),
)


@given(records)
def test_a_record_reads_back_to_what_was_written(one: Record) -> None:
    line = ev.to_line(one)
    assert line.count(b"\n") == 1
    back = Record.model_validate(json.loads(line))
    assert back.model_copy(update={"verdict": back.verdict or None}) == one.model_copy(
        update={"verdict": one.verdict or None}
    )


PUBLISHED = jsonschema.Draft202012Validator(schema("evidence"))


@given(records)
def test_every_record_fits_the_published_schema(one: Record) -> None:
    PUBLISHED.validate(json.loads(ev.to_line(one)))


def write(file: Path, *lines: Run | Record) -> None:
    for line in lines:
        ev.append(file, line)


def test_a_broken_last_line_is_reported_with_its_number_and_the_rest_is_kept(
    tmp_path: Path,
) -> None:
    file = tmp_path / "e.jsonl"
    write(file, HEAD, record())
    with file.open("ab") as out:
        out.write(ev.to_line(record(Outcome.WRONG))[:40])
    read = ev.read([file])
    assert list(read.records) == [(TRIAL, "0" * 16)]
    assert str(read.problems[0]).startswith("e.jsonl:3: unfinished line (40 bytes)")


def test_a_corrupt_line_in_the_middle_costs_that_line_alone(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    write(file, HEAD)
    with file.open("ab") as out:
        out.write(b"\x00\xffgarbage\n")
    write(file, record())
    read = ev.read([file])
    assert list(read.records) == [(TRIAL, "0" * 16)]
    assert str(read.problems[0]).startswith("e.jsonl:2: not JSON")


def test_mending_cuts_the_unfinished_line_only(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    write(file, HEAD, record())
    whole = file.read_bytes()
    assert ev.mend(file) is None
    file.write_bytes(whole + b'{"schema"')
    assert "unfinished (9 bytes)" in str(ev.mend(file))
    assert file.read_bytes() == whole


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds no evidence"),
        (b"\n\n", "holds no evidence"),
        (b"hello\n", "not JSON"),
        (b"[1]\n", "found schema None"),
        (b'{"schema":"gradtier/evidence/2","kind":"trial"}\n', "expected 'gradtier/evidence/1'"),
        (b'{"schema":"gradtier/evidence/1","kind":"trial","run":"r"}\n', "trial: Field required"),
        (gzip.compress(b"x", mtime=0)[:-3], "left out"),
    ],
)
def test_a_file_without_evidence_is_refused_with_the_reason(
    tmp_path: Path, content: bytes, says: str
) -> None:
    file = tmp_path / "e.jsonl"
    file.write_bytes(content)
    with pytest.raises(InputError, match="holds no evidence") as caught:
        ev.read([file])
    assert says in str(caught.value)


def test_a_truncated_gzip_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl.gz"
    file.write_bytes(gzip.compress(ev.to_line(HEAD) * 100)[:-20])
    with pytest.raises(InputError, match="can't be read as evidence"):
        ev.read([file])


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.jsonl: can't be read as evidence: No such file"):
        ev.read([tmp_path / "gone.jsonl"])


def test_unavailable_never_displaces_what_was_measured(tmp_path: Path) -> None:
    here, there = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    write(here, HEAD, record(Outcome.WRONG, reason="value"))
    write(there, HEAD, record(Outcome.UNAVAILABLE), record(Outcome.ERROR))
    for order in ([here, there], [there, here]):
        assert ev.read(order).records[TRIAL, "0" * 16].outcome is Outcome.WRONG


def test_the_later_measurement_counts(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    write(file, HEAD, record(Outcome.AGREE), record(Outcome.RAISED))
    assert ev.read([file]).records[TRIAL, "0" * 16].outcome is Outcome.RAISED


def test_a_stale_record_read_later_does_not_hide_one_that_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    write(file, HEAD, record(Outcome.AGREE), record(Outcome.RAISED, digest="1" * 16))
    assert {r.outcome for r in ev.read([file]).records.values()} == {Outcome.AGREE, Outcome.RAISED}


def test_gzip_reads_like_plain(tmp_path: Path) -> None:
    plain, packed = tmp_path / "e.jsonl", tmp_path / "f.jsonl.gz"
    write(plain, HEAD, record())
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert ev.read([plain]).records == ev.read([packed]).records


def _many(file: Path, name: str) -> None:
    for i in range(200):
        trial = f"nn/{name}{i}@jax-reverse/cpu/none/float64"
        ev.append(file, record(trial=trial, detail="x" * 500))


def test_two_writers_do_not_tear_each_others_lines(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    write(file, HEAD)
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_many, args=(file, name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    read = ev.read([file])
    assert not read.problems and len(read.records) == 400
