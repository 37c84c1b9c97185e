"""The contract ``gradtier/evidence/1``: every kind of line of an evidence file.

What a line may hold is said here, once: the published JSON Schema is made from these types, and
what they refuse is no evidence.  Heads of runs and benchmarks are few and kept as they are;
of trials there may be a million, which are kept as :class:`gradtier.records.Record`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gradtier.laps import Key, Laps, Seconds
from gradtier.model import Mode, Nesting, Outcome, Reason
from gradtier.policy import Source

SCHEMA: Literal["gradtier/evidence/1"] = "gradtier/evidence/1"


class Line(BaseModel):
    """What all kinds of line share."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    schema_: Literal["gradtier/evidence/1"] = Field("gradtier/evidence/1", alias="schema")
    run: str = Field(description="id of the run that measured it")


class Run(Line):
    """The head of a file: where and with what the run was measured."""

    kind: Literal["run"] = "run"
    matrix: str = Field(description="digest of the declaration")
    gradtier: str = Field(description="version of gradtier")
    started: str = Field(description="UTC, ISO 8601")
    host: Mapping[str, str]
    versions: Mapping[str, str] = Field({}, description="installed distributions of all backends")
    selection: Mapping[str, list[str]] = {}
    planned: int = Field(description="trials that this run was to do")
    source: Source = Field("self", description="who measured, by its own word: ci, self")


class Record(Line):
    """One trial: what came out, how it was judged, on what."""

    kind: Literal["trial"] = "trial"
    trial: str = Field(description="suite/case@backend/device/nesting/dtype")
    digest: str = Field(description="of everything that can change the answer")
    outcome: Outcome
    reason: Reason | None = None
    detail: str = Field("", description="one sentence")
    verdict: Mapping[str, Any] | None = Field(None, description="the oracle's numbers")
    reference: str | None = Field(None, description="row that served as the reference")
    checks: Mapping[str, str] = Field({}, description="further checks, and what each found")
    observed: Mapping[str, str] = Field({}, description="device and dtype of the result; settings")
    versions: Mapping[str, str] = {}
    first_seconds: float | None = Field(None, description="first derivative call, compiling too")
    call_seconds: float | None = Field(None, description="median of the later derivative calls")
    seconds: float = Field(0.0, description="wall-clock time of the trial")
    finished: str = Field("", description="UTC, ISO 8601")


class Manifest(Line):
    """What a shard was to do in one cell: without it, what never ran would not be missed."""

    kind: Literal["manifest"] = "manifest"
    cell: str = Field(description="backend/device/nesting/dtype")
    trials: Mapping[str, str] = Field(description="case -> digest of the trial")


class Control(Line):
    """A backend that was wrong on purpose, and what the harness made of it.

    A run is void, and nothing that it measured counts, unless every line of this kind in it is
    caught.  They stand before the trials of their run.
    """

    kind: Literal["control"] = "control"
    fault: str = Field(description="how it was spoiled; exact: not at all, which must agree")
    case: str = Field(description="suite/case")
    around: str = Field(description="row whose adapter was spoiled")
    nesting: Nesting = Nesting.NONE
    expected: Outcome
    expected_reason: Reason | None = Field(None, description="null: any")
    outcome: Outcome
    reason: Reason | None = None
    detail: str = Field("", description="one sentence")
    caught: bool = Field(description="it came out as expected")
    seconds: float = Field(0.0, description="wall-clock time of the trial")
    finished: str = Field("", description="UTC, ISO 8601")

    @property
    def is_caught(self) -> bool:
        """Whether the line says so and shows it: its word alone is not enough."""
        as_expected = self.outcome is self.expected
        reason = self.expected_reason is None or self.reason is self.expected_reason
        return self.caught and as_expected and reason

    @property
    def name(self) -> str:
        """``control 'double' of jax-reverse on nn/dense``, with the outer mode if it is nested."""
        outer = "" if self.nesting is Nesting.NONE else f", {self.nesting} over it"
        return f"control '{self.fault}' of {self.around} on {self.case}{outer}"

    @property
    def why_void(self) -> str:
        """What it means for its run that it was not caught."""
        wanted = _ended(self.expected, self.expected_reason)
        detail = f": {self.detail}" if self.detail else ""
        return (
            f"run {self.run} is void, and nothing that it measured counts: {self.name} was not "
            f"caught: expected {wanted}, found {_ended(self.outcome, self.reason)}{detail}"
        )


def _ended(outcome: Outcome, reason: Reason | None) -> str:
    return f"{outcome} ({reason})" if reason is not None else str(outcome)


class Input(BaseModel):
    """A file that went into a merged one."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    file: str
    sha256: str
    lines: int


class Merged(Line):
    """The head of a merged file: what it was made of; `run` names the merge itself."""

    kind: Literal["merged"] = "merged"
    gradtier: str = Field(description="version of gradtier")
    inputs: tuple[Input, ...]
    duplicates: int = Field(ge=0, description="lines that were left out, as they stood there twice")
    conflicts: int = Field(ge=0, description="trials with several outcomes in one environment")
    missing: int = Field(ge=0, description="trials of shards that left no record of them")


class Bench(Line):
    """One benchmark of one backend: what a derivative costs, if it is right."""

    kind: Literal["bench"] = "bench"
    benchmark: str = Field(description="suite/case")
    backend: str
    device: str
    dtype: str
    mode: Mode = Field(description="of the derivative: a JVP in forward mode, a VJP in reverse")
    digest: str = Field(description="of everything that can change the numbers, the host aside")
    outcome: Outcome = Field(description="of the derivative; there are times if it agrees")
    reason: Reason | None = None
    detail: str = Field("", description="one sentence")
    reference: str | None = Field(None, description="row that served as the reference")
    first_seconds: Seconds | None = Field(
        None, description="first derivative call of that process, tracing and compiling too"
    )
    derivative: Laps | None = Field(None, description="value and derivative together")
    primal: Laps | None = Field(None, description="the function as the backend executes it")
    peak_bytes: int | None = Field(
        None, ge=0, description="of one derivative call, beyond what was there before"
    )
    observed: Mapping[str, str] = Field({}, description="settings; cores; who counted the bytes")
    versions: Mapping[str, str] = {}
    seconds: float = Field(0.0, description="wall-clock time of all that was asked of the backend")
    finished: str = Field("", description="UTC, ISO 8601")

    @model_validator(mode="after")
    def _only_what_is_right_has_a_speed(self) -> Self:
        timed = self.derivative is not None and self.primal is not None
        if timed != (self.outcome is Outcome.AGREE):
            has = "times" if timed else "no times of both the derivative and the primal"
            raise ValueError(f"outcome {self.outcome} with {has}")
        return self

    @property
    def key(self) -> Key:
        """What it is a record of."""
        return self.benchmark, self.backend, self.device, self.dtype
