"""Matrix x cases x host -> plan: every trial, and everything excluded with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache, cached_property
from typing import Any

import msgspec

from gradtier.cases import Case, Suite
from gradtier.errors import InputError, Problem, nearest
from gradtier.host import Host
from gradtier.inputs import COMPLEX
from gradtier.loading import Loaded
from gradtier.matrix import Matrix, Reference, any_glob, canonical, digest_of
from gradtier.model import AXES, Cell, TrialId
from gradtier.patterns import Firsts
from gradtier.standard import VERSION, coverage

SCHEMA = "gradtier/plan/1"

#: Raised when the same trial would be judged by other rules than before: older records of it then
#: no longer count.
PROTOCOL = 5


@dataclass(frozen=True)
class Excluded:
    """A cell, or one case in a cell, that is not planned."""

    cell: Cell
    case: str  # "suite/name", or "*" for every case
    reason: str
    because: str
    note: str | None = None


class Planned(msgspec.Struct, frozen=True, gc=False):
    """One trial of a plan.

    Attributes:
        id: which.
        digest: changes when anything that can change the answer does: case, adapter, options,
            cell, references, the rules of judging.
        unavailable: why it can't be run on this host, or empty.
        deep: why only a deep run measures it, or None. Without evidence it is excluded for that.
    """

    id: TrialId
    digest: str
    unavailable: str = ""
    deep: Excluded | None = None


@dataclass(frozen=True)
class Plan:
    """Every trial of a matrix on a host."""

    matrix: Matrix
    cases: Mapping[str, Case]
    trials: tuple[Planned, ...]
    exclusions: tuple[Excluded, ...]

    @cached_property
    def by_id(self) -> Mapping[str, Planned]:
        """Trial id as text -> trial."""
        return {str(t.id): t for t in self.trials}

    def settled(self, is_measured: Callable[[Planned], object]) -> Plan:
        """The plan in which a trial for deep runs that was not measured is excluded."""
        left = [t for t in self.trials if t.deep is not None and not is_measured(t)]
        if not left:
            return self
        gone = {id(t) for t in left}
        return replace(
            self,
            trials=tuple(t for t in self.trials if id(t) not in gone),
            exclusions=(*self.exclusions, *(t.deep for t in left if t.deep is not None)),
        )

    def covered(self) -> dict[str, Any]:
        """Which differentiable functions of the array API standard the trials call, on which rows.

        A row is a backend in one mode; that it is planned says nothing of how it ends.
        """
        rows: dict[str, set[str]] = {}
        for t in self.trials:
            rows.setdefault(t.id.case_id, set()).add(t.id.cell.backend)
        called = coverage(self.cases[name] for name in rows)
        reached = {f: {b for case in cases for b in rows[case]} for f, cases in called.items()}
        return {
            "version": VERSION,
            "functions": len(called),
            "covered": sum(1 for cases in called.values() if cases),
            "missing": sorted(f for f, cases in called.items() if not cases),
            "by_backend": {
                b: sum(1 for there in reached.values() if b in there)
                for b in dict.fromkeys(t.id.cell.backend for t in self.trials)
            },
        }

    def to_json(self) -> dict[str, Any]:
        """The contract ``gradtier/plan/1``."""
        return {
            "schema": SCHEMA,
            "matrix": self.matrix.digest,
            "trials": [
                {
                    "id": str(t.id),
                    "case": t.id.case_id,
                    "cell": str(t.id.cell),
                    "digest": t.digest,
                    "available": not t.unavailable,
                    "unavailable": t.unavailable,
                }
                for t in self.trials
            ],
            "exclusions": [
                {
                    "cell": str(e.cell),
                    "case": e.case,
                    "reason": e.reason,
                    "because": e.because,
                }
                for e in self.exclusions
            ],
            "standard": self.covered(),
        }


@dataclass(frozen=True)
class Selection:
    """What the user asked for: per axis the words or globs given; an empty axis means all."""

    backend: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    nesting: tuple[str, ...] = ()
    suite: tuple[str, ...] = ()
    case: tuple[str, ...] = ()
    dtype: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()  # the matrix's quick subset, beside what the user named
    deep: tuple[str, ...] = ()  # any word: also what is left to deep runs

    def covers(self, t: TrialId) -> bool:
        """Whether the trial is selected; a case is named with or without its suite."""
        return (
            _any(self.backend, t.cell.backend)
            and _any(self.device, t.cell.device)
            and _any(self.nesting, t.cell.nesting)
            and _any(self.suite, t.suite)
            and (_any(self.case, t.case) or _any(self.case, t.case_id))
            and _any(self.dtype, t.cell.dtype)
            and _any(self.quick, t.case_id)
        )

    def words(self) -> dict[str, list[str]]:
        """The axes that were given, for records."""
        return {a: list(getattr(self, a)) for a in (*AXES, "quick", "deep") if getattr(self, a)}


def selected(
    matrix: Matrix, axes: Mapping[str, tuple[str, ...]], quick: bool, deep: bool = False
) -> Selection:
    """The selection of these words per axis.

    Args:
        matrix: the declaration.
        axes: axis -> words or globs.
        quick: only the matrix's quick subset.
        deep: also what the matrix leaves to deep runs.

    Raises:
        InputError: the matrix declares no quick subset.
    """
    if quick and not matrix.quick:
        raise InputError("--quick: the matrix names no cases under 'quick'")
    subset = matrix.quick if quick else ()
    return Selection(**axes, quick=subset, deep=("yes",) if deep else ())


def _any(globs: tuple[str, ...], word: str) -> bool:
    return not globs or any_glob(globs, word)


def on(plan: Plan, host: Host) -> Plan:
    """The same plan on a host that has other packages; what is planned does not depend on that."""
    whys: dict[tuple[str, str], str] = {}

    def placed(t: Planned) -> Planned:
        row = t.id.cell.backend, t.id.cell.device
        if row not in whys:
            whys[row] = host.why_not(plan.matrix.backends[row[0]], row[1])
        why = whys[row]
        return t if t.unavailable == why else msgspec.structs.replace(t, unavailable=why)

    return replace(plan, trials=tuple(map(placed, plan.trials)))


def references_for(matrix: Matrix, backend: str) -> tuple[Reference, ...]:
    """The reference pairs of another package, in order: no backend vouches for itself."""
    own = matrix.backends[backend].package
    return tuple(r for r in matrix.reference if matrix.backends[r.reverse].package != own)


def make(loaded: Loaded, suites: Mapping[str, Suite], host: Host) -> Plan:
    """Plan every combination of the matrix on ``host``."""
    matrix = loaded.matrix
    cases = {case.id: case for suite in suites.values() for case in suite.cases.values()}
    drawn = _Drawn.all(cases.values())
    rules = Firsts(matrix.exclusions, cases.values())
    trials: list[Planned] = []
    excluded: list[Excluded] = []
    why_not = cache(lambda row, device: host.why_not(matrix.backends[row], device))
    for cell in matrix.cells():
        backend = matrix.backends[cell.backend]
        if cell.device not in backend.devices:
            why = f"it claims no {cell.device}"
            excluded.append(Excluded(cell, "*", "not-claimed", why))
            continue
        if backend.unavailable:
            excluded.append(Excluded(cell, "*", "unavailable", backend.unavailable))
            continue
        unavailable = why_not(cell.backend, cell.device)
        elsewhere = [s for s in suites if backend.suites and s not in backend.suites]
        for suite in elsewhere:
            why = f"the row is about {', '.join(backend.suites)} alone"
            excluded.append(Excluded(cell, f"{suite}/*", "by-design", why))
        out, judged = rules.within(cell), canonical([str(cell), *_judging(matrix, cell.backend)])
        for case in drawn:
            if case.suite in elsewhere:
                continue
            deep = None
            if (rule := out.get((case.suite, case.name))) is not None:
                name = f"{case.suite}/{case.name}"
                left_out = Excluded(cell, name, rule.reason, rule.because, rule.note)
                if not rule.deep:
                    excluded.append(left_out)
                    continue
                deep = left_out
            if case.is_complex and cell.dtype not in COMPLEX:
                why = f"there are no complex numbers in {cell.dtype}"
                name = f"{case.suite}/{case.name}"
                excluded.append(Excluded(cell, name, "by-design", why))
                continue
            key = digest_of(case.begins + judged[1:])
            trials.append(Planned(TrialId(case.suite, case.name, cell), key, unavailable, deep))
    return Plan(matrix, cases, tuple(trials), tuple(excluded))


@dataclass(frozen=True)
class _Drawn:
    """What planning asks of a case, asked once and not in every cell.

    Attributes:
        suite: of the case.
        name: of the case.
        is_complex: whether an input is.
        begins: how the list begins that its trials' digests are of, as canonical JSON.
    """

    suite: str
    name: str
    is_complex: bool
    begins: str

    @classmethod
    def all(cls, cases: Iterable[Case]) -> list[_Drawn]:
        """Of all cases, in their order."""
        return [
            cls(c.suite, c.name, c.is_complex, f"{canonical([PROTOCOL, c.digest])[:-1]},")
            for c in cases
        ]


def _judging(matrix: Matrix, backend: str) -> list[Any]:
    """What decides a verdict besides case and cell: the adapter, the witnesses."""
    pairs = references_for(matrix, backend)
    rows = [backend, *(row for pair in pairs for row in (pair.reverse, pair.forward))]
    single = [pair.single for pair in pairs]
    used = [matrix.backends[row] for row in rows]
    accuracy = matrix.backends[backend].accuracy
    granted = accuracy.relative if accuracy is not None else 0.0
    return [
        matrix.primal,
        granted,
        single,
        [(b.adapter, dict(b.options), b.mode.value) for b in used],
    ]


def select(plan: Plan, selection: Selection) -> tuple[Planned, ...]:
    """The selected trials.

    Raises:
        InputError: a word matches nothing on its axis, or the combination selects no trial.
    """
    matrix = plan.matrix
    known: dict[str, list[str]] = {
        "backend": list(matrix.backends),
        "device": list(matrix.axes.devices),
        "nesting": [str(n) for n in matrix.axes.nesting],
        "suite": list(matrix.suites),
        "case": [word for c in plan.cases.values() for word in (c.name, c.id)],
        "dtype": list(matrix.axes.dtypes),
        "quick": list(plan.cases),
    }
    problems = [
        Problem(f"--{axis} '{word}' matches nothing", hint=nearest(word, known[axis]))
        for axis, words in selection.words().items()
        for word in words
        if axis in known and not any(fnmatchcase(name, word) for name in known[axis])
    ]
    if problems:
        raise InputError(problems)
    covered = [t for t in plan.trials if selection.covers(t.id)]
    chosen = tuple(t for t in covered if selection.deep or t.deep is None)
    if not chosen:
        rules = {e.because for e in plan.exclusions if _touches(selection, e.cell)}
        why = f"; excluded: {'; '.join(sorted(rules))}" if rules else ""
        if covered:
            why = f"; {len(covered)} are left to deep runs: add --deep"
        given = " ".join(f"--{a} {w}" for a, ws in selection.words().items() for w in ws)
        raise InputError(f"the selection {given} holds no trial{why}")
    return chosen


def _touches(selection: Selection, cell: Cell) -> bool:
    return _any(selection.backend, cell.backend) and _any(selection.device, cell.device)
