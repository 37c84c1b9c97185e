"""What a long run shows while it goes on: a bar on a terminal, a line every few seconds elsewhere.

A pytest plugin object without an import of pytest: it listens to finished items.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

EVERY = 10.0  # seconds between lines where there is no terminal


class Watcher:
    """Counts outcomes as trials end and shows them.

    Args:
        total: trials to be run.
        console: where to show.
    """

    def __init__(self, total: int, console: Console) -> None:
        self.total, self.console = total, console
        self.outcomes: Counter[str] = Counter()
        self.failures: list[tuple[str, str, str]] = []
        self.by_case: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._start = self._said = time.monotonic()
        self._bar = self._task = None
        if console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("[dim]{task.fields[now]}"),
                console=console,
            )  # fmt: skip
            self._task = self._bar.add_task("measuring", total=total, now="starting workers")
            self._bar.start()

    def pytest_runtest_logreport(self, report: Any) -> None:
        """One phase of one item ended; the call phase carries the outcome."""
        if report.when not in ("call", "???"):  # "???": a pytest worker died under this item
            return
        told = dict(report.user_properties)
        outcome = told.get("gradtier_outcome", "error")
        trial = report.nodeid.partition("::")[2]
        self.outcomes[outcome] += 1
        self.by_case[trial.partition("@")[0]][outcome] += 1
        if outcome in ("wrong", "raised", "crash", "timeout", "error"):
            self.failures.append((trial, outcome, str(told.get("gradtier_detail", ""))))
        self._show(trial)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._start

    def broken_cases(self) -> list[str]:
        """Cases that raised on every backend that ran them, and on three trials at least."""
        return [
            case
            for case, found in self.by_case.items()
            if found["raised"] >= 3 and found["raised"] == found.total() - found["unavailable"]
        ]

    def summary(self) -> str:
        """``84 agree, 3 unsupported``."""
        words = [f"{n} {outcome}" for outcome, n in self.outcomes.most_common()]
        return ", ".join(words) or "nothing yet"

    def _show(self, trial: str) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=1, now=trial)
            return
        if time.monotonic() - self._said >= EVERY:
            self._said = time.monotonic()
            done = self.outcomes.total()
            said = f"  {done}/{self.total} trials, {self.seconds:.0f} s: {self.summary()}"
            self.console.print(f"{said}; now {trial}")
