"""What is timed: a race is one benchmark on one device in one dtype, with every backend in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from gradtier.cases import Case, Suite, load_suite
from gradtier.errors import InputError, Problem, nearest
from gradtier.evidence import Bench, Evidence
from gradtier.host import Host
from gradtier.lint import load_checked
from gradtier.loading import Loaded
from gradtier.matrix import Matrix, any_glob, digest
from gradtier.model import Outcome

#: Raised when times would mean something else than before: older ones then no longer count.
PROTOCOL = 1

#: The tag of a benchmark that ``--quick`` takes.
QUICK = "small"


@dataclass(frozen=True)
class Entry:
    """One backend in a race.

    Attributes:
        backend: its row.
        digest: of everything that can change the numbers, the host and the versions aside.
        unavailable: why it can't run on this host, or empty.
    """

    backend: str
    digest: str
    unavailable: str = ""


@dataclass(frozen=True)
class Race:
    """One benchmark on one device in one dtype: what is timed in turns."""

    case: Case
    device: str
    dtype: str
    entries: tuple[Entry, ...]

    def __str__(self) -> str:
        return f"{self.case.id} on {self.device} in {self.dtype}"


@dataclass(frozen=True)
class Wanted:
    """What the user asked for: per axis words or globs; an empty axis means all.

    Without a dtype the first of the matrix's axis is meant.
    """

    backend: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    case: tuple[str, ...] = ()
    dtype: tuple[str, ...] = ()
    quick: bool = False

    def words(self) -> dict[str, list[str]]:
        """The axes that were given, for records."""
        axes = {"backend": self.backend, "device": self.device, "case": self.case}
        axes |= {"dtype": self.dtype, "quick": (QUICK,) if self.quick else ()}
        return {axis: list(words) for axis, words in axes.items() if words}


@dataclass(frozen=True)
class Field:
    """A matrix with its benchmarks: where races are run.

    Attributes:
        loaded: the matrix as it stands in its file.
        matrix: the same with the benchmarks as its suites, for workers and witnesses.
        benchmarks: suite id -> suite.
    """

    loaded: Loaded
    matrix: Matrix
    benchmarks: Mapping[str, Suite]


def open_field(file: Path) -> Field:
    """Load and check a matrix and its benchmarks.

    Raises:
        InputError: with everything that is wrong with them, or there are no benchmarks.
    """
    loaded, _ = load_checked(file)
    matrix, root = loaded.matrix, loaded.root
    if not matrix.benchmarks:
        hint = "name a suite under 'benchmarks', as in benchmarks: {speed: {path: speed.py}}"
        raise InputError(
            Problem("the matrix has no benchmarks", loaded.document.place(()), "", hint)
        )
    suites = {name: load_suite(name, root / e.path) for name, e in matrix.benchmarks.items()}
    return Field(loaded, matrix.model_copy(update={"suites": matrix.benchmarks}), suites)


def races(field: Field, host: Host, wanted: Wanted) -> tuple[Race, ...]:
    """The races that are wanted, in the order of the matrix.

    A row that is about certain suites alone takes part in none.

    Raises:
        InputError: a word matches nothing on its axis, or no race is left.
    """
    matrix = field.matrix
    cases = [case for suite in field.benchmarks.values() for case in suite.cases.values()]
    _check_words(matrix, cases, wanted)
    chosen = [
        Race(case, device, dtype, entries)
        for case in cases
        if _names(wanted.case, case.name, case.id) and (not wanted.quick or QUICK in case.tags)
        for device in matrix.axes.devices
        if _names(wanted.device, device)
        for dtype in matrix.axes.dtypes
        if _names(wanted.dtype or matrix.axes.dtypes[:1], dtype)
        if (entries := tuple(_entries(matrix, host, wanted, case, device, dtype)))
    ]
    if not chosen:
        given = " ".join(f"--{a} {w}" for a, ws in wanted.words().items() for w in ws)
        raise InputError(f"the selection {given} holds no benchmark of any backend")
    return tuple(chosen)


def _entries(
    matrix: Matrix, host: Host, wanted: Wanted, case: Case, device: str, dtype: str
) -> Iterable[Entry]:
    for name, row in matrix.backends.items():
        if not row.adapter or row.suites or device not in row.devices:
            continue
        if _names(wanted.backend, name):
            made_of = [row.adapter, dict(row.options), row.mode.value]
            key = digest([PROTOCOL, case.id, case.digest, name, *made_of, device, dtype])
            yield Entry(name, key, host.why_not(row, device))


def _names(globs: tuple[str, ...], *words: str) -> bool:
    return not globs or any(any_glob(globs, word) for word in words)


def _check_words(matrix: Matrix, cases: Iterable[Case], wanted: Wanted) -> None:
    known: dict[str, list[str]] = {
        "backend": list(matrix.backends),
        "device": list(matrix.axes.devices),
        "case": [word for c in cases for word in (c.name, c.id)],
        "dtype": list(matrix.axes.dtypes),
    }
    problems = [
        Problem(f"--{axis} '{word}' matches nothing", hint=nearest(word, known[axis]))
        for axis, words in wanted.words().items()
        if axis in known
        for word in words
        if not any(fnmatchcase(name, word) for name in known[axis])
    ]
    if problems:
        raise InputError(problems)


def found(race: Race, evidence: Evidence) -> dict[str, Bench]:
    """Backend -> what the run that counts says of it, if it was measured as it is declared now."""
    said = {}
    for entry in race.entries:
        record = evidence.benches.get((race.case.id, entry.backend, race.device, race.dtype))
        if record is not None and record.digest == entry.digest:
            said[entry.backend] = record
    return said


def is_done(race: Race, evidence: Evidence) -> bool:
    """Whether a run has timed every backend of the race already.

    A race that was cut short is begun anew: times are compared within a run alone.
    """
    said = found(race, evidence)
    finished = [r for r in said.values() if r.outcome is not Outcome.ERROR]
    return len(finished) == len(race.entries)
