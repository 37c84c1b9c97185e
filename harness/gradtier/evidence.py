"""Evidence: one JSON line per trial, appended the moment it ends.

A file begins with a ``run`` line (who measured, on what, with which versions) and goes on with
``trial`` lines.  Several processes may append to one file: each line is one ``write`` under a lock.
A file whose writer was killed reads back up to its last whole line; the broken one is reported.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gradtier.errors import InputError, Place, Problem
from gradtier.model import Outcome, Reason
from gradtier.plan import Plan, Planned

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: one writer per file there
    fcntl = None  # type: ignore[assignment]

SCHEMA = "gradtier/evidence/1"


class Line(BaseModel):
    """What both kinds of line share."""

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


@dataclass(frozen=True)
class Evidence:
    """What evidence files say.

    Attributes:
        runs: run id -> head.
        records: trial id and digest -> the record that counts.
        problems: lines that could not be read; everything else was kept.
        files: names of the files, in reading order.
    """

    runs: Mapping[str, Run]
    records: Mapping[tuple[str, str], Record]
    problems: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()

    def of(self, planned: Planned) -> Record | None:
        """The record of a planned trial, if it was measured as the plan now has it."""
        return self.records.get((str(planned.id), planned.digest))


def to_line(line: Run | Record) -> bytes:
    """The line as it stands in a file, with its newline."""
    data = line.model_dump(mode="json", by_alias=True)
    kept = {k: v for k, v in data.items() if v not in (None, {}, "")}
    return json.dumps(kept, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def append(file: Path, line: Run | Record) -> None:
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


def read(files: Iterable[Path]) -> Evidence:
    """Read evidence files (``.jsonl``, or ``.jsonl.gz``).

    The later record of a trial counts, except that one that is no evidence (``unavailable``,
    ``error``) never displaces one that is.

    Raises:
        InputError: a file can't be read, holds no line that is evidence, or is of another schema.
    """
    runs: dict[str, Run] = {}
    records: dict[tuple[str, str], Record] = {}
    problems: list[Problem] = []
    names: list[str] = []
    for file in files:
        names.append(file.name)
        found = 0
        for number, text in _lines(file):
            try:
                line = _parse(text, Place(file.name, number))
            except InputError as error:
                problems += error.problems
                continue
            found += 1
            if isinstance(line, Run):
                runs[line.run] = line
            elif _counts(line, records.get(line.key)):
                records[line.key] = line
        if not found:
            why = f"; {problems[0]}" if problems else ""
            raise InputError(f"{file.name}: holds no evidence{why}")
    return Evidence(runs, records, tuple(problems), tuple(names))


def _counts(new: Record, old: Record | None) -> bool:
    return old is None or new.outcome.is_evidence or not old.outcome.is_evidence


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


def _parse(text: bytes, place: Place) -> Run | Record:
    try:
        data = json.loads(text)
    except ValueError:
        ending = "unfinished line" if not text.endswith(b"\n") else "not JSON"
        raise InputError(Problem(f"{ending} ({len(text)} bytes); left out", place)) from None
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema != SCHEMA:
        raise InputError(Problem(f"found schema {schema!r}; expected '{SCHEMA}'; left out", place))
    model = Run if data.get("kind") == "run" else Record
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
