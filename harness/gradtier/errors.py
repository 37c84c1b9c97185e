"""Errors with a place and a hint.

Everything that a user can get wrong is reported as a :class:`Problem`: where it is, what was found,
what was expected, and the nearest right word.  Problems are collected, so that one look shows all
of them; they are raised together in one :class:`InputError`, which the command line turns into
exit status 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Place:
    """A position in a file; lines and columns count from 1, 0 means "the file as a whole"."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input.

    Args:
        message: what was found and what was expected, one sentence, no place.
        place: where, or None where the input is not a file.
        path: the dotted key inside the file (``backends.jax-reverse.devices``), or empty.
        hint: what to do about it, or empty.
    """

    message: str
    place: Place | None = None
    path: str = ""
    hint: str = ""

    def __str__(self) -> str:
        head = "".join(f"{part}: " for part in (self.place, self.path) if part)
        return f"{head}{self.message}" + (f"; {self.hint}" if self.hint else "")


class GradtierError(Exception):
    """Base of the errors that gradtier itself raises."""


class InputError(GradtierError):
    """The question could not be asked: bad usage or a bad file (exit status 2)."""

    def __init__(self, problems: Problem | str | Iterable[Problem]) -> None:
        if isinstance(problems, str):
            problems = Problem(problems)
        if isinstance(problems, Problem):
            problems = (problems,)
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint naming the known words and the one most like ``word``: ``did you mean 'cpu'? ...``."""
    words = list(known)
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    guess = f"did you mean '{close[0]}'? " if close else ""
    shown = ", ".join(words[:12]) + (f", ... ({len(words)} in all)" if len(words) > 12 else "")
    return f"{guess}known: {shown}" if words else "none is declared"
