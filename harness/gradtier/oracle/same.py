"""Whether two computations of the same value differ by more than rounding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradtier.oracle.constants import PRECISIONS
from gradtier.oracle.draws import perturbed
from gradtier.oracle.types import Array, BatchedPrimal, Leaves, as_leaves, pairing

PROBES = 3
LEAST = 8.0
"""Units in the last place that the same operations in another order may differ by, at least."""


def same_value(
    name: str, x: Leaves, value: Sequence[Array], evaluate: BatchedPrimal, dtype: str
) -> float:
    """How far ``value`` is from what ``evaluate`` gives at ``x``, in units of what rounding allows.

    The allowance of a leaf is measured: how far its elements move while the point is wiggled by
    units in the last place.  Elements that are not finite must be so on both sides alike.

    Args:
        name: seeds the probes.
        x: the point, float64 or complex128 leaves; only real leaves are wiggled.
        value: leaves, as another computation had them.
        evaluate: the function in the precision under test.
        dtype: that precision.

    Returns:
        0 where both are the same to the bit; above 1 where they differ; infinity where leaves or
        shapes differ.
    """
    (plain,) = evaluate([x])
    got = list(as_leaves(tuple(value)))
    here = list(as_leaves(tuple(plain)))
    if [a.shape for a in got] != [a.shape for a in here]:
        return float("inf")
    if all(np.array_equal(a, b, equal_nan=True) for a, b in zip(got, here, strict=True)):
        return 0.0
    real = not any(pairing(x))
    probes = [perturbed(f"{name}/same", x, dtype, i) for i in range(1, PROBES + 1)] if real else []
    moved = [as_leaves(tuple(leaves)) for leaves in (evaluate(probes) if probes else [])]
    return max(
        _margin(a, b, [m[i] for m in moved], dtype)
        for i, (a, b) in enumerate(zip(got, here, strict=True))
    )


def _margin(got: Array, here: Array, moved: list[Array], dtype: str) -> float:
    precision = PRECISIONS[dtype]
    with np.errstate(all="ignore"):
        finite = np.isfinite(here)
        if not np.array_equal(finite, np.isfinite(got)):
            return float("inf")
        if not finite.any():
            return 0.0
        away = [np.abs(m[finite] - here[finite]) for m in moved if m.shape == here.shape]
        noise = max((float(np.nanmax(a, initial=0.0)) for a in away), default=0.0)
        size = np.abs(here[finite])
        allowed = precision.factor * np.maximum(noise, LEAST * precision.unit * size)
        gap = np.abs(got[finite] - here[finite])
        return float(np.max(np.where(gap == 0.0, 0.0, gap / np.maximum(allowed, 1e-300))))
