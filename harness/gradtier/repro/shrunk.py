"""A suite whose cases can be had with other inputs, by name, in a worker's process as well.

Inputs that are tried are files of a private folder; a suite file that says
``suite = shrunk(...)`` makes every process that loads it find them.
"""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

from gradtier.cases import Case, Suite, load_suite

MARK = "-small"


class Tried(dict[str, Case]):
    """The cases of a suite, and those of its folder."""

    def __init__(self, cases: dict[str, Case], folder: Path) -> None:
        super().__init__(cases)
        self._folder = folder

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or MARK in str(name)

    def __missing__(self, name: str) -> Case:
        base, mark, number = name.rpartition(MARK)
        if not mark:
            raise KeyError(name)
        written = (self._folder / number).read_bytes()  # by this very command, in its own folder
        return replace(self[base], name=name, inputs=pickle.loads(written))


def shrunk(suite: str, file: str, folder: str) -> Suite:
    """The suite of ``file``, with the inputs of ``folder``."""
    own = load_suite(suite, Path(file))
    return Suite(own.id, own.title, own.natives, Tried(own.cases, Path(folder)))


def named(case: Case, number: int, inputs: Any, folder: Path) -> Case:
    """A case with other inputs, which workers find under its name from now on."""
    (folder / str(number)).write_bytes(pickle.dumps(inputs, protocol=5))
    return replace(case, name=f"{case.name}{MARK}{number}", inputs=inputs)


def suite_file(suite: str, file: Path, folder: Path) -> Path:
    """A file that workers load in the place of the suite's own."""
    path = folder / "suite.py"
    text = (
        f"from gradtier.repro.shrunk import shrunk\n\n"
        f"suite = shrunk({suite!r}, {str(file)!r}, {str(folder)!r})\n"
    )
    path.write_text(text, encoding="utf-8")
    return path
