"""Plan + evidence + policy -> assessments.

An :class:`Assessment` says what was measured of one backend; a claim never enters it except to be
compared.  The table takes assessments only.

What the evidence gives is the *derived* class; what the matrix allows at most is the *declared*
one; the lower of the two is *published*.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from gradtier.evidence import Evidence
from gradtier.facts import Costs, Ledger, facts
from gradtier.judged import CellSummary, Judged
from gradtier.matrix import Backend, Claim, Matrix, Waiver
from gradtier.model import Cell, Outcome
from gradtier.patterns import Firsts, Name
from gradtier.plan import Plan, Planned
from gradtier.policy import Policy
from gradtier.ratios import relative
from gradtier.tally import Facts
from gradtier.tiers import Answer, ClassFinding, judge

__all__ = ["Assessment", "CellSummary", "Drift", "Judged", "Stale", "assess"]


@dataclass(frozen=True)
class Drift:
    """A claim and the evidence that disagree, in either direction; or a waiver that lapsed.

    Attributes:
        claim: the claim, or the waiver.
        number: its position in the matrix, among the claims or among the waivers.
        trials: the trials that it is about.
        says: what is the matter.
    """

    claim: Claim | Waiver
    number: int
    trials: tuple[str, ...]
    says: str

    @property
    def kind(self) -> str:
        """``claim`` or ``waiver``."""
        return "waiver" if isinstance(self.claim, Waiver) else "claim"


@dataclass(frozen=True)
class Stale:
    """Evidence that a class needs and that is older than the policy allows.

    Attributes:
        held: the class that the evidence would give, were it fresh.
        old: trials on the devices that decide whose record is too old.
        measured: trials with evidence there.
        days: age of the oldest record, or None where one does not say when it was finished.
        after: the age in days from which on evidence is stale.
    """

    held: str
    old: int
    measured: int
    days: int | None
    after: int


@dataclass(frozen=True)
class Assessment:
    """One backend, judged.

    Attributes:
        backend: its id.
        tier: the id of the class that is published, or None.
        possible: a better class that missing or stale evidence alone keeps away, or None.
        classes: every class of the policy with its criteria answered, best first.
        cells: a summary per cell.
        drift: claims about this backend that do not hold, and waivers that lapsed.
        derived: the id of the class that the evidence gives, or None.
        stale: why it is lower by one than the criteria give, or None.
        age: days since the oldest evidence on the devices that decide; None: there is none.
    """

    backend: str
    tier: str | None
    possible: str | None
    classes: tuple[ClassFinding, ...]
    cells: tuple[CellSummary, ...]
    drift: tuple[Drift, ...]
    derived: str | None = None
    stale: Stale | None = None
    age: int | None = None

    def trials(self) -> Iterator[Judged]:
        """Every planned trial of the backend."""
        for cell in self.cells:
            yield from cell.trials

    @property
    def measured(self) -> int:
        """Trials with evidence, all cells together."""
        return sum(cell.measured for cell in self.cells)

    @property
    def flaky(self) -> tuple[Judged, ...]:
        """Trials with different outcomes under the same conditions."""
        return tuple(j for cell in self.cells for j in cell.remarked if j.conflict)


def assess(
    plan: Plan, evidence: Evidence, today: datetime.date, relative_costs: Costs | None = None
) -> tuple[Assessment, ...]:
    """Assess every backend of the matrix, in its order.

    Args:
        plan: what was to be measured.
        evidence: what was.
        today: claims and waivers that lapsed before this day no longer count; evidence has its age
            on this day.
        relative_costs: device -> backend -> time of a derivative relative to the fastest backend's;
            by default what the benchmarks in the evidence say.
    """
    matrix = plan.matrix
    cells = _cells(plan, evidence, today)
    costs = _costs(matrix.policy, evidence) if relative_costs is None else relative_costs
    return tuple(
        _one(Ledger(matrix, backend, tuple(cells[backend]), evidence, today, costs))
        for backend in matrix.backends
    )


def _costs(policy: Policy, evidence: Evidence) -> Costs:
    if all(c.criteria.cost is None for c in policy.classes):
        return {}
    return {device: relative(evidence.benches.values(), device) for device in policy.devices}


def _cells(plan: Plan, evidence: Evidence, today: datetime.date) -> dict[str, list[CellSummary]]:
    """Backend -> its cells, each with its trials, or with why it has none."""
    cases, matrix = plan.cases.values(), plan.matrix
    claims = Firsts((c for c in matrix.claims if c.until is None or c.until >= today), cases)
    waivers = Firsts((w for w in matrix.waivers if w.until >= today), cases)
    trials: dict[Cell, list[Planned]] = {}
    for cell, mine in groupby(plan.trials, lambda t: t.id.cell):
        trials.setdefault(cell, []).extend(mine)
    reasons: dict[Cell, set[str]] = {}
    for e in plan.exclusions:
        reasons.setdefault(e.cell, set()).add(e.because)
    done: dict[str, list[CellSummary]] = {backend: [] for backend in matrix.backends}
    for cell in matrix.cells():
        found = tuple(
            _judged_trials(
                trials.get(cell, ()), evidence, claims.within(cell), waivers.within(cell)
            )
        )
        why = "" if found else "; ".join(sorted(reasons.get(cell, ())))
        done[cell.backend].append(CellSummary(cell, why, found))
    return done


def _judged_trials(
    trials: Sequence[Planned], evidence: Evidence, claims: Mapping[Name, Claim],
    waivers: Mapping[Name, Waiver],
) -> Iterator[Judged]:  # fmt: skip
    """Trials of one cell with their records, and what is declared of them there."""
    for t, record in zip(trials, evidence.of_each(trials), strict=True):
        name = (t.id.suite, t.id.case) if claims or waivers else ("", "")
        conflict = evidence.conflict_with(record) if record is not None else ()
        yield Judged(t, record, claims.get(name), waivers.get(name), conflict)


def _one(ledger: Ledger) -> Assessment:
    matrix = ledger.matrix
    policy, row = matrix.policy, matrix.backends[ledger.backend]
    classes = _judged(ledger)
    held = _first(classes)
    ages = ledger.ages
    stale = _stale(ledger, held, ages)
    derived = held if stale is None else _below(policy, held)
    published = _capped(policy, derived, row)
    return Assessment(
        backend=ledger.backend,
        tier=published,
        possible=_possible(policy, row, [f for f, _ in classes], stale, published),
        classes=tuple(finding for finding, _ in classes),
        cells=ledger.cells,
        drift=(*_drift(matrix, ledger.cells), *_waivers(ledger)),
        derived=derived,
        stale=stale,
        age=max((a for a in ages if a is not None), default=None),
    )


# ---------------------------------------------------------------------------------------- classes


def _judged(ledger: Ledger, fresh: int | None = None) -> list[tuple[ClassFinding, Facts]]:
    """Every class, judged by the evidence that counts for it and is at most ``fresh`` days old."""
    known: dict[tuple[object, ...], Facts] = {}
    found = []
    for i, tier in enumerate(ledger.matrix.policy.classes):
        asked = tier.criteria
        days = min((d for d in (asked.fresh_days, fresh) if d is not None), default=None)
        key = (asked.sources, days)
        if key not in known:
            known[key] = facts(ledger, asked.sources, days)
        # a wrong value can't be waived into the first class
        by = known[key].strict() if i == 0 else known[key]
        found.append((judge(tier, by), by))
    return found


def _first(classes: list[tuple[ClassFinding, Facts]]) -> str | None:
    """The first class that holds on some evidence."""
    return next(
        (found.id for found, by in classes if found.answer is Answer.HOLDS and by.counted), None
    )


def _stale(ledger: Ledger, held: str | None, ages: Counter[int | None]) -> Stale | None:
    """Whether the evidence that is fresh does not give the class by itself.

    Judged so, one record fewer or one day more never raises a class: both can only take from what
    is fresh, or from what is held.
    """
    after = ledger.matrix.policy.stale_after
    if after is None or held is None:
        return None
    old = sum(n for a, n in ages.items() if a is None or a > after)
    if not old or _first(_judged(ledger, after)) == held:
        return None
    days = None if None in ages else max(a for a in ages if a is not None)
    return Stale(held, old, ages.total(), days, after)


def _below(policy: Policy, tier: str | None) -> str | None:
    below = policy.rank(tier) + 1
    return policy.classes[below].id if below < len(policy.classes) else None


def _capped(policy: Policy, derived: str | None, row: Backend) -> str | None:
    """The lower of the derived class and what is declared at most."""
    if row.at_most is None or policy.rank(derived) >= policy.rank(row.at_most):
        return derived
    return row.at_most


def _possible(
    policy: Policy, row: Backend, classes: list[ClassFinding], stale: Stale | None,
    published: str | None,
) -> str | None:  # fmt: skip
    """The best class above the published one that evidence still to come could give."""
    open_ = [c.id for c in classes if c.answer is Answer.NOT_TESTED]
    open_ += [stale.held] if stale is not None else []
    could = [_capped(policy, c, row) for c in open_]
    better = [c for c in could if policy.rank(c) < policy.rank(published)]
    return min(better, key=policy.rank, default=None)


# ------------------------------------------------------------------------------ claims and waivers


def _drift(matrix: Matrix, cells: tuple[CellSummary, ...]) -> Iterator[Drift]:
    mine: dict[int, list[Judged]] = {}
    for c in cells:
        for j in c.remarked:
            if j.claim is not None and j.outcome.is_evidence:
                mine.setdefault(id(j.claim), []).append(j)
    for number, claim in enumerate(matrix.claims):
        covered = mine.get(id(claim), ())
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


def _waivers(ledger: Ledger) -> Iterator[Drift]:
    """Waivers that lapsed, and such as nothing of the backend needs any more."""
    waivers = ledger.matrix.waivers
    mine = [j for c in ledger.cells for j in c.trials if j.outcome.is_evidence] if waivers else []
    for number, waiver in enumerate(waivers):
        covered = [j for j in mine if waiver.match.covers(j.trial.id)]
        short = tuple(str(j.trial.id) for j in covered if j.outcome is not Outcome.AGREE)
        every = tuple(str(j.trial.id) for j in covered)
        if waiver.until < ledger.today:
            left = tuple(str(j.trial.id) for j in covered if j.outcome is not Outcome.AGREE
                         and j.waiver is None)  # fmt: skip
            says = f"waived by {waiver.owner} until {waiver.until}, which is over"
            if left:
                yield Drift(waiver, number, left, says)
            elif every and not short:
                yield Drift(waiver, number, every, f"{says}; agrees now")
        elif every and not short:
            yield Drift(waiver, number, every, f"waived by {waiver.owner}, but agrees now")
