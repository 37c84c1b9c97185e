"""Support table -> blocks of text without any markup: what its forms in plain text have in common.

Markdown, reStructuredText and the pages of documentation tools say the same in the same order.
What they say is put together here, once; a writer of a form only knows how a heading, a grid or a
footnote mark is written there, and how a text is kept from being read as markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gradtier.model import Nesting
from gradtier.support import AnswerEntry, Choice, SaidEntry
from gradtier.table import CellEntry, Row, SupportTable, plain, web_link


@dataclass(frozen=True)
class Text:
    """Words as they are; a blank at either end counts."""

    text: str


@dataclass(frozen=True)
class Strong:
    """Words that stand out."""

    text: str


@dataclass(frozen=True)
class Link:
    """Words that lead to an address, which is one of http or https."""

    text: str
    href: str


@dataclass(frozen=True)
class Refs:
    """Marks of footnotes."""

    numbers: tuple[int, ...]


Span = Text | Strong | Link | Refs
Line = tuple[Span, ...]
Cell = tuple[Line, ...]


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is that of the whole."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    line: Line


@dataclass(frozen=True)
class Items:
    """A list, numbered or not; it may be empty."""

    lines: tuple[Line, ...]
    numbered: bool = False


@dataclass(frozen=True)
class Grid:
    """A table; every row has as many cells as the head."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Notes:
    """The footnotes, by number."""

    texts: tuple[tuple[int, str], ...]


Block = Heading | Paragraph | Items | Grid | Notes


def visible(text: str) -> str:
    """Words on one line, without control characters; a blank at either end stays."""
    ends = (" " if text[:1].isspace() else "", " " if text[-1:].isspace() else "")
    words = plain(text)
    return f"{ends[0]}{words}{ends[1]}" if words else ""


def outline(table: SupportTable) -> Iterator[Block]:
    """Everything that a support table says, block by block."""
    yield Heading(1, table.title)
    yield _paragraph(table.about)
    yield _paragraph(table.summary)
    yield overview(table)
    yield legend(table)
    yield from _nested(table)
    yield from _recommendations(table)
    yield from _classes(table)
    yield from _drift(table)
    yield from _conventions(table)
    yield Heading(2, "Where the numbers come from")
    yield Items(tuple((Text(line),) for line in _provenance(table)))
    yield notes(table)


def overview(table: SupportTable) -> Grid:
    """The table itself: a row per backend."""
    head = (f"{c.group_title}, {c.title}" if c.group_title else c.title for c in table.columns)
    return Grid(tuple(head), tuple(_row(row) for row in table.rows))


def legend(table: SupportTable) -> Paragraph:
    """What each mark means."""
    return _paragraph(", ".join(f"{e.mark} {e.word}: {e.meaning}" for e in table.legend) + ".")


def notes(table: SupportTable) -> Notes:
    """The footnotes."""
    return Notes(tuple((note.number, note.text) for note in table.footnotes))


def _paragraph(text: str) -> Paragraph:
    return Paragraph((Text(text),))


def _lines(*texts: str) -> Cell:
    """A cell with a line per text."""
    return tuple((Text(text),) for text in texts)


def _link(text: str, link: str | None) -> Span:
    checked = web_link(link)
    return Text(text) if checked is None else Link(text, checked)


def _row(row: Row) -> tuple[Cell, ...]:
    version = f" {', '.join(row.versions)}" if row.versions else ""
    mark = row.support_class
    return (
        (
            (_link(row.title, row.link), Refs(row.footnotes)),
            (Text(row.package + version),),
            (Text(row.kind),),
        ),
        _lines(row.mode, row.execution),
        *((_cell(cell),) for cell in row.cells),
        *(
            (_cell(nested.cells[0]),)
            if nested.alike
            else tuple((Text(f"{c.title}: "), *_cell(c)) for c in nested.cells)
            for nested in row.nested
        ),
        ((Text(", ".join((mark.title, *mark.asides))), Refs(mark.footnotes)),),
    )


def _cell(cell: CellEntry) -> Line:
    text = ", ".join((cell.text, *cell.asides))
    return Text(f"{cell.mark} {text}"), Refs(cell.footnotes)


def _nested(table: SupportTable) -> Iterator[Block]:
    """The nested grid: families down, outer over inner across."""
    if not table.grid:
        return
    yield Heading(2, "Nested grid")
    yield _paragraph("Second derivatives by family: the outer mode over the inner one.")
    pairs = (f"{c.outer} over {c.inner}" for c in table.grid[0].cells)
    yield Grid(
        ("Family", "Device", *pairs),
        tuple(
            (
                _lines(g.family),
                _lines(g.device),
                *(_lines(f"{c.mark} {c.text}") for c in g.cells),
            )
            for g in table.grid
        ),
    )


def _recommendations(table: SupportTable) -> Iterator[Block]:
    if table.recommendations:
        yield Heading(2, "What to use")
        yield _paragraph(table.recommended_by)
    for given in table.recommendations:
        device = given.device.upper()
        yield Heading(3, f"On {device}")
        yield _paragraph(given.basis or f"Nothing is recommended: {given.none}.")
        yield Items(tuple(map(_computed, given.entries)), numbered=True)
        yield Items(tuple(map(_answer, given.answers)))
        if given.said:
            yield _paragraph(f"The maintainers say, on {device}:")
        yield Items(tuple(map(_said, given.said)), numbered=True)


def _answer(a: AnswerEntry) -> Line:
    if a.entry is None:
        return (Text(f"{a.question.capitalize()}: {a.none}."),)
    return _computed(a.entry)


def _computed(entry: Choice) -> Line:
    """A choice: its row, the evidence, the sentence, and what to mind."""
    mind = f" Mind: {entry.caution}." if entry.caution else ""
    rest = f" ({entry.evidence}). {entry.text}{mind}"
    return Text(f"{entry.when}: "), Strong(entry.title), Text(rest)


def _said(entry: SaidEntry) -> Line:
    if not entry.withheld:
        return *_computed(entry), Refs(entry.footnotes)
    why = Text(f" (withheld: {entry.withheld})")
    return Text(f"{entry.when}: "), Strong(entry.title), why, Refs(entry.footnotes)


def _classes(table: SupportTable) -> Iterator[Block]:
    titles = {row.id: f"{row.title}, {row.mode}" for row in table.rows}

    def names(backends: Iterable[str]) -> Cell:
        return _lines("; ".join(titles.get(b, b) for b in backends) or "none")

    yield Heading(2, "Classes")
    rows: list[tuple[Cell, ...]] = [
        (
            ((Strong(c.title),),),
            _lines(*filter(None, (c.meaning, c.promises))),
            _lines(*c.criteria),
            names(c.backends),
        )
        for c in table.classes
    ]
    other = table.otherwise
    rows.append((_lines("no class"), _lines(other.meaning), (), names(other.backends)))
    yield Grid(("Class", "Meaning", "Criteria", "Backends"), tuple(rows))


def _drift(table: SupportTable) -> Iterator[Block]:
    if not table.drift:
        return
    yield Heading(2, "Claims that no longer hold")
    lines = []
    for d in table.drift:
        more = f" and {len(d.trials) - 5} more" if len(d.trials) > 5 else ""
        said = f"{d.title}: {d.says} ({', '.join(d.trials[:5])}{more}). The claim: "
        lines.append((Text(said), _link(d.because, d.link)))
    yield Items(tuple(lines))


def _conventions(table: SupportTable) -> Iterator[Block]:
    """Slopes taken at kinks: a line per case and mode, with the packages that take each."""
    packages = {row.id: row.package for row in table.rows}
    named = [e for e in table.conventions if e.groups]
    if not named:
        return
    several = len({e.device for e in named}) > 1
    yield Heading(2, "Conventions at kinks")
    yield _paragraph(
        "Which slope is taken where the one-sided ones differ, along the direction in which the "
        "trial asked; to be compared within a line. A package with rows that differ stands twice."
    )
    rows = []
    for e in named:
        mode = e.mode + (f", {e.nesting} over it" if e.nesting is not Nesting.NONE else "")
        slopes = []
        for g in e.groups:
            those = ", ".join(dict.fromkeys(packages.get(b, b) for b in g.backends))
            slopes.append((Strong(g.says), Text(f": {those}")))
        where = _lines(mode + (f", {e.device}" if several else ""))
        rows.append((_lines(e.case), where, tuple(slopes)))
    yield Grid(("Case", "Mode", "Slopes"), tuple(rows))


def _provenance(table: SupportTable) -> Iterator[str]:
    p = table.provenance
    yield f"Declaration {p.matrix}, judged on {p.date.isoformat()}."
    if p.files:
        yield f"Evidence: {', '.join(p.files)}."
    for run in p.runs:
        machine = ", ".join(f"{name} {fact}" for name, fact in run.machine.items())
        controls = f"; controls: {run.controls}" if run.controls else ""
        yield f"Run {run.id}, {run.started}, gradtier {run.gradtier}: {machine}{controls}"
    for name, found in p.versions.items():
        yield f"{name} {', '.join(found)}"
    if p.left_out:
        yield f"{p.left_out} records of trials that are declared otherwise now: left out."
    for problem in p.problems:
        yield f"Not read, or not counted: {problem}"
