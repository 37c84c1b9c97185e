"""Support table -> text for a terminal: marks and words, footnotes below."""

from __future__ import annotations

import io
from collections.abc import Iterable

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from gradtier.support import Choice
from gradtier.table import CellEntry, NestedEntry, Row, State, SupportTable

WIDTH = 126
_STYLES = {
    State.AGREES: "green",
    State.PARTIAL: "yellow",
    State.WRONG: "bold red",
    State.FAILS: "magenta",
    State.INCONCLUSIVE: "cyan",
    State.NOT_TESTED: "dim",
    State.NOT_OFFERED: "dim",
}


def text(table: SupportTable, width: int = WIDTH) -> str:
    """The table as plain text without colour, no line longer than ``width`` characters."""
    console = Console(file=io.StringIO(), width=width, color_system=None, emoji=False)
    console.print(overview(table))
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def overview(table: SupportTable) -> RenderableType:
    """The table for a console of :mod:`rich`; texts are never read as its markup."""
    return Group(
        Text(table.title, style="bold"),
        Text(table.summary),
        _grid(table),
        Text("   ".join(f"{e.mark} {e.word}" for e in table.legend), style="dim"),
        *_recommendations(table),
        *_drift(table),
        *_footnotes(table),
    )


def _grid(table: SupportTable) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), expand=False)
    grid.add_column(Text("Backend"), min_width=16, max_width=24, overflow="fold")
    for column in table.columns:
        if column.group == "first":
            grid.add_column(Text(column.title), min_width=12, max_width=20, overflow="fold")
    if any(row.nested for row in table.rows):
        grid.add_column(Text("Nested second-order AD"), min_width=20, overflow="fold")
    grid.add_column(Text("Class"), overflow="fold", min_width=8)
    package = None
    for row in table.rows:
        if package not in (None, row.package):
            grid.add_section()
        package = row.package
        grid.add_row(*_row(row))
    return grid


def _row(row: Row) -> Iterable[Text]:
    name = Text(row.title, style="bold")
    name.append(_refs(row.footnotes), style="not bold dim")
    name.append(f"\n{row.mode}, {row.execution}", style="not bold")
    yield name
    yield from map(_cell, row.cells)
    if row.nested:
        yield Text("\n").join(line for nested in row.nested for line in _nested(nested))
    mark = row.support_class
    yield Text.assemble(", ".join((mark.title, *mark.asides)), (_refs(mark.footnotes), "dim"))


def _nested(nested: NestedEntry) -> Iterable[Text]:
    if nested.alike:
        yield Text.assemble(f"{nested.device}: ", _cell(nested.cells[0]))
        return
    for cell in nested.cells:
        yield Text.assemble(f"{nested.device}, {cell.nesting} over: ", _cell(cell))


def _cell(cell: CellEntry) -> Text:
    words = ", ".join((cell.text, *cell.asides))
    return Text.assemble(
        (f"{cell.mark} {words}", _STYLES[cell.state]), (_refs(cell.footnotes), "dim")
    )


def _refs(numbers: tuple[int, ...]) -> str:
    return f" [{','.join(map(str, numbers))}]" if numbers else ""


def _recommendations(table: SupportTable) -> Iterable[Text]:
    for given in table.recommendations:
        yield Text(f"\nWhat to use on {given.device.upper()}", style="bold")
        yield Text(given.basis or f"Nothing is recommended: {given.none}.", style="dim")
        for i, entry in enumerate(given.entries, 1):
            yield Text(f"{i}. {_choice(entry)}")
        for answer in given.answers:
            said = _choice(answer.entry) if answer.entry else f"{answer.question}: {answer.none}"
            yield Text(f"- {said}")
        if given.said:
            yield Text("The maintainers say:", style="dim")
        for i, theirs in enumerate(given.said, 1):
            withheld = f"{theirs.when}: {theirs.title} - withheld: {theirs.withheld}"
            shown = withheld if theirs.withheld else _choice(theirs)
            yield Text(f"{i}. {shown}{_refs(theirs.footnotes)}")


def _choice(entry: Choice) -> str:
    mind = f" Mind: {entry.caution}." if entry.caution else ""
    return f"{entry.when}: {entry.title} - {entry.evidence}. {entry.text}{mind}"


def _drift(table: SupportTable) -> Iterable[Text]:
    if table.drift:
        yield Text("\nClaims that no longer hold", style="bold")
    for d in table.drift:
        more = f" and {len(d.trials) - 3} more" if len(d.trials) > 3 else ""
        yield Text(f"{d.title}: {d.says} ({', '.join(d.trials[:3])}{more})")


def _footnotes(table: SupportTable) -> Iterable[Text]:
    if table.footnotes:
        yield Text("")
    for note in table.footnotes:
        yield Text(f"[{note.number}] {note.text}")
