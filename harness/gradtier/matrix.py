"""``matrix.yaml`` as frozen types, and the way from the file to them.

The pydantic models below are the contract ``gradtier/matrix/1``: the published JSON Schema is made
from them, and unknown keys, wrong types and impossible values are found by them, all at once, each
with the line it stands on.  What needs more than one key to see (a note that nobody uses) is in
:mod:`gradtier.lint`.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from gradtier import yamlfile
from gradtier.errors import InputError, Problem, nearest
from gradtier.model import Mode, Nesting, Outcome, Reason, TrialId

SCHEMA = "gradtier/matrix/1"

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
DottedPath = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
Link = Annotated[str, Field(pattern=r"^https?://\S+$")]
Text = Annotated[str, Field(min_length=1)]
Dtype = Literal["float64", "float32"]
Share = Annotated[float, Field(ge=0, le=1)]
Globs = str | tuple[str, ...]


class Strict(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Axes(Strict):
    """What the cells are made of: every combination is planned, or excluded with a reason."""

    devices: tuple[Id, ...] = Field(min_length=1, description="cpu, cuda; open")
    nesting: tuple[Nesting, ...] = Field(
        min_length=1, description="outer mode of a second-order derivative; none = first order"
    )
    dtypes: tuple[Dtype, ...] = Field(min_length=1)


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
    adapter: DottedPath = Field(description="module:Class of the adapter")
    options: Mapping[str, bool | int | str] = Field({}, description="arguments of the adapter")
    mode: Mode
    execution: Text = Field(description="how it is run: op by op, compiled, traced")
    kind: Text = Field(description="the kind of AD system: tape, dual numbers, tracing, ...")
    devices: tuple[Id, ...] = Field(min_length=1, description="devices claimed by its makers")
    extra: Id | None = Field(None, description="gradtier's extra that installs it")
    accuracy: Accuracy | None = Field(None, description="only for methods that are approximate")
    notes: tuple[Id, ...] = Field((), description="footnotes on the row's name")
    device_notes: Mapping[Id, tuple[Id, ...]] = Field({}, description="footnotes on device cells")


class Reference(Strict):
    """A pair of rows that serves as the reference; both of one package."""

    reverse: Id
    forward: Id
    single: bool = Field(
        True, description="ask it in float32 too, to measure rounding; false where it compiles"
    )


class Match(Strict):
    """A pattern over trials: each key a glob or a list of them; an absent key matches all."""

    suite: Globs = "*"
    case: Globs = "*"
    backend: Globs = "*"
    device: Globs = "*"
    nesting: Globs = "*"
    dtype: Globs = "*"

    @cached_property
    def _asked(self) -> tuple[tuple[Callable[[TrialId], str], tuple[str, ...]], ...]:
        """The keys that do not match everything, the most selective first."""
        asked = []
        for key, word in _WORDS.items():
            globs = getattr(self, key)
            globs = (globs,) if isinstance(globs, str) else globs
            if "*" not in globs:
                asked.append((word, globs))
        return tuple(asked)

    def covers(self, trial: TrialId) -> bool:
        """Whether the trial is one of those meant."""
        for word, globs in self._asked:  # a loop: this is called a hundred thousand times
            said = word(trial)
            if said not in globs and not any(fnmatchcase(said, glob) for glob in globs):
                return False
        return True


_WORDS: Mapping[str, Callable[[TrialId], str]] = {
    "backend": attrgetter("cell.backend"),
    "case": attrgetter("case"),
    "nesting": attrgetter("cell.nesting"),
    "suite": attrgetter("suite"),
    "device": attrgetter("cell.device"),
    "dtype": attrgetter("cell.dtype"),
}


class Exclusion(Strict):
    """Trials that are not planned, and why."""

    match: Match
    reason: Literal["not-offered", "by-design", "too-slow", "unsafe", "duplicate"]
    because: Text
    note: Id | None = None


class Claim(Strict):
    """What people declare of trials that are not expected to agree."""

    match: Match
    outcome: Literal["wrong", "raised", "unsupported", "inconclusive", "timeout", "crash"]
    reason: Reason | None = Field(None, description="for `wrong`: its reason code")
    because: Text
    link: Link | None = None
    until: datetime.date | None = Field(None, description="the claim lapses after this day")
    note: Id | None = None

    def expects(self, outcome: Outcome, reason: Reason | None) -> bool:
        """Whether a trial ended as the claim says."""
        return outcome.value == self.outcome and self.reason in (None, reason)


class Nested(Strict):
    """Threshold on second order."""

    outer: tuple[Literal["forward", "reverse"], ...] = Field(min_length=1)
    at_least: Share
    need: Literal["all", "any"] = "all"


class Criteria(Strict):
    """Thresholds of a class; an absent one is not asked for."""

    trials: int | None = Field(None, ge=1, description="first-order trials with evidence, at least")
    agreement: Share | None = Field(None, description="share of first-order trials that agree")
    wrong: int | None = Field(None, ge=0, description="wrong derivatives at most, claimed or not")
    unclaimed_wrong: int | None = Field(None, ge=0, description="wrong and undeclared, at most")
    failing: Share | None = Field(
        None, description="share of first-order trials wrong, raised, crashed or hung, at most"
    )
    nested: Nested | None = None
    both_witnesses: Share | None = Field(
        None, description="share of agreeing trials certified by finite differences and reference"
    )


class TierClass(Strict):
    """One support class."""

    id: Id
    title: Text
    meaning: Text = Field(description="shown on the page")
    criteria: Criteria


class Policy(Strict):
    """How classes follow from evidence; the first class whose criteria all hold is the one."""

    version: int = Field(ge=1)
    devices: tuple[Id, ...] = Field(min_length=1, description="devices whose evidence decides")
    classes: tuple[TierClass, ...] = Field(min_length=1)
    otherwise: Text = Field(description="meaning of holding no class")


class Recommendation(Strict):
    """A maintainer's sentence; the page shows it only with the evidence for its backend."""

    when: Text = Field(description="first, for speed; when code mutates; then")
    backend: Id
    text: Text
    needs_class: Id | None = Field(None, description="withheld if the backend is in a lower class")
    note: Id | None = None


class Matrix(Strict):
    """The whole declaration."""

    schema_: Literal["gradtier/matrix/1"] = Field(alias="schema")
    title: Text
    about: Text
    axes: Axes
    suites: Mapping[Id, SuiteEntry] = Field(min_length=1)
    primal: DottedPath = Field(description="adapter whose namespace finite differences run on")
    backends: Mapping[Id, Backend] = Field(min_length=1)
    reference: tuple[Reference, ...] = Field(
        description="in order; a backend is judged by the first that is of another package"
    )
    exclusions: tuple[Exclusion, ...] = ()
    claims: tuple[Claim, ...] = ()
    notes: Mapping[Id, Text] = {}
    timeout: float = Field(60.0, gt=0, description="seconds that one trial may take")
    policy: Policy
    recommendations: Mapping[Id, tuple[Recommendation, ...]] = {}

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
            for words in ("title", "link", "kind", "execution", "notes", "device_notes", "extra"):
                backend.pop(words)
        return digest(measured)


def digest(data: Any) -> str:
    """Sixteen hexadecimal digits of the SHA-256 of ``data`` as canonical JSON."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Loaded:
    """A matrix with the file it came from, for messages that name lines."""

    matrix: Matrix
    document: yamlfile.Document
    root: Path

    def problem(self, path: yamlfile.KeyPath, message: str, hint: str = "") -> Problem:
        """A problem at ``path`` of the file."""
        return Problem(message, self.document.place(path), yamlfile.dotted(path), hint)


def load(file: Path) -> Loaded:
    """Read and check the structure of a matrix file.

    Raises:
        InputError: with every structural problem found, each with its line.
    """
    loaded, problems = load_partly(file)
    if loaded is None or problems:
        raise InputError(problems)
    return loaded


def load_partly(file: Path) -> tuple[Loaded | None, list[Problem]]:
    """Read a matrix file, leaving out entries that are not well formed.

    Returns:
        what remains, for rules that look at one entry at a time (None if that is no matrix), and
        every structural problem.

    Raises:
        InputError: the file can't be read.
    """
    document = yamlfile.read(file)
    problems = list(document.problems)
    data = document.data if document.data is not None else {}
    try:
        matrix = Matrix.model_validate(data)
    except ValidationError as error:
        problems += _explained(error, document)
        try:
            matrix = Matrix.model_validate(_without(data, error))
        except ValidationError:
            return None, problems
    return Loaded(matrix, document, file.resolve().parent), problems


_ENTRIES = ("suites", "backends", "reference", "exclusions", "claims", "notes")


def _without(data: Any, error: ValidationError) -> Any:
    """A copy without the entries that an error is in."""
    bad = {e["loc"][:2] for e in error.errors() if e["loc"][:1] and e["loc"][0] in _ENTRIES}
    copy = dict(data) if isinstance(data, Mapping) else {}
    for key in {loc[0] for loc in bad if len(loc) == 2}:
        gone = {loc[1] for loc in bad if loc[0] == key}
        entries = copy.get(str(key))
        if isinstance(entries, Mapping):
            copy[str(key)] = {k: v for k, v in entries.items() if k not in gone}
        elif isinstance(entries, list):
            copy[str(key)] = [v for i, v in enumerate(entries) if i not in gone]
    return copy


def _explained(error: ValidationError, document: yamlfile.Document) -> Iterator[Problem]:
    seen = set()
    errors = error.errors(include_url=False)
    for e in errors:
        inside = any(o["loc"][: len(e["loc"])] == e["loc"] for o in errors if o is not e)
        if e["type"] == "too_short" and inside:
            continue  # only because its items were refused, which is said already
        path = _in_file(e["loc"], document.data)
        message, hint = _message(e, path)
        problem = Problem(message, document.place(path), yamlfile.dotted(path), hint)
        if problem not in seen:
            seen.add(problem)
            yield problem


def _in_file(loc: tuple[str | int, ...], data: Any) -> yamlfile.KeyPath:
    """The part of a pydantic location that exists in the file (unions add words of their own)."""
    path: list[str | int] = []
    for i, part in enumerate(loc):
        if isinstance(data, Mapping) and (part in data or i == len(loc) - 1):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            break
        path.append(part)
    return tuple(path)


def _message(e: ErrorDetails, path: yamlfile.KeyPath) -> tuple[str, str]:
    found, context = e["input"], e.get("ctx", {})
    match e["type"]:
        case "extra_forbidden":
            return f"unknown key '{path[-1]}'", nearest(str(path[-1]), _known_keys(path))
        case "missing":
            return f"the key '{e['loc'][-1]}' is missing", ""
        case "enum" | "literal_error":
            expected = str(context["expected"]).replace(" or ", ", ").replace("'", "")
            return f"'{found}' is not allowed", nearest(str(found), expected.split(", "))
        case "string_pattern_mismatch":
            return f"'{found}' is not of the expected form", _FORMS.get(context["pattern"], "")
    kind = "nothing" if found is None else f"{found!r}"
    return f"found {kind}", e["msg"][0].lower() + e["msg"][1:]


_FORMS = {
    r"^[A-Za-z0-9][A-Za-z0-9._+-]*$": "expected a word of letters, digits and . _ + -",
    r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$": "expected module:Class, as in gradtier.backends.jax:Jax",
    r"^https?://\S+$": "expected an address that begins with http:// or https://",
}


def _known_keys(path: yamlfile.KeyPath) -> list[str]:
    """The keys that the schema knows where ``path`` stands."""
    model: Any = Matrix
    for part in path[:-1]:
        if isinstance(part, int) or not hasattr(model, "model_fields"):
            continue
        found = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
        model = _inner_model(found.annotation) if found is not None else model
    return [f.alias or n for n, f in getattr(model, "model_fields", {}).items()]


def _inner_model(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = [_inner_model(a) for a in getattr(annotation, "__args__", ())]
    return next((m for m in inner if m is not None), None)
