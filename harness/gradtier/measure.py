"""What stands behind ``gradtier run``: trials as pytest items, progress, and the closing words."""

from __future__ import annotations

import importlib.resources
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gradtier import evidence as evidence_
from gradtier.controls import check
from gradtier.errors import InputError, Problem
from gradtier.isolating import begin
from gradtier.ledger import Kept
from gradtier.lines import Control
from gradtier.plan import Planned, selected
from gradtier.policy import Source
from gradtier.profile import Report
from gradtier.running import Opened, Order, open_matrix, shown, to_do
from gradtier.sources import Source as Installed


@dataclass(frozen=True)
class Manner:
    """How trials are run.

    Attributes:
        workers: parallel pytest workers; 0: none, in this process.
        evidence: the file that records go to; None: a new one in ``reports/runs/``.
        resume: go on with a file that exists.
        strict: a failure that nobody declared is an exit status of 1.
        quick: only the matrix's quick subset.
        deep: also what it leaves to deep runs.
        source: who measures.
        retries: how often a failure is tried again.
        shard: which part of the selection, as ``3/8``; empty: all of it.
        isolate: how gradtier is installed in environments of the packages' own; None: every row
            runs in the environment of the run.
        controls: first see that backends that are wrong on purpose are caught.
        profile: the file for a profile of the run, ``-`` for none but its text; None: no profile.
    """

    workers: int = 0
    evidence: Path | None = None
    resume: bool = False
    strict: bool = False
    quick: bool = False
    deep: bool = False
    source: Source = "self"
    retries: int = 0
    shard: str = ""
    isolate: Installed | None = None
    controls: bool = False
    profile: str | None = None


def run_trials(matrix: Path, axes: Mapping[str, tuple[str, ...]], manner: Manner) -> int:
    """Run the trials that are selected by these words, showing progress; the exit status.

    Raises:
        InputError: the run can't be begun; nothing was touched.
    """
    from rich.console import Console

    from gradtier.progress import Watcher

    # trial ids and messages are data: no markup is read in them, no number coloured, no line folded
    console = Console(markup=False, highlight=False, soft_wrap=True)
    report = None if manner.profile is None else Report(manner.profile, max(manner.workers, 1))
    opened = open_matrix(matrix)
    selection = selected(opened.plan.matrix, axes, manner.quick, manner.deep)
    try:
        opened, order, said = begin(
            opened, selection, manner.evidence, console, resume=manner.resume, source=manner.source,
            retries=manner.retries, shard=manner.shard, isolate=manner.isolate,
        )  # fmt: skip
    except KeyboardInterrupt:
        console.print("interrupted before the first trial; no record was written")
        return 130
    order = replace(order, profile=report is not None)
    left = to_do(opened, order)
    here = sum(1 for t in left if not t.unavailable)
    for line in said:
        console.print(line)
    later = sum(1 for t in opened.plan.trials if t.deep is not None and selection.covers(t.id))
    if later and not manner.deep:
        console.print(f"{later} more are left to deep runs; --deep measures them too")
    console.print(
        f"{len(left)} trials, {here} of them can run here, {max(manner.workers, 1)} at a time; "
        f"records go to {shown(Path(order.evidence))}"
    )
    if left and not here:
        console.print(f"None of them can run here: {_whys(t.unavailable for t in left)}")
    if manner.controls and left and (status := _controlled(console, opened, order, left)):
        return status
    watcher = Watcher(len(left), console)
    try:
        status, kept = _pytest(opened, order, matrix, manner.workers, watcher)
    finally:
        watcher.close()
    answer = _closing(console, watcher, status, order.evidence, manner.strict)
    # a part of a plan may well be all of a package that is not there; the whole should not be
    if not manner.shard and 0 < watcher.outcomes.total() == watcher.outcomes["unavailable"]:
        console.print(f"Nothing was measured: {_whys(watcher.unavailable)}")
        answer = 1
    for line in report.lines(order.run, kept) if report is not None else ():
        console.print(line)
    _blame_cases(opened, watcher)
    return answer


def _whys(reasons: Iterable[str]) -> str:
    """Each reason once, with how many trials have it, the commonest first."""
    counted = Counter(reasons).most_common()
    return "; ".join(f"{why} ({n} {'trial' if n == 1 else 'trials'})" for why, n in counted)


def _controlled(console: Any, opened: Opened, order: Order, left: list[Planned]) -> int:
    """Run the controls and say how they went; the exit status if the run ends here, else 0.

    Raises:
        InputError: a control can't be written.
    """
    file, goes_on = Path(order.evidence), False

    def keep(control: Control) -> None:
        try:
            evidence_.append(file, control)
        except OSError as error:
            why = error.strerror or error
            raise InputError(f"{shown(file)} can't be written: {why}") from error

    console.print("first the controls: backends that are wrong on purpose")
    try:
        found = check(opened, order.run, left, keep)
        console.print(found.words())
        goes_on = found.void is None
        return 0 if goes_on else 1
    except KeyboardInterrupt:
        console.print(f"interrupted; {_go_on(len(left), order.evidence)}")
        return 130
    finally:
        if not goes_on:
            shutil.rmtree(order.folder, ignore_errors=True)


def _go_on(left: int, evidence: str) -> str:
    return (
        f"{left} trials were not run; go on with: gradtier run --resume "
        f"--evidence {shown(Path(evidence))}"
    )


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


def _pytest(
    opened: Opened, order: Any, matrix: Path, workers: int, watcher: Any
) -> tuple[int, tuple[Kept, ...]]:
    """Pytest's exit status, and what its processes noted of their time."""
    import pytest

    from gradtier.pytest_plugin import STATE, State

    state = State(opened, order, owner=True)

    class Preset:
        """Hands the run that was begun to the plugin."""

        @pytest.hookimpl(tryfirst=True)
        def pytest_configure(self, config: pytest.Config) -> None:
            config.stash[STATE] = state

    ini = importlib.resources.files("gradtier") / "run.ini"
    arguments = [str(matrix), "-c", str(ini), f"--rootdir={opened.loaded.root}"]
    arguments += ["-p", "no:terminal", "-p", "no:cacheprovider"]
    if workers > 1:
        arguments += ["-n", str(workers), "--dist", "worksteal", "--maxprocesses", str(workers)]
    return int(pytest.main(arguments, plugins=[Preset(), watcher])), state.kept


def _closing(console: Any, watcher: Any, status: int, evidence: str, strict: bool) -> int:
    """The last lines of a run, and its exit status."""
    done = watcher.outcomes.total()
    console.print(f"{done} trials in {watcher.seconds:.0f} s: {watcher.summary()}")
    for trial, outcome, detail in watcher.failures[:40]:
        console.print(f"  {outcome}: {trial}: {detail}")
    if len(watcher.failures) > 40:
        console.print(f"  and {len(watcher.failures) - 40} more; see the evidence")
    if watcher.fatal:
        console.print(f"gradtier: {watcher.fatal}; the run was ended")
    if done < watcher.total:
        console.print(_go_on(watcher.total - done, evidence))
        return 130 if status == 2 and not watcher.fatal else 1
    faults = watcher.outcomes["error"]
    undeclared = status == 1 and strict
    return 1 if faults or undeclared else 0
