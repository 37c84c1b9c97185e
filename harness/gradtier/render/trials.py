"""Trials as the pages of suites and cases show them: counted, folded by package, in full."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import msgspec

from gradtier import records
from gradtier.assess import Assessment, Judged
from gradtier.model import AXES, Mode, Nesting, Outcome, TrialId
from gradtier.render.words import duration, number
from gradtier.support import MARKS
from gradtier.table import LONGEST, State, plain, shown_as, state_of, web_link

RANK = {
    Outcome.WRONG: 0, Outcome.CRASH: 1, Outcome.TIMEOUT: 2, Outcome.RAISED: 3,
    Outcome.UNSUPPORTED: 4, Outcome.INCONCLUSIVE: 5,
}  # fmt: skip
_DETAIL = 3 * LONGEST
_NOTHING: Mapping[str, Any] = {}
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


#: Outer mode of trials of one row -> how many ended how.
Groups = Mapping[tuple[str, Nesting], Mapping[Outcome, int]]


def fold(groups: Groups, modes: Mapping[str, Mode]) -> Fold:
    """Put trials of any backends together.

    Args:
        groups: row and nesting -> its trials by outcome.
        modes: row -> its mode.
    """
    counts: Counter[Outcome] = Counter()
    for found in groups.values():
        counts.update(found)
    right = counts[Outcome.AGREE] == sum(n for o, n in counts.items() if o.is_evidence)
    return folded(counts, () if right else tuple(_lines(groups, modes)))


def folded(counts: Mapping[Outcome, int], lines: tuple[tuple[Mode, str], ...] = ()) -> Fold:
    """The same from counts alone, with the lines given."""
    state = state_of(counts)
    measured = sum(n for outcome, n in counts.items() if outcome.is_evidence)
    agree = counts.get(Outcome.AGREE, 0)
    word = {State.NOT_TESTED: "not tested", State.NOT_OFFERED: "not planned"}.get(state)
    return Fold(
        state=state,
        mark=MARKS[state],
        text=word or f"{agree}/{measured}",
        agree=agree,
        measured=measured,
        others=others(counts),
        lines=lines,
        incomplete=bool(measured) and measured < sum(counts.values()),
    )


def others(counts: Mapping[Outcome, int]) -> str:
    """What does not agree, the worst first: ``1 wrong, 2 unsupported``."""
    return ", ".join(f"{counts[o]} {shown_as(o)}" for o in RANK if counts.get(o))


def _lines(groups: Groups, modes: Mapping[str, Mode]) -> Iterable[tuple[Mode, str]]:
    found: dict[tuple[Mode, Nesting], Counter[Outcome]] = {}
    for (row, nesting), counts in groups.items():
        found.setdefault((modes[row], nesting), Counter()).update(counts)
    nestings = [n for n in Nesting if any(key[1] is n for key in found)]
    for mode in (Mode.REVERSE, Mode.FORWARD):
        if any(key[0] is mode for key in found):
            states = [state_of(found.get((mode, n), Counter())) for n in nestings]
            yield mode, "".join(MARKS[s] for s in states)


@lru_cache(maxsize=len(Outcome))
def chip(outcome: Outcome) -> tuple[State, str, str]:
    """State, mark and word of one trial that ended so."""
    state = state_of({outcome: 1})
    words = {Outcome.AGREE: "agrees"} if outcome.is_evidence else {outcome: "not tested"}
    return state, MARKS[state], words.get(outcome, shown_as(outcome))


class Measured(msgspec.Struct, frozen=True, gc=False):
    """A trial with how it ended and its verdict decoded, empty where there is none."""

    judged: Judged
    outcome: Outcome
    verdict: Mapping[str, Any]

    @classmethod
    def of(cls, j: Judged) -> Self:
        """The trial with its verdict, which a record may keep as text, decoded once."""
        record = j.record
        if record is None:
            return cls(j, j.outcome, _NOTHING)
        verdict = record.verdict
        if isinstance(verdict, records.Numbers):
            return cls(j, record.outcome, verdict.whole())
        return cls(j, record.outcome, dict(verdict) if verdict else _NOTHING)


class Words(msgspec.Struct, frozen=True, gc=False):
    """What a trial that has evidence says beside numbers.

    Attributes:
        reason, detail: why it ended so.
        convention: the slope that it takes at a kink.
        place: of the worst element.
        reference_row: the row that served as the reference.
        versions: what it was measured with.
    """

    reason: str
    detail: str
    convention: str
    place: str
    reference_row: str
    versions: str


class Numbers(msgspec.Struct, frozen=True, gc=False):
    """The numbers of a trial that has evidence, as its record has them: mostly floats.

    Attributes:
        got: what the backend gave at the worst element.
        reference, allowed: what the reference gave, and how far from that is allowed.
        slope, bar: the same of finite differences.
        margin_reference, margin_differences: the largest differences over what is allowed.
        call, seconds: how long one derivative call took, and all of the trial.
    """

    got: object
    reference: object
    allowed: object
    slope: object
    bar: object
    margin_reference: object
    margin_differences: object
    call: float | None
    seconds: float


def words_of(m: Measured) -> Words:
    """What a trial that has evidence says beside numbers."""
    record, verdict = m.judged.record, m.verdict
    assert record is not None  # only a record is evidence
    convention, reason = verdict.get("convention"), record.reason
    return Words(
        "" if reason is None else reason.value,
        cleaned(record.detail),
        "" if convention is None else cleaned(str(convention)),
        _place(verdict.get("worst") or _NOTHING),
        cleaned(record.reference or ""),
        _versions(tuple(record.versions.items())),
    )


def numbers_of(m: Measured) -> Numbers:
    """The numbers of a trial that has evidence."""
    record, verdict = m.judged.record, m.verdict
    assert record is not None  # only a record is evidence
    worst = verdict.get("worst") or _NOTHING
    return Numbers(
        worst.get("got"), worst.get("reference"), worst.get("allowed"), worst.get("fd"),
        bar_of(verdict, worst), verdict.get("margin_reference"), verdict.get("margin_fd"),
        record.call_seconds, record.seconds,
    )  # fmt: skip


def text_of(value: object, digits: int = 12) -> str:
    """A number of a record in words; empty where there is none."""
    return "" if value is None else number(value, digits)


def with_bar(value: object, bar: object) -> str:
    """A number and its uncertainty in words; empty where there is none."""
    if value is None or bar is None:
        return text_of(value)
    return f"{number(value, 12)} ± {number(bar, 2)}"


def time_of(n: Numbers) -> str:
    """How long one call took, and all of the trial."""
    call, seconds = duration(n.call), duration(n.seconds)
    return f"{call} a call, {seconds}" if call else seconds


def declared(j: Judged) -> tuple[str, str, str]:
    """What is declared of a trial, ``yes`` if it ended otherwise, and a link; empty if nothing."""
    if j.claim is None:
        return "", "", ""
    otherwise = "" if j.as_claimed else "yes"
    return _because(j.claim.because), otherwise, _link(j.claim.link)


def bar_of(verdict: Mapping[str, Any], worst: Mapping[str, Any]) -> object:
    """What finite differences allow at the worst element: 8 times their bar, but at a kink."""
    error = worst.get("fd_error")
    if error is None or "kink" in verdict.get("findings", ()):
        return error
    return _FACTOR * as_float(error)


@lru_cache(maxsize=64)
def derivative(nesting: Nesting, mode: Mode) -> str:
    """``forward over reverse``, or ``first order, reverse``."""
    return f"{nesting} over {mode}" if nesting is not Nesting.NONE else f"first order, {mode}"


def margin(verdict: Mapping[str, Any]) -> float:
    """The larger difference over tolerance of a verdict; -1 where there is none."""
    largest = -1.0
    for found in (verdict.get("margin_reference"), verdict.get("margin_fd")):
        value = found if type(found) is float else as_float(found)
        if value > largest:  # never true of NaN
            largest = value
    return largest


def as_float(value: object) -> float:
    """A number of a record, whose infinities stand as text; NaN for what is none."""
    if isinstance(value, str):
        return {"inf": float("inf"), "-inf": float("-inf")}.get(value, float("nan"))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return float("nan")
    try:
        return float(value)
    except OverflowError:  # a whole number beyond all that are floats
        return float("inf") if value > 0 else float("-inf")


def command(t: TrialId) -> str:
    """The command line that repeats one trial."""
    values = {
        "backend": t.cell.backend, "device": t.cell.device, "nesting": str(t.cell.nesting),
        "case": t.case_id, "dtype": t.cell.dtype,
    }  # fmt: skip
    words = [f"--{axis} {shlex.quote(values[axis])}" for axis in AXES if axis in values]
    return " ".join(["gradtier run", *words])


@lru_cache(maxsize=4096)  # the same few sentences, thousands of times
def cleaned(text: str) -> str:
    """A stranger's text on one line, without control characters, cut to a bearable length."""
    return plain(text, _DETAIL)


@lru_cache(maxsize=4096)
def _because(text: str) -> str:
    return plain(text, 2 * LONGEST)


@lru_cache(maxsize=1024)
def _link(link: str | None) -> str:
    return web_link(link) or ""


@lru_cache(maxsize=1024)
def _versions(items: tuple[tuple[str, str], ...]) -> str:
    return plain(", ".join(f"{name} {version}" for name, version in items), _DETAIL)


def _place(worst: Mapping[str, Any]) -> str:
    leaf, index, part = worst.get("leaf"), worst.get("index"), worst.get("part")
    if index is None:
        return ""
    if type(leaf) is int and type(index) is int and part is None:
        return f"leaf {leaf}, element {index}"
    of = f", {part} part" if part else ""
    return plain(f"leaf {leaf}, element {index}{of}", LONGEST)


class Trials:
    """Every planned trial by case, in the order of the rows.

    Attributes:
        by_case: case -> its trials.
        counts: case -> device -> its trials there by outcome.
        devices: those with any evidence.
    """

    def __init__(self, assessments: Iterable[Assessment]) -> None:
        self.by_case: dict[str, list[Judged]] = {}
        self.counts: dict[str, dict[str, Counter[Outcome]]] = {}
        for a in assessments:
            for summary in a.cells:
                self._add(summary.cell.device, summary.trials)
        every = (item for found in self.counts.values() for item in found.items())
        self.devices = frozenset(
            device for device, counts in every if any(o.is_evidence for o in counts)
        )

    def _add(self, device: str, trials: Iterable[Judged]) -> None:
        by_case, counts = self.by_case, self.counts
        for j in trials:
            case = j.trial.id.case_id
            mine = by_case.get(case)
            if mine is None:
                mine, counts[case] = by_case.setdefault(case, []), {}
            mine.append(j)
            tally = counts[case].get(device)
            if tally is None:
                tally = counts[case].setdefault(device, Counter())
            tally[j.outcome] += 1

    def here(self, case: str) -> list[Judged]:
        """The trials of a case on the devices that there is any evidence of."""
        return [j for j in self.by_case.get(case, ()) if j.trial.id.cell.device in self.devices]

    def groups(self, case: str) -> dict[tuple[str, Nesting], dict[Outcome, int]]:
        """The same, counted by row, nesting and outcome."""
        found: dict[tuple[str, Nesting], dict[Outcome, int]] = {}
        devices = self.devices
        for j in self.by_case.get(case, ()):
            cell, record = j.trial.id.cell, j.record
            if cell.device not in devices:
                continue
            mine = found.get((cell.backend, cell.nesting))
            if mine is None:
                mine = found.setdefault((cell.backend, cell.nesting), {})
            outcome = record.outcome if record is not None else j.outcome
            mine[outcome] = mine.get(outcome, 0) + 1
        return found

    def tally(self, case: str) -> Counter[Outcome]:
        """The same, counted by outcome."""
        found: Counter[Outcome] = Counter()
        for device, counts in self.counts.get(case, {}).items():
            if device in self.devices:
                found.update(counts)
        return found
