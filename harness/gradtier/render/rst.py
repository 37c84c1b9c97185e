"""Support table -> reStructuredText.

Tables are list tables, whose cells need no width; footnotes are numbered by docutils, with labels
of their own (``[#gradtier-1]_``), so that the file may be included in a page that has footnotes.
Every text of the table is escaped, so that none of it is read as markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from gradtier.render.outline import (
    Block,
    Cell,
    Grid,
    Heading,
    Items,
    Line,
    Link,
    Notes,
    Paragraph,
    Refs,
    Span,
    Strong,
    Text,
    outline,
    visible,
)
from gradtier.table import SupportTable

LABEL = "gradtier-"
_UNDER = {1: "=", 2: "-", 3: "~"}
#: What begins or ends inline markup, a reference, an address, or a literal block.
_MARKUP = re.compile(r"([\\*`|_<>\[\]:@])")
#: What a line must not begin with: a bullet, an option, a quotation; an enumerator.
_OPENS_BLOCK = re.compile(r"^(\(?\w+)([.)])|^([^\w\\\s])")


def escape(text: str) -> str:
    """``text`` as reStructuredText that shows it as it is, in a paragraph, a heading or a table."""
    return _unopened(_inline(text).strip())


def render(table: SupportTable) -> str:
    """The whole table as one reStructuredText document, with a newline at the end."""
    blocks = ("\n".join(_block(block)) for block in outline(table))
    return "\n\n".join(filter(None, blocks)) + "\n"


def _inline(text: str) -> str:
    return _MARKUP.sub(r"\\\1", visible(text))


def _unopened(line: str) -> str:
    """A line that begins no list, field, option or the like."""
    if line.startswith("\\\\"):  # a line of backslashes alone would be a rule
        return f"\\ {line}"
    return _OPENS_BLOCK.sub(lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", line)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading(level, text):
            line = escape(text)
            # as wide as its bytes: no character takes more than two columns, most take one
            rule = _UNDER[level] * max(4, len(line.encode()))
            yield from ([rule, line, rule] if level == 1 else [line, rule])
        case Paragraph(line):
            yield _line(line)
        case Items(lines, numbered):
            head = "#." if numbered else "-"
            yield from (f"{head} {_line(line)}" for line in lines)
        case Grid(head, rows):
            yield from [".. list-table::", "   :header-rows: 1", ""]
            for row in (tuple(((Text(text),),) for text in head), *rows):
                yield from _row(row)
        case Notes(texts):
            yield from (f".. [#{LABEL}{n}] {escape(text)}" for n, text in texts)


def _row(row: tuple[Cell, ...]) -> Iterator[str]:
    """A row of a list table: a list whose items are the cells."""
    for i, cell in enumerate(row):
        for j, text in enumerate(_cell(cell)):
            bullet = "     " if j else "   * - " if i == 0 else "     - "
            yield f"{bullet}{'  ' if j else ''}{text}".rstrip()


def _cell(cell: Cell) -> list[str]:
    """A line as it is; several as a block that keeps them apart."""
    lines = [_line(line) for line in cell]
    return [f"| {line}" for line in lines] if len(lines) > 1 else lines or [""]


def _line(line: Line) -> str:
    """The parts of a line; where markup touches something, an escaped blank keeps them apart."""
    parts = [part for part in map(_parts, line) if part]
    text = ""
    for part in parts:
        text += f"\\ {part}" if text and not text.endswith(" ") and part[0] != " " else part
    first = next((span for span in line if _parts(span)), None)
    return (_unopened(text.lstrip()) if isinstance(first, Text) else text).rstrip()


def _parts(span: Span) -> str:
    match span:
        case Text(text):
            return _inline(text)
        case Strong(text):
            words = _inline(text).strip()
            return f"**{words}**" if words else ""
        case Link(text, href):
            address = quote(href, safe=":/?#@!$&+,;=%~.-_").replace("_", "\\_")
            return f"`{_inline(text).strip()} <{address}>`__"
        case Refs(numbers):
            return "\\ ".join(f"[#{LABEL}{n}]_" for n in numbers)
