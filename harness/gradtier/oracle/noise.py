"""How uncertain the reference's own answer is, element by element.

*Arithmetic* noise: the same point with the seed wiggled by 2 ulp, and with the seed split into two
whose answers are added; in the tested precision, and for float64 also the float32 answer scaled by
2**-29. *Conditioning* noise: the point wiggled as well; and the error in the tested precision (or
in float32, scaled) at two points further away, where what was rounded well by luck here is not.

A *floor* below which no noise is believed, 2 u |g|, is known without asking. A claim within it
agrees whatever the noise is, so the noise is measured only where that does not settle the matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradtier.oracle.asking import Asker, Form, trusted
from gradtier.oracle.constants import PRECISIONS
from gradtier.oracle.draws import either_side, moduli, paired_largest, parts, perturbed, split
from gradtier.oracle.types import Array, Leaves, Query, Witness

PROBES = 4


@dataclass(frozen=True)
class Answer:
    """The reference's answer to one seed, with its uncertainty; flat, shape (elements,).

    Attributes:
        value: in float64.
        noise: per element in the tested precision, never zero.
        exact_noise: the same in float64.
        soft: the conditioning noise says nothing here, `noise` is the arithmetic one.
        hopeless: even that says nothing: no power, left out.
        low_finite: the reference is finite at the tested precision.
        missing: per leaf, whether the reference calls it not connected.
        measured: False: `noise` and `exact_noise` are the floor, and no mask is set.
    """

    value: Array
    noise: Array
    exact_noise: Array
    soft: Array
    hopeless: Array
    low_finite: Array
    missing: tuple[bool, ...]
    measured: bool = True


@dataclass(frozen=True)
class _Noise:
    arithmetic: Array
    conditioning: Array


def floors(
    x: Leaves, seeds: tuple[Leaves, ...], form: Form, witness: Witness, dtype: str
) -> tuple[tuple[Answer, ...], int]:
    """Asks the reference for its answers only: noise is taken at its floor.

    Args and returns as for `answers`.
    """
    asker = Asker(witness.exact, form)
    told = trusted(asker.ask([(x, seed) for seed in seeds]), witness.name)
    none = np.zeros(told.rows.shape[1:], dtype=bool)
    out = []
    for value, missing in zip(told.rows, told.missing, strict=True):
        size = moduli(np.where(np.isfinite(value), value, 0.0), form.like, form.paired)
        least, exact = (
            np.maximum(2.0 * PRECISIONS[kind].unit * size, PRECISIONS[kind].tiny)
            for kind in (dtype, "float64")
        )
        finite = np.isfinite(value)
        out.append(Answer(value, least, exact, none, none, finite, missing, measured=False))
    return tuple(out), asker.count


def answers(
    name: str, x: Leaves, seeds: tuple[Leaves, ...], form: Form, witness: Witness, dtype: str
) -> tuple[tuple[Answer, ...], int]:
    """Asks the reference for its answers and probes their noise, in two batches.

    Args:
        name: the trial's name, from which the probes are drawn.
        x: the point.
        seeds: cotangents or tangents.
        form: what an answer looks like.
        witness: the reference.
        dtype: the precision under test.

    Returns:
        An answer per seed, and the number of derivative evaluations spent.

    Raises:
        OracleError: if the reference's leaves have the wrong number or shapes.
    """
    lower = dtype != "float64"
    coarse = dtype if lower else "float32"
    exact, low = Asker(witness.exact, form), None
    if witness.low is not None:
        low = Asker(witness.low, form)
    probes = [_probes(name, x, seed, "float64") for seed in seeds]
    told = trusted(exact.ask([query for part in probes for query in part]), witness.name)
    per = len(probes[0])
    low_rows: list[Array | None] = [None] * len(seeds)
    beside: list[Array | None] = [None] * len(seeds)
    if low is not None:
        chosen = [
            _probes(name, x, seed, dtype) if lower else _single(name, x, seed) for seed in seeds
        ]
        rows = trusted(low.ask([q for part in chosen for q in part]), witness.name).rows
        low_rows = list(np.split(rows, len(seeds)))
        beside = _errors_beside(exact, low, either_side(name, x, coarse), seeds)
    out = tuple(
        _answer(
            told.rows[k * per : (k + 1) * per],
            (low_rows[k], beside[k]),
            told.missing[k * per],
            form,
            dtype,
        )
        for k in range(len(seeds))
    )
    return out, exact.count + (low.count if low is not None else 0)


def _errors_beside(
    exact: Asker, low: Asker, sides: Sequence[Leaves], seeds: Sequence[Leaves]
) -> list[Array | None]:
    """Per seed the largest error of the lower precision at some points; None where it fails."""
    queries = [(side, seed) for seed in seeds for side in sides]
    try:
        told, rounded = exact.ask(queries), low.ask(queries)
    except Exception:  # it need not be defined there
        return [None] * len(seeds)
    if told.fault is not None or rounded.fault is not None:
        return [None] * len(seeds)
    with np.errstate(all="ignore"):
        gaps = np.abs(rounded.rows - told.rows)
    return [_largest(part) for part in np.split(gaps, len(seeds))]


def _probes(name: str, x: Leaves, seed: Leaves, dtype: str) -> list[Query]:
    """The question itself, the seed wiggled, its two parts, then point and seed wiggled."""
    part, rest = split(name, seed, 2)
    queries = [(x, seed), (x, perturbed(name + "/seed", seed, dtype, 1)), (x, part), (x, rest)]
    for probe in range(1, PROBES + 1):
        moved = perturbed(name + "/point", x, dtype, probe)
        queries.append((moved, perturbed(name + "/seed", seed, dtype, probe)))
    return queries


def _single(name: str, x: Leaves, seed: Leaves) -> list[Query]:
    wiggled = perturbed(name + "/point", x, "float32", 8)
    return [
        (x, seed),
        (x, perturbed(name + "/seed", seed, "float32", 7)),
        (wiggled, perturbed(name + "/seed", seed, "float32", 8)),
    ]


def _answer(
    rows: Array,
    rounded: tuple[Array | None, Array | None],
    missing: tuple[bool, ...],
    form: Form,
    dtype: str,
) -> Answer:
    """`rounded`: what the probes gave in the lower precision, and its errors beside the point."""
    value, (low, beside) = rows[0], rounded
    exact = _measure(rows, value)
    if low is not None:
        coarse = "float32" if dtype == "float64" else dtype
        chosen = low if dtype == "float64" else low[[0, 1, 4]]
        ratio = PRECISIONS["float64"].unit / PRECISIONS[coarse].unit
        exact = _joined(exact, _measure_scaled(chosen, value, ratio))
        if beside is not None:
            exact = _joined(exact, _Noise(np.zeros(value.shape), ratio * beside))
    exact_noise, _, _ = _believed(exact, value, form, "float64")
    tested = exact
    if dtype != "float64":
        ratio = PRECISIONS[dtype].unit / PRECISIONS["float64"].unit
        tested = _Noise(ratio * exact.arithmetic, ratio * exact.conditioning)
        if low is not None:
            tested = _measure(low, value, include_first=True)
        if beside is not None:
            tested = _joined(tested, _Noise(np.zeros(value.shape), beside))
    noise, soft, hopeless = _believed(tested, value, form, dtype)
    finite = np.isfinite(value if low is None or dtype == "float64" else low[0])
    return Answer(value, noise, exact_noise, soft, hopeless, finite, missing)


def _measure(rows: Array, value: Array, include_first: bool = False) -> _Noise:
    with np.errstate(all="ignore"):
        parts = [rows[1] - value, rows[2] + rows[3] - value]
        if include_first:
            parts.append(rows[0] - value)
        arithmetic = _largest(np.abs(np.array(parts)))
        conditioning = _largest(np.abs(rows[4:] - value))
    return _Noise(arithmetic, np.maximum(arithmetic, conditioning))


def _measure_scaled(low: Array, value: Array, ratio: float) -> _Noise:
    with np.errstate(all="ignore"):
        change = np.abs(low - value) * ratio
    arithmetic = _largest(change[:2])
    return _Noise(arithmetic, np.maximum(arithmetic, _largest(change[2:])))


def _joined(a: _Noise, b: _Noise) -> _Noise:
    return _Noise(
        np.maximum(a.arithmetic, b.arithmetic), np.maximum(a.conditioning, b.conditioning)
    )


def _largest(changes: Array) -> Array:
    return np.asarray(np.max(np.where(np.isfinite(changes), changes, 0.0), axis=0))


def _believed(raw: _Noise, value: Array, form: Form, dtype: str) -> tuple[Array, Array, Array]:
    """The noise to use, the soft mask and the hopeless mask."""
    precision = PRECISIONS[dtype]
    arithmetic = np.maximum(_no_lucky_zeros(raw.arithmetic, value, form, dtype), precision.tiny)
    conditioning = np.maximum(raw.conditioning, arithmetic)
    conditioning = np.maximum(_no_lucky_zeros(conditioning, value, form, dtype), precision.tiny)
    scale = _scales(value, form)
    with np.errstate(all="ignore"):
        soft = precision.factor * conditioning > precision.weak * scale
        soft &= conditioning > 4.0 * precision.tiny
        hopeless = precision.factor * arithmetic > precision.weak * scale
        hopeless &= arithmetic > 4.0 * precision.tiny
    for part in parts(form.like):
        level = _rms(arithmetic[part])
        if level > precision.hopeless * _rms(value[part]) and level > 4.0 * precision.tiny:
            hopeless[part] = True
    return np.where(soft, arithmetic, conditioning), soft, hopeless


def _no_lucky_zeros(noise: Array, value: Array, form: Form, dtype: str) -> Array:
    """At least 2 u |g|, at least the leaf's median relative noise, and for zeros the leaf's rms."""
    unit = PRECISIONS[dtype].unit
    noise = np.array(paired_largest(noise, form.like, form.paired))
    size = moduli(np.where(np.isfinite(value), value, 0.0), form.like, form.paired)
    for part in parts(form.like):
        own, rounding = noise[part], unit * size[part]
        own = np.maximum(own, 2.0 * rounding)
        filled = rounding > 0
        if filled.any():
            own = np.maximum(own, np.median(own[filled] / rounding[filled]) * rounding)
        noise[part] = np.where(size[part] == 0, np.maximum(own, _rms(own)), own)
    return noise


def _scales(value: Array, form: Form) -> Array:
    size = moduli(np.where(np.isfinite(value), value, 0.0), form.like, form.paired)
    for part in parts(form.like):
        finite = np.isfinite(value[part])
        if finite.any():
            size[part] = np.maximum(size[part], _rms(value[part][finite]))
    return size


def _rms(values: Array) -> float:
    """Root mean square of the finite values, safe against overflow."""
    finite = np.abs(values[np.isfinite(values)])
    top = float(finite.max()) if finite.size else 0.0
    if top == 0.0:
        return 0.0
    return top * float(np.sqrt(np.sum((finite / top) ** 2) / values.size))
