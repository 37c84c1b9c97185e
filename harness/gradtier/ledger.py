"""Where the time of a run goes: exclusive spans, added up by part, package and suite.

Each pytest process keeps one :class:`Ledger` and hands it down to whatever takes time.  A span that
is opened inside another one interrupts it, so that the parts add up to the time that passed.
:data:`UNKEPT` stands for a ledger where nobody asked.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

EVERY = 5.0  # seconds between two writings, so that a process that is killed has left something
_SUFFIX = ".ledger"


class Part(StrEnum):
    """What time is spent on."""

    INSIDE = "inside"  # in backends' own calls: functions, derivatives, tracing, compiling
    STARTING = "starting"  # processes of backends: starting, importing, ending
    CHANNEL = "channel"  # between a run and them: conversions, pickling, waiting to be scheduled
    DIFFERENCES = "differences"  # the case itself on NumPy or in many digits
    ORACLE = "oracle"  # drawing, certifying, judging
    CHECKS = "checks"  # what a trial checks beside the numbers
    EVIDENCE = "evidence"  # writing records
    REST = "rest"  # none of these: pytest, mostly


@dataclass(frozen=True)
class Kept:
    """What one process spent, as it leaves it behind.

    Attributes:
        began: when the ledger was opened; seconds of the machine's monotonic clock.
        first, last: when its first trial began and its last one ended; None without a trial.
        trials: how many it ran.
        spent: package, suite and part -> seconds, in rows; between trials package and suite are
            empty.
        own, children: CPU seconds of the process, and of the processes that it started and that
            have ended.
    """

    began: float
    first: float | None
    last: float | None
    trials: int
    spent: tuple[tuple[str, str, Part, float], ...]
    own: float
    children: float


class Span(Protocol):
    """What ``with`` wants."""

    def __enter__(self) -> object:
        """Begin."""

    def __exit__(self, *error: object) -> None:
        """End."""


class Unkept:
    """A ledger that nobody asked for: takes the same words and does nothing."""

    def of(self, part: Part) -> Span:
        """See :class:`Ledger`."""
        return _NOTHING

    def trial(self, package: str, suite: str) -> Span:
        """See :class:`Ledger`."""
        return _NOTHING

    def inside(self, package: str, seconds: float | None) -> None:
        """See :class:`Ledger`."""

    def keep(self, folder: Path, now: bool = True) -> None:
        """See :class:`Ledger`."""


class _Nothing:
    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass


_NOTHING = _Nothing()
UNKEPT = Unkept()


class Ledger(Unkept):
    """The time of one process, from now on.

    Args:
        clock: seconds; the machine's monotonic clock, which all processes share.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = self._since = self._written = clock()
        self._first: float | None = None
        self._last: float | None = None
        self._trials, self._running = 0, False
        self._spent: dict[tuple[str, str, Part], float] = {}
        self._about = ("", "")
        self._open = [(Part.REST, self._began)]
        self._spans = {part: _Of(self, part) for part in Part}

    def of(self, part: Part) -> Span:
        """A span of a part; what is open waits."""
        return self._spans[part]

    def trial(self, package: str, suite: str) -> Span:
        """A span whose time is of a trial of this package and suite."""
        return _Trial(self, (package, suite))

    def inside(self, package: str, seconds: float | None) -> None:
        """So much of the span that is open was spent inside a package's own calls.

        Args:
            package: whose calls; a reference's may be another than the trial's.
            seconds: how long; None: all of the span so far.
        """
        now = self.settle()
        part, start = self._open[-1]
        longest = max(0.0, now - start)
        took = longest if seconds is None else min(max(seconds, 0.0), longest)
        self._add((*self._about, part), -took)
        self._add((package, self._about[1], Part.INSIDE), took)

    def settle(self) -> float:
        """Book what has passed on what is open; the time now."""
        now = self._clock()
        self._add((*self._about, self._open[-1][0]), now - self._since)
        self._since = now
        return now

    def kept(self) -> Kept:
        """Everything so far."""
        now = self.settle()
        last = now if self._running else self._last
        spent = tuple((*key, seconds) for key, seconds in self._spent.items())
        cpu = os.times()
        return Kept(
            self._began, self._first, last, self._trials, spent,
            cpu.user + cpu.system, cpu.children_user + cpu.children_system,
        )  # fmt: skip

    def keep(self, folder: Path, now: bool = True) -> None:
        """Write it into the private folder of the run, whole or not at all.

        Args:
            folder: the run's.
            now: else only if it was not written for some seconds.
        """
        if not now and self._clock() - self._written < EVERY:
            return
        self._written = self._clock()
        file = folder / f"{os.getpid()}{_SUFFIX}"
        new = file.with_suffix(".new")
        new.write_text(json.dumps(asdict(self.kept())), encoding="utf-8")
        os.replace(new, file)

    def begin(self, about: tuple[str, str]) -> None:
        """A trial begins."""
        now = self.settle()
        self._first = now if self._first is None else self._first
        self._about, self._running = about, True

    def end(self) -> None:
        """It ended."""
        self._last = self.settle()
        self._trials += 1
        self._about, self._running = ("", ""), False

    def open(self, part: Part) -> None:
        """Begin a span; what is open waits."""
        self._open.append((part, self.settle()))

    def close(self) -> None:
        """End the span that was opened last."""
        self.settle()
        self._open.pop()

    def _add(self, key: tuple[str, str, Part], seconds: float) -> None:
        self._spent[key] = self._spent.get(key, 0.0) + seconds


class _Of:
    """A span of one part; it holds nothing, so that one serves all, one inside the other too."""

    def __init__(self, ledger: Ledger, part: Part) -> None:
        self._ledger, self._part = ledger, part

    def __enter__(self) -> None:
        self._ledger.open(self._part)

    def __exit__(self, *error: object) -> None:
        self._ledger.close()


class _Trial:
    def __init__(self, ledger: Ledger, about: tuple[str, str]) -> None:
        self._ledger, self._about = ledger, about

    def __enter__(self) -> None:
        self._ledger.begin(self._about)

    def __exit__(self, *error: object) -> None:
        self._ledger.end()


def read(folder: Path) -> tuple[Kept, ...]:
    """What the processes of a run left in its private folder."""
    return tuple(map(_read, sorted(folder.glob(f"*{_SUFFIX}"))))


def _read(file: Path) -> Kept:
    data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    rows: Iterable[Any] = data.pop("spent")
    return Kept(spent=tuple((p, s, Part(part), t) for p, s, part, t in rows), **data)
