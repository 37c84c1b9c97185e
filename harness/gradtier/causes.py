"""Why trials of a backend do not agree, and what keeps it from the next class: pure functions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gradtier.assess import Assessment, Judged
from gradtier.direct import CHECK, Direct, read
from gradtier.footnotes import LONGEST, plain, stale_words
from gradtier.matrix import Matrix
from gradtier.model import HOST, Outcome
from gradtier.policy import Policy, TierClass
from gradtier.tiers import Answer, Finding

_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Cause:
    """Trials that do not agree for one and the same cause.

    Attributes:
        outcome: how they ended.
        says: the cause in words: a declaration, a reason code, or an exception.
        declared: whether it is declared so.
        waived: whether somebody answers for them.
        trials: all of them.
    """

    outcome: Outcome
    says: str
    declared: bool
    waived: bool
    trials: tuple[Judged, ...]


@dataclass(frozen=True)
class Step:
    """One line of the checklist for the next class.

    Attributes:
        name: the criterion, or what else holds the class back.
        answer: whether it holds.
        says: what was measured; asked for what.
        more: how many more trials must agree, where that can be counted.
        lack: what has to happen; empty where it holds.
    """

    name: str
    answer: Answer
    says: str
    more: int = 0
    lack: str = ""


@dataclass(frozen=True)
class Compared:
    """Trials of a backend on one device, each compared with the CPU by the same process.

    Attributes:
        device: which.
        counts: how the numbers stand to each other -> trials.
    """

    device: str
    counts: Mapping[Direct, int]


def compared(assessment: Assessment) -> tuple[Compared, ...]:
    """What the records of trials on other devices than the CPU say of the CPU's numbers."""
    found: dict[str, Counter[Direct]] = {}
    for summary in assessment.cells:
        if summary.cell.device != HOST:
            counts = found.setdefault(summary.cell.device, Counter())
            counts.update(directly(summary.trials))
    return tuple(Compared(device, counts) for device, counts in found.items() if counts)


def directly(trials: Iterable[Judged]) -> Counter[Direct]:
    """How the numbers of trials stand to the CPU's; a trial that was not compared is left out."""
    said = (j.record.checks.get(CHECK) for j in trials if j.record is not None)
    return Counter(_read(says) for says in said if says is not None)


_read = lru_cache(maxsize=4096)(read)


def causes(assessment: Assessment) -> tuple[Cause, ...]:
    """The trials to blame, grouped by cause, the largest group first.

    Trials that ended as declared are grouped by their declaration; others by outcome and reason,
    or by what was raised with numbers left out.
    """
    groups: dict[tuple[Any, ...], list[Judged]] = {}
    for j in assessment.trials():
        if j.outcome is Outcome.AGREE or not j.outcome.is_evidence or j.record is None:
            continue
        declared = j.as_claimed and j.claim is not None
        if declared and j.claim is not None:
            why = f"as declared: {_said(j.claim.because)}"
        else:
            why = "" if j.record.reason else _without_numbers(j.record.detail)
        key = (j.outcome, j.record.reason, why, declared, j.is_waived)
        groups.setdefault(key, []).append(j)
    found = []
    for (outcome, reason, why, declared, is_waived), trials in groups.items():
        record = trials[0].record
        if why and not declared and record is not None:  # the numbers of the first one
            why = plain(record.detail, LONGEST)
        code = f"{outcome} ({reason})" if reason else str(outcome)
        says = f"{code}, {why}" if declared else f"{code}: {why}" if why else code
        found.append(Cause(outcome, says, declared, is_waived, tuple(trials)))
    return tuple(sorted(found, key=lambda c: (-len(c.trials), c.says)))


@lru_cache(maxsize=4096)  # the same few sentences, thousands of times
def _without_numbers(detail: str) -> str:
    return _NUMBER.sub("#", plain(detail, LONGEST))


@lru_cache(maxsize=4096)
def _said(because: str) -> str:
    return plain(because)


def next_class(matrix: Matrix, assessment: Assessment) -> tuple[TierClass, tuple[Step, ...]] | None:
    """The class above the published one, and what it asks for; None at the top."""
    policy = matrix.policy
    rank = policy.rank(assessment.tier)
    if not rank:
        return None
    tier = policy.classes[rank - 1]
    found = assessment.classes[rank - 1].findings
    return tier, (*_held_back(matrix, assessment, rank - 1), *map(_step, found))


def _held_back(matrix: Matrix, assessment: Assessment, rank: int) -> Iterator[Step]:
    policy, row = matrix.policy, matrix.backends[assessment.backend]
    if row.at_most is not None and rank < policy.rank(row.at_most):
        says = f"at most {class_title(policy, row.at_most)}: {plain(row.at_most_because or '')}"
        yield Step("declared", Answer.FAILS, says, lack="remove at_most from the matrix")
    if assessment.stale is not None:
        says = stale_words(assessment.stale)
        yield Step("fresh evidence", Answer.NOT_TESTED, says, lack="measure it anew")


def _step(f: Finding) -> Step:
    return Step(f.name, f.answer, f"{f.says}; asked for {f.asks}", f.more, f.lack)


def class_title(policy: Policy, tier: str | None) -> str:
    """A class of the policy in words."""
    return next((plain(c.title) for c in policy.classes if c.id == tier), "no class")
