"""What a script asks: the point, the seed and the element that a record is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradtier.cases import Case
from gradtier.evidence import Record
from gradtier.inputs import in_precision
from gradtier.matrix import Matrix
from gradtier.messages import Leaves
from gradtier.model import Mode, Nesting, Outcome, Reason, TrialId
from gradtier.oracle import as_leaves
from gradtier.oracle.draws import FAMILIES, cotangents, direction, jittered
from gradtier.oracle.types import outward, pairing
from gradtier.repro import parts
from gradtier.witnesses import primal, question

#: What the oracle says before what it says of another point.
ELSEWHERE, BESIDE = "at another point ", "at a point beside the kink or jump: "


@dataclass(frozen=True)
class Element:
    """The element that was the worst one.

    Attributes:
        leaf, index: where it is; index in a flat array.
        reference: the right value, real or complex where both parts are one element.
        allowed: how far an answer may be from it.
    """

    leaf: int
    index: int
    reference: float
    allowed: float
    part: str | None = None


@dataclass(frozen=True)
class Asked:
    """A question with numbers.

    Attributes:
        case: the case.
        mode, nesting, dtype: which map of it, in which precision.
        x: the point, in float64 or complex128.
        constants: what is not differentiated.
        fixed: what comes before the direction in the seed of a nested map.
        seed: the direction.
        y: the function's value on NumPy, if it has one there.
        elsewhere: another point.
        worst: the element that the record names, if it is one of this point and seed.
    """

    case: Case
    mode: Mode
    nesting: Nesting
    dtype: str
    x: Leaves
    constants: Leaves
    fixed: Leaves
    seed: Leaves
    y: Leaves | None
    elsewhere: Leaves
    worst: Element | None

    @property
    def map_name(self) -> str:
        """``vjp``, ``jvp``, ``hvp`` or ``second``."""
        if self.nesting is Nesting.NONE:
            return "vjp" if self.mode is Mode.REVERSE else "jvp"
        both = self.mode is Mode.FORWARD and self.nesting is Nesting.FORWARD
        return "second" if both else "hvp"

    @property
    def is_complex(self) -> bool:
        """Whether a complex number takes part."""
        every = (*self.x, *self.constants, *self.fixed, *self.seed, *(self.y or ()))
        return any(np.iscomplexobj(a) for a in every)

    @property
    def way(self) -> str:
        """The name of the finite differences, in :mod:`gradtier.repro.parts`."""
        turned = self.map_name in ("vjp", "hvp") and any(map(np.iscomplexobj, self.x))
        return f"{'complex_' if turned else ''}{self.map_name}_by_differences"

    def differences(self, f: Callable[..., Any]) -> tuple[Any, Any]:
        """The answer by finite differences of ``f``, with error bars, flat."""
        named = getattr(parts, self.way)
        fixed = (self.fixed,) if self.nesting is not Nesting.NONE else ()
        found: tuple[Any, Any] = named(f, self.x, *fixed, self.seed)
        return found


def asked(matrix: Matrix, case: Case, trial: TrialId, record: Record | None) -> Asked:
    """The question of a trial, at the point and with the seed that its record is about.

    Raises:
        Exception: whatever the case raises on NumPy, where its inputs are drawn after its outputs.
    """
    cell, row = trial.cell, matrix.backends[trial.cell.backend]
    q = question(matrix, case, row.mode, cell.nesting, cell.dtype)
    constants = tuple(in_precision(c, cell.dtype) for c in case.draw()[1])
    f = primal(matrix, case, cell.dtype)
    paired, name = pairing(q.x), q.name
    real = as_leaves(q.x)
    detail = record.detail if record is not None else ""
    moved = outward(jittered(name + "/elsewhere", real), paired)
    x, worst = q.x, _worst(record)
    if detail.startswith(ELSEWHERE):
        x, name, worst = moved, f"{name}#elsewhere", None
    elif detail.startswith(BESIDE):
        name = f"{name}#beside"
        x = outward(jittered(q.name, real), paired)
    try:
        y: Leaves | None = f(x)
    except Exception:
        y = None
    plain = Asked(
        case, row.mode, cell.nesting, cell.dtype, x, constants, q.fixed, x, y, moved, worst
    )
    if not sum(np.size(a) for a in x):
        seeds = [x]
    elif plain.map_name == "vjp":
        assert y is not None
        drawn = cotangents(name, as_leaves(y))
        seeds = [outward(seed, pairing(y)) for seed in drawn]
    else:
        seeds = [outward(direction(name, as_leaves(x), family), paired) for family in FAMILIES]
    return _with_seed(plain, seeds, f, record)


def _worst(record: Record | None) -> Element | None:
    """The worst element with its reference, where that is believed."""
    if record is None or record.verdict is None:
        return None
    verdict, told = record.verdict, record.verdict.get("worst")
    if not isinstance(told, dict):
        return None
    place = int(told["leaf"]), int(told["index"])
    if "reference-wrong" in (verdict.get("findings") or ()):  # then finite differences decided
        value, error = _number(told.get("fd")), _number(told.get("fd_error"))
        known = np.isfinite(value) and np.isfinite(error) and record.outcome == Outcome.WRONG
        return Element(*place, value, 8.0 * error, told.get("part")) if known else None
    if record.outcome == Outcome.AGREE and not _number(verdict.get("margin_reference"), 2.0) <= 1.0:
        return None  # at a kink, where several answers are right
    reference, allowed = _number(told.get("reference")), _number(told.get("allowed"))
    if not np.isfinite(reference) or not np.isfinite(allowed):
        return None
    if record.outcome == Outcome.AGREE:
        allowed *= 4.0
    return Element(*place, reference, allowed, told.get("part"))


def _number(told: Any, default: float = float("nan")) -> float:
    try:
        return default if told is None else float(told)
    except (TypeError, ValueError):
        return default


def _with_seed(
    plain: Asked, seeds: list[Leaves], f: Callable[[Leaves], Leaves], record: Record | None
) -> Asked:
    """Of the seeds that a backend is asked with, the one for which the reference was recorded."""
    found = [replace(plain, seed=seed) for seed in seeds]
    worst = plain.worst
    if worst is None or len(found) == 1 or plain.y is None:
        return replace(found[0], worst=worst if len(found) == 1 else None)
    gaps = []
    for one in found:
        try:
            value, _ = one.differences(parts.quiet(lambda *x: f(tuple(x))))
            like = one.x if one.map_name in ("vjp", "hvp") else one.y or ()
            start = sum(np.size(a) for a in like[: worst.leaf])
            number = value[start + worst.index]
            seen = number.imag if worst.part == "imaginary" else number.real
            gaps.append(abs(seen - worst.reference))
        except Exception:
            gaps.append(float("inf"))
    gaps = [g if np.isfinite(g) else float("inf") for g in gaps]
    first, second = sorted(gaps)[:2]
    if first == float("inf") or first > 0.5 * second or first > 0.05 * abs(worst.reference) + 1e-6:
        chosen = found[int(np.argmin(gaps))]  # of neither for certain
        broken = record is not None and record.reason == Reason.NONFINITE
        # whatever the reference is: where it is finite, so is a right answer
        return replace(chosen, worst=replace(worst, allowed=1e300) if broken else None)
    return found[int(np.argmin(gaps))]
