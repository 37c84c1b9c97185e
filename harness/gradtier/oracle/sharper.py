"""Witnesses that are asked where finite differences are not sharp.

The *complex step* (Squire and Trapp, SIAM Review 40 (1998) 110-112), Im f(x + i h v) / h for a tiny
h, subtracts nothing and so loses nothing, if the function accepts complex numbers and is analytic.
Whether it is, nobody says; so it may take a side only together with another witness.

*High precision* differences the function itself in so many digits that nothing is left to doubt. It
needs the function written for mpmath numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from gradtier.oracle.types import Array, BatchedPrimal, Leaves, Paired

COMPLEX_STEP = 2.0**-180
"""Small enough for h**2 to vanish beside 1, large enough for h times anything to stay normal."""

SMOOTH_TO = 1e-12
"""One-sided slopes in high precision that differ by a larger share are those of a kink."""

Exact: TypeAlias = Callable[[Leaves], Sequence[Any]]
"""The function on object arrays of mpmath numbers; gives leaves of them in the same order."""


@dataclass(frozen=True)
class Sharper:
    """What may be asked where finite differences are not sharp.

    Attributes:
        complex_step: the primal may be called with complex leaves where its input is real.
        exact: the primal for mpmath numbers, if there is one.
        digits: decimal digits that it is computed in.
    """

    complex_step: bool = False
    exact: Exact | None = None
    digits: int = 120


NOTHING_SHARPER = Sharper()


def by_complex_step(
    primal: BatchedPrimal, x: Leaves, direction: Leaves, value: Leaves
) -> Array | None:
    """The slope of every output along a direction, flat; None if the primal can't say.

    Args:
        primal: the function.
        x: the point, real.
        direction: shaped like `x`.
        value: the function at `x`, real.
    """
    point = tuple(a + 1j * (COMPLEX_STEP * v) for a, v in zip(x, direction, strict=True))
    try:
        with np.errstate(all="ignore"):
            (answer,) = primal([point])
            leaves = tuple(np.asarray(leaf) for leaf in answer)
    except Exception:
        return None
    if [leaf.shape for leaf in leaves] != [leaf.shape for leaf in value]:
        return None
    if not leaves or not all(leaf.dtype.kind == "c" for leaf in leaves):
        return None  # an imaginary part was thrown away on the way
    return np.concatenate([leaf.imag.ravel() / COMPLEX_STEP for leaf in leaves])


def by_high_precision(
    sharper: Sharper, x: Leaves, direction: Leaves, paired: Paired
) -> tuple[Array, Array] | None:
    """The slope of every output along a direction and its error, flat; None if it can't be had.

    Where right and left differ, as at a kink, the error is infinite.

    Raises:
        ImportError: mpmath is not installed.
    """
    if sharper.exact is None:
        return None
    import mpmath

    with mpmath.workdps(sharper.digits):
        step = mpmath.mpf(10) ** -(sharper.digits // 3)
        try:
            rows = [
                _numbers(mpmath, sharper.exact(_moved(mpmath, x, direction, t, paired)))
                for t in (-step, mpmath.mpf(0), step)
            ]
        except (ArithmeticError, AttributeError, NotImplementedError, TypeError, ValueError):
            return None
        slopes, errors = [], []
        for low, middle, high in zip(*rows, strict=True):
            right, left = (high - middle) / step, (middle - low) / step
            slope = (right + left) / 2
            finite = bool(mpmath.isfinite(slope))
            smooth = finite and abs(right - left) <= SMOOTH_TO * (abs(right) + abs(left))
            slopes.append(float(slope))
            errors.append(abs(float(slope)) * 2.0**-53 if smooth else np.inf)
    return np.array(slopes), np.array(errors)


def _moved(mpmath: Any, x: Leaves, direction: Leaves, t: Any, paired: Paired) -> Leaves:
    moved = []
    for number, (leaf, along) in enumerate(zip(x, direction, strict=True)):
        made = np.empty(leaf.shape, dtype=object)
        for index in np.ndindex(leaf.shape):
            made[index] = mpmath.mpf(float(leaf[index])) + t * mpmath.mpf(float(along[index]))
        if paired and paired[number]:
            pairs, made = made, np.empty(leaf.shape[:-1], dtype=object)
            for index in np.ndindex(made.shape):
                made[index] = mpmath.mpc(*pairs[index])
        moved.append(made)
    return tuple(moved)


def _numbers(mpmath: Any, leaves: Sequence[Any]) -> list[Any]:
    """All numbers of the leaves, a complex one as two."""
    out: list[Any] = []
    for leaf in leaves:
        for item in np.asarray(leaf, dtype=object).ravel():
            number = mpmath.mpmathify(item)
            out += [number.real, number.imag] if isinstance(number, mpmath.mpc) else [number]
    return out
