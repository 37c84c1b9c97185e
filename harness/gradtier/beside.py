"""Claims in a file of their own, ``claims_from: claims.yaml``: matrix and claims as one document.

What is planned changes seldom, what is known not to agree with every release; so the two may stand
apart.  Everything that is said about a claim still names the file and the line where it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from gradtier import yamlfile
from gradtier.errors import InputError, Problem, nearest
from gradtier.yamlfile import Document

KEY = "claims_from"
SCHEMA = "gradtier/claims/1"
KNOWN = ("schema", "claims", "notes")


def joined(document: Document, folder: Path) -> Document:
    """The matrix with the claims, and their notes, of the file that it names.

    Args:
        document: the matrix as read.
        folder: its folder, which the name is relative to.

    Returns:
        the same document where no file is named; problems of both otherwise.
    """
    data = document.data
    if not isinstance(data, dict) or not isinstance(data.get(KEY), str):
        return document  # nothing to join, or the schema's to refuse
    try:
        other = yamlfile.read(folder / data[KEY], data[KEY])
    except InputError as error:
        return _with(document, [_read(p, document, data[KEY]) for p in error.problems])
    problems = [*other.problems, *_problems(document, other)]
    found: dict[str, Any] = other.data if isinstance(other.data, dict) else {}
    merged, places = dict(data), dict(document.places)
    if "claims" not in data and "claims" in found:
        merged["claims"] = found["claims"]
        places |= {path: at for path, at in other.places.items() if path[:1] == ("claims",)}
    mine, theirs = data.get("notes", {}), found.get("notes", {})
    if isinstance(mine, dict) and isinstance(theirs, dict):
        merged["notes"] = {**theirs, **mine}
        places |= {
            path: at
            for path, at in other.places.items()
            if path[:1] == ("notes",) and len(path) > 1 and path not in places
        }
    return replace(_with(document, problems), data=merged, places=places)


def _with(document: Document, problems: list[Problem]) -> Document:
    return replace(document, problems=(*document.problems, *problems))


def _read(problem: Problem, document: Document, name: str) -> Problem:
    """A file that can't be read: said where it is named, unless it says a line of its own."""
    if problem.place is not None:
        return problem
    why = "there is no such file" if "no such file" in problem.message else problem.message
    return Problem(
        f"'{name}': {why}", document.place((KEY,)), KEY, "named from the matrix's folder"
    )


def _problems(document: Document, other: Document) -> Iterator[Problem]:
    name, data = other.file, other.data
    if not isinstance(data, dict):
        yield Problem(f"found no mapping; expected the keys {', '.join(KNOWN)}", other.place(()))
        return
    for key in data:
        if key not in KNOWN:
            yield Problem(f"unknown key '{key}'", other.place((key,)), key, nearest(key, KNOWN))
    if data.get("schema") != SCHEMA:
        at = other.place(("schema",))
        yield Problem(f"found {data.get('schema')!r}; expected {SCHEMA}", at, "schema")
    if "claims" in document.data and "claims" in data:
        text = f"claims stand here and in '{name}'; expected one place"
        yield Problem(text, document.place(("claims",)), "claims", f"move them, or remove {KEY}")
    mine, theirs = document.data.get("notes"), data.get("notes")
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for note in theirs:
            if note in mine:
                at = document.place(("notes", note))
                text = f"duplicate note '{note}'; also at {at}"
                yield Problem(text, other.place(("notes", note)), f"notes.{note}")
