"""Criteria and classes as pure functions.

Every criterion sees the :class:`~gradtier.tally.Facts` of one backend and answers *holds*, *fails*
or *not tested*.  Trials that are planned but have no record are counted both ways.  A criterion
that holds even if all of them were wrong holds; one that fails even if they agree fails; in between
it is not tested.  So missing evidence never raises a class, and never lowers one in silence.

Policies are monotone: one more failure, one record fewer or one day more never raises a class.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from gradtier.policy import Criteria, Nested, Source, TierClass
from gradtier.tally import Facts, Tally, total


class Answer(StrEnum):
    """Whether a criterion holds."""

    HOLDS = "holds"
    FAILS = "fails"
    NOT_TESTED = "not tested"


@dataclass(frozen=True)
class Finding:
    """One criterion of one class, answered.

    Attributes:
        name: the criterion's key in the policy.
        says: what was measured, in words: ``96 of 98 first-order trials agree``.
        asks: the threshold, in words.
        answer: whether it holds.
        blame: which outcomes to look at when it does not.
        value: what was measured, as a number where it is one.
        threshold: what is asked for, as it stands in the policy.
        more: how many more trials must agree (or runs be clean, or failures go), where it can be
            counted; 0 where it holds.
        lack: the same in words, or what to do instead; empty where it holds.
    """

    name: str
    says: str
    asks: str
    answer: Answer
    blame: frozenset[str] = frozenset()
    value: float | None = None
    threshold: Any = None
    more: int = 0
    lack: str = ""


@dataclass(frozen=True)
class ClassFinding:
    """One class with its criteria answered."""

    id: str
    title: str
    findings: tuple[Finding, ...]

    @property
    def answer(self) -> Answer:
        """Holds if all hold; fails if one fails; else not tested."""
        return fold([f.answer for f in self.findings])


#: Outcomes that are no agreement, and those that are failures.
_SHORT = frozenset({"wrong", "raised", "crash", "timeout", "unsupported", "inconclusive"})
_FAILING = frozenset({"wrong", "raised", "crash", "timeout"})


def judge(tier: TierClass, facts: Facts) -> ClassFinding:
    """Answer every criterion that the class asks for."""
    asked = [
        (name, getattr(tier.criteria, name))
        for name in Criteria.model_fields
        if getattr(tier.criteria, name) is not None
    ]
    findings = tuple(_CRITERIA[name](facts, threshold) for name, threshold in asked)
    return ClassFinding(tier.id, tier.title, findings)


def fold(answers: list[Answer]) -> Answer:
    """Holds if all hold; fails if one fails; else not tested."""
    if Answer.FAILS in answers:
        return Answer.FAILS
    return Answer.NOT_TESTED if Answer.NOT_TESTED in answers else Answer.HOLDS


def share(part: int, whole: int) -> float:
    """``part / whole``, and 0 where there is nothing to count."""
    return part / whole if whole else 0.0


def needed(least: float, whole: int) -> int:
    """The smallest part of ``whole`` whose share is at least ``least``."""
    part = max(0, math.floor(least * whole) - 1)
    while part < whole and share(part, whole) < least:
        part += 1
    return part


def allowed(most: float, whole: int) -> int:
    """The largest part of ``whole`` whose share is at most ``most``."""
    part = min(whole, math.floor(most * whole) + 1)
    while part and share(part, whole) > most:
        part -= 1
    return part


def percent(of: float) -> str:
    """``0.9`` as ``90%``, ``0.025`` as ``2.5%``."""
    return f"{of:.1%}".replace(".0%", "%")


def _answer(tally: Tally, holds: Callable[[Tally], bool]) -> Answer:
    if not tally.evident and tally.missing:
        return Answer.NOT_TESTED
    if holds(tally.worst()):
        return Answer.HOLDS
    return Answer.NOT_TESTED if tally.missing and holds(tally.best()) else Answer.FAILS


def _agrees(tally: Tally, least: float) -> tuple[Answer, int]:
    """Whether the share of agreement is reached, and how many more trials must agree."""
    answer = _answer(tally, lambda t: share(t.agree, t.measured) >= least)
    more = needed(least, tally.measured + tally.missing) - tally.agree
    return answer, 0 if answer is Answer.HOLDS else max(more, 1)


def _must_agree(more: int) -> str:
    return f"{more} more must agree" if more else ""


def _trials(facts: Facts, least: int) -> Finding:
    first = facts.first
    says = f"{first.evident} first-order trials with evidence"
    if first.evident >= least:
        answer = Answer.HOLDS
    else:
        enough = first.evident + first.missing >= least
        answer = Answer.NOT_TESTED if enough else Answer.FAILS
    more = max(0, least - first.evident)
    can = "run" if answer is Answer.NOT_TESTED else "plan"
    return Finding(
        "trials", says, f"at least {least}", answer, frozenset(), first.evident, least, more,
        f"{can} {more} more" if more else "",
    )  # fmt: skip


def _agreement(facts: Facts, least: float) -> Finding:
    first = facts.first
    answer, more = _agrees(first, least)
    return Finding(
        "agreement", f"{first.agree} of {first.measured} first-order trials agree",
        f"at least {percent(least)}", answer, _SHORT, share(first.agree, first.measured), least,
        more, _must_agree(more),
    )  # fmt: skip


def _suites(facts: Facts, asked: Mapping[str, float]) -> Finding:
    """A glob stands for every suite that has trials; one under which nothing is planned fails."""
    answers, parts = [], []
    for glob, least in asked.items():
        named = {s: t for s, t in facts.suites.items() if fnmatchcase(s, glob) and t.planned}
        for suite, tally in named.items():
            answer, more = _agrees(tally, least)
            answers.append(answer)
            parts.append((answer, share(tally.agree, tally.measured), more, suite, tally))
        if not named:
            answers.append(Answer.FAILS)
            parts.append((Answer.FAILS, 0.0, 0, glob, Tally()))
    parts.sort(key=lambda p: (p[0] is Answer.HOLDS, p[1], p[3]))
    shown = [f"{s} {t.agree} of {t.measured}" for _, _, _, s, t in parts[:4]]
    rest = f" and {len(parts) - 4} more" if len(parts) > 4 else ""
    lacking = [f"{more} more must agree in {s}" for _, _, more, s, _ in parts if more]
    lacking += [f"nothing is planned in {s}" for *_, s, t in parts if not t.planned]
    asks = ", ".join(f"at least {percent(least)} in {glob}" for glob, least in asked.items())
    return Finding(
        "suites", f"first-order trials that agree by suite: {', '.join(shown)}{rest}", asks,
        fold(answers), _SHORT, min((p[1] for p in parts), default=None), dict(asked),
        sum(p[2] for p in parts), ", ".join(lacking),
    )  # fmt: skip


def _devices(facts: Facts, asked: tuple[str, ...]) -> Finding:
    tallies = {d: facts.devices.get(d, Tally()) for d in asked}
    answers = {d: _answer(t, lambda t: t.agree >= 1) for d, t in tallies.items()}
    said = ", ".join(f"{d} {t.agree} of {t.measured}" for d, t in tallies.items())
    lacking = [d for d in asked if answers[d] is not Answer.HOLDS]
    return Finding(
        "devices", f"first-order trials that agree by device: {said}",
        f"some on {', '.join(asked)}", fold(list(answers.values())), _SHORT,
        len(asked) - len(lacking), list(asked), len(lacking),
        f"one must agree on {', '.join(lacking)}" if lacking else "",
    )  # fmt: skip


def _at_most(name: str, says: str, count: int, most: int, answer: Answer) -> Finding:
    more = max(0, count - most) if answer is not Answer.HOLDS else 0
    lack = f"{more} fewer" if more else ("" if answer is Answer.HOLDS else _RUN)
    return Finding(
        name, says, f"at most {most}", answer, frozenset({"wrong"}), count, most, more, lack
    )


_RUN = "run the trials that are missing"


def _wrong(facts: Facts, most: int) -> Finding:
    every = total(facts.orders.values())
    answer = _answer(every, lambda t: t.wrong <= most)
    return _at_most("wrong", f"{every.wrong} wrong derivatives", every.wrong, most, answer)


def _unclaimed_wrong(facts: Facts, most: int) -> Finding:
    every = total(facts.orders.values())
    count = every.wrong - every.claimed_wrong
    answer = _answer(every, lambda t: t.wrong - t.claimed_wrong <= most)
    says = f"{count} wrong derivatives that nobody declared"
    return _at_most("unclaimed_wrong", says, count, most, answer)


def _failing(facts: Facts, most: float) -> Finding:
    """Waived trials stand in the denominator: that they are waived must not cost anything."""
    first = facts.first
    failing = first.broken + first.wrong
    answer = _answer(first, lambda t: share(t.broken + t.wrong, t.evident) <= most)
    more = max(0, failing - allowed(most, first.planned)) if answer is not Answer.HOLDS else 0
    lack = f"{more} fewer" if more else ("" if answer is Answer.HOLDS else _RUN)
    return Finding(
        "failing",
        f"{failing} of {first.evident} first-order trials are wrong, raise, crash or hang",
        f"at most {percent(most)}", answer, _FAILING,
        share(failing, first.evident), most, more, lack,
    )  # fmt: skip


def _nested(facts: Facts, asked: Nested) -> Finding:
    found = {outer: _agrees(facts.order(outer), asked.at_least) for outer in asked.outer}
    tallies = {outer: facts.order(outer) for outer in asked.outer}
    answers = [answer for answer, _ in found.values()]
    fold_ = all if asked.need == "all" else any
    if fold_(a is Answer.HOLDS for a in answers):
        answer = Answer.HOLDS
    elif fold_(a is not Answer.FAILS for a in answers):
        answer = Answer.NOT_TESTED
    else:
        answer = Answer.FAILS
    shares = [share(t.agree, t.measured) for t in tallies.values()]
    lacking = {o: more for o, (_, more) in found.items() if more}
    mores = list(lacking.values()) if answer is not Answer.HOLDS else []
    words = [f"{more} more must agree under {o}" for o, more in lacking.items()] if mores else []
    every = asked.need == "all"
    return Finding(
        "nested",
        "second order by outer mode: "
        + ", ".join(f"{o} {t.agree} of {t.measured}" for o, t in tallies.items()),
        f"at least {percent(asked.at_least)} in {asked.need} of {', '.join(asked.outer)}", answer,
        _SHORT, min(shares) if every else max(shares), asked.model_dump(mode="json"),
        (sum(mores) if every else min(mores)) if mores else 0,
        (" and " if every else " or ").join(words),
    )  # fmt: skip


def _both_witnesses(facts: Facts, least: float) -> Finding:
    """Of all trials with evidence: an agreement that turns wrong must not raise the share."""
    first = facts.first
    answer = _answer(first, lambda t: share(t.certified, t.evident) >= least)
    more = 0
    if answer is not Answer.HOLDS:
        more = max(1, needed(least, first.planned) - first.certified)
    return Finding(
        "both_witnesses",
        f"{first.certified} of {first.evident} first-order trials are certified by both witnesses",
        f"at least {percent(least)}", answer, _SHORT, share(first.certified, first.evident), least,
        more, f"{more} more must be certified" if more else "",
    )  # fmt: skip


def _clean_runs(facts: Facts, least: int) -> Finding:
    window = facts.laps[:least]
    dirty = [lap for lap in window if lap.wrong or lap.errors]
    cut = [lap for lap in window if not lap.finished and lap not in dirty]
    clean = next((i for i, lap in enumerate(facts.laps) if not lap.finished or lap.wrong
                  or lap.errors), len(facts.laps))  # fmt: skip
    says = f"the last {clean} of {len(facts.laps)} runs are clean"
    if dirty:
        counts = f"{dirty[0].wrong} undeclared wrong, {dirty[0].errors} harness errors"
        answer, says = Answer.FAILS, f"{says}; {dirty[0].run} has {counts}"
    elif cut:
        answer, says = Answer.NOT_TESTED, f"{says}; {cut[0].run} was cut short"
    else:
        answer = Answer.HOLDS if len(window) >= least else Answer.NOT_TESTED
    more = 0 if answer is Answer.HOLDS else max(1, least - clean)
    return Finding(
        "clean_runs", says, f"at least {least}", answer, frozenset({"wrong"}), clean, least, more,
        f"{more} more clean runs" if more else "",
    )  # fmt: skip


def _cost(facts: Facts, most: float) -> Finding:
    answers = [
        Answer.NOT_TESTED if ratio is None else Answer.HOLDS if ratio <= most else Answer.FAILS
        for ratio in facts.costs.values()
    ]
    answer = fold(answers) if answers else Answer.NOT_TESTED
    known = {d: ratio for d, ratio in facts.costs.items() if ratio is not None}
    said = [f"{d} {ratio:.2f} x the fastest" for d, ratio in known.items()]
    said += [f"{d} not timed" for d in facts.costs if d not in known]
    lacks = {Answer.HOLDS: "", Answer.FAILS: "be faster", Answer.NOT_TESTED: "time its benchmarks"}
    return Finding(
        "cost", f"time of a derivative: {', '.join(said) or 'not timed'}", f"at most {most:g} x",
        answer, frozenset(), max(known.values(), default=None), most, 0, lacks[answer],
    )  # fmt: skip


def _counted(facts: Facts) -> tuple[Answer, str]:
    """Whether any evidence counts for a class that does not take all of it."""
    if facts.counted:
        return Answer.HOLDS, ""
    open_ = facts.evident or any(t.missing for t in facts.orders.values())
    return (Answer.NOT_TESTED if open_ else Answer.FAILS), "measure it anew"


def _sources(facts: Facts, asked: tuple[Source, ...]) -> Finding:
    answer, lack = _counted(facts)
    says = f"{facts.counted} of {facts.evident} trials with evidence count; the others are missing"
    return Finding(
        "sources", says, f"measured by {' or '.join(asked)}", answer, frozenset(), facts.counted,
        list(asked), 0, lack,
    )  # fmt: skip


def _fresh_days(facts: Facts, most: int) -> Finding:
    answer, lack = _counted(facts)
    says = f"{facts.counted} of {facts.evident} trials with evidence count; the others are missing"
    return Finding(
        "fresh_days", says, f"at most {most} days old", answer, frozenset(), facts.counted, most, 0,
        lack,
    )  # fmt: skip


_CRITERIA: Mapping[str, Callable[[Facts, Any], Finding]] = {
    "trials": _trials,
    "agreement": _agreement,
    "suites": _suites,
    "devices": _devices,
    "wrong": _wrong,
    "unclaimed_wrong": _unclaimed_wrong,
    "failing": _failing,
    "nested": _nested,
    "both_witnesses": _both_witnesses,
    "clean_runs": _clean_runs,
    "cost": _cost,
    "sources": _sources,
    "fresh_days": _fresh_days,
}
