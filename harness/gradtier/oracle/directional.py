"""A derivative along one direction with its error bar, for use outside of trials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradtier.oracle import differences
from gradtier.oracle.constants import FD_FACTOR, FULL_ROWS, ROWS, SHARP
from gradtier.oracle.draws import flat, leaf_scale, unflatten
from gradtier.oracle.evaluate import Evaluator
from gradtier.oracle.lines import Columns, Line, sample
from gradtier.oracle.types import (
    Leaves,
    OracleError,
    as_leaves,
    batched,
    items_of,
    outward,
    pairing,
)


def directional(f: Callable[[Any], Any], x: Any, v: Any) -> tuple[Any, Any]:
    """The slope of `f` at `x` along `v` by finite differences, with an error bar.

    Up to 48 evaluations of `f` besides the one at `x` itself. The bar bounds the error where `f`
    is smooth; at a kink the value lies between both one-sided slopes and the bar reaches them, at
    a jump the bar is infinite, and where `f` is not finite both are NaN and infinity.

    Args:
        f: takes what `x` is (an array or number, or a tuple of them), gives an array or a tuple.
        x: the point; real or complex.
        v: the direction, shaped like `x`; of any length.

    Returns:
        Value and error, each shaped like the output of `f`: arrays if it gives one array. Where
        that is complex, so are both: the parts of the error bound those of the value.

    Raises:
        OracleError: if `f` raises at `x`, or `v` is not shaped like `x`.
    """
    as_tuple = isinstance(x, list | tuple)
    paired = pairing(x)
    point = as_leaves(x)
    along = as_leaves(tuple(a + 0j if c else a for a, c in zip(items_of(v), paired, strict=False)))
    if [leaf.shape for leaf in point] != [leaf.shape for leaf in along]:
        raise OracleError("the direction is not shaped like the point")
    single = [False]

    def call(leaves: Leaves) -> Any:
        answer = f(leaves if as_tuple else leaves[0])
        single[0] = not isinstance(answer, list | tuple)
        return answer

    evaluator = Evaluator(batched(call), point, paired=paired)
    like, alone = evaluator.value, single[0]
    scale = _scale(point, along)
    scaled = tuple(np.asarray(leaf * scale) for leaf in along)
    line = Line.through(point, scaled, Columns(), like)
    rows = ROWS if _exact(line) else (FULL_ROWS,)
    for count in rows:
        sample([line], count, evaluator)
        found = differences.estimate(line.samples, vector=True)
        size = np.maximum(np.abs(found.value), 1e-6 * line.samples.size)
        smooth = not differences.bent(line.samples).any()
        if smooth and np.all(FD_FACTOR * found.error <= SHARP * size):
            break
    value, error = found.value, found.error
    if line.samples.rows == FULL_ROWS:
        error = _widened(line, value, error)
    values, errors = (
        outward(unflatten(part / scale, like), evaluator.paired) for part in (value, error)
    )
    return (values[0], errors[0]) if alone else (values, errors)


def _scale(point: Leaves, along: Leaves) -> float:
    """The power of two by which the direction gets the point's size, leaf by leaf at most."""
    ratios = [
        leaf_scale(leaf) / 2.0 ** np.ceil(np.log2(np.max(np.abs(part))))
        for leaf, part in zip(point, along, strict=True)
        if part.size and np.all(np.isfinite(part)) and np.any(part)
    ]
    return float(min(ratios)) if ratios else 1.0


def _exact(line: Line) -> bool:
    """Whether every step on the full grid carries no rounding error of its own."""
    start, along = flat(line.x), flat(line.direction)
    with np.errstate(all="ignore"):
        for h in differences.steps(FULL_ROWS):
            step = h * along
            if not (
                np.array_equal((start + step) - start, step)
                and np.array_equal((start - step) - start, -step)
            ):
                return False
    return True


def _widened(line: Line, value: Any, error: Any) -> Any:
    """The bar where the point is not smooth: to both one-sided slopes, or without bound."""
    about = differences.sides(line.samples)
    with np.errstate(all="ignore"):
        reach = np.maximum(np.abs(about.right - value), np.abs(about.left - value))
        error = np.where(about.kink, np.maximum(error, reach), error)
    return np.where(about.jump | differences.contradictory(line.samples), np.inf, error)
