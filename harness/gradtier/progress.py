"""What a long run shows while it goes on: a bar on a terminal, a line every few seconds elsewhere.

A pytest plugin object without an import of pytest: it listens to finished items.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from rich.console import Console

from gradtier.meter import Meter
from gradtier.model import FATAL


class Watcher:
    """Counts outcomes as trials end and shows them.

    Args:
        total: trials to be run.
        console: where to show.
    """

    def __init__(self, total: int, console: Console) -> None:
        self.total, self.console = total, console
        self.outcomes: Counter[str] = Counter()
        self.fatal = ""  # why the run had to end
        self.failures: list[tuple[str, str, str]] = []
        self.unavailable: list[str] = []  # why trials could not be run, once for each of them
        self.by_case: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._meter = Meter("measuring", total, console)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """One phase of one item ended; the call phase carries the outcome."""
        if report.when not in ("call", "???"):  # "???": a pytest worker died under this item
            return
        told = dict(report.user_properties)
        if FATAL in told:
            self.fatal = str(told[FATAL])
            return
        outcome = told.get("gradtier_outcome", "error")
        trial = report.nodeid.partition("::")[2]
        self.outcomes[outcome] += 1
        self.by_case[trial.partition("@")[0]][outcome] += 1
        if outcome == "unavailable":
            self.unavailable.append(str(told.get("gradtier_detail", "")))
        if outcome in ("wrong", "raised", "crash", "timeout", "error"):
            self.failures.append((trial, outcome, str(told.get("gradtier_detail", ""))))
        self._show(trial)

    def close(self) -> None:
        """Take the bar away."""
        self._meter.close()

    @property
    def seconds(self) -> float:
        """Since the start."""
        return self._meter.seconds

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
        def line() -> str:
            done = self.outcomes.total()
            said = f"  {done}/{self.total} trials, {self.seconds:.0f} s: {self.summary()}"
            return f"{said}; now {trial}"

        self._meter.advance(1, trial, line)
