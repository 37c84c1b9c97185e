"""``matrix.yaml`` as frozen types.

The pydantic models below are the contract ``gradtier/matrix/1``: the published JSON Schema is made
from them.  :mod:`gradtier.loading` reads a file into them; what needs more than one key to see (a
note that nobody uses) is in :mod:`gradtier.lint`.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache, cached_property, partial
from itertools import product
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from gradtier.model import Cell, Mode, Nesting, Outcome, Reason, TrialId
from gradtier.policy import Id, Policy, Strict, Text

SCHEMA = "gradtier/matrix/1"

DottedPath = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
Link = Annotated[str, Field(pattern=r"^https?://\S+$")]
Dtype = Literal["float64", "float32", "float16", "bfloat16"]
Globs = str | tuple[str, ...]


class Axes(Strict):
    """What the cells are made of: every combination is planned, or excluded with a reason."""

    devices: tuple[Id, ...] = Field(min_length=1, description="cpu, cuda; open")
    nesting: tuple[Nesting, ...] = Field(
        min_length=1, description="outer mode of a second-order derivative; none = first order"
    )
    dtypes: tuple[Dtype, ...] = Field(
        min_length=1, description="precision; complex inputs get the complex dtype of the same"
    )


class SuiteEntry(Strict):
    """Where a suite's file is."""

    path: Text = Field(description="suite file, relative to matrix.yaml")


class Accuracy(Strict):
    """An exception to the oracle's tolerances, for a method that is approximate by nature."""

    relative: float = Field(gt=0, le=1e-3, description="error granted, relative to the answer")
    because: Text


class Backend(Strict):
    """One AD engine as a row of the table."""

    title: Text
    package: Text = Field(description="distribution as in the registry; groups rows of one library")
    link: Link
    adapter: DottedPath = Field("", description="module:Class of the adapter")
    unavailable: Text | None = Field(
        None, description="in place of an adapter: why this system can't be run here, for its row"
    )
    options: Mapping[str, bool | int | str] = Field({}, description="arguments of the adapter")
    mode: Mode
    execution: Text = Field(description="how it is run: op by op, compiled, traced")
    compiled: bool | None = Field(
        None, description="compiled before it runs; null: if `execution` has the word compiled"
    )
    kind: Text = Field(description="the kind of AD system: tape, dual numbers, tracing, ...")
    family: Text | None = Field(
        None, description="rows that one nests in each other; without one, those of one title"
    )
    suites: tuple[Id, ...] = Field((), description="the suites that concern it; none: all of them")
    devices: tuple[Id, ...] = Field(min_length=1, description="devices claimed by its makers")
    extra: Id | None = Field(None, description="gradtier's extra that installs it")
    accuracy: Accuracy | None = Field(None, description="only for methods that are approximate")
    notes: tuple[Id, ...] = Field((), description="footnotes on the row's name")
    device_notes: Mapping[Id, tuple[Id, ...]] = Field({}, description="footnotes on device cells")
    at_most: Id | None = Field(
        None, description="the best class that may be published of it, whatever the evidence gives"
    )
    at_most_because: Text | None = None

    @model_validator(mode="after")
    def _runs_or_says_why_not(self) -> Self:
        if bool(self.adapter) == bool(self.unavailable):
            raise ValueError("expected either an adapter, or why the system is unavailable")
        return self

    @model_validator(mode="after")
    def _says_why_it_is_held_back(self) -> Self:
        if (self.at_most is None) != (self.at_most_because is None):
            raise ValueError("expected at_most and at_most_because together, or neither")
        return self

    @property
    def family_name(self) -> str:
        """The family, by its own name or by the row's title."""
        return self.family or self.title

    @property
    def is_compiled(self) -> bool:
        """Whether it is compiled before it runs, as it says or as its execution is described."""
        if self.compiled is not None:
            return self.compiled
        return re.search(r"(?i)\bcompiled\b", self.execution) is not None


class Reference(Strict):
    """A pair of rows that serves as the reference; both of one package."""

    reverse: Id
    forward: Id
    single: bool = Field(
        True, description="ask it in float32 too, to measure rounding; false where it compiles"
    )


def any_glob(globs: tuple[str, ...], word: str) -> bool:
    """Whether one of the globs matches the word."""
    return any(fnmatchcase(word, glob) for glob in globs)


#: A key of a pattern, and whether a word matches there.
_Asked = tuple[str, Callable[[str], bool]]


class Match(Strict):
    """A pattern over trials: each key a glob or a list of them; an absent key matches all."""

    suite: Globs = "*"
    case: Globs = "*"
    backend: Globs = "*"
    device: Globs = "*"
    nesting: Globs = "*"
    dtype: Globs = "*"

    @cached_property
    def _of_cell(self) -> tuple[_Asked, ...]:
        return self._asked(("backend", "nesting", "device", "dtype"))

    @cached_property
    def _of_case(self) -> tuple[_Asked, ...]:
        return self._asked(("case", "suite"))

    def _asked(self, keys: Iterable[str]) -> tuple[_Asked, ...]:
        """Those of the keys that do not match everything, the most selective first.

        Each with whether a word matches: looked up once for each word, for there are a hundred
        thousand trials and a few hundred words.
        """
        asked = []
        for key in keys:
            globs = getattr(self, key)
            globs = (globs,) if isinstance(globs, str) else globs
            if "*" not in globs:
                asked.append((key, cache(partial(any_glob, globs))))
        return tuple(asked)

    def may_be_of(self, backend: str) -> bool:
        """Whether trials of the backend can be meant at all."""
        globs = self.backend
        return any_glob((globs,) if isinstance(globs, str) else globs, backend)

    def covers_cell(self, cell: Cell) -> bool:
        """Whether trials of the cell are meant, of some case."""
        for key, matches in self._of_cell:  # noqa: SIM110 - called a hundred thousand times
            if not matches(getattr(cell, key)):
                return False
        return True

    def covers_case(self, suite: str, case: str) -> bool:
        """Whether trials of the case are meant, in some cell."""
        for key, matches in self._of_case:  # noqa: SIM110 - called a hundred thousand times
            if not matches(case if key == "case" else suite):
                return False
        return True

    def covers(self, trial: TrialId) -> bool:
        """Whether the trial is one of those meant."""
        return self.covers_cell(trial.cell) and self.covers_case(trial.suite, trial.case)


class Exclusion(Strict):
    """Trials that are not planned, and why.

    A deep one is left out of a run and not of the plan: ``run --deep`` measures the trials, and
    where there is evidence of one it counts like any other.
    """

    match: Match
    reason: Literal["not-offered", "by-design", "too-slow", "unsafe", "duplicate"]
    because: Text
    deep: bool = Field(False, description="`run --deep` measures them; what is measured counts")
    note: Id | None = None


class Claim(Strict):
    """What people declare of trials that are not expected to agree."""

    match: Match
    outcome: Literal["wrong", "raised", "unsupported", "inconclusive", "timeout", "crash"]
    reason: Reason | None = Field(None, description="for `wrong`: its reason code")
    because: Text
    link: Link | None = None
    until: datetime.date | None = Field(None, description="the claim lapses after this day")
    sometimes: bool = Field(
        False, description="the same trial ends so in some processes, and agrees in others"
    )
    note: Id | None = None

    def expects(self, outcome: Outcome, reason: Reason | None) -> bool:
        """Whether a trial ended as the claim says."""
        return outcome.value == self.outcome and self.reason in (None, reason)


class Claims(Strict):
    """A file of claims, named by a matrix's ``claims_from``."""

    schema_: Literal["gradtier/claims/1"] = Field(alias="schema")
    claims: tuple[Claim, ...] = ()
    notes: Mapping[Id, Text] = {}


class Waiver(Strict):
    """What somebody answers for: trials that fail and for a while count neither way.

    A wrong value can't be waived into the first class.
    """

    match: Match
    owner: Text = Field(description="who sees to it")
    link: Link
    because: Text
    until: datetime.date = Field(description="the waiver lapses after this day")


class Recommendation(Strict):
    """A maintainer's sentence; the page shows it only with the evidence for its backend."""

    when: Text = Field(description="first, for speed; when code mutates; then")
    backend: Id
    text: Text
    needs_class: Id | None = Field(None, description="withheld if the backend is in a lower class")
    note: Id | None = None


class Recommend(Strict):
    """What the computed recommendations are made of."""

    mutation: tuple[Text, ...] = Field(
        ("mutation*",), description="suites, or globs of them, of code that mutates its arrays"
    )
    mode: Mode | None = Field(
        None, description="rows to choose among, as a JVP and a VJP are no rivals; null: all rows"
    )


class Matrix(Strict):
    """The whole declaration."""

    schema_: Literal["gradtier/matrix/1"] = Field(alias="schema")
    title: Text
    about: Text
    site: Link | None = Field(
        None, description="address where the report is published; the feed's links begin with it"
    )
    axes: Axes
    suites: Mapping[Id, SuiteEntry] = Field(min_length=1)
    benchmarks: Mapping[Id, SuiteEntry] = Field(
        {}, description="suites that are timed by `gradtier bench` and planned by nothing else"
    )
    primal: DottedPath = Field(description="adapter whose namespace finite differences run on")
    backends: Mapping[Id, Backend] = Field(min_length=1)
    reference: tuple[Reference, ...] = Field(
        description="in order; a backend is judged by the first that is of another package"
    )
    exclusions: tuple[Exclusion, ...] = ()
    claims: tuple[Claim, ...] = ()
    claims_from: Text | None = Field(
        None, description="file beside the matrix that holds the claims and their notes instead"
    )
    waivers: tuple[Waiver, ...] = ()
    notes: Mapping[Id, Text] = {}
    quick: tuple[Text, ...] = Field(
        (), description="case ids or globs, 'array/sin': the subset that `--quick` measures"
    )
    timeout: float = Field(60.0, gt=0, description="seconds that one trial may take")
    memory: float = Field(
        8.0, gt=0, description="GiB that a backend's process may hold; one that takes more is ended"
    )
    policy: Policy
    recommend: Recommend = Recommend()
    recommendations: Mapping[Id, tuple[Recommendation, ...]] = {}

    def cells(self) -> Iterator[Cell]:
        """Every combination of backend, device, dtype and nesting, in the order of the file."""
        axes = self.axes
        for backend, device, dtype, nesting in product(
            self.backends, axes.devices, axes.dtypes, axes.nesting
        ):
            yield Cell(backend, device, nesting, dtype)

    def claims_near(self, backend: str) -> tuple[Claim, ...]:
        """The claims that may be on a backend's trials; most are on those of a row or two."""
        return tuple(c for c in self.claims if c.match.may_be_of(backend))

    def claim_on(
        self, trial: TrialId, today: datetime.date, claims: Iterable[Claim] | None = None
    ) -> Claim | None:
        """The first claim that covers the trial and has not lapsed before ``today``.

        Args:
            trial: which.
            today: the day.
            claims: those to look through, where it is known that others are not on the trial.
        """
        for claim in self.claims if claims is None else claims:
            if (claim.until is None or claim.until >= today) and claim.match.covers(trial):
                return claim
        return None

    def waiver_on(self, trial: TrialId, today: datetime.date) -> Waiver | None:
        """The first waiver that covers the trial and has not lapsed before ``today``."""
        for waiver in self.waivers:
            if waiver.until >= today and waiver.match.covers(trial):
                return waiver
        return None

    @property
    def digest(self) -> str:
        """Changes when what is *measured* changes; texts, notes, claims and policy do not count.

        Trials carry digests of their own (:mod:`gradtier.plan`), so that adding a backend leaves
        the evidence of all others valid; this one only names the declaration of a run.
        """
        measured = self.model_dump(
            mode="json",
            include={"axes", "suites", "primal", "backends", "reference", "exclusions", "timeout"},
        )
        for backend in measured["backends"].values():
            for words in _SAID:
                backend.pop(words)
        return digest(measured)


#: What is said of a backend and does not change what is measured.
_SAID = (
    "title", "link", "kind", "execution", "compiled", "family", "notes", "device_notes", "extra",
    "unavailable", "at_most", "at_most_because",
)  # fmt: skip


def digest(data: Any) -> str:
    """Sixteen hexadecimal digits of the SHA-256 of ``data`` as canonical JSON."""
    return digest_of(canonical(data))


def canonical(data: Any) -> str:
    """``data`` as canonical JSON."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), default=str)


def digest_of(text: str) -> str:
    """Sixteen hexadecimal digits of the SHA-256 of canonical JSON."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
