"""What trials are expected to cost: learned from earlier evidence, guessed where there is none.

A cost is wall-clock seconds of one trial.  It decides in which order and on which machine trials
run, never how one is judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from gradtier.errors import InputError
from gradtier.model import TrialId

SCHEMA = "gradtier/costs/1"
FILE = Path("ci") / "costs.json"
GUESS = 0.2  # seconds; of what nobody has measured

Key = tuple[str, str, str]  # backend, suite, nesting


@dataclass(frozen=True)
class Costs:
    """Expected seconds.

    Attributes:
        means: backend, suite and nesting -> mean seconds of a trial.
    """

    means: Mapping[Key, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows: dict[str, list[float]] = {}
        for (backend, _, _), seconds in self.means.items():
            rows.setdefault(backend, []).append(seconds)
        object.__setattr__(self, "_rows", {b: fmean(s) for b, s in rows.items()})

    def of(self, trial: TrialId) -> float:
        """What a trial is expected to cost: its like, else its row, else a guess."""
        cell = trial.cell
        found = self.means.get((cell.backend, trial.suite, str(cell.nesting)))
        if found is not None:
            return found
        rows: Mapping[str, float] = getattr(self, "_rows")  # noqa: B009 - set in __post_init__
        return rows.get(cell.backend, GUESS)

    def to_json(self) -> dict[str, Any]:
        """The contract ``gradtier/costs/1``: backend -> suite -> nesting -> seconds."""
        nested: dict[str, dict[str, dict[str, float]]] = {}
        for (backend, suite, nesting), seconds in sorted(self.means.items()):
            nested.setdefault(backend, {}).setdefault(suite, {})[nesting] = round(seconds, 4)
        return {"schema": SCHEMA, "seconds": nested}


def learn(measured: Iterable[tuple[TrialId, float]]) -> Costs:
    """Costs from trials and the seconds that each of them took."""
    found: dict[Key, list[float]] = {}
    for trial, seconds in measured:
        key = trial.cell.backend, trial.suite, str(trial.cell.nesting)
        found.setdefault(key, []).append(seconds)
    return Costs({key: fmean(seconds) for key, seconds in found.items()})


def read(file: Path) -> Costs:
    """Costs from a file; none, if it is not there.

    Raises:
        InputError: it is not what :meth:`Costs.to_json` writes.
    """
    if not file.is_file():
        return Costs()
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise ValueError(f"found schema {data['schema']!r}")
        means = {
            (backend, suite, nesting): _seconds(value)
            for backend, suites in data["seconds"].items()
            for suite, nestings in suites.items()
            for nesting, value in nestings.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{file.parent.name}/{file.name}: expected costs as `gradtier costs` writes them "
            f"('{SCHEMA}'): {type(error).__name__}: {error}"
        ) from error
    return Costs(means)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise ValueError(f"found {value!r} in place of seconds")
    return float(value)
