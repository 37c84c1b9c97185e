"""Drafts of claims for what fails and nobody declared.

Trials of one package that fail alike, by outcome, reason and the library's own words, go together:
as few patterns as cover them and no other trial.  ``because`` holds those words; whoever commits a
draft looks at the trial first, and says better what they find.
"""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gradtier.boxes import Point, Task, covering, point
from gradtier.claimfix import covered, holds_of
from gradtier.evidence import Evidence, Record
from gradtier.matrix import Claim
from gradtier.model import Reason
from gradtier.plan import Plan

MOST_TEXT = 110
#: After the colon such details only say how wrong it is.
_NUMBERS = (
    Reason.VALUE, Reason.SEVERED, Reason.NONFINITE, Reason.UNSTABLE, Reason.STALE, Reason.PRIMAL,
)  # fmt: skip


@dataclass(frozen=True, order=True)
class Said:
    """What the trials of one draft have in common."""

    package: str
    outcome: str
    reason: str
    words: str


def said(package: str, record: Record) -> Said:
    """How a trial failed, without what differs from case to case of one cause."""
    words = re.sub(r"0x[0-9a-f]+|-?\d[\d.e+-]*", "N", " ".join(record.detail.split()))
    outcome, reason = str(record.outcome), str(record.reason or "")
    if record.reason in _NUMBERS:
        words = words.partition(": ")[0]
    if outcome == "crash":
        words = words.partition(":")[0]  # what follows are addresses and names of one process
    return Said(package, outcome, reason, words[:MOST_TEXT].strip() or outcome)


def drafts(
    plan: Plan,
    claims: Sequence[Claim],
    evidence: Evidence,
    today: datetime.date,
    until: datetime.date,
) -> tuple[Claim, ...]:
    """Claims for the measured failures that ``claims`` do not declare.

    Args:
        plan: the trials.
        claims: what is declared, after the claims that no longer hold were mended.
        evidence: what was measured.
        today: a claim that lapsed before this day declares nothing.
        until: the day on which the drafts lapse.
    """
    plan = replace(plan, matrix=plan.matrix.model_copy(update={"claims": tuple(claims)}))
    causes: dict[Said, set[Point]] = defaultdict(set)
    spoken: dict[str, set[Point]] = defaultdict(set)
    planned: dict[str, set[Point]] = defaultdict(set)
    for trial, numbers in covered(plan, today):
        record, backend, at = evidence.of(trial), trial.id.cell.backend, point(trial.id)
        planned[backend].add(at)
        known = record is not None and record.outcome.is_evidence
        claim = claims[numbers[0]] if numbers else None
        if claim is not None and (record is None or not known or holds_of(claim, record)):
            spoken[backend].add(at)
        elif record is not None and record.outcome.is_failure:
            causes[said(plan.matrix.backends[backend].package, record)].add(at)
    found = []
    for cause, wanted in sorted(causes.items()):
        backends = sorted({p[1] for p in wanted})
        within = frozenset(p for b in backends for p in planned[b])
        free = frozenset(p for b in backends for p in spoken[b])
        task = Task(frozenset(wanted), free, within, named=("case", "backend", "device"))
        found += [_claim(cause, match, until) for match in covering(task)]
    return tuple(found)


def _claim(cause: Said, match: object, until: datetime.date) -> Claim:
    data = {
        "match": match, "outcome": cause.outcome, "reason": cause.reason or None,
        "because": cause.words, "until": until,
    }  # fmt: skip
    return Claim.model_validate(data)
