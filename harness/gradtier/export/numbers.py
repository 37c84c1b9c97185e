"""Numbers of a record in a report: times, and what the oracle measured."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping
from typing import Any

from gradtier.evidence import Record
from gradtier.table import plain

LONGEST = 60


def finite(seconds: float) -> float:
    """A time, or 0 where it is none."""
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0


def milliseconds(time: str) -> int | None:
    """An ISO 8601 time as milliseconds since 1970, UTC where it does not say; None for no time."""
    try:
        read = datetime.datetime.fromisoformat(time)
        known = read if read.tzinfo else read.replace(tzinfo=datetime.UTC)
        return int(known.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def witnesses(record: Record | None) -> Iterator[str]:
    """The worst element of a verdict by both oracles, a line each."""
    verdict: Mapping[str, Any] = dict(record.verdict or {}) if record is not None else {}
    worst = verdict.get("worst")
    if isinstance(worst, Mapping):
        where = f"leaf {_number(worst.get('leaf'))}[{_number(worst.get('index'))}]"
        yield f"{where}: got {_number(worst.get('got'))}"
        yield f"reference: {_number(worst.get('reference'))}"
        yield f"finite differences: {_number(worst.get('fd'))} +- {_number(worst.get('fd_error'))}"
    for name, key in (("reference", "margin_reference"), ("finite differences", "margin_fd")):
        if verdict.get(key) is not None:
            yield f"difference / tolerance, {name}: {_number(verdict[key])}"


def _number(value: object) -> str:
    return "unknown" if value is None else plain(str(value), LONGEST)
