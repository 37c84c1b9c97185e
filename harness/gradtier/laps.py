"""Times of one map as evidence keeps them, and which run counts where several timed the same."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from typing import Annotated, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from gradtier.model import Outcome

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]

#: benchmark (``suite/case``), backend, device, dtype
Key = tuple[str, str, str, str]


class Laps(BaseModel):
    """Times of one map: in each round a block of calls, its mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    calls: int = Field(ge=1, description="calls of each block")
    seconds: tuple[Seconds, ...] = Field(
        min_length=1, description="of one call, by round, in the order in which they were measured"
    )

    @property
    def median(self) -> float:
        """Seconds of one call."""
        return statistics.median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Between them lies the middle half of the rounds (Tukey's inclusive quartiles)."""
        if len(self.seconds) == 1:
            return self.seconds[0], self.seconds[0]
        low, _, high = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return low, high


class OfRun(Protocol):
    """What of a record decides whether it counts."""

    @property
    def run(self) -> str:
        """The run's id."""

    @property
    def outcome(self) -> Outcome:
        """How it ended."""

    @property
    def key(self) -> Key:
        """What it is a record of."""


R = TypeVar("R", bound=OfRun)


def counting(records: Iterable[R]) -> dict[Key, R]:
    """The records that count, in reading order: of each benchmark on a device, one run's alone.

    Times are compared within a run, so a later run counts as a whole: where it timed a benchmark
    on a device in a dtype, nothing of an earlier one is left there, be it of other backends.  A
    run that has no evidence there (all ``unavailable`` or ``error``) displaces nothing.  Within a
    run the later record of a backend counts.
    """
    races: dict[tuple[str, str, str], dict[str, dict[Key, R]]] = {}
    for record in records:
        benchmark, _, device, dtype = record.key
        runs = races.setdefault((benchmark, device, dtype), {})
        runs.setdefault(record.run, {})[record.key] = record
    return {key: record for runs in races.values() for key, record in _last(runs).items()}


def _last(runs: Mapping[str, dict[Key, R]]) -> dict[Key, R]:
    """The run that was begun last, of those that say something."""
    order = list(runs.values())
    saying = [found for found in order if any(r.outcome.is_evidence for r in found.values())]
    return (saying or order)[-1]
