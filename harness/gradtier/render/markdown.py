"""Support table -> GitHub-flavoured Markdown.

Footnotes are GitHub's own (``[^1]``): they become superscript links, and each gets a link back to
every use.  Every text of the table is escaped, so that none of it is read as markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from gradtier.model import Nesting
from gradtier.support import AnswerEntry, Choice, SaidEntry
from gradtier.table import CellEntry, Row, SupportTable, web_link

_MARKUP = re.compile(r"([\\`*_\[\]<>|~#&$])")
_OPENS_BLOCK = re.compile(r"^(\d+)([.)])|^([-+=:])")


def escape(text: str) -> str:
    """``text`` as Markdown that shows it as it is, in a paragraph, a heading or a table."""
    line = _MARKUP.sub(r"\\\1", " ".join(text.split()))
    line = re.sub(r"(?i)\b(https?|ftp)://|\bwww\.", lambda m: _unlinked(m[0]), line)
    return _OPENS_BLOCK.sub(lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", line)


def _unlinked(head: str) -> str:
    """The beginning of an address so that it is not made a link of by itself."""
    return head.replace("://", ":\\//") if "://" in head else head.replace(".", "\\.")


def render(table: SupportTable) -> str:
    """The whole table as one Markdown document, with a newline at the end."""
    blocks = [
        f"# {escape(table.title)}",
        escape(table.about),
        escape(table.summary),
        _grid(_head(table), (_row(table, row) for row in table.rows)),
        ", ".join(f"{e.mark} {escape(e.word)}: {escape(e.meaning)}" for e in table.legend) + ".",
        *_nested(table),
        *_recommendations(table),
        *_classes(table),
        *_drift(table),
        *_conventions(table),
        "## Where the numbers come from",
        _provenance(table),
        *(f"[^{note.number}]: {escape(note.text)}" for note in table.footnotes),
    ]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _grid(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _refs(numbers: Iterable[int]) -> str:
    return "".join(f"[^{n}]" for n in numbers)


def _link(text: str, link: str | None) -> str:
    checked = web_link(link)
    if checked is None:
        return escape(text)
    return f"[{escape(text)}](<{quote(checked, safe=':/?#@!$&+,;=%~.-_')}>)"


def _head(table: SupportTable) -> list[str]:
    return [
        escape(f"{c.group_title}, {c.title}" if c.group_title else c.title) for c in table.columns
    ]


def _row(table: SupportTable, row: Row) -> list[str]:
    version = f" {', '.join(row.versions)}" if row.versions else ""
    lines = (f"{_link(row.title, row.link)}{_refs(row.footnotes)}", row.package + version, row.kind)
    name = "<br>".join([lines[0], *map(escape, lines[1:])])
    mark = row.support_class
    return [
        name,
        f"{escape(row.mode)}<br>{escape(row.execution)}",
        *map(_cell, row.cells),
        *(
            _cell(nested.cells[0])
            if nested.alike
            else "<br>".join(f"{escape(c.title)}: {_cell(c)}" for c in nested.cells)
            for nested in row.nested
        ),
        escape(", ".join((mark.title, *mark.asides))) + _refs(mark.footnotes),
    ]


def _cell(cell: CellEntry) -> str:
    text = ", ".join((cell.text, *cell.asides))
    return f"{cell.mark} {escape(text)}{_refs(cell.footnotes)}"


def _nested(table: SupportTable) -> Iterable[str]:
    """The nested grid: families down, outer over inner across."""
    if not table.grid:
        return
    yield "## Nested grid"
    yield "Second derivatives by family: the outer mode over the inner one."
    head = ["Family", "Device", *(f"{c.outer} over {c.inner}" for c in table.grid[0].cells)]
    yield _grid(
        head,
        (
            [escape(g.family), escape(g.device), *(f"{c.mark} {escape(c.text)}" for c in g.cells)]
            for g in table.grid
        ),
    )


def _recommendations(table: SupportTable) -> Iterable[str]:
    if table.recommendations:
        yield "## What to use"
        yield escape(table.recommended_by)
    for given in table.recommendations:
        yield f"### On {escape(given.device.upper())}"
        yield escape(given.basis or f"Nothing is recommended: {given.none}.")
        yield _numbered(map(_computed, given.entries))
        yield "\n".join(f"- {_answer(a)}" for a in given.answers)
        if given.said:
            yield f"The maintainers say, on {escape(given.device.upper())}:"
        yield _numbered(map(_said, given.said))


def _numbered(lines: Iterable[str]) -> str:
    return "\n".join(f"{i}. {line}" for i, line in enumerate(lines, 1))


def _answer(a: AnswerEntry) -> str:
    if a.entry is None:
        return f"{escape(a.question.capitalize())}: {escape(a.none)}."
    return _computed(a.entry)


def _computed(entry: Choice) -> str:
    """A choice: its row, the evidence, the sentence, and what to mind."""
    mind = f" Mind: {escape(entry.caution)}." if entry.caution else ""
    head = f"{escape(entry.when)}: **{escape(entry.title)}**"
    return f"{head} ({escape(entry.evidence)}). {escape(entry.text)}{mind}"


def _said(entry: SaidEntry) -> str:
    if entry.withheld:
        head = f"{escape(entry.when)}: **{escape(entry.title)}**"
        return f"{head} (withheld: {escape(entry.withheld)}){_refs(entry.footnotes)}"
    return f"{_computed(entry)}{_refs(entry.footnotes)}"


def _classes(table: SupportTable) -> Iterable[str]:
    titles = {row.id: f"{row.title}, {row.mode}" for row in table.rows}

    def names(backends: tuple[str, ...]) -> str:
        return escape("; ".join(titles[b] for b in backends) or "none")

    yield "## Classes"
    rows = [
        [f"**{escape(c.title)}**", "<br>".join(map(escape, filter(None, (c.meaning, c.promises)))),
         "<br>".join(map(escape, c.criteria)),
         names(c.backends)]
        for c in table.classes
    ]  # fmt: skip
    rows.append(["no class", escape(table.otherwise.meaning), "", names(table.otherwise.backends)])
    yield _grid(["Class", "Meaning", "Criteria", "Backends"], rows)


def _drift(table: SupportTable) -> Iterable[str]:
    if not table.drift:
        return
    yield "## Claims that no longer hold"
    yield "\n".join(
        f"- {escape(d.title)}: {escape(d.says)} ({escape(', '.join(d.trials[:5]))}"
        + (f" and {len(d.trials) - 5} more" if len(d.trials) > 5 else "")
        + f"). The claim: {_link(d.because, d.link)}"
        for d in table.drift
    )


def _conventions(table: SupportTable) -> Iterable[str]:
    """Slopes taken at kinks: a line per case and mode, with the packages that take each."""
    packages = {row.id: row.package for row in table.rows}
    named = [e for e in table.conventions if e.groups]
    if not named:
        return
    several = len({e.device for e in named}) > 1
    yield "## Conventions at kinks"
    yield (
        "Which slope is taken where the one-sided ones differ, along the direction in which the "
        "trial asked; to be compared within a line. A package with rows that differ stands twice."
    )
    yield _grid(
        ["Case", "Mode", "Slopes"],
        (
            [
                escape(e.case),
                escape(
                    e.mode
                    + (f", {e.nesting} over it" if e.nesting is not Nesting.NONE else "")
                    + (f", {e.device}" if several else "")
                ),
                "<br>".join(
                    f"**{g.says}**: "
                    + escape(", ".join(dict.fromkeys(packages[b] for b in g.backends)))
                    for g in e.groups
                ),
            ]
            for e in named
        ),
    )


def _provenance(table: SupportTable) -> str:
    p = table.provenance
    lines = [f"Declaration {p.matrix}, judged on {p.date.isoformat()}."]
    lines += [f"Evidence: {', '.join(p.files)}."] if p.files else []
    for run in p.runs:
        machine = ", ".join(f"{name} {fact}" for name, fact in run.machine.items())
        lines.append(f"Run {run.id}, {run.started}, gradtier {run.gradtier}: {machine}")
    lines += [f"{name} {', '.join(found)}" for name, found in p.versions.items()]
    if p.left_out:
        lines.append(f"{p.left_out} records of trials that are declared otherwise now: left out.")
    lines += [f"Not read: {problem}" for problem in p.problems]
    return "\n".join(f"- {escape(line)}" for line in lines)
