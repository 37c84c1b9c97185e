"""How far something long is: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
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


class Meter:
    """A bar, or lines.

    Args:
        title: what goes on, one word before the bar.
        total: how much there is to do.
        console: where to show.
    """

    def __init__(self, title: str, total: int, console: Console) -> None:
        self.console = console
        self._start = self._said = time.monotonic()
        self._bar: Progress | None = None
        self._task: Any = None
        if console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                TimeElapsedColumn(), TimeRemainingColumn(),
                # what is going on is data: no markup is read in it
                TextColumn("{task.fields[now]}", style="dim", markup=False), console=console,
            )  # fmt: skip
            self._task = self._bar.add_task(title, total=total, now="starting workers")
            self._bar.start()

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._start

    def advance(self, finished: int, now: str, line: Callable[[], str]) -> None:
        """So much more is done, and this is going on; ``line`` says all of it in a line."""
        if self._bar is not None:
            self._bar.update(self._task, advance=finished, now=now)
        elif time.monotonic() - self._said >= EVERY:
            self._said = time.monotonic()
            self.console.print(line())

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
