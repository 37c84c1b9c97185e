"""Footnotes of the support table: numbered once, in reading order, and worded.

Texts that come from exceptions are written by strangers: they are cut short and rid of control
characters here, and stay text everywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from gradtier.assess import CellSummary, Judged, Stale
from gradtier.errors import InputError, Problem, nearest
from gradtier.matrix import Matrix, Waiver
from gradtier.model import Outcome
from gradtier.plan import Excluded
from gradtier.support import Footnote, Use

LONGEST = 120  # characters shown of a text that came out of an exception

_SHOWN_AS = {Outcome.TIMEOUT: "timed out", Outcome.CRASH: "crashed"}
_NOT_IN_ADDRESS = re.compile(r'["<>\\^`{|}\[\]]|%(?![0-9A-Fa-f]{2})')
_WORST_FIRST = (
    Outcome.WRONG, Outcome.CRASH, Outcome.TIMEOUT, Outcome.RAISED, Outcome.UNSUPPORTED,
    Outcome.INCONCLUSIVE,
)  # fmt: skip
LEFT_OUT = {
    "not-claimed": "not claimed",
    "not-offered": "not offered",
    "unavailable": "unavailable",
}  # others: "left out"


def plain(text: str, longest: int = 0) -> str:
    """``text`` on one line, without control and formatting characters.

    Args:
        text: anything.
        longest: for a stranger's text, such as an exception's: how many characters to keep; such
            a text also loses folders and memory addresses, which differ between machines.
    """
    if longest:
        text = text[: 20 * longest]
    if not text.isprintable():  # none of those characters is; told at once, unlike the loop
        text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    words = " ".join(text.split())
    if not longest:
        return words
    words = re.sub(r"(?<![\w/.<])/(?:[\w.+-]+/)+|\b[A-Za-z]:\\(?:[^\\ ]+\\)+", "", words)
    words = re.sub(r"\b0x[0-9a-fA-F]{4,}\b", "0x…", words)
    return words[: longest - 1].rstrip() + "…" if len(words) > longest else words


def web_link(link: str | None) -> str | None:
    """``link`` if it is an http or https address of a host, else None.

    What may not stand in an address, such as a quote, is written in hexadecimal.
    """
    if not link or link != plain(link) or " " in link:
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    if _NOT_IN_ADDRESS.search(parts.hostname):
        return None
    head = link.index(parts.netloc) + len(parts.netloc)  # brackets may be there
    return link[:head] + _NOT_IN_ADDRESS.sub(lambda c: f"%{ord(c[0]):02X}", link[head:])


def shown_as(outcome: Outcome) -> str:
    """The outcome as a reader meets it."""
    return _SHOWN_AS.get(outcome, outcome.value)


def some(words: list[str], most: int, total: int | None = None) -> str:
    """``a, b and 5 more``; ``total`` counts what the words stand for, if not themselves."""
    more = (len(words) if total is None else total) - len(words[:most])
    return ", ".join(words[:most]) + (f" and {more} more" if more else "")


def sentence(text: str) -> str:
    """``text`` with an end."""
    return text if text.endswith((".", "…", "!", "?")) else f"{text}."


def counted(cells: Iterable[CellSummary]) -> dict[Outcome, int]:
    """The trials of cells by outcome, in the order of the outcomes, without zeros."""
    counts: Counter[Outcome] = Counter()
    for cell in cells:
        counts.update(cell.counts)
    return {outcome: counts[outcome] for outcome in Outcome if counts[outcome]}


def with_evidence(counts: Mapping[Outcome, int]) -> int:
    """How many of the counted trials have evidence."""
    return sum(n for outcome, n in counts.items() if outcome.is_evidence)


class Footnotes:
    """Numbers footnotes in the order in which they are cited; the same text has one number."""

    def __init__(self, matrix: Matrix) -> None:
        self._declared = matrix.notes
        self._uses: dict[str, list[Use]] = {}
        self._numbers: dict[str, int] = {}

    def declared(self, *notes: str | None) -> list[str]:
        """The texts of declared notes."""
        for note in filter(None, notes):
            if note not in self._declared:
                raise InputError(Problem(f"there is no note '{note}'", path="notes",
                                         hint=nearest(note, self._declared)))  # fmt: skip
        return [self._declared[note] for note in notes if note]

    def cite(self, place: str, label: str, texts: Iterable[str]) -> tuple[int, ...]:
        """The numbers of ``texts`` at ``place``; a text not met before gets the next one."""
        use = Use(id=place, label=plain(label))
        numbers = []
        for text in dict.fromkeys(map(plain, texts)):
            numbers.append(self._numbers.setdefault(text, len(self._numbers) + 1))
            self._uses.setdefault(text, []).append(use)
        return tuple(sorted(numbers))

    def all(self) -> tuple[Footnote, ...]:
        """Every footnote cited so far, with its uses."""
        return tuple(
            Footnote(number=number, text=text, uses=tuple(self._uses[text]))
            for text, number in self._numbers.items()
        )


def trial_name(j: Judged, dtypes: int) -> str:
    """The case of a trial, with its dtype where the cell has several and it is not float64."""
    return name_in(j.trial.id.case_id, j.trial.id.cell.dtype, dtypes)


def name_in(trial: str, dtype: str, dtypes: int) -> str:
    """The same of a trial's id (or its case's) and its dtype."""
    case = trial.partition("@")[0]
    return f"{case} in {dtype}" if dtypes > 1 and dtype != "float64" else case


def shortfall(cells: Sequence[CellSummary]) -> Iterator[str]:
    """One text that counts the trials which do not agree, the worst first, with the reasons."""
    parts = []
    words: dict[str, str] = {}  # what was raised -> as it is shown; most trials raise the same
    for outcome in _WORST_FIRST:
        found = [j for cell in cells for j in cell.by_outcome.get(outcome, ())]
        groups: dict[str, list[Judged]] = {}
        for j in found:
            assert j.record is not None  # only a record gives such an outcome
            why = str(j.record.reason or "")
            if not why:
                said = j.record.detail
                why = words[said] if said in words else words.setdefault(said, plain(said, LONGEST))
            groups.setdefault(why, []).append(j)
        ranked = sorted(groups.items(), key=lambda g: (-len(g[1]), g[0]))
        for why, trials in ranked[:1]:  # the reason that most of them share
            names = [trial_name(j, len(cells)) for j in trials[:3]]
            shown = some(names, 3, len(trials)) + (f": {why}" if why else "")
            rest = len(found) - len(trials)
            more = f"; and {rest} more" if rest else ""
            parts.append(f"{len(found)} {shown_as(outcome)} ({shown}{more})")
    if parts:
        yield plain(sentence(", ".join(parts)), 4 * LONGEST)


def why_no_evidence(j: Judged) -> str:
    """Why a trial is without evidence, in the words of its record or of the plan."""
    said = plain(j.record.detail if j.record is not None else j.trial.unavailable, LONGEST)
    return f"harness error: {said}" if j.outcome is Outcome.ERROR else said or "no record yet"


def without_evidence(cells: Sequence[CellSummary]) -> Iterator[str]:
    """Why trials of cells, or all of them, are without evidence."""
    left = Counter(
        why_no_evidence(j)
        for cell in cells
        for outcome, trials in cell.by_outcome.items()
        if not outcome.is_evidence
        for j in trials
    )
    planned = sum(len(cell.trials) for cell in cells)
    if not left:
        return
    ranked = sorted(left.items(), key=lambda item: (-item[1], item[0]))
    many = len(ranked) > 1
    whys = some([f"{why} ({n})" if many else why for why, n in ranked], 2)
    total = left.total()
    head = f"{total} of {planned} not run" if total < planned else "Not tested"
    yield sentence(f"{head}: {whys}")


def left_out(excluded: list[Excluded], whole: bool, notes: Footnotes) -> Iterator[str]:
    """Why a cell, or cases of it, are not planned."""
    groups: dict[tuple[str, str], list[str]] = {}
    for e in excluded:
        groups.setdefault((e.reason, e.because), []).append(e.case)
    for (reason, because), cases in groups.items():
        head = LEFT_OUT.get(reason, f"left out ({reason.replace('-', ' ')})").capitalize()
        names = sorted(set(cases) - {"*"})
        part = f" here: {some(names, 3)}" if names and not whole else ""
        yield sentence(f"{head}{part}: {because}")
    yield from notes.declared(*(e.note for e in excluded))


def waived(trials: Iterable[Judged]) -> list[tuple[Waiver, list[Judged]]]:
    """Waivers with the trials that need them, in the order of the trials."""
    found: list[tuple[Waiver, list[Judged]]] = []
    for j in trials:
        if j.waiver is None or not j.is_waived:
            continue
        mine = next((of for waiver, of in found if waiver is j.waiver), None)
        if mine is None:
            found.append((j.waiver, [j]))
        else:
            mine.append(j)
    return found


def waiver_words(waiver: Waiver) -> str:
    """Who answers for trials, why, until when, and where to read on."""
    why = plain(sentence(waiver.because))
    until = waiver.until.isoformat()
    return f"waived by {plain(waiver.owner)} until {until}: {why} {plain(waiver.link)}"


def waivers(trials: list[Judged], dtypes: int) -> Iterator[str]:
    """One text for each waiver that trials of a cell need."""
    for waiver, mine in waived(trials):
        names = some([trial_name(j, dtypes) for j in mine], 3)
        yield f"{len(mine)} {waiver_words(waiver)} ({names})"


def flaky_name(j: Judged) -> str:
    """The outcomes of a trial that ended differently: ``wrong, agree``."""
    return ", ".join(map(shown_as, j.conflict))


def flaky(trials: list[Judged], dtypes: int) -> Iterator[str]:
    """One text on the trials of a cell that ended differently under the same conditions."""
    found = [j for j in trials if j.conflict]
    if found:
        names = some([f"{trial_name(j, dtypes)}: {flaky_name(j)}" for j in found], 3)
        yield f"{len(found)} flaky, the worst outcome counts ({names})."


def stale_words(stale: Stale) -> str:
    """How much of the evidence is too old for a class, and by how much."""
    oldest = "" if stale.days is None else f", the oldest {stale.days} days"
    return (
        f"{stale.old} of {stale.measured} trials that decide were measured more than "
        f"{stale.after} days ago{oldest}"
    )
