"""What stands behind the commands that report: from files to assessments, and to words."""

from __future__ import annotations

import datetime
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gradtier import evidence as evidence_
from gradtier.assess import Assessment, assess
from gradtier.claimfix import revisions
from gradtier.collector import seldom_collected, uncollected
from gradtier.errors import InputError, Problem, nearest
from gradtier.evidence import Evidence
from gradtier.history import History
from gradtier.host import NOWHERE
from gradtier.plan import Plan
from gradtier.running import RUNS, Opened, newest, open_matrix

if TYPE_CHECKING:  # only what renders needs it
    from gradtier.render.difference_page import Since

REPORTS = (
    "index.html", "style.css", "support.json", "support.md", "support.rst", "support.csv",
)  # fmt: skip


@dataclass(frozen=True)
class Whole:
    """Everything that a report is made of."""

    opened: Opened
    evidence: Evidence
    assessments: tuple[Assessment, ...]
    today: datetime.date
    problems: tuple[Problem, ...]
    planned: Plan  # also what deep runs alone measure; that of ``opened`` fits the evidence
    files: tuple[Path, ...] = ()

    @cached_property
    def edits(self) -> Mapping[int, str]:
        """Number of a claim that no longer holds -> the edit that would make it hold."""
        changes = revisions(self.opened.plan, self.evidence, self.today)
        return {r.number: r.words() for r in changes}


def assessed(matrix: Path, files: tuple[Path, ...], date: datetime.datetime | None) -> Whole:
    """Assess a matrix by evidence files (without any: by the newest run).

    Raises:
        InputError: the matrix or a file can't be used, or there is no run yet.
    """
    with uncollected():
        return _assessed(matrix, files, date)


def _assessed(matrix: Path, files: tuple[Path, ...], date: datetime.datetime | None) -> Whole:
    opened = open_matrix(matrix, NOWHERE)
    if not files:
        found = newest(opened.loaded.root / RUNS)
        if found is None:
            raise InputError(
                f"there is no run in {RUNS}/ yet; measure with 'gradtier run', or name evidence "
                "with --evidence FILE"
            )
        files = (found,)
    evidence, planned = evidence_.read(files), opened.plan
    opened = replace(opened, plan=planned.settled(evidence.of))
    problems = (*evidence.problems, *evidence_.check_belongs(evidence, opened.plan))
    today = date.date() if date is not None else datetime.date.today()
    classes = assess(opened.plan, evidence, today)
    return Whole(opened, evidence, classes, today, problems, planned, files)


def date_of_report(folder: Path) -> datetime.datetime | None:
    """The day that the report in ``folder`` was judged by, or None if it does not say."""
    try:
        said = json.loads((folder / "support.json").read_text(encoding="utf-8"))
        return datetime.datetime.fromisoformat(said["provenance"]["date"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def pick(whole: Whole, backend: str) -> Assessment:
    """The assessment of one backend.

    Raises:
        InputError: there is no such backend.
    """
    for assessment in whole.assessments:
        if assessment.backend == backend:
            return assessment
    known = [a.backend for a in whole.assessments]
    raise InputError(f"'{backend}' is no backend of the matrix; {nearest(backend, known)}")


def mending_lines(whole: Whole) -> Iterator[str]:
    """The command that makes the claims hold again, where one does not."""
    if any(d.kind == "claim" for a in whole.assessments for d in a.drift):
        named = " ".join(f"--evidence {shlex.quote(str(file))}" for file in whole.files)
        yield "to mend the claims that no longer hold (--dry-run shows the edit, --draft declares"
        yield f"what else fails): gradtier lint --fix-claims {named}"


def since_of(whole: Whole, older: Sequence[Path]) -> Since | None:
    """What changed since the older evidence, by the same matrix and day; None without any.

    Raises:
        InputError: a file or folder of it can't be used.
    """
    from gradtier.sides import since
    from gradtier.standing import Side

    if not older:
        return None
    evidence = replace(whole.evidence, problems=whole.problems)
    new = Side(whole.opened.plan, evidence, whole.assessments, whole.today)
    return since(whole.planned, older, new)


def write_report(
    whole: Whole, out: Path, show: bool, history: History | None = None, since: Since | None = None
) -> list[Path]:
    """Write the site into ``out`` and, if asked, print the table."""
    from rich.console import Console

    from gradtier.render import write_site
    from gradtier.render.terminal import WIDTH, overview
    from gradtier.table import tabulate

    with seldom_collected():
        table = tabulate(whole.opened.plan, whole.assessments, whole.evidence, whole.today)
        files = write_site(
            table, whole.assessments, whole.opened.plan, out, _titles(whole), history,
            whole.evidence.benches.values(), since,
        )  # fmt: skip
    if show:
        here = Console()
        (here if here.is_terminal else Console(width=WIDTH)).print(overview(table))
    return files


def _titles(whole: Whole) -> dict[str, str]:
    return {suite.id: suite.title for suite in whole.opened.suites.values()}


def verify_report(
    whole: Whole, folder: Path, history: History | None = None, since: Since | None = None
) -> list[str]:
    """Rebuild the report and compare it to the byte with what lies in ``folder``.

    Returns:
        one sentence per file that differs.  Where ``folder`` has the overview, it is to hold the
        whole report and nothing older; else those of its files are compared that are there.

    Raises:
        InputError: there is nothing to compare in ``folder``.
    """
    from gradtier.render import differing, site
    from gradtier.table import tabulate

    if not any((folder / n).is_file() for n in REPORTS):
        raise InputError(f"{folder}: holds none of {', '.join(REPORTS)}")
    plan = whole.opened.plan
    table = tabulate(plan, whole.assessments, whole.evidence, whole.today)
    benches = whole.evidence.benches.values()
    files = site(table, whole.assessments, plan, _titles(whole), history, benches, since)
    return differing(files, folder)
