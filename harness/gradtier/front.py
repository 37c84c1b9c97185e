"""What stands behind the commands: from files to assessments, and to words for a terminal."""

from __future__ import annotations

import datetime
import importlib.resources
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from gradtier import evidence as evidence_
from gradtier.assess import Assessment, Judged, assess
from gradtier.errors import InputError, Problem, nearest
from gradtier.evidence import Evidence, Record
from gradtier.host import NOWHERE
from gradtier.model import Outcome
from gradtier.plan import selected
from gradtier.running import RUNS, Opened, begin, newest, open_matrix, shown, to_do
from gradtier.tiers import Answer, ClassFinding

MOST_BLAMED = 12
REPORTS = ("index.html", "style.css", "support.json", "support.md")


@dataclass(frozen=True)
class Whole:
    """Everything that a report is made of."""

    opened: Opened
    evidence: Evidence
    assessments: tuple[Assessment, ...]
    today: datetime.date
    problems: tuple[Problem, ...]


def assessed(matrix: Path, files: tuple[Path, ...], date: datetime.datetime | None) -> Whole:
    """Assess a matrix by evidence files (without any: by the newest run).

    Raises:
        InputError: the matrix or a file can't be used, or there is no run yet.
    """
    opened = open_matrix(matrix, NOWHERE)
    if not files:
        found = newest(opened.loaded.root / RUNS)
        if found is None:
            raise InputError(
                f"there is no run in {RUNS}/ yet; measure with 'gradtier run', or name evidence "
                "with --evidence FILE"
            )
        files = (found,)
    evidence = evidence_.read(files)
    problems = (*evidence.problems, *evidence_.check_belongs(evidence, opened.plan))
    today = date.date() if date is not None else datetime.date.today()
    return Whole(opened, evidence, assess(opened.plan, evidence, today), today, problems)


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


def class_json(assessment: Assessment) -> dict[str, Any]:
    """An assessment as JSON-safe data."""
    outcomes = Counter(str(j.outcome) for j in assessment.trials())
    return {
        "backend": assessment.backend,
        "class": assessment.tier,
        "possible": assessment.possible,
        "outcomes": dict(sorted(outcomes.items())),
        "criteria": [
            {
                "class": c.id,
                "answer": str(c.answer),
                "findings": [
                    {"name": f.name, "says": f.says, "asks": f.asks, "answer": str(f.answer)}
                    for f in c.findings
                ],
            }
            for c in assessment.classes
        ],
        "drift": [
            {"claim": d.number, "says": d.says, "trials": list(d.trials)} for d in assessment.drift
        ],
    }


def class_lines(whole: Whole, assessment: Assessment) -> Iterator[str]:
    """The class of one backend with the reasons why it is no better."""
    title = whole.opened.plan.matrix.backends[assessment.backend].title
    yield f"{assessment.backend} ({title}): {_held(assessment)}"
    for c in _above(assessment):
        for f in c.findings:
            if f.answer is not Answer.HOLDS:
                yield f"  not {c.title}: {f.name}: {f.says}; asked for {f.asks} ({f.answer})"
    for drift in assessment.drift:
        yield f"  claim {drift.number + 1} no longer holds: {drift.says}: {_few(drift.trials)}"


def _above(assessment: Assessment) -> list[ClassFinding]:
    """The classes above the one that is held; all of them where none is."""
    return list(takewhile(lambda c: c.id != assessment.tier, assessment.classes))


def _held(assessment: Assessment) -> str:
    held = next((c.title for c in assessment.classes if c.id == assessment.tier), "no class")
    possible = next((c.title for c in assessment.classes if c.id == assessment.possible), None)
    return f"{held}; {possible} is possible, evidence is missing" if possible else held


def explanation(whole: Whole, assessment: Assessment) -> Iterator[str]:
    """Why a backend is in its class, the trials to blame, and what would raise it."""
    row = whole.opened.plan.matrix.backends[assessment.backend]
    yield f"{assessment.backend}: {row.title}, {row.mode} mode, {row.execution}"
    yield f"class: {_held(assessment)}"
    yield ""
    for c in assessment.classes:
        yield f"{c.title}: {c.answer}"
        for f in c.findings:
            mark = {Answer.HOLDS: "+", Answer.FAILS: "-", Answer.NOT_TESTED: "?"}[f.answer]
            yield f"  {mark} {f.name}: {f.says}; asked for {f.asks}"
    yield ""
    yield "cells:"
    for cell in assessment.cells:
        counts = ", ".join(f"{n} {o}" for o, n in cell.counts.most_common()) or cell.excluded
        yield f"  {cell.cell}: {counts}"
    yield from _blamed(assessment)
    yield from _raising(assessment)


def _blamed(assessment: Assessment) -> Iterator[str]:
    causes: dict[str, list[tuple[Judged, Record]]] = {}
    for j in assessment.trials():
        if j.outcome is Outcome.AGREE or not j.outcome.is_evidence or j.record is None:
            continue
        causes.setdefault(_cause(j, j.record), []).append((j, j.record))
    if not causes:
        return
    yield ""
    yield "trials to blame, by cause:"
    for cause, trials in sorted(causes.items(), key=lambda item: -len(item[1])):
        yield f"  {len(trials)} x {cause}"
        for j, record in trials[:MOST_BLAMED]:
            numbers = f": {record.detail}" if j.outcome is Outcome.WRONG else ""
            yield f"      {j.trial.id}{numbers}"
        if len(trials) > MOST_BLAMED:
            yield f"      and {len(trials) - MOST_BLAMED} more"


def _cause(j: Judged, record: Record) -> str:
    """What trials are grouped by: the claim that covers them, else how they ended."""
    reason = f" ({record.reason})" if record.reason else ""
    if j.as_claimed and j.claim is not None:
        return f"{j.outcome}{reason}, as declared: {j.claim.because}"
    return f"{j.outcome}{reason}" if record.reason else f"{j.outcome}: {record.detail}"


def _raising(assessment: Assessment) -> Iterator[str]:
    above = [c for c in _above(assessment) if c.answer is not Answer.HOLDS]
    yield ""
    if not above:
        yield "nothing is above this class"
        return
    nearest_class = above[-1]
    yield f"what would raise it to {nearest_class.title}:"
    for f in nearest_class.findings:
        if f.answer is Answer.FAILS:
            yield f"  [ ] {f.name}: now {f.says}; asked for {f.asks}"
        elif f.answer is Answer.NOT_TESTED:
            yield f"  [ ] {f.name}: run the trials that are missing; now {f.says}"


def _few(words: tuple[str, ...], most: int = 3) -> str:
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def write_report(whole: Whole, out: Path, show: bool) -> list[Path]:
    """Write the site into ``out`` and, if asked, print the table."""
    from rich.console import Console

    from gradtier.render import write_site
    from gradtier.render.terminal import WIDTH, overview
    from gradtier.table import tabulate

    table = tabulate(whole.opened.plan, whole.assessments, whole.evidence, whole.today)
    files = write_site(table, whole.assessments, whole.opened.plan, out, _titles(whole))
    if show:
        here = Console()
        (here if here.is_terminal else Console(width=WIDTH)).print(overview(table))
    return files


def _titles(whole: Whole) -> dict[str, str]:
    return {suite.id: suite.title for suite in whole.opened.suites.values()}


def verify_report(whole: Whole, folder: Path) -> list[str]:
    """Rebuild the report and compare it to the byte with what lies in ``folder``.

    Returns:
        one sentence per file that differs; files that ``folder`` does not have are not compared.

    Raises:
        InputError: there is nothing to compare in ``folder``.
    """
    from gradtier.render import site
    from gradtier.table import tabulate

    if not any((folder / n).is_file() for n in REPORTS):
        raise InputError(f"{folder}: holds none of {', '.join(REPORTS)}")
    plan = whole.opened.plan
    table = tabulate(plan, whole.assessments, whole.evidence, whole.today)
    return [
        f"{folder / name} is not what matrix and evidence give"
        for name, text in site(table, whole.assessments, plan, _titles(whole))
        if (folder / name).is_file() and (folder / name).read_bytes() != text().encode("utf-8")
    ]


def run_trials(
    matrix: Path,
    workers: int,
    evidence: Path | None,
    resume: bool,
    strict: bool,
    axes: Mapping[str, tuple[str, ...]],
    quick: bool,
) -> int:
    """Run trials under pytest, showing progress; the exit status.

    Raises:
        InputError: the run can't be begun; nothing was touched.
    """
    from rich.console import Console

    from gradtier.progress import Watcher

    # trial ids and messages are data: no markup is read in them, no number coloured, no line folded
    console = Console(markup=False, highlight=False, soft_wrap=True)
    opened = open_matrix(matrix)
    selection = selected(opened.plan.matrix, axes, quick)
    order, said = begin(opened, selection, evidence, resume=resume)
    left = to_do(opened, order)
    here = sum(1 for t in left if not t.unavailable)
    for line in said:
        console.print(line)
    console.print(
        f"{len(left)} trials, {here} of them can run here, {max(workers, 1)} at a time; "
        f"records go to {shown(Path(order.evidence))}"
    )
    watcher = Watcher(len(left), console)
    try:
        status = _pytest(opened, order, matrix, workers, watcher)
    finally:
        watcher.close()
    answer = _closing(console, watcher, status, order.evidence, strict)
    _blame_cases(opened, watcher)
    return answer


def _blame_cases(opened: Opened, watcher: Any) -> None:
    """A case that raises on every backend is most likely at fault itself; its records stay.

    Raises:
        InputError: naming each such case with its place and an error.
    """
    problems = []
    for name in watcher.broken_cases():
        said = next((d for t, _, d in watcher.failures if t.startswith(f"{name}@")), "")
        text = f"the case raises on every backend that ran it: {said}"
        hint = "most likely a fault of the case; its records are kept"
        problems.append(Problem(text, opened.plan.cases[name].place, name, hint))
    if problems:
        raise InputError(problems)


def _pytest(opened: Opened, order: Any, matrix: Path, workers: int, watcher: Any) -> int:
    import pytest

    from gradtier.pytest_plugin import STATE, State

    class Preset:
        """Hands the run that was begun to the plugin."""

        @pytest.hookimpl(tryfirst=True)
        def pytest_configure(self, config: pytest.Config) -> None:
            config.stash[STATE] = State(opened, order, owner=True)

    ini = importlib.resources.files("gradtier") / "run.ini"
    arguments = [str(matrix), "-c", str(ini), f"--rootdir={opened.loaded.root}"]
    arguments += ["-p", "no:terminal", "-p", "no:cacheprovider"]
    if workers > 1:
        arguments += ["-n", str(workers), "--dist", "worksteal", "--maxprocesses", str(workers)]
    return int(pytest.main(arguments, plugins=[Preset(), watcher]))


def _closing(console: Any, watcher: Any, status: int, evidence: str, strict: bool) -> int:
    """The last lines of a run, and its exit status."""
    done = watcher.outcomes.total()
    console.print(f"{done} trials in {watcher.seconds:.0f} s: {watcher.summary()}")
    for trial, outcome, detail in watcher.failures[:40]:
        console.print(f"  {outcome}: {trial}: {detail}")
    if len(watcher.failures) > 40:
        console.print(f"  and {len(watcher.failures) - 40} more; see the evidence")
    if done < watcher.total:
        console.print(
            f"{watcher.total - done} trials were not run; go on with: gradtier run --resume "
            f"--evidence {shown(Path(evidence))}"
        )
        return 130 if status == 2 else 1
    faults = watcher.outcomes["error"]
    undeclared = status == 1 and strict
    return 1 if faults or undeclared else 0
