"""Claims that no longer hold, and what they would have to say to hold again.

The first claim that covers a trial speaks for it.  So a trial that no longer ends as declared
leaves that claim, and every later one that would cover it then and does not hold of it either.
A trial that was not measured keeps its claim: missing evidence removes nothing.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gradtier.boxes import Point, Task, asked, covering, point
from gradtier.evidence import Evidence, Record
from gradtier.matrix import Claim, Match, Matrix
from gradtier.model import Outcome
from gradtier.plan import Plan, Planned

MOST_WORDS = 200


@dataclass(frozen=True)
class Revision:
    """What the evidence makes of one claim.

    Attributes:
        number: its position in the matrix, from 0.
        claim: as it is declared now.
        matches: what is left of its pattern; nothing: it is to be removed.
        agree: measured trials that it covers, no earlier claim speaks for, and that agree.
        otherwise: those that fail in another way than declared.
        holds: those that end as declared.
        unmeasured: those without evidence.
    """

    number: int
    claim: Claim
    matches: tuple[Match, ...]
    agree: int
    otherwise: int
    holds: int
    unmeasured: int

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims that stand in its place."""
        return tuple(self.claim.model_copy(update={"match": match}) for match in self.matches)

    def words(self) -> str:
        """The edit in one sentence."""
        measured = self.agree + self.otherwise + self.holds
        parts = [(self.agree, "agree"), (self.otherwise, "end otherwise")]
        found = " and ".join(f"{n} of {measured} trials {what}" for n, what in parts if n)
        if not self.matches:
            return f"remove it: {found}, and none ends as declared"
        rest = f"{self.holds} end as declared"
        rest += f", {self.unmeasured} are not measured" if self.unmeasured else ""
        what = "narrow it to" if len(self.matches) == 1 else "split it into"
        shown = _cut(" and ".join(narrower(self.claim.match, m) for m in self.matches))
        return f"{what} {shown}: {found}; {rest}"


def narrower(old: Match, new: Match) -> str:
    """The keys of a pattern that another one has otherwise, as one would write them."""
    before = asked(old)
    keys = (
        f"{key}: {globs if isinstance(globs, str) else '[' + ', '.join(globs) + ']'}"
        for key, globs in asked(new).items()
        if before.get(key) != globs
    )
    return "{" + ", ".join(keys) + "}"


def _cut(text: str) -> str:
    return text if len(text) <= MOST_WORDS else text[: MOST_WORDS - 3] + "..."


@dataclass
class _Share:
    """The trials of one claim while they are dealt out."""

    wanted: list[Planned] = field(default_factory=list)
    free: list[Planned] = field(default_factory=list)
    gone: list[Planned] = field(default_factory=list)
    agree: int = 0
    otherwise: int = 0
    unmeasured: int = 0


def holds_of(claim: Claim, record: Record) -> bool:
    """Whether the record is as the claim says; one that fails sometimes may agree."""
    may = claim.sometimes and record.outcome is Outcome.AGREE
    return may or claim.expects(record.outcome, record.reason)


def revisions(plan: Plan, evidence: Evidence, today: datetime.date) -> tuple[Revision, ...]:
    """The claims that have to change, in order, so that no claim disagrees with the evidence.

    Args:
        plan: the trials, and the claims.
        evidence: what was measured of them.
        today: a claim that lapsed before this day is left alone.
    """
    dealt = _dealt(plan, evidence, today)
    return tuple(
        _revision(number, plan.matrix.claims[number], share)
        for number, share in sorted(dealt.items())
        if share.gone
    )


def _dealt(plan: Plan, evidence: Evidence, today: datetime.date) -> Mapping[int, _Share]:
    shares: dict[int, _Share] = {}
    for planned, covering_ in covered(plan, today):
        record = evidence.of(planned)
        known = record if record is not None and record.outcome.is_evidence else None
        spoken = False
        for number in covering_:
            share = shares.setdefault(number, _Share())
            claim = plan.matrix.claims[number]
            if spoken:
                share.free.append(planned)
            elif known is None or holds_of(claim, known):
                spoken = True
                share.wanted.append(planned)
                share.unmeasured += known is None
            else:
                share.gone.append(planned)
                share.agree += known.outcome is Outcome.AGREE
                share.otherwise += known.outcome is not Outcome.AGREE
    return shares


def covered(plan: Plan, today: datetime.date) -> Iterator[tuple[Planned, Sequence[int]]]:
    """Every planned trial with the claims that cover it and have not lapsed, by number."""
    matrix = plan.matrix
    alive = [i for i, c in enumerate(matrix.claims) if c.until is None or c.until >= today]
    near: dict[str, list[int]] = {}
    for planned in plan.trials:
        backend = planned.id.cell.backend
        if backend not in near:
            near[backend] = [i for i in alive if matrix.claims[i].match.may_be_of(backend)]
        yield planned, [i for i in near[backend] if matrix.claims[i].match.covers(planned.id)]


def _revision(number: int, claim: Claim, share: _Share) -> Revision:
    def points(trials: Iterable[Planned]) -> frozenset[Point]:
        return frozenset(point(t.id) for t in trials)

    wanted, free, gone = map(points, (share.wanted, share.free, share.gone))
    task = Task(wanted, free, wanted | free | gone, claim.match)
    return Revision(
        number,
        claim,
        covering(task) if wanted else (),
        share.agree,
        share.otherwise,
        len(share.wanted) - share.unmeasured,
        share.unmeasured,
    )


def revised(matrix: Matrix, found: Sequence[Revision]) -> tuple[Claim, ...]:
    """All claims of the matrix, as they are after the edit."""
    by_number = {r.number: r.claims for r in found}
    return tuple(
        claim for number, old in enumerate(matrix.claims) for claim in by_number.get(number, (old,))
    )
