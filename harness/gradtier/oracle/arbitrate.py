"""Who is right where backend and reference differ: finite differences by element decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from gradtier.oracle import differences
from gradtier.oracle.constants import BLUNT, FAST, FD_FACTOR, FULL_ROWS
from gradtier.oracle.differences import Estimate, Samples, Sides
from gradtier.oracle.draws import basis, element_scales, flat, unflatten
from gradtier.oracle.evaluate import Evaluator
from gradtier.oracle.lines import Columns, Line, sample
from gradtier.oracle.types import Array, Leaves


class Ruling(Enum):
    """What arbitration says of one element."""

    BACKEND = "the backend is wrong"
    REFERENCE = "the reference is wrong"
    BOTH = "both are outside the bar"
    CONVENTION = "both are allowed at a kink"
    JUMP = "the function jumps here"
    BELOW = "the difference is below what finite differences resolve"
    UNRESOLVED = "finite differences are not sharp here"


@dataclass(frozen=True)
class Elements:
    """The elements under arbitration; arrays are shaped (elements,), slopes in units of `scale`.

    Attributes:
        index: flat index in the answer.
        scale: length of the direction by which each was differenced.
        samples: one column each, at the full number of rows.
        estimate: central slopes.
        sides: one-sided slopes.
        lines: by coordinate (pullback) or none (pushforward).
    """

    index: Array
    scale: Array
    samples: Samples
    estimate: Estimate
    sides: Sides
    lines: tuple[Line, ...] = ()


def by_coordinate(
    x: Leaves, value: Leaves, cotangent: Leaves, index: Array, evaluator: Evaluator
) -> Elements:
    """Samples <cotangent, f> along single elements of `x`, all in one batch."""
    columns = Columns(flat(cotangent)[None])
    axes = [basis(x, int(i)) for i in index]
    lines = [Line.through(x, axis, columns, value) for axis, _ in axes]
    sample(lines, FULL_ROWS, evaluator)
    parts = [line.samples for line in lines]
    joined = Samples(
        np.concatenate([part.plus for part in parts], axis=1),
        np.concatenate([part.minus for part in parts], axis=1),
        np.concatenate([part.base for part in parts]),
        np.concatenate([part.size for part in parts]),
    )
    scale = np.array([length for _, length in axes])
    estimate, sides = differences.estimate(joined), differences.sides(joined)
    return Elements(index, scale, joined, estimate, sides, tuple(lines))


def by_output(line: Line, index: Array, evaluator: Evaluator) -> Elements:
    """Takes outputs from a line that is shared by all of them."""
    sample([line], FULL_ROWS, evaluator)
    whole = differences.estimate(line.samples, vector=True)
    samples = line.samples.columns(index)
    estimate = Estimate(whole.value[index], whole.error[index], whole.step[index])
    return Elements(index, np.ones(len(index)), samples, estimate, differences.sides(samples))


def rule(elements: Elements, backend: Array, reference: Array, tolerance: Array) -> list[Ruling]:
    """Rules on each element.

    Args:
        elements: the elements with their finite differences.
        backend: its claims by element, not scaled, shape (elements,).
        reference: the same of the reference.
        tolerance: allowed difference of the two, from the reference's noise.
    """
    out = []
    low, high = elements.sides.interval(np.zeros(len(elements.index)))
    # A slope of zero has no size to be sharp beside; that it is none is all there is to know.
    known = np.where(np.isfinite(reference), 0.0, FAST * elements.samples.size)
    with np.errstate(all="ignore"):
        for j, scale in enumerate(elements.scale):
            slope, error = elements.estimate.value[j], elements.estimate.error[j]
            b, r = backend[j] * scale, reference[j] * scale
            size = np.nanmax([abs(slope), abs(r)])
            slack = min(tolerance[j] * scale, 0.02 * size) if size > 0 else tolerance[j] * scale
            if elements.sides.jump[j]:
                out.append(_at_jump(elements.sides, j, b, r, slack))
            elif elements.sides.kink[j]:
                inside_b = low[j] - slack <= b <= high[j] + slack
                inside_r = low[j] - slack <= r <= high[j] + slack
                out.append(_pick(inside_b, inside_r, Ruling.CONVENTION))
            elif not np.isfinite(error) or error > max(BLUNT * np.nanmax([size, abs(b)]), known[j]):
                out.append(Ruling.UNRESOLVED)
            else:
                bar = FD_FACTOR * error + slack
                out.append(_pick(abs(b - slope) <= bar, abs(r - slope) <= bar, Ruling.BELOW))
    return out


def _pick(backend_ok: bool, reference_ok: bool, both_ok: Ruling) -> Ruling:
    if backend_ok:
        return both_ok if reference_ok else Ruling.REFERENCE
    return Ruling.BACKEND if reference_ok else Ruling.BOTH


def _at_jump(sides: Sides, j: int, b: float, r: float, slack: float) -> Ruling:
    """One-sided slopes may still be sharp at a jump: then whoever takes neither is wrong."""
    for slope, error in (
        (sides.right[j], sides.right_error[j]),
        (sides.left[j], sides.left_error[j]),
    ):
        sharp = np.isfinite(error) and error < 1e-3 * max(abs(slope), abs(b), abs(r))
        if sharp and abs(r - slope) <= FD_FACTOR * error + slack:
            near = abs(b - slope) <= FD_FACTOR * error + slack
            return Ruling.CONVENTION if near else Ruling.BACKEND
    return Ruling.JUMP


def convention(sides: Sides, j: int, claim: float, slack: float) -> str:
    """The name of a claim at a kink: left, right, middle, zero or between."""
    right, left = float(sides.right[j]), float(sides.left[j])
    bar = FD_FACTOR * float(sides.right_error[j] + sides.left_error[j]) + slack
    bar = max(bar, 1e-9 * abs(right - left))
    for name, slope in (
        ("left", left),
        ("right", right),
        ("middle", 0.5 * (left + right)),
        ("zero", 0.0),
    ):
        if abs(claim - slope) <= bar:
            return name
    return "between"


def possible_together(
    x: Leaves,
    value: Leaves,
    cotangent: Leaves,
    differing: Array,
    backend: Array,
    reference: Array | None,
    evaluator: Evaluator,
) -> bool:
    """Whether values at a tie can all belong to one generalised gradient.

    Every generalised gradient gives the exact slope along a direction in which the function is
    smooth although its coordinates are kinked, such as a common shift of tied elements: tested are
    all-ones on the differing elements, and on the whole leaves they are in.

    Args:
        x: the point.
        value: the primal there.
        cotangent: the seed of both answers.
        differing: mask over the flat input.
        backend: its answer, flat.
        reference: the reference's answer, flat; where it fails the test itself, nothing is said.
        evaluator: the primal.
    """
    scales = flat(tuple(element_scales(leaf) for leaf in x))
    common = float(np.median(scales[differing]))
    touched = tuple(
        np.full(mask.shape, float(mask.any())) for mask in unflatten(differing.astype(float), x)
    )
    vectors = [common * differing.astype(float), common * flat(touched)]
    columns = Columns(flat(cotangent)[None])
    lines = [Line.through(x, unflatten(v, x), columns, value) for v in vectors]
    sample(lines, FULL_ROWS, evaluator)
    return all(
        _exact_along(line.samples, vector, backend, reference)
        for line, vector in zip(lines, vectors, strict=True)
    )


def _exact_along(samples: Samples, vector: Array, backend: Array, reference: Array | None) -> bool:
    found, about = differences.estimate(samples), differences.sides(samples)
    slope, error = float(found.value[0]), float(found.error[0])
    if about.jump[0] or about.kink[0] or not np.isfinite(error):
        return True
    bar = FD_FACTOR * error + 1e-6 * abs(slope)
    with np.errstate(all="ignore"):
        used = vector != 0
        exact = abs(float(np.sum((backend * vector)[used])) - slope) <= bar
        if reference is None:
            return exact
        trusted = abs(float(np.sum((reference * vector)[used])) - slope) <= bar
    return exact or not trusted


def diverging(elements: Elements) -> Sequence[bool]:
    """Per element, whether its slope has no finite limit that a derivative could be."""
    return [bool(flag) for flag in differences.diverges(elements.samples)]
