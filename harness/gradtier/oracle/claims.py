"""What a derivative map's answers claim about the slope along each direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from gradtier.oracle.asking import Asker, trusted
from gradtier.oracle.certify import Claim
from gradtier.oracle.constants import UNIT
from gradtier.oracle.draws import flat, perturbed
from gradtier.oracle.types import Array, Leaves, Query

Kind = Literal["pullback", "pushforward"]


def claims_of(
    kind: Kind,
    name: str,
    x: Leaves,
    seeds: Sequence[Leaves],
    directions: Sequence[Leaves],
    asker: Asker,
    rows: Sequence[Array],
    noises: Sequence[Array],
    who: str,
    dtype: str = "float64",
) -> list[Claim]:
    """The claims that some map's answers make along each direction.

    Args:
        kind: what the map is.
        name: the trial's name.
        x: the point.
        seeds: the seeds that were asked.
        directions: the lines' directions.
        asker: the map, for further questions at neighbouring points.
        rows: its answer to each seed, flat.
        noises: rounding noise of each answer, per element.
        who: for messages.
        dtype: precision of the probes by wiggling.
    """

    def wiggled() -> list[Leaves]:
        return [perturbed(name + "/claim", x, dtype, probe) for probe in range(20, 23)]

    if kind == "pushforward":
        return [
            _pushed(x, along, asker, row, own, who, wiggled)
            for along, row, own in zip(directions, rows, noises, strict=True)
        ]
    return [_pulled(x, seeds, along, asker, rows, noises, who, wiggled) for along in directions]


def _moved(x: Leaves, along: Leaves, t: float) -> Leaves:
    return tuple(np.asarray(a + t * b) for a, b in zip(x, along, strict=True))


def _pushed(
    x: Leaves,
    along: Leaves,
    asker: Asker,
    row: Array,
    own: Array,
    who: str,
    wiggled: Callable[[], list[Leaves]],
) -> Claim:
    def at(points: Sequence[Leaves]) -> Array:
        return trusted(asker.ask([(point, along) for point in points]), who).rows

    finite = np.where(np.isfinite(row), row, 0.0)
    typical = float(np.sqrt(np.mean(finite**2))) if row.size else 0.0
    scale = np.maximum(np.abs(finite), typical)
    return Claim(
        row,
        8.0 * np.where(np.isfinite(own), own, 0.0),
        scale,
        lambda ts: at([_moved(x, along, t) for t in ts]),
        lambda: at(wiggled()),
        vector=True,
    )


def _pulled(
    x: Leaves,
    seeds: Sequence[Leaves],
    along: Leaves,
    asker: Asker,
    rows: Sequence[Array],
    noises: Sequence[Array],
    who: str,
    wiggled: Callable[[], list[Leaves]],
) -> Claim:
    whole = flat(along)
    moved = np.flatnonzero(whole)
    vector = whole[moved]

    def at(points: Sequence[Leaves]) -> Array:
        queries: list[Query] = [(point, seed) for point in points for seed in seeds]
        answers = trusted(asker.ask(queries), who).rows[:, moved]
        with np.errstate(all="ignore"):
            return np.asarray((answers @ vector).reshape(len(points), len(seeds)))

    with np.errstate(all="ignore"):
        terms = np.array([row[moved] for row in rows]) * vector
        scale = np.sqrt(np.sum(terms**2, axis=1))
        own = np.sqrt(np.sum((np.array([row[moved] for row in noises]) * vector) ** 2, axis=1))
        # An infinite claim must not make its own tolerance infinite.
        scale = np.where(np.isfinite(scale), scale, 0.0)
        slack = 8.0 * np.where(np.isfinite(own), own, 0.0) + 4.0 * UNIT * scale
        return Claim(
            np.sum(terms, axis=1),
            slack,
            scale,
            lambda ts: at([_moved(x, along, t) for t in ts]),
            lambda: at(wiggled()),
        )
