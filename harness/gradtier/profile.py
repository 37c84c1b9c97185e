"""The contract ``gradtier/profile/1``: where the time of a run went, summed over its processes.

What is divided is the wall time of the run times the number of its pytest workers.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gradtier.errors import InputError
from gradtier.ledger import Kept, Part

SCHEMA: Literal["gradtier/profile/1"] = "gradtier/profile/1"
MOST = 10  # packages and suites that are shown

#: In the order in which they are shown.
WORDS = {
    "inside": "backends' own calls",
    "starting": "starting and ending their processes",
    "channel": "conversions, pickling, the channel",
    "differences": "the function on NumPy",
    "oracle": "drawing, certifying, judging",
    "checks": "checks beside the numbers",
    "evidence": "writing evidence",
    "planning": "before the first trial",
    "pytest": "pytest and what is between trials",
    "idle": "after the last trial",
}
Share = Literal[
    "inside", "starting", "channel", "differences", "oracle", "checks", "evidence", "planning",
    "pytest", "idle",
]  # fmt: skip


class By(StrEnum):
    """What time is broken down by."""

    PACKAGE = "package"
    SUITE = "suite"


class Spent(BaseModel):
    """What one package or one suite took."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    inside: float = Field(description="seconds in the package's own calls, as a reference too")
    starting: float = Field(description="seconds for its processes, in the trials that needed them")
    outside: float = Field(description="seconds of all else in its trials")


class Profile(BaseModel):
    """Where the time of a run went, in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    schema_: Literal["gradtier/profile/1"] = Field("gradtier/profile/1", alias="schema")
    run: str = Field(description="id of the run")
    trials: int = Field(description="trials that ended")
    workers: int = Field(description="pytest workers, or 1 without any")
    wall: float = Field(description="from the start of the run to its end")
    parts: Mapping[Share, float] = Field(description="add up to wall times workers")
    packages: tuple[Spent, ...] = Field(description="the dearest first")
    suites: tuple[Spent, ...] = Field(description="the dearest first")
    own_cpu: float = Field(description="CPU seconds of the processes that run trials")
    backend_cpu: float = Field(description="CPU seconds of backends' processes")


def profile(kept: Sequence[Kept], run: str, workers: int, began: float, ended: float) -> Profile:
    """Sum what the processes of a run left.

    Args:
        kept: theirs.  A pytest worker that died without a word is missing; its time is pytest's.
        run: the run's id.
        workers: how many ran at a time.
        began: when the run did, in seconds of the machine's monotonic clock.
        ended: likewise.
    """
    parts = dict.fromkeys(WORDS, 0.0)
    ran = [(k.first, k.last) for k in kept if k.first is not None and k.last is not None]
    # a worker that died was replaced: who was first and who was last are not the same then
    firsts = sorted(first for first, _ in ran)[:workers]
    lasts = sorted((last for _, last in ran), reverse=True)[:workers]
    never = workers - len(firsts)
    parts["planning"] = sum(first - began for first in firsts)
    parts["idle"] = sum(ended - last for last in lasts) + never * (ended - began)
    for k in kept:
        for _, suite, part, seconds in k.spent:
            if suite and part is not Part.REST:  # what is not of a trial is before, between, after
                parts[part.value] += seconds
    wall = ended - began
    parts["pytest"] = wall * workers - sum(parts.values())
    return Profile(
        run=run, trials=sum(k.trials for k in kept), workers=workers, wall=wall, parts=parts,
        packages=_by(kept, By.PACKAGE), suites=_by(kept, By.SUITE),
        own_cpu=sum(k.own for k in kept), backend_cpu=sum(k.children for k in kept),
    )  # fmt: skip


def _by(kept: Sequence[Kept], which: By) -> tuple[Spent, ...]:
    found: defaultdict[str, dict[str, float]] = defaultdict(
        lambda: {"inside": 0.0, "starting": 0.0, "outside": 0.0}
    )
    for k in kept:
        for package, suite, part, seconds in k.spent:
            if name := package if which is By.PACKAGE else suite:
                column = part.value if part in (Part.INSIDE, Part.STARTING) else "outside"
                found[name][column] += seconds
    spent = (Spent(name=name, **columns) for name, columns in found.items())
    return tuple(sorted(spent, key=lambda s: (-s.inside, s.name)))


def text(found: Profile) -> list[str]:
    """The profile as lines of a terminal."""
    whole = found.wall * found.workers
    lines = [
        f"where the time went: {found.wall:.1f} s x {found.workers} = {whole:.1f} s, "
        f"{found.trials} trials"
    ]
    for name, words in WORDS.items():
        seconds = found.parts[name]  # type: ignore[index]
        lines.append(f"  {words:<36}{seconds:>9.1f} s{100 * seconds / (whole or 1.0):>7.1f} %")
    lines.append(
        f"  CPU: {found.backend_cpu:.1f} s in backends' processes, {found.own_cpu:.1f} s in those "
        "that run trials"
    )
    for title, rows in (("package", found.packages), ("suite", found.suites)):
        lines.append(f"  {title:<30}{'own calls':>12}{'starting':>12}{'the rest':>12}")
        for s in rows[:MOST]:
            lines.append(
                f"    {s.name:<28}{s.inside:>10.1f} s{s.starting:>10.1f} s{s.outside:>10.1f} s"
            )
    return lines


class Report:
    """Makes the profile of a run that begins now.

    Args:
        file: where it is written as JSON; ``-``: nowhere.
        workers: pytest workers.

    Raises:
        InputError: the file is there already, or can't be made.
    """

    def __init__(self, file: str, workers: int) -> None:
        self._file = None if file == "-" else Path(file)
        self._workers, self._began = workers, time.monotonic()
        if self._file is None:
            return
        if self._file.exists():  # a word of the command line that was meant otherwise, perhaps
            raise InputError(f"--profile {file}: it exists already; name another file")
        if not self._file.absolute().parent.is_dir():
            raise InputError(f"--profile {file}: there is no folder {self._file.parent}")

    def lines(self, run: str, kept: Sequence[Kept]) -> list[str]:
        """Write the file, and give the lines for the terminal; the run ends now."""
        found = profile(kept, run, self._workers, self._began, time.monotonic())
        lines = text(found)
        if self._file is not None:
            data = found.model_dump_json(by_alias=True, indent=1)
            try:
                self._file.write_text(data + "\n", encoding="utf-8")
            except OSError as error:
                lines.append(f"{self._file} can't be written: {error.strerror or error}")
        return lines
