"""Difference of two evidence sets -> Markdown for a comment on a pull request.

GitHub takes 65,536 characters in a comment.  The summary comes first; the tables follow, each
folded away, until the room is used; what is left out is counted.
"""

from __future__ import annotations

import re

from gradtier.difference import Difference
from gradtier.render.difference import Section, counted, sections, sides, verdict
from gradtier.render.markdown import escape

#: Characters of the whole text, below what GitHub takes.
ROOM = 60_000
MOST_ROWS = 200  # of one table
_OPEN = 2  # sections that are not folded away at first, where something got worse
_SAFE = re.compile(r"[\w./@+:-]+", re.ASCII)
_TAIL = 200  # characters that the end of a section may need


def render(found: Difference) -> str:
    """The whole comment, with a newline at the end; never longer than :data:`ROOM`."""
    lines = [f"### gradtier: {quoted(verdict(found))}", quoted(counted(found))]
    lines.append("\n".join(f"- {quoted(name)}: {quoted(said)}" for name, said in sides(found)))
    text = "\n\n".join(lines)
    left_out = 0
    for i, section in enumerate(sections(found, MOST_ROWS)):
        block, omitted = _folded(
            section, ROOM - 2 * _TAIL - len(text), found.regression and i < _OPEN
        )
        text += block
        left_out += omitted
    if left_out:
        text += f"\n\n{left_out:,} lines were left out in all; `--format json` has them."
    return text + "\n"


def _folded(section: Section, room: int, is_open: bool) -> tuple[str, int]:
    """A table that can be folded away, as long as there is room, and how many rows it lacks."""
    total = section.total
    head = (
        f"\n\n<details{' open' if is_open else ''}>\n"
        f"<summary>{section.title}: {total:,}</summary>\n\n"
        f"{_line(section.head)}\n{_line(('---',) * len(section.head))}"
    )
    size, lines = len(head) + _TAIL, []
    for row in section.rows:
        line = _line([_cell(section, i, cell) for i, cell in enumerate(row)])
        size += len(line) + 1
        if size > room:
            break
        lines.append(line)
    omitted = total - len(lines)
    if not lines:
        return (f"\n\n{section.title}: {total:,}" if len(head) < room else ""), omitted
    tail = f"\n\n{omitted:,} more were left out." if omitted else ""
    return "\n".join([head, *lines]) + f"{tail}\n\n</details>", omitted


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(section: Section, column: int, text: str) -> str:
    return _name(text) if column in section.names else quoted(text)


def _name(text: str) -> str:
    """Names in code spans; one with a character that could end the span stays words."""
    return ", ".join(f"`{n}`" if _SAFE.fullmatch(n) else quoted(n) for n in text.split(", "))


def quoted(text: str) -> str:
    """``text`` as words: no markup is read in it, nobody is called and nothing referred to.

    GitHub makes ``@name`` and ``#1`` links after Markdown is done; a zero-width space stops it.
    """
    return re.sub(r"@|\\#", lambda found: found[0] + "&#8203;", escape(text))
