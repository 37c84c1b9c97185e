"""Difference of two evidence sets -> text for a terminal, and JSON.

The sections are made here once, in words without markup, for the text and for
:mod:`gradtier.render.difference_markdown`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from gradtier.difference import (
    CellChange,
    ClaimChange,
    ClassChange,
    ClassName,
    Difference,
    Direction,
    End,
    Flip,
    OneSided,
    SideEntry,
    TrialChange,
    TrialNote,
    VersionChange,
)
from gradtier.footnotes import LONGEST, plain, shown_as, some
from gradtier.model import Outcome

MOST_LINES = 40  # of a section in a terminal
LONGEST_NAME = 160
CHANGE = ("Before", "Now")

Item = TypeVar("Item")


@dataclass(frozen=True)
class Section:
    """One kind of difference: lines of a few cells each.

    Attributes:
        title: what it is.
        total: how many lines there are.
        head: what stands in each column.
        rows: the first of the lines; every cell on one line, without control characters.
        names: columns that hold names (trials, cells, packages) rather than words.
    """

    title: str
    total: int
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: frozenset[int] = frozenset({0})


def render_json(found: Difference) -> str:
    """The contract ``gradtier/diff/1``, indented, with a newline at the end."""
    return found.model_dump_json(by_alias=True, indent=2) + "\n"


def render_text(found: Difference) -> str:
    """For a terminal: what it comes to first, then every kind of difference."""
    return "\n".join(_text(found)) + "\n"


def _text(found: Difference) -> Iterator[str]:
    yield verdict(found)
    yield from (f"{name}: {said}" for name, said in sides(found))
    yield counted(found)
    for section in sections(found, MOST_LINES):
        yield ""
        yield f"{section.title} ({section.total:,}):"
        yield from (f"  {_in_text(section.head, row)}" for row in section.rows)
        if more := section.total - len(section.rows):
            yield f"  and {more:,} more; --format json has them all"


def _in_text(head: tuple[str, ...], row: tuple[str, ...]) -> str:
    """A line of a section: the name, how it was and is, and what else is known."""
    told, rest = (f"{row[0]}: {row[1]} -> {row[2]}", 3) if head[1:3] == CHANGE else (row[0], 1)
    more = [f"{n.lower()}: {c}" for n, c in zip(head[rest:], row[rest:], strict=True) if c]
    return "; ".join([told, *more])


def verdict(found: Difference) -> str:
    """One line: whether anything got worse."""
    if not found.regression:
        return "No difference" if found.is_empty else "No regression"
    worse, lowered = len(found.regressions), len(found.lowered)
    parts = [_many(worse, "trial") + " got worse"] if worse else []
    parts += [_many(lowered, "class", "classes") + " got worse"] if lowered else []
    return "Regression: " + ", ".join(parts)


def sides(found: Difference) -> Iterator[tuple[str, str]]:
    """What each set is, and what of it does not count."""
    for name, side in (("old", found.old), ("new", found.new)):
        yield name, _side(side)
        for problem in side.problems[:3]:
            yield f"{name}, left out", plain(problem, 2 * LONGEST)
        if len(side.problems) > 3:
            yield f"{name}, left out", f"and {len(side.problems) - 3} more problems"


def _side(side: SideEntry) -> str:
    files = some([cut(name) for name in side.files], 3)
    return (
        f"{files}: {side.measured:,} trials measured; declaration {plain(side.matrix)}, policy "
        f"{side.policy}, judged on {side.date.isoformat()}"
    )


def counted(found: Difference) -> str:
    """One line: how many trials were compared, and how they came out."""
    ways = {way: sum(t.direction is way for t in found.trials) for way in Direction}
    declared = len(found.expected)
    worse = f"{ways[Direction.WORSE]:,} worse" + (
        f" ({declared:,} as declared)" if declared else ""
    )
    other = f", {ways[Direction.OTHER]:,} otherwise wrong" if ways[Direction.OTHER] else ""
    return (
        f"{found.compared:,} trials compared: {found.unchanged:,} unchanged, {worse}, "
        f"{ways[Direction.BETTER]:,} better{other}; {len(found.appeared):,} appeared, "
        f"{len(found.vanished):,} vanished, {len(found.otherwise):,} declared otherwise and not "
        "comparable"
    )


def sections(found: Difference, most: int) -> list[Section]:
    """Every kind of difference that there is, the most pressing first, ``most`` lines of each."""
    better = [t for t in found.trials if t.direction is Direction.BETTER]
    other = [t for t in found.trials if t.direction is Direction.OTHER]
    trial = ("Trial", *CHANGE, "Detail", "Versions")
    classes = ("Backend", *CHANGE, "Way", "Why")
    claims = ("Backend", "Claim", "Evidence", "Words", "Trials")
    made = [
        _section("Trials that got worse", trial, found.regressions, _trial, most),
        _section("Classes that changed", classes, found.classes, _class, most),
        _section("Claims", claims, found.claims, _claim, most, names=(0, 4)),
        _section(
            "Trials that got worse, as declared", (*trial, "Declared"), found.expected, _declared,
            most,
        ),
        _section("Trials that got better", trial, better, _trial, most),
        _section("Trials that are wrong in another way", trial, other, _trial, most),
        _section("Packages", ("Package", *CHANGE), found.versions, _version, most),
        _section(
            "Cells, and how many of their trials agree", ("Cell", *CHANGE, "Trials"), found.cells,
            _cell, most,
        ),
        _section("Trials that appeared", ("Trial", *CHANGE), found.appeared, _appeared, most),
        _section("Trials that vanished", ("Trial", *CHANGE), found.vanished, _vanished, most),
        _section(
            "Trials that are declared otherwise, and not comparable", ("Trial",), found.otherwise,
            _named, most,
        ),
        _section(
            "Notes on trials", ("Trial", *CHANGE, "Of"), found.notes, _note,
            most,
        ),
    ]  # fmt: skip
    return [section for section in made if section.total]


def _section(
    title: str,
    head: tuple[str, ...],
    items: Sequence[Item],
    row: Callable[[Item], tuple[str, ...]],
    most: int,
    names: Iterable[int] = (0,),
) -> Section:
    return Section(title, len(items), head, tuple(map(row, items[:most])), frozenset(names))


def _trial(t: TrialChange) -> tuple[str, ...]:
    packages = moved(t.old.versions, t.new.versions)
    return cut(t.trial), ended(t.old), ended(t.new), plain(t.new.detail, LONGEST), packages


def _declared(t: TrialChange) -> tuple[str, ...]:
    return *_trial(t), plain(t.claimed or "", LONGEST)


def ended(end: End) -> str:
    """An outcome in words, with its reason code."""
    return shown_as(end.outcome) + (f", {end.reason}" if end.reason else "")


def moved(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """The packages of a trial whose versions differ: ``jax 0.5.0 -> 0.6.0``."""
    parts = [
        f"{cut(name)} {cut(old.get(name, 'none'))} -> {cut(new.get(name, 'none'))}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]
    return cut(some(parts, 3)) if parts else ""


def _class(c: ClassChange) -> tuple[str, ...]:
    why = cut(some([flipped(f) for f in telling(c)], 4), 4 * LONGEST)
    return cut(c.backend), held(c.old), held(c.new), c.direction.value, why


def held(name: ClassName | None) -> str:
    """A class in words."""
    if name is None:
        return "not declared"
    return cut(name.title) + (f" ({plain(name.remark)})" if name.remark else "")


def telling(change: ClassChange) -> list[Flip]:
    """The flips of the two classes themselves where there are any, else all."""
    named = {c.id for c in (change.old, change.new) if c is not None}
    near = [f for f in change.because if f.class_id in named]
    return near or list(change.because)


def flipped(flip: Flip) -> str:
    """A criterion that flipped: what was asked, what was and is measured."""
    was, now = (plain(s, LONGEST) for s in (flip.old_says, flip.new_says))
    answers = f"{flip.old or 'not asked for'} -> {flip.new or 'not asked for'}"
    said = f"{was} -> {now}" if was and now and was != now else now or was
    return f"{cut(flip.class_title)}, {cut(flip.criterion)}: {answers} ({said})"


def _claim(c: ClaimChange) -> tuple[str, ...]:
    return (
        cut(c.backend),
        "no longer holds" if c.direction == "stopped" else "is not contradicted any more",
        "; ".join(filter(None, (plain(c.says, LONGEST), plain(c.remark)))),
        plain(c.because, LONGEST),
        some([cut(trial) for trial in c.trials], 2),
    )


def _version(v: VersionChange) -> tuple[str, ...]:
    return cut(v.package), *(cut(", ".join(found)) or "not measured" for found in (v.old, v.new))


def _cell(c: CellChange) -> tuple[str, ...]:
    return cut(c.cell), agreement(c.old), agreement(c.new), numbers(c)


def numbers(c: CellChange) -> str:
    """How many trials of a cell changed, and how."""
    found = (
        ("worse", c.worse), ("better", c.better), ("otherwise wrong", c.other),
        ("appeared", c.appeared), ("vanished", c.vanished), ("declared otherwise", c.otherwise),
    )  # fmt: skip
    return ", ".join(f"{n:,} {word}" for word, n in found if n)


def agreement(counts: Mapping[Outcome, int]) -> str:
    """How many of the measured trials agree: ``7/8``."""
    total = sum(counts.values())
    return f"{counts.get(Outcome.AGREE, 0)}/{total}" if total else "not measured"


def _appeared(t: OneSided) -> tuple[str, ...]:
    return cut(t.trial), plain(t.because, LONGEST), shown_as(t.outcome)


def _vanished(t: OneSided) -> tuple[str, ...]:
    return cut(t.trial), shown_as(t.outcome), plain(t.because, LONGEST)


def _named(trial: str) -> tuple[str, ...]:
    return (cut(trial),)


def _note(n: TrialNote) -> tuple[str, ...]:
    return cut(n.trial), cut(n.old), cut(n.new), n.kind.value


def cut(text: str, longest: int = LONGEST_NAME) -> str:
    """A name on one line, cut short where nobody would read on."""
    words = plain(text[: 20 * longest])
    return words[: longest - 1] + "…" if len(words) > longest else words


def _many(n: int, word: str, words: str = "") -> str:
    return f"{n:,} {word if n == 1 else words or f'{word}s'}"
