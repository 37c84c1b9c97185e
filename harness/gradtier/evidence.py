"""Evidence: one JSON line per trial or benchmark, appended the moment it ends.

A file begins with a ``run`` line (who measured, on what, with which versions) and goes on with
``trial`` or ``bench`` lines; ``control`` lines before those say whether the harness caught backends
that are wrong on purpose: if not, the run is void.  Several processes may append to one file: each
line is one ``write`` under a lock.  A file whose writer was killed reads back up to its last whole
line; the broken one is reported.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gradtier.errors import InputError, Place, Problem
from gradtier.laps import Key, counting
from gradtier.lines import SCHEMA, Bench, Control, Manifest, Merged, Run
from gradtier.model import FROM_BEST, Outcome
from gradtier.plan import Plan, Planned
from gradtier.records import Reader, Record

__all__ = [
    "SCHEMA", "AnyLine", "Bench", "Control", "Evidence", "Gathering", "Record", "Run", "append",
    "check_belongs", "lines", "mend", "read", "to_line",
]  # fmt: skip

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: one writer per file there
    fcntl = None  # type: ignore[assignment]

#: What says something of a backend, or of how it was measured.
AnyLine = Run | Record | Bench | Control
EveryLine = AnyLine | Manifest | Merged
_KINDS: Mapping[str, type[EveryLine]] = {
    "run": Run, "bench": Bench, "control": Control, "manifest": Manifest, "merged": Merged,
}  # fmt: skip


@dataclass(frozen=True)
class Evidence:
    """What evidence files say; of void runs nothing but their controls.

    Attributes:
        runs: run id -> head.
        records: trial id and digest -> the record that counts.
        benches: benchmark, backend, device and dtype -> the record that counts; all those of one
            benchmark, device and dtype are of one run (:func:`gradtier.laps.counting`).
        problems: lines that could not be read; everything else was kept.
        files: names of the files, in reading order.
        earlier: trial id and digest -> the other records of it, which do not count.
        timed: the runs that benchmarks were timed in.
        controls: run -> its controls; one that is not caught makes the run void.
    """

    runs: Mapping[str, Run]
    records: Mapping[tuple[str, str], Record]
    problems: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()
    benches: Mapping[Key, Bench] = field(default_factory=dict)
    earlier: Mapping[tuple[str, str], tuple[Record, ...]] = field(default_factory=dict)
    timed: frozenset[str] = frozenset()
    controls: Mapping[str, tuple[Control, ...]] = field(default_factory=dict)

    def of(self, planned: Planned) -> Record | None:
        """The record of a planned trial, if it was measured as the plan now has it."""
        return self.records.get((str(planned.id), planned.digest))

    def of_each(self, trials: Iterable[Planned]) -> Iterator[Record | None]:
        """The same of many trials; those of a cell are best together."""
        find, cell, where = self.records.get, None, ""
        for planned in trials:
            t = planned.id
            if t.cell is not cell:
                cell, where = t.cell, f"@{t.cell}"
            yield find((f"{t.suite}/{t.case}{where}", planned.digest))

    def all_of(self, planned: Planned) -> tuple[Record, ...]:
        """Every record of a planned trial, the one that counts first."""
        counts = self.of(planned)
        return () if counts is None else self.all_with(counts)

    def all_with(self, counts: Record) -> tuple[Record, ...]:
        """A record that counts, and the others of the same trial."""
        return (counts, *self.others(counts))

    def others(self, counts: Record) -> tuple[Record, ...]:
        """The records of a trial beside the one that counts."""
        return self.earlier.get(counts.key, ()) if counts.trial in self._repeated else ()

    @cached_property
    def _repeated(self) -> frozenset[str]:
        """Trials with several records: few, and asked for a million times."""
        return frozenset(trial for trial, _ in self.earlier)

    @cached_property
    def trials_by_run(self) -> Mapping[str, int]:
        """Run -> trials of which it left a record."""
        found = Counter(r.run for r in self.records.values())
        for key, others in self.earlier.items():
            found.update({r.run for r in others} - {self.records[key].run})
        return found

    def conflict(self, planned: Planned) -> tuple[Outcome, ...]:
        """The different outcomes of a trial under the same conditions, the worst first.

        Empty unless there are two or more: the trial is flaky then.  Conditions are the declaration
        of the trial, the versions of the packages and that of gradtier.
        """
        counts = self.of(planned)
        return () if counts is None else self.conflict_with(counts)

    def conflict_with(self, counts: Record) -> tuple[Outcome, ...]:
        """The same, of the trial that a record counts for."""
        if not self.others(counts):
            return ()
        ends = {r.outcome for r in self.all_with(counts) if _alike(r, counts, self.runs)}
        found = tuple(o for o in reversed(FROM_BEST) if o in ends)
        return found if len(found) > 1 else ()


def to_line(line: EveryLine) -> bytes:
    """The line as it stands in a file, with its newline.

    Raises:
        ValidationError: a record holds what the contract does not allow.
    """
    held = line.as_line() if isinstance(line, Record) else line
    data = held.model_dump(mode="json", by_alias=True)
    kept = {k: v for k, v in data.items() if v not in (None, {}, "")}
    return json.dumps(kept, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def append(file: Path, line: EveryLine) -> None:
    """Append one line, whole or not at all, whoever else is writing.

    Raises:
        OSError: it can't be written: no room, no right.
    """
    text = to_line(line)
    with file.open("ab", buffering=0) as out, _locked(out.fileno()):
        start = out.seek(0, os.SEEK_END)
        if out.write(text) == len(text):
            return
        out.truncate(start)  # or the next line would be joined to a part of this one
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextlib.contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    if fcntl is None:  # pragma: no cover
        yield
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def mend(file: Path) -> Problem | None:
    """Cut off a last line that a killed writer left unfinished, so that one can append again.

    Returns:
        what was cut off, or None if the file was whole.
    """
    with file.open("r+b") as handle, _locked(handle.fileno()):
        text = handle.read()
        end = text.rfind(b"\n") + 1
        if end == len(text):
            return None
        handle.truncate(end)
        os.fsync(handle.fileno())
    number = text.count(b"\n") + 1
    place = Place(file.name, number)
    return Problem(f"the last line was unfinished ({len(text) - end} bytes); cut off", place)


class Gathering:
    """Evidence while it grows line by line.

    The later record of a trial counts, except that one that is no evidence (``unavailable``,
    ``error``) never displaces one that is, and that of outcomes that differ under the same
    conditions the worst counts: whether a trial is right is not to depend on luck.
    """

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._records: dict[tuple[str, str], Record] = {}
        self._several: dict[tuple[str, str], list[Record]] = {}
        self._benches: list[Bench] = []
        self._controls: dict[str, list[Control]] = {}

    def add(self, line: AnyLine) -> None:
        """Take in one line."""
        if type(line) is Record:
            key = line.key
            if (first := self._records.setdefault(key, line)) is not line:
                found = self._several.setdefault(key, [first])
                if line not in found:  # a file may be read twice
                    found.append(line)
        elif isinstance(line, Run):
            self._runs[line.run] = line
        elif isinstance(line, Bench):
            self._benches.append(line)
        elif isinstance(line, Control):
            mine = self._controls.setdefault(line.run, [])
            if line not in mine:
                mine.append(line)

    def evidence(self, problems: Iterable[Problem], files: Iterable[str]) -> Evidence:
        """What the lines so far say; lines that are added later do not change it."""
        void = {r for r, found in self._controls.items() if not all(c.is_caught for c in found)}
        records, earlier = dict(self._records), {}
        if void:
            records = {key: r for key, r in records.items() if r.run not in void}
        for key, found in self._several.items():
            valid = [r for r in found if r.run not in void]
            if not valid:
                continue
            counts = _counting(valid, self._runs)
            records[key] = counts
            earlier[key] = tuple(r for r in valid if r is not counts)
        benches = [b for b in self._benches if b.run not in void]
        return Evidence(
            {name: run for name, run in self._runs.items() if name not in void},
            records, tuple(problems), tuple(files), counting(benches),
            {key: others for key, others in earlier.items() if others},
            frozenset(b.run for b in benches),
            {name: tuple(found) for name, found in self._controls.items()},
        )  # fmt: skip


def _counting(found: list[Record], runs: Mapping[str, Run]) -> Record:
    """Which of several records of one trial counts; see :class:`Gathering`."""
    evident = [r for r in found if r.outcome.is_evidence]
    if not evident:
        return found[-1]
    alike = [r for r in reversed(evident) if _alike(r, evident[-1], runs)]
    return max(alike, key=lambda r: FROM_BEST.index(r.outcome))  # the latest of the worst


def _alike(one: Record, other: Record, runs: Mapping[str, Run]) -> bool:
    """Whether two records were made under the same conditions, as far as they say."""
    by = [runs[r.run].gradtier if r.run in runs else "" for r in (one, other)]
    versions = [dict(r.versions) for r in (one, other)]
    return by[0] == by[1] and (versions[0] == versions[1] or not all(versions))


def read(files: Iterable[Path]) -> Evidence:
    """Read evidence files (``.jsonl``, or ``.jsonl.gz``).

    Raises:
        InputError: a file can't be read, holds no line that is evidence, or is of another schema.
    """
    gathering = Gathering()
    problems: list[Problem] = []
    names: list[str] = []
    reader = Reader()
    for file in files:
        names.append(file.name)
        for line in lines(file, reader):
            if isinstance(line, Problem):
                problems.append(line)
            else:
                gathering.add(line)
    return gathering.evidence(problems, names)


def lines(file: Path, reader: Reader | None = None) -> Iterator[AnyLine | Problem]:
    """Every run, control, record and benchmark of a file; what can't be read is a problem.

    They come in order.  A control that was not caught is told as a problem too, and what follows
    of its run is left out.

    Args:
        file: ``.jsonl``, or ``.jsonl.gz``.
        reader: keeps what records share; one for all files that are read together.

    Raises:
        InputError: the file can't be read, or holds no line that is evidence.
    """
    found = 0
    first: Problem | None = None
    void = set[str]()
    for _, line in every_line(file, reader or Reader()):
        if type(line) is Record:  # a million of them, and asking a model's class takes long
            found += 1
            if line.run not in void:
                yield line
            continue
        if isinstance(line, Problem):
            first = first or line
        elif isinstance(line, Manifest | Merged):
            continue
        else:
            found += 1
            if isinstance(line, Control):
                if not line.is_caught and line.run not in void:
                    void.add(line.run)
                    yield Problem(line.why_void, Place(file.name))
            elif line.run in void:
                continue
        yield line
    if not found:
        raise InputError(f"{file.name}: holds no evidence" + (f"; {first}" if first else ""))


def every_line(file: Path, reader: Reader) -> Iterator[tuple[bytes, EveryLine | Problem]]:
    """Every line of an evidence file as it stands there, and what it says.

    Raises:
        InputError: the file can't be read.
    """
    plain = reader.record
    for number, text in _lines(file):
        try:
            yield text, plain(text) or _parse(text, Place(file.name, number))
        except InputError as error:
            yield from ((text, problem) for problem in error.problems)


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with _opened(file) as handle:
            for number, text in enumerate(handle, 1):
                if not text.isspace():
                    yield number, text
    except (OSError, EOFError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{file.name}: can't be read as evidence: {why}") from error


def _opened(file: Path) -> Any:
    return gzip.open(file) if file.suffix == ".gz" else file.open("rb")


def _parse(text: bytes, place: Place) -> EveryLine:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        ending = "unfinished line" if not text.endswith(b"\n") else "not JSON"
        raise InputError(Problem(f"{ending} ({len(text)} bytes); left out", place)) from None
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema != SCHEMA:
        raise InputError(Problem(f"found schema {schema!r}; expected '{SCHEMA}'; left out", place))
    model = _KINDS.get(str(data.get("kind")), Record)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(
            Problem(f"not a record: {where}: {first['msg']}; left out", place)
        ) from None


def check_belongs(evidence: Evidence, plan: Plan) -> tuple[Problem, ...]:
    """Compare evidence with a plan.

    Returns:
        a problem that counts the records which the plan no longer has, or has otherwise.

    Raises:
        InputError: no record is of this plan: the evidence is another matrix's.
    """
    mine = sum(record is not None for record in evidence.of_each(plan.trials))
    other = len(evidence.records) - mine
    if evidence.records and not mine:
        theirs = ", ".join(sorted({r.matrix for r in evidence.runs.values()})) or "unknown"
        raise InputError(
            f"{', '.join(evidence.files)}: evidence of another matrix (digest {theirs}; this one "
            f"is {plan.matrix.digest}): none of its {len(evidence.records)} records is of a trial "
            "as it is declared now"
        )
    if not other:
        return ()
    text = f"{other} records are of trials that were declared otherwise or not at all; left out"
    return (Problem(text, Place(", ".join(evidence.files))),)
