"""How old evidence is, on the day of a report: pure functions over the times of records.

A time is a text of ISO 8601.  Most are in UTC and then begin with their day, so that a million
records are dated by their few days.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from gradtier.facts import day_of


@dataclass(frozen=True)
class Ages:
    """When some records were made.

    Attributes:
        days: day -> how many records were finished on it.
        undated: how many do not say when.
    """

    days: Counter[datetime.date]
    undated: int = 0

    @property
    def first(self) -> datetime.date | None:
        """The earliest day; None where no record says."""
        return min(self.days, default=None)

    @property
    def last(self) -> datetime.date | None:
        """The latest day; None where no record says."""
        return max(self.days, default=None)

    @property
    def total(self) -> int:
        """All records."""
        return self.days.total() + self.undated

    def older(self, days: int, today: datetime.date) -> int:
        """Records that are more than ``days`` days old; one without a day may be, so it is."""
        return self.undated + sum(n for day, n in self.days.items() if (today - day).days > days)


def ages(finished: Iterable[str]) -> Ages:
    """The days on which records were finished, in UTC."""
    known: Counter[datetime.date] = Counter()
    undated = 0
    begins: Counter[str] = Counter()
    for text, n in Counter(finished).items():  # many records share a second
        begins[_begins(text)] += n
    for text, n in begins.items():
        day = day_of(text)
        if day is None:
            undated += n
        else:
            known[day] += n
    return Ages(known, undated)


def _begins(finished: str) -> str:
    """The part of a time that says its day in UTC; a time of another zone as it is."""
    whole = len(finished) >= 20 and finished[10] == "T" and finished[-1] == "Z"
    return finished[:10] if whole else finished


def stale_aside(of: Ages, after: int | None, today: datetime.date) -> str:
    """What a cell says of old evidence: ``stale: 80 of 80 older than 180 days``; or nothing.

    Args:
        of: when the cell's evidence was made.
        after: days from which on the policy calls evidence stale; None: never.
        today: the day of the report.
    """
    old = of.older(after, today) if after is not None else 0
    if not old:
        return ""
    undated = " or undated" if of.undated else ""
    return f"stale: {old} of {of.total} older than {after} days{undated}"
