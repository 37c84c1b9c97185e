"""From paths to evidence sets: what stands behind `gradtier diff` and `report --history`."""

from __future__ import annotations

import contextlib
import datetime
import gc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gradtier import evidence as evidence_
from gradtier.assess import assess
from gradtier.comparing import difference
from gradtier.difference import Difference
from gradtier.errors import InputError, Problem
from gradtier.history import History, history
from gradtier.host import NOWHERE
from gradtier.plan import Plan
from gradtier.running import open_matrix
from gradtier.standing import Side


def evidence_files(named: Sequence[Path]) -> tuple[Path, ...]:
    """Files, and those that lie in folders (``*.jsonl``, ``*.jsonl.gz``) in order of their names.

    Raises:
        InputError: a folder holds none, or a path is neither.
    """
    files: list[Path] = []
    problems: list[Problem] = []
    for path in named:
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted([*path.glob("*.jsonl"), *path.glob("*.jsonl.gz")])
        if not inside:
            problems.append(Problem(f"{path}: holds no evidence (*.jsonl, *.jsonl.gz)"))
        files += inside
    if problems:
        raise InputError(problems)
    return tuple(files)


def compared(
    matrices: tuple[Path, Path],
    old: Sequence[Path],
    new: Sequence[Path],
    days: tuple[datetime.date, datetime.date],
) -> Difference:
    """The difference between two evidence sets.

    Args:
        matrices: what the old and the new set are judged by; may be the same.
        old: evidence files, or folders of them.
        new: the same.
        days: that the old and the new set are judged on.

    Raises:
        InputError: a matrix or a file can't be used, or neither set is of its matrix and they share
            no trial either.
    """
    with _uncollected():
        return _compared(matrices, old, new, days)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles.

    Among a hundred thousand records it takes a third of the time and finds nothing.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _compared(
    matrices: tuple[Path, Path],
    old: Sequence[Path],
    new: Sequence[Path],
    days: tuple[datetime.date, datetime.date],
) -> Difference:
    sets = [evidence_.read(evidence_files(named)) for named in (old, new)]
    opened = {file: open_matrix(file, NOWHERE).plan for file in dict.fromkeys(matrices)}
    plans = [opened[file] for file in matrices]
    foreign: list[InputError] = []
    sides = []
    for whole, evidence, day in zip(plans, sets, days, strict=True):
        plan = whole.settled(evidence.of)
        try:
            more = evidence_.check_belongs(evidence, plan)
        except InputError as error:
            foreign.append(error)
            more = error.problems
        evidence = replace(evidence, problems=(*evidence.problems, *more))
        sides.append(Side(plan, evidence, assess(plan, evidence, day), day))
    shared = sets[0].records.keys() & sets[1].records.keys()
    if len(foreign) == len(sides) and not shared:
        raise InputError(problem for error in foreign for problem in error.problems)
    return difference(*sides)


def render_difference(found: Difference, form: str) -> str:
    """A difference as ``text``, ``markdown`` or ``json``."""
    from gradtier.render import difference as plain_
    from gradtier.render import difference_markdown

    forms = {
        "text": plain_.render_text,
        "json": plain_.render_json,
        "markdown": difference_markdown.render,
    }
    return forms[form](found)


def history_of(plan: Plan, folder: Path, today: datetime.date) -> History:
    """When the class of each backend changed, by the evidence that lies in ``folder``.

    Raises:
        InputError: it is no folder, or one of its evidence files can't be used.
    """
    if not folder.is_dir():
        raise InputError(f"--history {folder}: expected a folder of evidence files")
    files = evidence_files([folder])
    return history(plan, {file.name: evidence_.lines(file) for file in files}, today)
