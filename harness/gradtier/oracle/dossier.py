"""What is known about one question before any backend is asked, and how it is found out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradtier.oracle import differences, noise
from gradtier.oracle.asking import Asker, Form
from gradtier.oracle.certify import (
    KINKS,
    WRONG,
    Certification,
    Claim,
    State,
    any_of,
    certify,
    confirm,
)
from gradtier.oracle.claims import Kind, claims_of
from gradtier.oracle.constants import FAST, FD_FACTOR, PRECISIONS, ROWS, SMALL_INPUT, round_to
from gradtier.oracle.differences import Samples
from gradtier.oracle.draws import FAMILIES, basis, cotangents, direction, flat, jittered
from gradtier.oracle.evaluate import Evaluator
from gradtier.oracle.lines import Columns, Line, sample
from gradtier.oracle.noise import Answer
from gradtier.oracle.sharper import NOTHING_SHARPER, Sharper
from gradtier.oracle.types import (
    Array,
    BatchedPrimal,
    Leaves,
    OracleError,
    Paired,
    Witness,
    as_leaves,
    outward,
    pairing,
)


@dataclass(frozen=True)
class Elsewhere:
    """Another point close by, and the reference's answer to the last seed there, flat."""

    x: Leaves
    answer: Array


@dataclass(frozen=True)
class Dossier:
    """Everything about one question that does not depend on the backend under test.

    It holds plain arrays and tuples only, so that it can be pickled into a cache and shared by all
    backends. The same name, point, primal and reference give the same dossier.

    Attributes:
        kind: "pullback" (seeds are cotangents) or "pushforward" (seeds are the directions).
        name: the trial's name, from which everything random is drawn.
        dtype: the precision under test.
        x: the point, as real leaves.
        value: the primal there, as real leaves.
        paired_x, paired_value: which of their leaves hold complex numbers as pairs.
        seeds: what the backend will be asked with.
        directions: the directions of finite differences (a pushforward's own seeds).
        reference: the reference's name, or None if there is none.
        answers: the reference's answer to each seed with its noise; empty without a reference.
        samples: values along each direction; columns are cotangents, or outputs.
        certifications: the reference's claims against them; empty without a reference.
        coordinates: values along each coordinate, for a small pullback without a reference.
        elsewhere: what the reference answers to the last seed at another point, if it does.
        jittered: the same question at a point close by, where this one has a kink or a jump.
        troubles: what went wrong with the primal around the point, in words.
        sharpened: names of the sharper witnesses that took part in certifying the reference.
        primal_evaluations: spent on all this.
        derivative_evaluations: of the reference, spent on all this.
    """

    kind: Kind
    name: str
    dtype: str
    x: Leaves
    value: Leaves
    paired_x: Paired
    paired_value: Paired
    seeds: tuple[Leaves, ...]
    directions: tuple[Leaves, ...]
    reference: str | None
    answers: tuple[Answer, ...]
    samples: tuple[Samples, ...]
    certifications: tuple[Certification, ...]
    coordinates: tuple[Samples, ...]
    elsewhere: Elsewhere | None
    jittered: Dossier | None
    troubles: str | None
    sharpened: tuple[str, ...]
    primal_evaluations: int
    derivative_evaluations: int

    @property
    def form(self) -> Form:
        """What the derivative is asked with and answers."""
        return form_of(self.kind, self.x, self.paired_x, self.value, self.paired_value)

    @property
    def elsewhere_point(self) -> Leaves | None:
        """The other point as callers know it."""
        return None if self.elsewhere is None else outward(self.elsewhere.x, self.paired_x)

    @property
    def like(self) -> Leaves:
        """Leaves shaped like an answer of the derivative."""
        return self.x if self.kind == "pullback" else self.value

    @property
    def lean(self) -> bool:
        """Whether the reference's noise was not measured, since that was not needed so far."""
        return bool(self.answers) and not self.answers[0].measured

    def states(self, seed: int) -> Array:
        """The certification states that concern one seed."""
        if self.kind == "pushforward":
            return self.certifications[seed].states
        return np.array([c.states[seed] for c in self.certifications], dtype=np.int8)

    @property
    def disputed(self) -> bool:
        """Whether finite differences contradict the reference for some seed.

        A value outside the one-sided slopes is left out: where several kinks meet it may be a sum
        of allowed conventions.
        """
        states = tuple(state for state in WRONG if state is not State.KINK_OUT)
        return bool(self.answers) and any(
            any_of(self.states(seed), states) for seed in range(len(self.seeds))
        )

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


def form_of(kind: Kind, x: Leaves, paired_x: Paired, value: Leaves, paired_value: Paired) -> Form:
    """The form of a map's questions and answers."""
    if kind == "pullback":
        return Form(x, paired_x, paired_x, paired_value)
    return Form(value, paired_value, paired_x, paired_x)


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
    sharper: Sharper = NOTHING_SHARPER,
    lean: bool = False,
) -> Dossier:
    """Asks the reference, certifies it by finite differences, and looks beside a kink or jump.

    Raises:
        OracleError: if there is nothing to differentiate, the primal fails at `x` or has hidden
            state, the reference answers with wrong shapes, or `dtype` is not one of `PRECISIONS`.
    """
    if dtype not in PRECISIONS:
        raise OracleError(f"dtype {dtype!r} is not one of {', '.join(PRECISIONS)}")
    paired = pairing(x)
    if not paired:
        raise OracleError("there are no inputs to differentiate with respect to")
    point = tuple(np.array(leaf) for leaf in as_leaves(x))
    return _Builder(kind, name, primal, point, paired, witness, dtype, sharper).dossier(lean)


@dataclass(frozen=True)
class _Known:
    """What the reference contributes to a dossier."""

    answers: tuple[Answer, ...] = ()
    certifications: tuple[Certification, ...] = ()
    troubled: bool = False


class _Builder:
    """One question while its dossier is being made."""

    def __init__(
        self,
        kind: Kind,
        name: str,
        primal: BatchedPrimal,
        x: Leaves,
        paired: Paired,
        witness: Witness | None,
        dtype: str,
        sharper: Sharper,
    ) -> None:
        self.kind, self.name, self.primal, self.dtype = kind, name, primal, dtype
        self.x, self.paired, self.witness, self.sharper = x, paired, witness, sharper
        self.spent = 0
        self.evaluator = Evaluator(primal, x, paired=paired, extra=sharper)
        value = self.evaluator.value
        drawn = tuple(direction(name, x, family) for family in FAMILIES) if flat(x).size else ()
        # What the tested precision can't represent, the backend would not be asked with.
        self.directions = tuple(_represented(v, dtype) for v in drawn)
        seeds = cotangents(name, value) if kind == "pullback" else self.directions
        self.seeds = tuple(_represented(seed, dtype) for seed in seeds)
        self.form = form_of(kind, x, paired, value, self.evaluator.paired)
        columns = columns_of(kind, self.seeds)
        self.lines = [Line.through(x, v, columns, value) for v in self.directions]

    def dossier(self, lean: bool, jitter: bool = True) -> Dossier:
        """The dossier; `lean`: with the reference's noise only if it is needed to certify it."""
        axes: list[Line] = []
        known = (self._lean() if lean else None) or _Known()
        if self.witness is not None and not known.answers:
            known = self._full()
        elif self.witness is None:
            if self.kind == "pullback" and flat(self.x).size <= SMALL_INPUT:
                along = [basis(self.x, i)[0] for i in range(flat(self.x).size)]
                columns, value = columns_of(self.kind, self.seeds), self.evaluator.value
                axes = [Line.through(self.x, axis, columns, value) for axis in along]
            known = replace(known, troubled=_explore(self.lines + axes, self.evaluator))
        beside = self._beside() if jitter and known.troubled else None
        elsewhere = self._elsewhere() if known.answers else None
        return Dossier(
            kind=self.kind,
            name=self.name,
            dtype=self.dtype,
            x=self.x,
            value=self.evaluator.value,
            paired_x=self.paired,
            paired_value=self.evaluator.paired,
            seeds=self.seeds,
            directions=self.directions,
            reference=None if self.witness is None else self.witness.name,
            answers=known.answers,
            samples=tuple(line.samples for line in self.lines),
            certifications=known.certifications,
            coordinates=tuple(line.samples for line in axes),
            elsewhere=elsewhere,
            jittered=beside,
            troubles=self.evaluator.troubles.sentence(),
            sharpened=tuple(sorted(self.evaluator.sharpened)),
            primal_evaluations=self.evaluator.count + (beside.primal_evaluations if beside else 0),
            derivative_evaluations=self.spent + (beside.derivative_evaluations if beside else 0),
        )

    def _lean(self) -> _Known | None:
        """The reference's answers with noise at its floor, if four rows confirm them."""
        if self.witness is None or not self.seeds:
            return None
        answers, spent = noise.floors(self.x, self.seeds, self.form, self.witness, self.dtype)
        self.spent += spent
        claims, _ = self._claims(answers)
        found = confirm(self.lines, claims, self.evaluator)
        return None if found is None else _Known(answers, tuple(found))

    def _full(self) -> _Known:
        """Asks the reference, measures its noise and certifies it along the lines."""
        assert self.witness is not None
        answers: tuple[Answer, ...] = ()
        if self.seeds:
            answers, spent = noise.answers(
                self.name, self.x, self.seeds, self.form, self.witness, self.dtype
            )
            self.spent += spent
        claims, asker = self._claims(answers)
        found = certify(self.lines, claims, self.evaluator)
        troubled = any(any_of(c.states, KINKS) or bool(c.kink.any()) for c in found)
        self.spent += asker.count
        return _Known(answers, tuple(found), troubled)

    def _claims(self, answers: tuple[Answer, ...]) -> tuple[list[Claim], Asker]:
        assert self.witness is not None
        asker = Asker(self.witness.exact, self.form)
        claims = claims_of(
            self.kind,
            self.name,
            self.x,
            self.seeds,
            [line.direction for line in self.lines],
            asker,
            [answer.value for answer in answers],
            [answer.exact_noise for answer in answers],
            self.witness.name,
        )
        return claims, asker

    def _elsewhere(self) -> Elsewhere | None:
        """A map that remembers the first point it saw shows itself at a second one.

        Where the reference is not finite there, a point closer by is tried.
        """
        assert self.witness is not None
        found = None
        for bits in (6, 16):
            moved = jittered(self.name + "/elsewhere", self.x, bits)
            point = tuple(round_to(leaf, self.dtype) for leaf in moved)
            asker = Asker(self.witness.exact, self.form)
            try:
                told = asker.ask([(point, self.seeds[-1])])
            except Exception:  # outside the domain, it may refuse in any way
                continue
            finally:
                self.spent += asker.count
            if told.fault is None:
                found = Elsewhere(point, told.rows[0])
                if np.isfinite(told.rows[0]).all():
                    break
        return found

    def _beside(self) -> Dossier | None:
        point = jittered(self.name, self.x)
        try:
            return _Builder(
                self.kind, self.name + "#beside", self.primal, point, self.paired,
                self.witness, self.dtype, self.sharper,
            ).dossier(lean=False, jitter=False)  # fmt: skip
        except OracleError:
            return None


def _represented(leaves: Leaves, dtype: str) -> Leaves:
    """Leaves that the tested precision represents; they are exact from float16 up as drawn."""
    if dtype != "bfloat16":
        return leaves
    return tuple(round_to(leaf, dtype) for leaf in leaves)


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
