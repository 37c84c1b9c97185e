"""The contract ``gradtier/diff/1``: what differs between two evidence sets, as frozen types.

Outcomes have an order, from best to worst: ``agree``, ``inconclusive``, ``unsupported``,
``raised``, ``timeout``, ``crash``, ``wrong``.  A backend that answers where nobody can tell is
better than one that declines; one that declines is better than one that tries and fails aloud; and
a wrong number given in silence is the worst of all.  ``unavailable``, ``missing`` and ``error`` say
nothing of a backend: a trial that ends so is not measured, and has no place in the order.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from pydantic import Field

from gradtier.model import FROM_BEST, Outcome, Reason
from gradtier.support import Entry

SCHEMA: Literal["gradtier/diff/1"] = "gradtier/diff/1"

#: From best to worst.
ORDER = FROM_BEST


class Direction(StrEnum):
    """Which way a trial went; closed."""

    BETTER = "better"
    WORSE = "worse"
    OTHER = "other"  # wrong in both sets, for another reason


class ClassDirection(StrEnum):
    """Which way a class went; closed."""

    BETTER = "better"
    WORSE = "worse"
    MORE_KNOWN = "more known"  # lower before only because evidence was missing or stale
    LESS_KNOWN = "less known"  # lower now only because evidence is missing or stale
    DECLARED = "declared"  # the evidence gives the same; the matrix allows another at most
    APPEARED = "appeared"  # the backend was not declared before
    VANISHED = "vanished"  # it is not declared any more
    OTHER = "other"  # one of the classes is not in the other policy


class NoteKind(StrEnum):
    """What else may change of a trial; closed."""

    MARGIN = "margin"
    CONVENTION = "convention"
    WITNESSES = "witnesses"
    FLAKY = "flaky"


def direction(old: Outcome, new: Outcome) -> Direction:
    """Which way a trial went.

    Raises:
        ValueError: one of the outcomes says nothing of a backend.
    """
    before, after = ORDER.index(old), ORDER.index(new)
    if before == after:
        return Direction.OTHER
    return Direction.WORSE if after > before else Direction.BETTER


class SideEntry(Entry):
    """One of the two evidence sets."""

    files: tuple[str, ...]
    matrix: str = Field(description="digest of the declaration that it is judged by")
    policy: int = Field(description="version of its policy")
    date: datetime.date = Field(description="the day that it is judged on")
    records: int = Field(ge=0, description="trials with a record, each counted once")
    measured: int = Field(ge=0, description="those of them that have evidence")
    problems: tuple[str, ...] = Field(
        (), description="lines that could not be read; records that do not count"
    )


class End(Entry):
    """How a trial ended in one of the sets."""

    outcome: Outcome
    reason: Reason | None = None
    detail: str = ""
    versions: Mapping[str, str] = {}


class TrialChange(Entry):
    """A trial that was measured in both sets, as the same declaration, and ended otherwise."""

    trial: str = Field(description="suite/case@backend/device/nesting/dtype")
    direction: Direction
    old: End
    new: End
    claimed: str | None = Field(
        None, description="why the new outcome is expected, where the matrix declares it"
    )

    @property
    def is_regression(self) -> bool:
        """Whether it got worse and nobody declared that."""
        return self.direction is Direction.WORSE and self.claimed is None


class TrialNote(Entry):
    """Something about a trial that changed beside its outcome; never a regression."""

    trial: str
    kind: NoteKind
    old: str
    new: str


class OneSided(Entry):
    """A trial with evidence in one set only."""

    trial: str
    outcome: Outcome
    because: str = Field(description="why the other set has no evidence of it")


class CellChange(Entry):
    """A cell in which anything differs."""

    cell: str = Field(description="backend/device/nesting/dtype")
    old: Mapping[Outcome, int] = Field(description="trials with evidence by outcome")
    new: Mapping[Outcome, int]
    better: int = 0
    worse: int = 0
    other: int = 0
    appeared: int = 0
    vanished: int = 0
    otherwise: int = Field(0, description="declared otherwise in the other set: not comparable")

    @property
    def state(self) -> Literal["appeared", "vanished", "changed"]:
        """Whether the whole cell is new, gone, or measured in both sets."""
        if not sum(self.old.values()):
            return "appeared"
        return "changed" if sum(self.new.values()) else "vanished"


class VersionChange(Entry):
    """A package that was measured in other versions."""

    package: str
    old: tuple[str, ...]
    new: tuple[str, ...]


class ClassName(Entry):
    """A support class."""

    id: str | None = Field(description="null: in no class")
    title: str
    possible: str | None = Field(
        None, description="better class that only missing or stale evidence bars"
    )
    remark: str = Field("", description="why it is not what the criteria give, or empty")


class Flip(Entry):
    """A criterion that is answered otherwise, or is asked for in one policy only."""

    class_id: str
    class_title: str
    criterion: str
    asks: str
    old: str | None = Field(description="holds, fails or not tested; null: not asked for")
    new: str | None
    old_says: str = ""
    new_says: str = ""


class ClassChange(Entry):
    """A backend whose support class changed, with the criteria that flipped."""

    backend: str
    title: str
    direction: ClassDirection
    old: ClassName | None
    new: ClassName | None
    because: tuple[Flip, ...] = ()


class ClaimChange(Entry):
    """A claim that stopped or started to hold; or a waiver that lapsed or is needed no more."""

    backend: str
    direction: Literal["stopped", "started"]
    says: str = Field(description="how claim and evidence disagree, in the set where they do")
    because: str = Field(description="the claim's own words")
    link: str | None
    trials: tuple[str, ...] = Field(description="that contradict the claim, where any do")
    remark: str = Field(description="what else is to be known, or empty")


class Difference(Entry):
    """The contract ``gradtier/diff/1``."""

    schema_: Literal["gradtier/diff/1"] = Field(default=SCHEMA, alias="schema")
    regression: bool = Field(
        description="a trial got worse without being declared to, or a class got worse"
    )
    old: SideEntry
    new: SideEntry
    compared: int = Field(ge=0, description="trials with evidence of the same trial in both sets")
    unchanged: int = Field(ge=0, description="those of them that ended in the same way")
    classes: tuple[ClassChange, ...]
    trials: tuple[TrialChange, ...]
    claims: tuple[ClaimChange, ...]
    versions: tuple[VersionChange, ...]
    cells: tuple[CellChange, ...]
    appeared: tuple[OneSided, ...]
    vanished: tuple[OneSided, ...]
    otherwise: tuple[str, ...] = Field(
        description="trials that were declared otherwise then: their outcomes are not comparable"
    )
    notes: tuple[TrialNote, ...]

    @property
    def regressions(self) -> tuple[TrialChange, ...]:
        """Trials that got worse without being declared to."""
        return tuple(t for t in self.trials if t.is_regression)

    @property
    def expected(self) -> tuple[TrialChange, ...]:
        """Trials that got worse as it is declared."""
        worse = (t for t in self.trials if t.direction is Direction.WORSE)
        return tuple(t for t in worse if not t.is_regression)

    @property
    def lowered(self) -> tuple[ClassChange, ...]:
        """Backends whose class got worse, by what was measured."""
        return tuple(c for c in self.classes if c.direction is ClassDirection.WORSE)

    @property
    def is_empty(self) -> bool:
        """Whether the two sets say the same."""
        parts = (self.classes, self.trials, self.claims, self.versions, self.cells, self.notes)
        return not any((*parts, self.appeared, self.vanished, self.otherwise))
