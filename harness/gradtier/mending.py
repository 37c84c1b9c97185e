"""The claims of a matrix brought in line with the evidence: ``gradtier lint --fix-claims``."""

from __future__ import annotations

import datetime
import difflib
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradtier import evidence as evidence_
from gradtier import yamlfile
from gradtier.claimdraft import drafts
from gradtier.claimfix import Revision, revised, revisions
from gradtier.claimtext import rewritten
from gradtier.errors import InputError, Problem
from gradtier.host import NOWHERE
from gradtier.matrix import Claim, Matrix
from gradtier.running import Opened, open_matrix


@dataclass(frozen=True)
class File:
    """A file of the declaration, as it is and as it is to be."""

    path: Path
    name: str
    old: str
    new: str


@dataclass(frozen=True)
class Mending:
    """An edit of the claims.

    Attributes:
        revisions: claims that are removed or narrowed.
        places: where each of them stands now.
        drafts: claims that are added.
        notes: notes that nothing refers to afterwards; they are removed.
        files: those that change, at most two.
        problems: what could not be used of the evidence.
    """

    revisions: tuple[Revision, ...]
    places: tuple[str, ...]
    drafts: tuple[Claim, ...]
    notes: tuple[str, ...]
    files: tuple[File, ...]
    problems: tuple[Problem, ...]

    def lines(self) -> list[str]:
        """The edit in words."""
        said = [
            f"{place}: claim {r.number + 1}: {r.words()}"
            for r, place in zip(self.revisions, self.places, strict=True)
        ]
        if self.drafts:
            said.append(f"{len(self.drafts)} claims drafted for failures that nobody declared")
        return [*said, *(f"note '{note}' removed: nothing refers to it" for note in self.notes)]

    def diff(self) -> str:
        """The edit as a unified diff."""
        return "".join(_differing(file) for file in self.files)

    def write(self) -> None:
        """Replace the files, each whole or not at all.

        Raises:
            InputError: a file can't be written; the others are as they were.
        """
        made: list[tuple[str, Path]] = []
        try:
            for file in self.files:
                made.append((_beside(file), file.path))
            while made:
                new, path = made[0]
                os.replace(new, path)
                made.pop(0)
        except OSError as error:
            why = error.strerror or str(error)
            raise InputError(f"{error.filename or 'a claims file'}: can't be written: {why}") from (
                error
            )
        finally:
            for new, _ in made:
                Path(new).unlink(missing_ok=True)


def _differing(file: File) -> str:
    lines = difflib.unified_diff(
        file.old.splitlines(keepends=True), file.new.splitlines(keepends=True),
        file.name, file.name,
    )  # fmt: skip
    ended = (line if line.endswith("\n") else line + "\n" for line in lines)
    return "".join(ended)


def _beside(file: File) -> str:
    """The new text in a file beside the old one, with its permissions."""
    descriptor, name = tempfile.mkstemp(dir=file.path.parent, prefix=f".{file.path.name}-")
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as out:
            out.write(file.new)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(name, file.path.stat().st_mode & 0o7777)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return name


def mend(
    matrix: Path,
    files: Sequence[Path],
    today: datetime.date,
    until: datetime.date | None = None,
) -> Mending:
    """What has to change so that no claim disagrees with the evidence; nothing is written.

    Args:
        matrix: the declaration; its claims may stand in a file beside it.
        files: evidence.
        today: claims that lapsed before this day are left alone.
        until: also draft claims for failures that nobody declared; they lapse on this day.

    Raises:
        InputError: the matrix or the evidence can't be used, or a claim can't be edited.
    """
    opened = open_matrix(matrix, NOWHERE)
    plan = opened.plan
    found = evidence_.read(files)
    problems = (*found.problems, *evidence_.check_belongs(found, plan))
    changes = revisions(plan, found, today)
    left = revised(plan.matrix, changes)
    new = drafts(plan, left, found, today, until) if until is not None else ()
    unused = _unused(plan.matrix, (*left, *new))
    edited = _edited(matrix, plan.matrix, changes, new, unused)
    _check(edited, opened, (*left, *new), unused)
    places = tuple(str(opened.loaded.document.place(("claims", r.number))) for r in changes)
    changed = tuple(file for file in edited if file.old != file.new)
    return Mending(changes, places, new, unused, changed, problems)


def _unused(matrix: Matrix, claims: Sequence[Claim]) -> tuple[str, ...]:
    """Notes that only claims referred to, and no claim does any more."""
    before = {c.note for c in matrix.claims if c.note is not None}
    used = {c.note for c in claims} | {e.note for e in matrix.exclusions}
    for backend in matrix.backends.values():
        used |= set(backend.notes)
        used |= {note for notes in backend.device_notes.values() for note in notes}
    used |= {r.note for texts in matrix.recommendations.values() for r in texts}
    return tuple(note for note in matrix.notes if note in before - used)


def _edited(
    file: Path,
    matrix: Matrix,
    changes: Sequence[Revision],
    new: Sequence[Claim],
    unused: Sequence[str],
) -> list[File]:
    """The matrix and, where it names one, the file of claims; with the edit."""
    matches = {r.number: r.matches for r in changes}
    own = yamlfile.read(file).data
    here = matrix.claims_from is None or "claims" in own
    text = _text(file)
    mine = [note for note in unused if note in (own.get("notes") or {})]
    claims = (matches, new) if here else ({}, ())
    done = [File(file.resolve(), file.name, text, rewritten(text, file.name, *claims, mine))]
    if matrix.claims_from is not None:
        name = matrix.claims_from
        path = (file.resolve().parent / name).resolve()
        claims = ({}, ()) if here else (matches, new)
        text = _text(path)
        theirs = [note for note in unused if note not in mine]
        done.append(File(path, name, text, rewritten(text, name, *claims, theirs)))
    return done


def _text(file: Path) -> str:
    with file.open(encoding="utf-8", newline="") as handle:
        return handle.read()


def _check(
    edited: Sequence[File], opened: Opened, claims: Sequence[Claim], unused: Sequence[str]
) -> None:
    """Read the new texts back: they must say what was meant, and nothing else.

    Raises:
        InputError: they do not, because the file is laid out in a way that was not foreseen.
    """
    documents = [yamlfile.parse(file.new, file.name).data or {} for file in edited]
    joined: dict[str, Any] = {**documents[0]}
    for more in documents[1:]:
        joined.setdefault("claims", more.get("claims", []))
        joined["notes"] = {**more.get("notes", {}), **joined.get("notes", {})}
    now: Mapping[str, Any] = opened.plan.matrix.model_dump()
    notes = {name: text for name, text in now["notes"].items() if name not in unused}
    try:
        found = Matrix.model_validate(joined).model_dump()
    except ValueError:
        found = {}
    if found != {**now, "claims": tuple(c.model_dump() for c in claims), "notes": notes}:
        where = ", ".join(file.name for file in edited)
        raise InputError(
            f"{where}: the edit would not read back as meant, so nothing was written; edit the "
            "claims by hand, as 'gradtier assess' says"
        )
