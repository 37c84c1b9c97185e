"""Claims and notes edited where they stand in a YAML file; everything else stays to the byte.

The spans of what changes are known from the parser's marks, and only they are replaced: a round
trip through a YAML writer would lay out anew what somebody laid out by hand.  Of a pattern, keys
that do not change keep their text; a list in lines of its own loses those that no longer hold.
"""

from __future__ import annotations

import datetime
import itertools
import json
import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from gradtier.boxes import asked, globs_of
from gradtier.errors import InputError, Place, Problem
from gradtier.matrix import Claim, Globs, Match

WIDTH = 100
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_SHARED = (yaml.AnchorToken, yaml.AliasToken)
_EMPTY = (
    yaml.BlockEndToken, yaml.BlockMappingStartToken, yaml.BlockSequenceStartToken,
    yaml.StreamEndToken, yaml.DocumentEndToken,
)  # fmt: skip


@dataclass(frozen=True)
class Edit:
    """A span of the text, by index, and what stands there afterwards."""

    start: int
    end: int
    text: str


def rewritten(
    text: str,
    name: str,
    matches: Mapping[int, Sequence[Match]],
    drafts: Sequence[Claim] = (),
    notes: Collection[str] = (),
) -> str:
    """The text with other claims.

    Args:
        text: a matrix, or a file of claims.
        name: of the file, for messages.
        matches: by the number of a claim, from 0: the patterns that it is left with; none removes
            the claim, several repeat it.
        drafts: claims that follow the last one.
        notes: notes that are removed.

    Raises:
        InputError: a part that has to change is laid out in a way that can't be edited by lines
            (anchors and aliases, claims in one flow sequence).
    """
    page = Page(text.replace("\r\n", "\n"), name)
    edits = [*_claim_edits(page, matches, drafts), *_note_edits(page, notes)]
    new = page.text
    for edit in sorted(edits, key=lambda e: (e.start, e.end), reverse=True):
        new = new[: edit.start] + edit.text + new[edit.end :]
    return new.replace("\n", "\r\n") if "\r\n" in text else new


@dataclass(frozen=True)
class Page:
    """A YAML text with its tokens and nodes."""

    text: str
    name: str

    @cached_property
    def tokens(self) -> list[Any]:
        """Every token that has a text of its own."""
        return [t for t in yaml.scan(self.text) if not isinstance(t, _EMPTY)]

    @cached_property
    def _starts(self) -> list[int]:
        return [t.start_mark.index for t in self.tokens]

    @cached_property
    def root(self) -> Any:
        """The mapping of the file."""
        return yaml.compose(self.text, Loader=yaml.SafeLoader)

    def pair(self, key: str) -> tuple[Any, Any] | None:
        """The nodes of a top-level key and of its value."""
        return next(((k, v) for k, v in self.root.value if k.value == key), None)

    def before(self, index: int) -> Any:
        """The last token that begins before ``index``."""
        return self.tokens[bisect_left(self._starts, index) - 1]

    def within(self, start: int, end: int) -> list[Any]:
        """The tokens that begin in a span."""
        return self.tokens[bisect_left(self._starts, start) : bisect_left(self._starts, end)]

    def content_end(self, node: Any) -> int:
        """Where the last word of a node ends; comments and blank lines behind it are not its."""
        end = self.before(max(node.end_mark.index, node.start_mark.index + 1)).end_mark.index
        return len(self.text[:end].rstrip("\n"))

    def line_start(self, index: int) -> int:
        """Where the line of ``index`` begins."""
        return self.text.rfind("\n", 0, index) + 1

    def line_end(self, index: int) -> int:
        """Behind the newline that ends the line of ``index``."""
        found = self.text.find("\n", index)
        return len(self.text) if found < 0 else found + 1

    def place(self, node: Any) -> Place:
        """Where a node stands."""
        return Place(self.name, node.start_mark.line + 1, node.start_mark.column + 1)

    def refuse(self, node: Any, what: str, path: str) -> InputError:
        """What is raised where a part can't be edited."""
        return InputError(Problem(what, self.place(node), path, "edit it by hand"))


# ---------------------------------------------------------------------------- claims


def _claim_edits(
    page: Page, matches: Mapping[int, Sequence[Match]], drafts: Sequence[Claim]
) -> Iterator[Edit]:
    if not matches and not drafts:
        return
    if page.root.flow_style:
        raise page.refuse(page.root, "a file in braces can't be edited by lines", "")
    pair = page.pair("claims")
    if pair is None or not isinstance(pair[1], yaml.SequenceNode) or not pair[1].value:
        yield from _begun(page, pair, drafts)
        return
    key, sequence = pair
    if sequence.flow_style:
        raise page.refuse(sequence, "claims in one pair of brackets can't be edited", "claims")
    spans = [_item_span(page, item) for item in sequence.value]
    for number, left in matches.items():
        start, end = spans[number]
        item = sequence.value[number]
        if any(isinstance(t, _SHARED) for t in page.within(start, end)):
            text = "a claim with an anchor or an alias can't be edited"
            raise page.refuse(item, text, f"claims[{number}]")
        copies = [_with_match(page, item, (start, end), match) for match in left]
        followed = left or (drafts and number == len(spans) - 1)
        yield Edit(start, end if followed else _blank_too(page, start, end), "".join(copies))
    gone = [number for number in matches if not matches[number]]
    if len(gone) == len(sequence.value) and not drafts:
        at = _colon(page, key)
        yield Edit(at, at, " []")
    if drafts:
        end = spans[-1][1]
        lead = "" if page.text[:end].endswith("\n") else "\n"
        indent = sequence.start_mark.column
        yield Edit(end, end, lead + "".join(draft_text(d, indent) for d in drafts))


def _begun(page: Page, pair: Any, drafts: Sequence[Claim]) -> Iterator[Edit]:
    """The first claims of a file, in place of an empty list or at its end."""
    lines = "".join(draft_text(d, 2) for d in drafts)
    if pair is None:
        lead = "" if page.text.endswith("\n") else "\n"
        yield Edit(len(page.text), len(page.text), f"{lead}\nclaims:\n{lines}")
        return
    at, end = _colon(page, pair[0]), page.content_end(pair[1])
    end = max(at, end)
    rest = page.text[end : page.line_end(end)].strip()
    yield Edit(at, page.line_end(end), f"{'  ' + rest if rest else ''}\n{lines}")


def _item_span(page: Page, item: Any) -> tuple[int, int]:
    """The lines of one entry of a list, from its dash; comments above and below stay outside."""
    dash = page.before(item.start_mark.index)
    return page.line_start(dash.start_mark.index), page.line_end(page.content_end(item))


def _blank_too(page: Page, start: int, end: int) -> int:
    """With what is removed goes one of the blank lines around it."""
    above = page.text[:start].endswith("\n\n")
    return end + 1 if above and page.text[end : end + 1] == "\n" else end


def _colon(page: Page, key: Any) -> int:
    found = next(
        t for t in page.within(key.end_mark.index, len(page.text)) if isinstance(t, yaml.ValueToken)
    )
    return int(found.end_mark.index)


# ---------------------------------------------------------------------------- one pattern


def _with_match(page: Page, item: Any, span: tuple[int, int], match: Match) -> str:
    """The text of a claim with another pattern."""
    start, end = span
    key, value = next((k, v) for k, v in item.value if k.value == "match")
    wanted, now = asked(match), {k.value: _globs(v) for k, v in value.value}
    changed = {k: globs for k, globs in wanted.items() if now.get(k) != globs}
    if value.flow_style:
        edits = [_flow(page, key, value, wanted, changed, bool(item.flow_style))]
    else:
        edits = list(_block(page, value, changed))
    text, lost = page.text, ""
    for edit in edits:
        indent = " " * (item.start_mark.column - 2)
        lost += "".join(f"{indent}{c}\n" for c in _comments(page, edit))
    for edit in sorted(edits, key=lambda e: e.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
        end += len(edit.text) - (edit.end - edit.start)
    done = text[start:end]
    return lost + (done if done.endswith("\n") else done + "\n")


def _globs(node: Any) -> Globs:
    if isinstance(node, yaml.SequenceNode):
        return tuple(entry.value for entry in node.value)
    return str(node.value)


def _comments(page: Page, edit: Edit) -> Iterator[str]:
    """Comments that an edit would lose: what stands between tokens is blank or a comment."""
    if edit.start == edit.end or not edit.text:
        return
    at = edit.start
    for token in page.within(edit.start, edit.end):
        yield from _said(page.text[at : token.start_mark.index])
        at = max(at, token.end_mark.index)
    yield from _said(page.text[at : edit.end])


def _said(gap: str) -> Iterator[str]:
    lines = (line.partition("#") for line in gap.split("\n"))
    return (f"#{words}" for _, mark, words in lines if mark)


def _flow(
    page: Page,
    key: Any,
    value: Any,
    wanted: Mapping[str, Globs],
    changed: Mapping[str, Globs],
    inside: bool,
) -> Edit:
    """A pattern in braces: on its line if it fits there, else in lines of its own."""
    source = {k.value: page.text[v.start_mark.index : page.content_end(v)] for k, v in value.value}
    keys = [k for k in source if k in wanted] + [k for k in wanted if k not in source]
    same = {k: source[k] for k in keys if k not in changed and "\n" not in source[k]}
    parts = [(k, same.get(k) or flow_list(wanted[k])) for k in keys]
    start = _colon(page, key)
    line = " {" + ", ".join(f"{k}: {v}" for k, v in parts) + "}"
    if inside or start - page.line_start(start) + len(line) <= WIDTH:
        return Edit(start, value.end_mark.index, line)
    indent = key.start_mark.column + 2
    lines = [
        f"{' ' * indent}{k}: {same[k]}" if k in same
        else f"{' ' * indent}{k}:{wrapped(wanted[k], indent, len(k) + 1)}"
        for k in keys
    ]  # fmt: skip
    return Edit(start, value.end_mark.index, "\n" + "\n".join(lines))


def _block(page: Page, value: Any, changed: Mapping[str, Globs]) -> Iterator[Edit]:
    """A pattern with a line per key: those keys alone that change."""
    nodes = {k.value: (k, v) for k, v in value.value}
    indent = value.start_mark.column
    for name, globs in changed.items():
        if name not in nodes:
            end = page.content_end(value)
            end = page.line_end(end)
            lead = "" if page.text[:end].endswith("\n") else "\n"
            line = f"{' ' * indent}{name}:{wrapped(globs, indent, len(name) + 1)}\n"
            yield Edit(end, end, lead + line)
            continue
        key, node = nodes[name]
        words = globs_of(globs)
        block = isinstance(node, yaml.SequenceNode) and not node.flow_style
        old = list(_globs(node)) if block else []
        left = [w for w in old if w in words]
        if block and not isinstance(globs, str) and tuple(left) == words:
            for entry in node.value:
                if entry.value not in words:
                    start, stop = _item_span(page, entry)
                    yield Edit(start, stop, "")
            continue
        start = _colon(page, key)
        yield Edit(start, page.content_end(node), wrapped(globs, indent, len(name) + 1))


# ---------------------------------------------------------------------------- notes


def _note_edits(page: Page, notes: Collection[str]) -> Iterator[Edit]:
    pair = page.pair("notes") if notes else None
    if pair is None:
        return
    key, mapping = pair
    if mapping.flow_style:
        raise page.refuse(mapping, "notes in braces can't be edited by lines", "notes")
    for name, value in mapping.value:
        if name.value in notes:
            start = page.line_start(name.start_mark.index)
            end = page.line_end(page.content_end(value))
            if any(isinstance(t, _SHARED) for t in page.within(start, end)):
                text = "a note with an anchor or an alias can't be removed"
                raise page.refuse(name, text, f"notes.{name.value}")
            yield Edit(start, _blank_too(page, start, end), "")
    if all(name.value in notes for name, _ in mapping.value):
        at = _colon(page, key)
        yield Edit(at, at, " {}")


# ---------------------------------------------------------------------------- words


def word(text: str) -> str:
    """A word as YAML reads it back, in quotes where it needs them."""
    if _PLAIN.fullmatch(text):
        try:
            if yaml.safe_load(text) == text:
                return text
        except (yaml.YAMLError, ValueError):  # 2026-99-99 looks like a date
            pass
    return quoted(text)


def quoted(text: str) -> str:
    """In double quotes; what can't be printed is escaped."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def flow_list(globs: Globs) -> str:
    """One word, or several in brackets."""
    if isinstance(globs, str):
        return word(globs)
    return "[" + ", ".join(map(word, globs)) + "]"


def wrapped(globs: Globs, indent: int, used: int) -> str:
    """What follows ``key:``, on its line or, where it is longer than that, folded below."""
    line = " " + flow_list(globs)
    if indent + used + len(line) <= WIDTH or isinstance(globs, str):
        return line
    lead = " " * (indent + 2)
    lines, current = [], lead + "["
    for text, last in zip(map(word, globs), [*[False] * (len(globs) - 1), True], strict=True):
        piece = text + ("]" if last else ",")
        fresh = current.endswith("[") or not current.strip()
        if len(current) + len(piece) + (not fresh) > WIDTH and not fresh:
            lines.append(current)
            current, fresh = lead + " ", True
        current += piece if fresh else " " + piece
    return "\n" + "\n".join([*lines, current])


def draft_text(claim: Claim, indent: int) -> str:
    """A claim as an entry of the list, its dash at column ``indent``."""
    lead = " " * indent
    keys = asked(claim.match)
    line = "{" + ", ".join(f"{k}: {flow_list(globs)}" for k, globs in keys.items()) + "}"
    if indent + len("- match: ") + len(line) <= WIDTH:
        match = f" {line}"
    else:
        inner = indent + 4
        match = "".join(
            f"\n{' ' * inner}{k}:{wrapped(globs, inner, len(k) + 1)}" for k, globs in keys.items()
        )
    said: dict[str, Any] = {
        "outcome": claim.outcome, "reason": claim.reason and str(claim.reason),
        "because": quoted(claim.because),
        "until": claim.until and datetime.date.isoformat(claim.until),
    }  # fmt: skip
    rest = itertools.chain.from_iterable(
        (lead, f"  {key}: {value}\n") for key, value in said.items() if value
    )
    return f"{lead}- match:{match}\n{''.join(rest)}"
