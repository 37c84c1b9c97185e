"""Why a backend is in its class: criteria, trials to blame, what blocks the next class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from gradtier.assess import Assessment, Drift
from gradtier.causes import causes, class_title, next_class
from gradtier.footnotes import LONGEST, flaky_name, plain, stale_words, waived, waiver_words
from gradtier.front import Whole
from gradtier.matrix import Matrix
from gradtier.model import Outcome
from gradtier.policy import Policy
from gradtier.tiers import Answer, ClassFinding, Finding

MOST_BLAMED = 12


# ------------------------------------------------------------------------------------------- JSON


def class_json(whole: Whole, assessment: Assessment) -> dict[str, Any]:
    """An assessment as JSON-safe data."""
    outcomes = Counter(str(j.outcome) for j in assessment.trials())
    row, stale = whole.opened.plan.matrix.backends[assessment.backend], assessment.stale
    return {
        "backend": assessment.backend,
        "class": assessment.tier,
        "derived": assessment.derived,
        "at_most": row.at_most,
        "at_most_because": row.at_most_because,
        "stale": None
        if stale is None
        else {"held": stale.held, "old": stale.old, "measured": stale.measured,
              "days": stale.days, "after": stale.after},
        "age": assessment.age,
        "possible": assessment.possible,
        "outcomes": dict(sorted(outcomes.items())),
        "criteria": [
            {"class": c.id, "answer": str(c.answer), "findings": [*map(_finding, c.findings)]}
            for c in assessment.classes
        ],
        "flaky": [
            {"trial": str(j.trial.id), "outcomes": [*map(str, j.conflict)]}
            for j in assessment.flaky
        ],
        "waived": [
            {
                "owner": waiver.owner, "because": waiver.because, "link": waiver.link,
                "until": waiver.until.isoformat(), "trials": [str(j.trial.id) for j in trials],
            }
            for waiver, trials in waived(assessment.trials())
        ],
        "drift": [
            {
                d.kind: d.number, "says": d.says, "trials": list(d.trials),
                "edit": _edit(whole, d),
            }
            for d in assessment.drift
        ],
    }  # fmt: skip


def _finding(f: Finding) -> dict[str, Any]:
    return {
        "name": f.name, "says": f.says, "asks": f.asks, "answer": str(f.answer), "value": f.value,
        "threshold": f.threshold, "more": f.more, "lack": f.lack,
    }  # fmt: skip


def _edit(whole: Whole, drift: Drift) -> str:
    return whole.edits.get(drift.number, "") if drift.kind == "claim" else ""


def explanation_json(whole: Whole, assessment: Assessment) -> dict[str, Any]:
    """An assessment with the trials to blame and the checklist of the next class."""
    above = next_class(whole.opened.plan.matrix, assessment)
    return {
        **class_json(whole, assessment),
        "cells": {
            str(c.cell): {str(o): n for o, n in c.counts.most_common()} for c in assessment.cells
        },
        "causes": [
            {
                "outcome": str(c.outcome), "says": c.says, "declared": c.declared,
                "waived": c.waived, "count": len(c.trials),
                "trials": [str(j.trial.id) for j in c.trials],
            }
            for c in causes(assessment)
        ],
        "next": None
        if above is None
        else {
            "class": above[0].id,
            "checklist": [
                {"name": s.name, "answer": str(s.answer), "says": s.says, "more": s.more,
                 "lack": s.lack}
                for s in above[1]
            ],
        },
    }  # fmt: skip


# ------------------------------------------------------------------------------------------- text


def class_lines(whole: Whole, assessment: Assessment) -> Iterator[str]:
    """The class of one backend with the reasons why it is no better."""
    matrix = whole.opened.plan.matrix
    title = plain(matrix.backends[assessment.backend].title)
    yield f"{assessment.backend} ({title}): {_held(matrix.policy, assessment)}"
    yield from (f"  {line}" for line in _remarks(matrix, assessment))
    for c in _above(assessment):
        for f in c.findings:
            if f.answer is not Answer.HOLDS:
                yield f"  not {c.title}: {f.name}: {f.says}; asked for {f.asks} ({f.answer})"
    yield from _drifted(whole, assessment)


def _drifted(whole: Whole, assessment: Assessment) -> Iterator[str]:
    for d in assessment.drift:
        yield f"  {d.kind} {d.number + 1} no longer holds: {d.says}: {_few(d.trials)}"
        if edit := _edit(whole, d):
            at = whole.opened.loaded.document.place(("claims", d.number))
            yield f"    at {at}: {edit}"


def _remarks(matrix: Matrix, assessment: Assessment) -> Iterator[str]:
    """Why the published class is not what the criteria give, and what to know beside it."""
    if assessment.stale is not None:
        held = class_title(matrix.policy, assessment.stale.held)
        yield f"stale: {stale_words(assessment.stale)}; one class lower than {held}"
    if assessment.derived != assessment.tier:
        row = matrix.backends[assessment.backend]
        derived, most = (class_title(matrix.policy, t) for t in (assessment.derived, row.at_most))
        yield (
            f"declared: the evidence gives {derived}, at most {most} is published: "
            f"{plain(row.at_most_because or '')}"
        )
    for j in assessment.flaky:
        yield f"flaky: {j.trial.id}: {flaky_name(j)} under the same conditions; the worst counts"
    for waiver, trials in waived(assessment.trials()):
        names = _few(tuple(str(j.trial.id) for j in trials))
        yield f"waived: {len(trials)} trials ({names}): {waiver_words(waiver)}"


def _above(assessment: Assessment) -> list[ClassFinding]:
    """The classes above the one that is published; all of them where none is."""
    return list(takewhile(lambda c: c.id != assessment.tier, assessment.classes))


def _held(policy: Policy, assessment: Assessment) -> str:
    held = class_title(policy, assessment.tier)
    if assessment.possible is None:
        return held
    what = "fresh evidence is" if assessment.stale is not None else "evidence is"
    return f"{held}; {class_title(policy, assessment.possible)} is possible, {what} missing"


def explanation(whole: Whole, assessment: Assessment) -> Iterator[str]:
    """Why a backend is in its class, the trials to blame, and what would raise it."""
    matrix = whole.opened.plan.matrix
    row = matrix.backends[assessment.backend]
    yield f"{assessment.backend}: {plain(row.title)}, {row.mode} mode, {plain(row.execution)}"
    yield f"class: {_held(matrix.policy, assessment)}"
    if assessment.age is not None:
        yield f"age of the evidence: {assessment.age} days"
    yield from _remarks(matrix, assessment)
    yield ""
    for c in assessment.classes:
        yield f"{c.title}: {c.answer}"
        for f in c.findings:
            mark = {Answer.HOLDS: "+", Answer.FAILS: "-", Answer.NOT_TESTED: "?"}[f.answer]
            yield f"  {mark} {f.name}: {f.says}; asked for {f.asks}"
    yield ""
    yield "cells:"
    for cell in assessment.cells:
        counts = ", ".join(f"{n} {o}" for o, n in cell.counts.most_common()) or cell.excluded
        yield f"  {cell.cell}: {counts}"
    yield from _blamed(assessment)
    yield from _raising(matrix, assessment)
    yield from _drifted(whole, assessment)


def _blamed(assessment: Assessment) -> Iterator[str]:
    found = causes(assessment)
    if not found:
        return
    yield ""
    yield "trials to blame, by cause:"
    for cause in found:
        yield f"  {len(cause.trials)} x {cause.says}{' (waived)' if cause.waived else ''}"
        for j in cause.trials[:MOST_BLAMED]:
            told = j.outcome is Outcome.WRONG and j.record is not None
            numbers = f": {plain(j.record.detail, 3 * LONGEST)}" if told and j.record else ""
            yield f"      {j.trial.id}{numbers}"
        if len(cause.trials) > MOST_BLAMED:
            yield f"      and {len(cause.trials) - MOST_BLAMED} more"


def _raising(matrix: Matrix, assessment: Assessment) -> Iterator[str]:
    above = next_class(matrix, assessment)
    yield ""
    if above is None:
        yield "nothing is above this class"
        return
    tier, steps = above
    yield f"what would raise it to {tier.title}:"
    for step in steps:
        if step.answer is Answer.HOLDS:
            yield f"  [x] {step.name}: {step.says}"
        else:
            open_ = " (not tested)" if step.answer is Answer.NOT_TESTED else ""
            yield f"  [ ] {step.name}: now {step.says}{open_}" + (
                f": {step.lack}" * bool(step.lack)
            )


def _few(words: tuple[str, ...], most: int = 3) -> str:
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more
