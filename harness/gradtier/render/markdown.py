"""Support table -> GitHub-flavoured Markdown.

Footnotes are GitHub's own (``[^1]``): they become superscript links, and each gets a link back to
every use.  Every text of the table is escaped, so that none of it is read as markup.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
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
)
from gradtier.table import SupportTable

_MARKUP = re.compile(r"([\\`*_\[\]<>|~#&$])")
_OPENS_BLOCK = re.compile(r"^(\d+)([.)])|^([-+=:])")


def escape(text: str) -> str:
    """``text`` as Markdown that shows it as it is, in a paragraph, a heading or a table."""
    return _unopened(_inline(" ".join(text.split())))


def _unopened(line: str) -> str:
    """A line that does not begin a list, a heading or the like."""
    return _OPENS_BLOCK.sub(lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", line)


def _inline(text: str) -> str:
    line = _MARKUP.sub(r"\\\1", text)
    return re.sub(r"(?i)\b(https?|ftp)://|\bwww\.", lambda m: _unlinked(m[0]), line)


def _unlinked(head: str) -> str:
    """The beginning of an address so that it is not made a link of by itself."""
    return head.replace("://", ":\\//") if "://" in head else head.replace(".", "\\.")


@dataclass(frozen=True)
class Dialect:
    """How one reader of Markdown wants it.

    Attributes:
        inline: makes words text that is read as nothing else, anywhere in a line.
        opening: what is done to a line so that it begins no block.
        label: what the labels of footnotes begin with, to be apart from others on the page.
        between: what stands between two marks of footnotes, where they are shown as bare numbers.
    """

    inline: Callable[[str], str] = _inline
    opening: Callable[[str], str] = _unopened
    label: str = ""
    between: str = ""

    def document(self, blocks: Iterable[Block]) -> str:
        """The blocks, an empty line between them, with a newline at the end."""
        return "\n\n".join(filter(None, map(self.block, blocks))) + "\n"

    def block(self, block: Block) -> str:
        """One block, or nothing where it is empty."""
        match block:
            case Heading(level, text):
                return f"{'#' * level} {self.line((Text(text),))}"
            case Paragraph(line):
                return self.line(line)
            case Items(lines, numbered):
                heads = (f"{i}." if numbered else "-" for i in range(1, len(lines) + 1))
                return "\n".join(f"{h} {self.line(x)}" for h, x in zip(heads, lines, strict=True))
            case Grid(head, rows):
                grid = [
                    [self.line((Text(text),)) for text in head],
                    ["---"] * len(head),
                    *([self.cell(c) for c in row] for row in rows),
                ]
                return "\n".join("| " + " | ".join(line) + " |" for line in grid)
            case Notes(texts):
                return "\n\n".join(f"{self.mark(n)}: {self.line((Text(t),))}" for n, t in texts)

    def cell(self, cell: Cell) -> str:
        """A cell of a grid."""
        return "<br>".join(map(self.line, cell))

    def line(self, line: Line) -> str:
        """A whole line."""
        return self.opening("".join(map(self.span, line)).lstrip())

    def span(self, span: Span) -> str:
        """A part of a line."""
        match span:
            case Text(text):
                return self.inline(re.sub(r"\s+", " ", text))
            case Strong(text):
                return f"**{self.inline(' '.join(text.split()))}**"
            case Link(text, href):
                address = quote(href, safe=":/?#@!$&+,;=%~.-_")
                return f"[{self.inline(' '.join(text.split()))}](<{address}>)"
            case Refs(numbers):
                return self.between.join(map(self.mark, numbers))

    def mark(self, number: int) -> str:
        """The mark of a footnote."""
        return f"[^{self.label}{number}]"


GITHUB = Dialect()


def render(table: SupportTable) -> str:
    """The whole table as one Markdown document, with a newline at the end."""
    return GITHUB.document(outline(table))
