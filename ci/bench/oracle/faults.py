"""Derivative maps that are wrong on purpose: a system's right map, broken in one known way.

Every fault is one that a rule of an AD system can have.  A fault is kept only where it changes
something that a caller can see (``effects``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import breaks
import numpy as np
from effects import Effect, Setting, effect
from systems import KINDS, Kind, hash_of

from gradtier.oracle import Map

Level = Literal["gross", "fine", "structure", "state", "point"]

#: Where the derivative's value at the point is a convention or does not exist.
UNCERTAIN = frozenset({"kink", "jump", "undefined"})
#: What no convention at a kink excuses; a gradient with a kink has no second derivative there.
ALWAYS: dict[Kind, tuple[Level, ...]] = {
    "vjp": ("structure", "state", "point"),
    "jvp": ("structure", "state", "point"),
    "hvp": ("structure", "state"),
}


@dataclass(frozen=True)
class Fault:
    """One way to be wrong.

    Attributes:
        name: how results call it.
        about: one line.
        kinds: the maps that can have it.
        level: "gross" and "fine" values; "structure" (shapes, NaN); "state" between calls;
            "point": at ties and zeros only.
        make: makes the broken map; None where the fault has no place in this question.
    """

    name: str
    about: str
    kinds: tuple[Kind, ...]
    level: Level
    make: breaks.Breaks


def effect_of(fault: Fault, setting: Setting) -> Effect | None:
    """What a fault changes; None where it does not apply or changes nothing."""
    broken = breaking(fault, setting)
    if broken is None:
        return None
    with np.errstate(all="ignore"):
        seen = effect(setting, broken, beside=fault.level == "state")
    return seen if seen.anything(setting.dtype) else None


def breaking(fault: Fault, setting: Setting) -> Map | None:
    """The broken map without a look at its effect; None where the fault does not apply."""
    question = setting.question
    if question.kind not in fault.kinds or not any(a.size for a in setting.like):
        return None
    uncertain = UNCERTAIN & question.case.tags
    if uncertain and (uncertain != {"kink"} or fault.level not in ALWAYS[question.kind]):
        return None
    return fault.make(setting, np.random.default_rng(hash_of(f"{question.name}:{fault.name}")))


def _values() -> tuple[Fault, ...]:
    """Values that are wrong in every call and at every point."""
    after, element = breaks.after, breaks.element
    return (
        Fault("factor-2", "twice the right value", KINDS, "gross", after(lambda a: 2.0 * a)),
        Fault("sign", "the opposite sign", KINDS, "gross", after(np.negative)),
        Fault("zero", "zero throughout", KINDS, "gross", after(np.zeros_like)),
        Fault("missing-term", "one element of the seed is not heard", KINDS, "gross",
              partial(breaks.marked, factor=0.0, whole=False)),
        Fault("missing-half", "half of the seed's elements are not heard", KINDS, "gross",
              partial(breaks.marked, factor=0.0, whole=True)),
        Fault("missing-reduction", "a broadcast leaf gets one slice, not their sum", ("vjp",),
              "gross", breaks.reduction(True)),
        Fault("transposed", "a leaf is transposed, its shape kept", KINDS, "gross",
              breaks.transposed),
        Fault("off-by-one", "a leaf is rolled by one along its last axis", KINDS, "gross",
              breaks.rolled),
        Fault("swapped", "two elements of a leaf are exchanged", KINDS, "gross", breaks.swapped),
        Fault("seed-ignored", "ones in place of the cotangent or tangent", KINDS, "gross",
              breaks.ignoring),
        Fault("conjugate", "the complex conjugate", KINDS, "gross", breaks.conjugate),
        Fault("element-1.5", "one element is 50 % too large", KINDS, "gross",
              element(lambda v: 1.5 * v)),
        Fault("second-missing", "the Hessian's columns of one input are missing", ("hvp",),
              "gross", breaks.second_leaf(0.0)),
        Fault("second-scaled", "part of the Hessian is 50 % too large", ("hvp",), "gross",
              breaks.second_leaf(1.5)),
        Fault("stale-trace", "evaluated at another point, at which it was first called", KINDS,
              "gross", breaks.stale),
        Fault("element-1e-3", "one element is off by 1e-3", KINDS, "fine",
              element(lambda v: v * (1.0 + 1e-3))),
        Fault("element-1e-5", "one element is off by 1e-5", KINDS, "fine",
              element(lambda v: v * (1.0 + 1e-5))),
        Fault("whole-1e-3", "everything is off by 1e-3", KINDS, "fine",
              after(lambda a: a * (1.0 + 1e-3))),
        Fault("whole-1e-5", "everything is off by 1e-5", KINDS, "fine",
              after(lambda a: a * (1.0 + 1e-5))),
        Fault("float32-inside", "computed in float32, handed over as float64", KINDS, "fine",
              breaks.single_inside),
    )  # fmt: skip


def _others() -> tuple[Fault, ...]:
    """Shapes, dtypes and missing values; states that leak; special points."""
    return (
        Fault("severed", "one leaf is not connected", KINDS, "gross", breaks.severed),
        Fault("nan", "one element is NaN", KINDS, "structure",
              breaks.element(lambda v: v * np.nan)),
        Fault("dtype", "rounded to the next lower precision", KINDS, "fine",
              breaks.after(breaks.narrow)),
        Fault("shape", "a broadcast leaf gets all slices, not their sum", ("vjp",), "structure",
              breaks.reduction(False)),
        Fault("mutates-point", "writes into the point it is given", KINDS, "state",
              breaks.mutating(0)),
        Fault("mutates-seed", "writes into the seed it is given", KINDS, "state",
              breaks.mutating(1)),
        Fault("buffer-query", "the next query overwrites the answer", KINDS, "state",
              breaks.buffered(True)),
        Fault("buffer-call", "the next call overwrites the answer", KINDS, "state",
              breaks.buffered(False)),
        Fault("accumulating", "adds to the former answers", KINDS, "state", breaks.accumulating),
        Fault("first-point", "every answer is that of the first point asked", KINDS, "state",
              breaks.frozen),
        Fault("factor-at-zero", "50 % too large with respect to exact zeros", KINDS, "point",
              breaks.factor_at_zero),
        Fault("shift-at-tie", "impossible where inputs are zero or tied", KINDS, "point",
              breaks.shifted_at_tie),
    )  # fmt: skip


FAULTS: tuple[Fault, ...] = (*_values(), *_others())
