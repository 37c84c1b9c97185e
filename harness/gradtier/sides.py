"""From paths to evidence sets: what stands behind `gradtier diff`, `--history` and `--since`."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradtier import evidence as evidence_
from gradtier.assess import assess
from gradtier.collector import uncollected
from gradtier.comparing import difference
from gradtier.difference import Difference
from gradtier.errors import InputError, Problem
from gradtier.evidence import Evidence
from gradtier.history import History, history
from gradtier.host import NOWHERE
from gradtier.plan import Plan
from gradtier.records import Reader
from gradtier.running import open_matrix
from gradtier.standing import Side

if TYPE_CHECKING:  # only what renders needs it
    from gradtier.render.difference_page import Since


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
    with uncollected():
        return _compared(matrices, old, new, days)


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
        side, error = _side(whole, evidence, day)
        sides.append(side)
        foreign += [error] if error is not None else []
    shared = sets[0].records.keys() & sets[1].records.keys()
    if len(foreign) == len(sides) and not shared:
        raise InputError(problem for error in foreign for problem in error.problems)
    return difference(*sides)


def _side(whole: Plan, evidence: Evidence, day: datetime.date) -> tuple[Side, InputError | None]:
    """A set that is judged, and why it is not of its matrix where it is not."""
    plan, foreign = whole.settled(evidence.of), None
    try:
        more = evidence_.check_belongs(evidence, plan)
    except InputError as error:
        more, foreign = error.problems, error
    evidence = replace(evidence, problems=(*evidence.problems, *more))
    return Side(plan, evidence, assess(plan, evidence, day), day), foreign


def written(file: Path, text: str) -> None:
    """Write a file that a command was asked for.

    Raises:
        InputError: it can't be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{file}: can't be written: {error.strerror or error}") from error


def since(plan: Plan, older: Sequence[Path], new: Side) -> Since:
    """What changed since older evidence, judged by the plan of the newer and on the same day.

    Args:
        plan: before it was settled by either set.
        older: evidence files, or folders of them.
        new: the newer set.

    Raises:
        InputError: one of the files can't be used.
    """
    from gradtier.render.difference_page import Measured, Since

    with uncollected():
        evidence = evidence_.read(evidence_files(older))
        old = _side(plan, evidence, new.today)[0]
        return Since(difference(old, new), Measured.of(old.evidence), Measured.of(new.evidence))


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
    files, reader = evidence_files([folder]), Reader()
    with uncollected():
        return history(plan, {f.name: evidence_.lines(f, reader) for f in files}, today)
