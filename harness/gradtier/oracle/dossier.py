"""What is known about one question before any backend is asked, and how it is found out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradtier.oracle import differences, noise
from gradtier.oracle.certify import KINKS, Certification, any_of, certify
from gradtier.oracle.claims import Kind, claims_of
from gradtier.oracle.constants import FAST, FD_FACTOR, PRECISIONS, ROWS, SMALL_INPUT
from gradtier.oracle.differences import Samples
from gradtier.oracle.draws import FAMILIES, basis, cotangents, direction, flat, jittered
from gradtier.oracle.evaluate import Asker, Evaluator
from gradtier.oracle.lines import Columns, Line, sample
from gradtier.oracle.noise import Answer
from gradtier.oracle.types import Array, BatchedPrimal, Leaves, OracleError, Witness, as_leaves


@dataclass(frozen=True)
class Dossier:
    """Everything about one question that does not depend on the backend under test.

    It holds plain arrays and tuples only, so that it can be pickled into a cache and shared by all
    backends. The same name, point, primal and reference give the same dossier.

    Attributes:
        kind: "pullback" (seeds are cotangents) or "pushforward" (seeds are the directions).
        name: the trial's name, from which everything random is drawn.
        dtype: the precision under test.
        x: the point.
        value: the primal there.
        seeds: what the backend will be asked with.
        directions: the directions of finite differences (a pushforward's own seeds).
        reference: the reference's name, or None if there is none.
        answers: the reference's answer to each seed with its noise; empty without a reference.
        samples: values along each direction; columns are cotangents, or outputs.
        certifications: the reference's claims against them; empty without a reference.
        coordinates: values along each coordinate, for a small pullback without a reference.
        jittered: the same question at a point close by, where this one has a kink or a jump.
        primal_evaluations: spent on all this.
        derivative_evaluations: of the reference, spent on all this.
    """

    kind: Kind
    name: str
    dtype: str
    x: Leaves
    value: Leaves
    seeds: tuple[Leaves, ...]
    directions: tuple[Leaves, ...]
    reference: str | None
    answers: tuple[Answer, ...]
    samples: tuple[Samples, ...]
    certifications: tuple[Certification, ...]
    coordinates: tuple[Samples, ...]
    jittered: Dossier | None
    primal_evaluations: int
    derivative_evaluations: int

    @property
    def like(self) -> Leaves:
        """Leaves shaped like an answer of the derivative."""
        return self.x if self.kind == "pullback" else self.value

    def states(self, seed: int) -> Array:
        """The certification states that concern one seed."""
        if self.kind == "pushforward":
            return self.certifications[seed].states
        return np.array([c.states[seed] for c in self.certifications], dtype=np.int8)

    def columns(self) -> Columns:
        """How the primal's outputs become columns."""
        return columns_of(self.kind, self.seeds)

    def lines(self) -> list[Line]:
        """The sampled directions, ready to be sampled further."""
        columns = self.columns()
        return [
            Line(self.x, along, columns, samples)
            for along, samples in zip(self.directions, self.samples, strict=True)
        ]


def columns_of(kind: Kind, seeds: Sequence[Leaves]) -> Columns:
    """Every output for a pushforward, one weighted sum per cotangent for a pullback."""
    return Columns() if kind == "pushforward" else Columns(np.array([flat(w) for w in seeds]))


def build(
    kind: Kind,
    name: str,
    primal: BatchedPrimal,
    x: Leaves,
    witness: Witness | None,
    dtype: str,
    jitter: bool = True,
) -> Dossier:
    """Asks the reference, certifies it by finite differences, and looks beside a kink or jump.

    Raises:
        OracleError: if the primal fails at `x`, or the reference answers with wrong shapes, or
            `dtype` is not one of `PRECISIONS`.
    """
    if dtype not in PRECISIONS:
        raise OracleError(f"dtype {dtype!r} is not one of {', '.join(PRECISIONS)}")
    x = tuple(np.array(leaf) for leaf in as_leaves(x))
    evaluator = Evaluator(primal, x)
    value = evaluator.value
    directions = tuple(direction(name, x, family) for family in FAMILIES) if flat(x).size else ()
    seeds = cotangents(name, value) if kind == "pullback" else directions
    columns = columns_of(kind, seeds)
    lines = [Line.through(x, v, columns, value) for v in directions]
    axes: list[Line] = []
    known = _Known((), (), False, 0)
    if witness is not None:
        known = _ask(kind, name, lines, seeds, evaluator, witness, dtype, x)
    else:
        if kind == "pullback" and flat(x).size <= SMALL_INPUT:
            along = [basis(x, i)[0] for i in range(flat(x).size)]
            axes = [Line.through(x, axis, columns, value) for axis in along]
        known = replace(known, troubled=_explore(lines + axes, evaluator))
    beside = _beside(kind, name, primal, x, witness, dtype) if jitter and known.troubled else None
    return Dossier(
        kind=kind,
        name=name,
        dtype=dtype,
        x=x,
        value=value,
        seeds=seeds,
        directions=directions,
        reference=None if witness is None else witness.name,
        answers=known.answers,
        samples=tuple(line.samples for line in lines),
        certifications=known.certifications,
        coordinates=tuple(line.samples for line in axes),
        jittered=beside,
        primal_evaluations=evaluator.count + (beside.primal_evaluations if beside else 0),
        derivative_evaluations=known.spent + (beside.derivative_evaluations if beside else 0),
    )


@dataclass(frozen=True)
class _Known:
    """What the reference contributes to a dossier."""

    answers: tuple[Answer, ...]
    certifications: tuple[Certification, ...]
    troubled: bool
    spent: int


def _ask(
    kind: Kind,
    name: str,
    lines: Sequence[Line],
    seeds: tuple[Leaves, ...],
    evaluator: Evaluator,
    witness: Witness,
    dtype: str,
    x: Leaves,
) -> _Known:
    """Asks the reference, measures its noise and certifies it along the lines."""
    like = x if kind == "pullback" else evaluator.value
    answers: tuple[Answer, ...] = ()
    spent = 0
    if seeds:
        answers, spent = noise.answers(name, x, seeds, like, witness, dtype)
    asker = Asker(witness.exact, like)
    claims = claims_of(
        kind,
        name,
        x,
        seeds,
        [line.direction for line in lines],
        asker,
        [answer.value for answer in answers],
        [answer.exact_noise for answer in answers],
        witness.name,
    )
    found = certify(lines, claims, evaluator)
    troubled = any(any_of(c.states, KINKS) or bool(c.kink.any()) for c in found)
    return _Known(answers, tuple(found), troubled, spent + asker.count)


def _beside(
    kind: Kind, name: str, primal: BatchedPrimal, x: Leaves, witness: Witness | None, dtype: str
) -> Dossier | None:
    try:
        return build(kind, name + "#beside", primal, jittered(name, x), witness, dtype, False)
    except OracleError:
        return None


def _explore(lines: Sequence[Line], evaluator: Evaluator) -> bool:
    """Samples lines until their slopes are known sharply; says whether a kink or jump is there."""
    waiting = list(lines)
    for rows in ROWS:
        sample(waiting, rows, evaluator)
        waiting = [line for line in waiting if not _sharp(line.samples)]
    abouts = [differences.sides(line.samples) for line in waiting]
    return any(bool((about.kink | about.jump).any()) for about in abouts)


def _sharp(samples: Samples) -> bool:
    found = differences.estimate(samples)
    with np.errstate(all="ignore"):
        flat_enough = FD_FACTOR * found.error <= FAST**2 * samples.size
        sharp = (FD_FACTOR * found.error <= FAST * np.abs(found.value)) | flat_enough
        return bool(np.all(sharp & ~differences.bent(samples)))
