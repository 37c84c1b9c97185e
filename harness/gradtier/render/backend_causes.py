"""Trials of a backend that do not agree, grouped by cause, as its page shows them."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

from gradtier.assess import Assessment, Judged
from gradtier.causes import Cause, causes, compared, directly
from gradtier.direct import Direct
from gradtier.model import Mode, Nesting, Outcome
from gradtier.render.trials import RANK
from gradtier.support import MARKS
from gradtier.table import LONGEST, State, plain, shown_as, state_of, web_link

MOST_CAUSES = 80  # on a page; the others are counted
MOST_TRIALS = 24  # of one cause; the pages of the cases have all of them
OPEN = 6  # trials of a cause that are shown without being asked for


@dataclass(frozen=True)
class TrialLine:
    """One trial: its case, where it was tried, and its numbers where these tell it apart."""

    case: str
    path: str
    place: str  # "forward over reverse, cpu, float32"
    detail: str


@dataclass(frozen=True)
class CauseGroup:
    """Trials with one cause.

    Attributes:
        state, mark: of all of them.
        outcome: how they ended, with the reason code.
        says: a sentence on the cause: what is declared, or what the first of them said.
        declared: they ended as declared.
        otherwise: how many of them are declared to end otherwise.
        claim: what is declared of these, where that is one claim.
        link: where the claim leads.
        until: when the claim lapses.
        waived: somebody answers for them.
        trials: the first of them.
        total: how many there are.
        cases: how many cases they are of.
        direct: how the numbers of those on a card stand to the CPU's; empty without a card.
    """

    state: State
    mark: str
    outcome: str
    says: str
    declared: bool
    otherwise: int
    claim: str
    link: str | None
    until: str
    waived: bool
    trials: tuple[TrialLine, ...]
    total: int
    cases: int
    direct: str = ""

    @property
    def left(self) -> int:
        """How many are not listed."""
        return self.total - len(self.trials)

    @property
    def folded(self) -> bool:
        """Whether the list is long."""
        return len(self.trials) > OPEN


@dataclass(frozen=True)
class Blamed:
    """All that does not agree; ``left`` causes with ``left_trials`` trials are not listed."""

    groups: tuple[CauseGroup, ...]
    total: int
    causes: int
    left: int
    left_trials: int


#: The worst first.
_ORDER = (Direct.ALONE, Direct.APART, Direct.BOTH, Direct.SAME, Direct.UNKNOWN)


def compared_lines(assessment: Assessment) -> list[str]:
    """A sentence per device that was compared with the CPU."""
    lines = []
    for c in compared(assessment):
        total, same = sum(c.counts.values()), c.counts.get(Direct.SAME, 0)
        rest = _direct({d: n for d, n in c.counts.items() if d is not Direct.SAME})
        trials = "trial" if total == 1 else "trials"
        said = f"On {c.device} and on the CPU: the same in {same:,} of {total:,} {trials}"
        lines.append(f"{said}{'; ' if rest else ''}{rest}")
    return lines


def _direct(counts: Mapping[Direct, int]) -> str:
    return "; ".join(f"{counts[d]:,} {d}" for d in _ORDER if counts.get(d))


def blamed(assessment: Assessment, mode: Mode, paths: Mapping[str, str]) -> Blamed:
    """What does not agree, the worst outcome first, then what nobody declared, then by number.

    Args:
        assessment: of the backend.
        mode: the backend's.
        paths: case -> its page, from the top of the site.
    """
    found = sorted(
        causes(assessment), key=lambda c: (RANK[c.outcome], c.declared, -len(c.trials), c.says)
    )
    shown, rest = found[:MOST_CAUSES], found[MOST_CAUSES:]
    return Blamed(
        groups=tuple(_group(cause, mode, paths) for cause in shown),
        total=sum(len(c.trials) for c in found),
        causes=len(found),
        left=len(rest),
        left_trials=sum(len(c.trials) for c in rest),
    )


def _group(cause: Cause, mode: Mode, paths: Mapping[str, str]) -> CauseGroup:
    first = cause.trials[0].record
    assert first is not None  # only a record gives an outcome that is blamed
    state = state_of({cause.outcome: 1})
    reason = f", {first.reason}" if first.reason else ""
    listed = heapq.nsmallest(MOST_TRIALS, cause.trials, key=lambda j: str(j.trial.id))
    numbers = cause.outcome is Outcome.WRONG  # elsewhere they all say the same
    example = plain(first.detail, 2 * LONGEST)
    if not cause.declared and first.reason and len(cause.trials) > 1 and example:
        example = f"for example, {example}"
    claims = {id(j.claim): j.claim for j in cause.trials if j.claim is not None}
    claim = next(iter(claims.values())) if len(claims) == 1 or cause.declared else None
    said = plain(claim.because, 2 * LONGEST) if claim is not None else ""
    untils = {c.until for c in claims.values()}
    until = untils.pop() if claim is not None and len(untils) == 1 else None
    return CauseGroup(
        state=state,
        mark=MARKS[state],
        outcome=f"{shown_as(cause.outcome)}{reason}",
        says=said if cause.declared else example,
        declared=cause.declared,
        otherwise=0 if cause.declared else sum(j.claim is not None for j in cause.trials),
        claim="" if cause.declared else said,
        link=web_link(claim.link) if claim is not None else None,
        until=until.isoformat() if until is not None else "",
        waived=cause.waived,
        trials=tuple(_line(j, mode, paths, numbers) for j in listed),
        total=len(cause.trials),
        cases=len({j.trial.id.case_id for j in cause.trials}),
        direct=_direct(directly(cause.trials)),
    )


def _line(j: Judged, mode: Mode, paths: Mapping[str, str], numbers: bool) -> TrialLine:
    t = j.trial.id
    nested = t.cell.nesting is not Nesting.NONE
    order = f"{t.cell.nesting} over {mode}" if nested else "first order"
    return TrialLine(
        case=plain(t.case_id),
        path=paths[t.case_id],
        place=f"{order}, {t.cell.device}, {t.cell.dtype}",
        detail=plain(j.record.detail, LONGEST) if numbers and j.record is not None else "",
    )
