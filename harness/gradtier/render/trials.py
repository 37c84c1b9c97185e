"""Trials as the pages of suites and cases show them: counted, folded by package, in full."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gradtier.assess import Assessment, Judged
from gradtier.model import AXES, Mode, Nesting, Outcome, TrialId
from gradtier.render.words import number
from gradtier.support import MARKS
from gradtier.table import LONGEST, State, plain, shown_as, state_of, web_link

RANK = {
    Outcome.WRONG: 0, Outcome.CRASH: 1, Outcome.TIMEOUT: 2, Outcome.RAISED: 3,
    Outcome.UNSUPPORTED: 4, Outcome.INCONCLUSIVE: 5,
}  # fmt: skip
_DETAIL = 3 * LONGEST
_FACTOR = 8.0  # finite differences are shown, as they are used, with 8 times their own bar


@dataclass(frozen=True, slots=True)
class Fold:
    """Trials put together.

    Attributes:
        state, mark: of all of them.
        text: ``6/6``, or a word where nothing is measured.
        others: ``1 wrong, 2 unsupported``.
        lines: where not all agree, per mode the marks of first order, forward over, reverse over.
        incomplete: some were planned on a device with evidence and not run.
    """

    state: State
    mark: str
    text: str
    agree: int
    measured: int
    others: str
    lines: tuple[tuple[Mode, str], ...]
    incomplete: bool


def fold(trials: Iterable[Judged], modes: Mapping[str, Mode]) -> Fold:
    """Put trials of any backends together.

    Args:
        trials: any.
        modes: row -> its mode.
    """
    trials = list(trials)
    counts = Counter(j.outcome for j in trials)
    state = state_of(counts)
    measured = sum(n for outcome, n in counts.items() if outcome.is_evidence)
    agree = counts[Outcome.AGREE]
    word = {State.NOT_TESTED: "not tested", State.NOT_OFFERED: "not planned"}.get(state)
    return Fold(
        state=state,
        mark=MARKS[state],
        text=word or f"{agree}/{measured}",
        agree=agree,
        measured=measured,
        others=others(counts),
        lines=() if agree == measured else tuple(_lines(trials, modes)),
        incomplete=bool(measured) and measured < len(trials),
    )


def others(counts: Mapping[Outcome, int]) -> str:
    """What does not agree, the worst first: ``1 wrong, 2 unsupported``."""
    return ", ".join(f"{counts[o]} {shown_as(o)}" for o in RANK if counts.get(o))


def _lines(trials: list[Judged], modes: Mapping[str, Mode]) -> Iterable[tuple[Mode, str]]:
    groups: dict[tuple[Mode, Nesting], Counter[Outcome]] = {}
    for j in trials:
        cell = j.trial.id.cell
        groups.setdefault((modes[cell.backend], cell.nesting), Counter())[j.outcome] += 1
    nestings = [n for n in Nesting if any(key[1] is n for key in groups)]
    for mode in (Mode.REVERSE, Mode.FORWARD):
        if any(key[0] is mode for key in groups):
            states = [state_of(groups.get((mode, n), Counter())) for n in nestings]
            yield mode, "".join(MARKS[s] for s in states)


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One trial with its numbers, in words."""

    id: str
    backend: str
    device: str
    nesting: str
    dtype: str
    state: State
    mark: str
    outcome: str
    reason: str
    detail: str
    witnesses: str
    declared: str
    as_declared: bool
    link: str | None
    checks: tuple[str, ...]
    place: str
    got: str
    reference: str
    reference_row: str
    differences: str
    margin_reference: str
    margin_differences: str
    convention: str
    versions: str
    seconds: str
    command: str


def trial_row(j: Judged, mode: Mode) -> TrialRow:
    """The row of a trial that has evidence."""
    record, t, claim = j.record, j.trial.id, j.claim
    assert record is not None  # only a record is evidence
    verdict: Mapping[str, Any] = record.verdict or {}
    worst: Mapping[str, Any] = verdict.get("worst") or {}
    state = state_of({j.outcome: 1})
    nested = t.cell.nesting is not Nesting.NONE
    margins = verdict.get("margin_reference"), verdict.get("margin_fd")
    at_kink = "kink" in verdict.get("findings", ())
    right = j.outcome is Outcome.AGREE
    return TrialRow(
        id=str(t),
        backend=t.cell.backend,
        device=t.cell.device,
        nesting=f"{t.cell.nesting} over {mode}" if nested else f"first order, {mode}",
        dtype=t.cell.dtype,
        state=state,
        mark=MARKS[state],
        outcome="agrees" if right else shown_as(j.outcome),
        reason=str(record.reason or ""),
        detail=_said(record.detail),
        witnesses=_said(", ".join(map(str, verdict.get("witnesses", ())))),
        declared=plain(claim.because, 2 * LONGEST) if claim is not None else "",
        as_declared=j.as_claimed,
        link=web_link(claim.link) if claim is not None else None,
        checks=() if right else tuple(_said(f"{k}: {v}") for k, v in record.checks.items()),
        place=_place(worst),
        got=_number(worst.get("got")),
        reference=_with_bar(worst.get("reference"), worst.get("allowed")),
        reference_row=_said(record.reference or ""),
        differences=_with_bar(worst.get("fd"), worst.get("fd_error"), 1.0 if at_kink else _FACTOR),
        margin_reference=_number(margins[0], 3),
        margin_differences=_number(margins[1], 3),
        convention=_said(str(verdict.get("convention") or "")),
        versions=_versions(tuple(record.versions.items())),
        seconds=number(record.seconds, 3),
        command="" if right else command(t),
    )


def command(t: TrialId) -> str:
    """The command line that repeats one trial."""
    values = {
        "backend": t.cell.backend, "device": t.cell.device, "nesting": str(t.cell.nesting),
        "case": t.case_id, "dtype": t.cell.dtype,
    }  # fmt: skip
    words = [f"--{axis} {shlex.quote(values[axis])}" for axis in AXES if axis in values]
    return " ".join(["gradtier run", *words])


@lru_cache(maxsize=4096)  # the same few sentences, thousands of times
def _said(text: str) -> str:
    return plain(text, _DETAIL)


@lru_cache(maxsize=1024)
def _versions(items: tuple[tuple[str, str], ...]) -> str:
    return plain(", ".join(f"{name} {version}" for name, version in items), _DETAIL)


def _number(value: object, digits: int = 12) -> str:
    return "" if value is None else number(value, digits)


def _with_bar(value: object, bar: object, factor: float = 1.0) -> str:
    if value is None:
        return ""
    wide = factor * bar if isinstance(bar, int | float) else bar
    return number(value, 12) + ("" if wide is None else f" ± {number(wide, 2)}")


def _place(worst: Mapping[str, Any]) -> str:
    if "index" not in worst:
        return ""
    part = f", {worst['part']} part" if worst.get("part") else ""
    return plain(f"leaf {worst.get('leaf')}, element {worst['index']}{part}", LONGEST)


class Trials:
    """Every planned trial by case, in the order of the rows."""

    def __init__(self, assessments: Iterable[Assessment]) -> None:
        self.by_case: dict[str, list[Judged]] = {}
        measured = set()
        for a in assessments:
            for j in a.trials():
                self.by_case.setdefault(j.trial.id.case_id, []).append(j)
                if j.outcome.is_evidence:
                    measured.add(j.trial.id.cell.device)
        self.devices = frozenset(measured)

    def here(self, case: str) -> list[Judged]:
        """The trials of a case on the devices that there is any evidence of."""
        return [j for j in self.by_case.get(case, ()) if j.trial.id.cell.device in self.devices]
