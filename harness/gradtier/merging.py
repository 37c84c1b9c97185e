"""Evidence files of several machines -> one file, in constant memory.

Records are copied as they stand.  What is known of them beside that lies in a database on disk that
is thrown away at the end, so that a gigabyte of evidence merges in the memory of a page.

- A line that stands there twice, to the byte, is written once.
- Records of one trial with different outcomes in one environment are a conflict: both are kept, and
  whoever reads the merged file counts the worse.  Environments (versions, gradtier) stay apart.
- A trial that the manifest of a shard names, and of which its run left no record, is ``missing``.
- A shard that left no record at all is void, which is said; so are all its trials missing.
- A run whose controls were not caught is void too: its records are left out, its head and controls
  are copied, so that the merged file says why, and a merge of merged files still knows.
- A shard of which there is no file, beside others of its number, is said too.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import gradtier
from gradtier.errors import InputError, Problem
from gradtier.evidence import SCHEMA, Bench, EveryLine, Record, Run, every_line, to_line
from gradtier.lines import Control, Input, Manifest, Merged
from gradtier.model import Outcome
from gradtier.records import Reader

MOST_NAMED = 20  # conflicts that are named; all are counted
MOST_PROBLEMS = 1000  # lines without evidence that are named; all are counted
MOST_SHARED = 1000  # parts of records that are kept while they are read

_TABLES = """
CREATE TABLE lines (hash BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE ends (
    trial TEXT, digest TEXT, environment BLOB, outcome TEXT,
    PRIMARY KEY (trial, digest, environment, outcome)
) WITHOUT ROWID;
CREATE TABLE asked (
    run TEXT, trial TEXT, digest TEXT, PRIMARY KEY (run, trial, digest)
) WITHOUT ROWID;
CREATE TABLE done (
    run TEXT, trial TEXT, digest TEXT, PRIMARY KEY (run, trial, digest)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Merge:
    """What a merge found.

    Attributes:
        head: as it stands in the merged file.
        records: records and benchmarks that were written, those of missing trials not counted.
        void: shards that left no record and runs whose controls were not caught, as sentences.
        unchecked: shards without any control, as sentences.
        conflicts: some of the trials with several outcomes in one environment: trial, outcomes.
        problems: some of the lines that are no evidence, which were left out.
        unread: how many these are in all.
    """

    head: Merged
    records: int
    void: tuple[str, ...]
    unchecked: tuple[str, ...]
    conflicts: tuple[tuple[str, tuple[str, ...]], ...]
    problems: tuple[Problem, ...]
    unread: int


def merge(files: Sequence[Path], out: Path) -> Merge:
    """Merge evidence files into ``out``, which is there whole or not at all.

    Raises:
        InputError: a file can't be read or holds no evidence, they are of several matrices, or
            ``out`` can't be written or is one of them.
    """
    if any(out.resolve() == file.resolve() for file in files):
        raise InputError(f"{out.name}: the merged file can't be one of those that are merged")
    heads = _heads(files)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix="gradtier-") as folder,
            contextlib.closing(sqlite3.connect(Path(folder) / "merge.sqlite")) as base,
            tempfile.NamedTemporaryFile(
                dir=out.parent, prefix=f".{out.name}-", delete=False
            ) as new,
        ):
            try:
                found = _Merging(base, heads).into(files, new, Path(folder) / "body")  # type: ignore[arg-type]
                _finish(new, out)
            except BaseException:
                os.unlink(new.name)
                raise
    except OSError as error:
        raise InputError(f"{out}: can't be written: {error.strerror or error}") from error
    return found


def _finish(new: Any, out: Path) -> None:
    """Give the file its name; compressed, if the name asks for that."""
    new.flush()
    os.fsync(new.fileno())
    if out.suffix != ".gz":
        os.replace(new.name, out)
        return
    packed = Path(f"{new.name}.gz")
    with (
        open(new.name, "rb") as plain,
        packed.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as target,
    ):
        while piece := plain.read(2**20):
            target.write(piece)
    os.replace(packed, out)
    os.unlink(new.name)


@dataclass(frozen=True)
class _Heads:
    """What is known before anything is copied.

    Attributes:
        runs: run -> its head, and the file where it stands.
        void: run -> the control that was not caught, and the file where it stands.
        checked: runs with controls.
    """

    runs: Mapping[str, tuple[Run, str]]
    void: Mapping[str, tuple[Control, str]]
    checked: Collection[str]


def _heads(files: Sequence[Path]) -> _Heads:
    """Read the files once for their heads and controls.

    Raises:
        InputError: they are of several matrices, or two heads of one run differ.
    """
    runs: dict[str, tuple[Run, str]] = {}
    void: dict[str, tuple[Control, str]] = {}
    checked = set[str]()
    problems = []
    for file in files:
        for _, line in every_line(file, Reader(MOST_SHARED)):
            if type(line) is Record:  # nearly all of them
                continue
            if isinstance(line, Control):
                checked.add(line.run)
                if not line.is_caught:
                    void.setdefault(line.run, (line, file.name))
            if not isinstance(line, Run):
                continue
            known = runs.setdefault(line.run, (line, file.name))
            if known[0].matrix != line.matrix:
                problems.append(Problem(
                    f"run {line.run} is of matrix {known[0].matrix} in {known[1]}, and of "
                    f"{line.matrix} in {file.name}"
                ))  # fmt: skip
    matrices = {run.matrix: name for run, name in runs.values()}
    if len(matrices) > 1 and not problems:
        said = ", ".join(f"{matrix} in {name}" for matrix, name in sorted(matrices.items()))
        problems.append(Problem(
            f"evidence of several matrices can't become one run: {said}",
            hint="give them to `gradtier report` side by side instead",
        ))  # fmt: skip
    if problems:
        raise InputError(problems)
    return _Heads(runs, void, checked)


class _Merging:
    """One merge while it goes on."""

    def __init__(self, base: sqlite3.Connection, heads: _Heads) -> None:
        self.base, self.heads = base, heads
        self.problems: list[Problem] = []
        self.duplicates = self.records = self.unread = 0
        base.executescript(_TABLES)
        base.execute("PRAGMA journal_mode = OFF")
        base.execute("PRAGMA synchronous = OFF")

    def into(self, files: Sequence[Path], out: BinaryIO, body: Path) -> Merge:
        """Write everything into ``out``: the head first, which is known last."""
        with body.open("w+b") as lines:
            inputs = tuple(self._copied(file, lines) for file in files)
            missing = sum(self._missing(lines))
            of = hashlib.sha256("".join(i.sha256 for i in inputs).encode()).hexdigest()
            head = Merged(
                run=f"merge-{of[:12]}",
                gradtier=gradtier.__version__, inputs=inputs, duplicates=self.duplicates,
                conflicts=self._count_conflicts(), missing=missing,
            )  # fmt: skip
            out.write(to_line(head))
            lines.seek(0)
            while piece := lines.read(2**20):
                out.write(piece)
        return Merge(
            head, self.records, tuple(self._void()), tuple(self._unchecked()),
            tuple(self._conflicts()), tuple(self.problems), self.unread,
        )  # fmt: skip

    def _copied(self, file: Path, out: BinaryIO) -> Input:
        digest, count, evident = hashlib.sha256(), 0, False
        for text, line in every_line(file, Reader(MOST_SHARED)):
            digest.update(text)
            count += 1
            if isinstance(line, Problem):
                self.unread += 1
                if len(self.problems) < MOST_PROBLEMS:
                    self.problems.append(line)
                continue
            evident = evident or isinstance(line, Run | Record | Bench | Control)
            if isinstance(line, Merged):
                continue
            if line.run in self.heads.void and isinstance(line, Record | Bench):
                continue
            whole = text if text.endswith(b"\n") else text + b"\n"
            key = hashlib.blake2b(whole, digest_size=16).digest()
            if self._is_new("INSERT OR IGNORE INTO lines VALUES (?)", key):
                out.write(whole)
                self._note(line)
            else:
                self.duplicates += 1
        if not evident:
            raise InputError(f"{file.name}: holds no evidence of schema '{SCHEMA}'")
        return Input(file=file.name, sha256=digest.hexdigest(), lines=count)

    def _is_new(self, insert: str, *values: object) -> bool:
        return self.base.execute(insert, values).rowcount > 0

    def _note(self, line: EveryLine) -> None:
        if isinstance(line, Manifest):
            self.base.executemany(
                "INSERT OR IGNORE INTO asked VALUES (?, ?, ?)",
                ((line.run, f"{c}@{line.cell}", digest) for c, digest in line.trials.items()),
            )
        elif isinstance(line, Record):
            self.records += 1
            done = (line.run, line.trial, line.digest)
            self.base.execute("INSERT OR IGNORE INTO done VALUES (?, ?, ?)", done)
            if line.outcome.is_evidence:
                end = (line.trial, line.digest, self._environment(line), str(line.outcome))
                self.base.execute("INSERT OR IGNORE INTO ends VALUES (?, ?, ?, ?)", end)
        elif isinstance(line, Bench):
            self.records += 1

    def _environment(self, record: Record) -> bytes:
        """What results may depend on beside the trial: versions, gradtier's too."""
        run = self.heads.runs.get(record.run)
        said = [
            run[0].gradtier if run is not None else "",
            *map(repr, sorted(record.versions.items())),
        ]
        return hashlib.blake2b("\0".join(said).encode(), digest_size=8).digest()

    def _missing(self, out: BinaryIO) -> Iterator[int]:
        """Write a record of each trial that a shard was to do and did not; 1 for each."""
        rows = self.base.execute(
            "SELECT run, trial, digest FROM asked EXCEPT SELECT run, trial, digest FROM done"
        )
        for run, trial, digest in rows:
            out.write(to_line(Record(
                run=run, trial=trial, digest=digest, outcome=Outcome.MISSING,
                detail="planned in this run, which left no record of it",
            )))  # fmt: skip
            yield 1

    def _count_conflicts(self) -> int:
        (found,) = self.base.execute(
            "SELECT COUNT(*) FROM (SELECT 1 FROM ends GROUP BY trial, digest, environment "
            "HAVING COUNT(*) > 1)"
        ).fetchone()
        return int(found)

    def _conflicts(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        rows = self.base.execute(
            "SELECT trial, GROUP_CONCAT(outcome) FROM ends GROUP BY trial, digest, environment "
            "HAVING COUNT(*) > 1 ORDER BY trial LIMIT ?", (MOST_NAMED,),
        )  # fmt: skip
        for trial, outcomes in rows:
            yield trial, tuple(sorted(outcomes.split(",")))

    def _void(self) -> Iterator[str]:
        for control, name in self.heads.void.values():
            yield ": ".join(filter(None, (name, self._shard(control.run), control.why_void)))
        for run, (head, name) in self.heads.runs.items():
            (done,) = self.base.execute(
                "SELECT COUNT(*) FROM done WHERE run = ?", (run,)
            ).fetchone()
            shard = self._shard(run)
            if head.planned and not done and shard and run not in self.heads.void:
                yield f"{name}: {shard} ran none of its {head.planned} trials: void"
        for absentee in absent([head.selection for head, _ in self.heads.runs.values()]):
            yield f"shard {absentee} is in none of the files: what it was to do is not known: void"

    def _unchecked(self) -> Iterator[str]:
        for run, (_, name) in self.heads.runs.items():
            shard = self._shard(run)
            if shard and run not in self.heads.checked:
                yield f"{name}: {shard} is unchecked: its run had no controls"

    def _shard(self, run: str) -> str:
        """``shard 3/8``, or nothing if the run was none."""
        known = self.heads.runs.get(run)
        shard = "".join(known[0].selection.get("shard", [])) if known is not None else ""
        return shard and f"shard {shard}"


def absent(selections: Iterable[Mapping[str, Sequence[str]]]) -> list[str]:
    """Shards that others of the same selection speak of, and of which there is no run.

    Args:
        selections: of the runs, as their heads have them.
    """
    there: dict[tuple[str, str], set[int]] = {}
    for selection in selections:
        number, _, of = "".join(selection.get("shard", [])).partition("/")
        if of:
            rest = repr(sorted((k, v) for k, v in selection.items() if k != "shard"))
            there.setdefault((of, rest), set()).add(int(number))
    return [
        f"{n}/{of}"
        for (of, _), known in sorted(there.items())
        for n in range(1, int(of) + 1)
        if n not in known
    ]
