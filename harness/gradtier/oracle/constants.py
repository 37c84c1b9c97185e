"""The oracle's constants, each with its reason; tolerances are stated here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

UNIT = 2.0**-53
"""Unit roundoff of float64."""

ROWS = (4, 8, 12, 24)
"""Numbers of grid rows at which a finite difference is looked at; the last one decides."""

QUICK_ROWS = (4, 6, 8)
"""Numbers of rows at which a reference may be confirmed before its noise has been measured."""

FULL_ROWS = ROWS[-1]
"""Rows before anything is called wrong: at 4 rows about 2.5 % of smooth cases sit on a plateau."""

FIRST_EXPONENT = 4
"""The coarsest step is 2**-4 of the direction, which itself is scaled to the point."""

FD_FACTOR = 8.0
"""A claim agrees within this many error bars (the largest |error| / bar measured was 0.86)."""

SHARP = 1e-9
"""Bar over scale at which refinement may stop before 12 rows."""

FAST = 1e-6
"""Bar over scale at which the 4-row fast path may say that a claim agrees."""

MEANINGFUL = 0.1
"""A bar (times FD_FACTOR) above this share of the scale says nothing."""

BLUNT = 1e-2
"""A bar above this share of the slope is too blunt to accuse anybody."""

KINK = 1e-6
"""One-sided slopes must differ by this share at least to be called a kink."""

RESIDUE = 0.25
"""An answer that moves by this share of itself when its seed is split is rounding, not a value."""

STALE = 1e-6
"""An answer that should change by this share from one point to another, and does not, is stale."""

NEAR_MISS = 16.0
"""Up to this many tolerances a claim may show its own rounding noise, capped by the same factor."""

SINGLE_TO_DOUBLE = 2.0**-29
"""Ratio of the unit roundoffs of float64 and float32: rounding noise shrinks by it."""

MAX_ARBITRATED = 4
"""Elements of a pullback on which finite differences by coordinate arbitrate."""

MAX_ARBITRATED_OUTPUTS = 32
"""Elements of a pushforward that are arbitrated (they cost no further evaluations)."""

SMALL_INPUT = 64
"""Up to this many elements, a pullback without a reference is checked coordinate by coordinate."""

CHUNK_ELEMENTS = 2**22
"""Elements (inputs plus outputs) that one batch of evaluations may hold, 32 MiB of float64."""


@dataclass(frozen=True)
class Precision:
    """What the oracle has to know about the precision under test.

    Attributes:
        unit: unit roundoff.
        factor: an element agrees within this many measured noises. Right backends reached 8.3
            (float64), 10.8 (float32), 4.2 (float16), 4.7 (bfloat16).
        weak: a tolerance above this share of an element's scale has no power.
        hopeless: root-mean-square noise over value at which a whole leaf has no power.
        tiny: smallest noise that is believed; below it subnormals may be flushed to zero.
    """

    unit: float
    factor: float
    weak: float
    hopeless: float
    tiny: float


PRECISIONS = {
    "float64": Precision(2.0**-53, 16.0, 0.1, 0.01, 1e-300),
    "float32": Precision(2.0**-24, 16.0, 0.1, 0.01, 1.2e-35),
    "float16": Precision(2.0**-11, 16.0, 0.25, 0.06, 6.2e-5),
    "bfloat16": Precision(2.0**-8, 8.0, 0.5, 0.06, 1.2e-35),
}


def round_to(values: np.ndarray, dtype: str) -> np.ndarray:
    """Rounds float64 values to those that `dtype` represents, kept as float64.

    Args:
        values: float64 array of any shape.
        dtype: a key of `PRECISIONS`.
    """
    if dtype == "float64":
        return values
    with np.errstate(all="ignore"):
        if dtype == "float32":
            return values.astype(np.float32).astype(np.float64)
        if dtype == "float16":
            return values.astype(np.float16).astype(np.float64)
        bits = values.astype(np.float32).view(np.uint32)
        bits = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
        rounded = (bits & np.uint32(0xFFFF0000)).view(np.float32)
        return rounded.astype(np.float64)
