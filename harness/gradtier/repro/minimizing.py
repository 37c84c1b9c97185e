"""Smaller inputs for which a trial ends in the same way, judged as every trial is."""

from __future__ import annotations

import difflib
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gradtier import trees
from gradtier.cases import Case
from gradtier.engine import Engines
from gradtier.errors import InputError
from gradtier.evidence import Record
from gradtier.inputs import Input
from gradtier.messages import Leaves
from gradtier.meter import Meter
from gradtier.model import NO_EVIDENCE, Outcome, TrialId
from gradtier.plan import Planned
from gradtier.repro.shrunk import named, suite_file
from gradtier.repro.smaller import cost, shorter, simpler
from gradtier.running import Opened, open_matrix
from gradtier.trial import Runner
from gradtier.witnesses import Bench, primal

#: An error's text may say sizes and numbers; it is the same error if this much of it is the same.
ALIKE = 0.6


@dataclass(frozen=True)
class Smaller:
    """What shrinking came to.

    Attributes:
        case: the case with the smallest inputs.
        record: of the trial with them.
        words: from what to what, and how many were tried.
    """

    case: Case
    record: Record
    words: str


def minimized(matrix: Path, planned: Planned, record: Record | None, seconds: float) -> Smaller:
    """Shrink a trial's inputs while its outcome and reason stay.

    Args:
        matrix: the declaration.
        planned: the trial.
        record: how it ended; without one, what it ends in now.
        seconds: the time limit.

    Raises:
        InputError: the trial agrees, can't be run here, or ends otherwise here.
    """
    with tempfile.TemporaryDirectory(prefix="gradtier-") as folder:
        search = _Search(open_matrix(matrix), planned, Path(folder), seconds)
        try:
            return search.run(record)
        finally:
            search.close()


class _Search:
    """One search: the smallest inputs so far, and how to judge others."""

    def __init__(self, opened: Opened, planned: Planned, folder: Path, seconds: float) -> None:
        from rich.console import Console

        self.planned, self.folder, self.seconds = planned, folder, seconds
        plan, suite = opened.plan, planned.id.suite
        declared = plan.matrix.suites[suite]
        file = suite_file(suite, (opened.loaded.root / declared.path).resolve(), folder)
        suites = {**plan.matrix.suites, suite: declared.model_copy(update={"path": str(file)})}
        self.matrix = plan.matrix.model_copy(update={"suites": suites})
        self.plan = replace(plan, matrix=self.matrix)
        self.case = plan.cases[planned.id.case_id]
        self.engines = Engines(self.matrix, {suite: opened.suites[suite]}, opened.loaded.root)
        self.bench = Bench(self.matrix, self.engines, None)
        self.number, self.start = 0, time.monotonic()
        self.meter = Meter("shrinking", round(seconds), Console(stderr=True))
        self.shown = 0

    def close(self) -> None:
        """End the workers."""
        self.meter.close()
        self.engines.close()

    def run(self, record: Record | None) -> Smaller:
        """Shapes first, then numbers, each until nothing more can be taken away."""
        specs = [spec for _, spec in self.case.specs()]
        drawn = self.case.draw()
        free, fixed = iter(drawn[0]), iter(drawn[1])
        point: Leaves = tuple(next(fixed) if s.constant else next(free) for s in specs)
        first, case = self._judged(point)
        self._need(first, record)
        best, kept = (point, case, first), point
        movable = [
            not (s.constant and a.dtype.kind in "iub") for s, a in zip(specs, point, strict=True)
        ]
        ways: tuple[Callable[[Leaves], Iterator[Leaves]], ...] = (
            shorter, lambda p: simpler(p, movable),
        )  # fmt: skip
        for way in ways:
            best = self._descended(best, way, first)
        words = (
            f"made smaller: from {_shown(self.case, kept)} to {_shown(self.case, best[0])} "
            f"({cost_of(kept)} to {cost_of(best[0])} characters of numbers), "
            f"{self.number} tried in {self.meter.seconds:.0f} s"
        )
        if self._late():
            words += "; the time was over before all was tried"
        return Smaller(best[1], best[2], words)

    def _descended(
        self, best: tuple[Leaves, Case, Record], way: Callable[[Leaves], Iterator[Leaves]],
        like: Record,
    ) -> tuple[Leaves, Case, Record]:  # fmt: skip
        seen: set[bytes] = set()
        again = True
        while again and not self._late():
            again = False
            for point in way(best[0]):
                key = repr([(a.shape, a.tobytes()) for a in point]).encode()
                if self._late():
                    break
                if key in seen or not self._is_a_case(point):
                    continue
                seen.add(key)
                record, case = self._judged(point)
                if _alike(record, like):
                    best, again = (point, case, record), True
                    break
        return best

    def _late(self) -> bool:
        return time.monotonic() - self.start > self.seconds

    def _is_a_case(self, point: Leaves) -> bool:
        """Whether NumPy takes the inputs, with finite results, and something is left to move."""
        if not all(a.size for a in point):
            return False
        try:
            case = replace(self.case, inputs=self._inputs(point))
            y = primal(self.matrix, case, self.planned.id.cell.dtype)(case.draw()[0])
        except Exception:
            return False
        return bool(y) and all(a.size and np.isfinite(a).all() for a in y)

    def _inputs(self, point: Leaves) -> dict[str, object]:
        specs = [spec for _, spec in self.case.specs()]
        made = [
            Input(
                "complex" if np.iscomplexobj(a) else "values", a.shape,
                values=_nested(a.tolist()), constant=s.constant,
            )
            for s, a in zip(specs, point, strict=True)
        ]  # fmt: skip
        # leaves stand in the order of their names, which dicts need not have
        found: dict[str, object] = trees.replace(dict(self.case.inputs), iter(made))
        return found

    def _judged(self, point: Leaves) -> tuple[Record, Case]:
        case = named(self.case, self.number, self._inputs(point), self.folder)
        self.number += 1
        trial = TrialId(case.suite, case.name, self.planned.id.cell)
        plan = replace(self.plan, cases={**self.plan.cases, case.id: case})
        runner = Runner(plan, self.engines, self.bench, "minimized")
        record, _ = runner.run(Planned(trial, "minimized", self.planned.unavailable))
        done = min(round(self.meter.seconds), round(self.seconds))
        size = f"{sum(a.size for a in point)} numbers"
        self.meter.advance(
            done - self.shown, size, lambda: f"shrinking: {self.number} tried, now {size}, {done} s"
        )
        self.shown = done
        return record, case

    def _need(self, first: Record, record: Record | None) -> None:
        if first.outcome in NO_EVIDENCE:
            raise InputError(f"{self.planned.id}: can't be made smaller here: {first.detail}")
        if record is not None and not _alike(first, record):
            was, now = _ended(record), _ended(first)
            raise InputError(
                f"{self.planned.id}: it was {was}; here and with another seed it is {now}: "
                f"{first.detail or 'no detail'}; measure it again, or leave out --minimize"
            )
        if first.outcome == Outcome.AGREE:
            raise InputError(
                f"{self.planned.id}: it agrees: there is nothing to keep while shrinking"
            )


def _alike(a: Record, b: Record) -> bool:
    if (a.outcome, a.reason) != (b.outcome, b.reason):
        return False
    if a.outcome not in (Outcome.RAISED, Outcome.UNSUPPORTED):
        return True
    one, other = (re.sub(r"[\d.,()\[\]-]+", "", r.detail) for r in (a, b))
    if one.partition(":")[0] != other.partition(":")[0]:
        return False
    return difflib.SequenceMatcher(None, one, other).ratio() >= ALIKE


def _ended(record: Record) -> str:
    return str(record.outcome) + (f" ({record.reason})" if record.reason else "")


def _nested(value: object) -> object:
    return tuple(map(_nested, value)) if isinstance(value, list) else value


def _shown(case: Case, point: Leaves) -> str:
    pairs = zip(case.specs(), point, strict=True)
    return ", ".join(f"{path} {a.shape}" for (path, _), a in pairs)


def cost_of(point: Leaves) -> int:
    """The cost of all arrays; see :func:`gradtier.repro.smaller.cost`."""
    return sum(map(cost, point))
