"""A MkDocs plugin: ``<!-- gradtier: support.json -->`` becomes the support table.

.. code-block:: yaml

    plugins:
      - search
      - gradtier

A marker stands on a line of its own; within fenced code it is left alone.  The path is relative to
the page, or to the folder of the documentation if it begins with a slash.  Options follow it, as in
``<!-- gradtier: support.json device=cpu columns=mode,first-cpu,class no-legend -->``: ``device``,
``mode``, ``package``, ``backend``, ``class``, ``columns``.  The table is Markdown; every
punctuation mark of its texts is written as a character reference, which no extension of Markdown
reads as markup.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.base import Config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from gradtier.embed.view import View, read, view, wanted
from gradtier.errors import InputError
from gradtier.render.markdown import Dialect
from gradtier.render.outline import Block, visible
from gradtier.table import plain

#: What the table needs of Python-Markdown.
EXTENSIONS = ("tables", "footnotes")
LEGEND = "no-legend"
_MARKER = re.compile(r" {0,3}<!--\s*gradtier\b(?P<words>.*)$")
_WHOLE = re.compile(r":\s*(?P<words>.*?)\s*-->\s*")
_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,})")
_PUNCTUATION = re.compile(r"[!-+\-.:-@\[-`{-~]")  # of ASCII, but for the comma and the slash


class Options(Config):  # type: ignore[no-untyped-call]
    """The plugin has none; MkDocs rejects what is given."""


class GradtierPlugin(BasePlugin[Options]):  # type: ignore[no-untyped-call]
    """The plugin."""

    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        """See to it that Markdown knows tables and footnotes."""
        for name in EXTENSIONS:
            if name not in config.markdown_extensions:
                config.markdown_extensions.append(name)
        return config

    def on_page_markdown(
        self, markdown: str, *, page: Page, config: MkDocsConfig, files: Files
    ) -> str:
        """Put tables in the place of their markers.

        Raises:
            PluginError: a marker, or the file that it names, can't be used; MkDocs stops and shows
                one sentence with page and line.
        """
        if "gradtier" not in markdown:
            return markdown
        top = Path(config.docs_dir)
        source = page.file.abs_src_path
        here = Path(source).parent if source else top
        return replaced(markdown, here, top, page.file.src_uri, _skipped(page, markdown))


def replaced(markdown: str, here: Path, top: Path, page: str, skipped: int = 0) -> str:
    """The text of a page with tables in the place of their markers.

    Args:
        markdown: the text.
        here: the folder of the page.
        top: the folder of the documentation.
        page: what the page is called in messages.
        skipped: lines of the page that stand before the text.

    Raises:
        PluginError: a marker, or the file that it names, can't be used.
    """
    lines: list[str] = []
    notes: list[str] = []
    for number, line, words in _markers(markdown):
        if words is None:
            lines.append(line)
            continue
        try:
            shown, has_legend = _asked(words, here, top)
        except InputError as error:
            said = "; ".join(map(str, error.problems))
            raise PluginError(f"{page}:{number + skipped}: gradtier: {said}") from None
        dialect = Dialect(_inline, str, f"gradtier-{number}-", between=" ")
        blocks: list[Block] = [shown.grid, *([shown.legend] if has_legend else []), shown.dated]
        lines += ["", dialect.document(blocks)]
        notes.append(dialect.block(shown.notes))
    return "\n".join([*lines, *(f"\n{note}" for note in notes if note)])


def _markers(markdown: str) -> Iterator[tuple[int, str, str | None]]:
    """Line number, line, and what a marker there says; None where there is no marker."""
    fence = ""
    for number, line in enumerate(markdown.split("\n"), 1):
        found = _FENCE.match(line)
        if fence:
            marks = found["fence"] if found else ""
            if marks.startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif found:
            fence = found["fence"]
        elif marker := _MARKER.match(line):
            yield number, line, marker["words"]
            continue
        yield number, line, None


def _asked(text: str, here: Path, top: Path) -> tuple[View, bool]:
    """What a marker asks for, and whether the legend belongs to it."""
    whole = _WHOLE.fullmatch(text)
    try:
        words = shlex.split(whole["words"]) if whole else []
    except ValueError:
        words = []
    if not words or "=" in words[0]:
        raise InputError(
            "expected a marker like <!-- gradtier: support.json device=cpu -->, found "
            f"'<!-- gradtier{plain(text, 60)}'"
        )
    name, *options = words
    has_legend = LEGEND not in options
    pairs = dict(option.partition("=")[::2] for option in options if option != LEGEND)
    file = top / name.lstrip("/") if name.startswith("/") else here / name
    asked = wanted(pairs)
    return view(read(file, plain(name, 120)), asked), has_legend


def _inline(text: str) -> str:
    return _PUNCTUATION.sub(lambda m: f"&#{ord(m[0])};", visible(text))


def _skipped(page: Page, markdown: str) -> int:
    """Lines of front matter, which MkDocs has taken off the text."""
    return max(0, page.file.content_string.count("\n") - markdown.count("\n"))
