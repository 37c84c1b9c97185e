"""The policy as frozen types: which classes there are, and what each asks for.

They are a part of the contract ``gradtier/matrix/1``.  What a criterion means is in
:mod:`gradtier.tiers`, one pure function each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
Text = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Source = Literal["ci", "self"]


class Strict(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nested(Strict):
    """Threshold on second order."""

    outer: tuple[Literal["forward", "reverse"], ...] = Field(min_length=1)
    at_least: Share
    need: Literal["all", "any"] = "all"


class Criteria(Strict):
    """Thresholds of a class; an absent one is not asked for."""

    trials: int | None = Field(None, ge=1, description="first-order trials with evidence, at least")
    agreement: Share | None = Field(None, description="share of first-order trials that agree")
    suites: Mapping[Text, Share] | None = Field(
        None,
        min_length=1,
        description="suite, or glob: share of its first-order trials that agree; each suite that a "
        "glob names must reach it",
    )
    devices: tuple[Id, ...] | None = Field(
        None, min_length=1, description="devices on each of which a first-order trial must agree"
    )
    wrong: int | None = Field(None, ge=0, description="wrong derivatives at most, claimed or not")
    unclaimed_wrong: int | None = Field(None, ge=0, description="wrong and undeclared, at most")
    failing: Share | None = Field(
        None, description="share of first-order trials wrong, raised, crashed or hung, at most"
    )
    nested: Nested | None = None
    both_witnesses: Share | None = Field(
        None,
        description="share of first-order trials in which finite differences and the reference "
        "both certify that it agrees",
    )
    clean_runs: int | None = Field(
        None,
        ge=1,
        description="so many of the last runs were finished without a wrong derivative that nobody "
        "declared and without an error of the harness",
    )
    cost: float | None = Field(
        None, ge=1, description="time of a derivative relative to the fastest backend's, at most"
    )
    sources: tuple[Source, ...] | None = Field(
        None,
        min_length=1,
        description="only evidence of runs with these sources counts for the class: ci, self",
    )
    fresh_days: int | None = Field(
        None, ge=1, description="only evidence that is at most so many days old counts for it"
    )


class TierClass(Strict):
    """One support class."""

    id: Id
    title: Text
    meaning: Text = Field(description="shown on the page")
    promises: Text | None = Field(None, description="what one may rely on; shown beside it")
    criteria: Criteria


class Policy(Strict):
    """How classes follow from evidence; the first class whose criteria all hold is the one."""

    version: int = Field(ge=1)
    devices: tuple[Id, ...] = Field(min_length=1, description="devices whose evidence decides")
    stale_after: int | None = Field(
        None,
        ge=1,
        description="days; a backend that needs older evidence for its class drops by one",
    )
    classes: tuple[TierClass, ...] = Field(min_length=1)
    otherwise: Text = Field(description="meaning of holding no class")

    def rank(self, tier: str | None) -> int:
        """The place of a class, 0 for the best; no class comes after all of them."""
        ids = [c.id for c in self.classes]
        return ids.index(tier) if tier is not None else len(ids)
