"""Criteria and classes as pure functions.

Every criterion sees a :class:`Tally` per first or second order and answers *holds*, *fails* or
*not tested*.  Trials that are planned but have no record are counted both ways: as if all of them
agreed, and as if all of them were wrong.  A criterion that holds even then holds; one that fails
even if they agree fails; in between it is not tested.  So missing evidence never raises a class,
and never lowers one in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from gradtier.matrix import Criteria, Nested, TierClass


class Answer(StrEnum):
    """Whether a criterion holds."""

    HOLDS = "holds"
    FAILS = "fails"
    NOT_TESTED = "not tested"


@dataclass(frozen=True)
class Tally:
    """Trials of one backend under one nesting, counted.

    Attributes:
        agree: trials that agree.
        certified: those of them that both witnesses, finite differences and reference, confirm.
        wrong: trials that are wrong; ``claimed_wrong`` of them are declared.
        broken: raised, crashed or timed out.
        other: unsupported or inconclusive.
        missing: planned on a device that decides, without a record.
    """

    agree: int = 0
    certified: int = 0
    wrong: int = 0
    claimed_wrong: int = 0
    broken: int = 0
    other: int = 0
    missing: int = 0

    @property
    def measured(self) -> int:
        """Trials with evidence."""
        return self.agree + self.wrong + self.broken + self.other

    def best(self) -> Tally:
        """As if every missing trial agreed."""
        m = self.missing
        return replace(self, agree=self.agree + m, certified=self.certified + m, missing=0)

    def worst(self) -> Tally:
        """As if every missing trial were wrong."""
        return replace(self, wrong=self.wrong + self.missing, missing=0)


Tallies = Mapping[str, Tally]  # nesting -> tally


@dataclass(frozen=True)
class Finding:
    """One criterion of one class, answered.

    Attributes:
        name: the criterion's key in the policy.
        says: what was measured, in words: ``agreement 0.98 (96 of 98)``.
        asks: the threshold, in words.
        answer: whether it holds.
        blame: which outcomes to look at when it does not.
    """

    name: str
    says: str
    asks: str
    answer: Answer
    blame: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ClassFinding:
    """One class with its criteria answered."""

    id: str
    title: str
    findings: tuple[Finding, ...]

    @property
    def answer(self) -> Answer:
        """Holds if all hold; fails if one fails; else not tested."""
        answers = {f.answer for f in self.findings}
        if Answer.FAILS in answers:
            return Answer.FAILS
        return Answer.NOT_TESTED if Answer.NOT_TESTED in answers else Answer.HOLDS


def judge(tier: TierClass, tallies: Tallies) -> ClassFinding:
    """Answer every criterion that the class asks for."""
    asked = [
        (name, getattr(tier.criteria, name))
        for name in Criteria.model_fields
        if getattr(tier.criteria, name) is not None
    ]
    findings = tuple(_CRITERIA[name](tallies, threshold) for name, threshold in asked)
    return ClassFinding(tier.id, tier.title, findings)


def share(part: int, whole: int) -> float:
    """``part / whole``, and 0 where there is nothing to count."""
    return part / whole if whole else 0.0


def _of(tallies: Tallies, nesting: str) -> Tally:
    return tallies.get(nesting, Tally())


def _answer(tally: Tally, holds: Callable[[Tally], bool]) -> Answer:
    if not tally.measured and tally.missing:
        return Answer.NOT_TESTED
    if holds(tally.worst()):
        return Answer.HOLDS
    return Answer.NOT_TESTED if tally.missing and holds(tally.best()) else Answer.FAILS


def _all(tallies: Tallies) -> Tally:
    total: dict[str, int] = {}
    for tally in tallies.values():
        for key, count in vars(tally).items():
            total[key] = total.get(key, 0) + count
    return Tally(**total)


def _trials(tallies: Tallies, least: int) -> Finding:
    first = _of(tallies, "none")
    says = f"{first.measured} first-order trials with evidence"
    if first.measured >= least:
        answer = Answer.HOLDS
    else:
        enough = first.measured + first.missing >= least
        answer = Answer.NOT_TESTED if enough else Answer.FAILS
    return Finding("trials", says, f"at least {least}", answer)


def _agreement(tallies: Tallies, least: float) -> Finding:
    first = _of(tallies, "none")
    says = f"{first.agree} of {first.measured} first-order trials agree"
    answer = _answer(first, lambda t: share(t.agree, t.measured) >= least)
    blame = frozenset({"wrong", "raised", "crash", "timeout", "unsupported", "inconclusive"})
    return Finding("agreement", says, f"at least {least:.0%}", answer, blame)


def _wrong(tallies: Tallies, most: int) -> Finding:
    total = _all(tallies)
    says = f"{total.wrong} wrong derivatives"
    answer = _answer(total, lambda t: t.wrong <= most)
    return Finding("wrong", says, f"at most {most}", answer, frozenset({"wrong"}))


def _unclaimed_wrong(tallies: Tallies, most: int) -> Finding:
    total = _all(tallies)
    says = f"{total.wrong - total.claimed_wrong} wrong derivatives that nobody declared"
    answer = _answer(total, lambda t: t.wrong - t.claimed_wrong <= most)
    return Finding("unclaimed_wrong", says, f"at most {most}", answer, frozenset({"wrong"}))


def _failing(tallies: Tallies, most: float) -> Finding:
    first = _of(tallies, "none")
    failing = first.broken + first.wrong
    says = f"{failing} of {first.measured} first-order trials are wrong, raise, crash or hang"
    answer = _answer(first, lambda t: share(t.broken + t.wrong, t.measured) <= most)
    blame = frozenset({"wrong", "raised", "crash", "timeout"})
    return Finding("failing", says, f"at most {most:.0%}", answer, blame)


def _nested(tallies: Tallies, asked: Nested) -> Finding:
    answers, words = [], []
    for outer in asked.outer:
        tally = _of(tallies, outer)
        answers.append(_answer(tally, lambda t: share(t.agree, t.measured) >= asked.at_least))
        words.append(f"{outer} {tally.agree} of {tally.measured}")
    fold = all if asked.need == "all" else any
    if fold(a is Answer.HOLDS for a in answers):
        answer = Answer.HOLDS
    elif fold(a is not Answer.FAILS for a in answers):
        answer = Answer.NOT_TESTED
    else:
        answer = Answer.FAILS
    asks = f"at least {asked.at_least:.0%} in {asked.need} of {', '.join(asked.outer)}"
    blame = frozenset({"wrong", "raised", "crash", "timeout", "unsupported", "inconclusive"})
    return Finding("nested", "second order by outer mode: " + ", ".join(words), asks, answer, blame)


def _both_witnesses(tallies: Tallies, least: float) -> Finding:
    first = _of(tallies, "none")
    says = f"{first.certified} of {first.agree} agreements are confirmed by both witnesses"
    answer = _answer(first, lambda t: share(t.certified, t.agree) >= least)
    return Finding("both_witnesses", says, f"at least {least:.0%}", answer)


_CRITERIA: Mapping[str, Callable[[Tallies, Any], Finding]] = {
    "trials": _trials,
    "agreement": _agreement,
    "wrong": _wrong,
    "unclaimed_wrong": _unclaimed_wrong,
    "failing": _failing,
    "nested": _nested,
    "both_witnesses": _both_witnesses,
}
