"""Evidence: one JSON line per trial or benchmark, appended the moment it ends.

A file begins with a ``run`` line (who measured, on what, with which versions) and goes on with
``trial`` or ``bench`` lines.  Several processes may append to one file: each line is one ``write``
under a lock.  A file whose writer was killed reads back up to its last whole line; the broken one
is reported.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gradtier.errors import InputError, Place, Problem
from gradtier.laps import Key, Laps, Seconds, counting
from gradtier.model import FROM_BEST, Mode, Outcome, Reason
from gradtier.plan import Plan, Planned
from gradtier.policy import Source

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: one writer per file there
    fcntl = None  # type: ignore[assignment]

SCHEMA = "gradtier/evidence/1"


class Line(BaseModel):
    """What all kinds of line share."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    schema_: Literal["gradtier/evidence/1"] = Field("gradtier/evidence/1", alias="schema")
    run: str = Field(description="id of the run that measured it")


class Run(Line):
    """The head of a file: where and with what the run was measured."""

    kind: Literal["run"] = "run"
    matrix: str = Field(description="digest of the declaration")
    gradtier: str = Field(description="version of gradtier")
    started: str = Field(description="UTC, ISO 8601")
    host: Mapping[str, str]
    versions: Mapping[str, str] = Field({}, description="installed distributions of all backends")
    selection: Mapping[str, list[str]] = {}
    planned: int = Field(description="trials that this run was to do")
    source: Source = Field("self", description="who measured, by its own word: ci, self")


class Record(Line):
    """One trial: what came out, how it was judged, on what."""

    kind: Literal["trial"] = "trial"
    trial: str = Field(description="suite/case@backend/device/nesting/dtype")
    digest: str = Field(description="of everything that can change the answer")
    outcome: Outcome
    reason: Reason | None = None
    detail: str = Field("", description="one sentence")
    verdict: Mapping[str, Any] | None = Field(None, description="the oracle's numbers")
    reference: str | None = Field(None, description="row that served as the reference")
    checks: Mapping[str, str] = Field({}, description="further checks, and what each found")
    observed: Mapping[str, str] = Field({}, description="device and dtype of the result; settings")
    versions: Mapping[str, str] = {}
    first_seconds: float | None = Field(None, description="first derivative call, compiling too")
    call_seconds: float | None = Field(None, description="median of the later derivative calls")
    seconds: float = Field(0.0, description="wall-clock time of the trial")
    finished: str = Field("", description="UTC, ISO 8601")

    @property
    def key(self) -> tuple[str, str]:
        """What it is a record of: the trial, as it was declared."""
        return self.trial, self.digest


class Bench(Line):
    """One benchmark of one backend: what a derivative costs, if it is right."""

    kind: Literal["bench"] = "bench"
    benchmark: str = Field(description="suite/case")
    backend: str
    device: str
    dtype: str
    mode: Mode = Field(description="of the derivative: a JVP in forward mode, a VJP in reverse")
    digest: str = Field(description="of everything that can change the numbers, the host aside")
    outcome: Outcome = Field(description="of the derivative; there are times if it agrees")
    reason: Reason | None = None
    detail: str = Field("", description="one sentence")
    reference: str | None = Field(None, description="row that served as the reference")
    first_seconds: Seconds | None = Field(
        None, description="first derivative call of that process, tracing and compiling too"
    )
    derivative: Laps | None = Field(None, description="value and derivative together")
    primal: Laps | None = Field(None, description="the function as the backend executes it")
    peak_bytes: int | None = Field(
        None, ge=0, description="of one derivative call, beyond what was there before"
    )
    observed: Mapping[str, str] = Field({}, description="settings; cores; who counted the bytes")
    versions: Mapping[str, str] = {}
    seconds: float = Field(0.0, description="wall-clock time of all that was asked of the backend")
    finished: str = Field("", description="UTC, ISO 8601")

    @model_validator(mode="after")
    def _only_what_is_right_has_a_speed(self) -> Self:
        timed = self.derivative is not None and self.primal is not None
        if timed != (self.outcome is Outcome.AGREE):
            has = "times" if timed else "no times of both the derivative and the primal"
            raise ValueError(f"outcome {self.outcome} with {has}")
        return self

    @property
    def key(self) -> Key:
        """What it is a record of."""
        return self.benchmark, self.backend, self.device, self.dtype


AnyLine = Run | Record | Bench
_KINDS: Mapping[str, type[AnyLine]] = {"run": Run, "bench": Bench}


@dataclass(frozen=True)
class Evidence:
    """What evidence files say.

    Attributes:
        runs: run id -> head.
        records: trial id and digest -> the record that counts.
        benches: benchmark, backend, device and dtype -> the record that counts; all those of one
            benchmark, device and dtype are of one run (:func:`gradtier.laps.counting`).
        problems: lines that could not be read; everything else was kept.
        files: names of the files, in reading order.
        earlier: trial id and digest -> the other records of it, which do not count.
        timed: the runs that benchmarks were timed in.
    """

    runs: Mapping[str, Run]
    records: Mapping[tuple[str, str], Record]
    problems: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()
    benches: Mapping[Key, Bench] = field(default_factory=dict)
    earlier: Mapping[tuple[str, str], tuple[Record, ...]] = field(default_factory=dict)
    timed: frozenset[str] = frozenset()

    def of(self, planned: Planned) -> Record | None:
        """The record of a planned trial, if it was measured as the plan now has it."""
        return self.records.get((str(planned.id), planned.digest))

    def all_of(self, planned: Planned) -> tuple[Record, ...]:
        """Every record of a planned trial, the one that counts first."""
        counts = self.of(planned)
        return () if counts is None else (counts, *self.earlier.get(counts.key, ()))

    @cached_property
    def trials_by_run(self) -> Mapping[str, int]:
        """Run -> trials of which it left a record."""
        others = (r for found in self.earlier.values() for r in found)
        return Counter(
            run for run, _ in {(r.run, r.key) for r in (*self.records.values(), *others)}
        )

    def conflict(self, planned: Planned) -> tuple[Outcome, ...]:
        """The different outcomes of a trial under the same conditions, the worst first.

        Empty unless there are two or more: the trial is flaky then.  Conditions are the declaration
        of the trial, the versions of the packages and that of gradtier.
        """
        counts = self.of(planned)
        if counts is None or counts.key not in self.earlier:
            return ()
        ends = {r.outcome for r in self.all_of(planned) if _alike(r, counts, self.runs)}
        found = tuple(o for o in reversed(FROM_BEST) if o in ends)
        return found if len(found) > 1 else ()


def to_line(line: AnyLine) -> bytes:
    """The line as it stands in a file, with its newline."""
    data = line.model_dump(mode="json", by_alias=True)
    kept = {k: v for k, v in data.items() if v not in (None, {}, "")}
    return json.dumps(kept, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def append(file: Path, line: AnyLine) -> None:
    """Append one line, whole, whoever else is writing."""
    with file.open("ab", buffering=0) as out, _locked(out.fileno()):
        out.write(to_line(line))


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

    def add(self, line: AnyLine) -> None:
        """Take in one line."""
        if isinstance(line, Run):
            self._runs[line.run] = line
        elif isinstance(line, Bench):
            self._benches.append(line)
        elif (first := self._records.setdefault(line.key, line)) is not line:
            found = self._several.setdefault(line.key, [first])
            if line not in found:  # a file may be read twice
                found.append(line)

    def evidence(self, problems: Iterable[Problem], files: Iterable[str]) -> Evidence:
        """What the lines so far say; lines that are added later do not change it."""
        records, earlier = dict(self._records), {}
        for key, found in self._several.items():
            counts = _counting(found, self._runs)
            records[key] = counts
            earlier[key] = tuple(r for r in found if r is not counts)
        return Evidence(
            dict(self._runs), records, tuple(problems), tuple(files), counting(self._benches),
            {key: others for key, others in earlier.items() if others},
            frozenset(b.run for b in self._benches),
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
    for file in files:
        names.append(file.name)
        for line in lines(file):
            if isinstance(line, Problem):
                problems.append(line)
            else:
                gathering.add(line)
    return gathering.evidence(problems, names)


def lines(file: Path) -> Iterator[AnyLine | Problem]:
    """Every line of an evidence file, in order; one that can't be read is a problem.

    Raises:
        InputError: the file can't be read, or holds no line that is evidence.
    """
    found = 0
    first: Problem | None = None
    for number, text in _lines(file):
        try:
            line = _parse(text, Place(file.name, number))
        except InputError as error:
            first = first or error.problems[0]
            yield from error.problems
            continue
        found += 1
        yield line
    if not found:
        raise InputError(f"{file.name}: holds no evidence" + (f"; {first}" if first else ""))


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with _opened(file) as handle:
            for number, text in enumerate(handle, 1):
                if text.strip():
                    yield number, text
    except (OSError, EOFError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{file.name}: can't be read as evidence: {why}") from error


def _opened(file: Path) -> Any:
    return gzip.open(file) if file.suffix == ".gz" else file.open("rb")


def _parse(text: bytes, place: Place) -> AnyLine:
    try:
        data = json.loads(text)
    except ValueError:
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
    mine = sum(1 for t in plan.trials if evidence.of(t) is not None)
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
