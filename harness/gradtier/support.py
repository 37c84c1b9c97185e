"""The contract ``gradtier/support/1``: the support table as frozen types, without any markup."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gradtier.model import Mode, Nesting, Outcome

SCHEMA: Literal["gradtier/support/1"] = "gradtier/support/1"


class State(StrEnum):
    """What a cell says; closed."""

    AGREES = "agrees"
    PARTIAL = "partial"
    WRONG = "wrong"
    FAILS = "fails"
    INCONCLUSIVE = "inconclusive"
    NOT_TESTED = "not-tested"
    NOT_OFFERED = "not-offered"


class Entry(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class StateEntry(Entry):
    """One line of the legend."""

    state: State
    mark: str = Field(description="one character, distinct for each state")
    word: str
    meaning: str


class Column(Entry):
    """One column of the table; columns of one group stand side by side."""

    id: str
    title: str
    group: Literal["", "first", "nested"] = ""
    group_title: str = ""
    device: str | None = None


class CellEntry(Entry):
    """One backend on one device, first order or under one outer mode; all dtypes together."""

    id: str = Field(description="backend/device/nesting")
    device: str
    nesting: Nesting
    title: str = Field(description="first order; forward over reverse")
    state: State
    mark: str
    text: str = Field(description="agrees 80/80; wrong 3, agrees 70/80; not tested")
    asides: tuple[str, ...] = Field(
        (), description="1 inconclusive; 60 of 80 run; 2 waived; stale: 80 of 80 older than ..."
    )
    planned: int = Field(ge=0)
    measured: int = Field(ge=0, description="trials with evidence")
    outcomes: Mapping[Outcome, int] = Field({}, description="sums to `planned`")
    by_dtype: Mapping[str, Mapping[Outcome, int]] = {}
    footnotes: tuple[int, ...] = ()


class NestedEntry(Entry):
    """Second order on one device, a cell per outer mode."""

    device: str
    cells: tuple[CellEntry, ...]

    @property
    def alike(self) -> bool:
        """Whether no outer mode has evidence, all for the same reasons: it may be said once."""
        said = {(c.state, c.text, c.footnotes) for c in self.cells}
        return len(said) == 1 and len(self.cells) > 1 and not self.cells[0].measured


class GridCell(Entry):
    """One pair of an outer and an inner mode of a family, as the row of the inner mode has it."""

    outer: Nesting
    inner: Mode
    backend: str | None = Field(description="the row; null: the family has no such inner mode")
    state: State
    mark: str
    text: str


class GridLine(Entry):
    """The nested grid of one family on one device."""

    family: str
    device: str
    cells: tuple[GridCell, ...]


class ClassMark(Entry):
    """The support class of a row."""

    id: str | None = Field(
        description="the class that is published; null: in no class, or not tested where it decides"
    )
    title: str
    derived: str | None = Field(
        None, description="the class that the evidence gives; never lower than the published one"
    )
    possible: str | None = Field(
        None, description="better class that only missing or stale evidence bars"
    )
    age: int | None = Field(
        None, ge=0, description="days since the oldest evidence where it decides, when judged"
    )
    asides: tuple[str, ...] = Field((), description="Tier I by the evidence; stale, 214 days old")
    footnotes: tuple[int, ...] = ()


class Row(Entry):
    """One backend."""

    id: str
    title: str
    package: str
    versions: tuple[str, ...] = Field((), description="measured versions of the package")
    link: str | None
    mode: Mode
    execution: str
    kind: str = Field(description="the kind of AD system")
    footnotes: tuple[int, ...] = ()
    cells: tuple[CellEntry, ...]
    nested: tuple[NestedEntry, ...]
    support_class: ClassMark


class Use(Entry):
    """A place that cites a footnote."""

    id: str = Field(description="jax-reverse; jax-reverse/cpu/none; said/cpu/1")
    label: str = Field(description="the place in words")


class Footnote(Entry):
    """A numbered text and every place that cites it, in reading order."""

    number: int = Field(ge=1)
    text: str
    uses: tuple[Use, ...] = Field(min_length=1)


class Choice(Entry):
    """A row that one may use, with what stands behind it."""

    id: str
    when: str = Field(description="First, for speed; When the code mutates")
    backend: str
    title: str
    text: str = Field(description="a sentence")
    class_title: str
    agree: int = Field(ge=0, description="first-order trials on the device that agree")
    measured: int = Field(ge=0, description="first-order trials on the device with evidence")
    time: float | None = Field(
        None, description="time of a derivative, relative to the fastest row's of its mode"
    )
    evidence: str = Field(description="Tier I, agrees 80/80, 1.3 x the fastest reverse row's ...")
    caution: str = Field("", description="wrong derivatives that nobody declared, or empty")


class RecommendationEntry(Choice):
    """A choice that is computed from the evidence."""

    covers: int | None = Field(
        None, description="for a fallback: trials on which it agrees and those before it fail"
    )
    covers_of: int | None = Field(None, description="of so many that are planned for it too")
    examples: tuple[str, ...] = Field((), description="some of the trials that it covers")


class AnswerEntry(Entry):
    """The computed answer to one question on one device."""

    question: Literal["compiled", "forward mode", "nested", "float32"]
    entry: RecommendationEntry | None
    none: str = Field("", description="why there is no answer, or empty")


class SaidEntry(Choice):
    """A maintainer's sentence with its evidence, or the reason why it is withheld."""

    text: str = Field(description="empty where withheld")
    withheld: str = Field("", description="why it is not given, or empty")
    footnotes: tuple[int, ...] = ()


class RecommendationList(Entry):
    """What to use on one device, in order."""

    device: str
    none: str = Field("", description="why nothing is recommended: not tested on cuda; or empty")
    basis: str = Field("", description="what the entries are chosen from, and by")
    source: str = Field("", description="what was timed: benchmarks; trial calls; or empty")
    entries: tuple[RecommendationEntry, ...]
    answers: tuple[AnswerEntry, ...] = ()
    said: tuple[SaidEntry, ...] = Field((), description="sentences of the maintainers")


class ClassEntry(Entry):
    """One support class of the policy, and the backends in it."""

    id: str
    title: str
    meaning: str
    promises: str = Field("", description="what one may rely on, or empty")
    criteria: tuple[str, ...]
    backends: tuple[str, ...]


class Otherwise(Entry):
    """What holding no class means, and the backends that hold none."""

    meaning: str
    backends: tuple[str, ...]


class DriftEntry(Entry):
    """A claim that the evidence contradicts, in either direction."""

    backend: str
    title: str
    says: str
    because: str
    link: str | None
    trials: tuple[str, ...]


#: Which value is taken between the two one-sided slopes: along the direction asked in forward mode,
#: by element in reverse ("mixed" where the elements of a gradient have several).
Side = Literal["left", "right", "middle", "zero", "between", "mixed"]


class ConventionGroup(Entry):
    """Rows that take the same slope at a kink."""

    says: Side
    backends: tuple[str, ...] = Field(min_length=1)


class ConventionEntry(Entry):
    """The slopes that backends take where one case has a kink."""

    case: str = Field(description="suite/name")
    title: str
    device: str
    nesting: Nesting
    mode: Mode = Field(description="words are comparable within one mode only")
    groups: tuple[ConventionGroup, ...] = Field(
        description="empty: the case is tagged as a kink, and no verdict names a side"
    )


class RunEntry(Entry):
    """One run: when, with what, on which machine."""

    id: str
    started: str
    gradtier: str
    matrix: str
    machine: Mapping[str, str]
    controls: str = Field(
        "", description="backends wrong on purpose that it caught: 9 of 9; empty: it had none"
    )


class Provenance(Entry):
    """Where the numbers come from."""

    matrix: str = Field(description="digest of the declaration")
    date: datetime.date = Field(description="the day that claims were judged on; given, not read")
    files: tuple[str, ...]
    runs: tuple[RunEntry, ...]
    versions: Mapping[str, tuple[str, ...]] = Field(description="installed distributions")
    planned: int
    measured: int
    outcomes: Mapping[Outcome, int] = Field(description="sums to `planned`")
    left_out: int = Field(description="records of trials that are declared otherwise now")
    problems: tuple[str, ...] = Field((), description="lines of evidence that can't be read")


class SupportTable(Entry):
    """The contract ``gradtier/support/1``: all that a page shows of the matrix as a whole."""

    schema_: Literal["gradtier/support/1"] = Field(default=SCHEMA, alias="schema")
    title: str
    about: str
    summary: str
    legend: tuple[StateEntry, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    grid: tuple[GridLine, ...] = Field((), description="nested AD, outer by inner, by family")
    footnotes: tuple[Footnote, ...]
    recommended_by: str = Field("", description="how the recommendations are computed")
    recommendations: tuple[RecommendationList, ...]
    classes: tuple[ClassEntry, ...]
    otherwise: Otherwise
    drift: tuple[DriftEntry, ...]
    conventions: tuple[ConventionEntry, ...] = Field((), description="at kinks alone")
    provenance: Provenance


LEGEND = tuple(
    StateEntry(state=state, mark=mark, word=word, meaning=meaning)
    for state, mark, word, meaning in (
        (State.AGREES, "✓", "agrees", "every measured trial agrees"),
        (State.PARTIAL, "◐", "partial", "some trials agree, some give no answer, none is wrong"),
        (State.WRONG, "✗", "wrong", "at least one trial gives a wrong derivative"),
        (State.FAILS, "⊘", "fails", "measured, and no trial agrees"),
        (State.INCONCLUSIVE, "?", "inconclusive", "measured, and the oracle could not tell"),
        (State.NOT_TESTED, "–", "not tested", "planned, and there is no evidence yet"),
        (
            State.NOT_OFFERED,
            "·",
            "not offered",
            "not claimed by the backend, left out, or unavailable",
        ),
    )
)
MARKS = {entry.state: entry.mark for entry in LEGEND}
