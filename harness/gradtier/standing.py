"""How backends stand on two sides: classes, the criteria behind them, and claims."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gradtier.assess import Assessment, Drift
from gradtier.difference import ClaimChange, ClassChange, ClassDirection, ClassName, Flip
from gradtier.evidence import Evidence
from gradtier.plan import Plan
from gradtier.tiers import Finding


@dataclass(frozen=True)
class Side:
    """An evidence set with what it is judged by.

    Attributes:
        plan: of its matrix.
        evidence: the set.
        assessments: of every backend of the plan.
        today: the day of judgement.
    """

    plan: Plan
    evidence: Evidence
    assessments: tuple[Assessment, ...]
    today: datetime.date


def class_of(assessment: Assessment) -> ClassName:
    """The class that a backend is in, with its title."""
    titles = {c.id: c.title for c in assessment.classes}
    held, derived, stale = assessment.tier, assessment.derived, assessment.stale
    remarks = []
    if stale is not None:
        remarks.append(f"{stale.old} of {stale.measured} trials are over {stale.after} days old")
    if derived != held:
        remarks.append("the declaration allows no better one")
    return ClassName(
        id=held,
        title="no class" if held is None else titles.get(held, held),
        possible=assessment.possible,
        remark="; ".join(remarks),
    )


def flips(old: Assessment, new: Assessment) -> tuple[Flip, ...]:
    """The criteria that two assessments of one backend answer differently."""
    return tuple(_flips(old, new))


def class_changes(old: Side, new: Side) -> Iterator[ClassChange]:
    """Every backend whose class is another one, with the criteria that flipped."""
    before, after = ({a.backend: a for a in side.assessments} for side in (old, new))
    for backend in dict.fromkeys([*after, *before]):
        was, now = before.get(backend), after.get(backend)
        if was is None or now is None:
            way = ClassDirection.APPEARED if was is None else ClassDirection.VANISHED
        elif class_of(was).id == class_of(now).id:
            continue
        else:
            way = _class_direction(was, now)
        yield ClassChange(
            backend=backend,
            title=(old if now is None else new).plan.matrix.backends[backend].title,
            direction=way,
            old=None if was is None else class_of(was),
            new=None if now is None else class_of(now),
            because=() if was is None or now is None else flips(was, now),
        )


def _class_direction(old: Assessment, new: Assessment) -> ClassDirection:
    """Which way a class went, by the order of the policy.

    A class that missing or stale evidence alone keeps a backend out of is not lost: the evidence
    is.  Where the evidence gives the same class, it is the declaration that changed.
    """
    orders = [[c.id for c in a.classes] for a in (old, new)]
    was, now = class_of(old), class_of(new)
    named = [c for c in (was.id, now.id) if c is not None]
    if any(c not in order for c in named for order in orders):
        return ClassDirection.OTHER
    if old.derived == new.derived:
        return ClassDirection.DECLARED
    ranks = {c: i for i, c in enumerate(orders[1])}
    before, after = (ranks[c.id] if c.id is not None else len(ranks) for c in (was, now))
    if after > before:
        lost = now.possible is None or ranks.get(now.possible, len(ranks)) > before
        return ClassDirection.WORSE if lost else ClassDirection.LESS_KNOWN
    open_ = was.possible is not None and ranks.get(was.possible, len(ranks)) <= after
    return ClassDirection.MORE_KNOWN if open_ else ClassDirection.BETTER


def _flips(old: Assessment, new: Assessment) -> Iterator[Flip]:
    before, after = _findings(old), _findings(new)
    for key in dict.fromkeys([*after, *before]):
        (_, was), (title, now) = before.get(key, ("", None)), after.get(key, ("", None))
        answers = [None if f is None else str(f.answer) for f in (was, now)]
        if answers[0] == answers[1]:
            continue
        said = now or was
        assert said is not None
        yield Flip(
            class_id=key[0],
            class_title=title or before[key][0],
            criterion=key[1],
            asks=said.asks,
            old=answers[0],
            new=answers[1],
            old_says="" if was is None else was.says,
            new_says="" if now is None else now.says,
        )


def _findings(assessment: Assessment) -> dict[tuple[str, str, int], tuple[str, Finding]]:
    """Class, criterion and how many of that name came before -> title of the class, finding."""
    found: dict[tuple[str, str, int], tuple[str, Finding]] = {}
    for c in assessment.classes:
        seen: Counter[str] = Counter()
        for finding in c.findings:
            found[c.id, finding.name, seen[finding.name]] = (c.title, finding)
            seen[finding.name] += 1
    return found


def claim_changes(old: Side, new: Side) -> tuple[ClaimChange, ...]:
    """Claims that the evidence contradicts on one side only."""
    before, after = _drifts(old.assessments), _drifts(new.assessments)
    stopped = [_claim(k, after[k], "stopped", old) for k in after if k not in before]
    started = [_claim(k, before[k], "started", new) for k in before if k not in after]
    return tuple(stopped + started)


_Key = tuple[str, str, str]


def _drifts(assessments: Iterable[Assessment]) -> dict[_Key, Drift]:
    """Backend, claim and kind of disagreement -> the disagreement."""
    return {(a.backend, d.claim.model_dump_json(), d.says): d for a in assessments for d in a.drift}


def _claim(key: _Key, drift: Drift, way: str, other: Side) -> ClaimChange:
    """A change, with what the side without the disagreement has of the claim."""
    return ClaimChange.model_validate(
        {
            "backend": key[0],
            "direction": way,
            "says": drift.says,
            "because": drift.claim.because,
            "link": drift.claim.link,
            "trials": drift.trials,
            "remark": _remark(key[1], drift, other, "before" if way == "stopped" else "now"),
        }
    )


def _remark(claim: str, drift: Drift, other: Side, when: str) -> str:
    matrix = other.plan.matrix
    declared = {c.model_dump_json() for c in (*matrix.claims, *matrix.waivers)}
    if claim not in declared:
        return f"not declared so {when}"
    if drift.claim.until is not None and drift.claim.until < other.today:
        return f"lapsed {when}"
    if not any(_is_measured(other, trial) for trial in drift.trials):
        return f"not measured {when}"
    return ""


def _is_measured(side: Side, trial: str) -> bool:
    planned = side.plan.by_id.get(trial)
    record = side.evidence.of(planned) if planned is not None else None
    return record is not None and record.outcome.is_evidence
