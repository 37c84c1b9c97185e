"""How far two computations of one derivative are apart, element by element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradtier.oracle.asking import Asker
from gradtier.oracle.case import allowed
from gradtier.oracle.constants import PRECISIONS
from gradtier.oracle.dossier import Dossier
from gradtier.oracle.draws import locate
from gradtier.oracle.types import Array

Said = Sequence[Sequence[Array | None]]


@dataclass(frozen=True)
class Apart:
    """Two answers side by side.

    Attributes:
        times: the largest difference of an element over what it may be off on both sides together;
            infinite where one side alone is not finite, or has leaves of another shape.
        ulps: the largest difference in units in the last place of the larger side.
        place: the element with the largest difference, as ``leaf 0[2]``; empty where none differs.
        first, second: what both sides say there.
        first_right, second_right: whether a side is the reference's answer within what is allowed;
            None without a reference.
        first_fault, second_fault: what is wrong with the number or the shapes of a side's leaves.
    """

    times: float = 0.0
    ulps: float = 0.0
    place: str = ""
    first: float = 0.0
    second: float = 0.0
    first_right: bool | None = None
    second_right: bool | None = None
    first_fault: str | None = None
    second_fault: str | None = None


def apart(dossier: Dossier, first: Said, second: Said) -> Apart:
    """Compare two answers to all seeds of a dossier.

    An element may be off as far on either side as it may be from the reference's answer; without
    a reference, as far as rounding of the largest elements allows.

    Args:
        dossier: of the question.
        first: per seed the leaves of an answer; None is a leaf that is not connected.
        second: the same of another answer.
    """
    queries = [(dossier.x, seed) for seed in dossier.seeds]
    one = Asker(lambda _: first, dossier.form).ask(queries)
    other = Asker(lambda _: second, dossier.form).ask(queries)
    if one.fault is not None or other.fault is not None:
        times = 0.0 if one.fault == other.fault else np.inf
        return Apart(times, first_fault=one.fault, second_fault=other.fault)
    if not one.rows.size:
        return Apart()
    with np.errstate(all="ignore"):
        size = np.fmax(np.abs(one.rows), np.abs(other.rows))
        same = (one.rows == other.rows) | (np.isnan(one.rows) & np.isnan(other.rows))
        gap = np.where(same, 0.0, np.abs(one.rows - other.rows))
        gap = np.where(np.isnan(gap), np.inf, gap)
        tolerance = _tolerance(dossier, size)
        off = np.where(same, 0.0, gap / (2.0 * tolerance))
        ulps = np.where(same, 0.0, gap / _ulp(size, dossier.dtype))
    seed, index = divmod(int(off.argmax()), off.shape[1])
    return Apart(
        times=float(off.max()),
        ulps=float(ulps.max()),
        place="" if same.all() else _place(dossier, index),
        first=float(one.rows[seed, index]),
        second=float(other.rows[seed, index]),
        first_right=_right(dossier, one.rows, tolerance),
        second_right=_right(dossier, other.rows, tolerance),
    )


def _tolerance(dossier: Dossier, size: Array) -> Array:
    """What an element of one side may be off, per seed; above zero and finite."""
    precision = PRECISIONS[dossier.dtype]
    finite = np.where(np.isfinite(size), size, 0.0)
    typical = np.sqrt(np.mean(finite**2, axis=1, keepdims=True))
    rounding = precision.factor * precision.unit * np.maximum(finite, typical)
    if not dossier.answers:
        return np.asarray(np.maximum(rounding, precision.tiny))
    granted = np.array([allowed(dossier, seed) for seed in range(len(dossier.seeds))])
    return np.maximum(np.where(np.isfinite(granted), granted, rounding), precision.tiny)


def _ulp(size: Array, dtype: str) -> Array:
    """The unit in the last place of numbers of that size, in the tested precision."""
    precision = PRECISIONS[dtype]
    _, exponent = np.frexp(np.where(np.isfinite(size), size, 1.0))
    return np.asarray(np.maximum(np.ldexp(2.0 * precision.unit, exponent - 1), precision.tiny))


def _right(dossier: Dossier, rows: Array, tolerance: Array) -> bool | None:
    if not dossier.answers:
        return None
    value = np.array([answer.value for answer in dossier.answers])
    with np.errstate(all="ignore"):
        close = np.abs(rows - value) <= tolerance
    close |= (rows == value) | (np.isnan(rows) & np.isnan(value))
    return bool(close.all())


def _place(dossier: Dossier, index: int) -> str:
    form = dossier.form
    leaf, inner = locate(index, form.like)
    if not form.paired or not form.paired[leaf]:
        return f"leaf {leaf}[{inner}]"
    inner, odd = divmod(inner, 2)
    return f"leaf {leaf}[{inner}].{'imaginary' if odd else 'real'}"
