"""Pieces of source text: where a function stands, and the text without annotations, renamed."""

from __future__ import annotations

import ast
import builtins
import linecache
import re
import symtable
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import CodeType
from typing import Any

Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Piece = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef | ast.stmt | ast.expr


@cache
def tree(file: str) -> ast.Module:
    """The syntax tree of a file, or of a text that linecache knows under that name."""
    return ast.parse(text(file))


def text(file: str) -> str:
    """The text of a file."""
    return "".join(linecache.getlines(file))


def node_of(code: CodeType) -> Scope:
    """The definition whose code this is.

    Raises:
        LookupError: the text does not hold it.
    """
    wanted = code.co_firstlineno
    lambdas = []
    for node in ast.walk(tree(code.co_filename)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if node.name == code.co_name and wanted in (first, node.lineno):
                return node
        elif isinstance(node, ast.Lambda) and node.lineno == wanted:
            lambdas.append(node)
    if code.co_name == "<lambda>" and lambdas:
        if len(lambdas) == 1:
            return lambdas[0]
        spots = [p for p in code.co_positions() if p[0] is not None and p[2] is not None]
        for node in sorted(lambdas, key=lambda n: (n.end_lineno or 0, n.end_col_offset or 0)):
            body = node.body
            start = (body.lineno, body.col_offset)
            end = (body.end_lineno or 0, body.end_col_offset or 0)
            if any(start <= (p[0], p[2]) and (p[1], p[3]) == end for p in spots):
                return node
    raise LookupError(f"no source of {code.co_name}")


def assigned(file: str, name: str) -> ast.stmt | None:
    """The statement of a module that gives a name its value."""
    for node in tree(file).body:
        if isinstance(node, ast.Assign):
            targets = [
                n.id
                for t in node.targets
                for n in ast.walk(t)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            ]
            if name in targets:
                return node
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(target, ast.Name) and target.id == name:
            return node
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node
    return None


@dataclass(frozen=True)
class _Edit:
    start: tuple[int, int]
    end: tuple[int, int]
    new: str


def lifted(file: str, node: Piece, subs: Mapping[str, str], name: str = "") -> str:
    """The text of a node by itself: no annotations, decorators or docstring, names replaced.

    Args:
        file: where it stands.
        node: which.
        subs: free name -> expression.
        name: what a function or class is to be called.
    """
    edits = [*_annotations(node), *_bare(node), *_replaced(node, subs)]
    start = (node.lineno, node.col_offset)
    end = (node.end_lineno or 0, node.end_col_offset or 0)
    lines = [line.encode() for line in text(file).splitlines(keepends=True)]
    if name and isinstance(node, ast.FunctionDef | ast.ClassDef) and name != node.name:
        word = "class" if isinstance(node, ast.ClassDef) else "def"
        first = start[1] + len(word) + 1
        edits.append(_Edit((start[0], first), (start[0], first + len(node.name)), name))
    lines = lines[: end[0]]
    lines[-1] = _tail(lines[-1], end[1], node)
    for edit in sorted(edits, key=lambda e: (e.start, e.end), reverse=True):
        _apply(lines, edit)
    found = b"".join(lines[start[0] - 1 :]).decode()[start[1] :]
    found = " " * start[1] + found if isinstance(node, ast.stmt) else found
    return _GETATTR.sub(r"\1.\2", _tidied(textwrap.dedent(found)))


_GETATTR = re.compile(r"getattr\((\w+), '(\w+)'\)")


def _tail(line: bytes, end: int, node: Piece) -> bytes:
    """The last line up to the node's end, with a comment that belongs to it."""
    rest = line[end:].strip()
    if isinstance(node, ast.stmt) and rest.startswith(b"#") and b"type:" not in rest:
        return line.rstrip()
    return line[:end]


def _tidied(found: str) -> str:
    """Without comments for tools, and without the blank lines that a docstring leaves."""
    lines: list[str] = []
    for line in found.rstrip().split("\n"):
        for mark in ("  # fmt: skip", "  # type: ignore", "  # noqa"):
            line = line.split(mark)[0]
        if line.strip() or (lines and lines[-1].strip()):
            lines.append(line.rstrip())
    return "\n".join(lines)


def _apply(lines: list[bytes], edit: _Edit) -> None:
    (row, column), (last, until) = edit.start, edit.end
    joined = lines[row - 1][:column] + edit.new.encode() + lines[last - 1][until:]
    lines[row - 1] = joined
    for i in range(row, last):
        lines[i] = b""


def _span(node: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


def _annotations(node: ast.AST) -> Iterator[_Edit]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.arguments):
            given = _defaults(inner)
            for arg in ast.walk(inner):
                if isinstance(arg, ast.arg) and arg.annotation is not None:
                    start = (arg.lineno, arg.col_offset + len(arg.arg.encode()))
                    end, new = _span(arg.annotation)[1], ""
                    if arg.arg in given:  # the default's equals sign loses its spaces
                        end, new = _span(given[arg.arg])[0], "="
                    yield _Edit(start, end, new)
        elif isinstance(inner, ast.FunctionDef) and inner.returns is not None:
            start, end = _span(inner.returns)
            yield _Edit((start[0], start[1] - 4), end, "")  # " -> " stands before it
        elif isinstance(inner, ast.AnnAssign):
            start, end = _span(inner.target)[1], _span(inner.annotation)[1]
            if inner.value is not None:
                yield _Edit(start, end, "")
            else:
                yield _Edit(_span(inner)[0], end, "pass")


def _defaults(a: ast.arguments) -> dict[str, ast.expr]:
    placed = [*a.posonlyargs, *a.args]
    found = dict(
        zip([x.arg for x in placed[len(placed) - len(a.defaults) :]], a.defaults, strict=True)
    )
    named = zip(a.kwonlyargs, a.kw_defaults, strict=True)
    return {**found, **{x.arg: d for x, d in named if d is not None}}


def _bare(node: ast.AST) -> Iterator[_Edit]:
    """Docstrings of what stands inside, and of helpers, say what a script need not."""
    for inner in ast.walk(node):
        if not isinstance(inner, ast.FunctionDef | ast.ClassDef):
            continue
        if ast.get_docstring(inner) is None:
            continue
        first, *others = inner.body
        if not others:
            yield _Edit(*_span(first), "pass")
            continue
        decorated = getattr(others[0], "decorator_list", [])
        line = min([others[0].lineno, *(d.lineno for d in decorated)])
        yield _Edit((first.lineno, 0), (line, 0), "")


def _replaced(node: ast.AST, subs: Mapping[str, str]) -> Iterator[_Edit]:
    used = {k: v for k, v in subs.items() if k != v}
    if used:
        yield from _renamed(node, used)


def _renamed(node: ast.AST, subs: Mapping[str, str]) -> Iterator[_Edit]:
    if isinstance(node, ast.Name):
        if node.id in subs:
            yield _Edit(*_span(node), subs[node.id])
        return
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        dotted = f"{node.value.id}.{node.attr}"
        if dotted in subs:
            yield _Edit(*_span(node), subs[dotted])
            return
    if isinstance(node, ast.FunctionDef | ast.Lambda):
        own = _bound(node)
        outside = [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]
        for part in outside:
            yield from _renamed(part, subs)
        left = {k: v for k, v in subs.items() if k not in own}
        body: list[ast.AST] = [*node.body] if isinstance(node.body, list) else [node.body]
        for inner in body if left else ():
            yield from _renamed(inner, left)
        return
    if isinstance(node, ast.arg):
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(node, ast.AnnAssign) and child is node.annotation:
            continue
        yield from _renamed(child, subs)


def _bound(node: Scope) -> set[str]:
    """Names that a function binds itself."""
    a = node.args
    names = {x.arg for x in (*a.posonlyargs, *a.args, *a.kwonlyargs)}
    names |= {x.arg for x in (a.vararg, a.kwarg) if x is not None}
    todo: list[ast.AST] = list(node.body) if isinstance(node.body, list) else [node.body]
    while todo:
        part = todo.pop()
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.add(part.id)
        if isinstance(part, ast.FunctionDef | ast.ClassDef):
            names.add(part.name)
            continue
        if isinstance(part, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in part.names}
        if not isinstance(part, ast.Lambda):
            todo += ast.iter_child_nodes(part)
    return names


def attributes(node: Piece, name: str) -> list[str]:
    """The attributes of a name that a piece reads, in order."""
    found = (n for n in ast.walk(node) if isinstance(n, ast.Attribute))
    own = [n.attr for n in found if isinstance(n.value, ast.Name) and n.value.id == name]
    return list(dict.fromkeys(own))


def free(file: str, node: Piece) -> list[str]:
    """The names that a piece takes from outside of it, builtins left out, in order."""
    source = lifted(file, node, {})
    source = f"({source})" if isinstance(node, ast.expr) else source
    table = symtable.symtable(source, "<piece>", "exec")
    own = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    seen = dict.fromkeys(
        s.get_name()
        for s in table.get_symbols()
        if s.is_referenced() and not s.is_assigned() and not s.is_imported()
    )
    todo = list(table.get_children())
    while todo:
        inner = todo.pop(0)
        seen |= dict.fromkeys(s.get_name() for s in inner.get_symbols() if s.is_global())
        todo += inner.get_children()
    return [n for n in seen if not hasattr(builtins, n) and n not in own]
