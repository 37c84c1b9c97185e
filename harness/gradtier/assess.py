"""Plan + evidence + policy -> assessments.

An :class:`Assessment` says what was measured of one backend; a claim never enters it except to be
compared.  The table takes assessments only.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from gradtier.evidence import Evidence, Record
from gradtier.matrix import Claim, Matrix
from gradtier.model import Cell, Nesting, Outcome
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
    """

    cell: Cell
    excluded: str
    trials: tuple[Judged, ...]

    @property
    def counts(self) -> Counter[Outcome]:
        """Trials by outcome."""
        return Counter(j.outcome for j in self.trials)

    @property
    def measured(self) -> int:
        """Trials with evidence."""
        return sum(n for outcome, n in self.counts.items() if outcome.is_evidence)


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
    claim_on = plan.matrix.claim_on
    judged = [Judged(t, evidence.of(t), claim_on(t.id, today)) for t in plan.trials]
    cells = _cells(plan, judged)
    return tuple(_one(plan.matrix, backend, cells[backend]) for backend in plan.matrix.backends)


def _cells(plan: Plan, judged: list[Judged]) -> dict[str, list[CellSummary]]:
    """Backend -> its cells, each with its trials, or with why it has none."""
    trials: dict[Cell, list[Judged]] = {}
    for j in judged:
        trials.setdefault(j.trial.id.cell, []).append(j)
    reasons: dict[Cell, set[str]] = {}
    for e in plan.exclusions:
        reasons.setdefault(e.cell, set()).add(e.because)
    done: dict[str, list[CellSummary]] = {backend: [] for backend in plan.matrix.backends}
    for cell in plan.matrix.cells():
        mine = tuple(trials.get(cell, ()))
        why = "" if mine else "; ".join(sorted(reasons.get(cell, ())))
        done[cell.backend].append(CellSummary(cell, why, mine))
    return done


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
        if better and not claim.sometimes:
            yield Drift(claim, number, tuple(better), f"declared {claim.outcome}, but agrees now")
        if other:
            yield Drift(
                claim, number, tuple(other), f"declared {claim.outcome}, but ends otherwise"
            )
