"""Points at which a function of one real number is tried, made from what is declared of it.

Nobody has to remember that ``tanh`` is flat in its tails or that ``asin`` is steep at 1: a
:class:`Domain` says where a function ends, where it has a kink, where it is flat and how far out it
still can be evaluated, and :func:`points` makes one input per class of points from it.

The points of a class lie within a few orders of magnitude, so that finite differences of the sum of
outputs see each of them.  Edges are all of one shape, so that compiled kernels are shared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from gradtier.inputs import Input, distinct, values

#: The shape of an interior; an edge has six points.
INTERIOR = (4, 3)

#: Around zero: exactly there, of both signs, and far below the roundoff of one.
ZERO = (0.0, 1e-20, -(2.0**-20), 1e-3, -0.01, 2.0**-6)

#: Within one magnitude, as multiples of it; every other one is negative where that is allowed.
SPREAD = (1.0, 1.5, 2.0, 2.75, 3.5, 4.5)


@dataclass(frozen=True)
class Domain:
    """Where a real function of one argument lives, and what is special there.

    Attributes:
        low: where the function ends or has a pole; open.
        high: the other end.
        interior: an interval with nothing special in it.
        kinks: points where the slopes from the left and from the right differ.
        singular: interior points that are no kinks and where it can't be differentiated (jumps).
        near: the distance from a finite end at which the function is tried.
        flat: magnitudes, from where it just bends to where it no longer does.
        tiny: a magnitude near a singularity at zero.
        huge: magnitudes up to which value and derivative are finite in float32; a negative one is
            on the left.
        even: whether the function is as large on the left as on the right, so that both signs of a
            magnitude go together.
    """

    low: float = -math.inf
    high: float = math.inf
    interior: tuple[float, float] = (-2.0, 2.0)
    kinks: tuple[float, ...] = ()
    singular: tuple[float, ...] = ()
    near: float = 2.0**-10
    flat: tuple[float, ...] = ()
    tiny: float | None = None
    huge: tuple[float, ...] = ()
    even: bool = True


@dataclass(frozen=True)
class Point:
    """The input of one case.

    Attributes:
        suffix: what stands behind the function's name; empty for the interior.
        words: the same for readers.
        given: the points.
        tags: the case's tags.
    """

    suffix: str
    words: str
    given: Input
    tags: tuple[str, ...] = ()


def points(domain: Domain) -> Iterator[Point]:
    """One input for every class of points that the domain has; the interior comes first.

    Where zero is an ordinary point, half of the interior lies at it and around it: slopes there are
    of the size that they have elsewhere.
    """
    if domain.low < 0.0 < domain.high and 0.0 not in (*domain.kinks, *domain.singular):
        yield Point("", "", _around_zero(domain), ("zero",))
    else:
        low, high = domain.interior
        yield Point("", "", distinct(*INTERIOR, low=low, high=high))
    if domain.kinks:
        yield Point("kink", f"at its kink {_named(domain.kinks)}", _kinks(domain.kinks), ("kink",))
    if ends := [e for e in (domain.low, domain.high) if math.isfinite(e) and e != 0.0]:
        yield Point("end", f"close to {_named(ends)}", _ends(domain, ends), ("end",))
    if domain.flat:
        both = [sign * m for m in domain.flat for sign in (1.0, -1.0)]
        yield Point("saturated", "where it saturates, both tails", values(both), ("saturated",))
    if domain.tiny is not None:
        yield Point("tiny", f"near {domain.tiny:g}", _scaled(domain, domain.tiny), ("tiny",))
    for size in domain.huge:
        suffix = "huge" if size > 0.0 else "huge_negative"
        yield Point(suffix, f"near {size:g}", _scaled(domain, size), ("huge",))


def _around_zero(domain: Domain) -> Input:
    low, high = domain.interior
    spread = [low + (high - low) * part for part in (0.04, 0.2, 0.37, 0.64, 0.83, 0.97)]
    flat = [*spread, *ZERO]
    return values([flat[i : i + INTERIOR[1]] for i in range(0, len(flat), INTERIOR[1])])


def _named(places: tuple[float, ...] | list[float]) -> str:
    return ", ".join(f"{place:.4g}" for place in places)


def _kinks(kinks: tuple[float, ...]) -> Input:
    """The kinks among points that are none."""
    away = (-1.5, 2.0, 0.5, -0.25, 3.0, -2.75)
    return values([*kinks, *away[: 6 - len(kinks)]])


def _ends(domain: Domain, ends: list[float]) -> Input:
    steps = (1.0, 3.0, 7.0, 20.0, 55.0, 75.0)[: 6 // len(ends)]
    inward = {domain.low: 1.0, domain.high: -1.0}
    return values([end + inward[end] * domain.near * step for end in ends for step in steps])


def _scaled(domain: Domain, size: float) -> Input:
    """Multiples of a magnitude, of both signs where that makes no difference to the sum.

    What grows exponentially is tried within a few units: the sum is to see each of the points.
    """
    narrow = abs(size) < 100.0 and size != domain.tiny
    grown = [1.0 + m / 64.0 for m in SPREAD] if narrow else SPREAD
    both = -1.0 if domain.even and domain.low < -abs(size) else 1.0
    return values([m * size * both**i for i, m in enumerate(grown)])


@dataclass(frozen=True)
class Plane:
    """Where a real function of two arguments, ``x`` and ``y``, lives, and what is special there.

    Attributes:
        left: an interval for x with nothing special in it.
        right: the same for y.
        ties: what it has where x equals y: ``kink``, ``ties`` (smooth, but a formula may choose),
            or nothing.
        axes: whether it is smooth where one of them is zero and the other is not.
        origin: whether it has a kink where both are zero.
        apart: differences from where one argument just wins to where the other no longer matters.
        tiny: a magnitude of both at which value and derivative are still finite in float32.
        huge: the same.
    """

    left: tuple[float, float] = (-2.0, 2.0)
    right: tuple[float, float] = (-2.0, 2.0)
    ties: str = ""
    axes: bool = False
    origin: bool = False
    apart: tuple[float, ...] = ()
    tiny: float | None = None
    huge: float | None = None


@dataclass(frozen=True)
class Pair:
    """The two inputs of one case; see :class:`Point`."""

    suffix: str
    words: str
    x: Input
    y: Input
    tags: tuple[str, ...] = ()


def pairs(plane: Plane) -> Iterator[Pair]:
    """Inputs for every class of points that the plane has; the interior, broadcast, comes first."""
    x, y = (distinct(*shape, low=low, high=high) for shape, (low, high) in _shaped(plane))
    yield Pair("", "", x, y)
    equal = values([1.0, -2.0, 0.5, 1.5, 0.0, -0.25])
    if plane.ties:
        beside = values([1.0, 3.0, 0.5, -1.0, 0.0, -0.75])  # four are equal, two aren't
        words = "equal arguments and unequal ones"
        yield Pair(plane.ties, words, equal, beside, (plane.ties,))
    if plane.axes:
        # x at zero beside a positive y alone: angles jump where y is negative
        x, y = values([0.0, 0.0, 1.5, -0.5, 0.75, 1e-3]), values([1.0, 2.0, 0.0, 0.0, 1e-20, 1.0])
        yield Pair("zero", "one argument at zero", x, y, ("zero",))
    if plane.origin:
        x, y = values([0.0, 1.5, -0.5, 2.0, -1.0, 0.25]), values([0.0, 2.0, 1.0, -0.5, -3.0, 0.5])
        yield Pair("kink", "both arguments at zero", x, y, ("kink",))
    if plane.apart:
        x = values([sign * d for d in plane.apart for sign in (1.0, -1.0)])
        yield Pair("saturated", "one argument far above the other", x, equal, ("saturated",))
    for suffix, size in (("tiny", plane.tiny), ("huge", plane.huge)):
        if size is not None:
            first, second = (values([size * m for m in row]) for row in (SPREAD, SPREAD[::-1]))
            yield Pair(suffix, f"arguments near {size:g}", first, second, (suffix,))


def _shaped(plane: Plane) -> tuple[tuple[tuple[int, ...], tuple[float, float]], ...]:
    return (INTERIOR, plane.left), (INTERIOR[1:], plane.right)
