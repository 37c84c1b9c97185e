"""Plan + evidence + policy -> assessments.

An :class:`Assessment` says what was measured of one backend; a claim never enters it except to be
compared.  The table takes assessments only.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from gradtier.evidence import Evidence, Record
from gradtier.matrix import Claim, Matrix
from gradtier.model import FAILURES, Cell, Nesting, Outcome
from gradtier.plan import Plan, Planned
from gradtier.tiers import Answer, ClassFinding, Tally, judge


@dataclass(frozen=True)
class Judged:
    """One planned trial with its record, and the claim that is made of it."""

    trial: Planned
    record: Record | None
    claim: Claim | None

    @property
    def outcome(self) -> Outcome:
        """The trial's outcome; planned without a record is ``missing`` (or ``unavailable``)."""
        if self.record is not None:
            return self.record.outcome
        return Outcome.UNAVAILABLE if self.trial.unavailable else Outcome.MISSING

    @property
    def as_claimed(self) -> bool:
        """Whether the trial ended as it was declared to."""
        return self.claim is not None and self.record is not None and self.claim.expects(
            self.record.outcome, self.record.reason
        )  # fmt: skip


@dataclass(frozen=True)
class CellSummary:
    """What is known of one cell.

    Attributes:
        cell: which.
        excluded: why nothing of it is planned (``not-claimed``, ...), or empty.
        trials: every planned trial of it, judged.
        partly_excluded: cases of it that are not planned -> why.
    """

    cell: Cell
    excluded: str
    trials: tuple[Judged, ...]
    partly_excluded: Mapping[str, str]

    @property
    def counts(self) -> Counter[Outcome]:
        """Trials by outcome."""
        return Counter(j.outcome for j in self.trials)

    @property
    def measured(self) -> int:
        """Trials with evidence."""
        return sum(n for outcome, n in self.counts.items() if outcome.is_evidence)

    @property
    def why_not_tested(self) -> tuple[str, ...]:
        """Why trials are without evidence: the records' own words, each once."""
        words = {
            (j.record.detail if j.record is not None else j.trial.unavailable) or "not run"
            for j in self.trials
            if not j.outcome.is_evidence
        }
        return tuple(sorted(words))


@dataclass(frozen=True)
class Drift:
    """A claim and the evidence that disagree, in either direction."""

    claim: Claim
    number: int  # position in the matrix
    trials: tuple[str, ...]
    says: str


@dataclass(frozen=True)
class Assessment:
    """One backend, judged.

    Attributes:
        backend: its id.
        tier: the id of the class that the evidence gives, or None.
        possible: a better class that missing evidence alone keeps away, or None.
        classes: every class of the policy with its criteria answered, best first.
        cells: a summary per cell.
        drift: claims about this backend that do not hold.
    """

    backend: str
    tier: str | None
    possible: str | None
    classes: tuple[ClassFinding, ...]
    cells: tuple[CellSummary, ...]
    drift: tuple[Drift, ...]

    def trials(self) -> Iterator[Judged]:
        """Every planned trial of the backend."""
        for cell in self.cells:
            yield from cell.trials

    @property
    def measured(self) -> int:
        """Trials with evidence, all cells together."""
        return sum(cell.measured for cell in self.cells)


def assess(plan: Plan, evidence: Evidence, today: datetime.date) -> tuple[Assessment, ...]:
    """Assess every backend of the matrix, in its order.

    Args:
        plan: what was to be measured.
        evidence: what was.
        today: claims that lapsed before this day no longer count.
    """
    claims = [c for c in plan.matrix.claims if c.until is None or c.until >= today]
    judged = [Judged(t, evidence.of(t), _claim(claims, t)) for t in plan.trials]
    cells = _cells(plan, judged)
    return tuple(_one(plan.matrix, backend, cells[backend]) for backend in plan.matrix.backends)


def _claim(claims: list[Claim], trial: Planned) -> Claim | None:
    return next((c for c in claims if c.match.covers(trial.id)), None)


def _cells(plan: Plan, judged: list[Judged]) -> dict[str, list[CellSummary]]:
    trials: dict[Cell, list[Judged]] = {}
    for j in judged:
        trials.setdefault(j.trial.id.cell, []).append(j)
    whole: dict[Cell, str] = {}
    partly: dict[Cell, dict[str, str]] = {}
    for e in plan.exclusions:
        if e.case == "*":
            whole[e.cell] = e.because
        else:
            partly.setdefault(e.cell, {})[e.case] = e.because
    axes = plan.matrix.axes
    done: dict[str, list[CellSummary]] = {}
    for backend in plan.matrix.backends:
        every = [
            Cell(backend, device, nesting, dtype)
            for device in axes.devices
            for dtype in axes.dtypes
            for nesting in axes.nesting
        ]
        done[backend] = [
            CellSummary(
                cell,
                whole.get(cell, "" if cell in trials else _only(partly.get(cell, {}))),
                tuple(trials.get(cell, ())),
                partly.get(cell, {}),
            )
            for cell in every
        ]
    return done


def _only(reasons: Mapping[str, str]) -> str:
    return "; ".join(sorted(set(reasons.values())))


def _one(matrix: Matrix, backend: str, cells: list[CellSummary]) -> Assessment:
    tallies = _tallies(matrix, cells)
    classes = tuple(judge(tier, tallies) for tier in matrix.policy.classes)
    measured = any(t.measured for t in tallies.values())
    held = next((c for c in classes if c.answer is Answer.HOLDS), None) if measured else None
    better = classes[: classes.index(held)] if held is not None else classes
    possible = next((c.id for c in better if c.answer is Answer.NOT_TESTED), None)
    return Assessment(
        backend,
        held.id if held is not None else None,
        possible,
        classes,
        tuple(cells),
        tuple(_drift(matrix, cells)),
    )


def _tallies(matrix: Matrix, cells: list[CellSummary]) -> dict[str, Tally]:
    tallies: dict[str, Tally] = {str(n): Tally() for n in Nesting}
    for summary in cells:
        if summary.cell.device not in matrix.policy.devices:
            continue
        nesting = str(summary.cell.nesting)
        for j in summary.trials:
            tallies[nesting] = _counted(tallies[nesting], j)
    return tallies


def _counted(tally: Tally, j: Judged) -> Tally:
    match j.outcome:
        case Outcome.AGREE:
            both = set((j.record.verdict or {}).get("witnesses", ())) if j.record else set()
            return replace(
                tally, agree=tally.agree + 1, certified=tally.certified + (len(both) >= 2)
            )
        case Outcome.WRONG:
            claimed = tally.claimed_wrong + j.as_claimed
            return replace(tally, wrong=tally.wrong + 1, claimed_wrong=claimed)
        case Outcome.RAISED | Outcome.CRASH | Outcome.TIMEOUT:
            return replace(tally, broken=tally.broken + 1)
        case Outcome.UNSUPPORTED | Outcome.INCONCLUSIVE:
            return replace(tally, other=tally.other + 1)
        case Outcome.UNAVAILABLE | Outcome.MISSING | Outcome.ERROR:
            return replace(tally, missing=tally.missing + 1)


def _drift(matrix: Matrix, cells: list[CellSummary]) -> Iterator[Drift]:
    mine = [j for c in cells for j in c.trials if j.claim is not None and j.outcome.is_evidence]
    for number, claim in enumerate(matrix.claims):
        covered = [j for j in mine if j.claim is claim]
        better = [str(j.trial.id) for j in covered if j.outcome is Outcome.AGREE]
        other = [
            str(j.trial.id) for j in covered if j.outcome is not Outcome.AGREE and not j.as_claimed
        ]
        if better:
            yield Drift(claim, number, tuple(better), f"declared {claim.outcome}, but agrees now")
        if other:
            yield Drift(
                claim, number, tuple(other), f"declared {claim.outcome}, but ends otherwise"
            )


def undeclared_failures(assessment: Assessment) -> list[Judged]:
    """Trials of a backend that failed without being declared to."""
    return [j for j in assessment.trials() if j.outcome in FAILURES and not j.as_claimed]
