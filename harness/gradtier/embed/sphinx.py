"""A Sphinx extension: ``.. gradtier-table:: support.json`` shows the support table.

.. code-block:: python

    extensions = ["gradtier.embed.sphinx"]

The path is relative to the document, or to the source folder if it begins with a slash.  Options:
``:device:``, ``:mode:``, ``:package:``, ``:backend:``, ``:class:``, ``:columns:``, each with a few
words; ``:no-legend:``.  The table is one of docutils, so that every builder can write it; its
footnotes are the page's own, numbered together with those that are there already.  Texts of the
file are never parsed: they are text nodes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

import gradtier
from gradtier.embed.view import View, Wanted, read, view, wanted
from gradtier.errors import InputError
from gradtier.render.outline import Cell, Line, Link, Refs, Strong, Text, visible
from gradtier.table import plain

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LEGEND = "no-legend"


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("gradtier-table", SupportTableDirective)
    return {
        "version": gradtier.__version__,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }


class SupportTableDirective(SphinxDirective):
    """The directive."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = {
        **dict.fromkeys(Wanted.names(), directives.unchanged_required),
        LEGEND: directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        """The table, its legend and its footnotes.

        Raises:
            DirectiveError: the file or an option can't be used; Sphinx adds document and line.
        """
        shown, file = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(shown)
        asked = {k: v for k, v in self.options.items() if k != LEGEND}
        try:
            found = view(read(Path(file), shown), wanted(asked))
        except InputError as error:
            raise self.error(f"gradtier-table: {'; '.join(map(str, error.problems))}") from None
        build = _Nodes(self.state.document, f"gradtier-{self.env.new_serialno('gradtier')}")
        made: list[nodes.Node] = [build.table(found)]
        if LEGEND not in self.options:
            made.append(build.paragraph(found.legend.line, "gradtier-legend"))
        made.append(build.paragraph(found.dated.line, "gradtier-dated"))
        return [*made, *(build.footnote(n, text) for n, text in found.notes.texts)]


class _Nodes:
    """Makes nodes of one table in one document."""

    def __init__(self, document: nodes.document, label: str) -> None:
        self._document, self._label = document, label

    def table(self, shown: View) -> nodes.table:
        """The table; the backends are its stub."""
        width = len(shown.grid.head)
        group = nodes.tgroup("", cols=width)
        for i in range(width):
            group += nodes.colspec("", colwidth=1, **({"stub": 1} if i == 0 else {}))
        head = tuple(((Text(title),),) for title in shown.grid.head)
        group += nodes.thead("", self._row(head, ()))
        body = nodes.tbody()
        for cells in shown.grid.rows:
            body += self._row(cells, shown.columns)
        group += body
        return nodes.table("", group, classes=["gradtier-table"])

    def paragraph(self, line: Line, name: str) -> nodes.paragraph:
        """A paragraph."""
        return nodes.paragraph("", "", *self._line(line), classes=[name])

    def footnote(self, number: int, text: str) -> nodes.footnote:
        """A footnote, as ``.. [#label] text`` makes one."""
        made = nodes.footnote("", nodes.paragraph("", plain(text)), auto=1)
        made["names"].append(self._name(number))
        self._document.note_autofootnote(made)
        self._document.note_explicit_target(made, made)
        return made

    def _row(self, cells: tuple[Cell, ...], columns: tuple[str, ...]) -> nodes.row:
        row = nodes.row()
        for i, cell in enumerate(cells):
            column = columns[i] if columns else ""
            row += nodes.entry("", *self._cell(cell, column == "class"))
        return row

    def _cell(self, cell: Cell, is_class: bool) -> list[nodes.Node]:
        lines = [self._line(line) for line in cell]
        if is_class:  # of a class of its own, for who wants it to look like a badge
            lines = [
                [nodes.inline("", "", n, classes=["gradtier-class"])
                 if isinstance(n, nodes.Text) else n for n in line]
                for line in lines
            ]  # fmt: skip
        if len(lines) < 2:
            return [nodes.paragraph("", "", *line) for line in lines]
        return [nodes.line_block("", *(nodes.line("", "", *line) for line in lines))]

    def _line(self, line: Line) -> list[nodes.Node]:
        made: list[nodes.Node] = []
        for span in line:
            match span:
                case Text(text):
                    made += [nodes.Text(visible(text))] if visible(text) else []
                case Strong(text):
                    made.append(nodes.strong("", plain(text)))
                case Link(text, href):
                    made.append(nodes.reference("", plain(text), refuri=href, internal=False))
                case Refs(numbers):
                    made += map(self._reference, numbers)
        return made

    def _reference(self, number: int) -> nodes.footnote_reference:
        made = nodes.footnote_reference("", auto=1, refname=self._name(number))
        self._document.note_autofootnote_ref(made)
        self._document.note_footnote_ref(made)
        return made

    def _name(self, number: int) -> str:
        return f"{self._label}-{number}"
