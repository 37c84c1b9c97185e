"""Controls: before a run measures, its harness must catch backends that are wrong on purpose.

An adapter of the matrix is spoiled in a few ways (:mod:`gradtier.backends.faulty`) and goes the way
of every backend: a worker process, the same witnesses, the same judge.  Unspoiled it must agree, or
nothing would be shown; each fault must come out as its own outcome.  If one does not, the run is
void: it measures nothing, and nobody counts what it holds.

The faults are those that a rotten harness would miss first, one of each kind.  What is left out:
faults that take long (a hog of memory, a slow backend) and those whose check is the same as that of
another one here (sign, none, shape, dtype, ...); the tests run all of them.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from gradtier.backends.faulty import FAULTS, Faulty
from gradtier.cases import Case
from gradtier.engine import Engines
from gradtier.fitting import fitting, rows
from gradtier.lines import Control
from gradtier.matrix import Backend
from gradtier.model import Cell, Mode, Nesting, Outcome, Reason, TrialId
from gradtier.plan import Plan, Planned
from gradtier.running import Opened
from gradtier.trial import Runner, now
from gradtier.witnesses import Bench

#: First order: a factor; one element by 1e-5 of its size; a severed graph; one NaN; float32 within
#: float64; a point that was kept; a process that dies; one that hangs.
FIRST = ("double", "element", "zero", "nan", "single", "stale", "exit", "hang")
#: Nested, where nested trials are measured: right first order, wrong second.
SECOND = "second"
EXACT = "exact"
EXPECTED = {**FAULTS, SECOND: (Outcome.WRONG, Reason.VALUE)}

HANG = 1.0  # seconds that the hanging one is waited for, in place of the matrix's timeout
PATIENCE = 120.0  # seconds for the others at least: a busy machine is no rot
MOST_ROWS, MOST_CASES = 4, 3  # on which the unspoiled adapter is tried before it is given up


@dataclass(frozen=True)
class Subject:
    """What is spoiled, and on which case that shows."""

    row: str
    case: Case


@dataclass(frozen=True)
class Checked:
    """What the controls of a run came to.

    Attributes:
        done: those that were run, in order; the last one is not caught if the run is void.
        why_none: why none could be run, or empty.
    """

    done: tuple[Control, ...]
    why_none: str = ""

    @property
    def void(self) -> Control | None:
        """The control that was not caught."""
        return next((c for c in self.done if not c.is_caught), None)

    def words(self) -> str:
        """One line for whoever runs it."""
        if self.void is not None:
            return self.void.why_void
        if not self.done:
            return f"controls: none could be run, so this run is unchecked: {self.why_none}"
        first, seconds = self.done[0], sum(c.seconds for c in self.done)
        faults = sum(c.fault != EXACT for c in self.done)
        return (
            f"controls: {faults} of {faults} faults caught in {seconds:.0f} s, "
            f"put into {first.around} on {first.case}"
        )


def check(
    opened: Opened, run: str, left: Iterable[Planned], keep: Callable[[Control], None]
) -> Checked:
    """Run the controls of a run, up to the first that is not caught.

    Args:
        opened: the matrix.
        run: the run's id.
        left: the trials that the run is about to measure; its cases are chosen among theirs.
        keep: takes in each control as it ends.
    """
    here = [t for t in left if not t.unavailable]
    if not here:
        return Checked((), "no trial can be run here")
    cases = {t.id.case_id: opened.plan.cases[t.id.case_id] for t in here}
    fit = fitting(opened.plan.matrix, cases.values(), MOST_CASES)
    if not fit:
        return Checked((), "no selected case is small, smooth, real and curved everywhere")
    bed = _Bed(opened, run)
    done: list[Control] = []
    try:
        right, said = _agreeing(bed, here, fit)
        if right is None:
            return Checked((), said)
        subject = Subject(right.around, opened.plan.cases[right.case])
        for control in chain([right], _faults(bed, subject, here)):
            keep(control)
            done.append(control)
            if not control.is_caught:
                break
    finally:
        bed.engines.close()
    return Checked(tuple(done))


def _agreeing(
    bed: _Bed, here: Iterable[Planned], fit: tuple[Case, ...]
) -> tuple[Control | None, str]:
    """A row that agrees, unspoiled, on one of the cases; or how the last one that was tried ended.

    That none agrees does not make the run void: a harness that fails everything shows itself, and
    the only backend there is may really be wrong.
    """
    plan, here = bed.opened.plan, tuple(here)
    modes = {plan.matrix.backends[t.id.cell.backend].mode for t in here}
    mode = Mode.REVERSE if Mode.REVERSE in modes else Mode.FORWARD
    able = _able(plan, frozenset(case.id for case in fit))
    order = [row for row in rows(plan.matrix, bed.opened.host, mode) if row in able]
    if any(t.id.cell.nesting is not Nesting.NONE for t in here):
        nested = {t.id.cell.backend for t in plan.trials if t.id.cell.nesting is not Nesting.NONE}
        order.sort(key=lambda row: row not in nested)
    said = "no installed row is planned for the cases that suit, and not expected to fail them"
    for row in order[:MOST_ROWS]:
        for case in (case for case in fit if case.id in able[row]):
            control = bed.control(Subject(row, case), EXACT)
            if control.is_caught:
                return control, ""
            said = f"unspoiled, {row} on {case.id} ends as {control.outcome}: {control.detail}"
    return None, said


def _able(plan: Plan, cases: frozenset[str]) -> dict[str, set[str]]:
    """Row -> those of the cases that are planned for it and that no claim expects to fail."""
    matrix, today = plan.matrix, datetime.date.today()
    found: dict[str, set[str]] = {}
    for t in plan.trials:
        if t.id.case_id not in cases or t.deep is not None or t.id.cell.device != "cpu":
            continue
        if matrix.claim_on(t.id, today) is None:
            found.setdefault(t.id.cell.backend, set()).add(t.id.case_id)
    return found


def _faults(bed: _Bed, subject: Subject, here: Iterable[Planned]) -> Iterator[Control]:
    """Each fault; the nested one where the row, unspoiled, has a right second derivative."""
    for fault in FIRST:
        yield bed.control(subject, fault)
    for nesting in dict.fromkeys(t.id.cell.nesting for t in here):
        if nesting is Nesting.NONE:
            continue
        right = bed.control(subject, EXACT, nesting)
        if right.is_caught:
            yield right
            yield bed.control(subject, SECOND, nesting)
            return


class _Bed:
    """Where controls are run: the matrix with a spoiled row for each fault, its workers."""

    def __init__(self, opened: Opened, run: str) -> None:
        self.opened, self.run = opened, run
        matrix = opened.plan.matrix
        spoiled = {
            _name(fault, row): _spoiled(matrix.backends[row], fault)
            for row in matrix.backends
            if matrix.backends[row].adapter
            for fault in (EXACT, *FIRST, SECOND)
        }
        self.matrix = matrix.model_copy(update={
            "backends": {**matrix.backends, **spoiled},
            "timeout": max(matrix.timeout, PATIENCE),
        })  # fmt: skip
        own = opened.host.environments
        self.engines = Engines(self.matrix, opened.suites, opened.loaded.root, own)
        self._bench = Bench(self.matrix, self.engines, None)

    def control(self, subject: Subject, fault: str, nesting: Nesting = Nesting.NONE) -> Control:
        """One fault, through the path of every trial."""
        cell = Cell(_name(fault, subject.row), "cpu", nesting, "float64")
        planned = Planned(TrialId(subject.case.suite, subject.case.name, cell), "")
        record, _ = self._runner(fault).run(planned)
        expected, reason = EXPECTED[fault]
        return Control(
            run=self.run, fault=fault, case=subject.case.id, around=subject.row, nesting=nesting,
            expected=expected, expected_reason=reason,
            outcome=record.outcome, reason=record.reason, detail=record.detail,
            caught=(record.outcome, record.reason) == (expected, reason),
            seconds=record.seconds, finished=now(),
        )  # fmt: skip

    def _runner(self, fault: str) -> Runner:
        matrix = self.matrix
        if fault == "hang":
            matrix = matrix.model_copy(update={"timeout": HANG})
        plan = replace(self.opened.plan, matrix=matrix)
        return Runner(plan, self.engines, self._bench, self.run)


def _name(fault: str, row: str) -> str:
    """Of a spoiled row: no row of a matrix can have a name with blanks."""
    return f"control {fault} {row}"


def _spoiled(row: Backend, fault: str) -> Backend:
    """A row with its adapter spoiled; it is of another package, so that the row may judge it."""
    kind = f"{Faulty.__module__}:{Faulty.__name__}"
    options = {"around": row.adapter, "fault": fault, **row.options}
    return row.model_copy(update={"adapter": kind, "options": options, "package": "control"})
