"""The adjoint identity: a pushforward and a pullback of the same function must fit together.

<w, J v> = <J* w, v> holds for every tangent v and cotangent w. It needs no primal, no step size and
no other backend, and sees an error in a single element; but it cannot tell which of the two is
wrong, nor that both are wrong in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradtier.oracle.asking import Asker, trusted
from gradtier.oracle.constants import MEANINGFUL, PRECISIONS
from gradtier.oracle.dossier import form_of
from gradtier.oracle.draws import FAMILIES, cotangents, direction, flat, jittered, perturbed, split
from gradtier.oracle.types import Array, Leaves, Map, OracleError, Query, as_leaves, pairing
from gradtier.oracle.verdict import ADJOINT, Finding, Outcome, Reason, Verdict

PROBES = 2


def adjoint(
    name: str,
    x: Leaves,
    value: Leaves,
    pullback: Map,
    pushforward: Map,
    dtype: str = "float64",
) -> Verdict:
    """Judges a pair of maps by <w, J v> = <J* w, v>, both sides with measured rounding noise.

    Args:
        name: the trial's name; tangents, cotangents and probes are drawn from it.
        x: the point.
        value: the function there; only its shapes, and which leaves are complex, are used.
        pullback: the VJP, in the convention of `gradtier.oracle.conjugated`.
        pushforward: the JVP.
        dtype: the precision that both are computed in.

    Returns:
        Agree; wrong if the two contradict each other at `x` and at a point beside it; or
        inconclusive, with the reason: noise as large as the terms, an answer that is not finite,
        or a contradiction at `x` alone, as kinks allow it.

    Raises:
        OracleError: if there is nothing to differentiate, or an answer has a wrong shape.
    """
    paired_x, paired_y = pairing(x), pairing(value)
    if not paired_x:
        raise OracleError("there are no inputs to differentiate with respect to")
    point, like = as_leaves(x), as_leaves(value)
    pull = Asker(pullback, form_of("pullback", point, paired_x, like, paired_y))
    push = Asker(pushforward, form_of("pushforward", point, paired_x, like, paired_y))
    found = _sides(name, point, like, pull, push, dtype)
    beside = None
    if found.contradicts:
        beside = _sides(name + "#beside", jittered(name, point), like, pull, push, dtype)
    return _verdict(found, beside, pull.count + push.count)


@dataclass(frozen=True)
class _Sides:
    """Both sides of the identity for several pairs of a tangent and a cotangent; (pairs,)."""

    pushed: Array
    pulled: Array
    tolerance: Array
    scale: Array

    @property
    def blind(self) -> bool:
        with np.errstate(all="ignore"):
            return not bool(np.all(self.tolerance <= MEANINGFUL * self.scale + 1e-300))

    @property
    def margin(self) -> float:
        with np.errstate(all="ignore"):
            margin = np.abs(self.pushed - self.pulled) / self.tolerance
        return float(margin.max()) if margin.size else 0.0

    @property
    def contradicts(self) -> bool:
        finite = np.isfinite(self.pushed) & np.isfinite(self.pulled)
        with np.errstate(all="ignore"):
            return bool(np.any(finite & (np.abs(self.pushed - self.pulled) > self.tolerance)))


def _sides(name: str, x: Leaves, like: Leaves, pull: Asker, push: Asker, dtype: str) -> _Sides:
    if not flat(x).size or not flat(like).size:
        none = np.zeros(0)
        return _Sides(none, none, none, none)
    tangents = [direction(name, x, family) for family in FAMILIES]
    pulls, pushes = [], []
    for w, v in zip(cotangents(name, like), tangents, strict=True):
        pulls.append(_measured(name, x, w, v, pull, dtype, "pullback"))
        pushes.append(_measured(name, x, v, w, push, dtype, "pushforward"))
    (pulled, own, size), (pushed, other, size_too) = (
        tuple(np.array(part) for part in zip(*side, strict=True)) for side in (pulls, pushes)
    )
    # Both compute the same number, so the quieter one says how noisy that need be: precision that
    # one of them lost on the way is no excuse.
    least = 2.0 * PRECISIONS[dtype].unit * np.maximum(size, size_too)
    tolerance = 2.0 * PRECISIONS[dtype].factor * np.maximum(np.minimum(own, other), least)
    return _Sides(pushed, pulled, tolerance, np.maximum(size, size_too))


def _measured(
    name: str, x: Leaves, seed: Leaves, other: Leaves, asker: Asker, dtype: str, who: str
) -> tuple[float, float, float]:
    """<answer to seed, other>, its noise, and the size of the terms that are summed."""
    part, rest = split(name, seed, 2)
    queries: list[Query] = [(x, seed), (x, part), (x, rest)]
    for probe in range(1, PROBES + 1):
        moved = perturbed(name + "/point", x, dtype, probe)
        queries.append((moved, perturbed(name + "/seed", seed, dtype, probe)))
    rows = trusted(asker.ask(queries), who).rows
    vector = flat(other)
    with np.errstate(all="ignore"):
        terms = rows[0] * vector
        size = float(np.sqrt(np.sum(terms**2)))
        sums = rows @ vector
        split_noise = abs(sums[1] + sums[2] - sums[0])
        moves = np.abs(sums[3:] - sums[0])
        noise = float(np.max([split_noise, *moves]))
    return float(np.sum(terms)), noise, size


def _verdict(found: _Sides, beside: _Sides | None, asked: int) -> Verdict:
    findings: tuple[str, ...] = ()
    reason = None
    if not np.all(np.isfinite(found.pushed) & np.isfinite(found.pulled)):
        outcome, detail = Outcome.INCONCLUSIVE, "an answer is not finite"
    elif beside is not None and beside.contradicts:
        worst = int(np.argmax(np.abs(found.pushed - found.pulled) / found.tolerance))
        outcome, reason = Outcome.WRONG, Reason.VALUE
        detail = (
            f"forward and reverse contradict each other: <w, Jv> = {found.pushed[worst]:.9g},"
            f" <J*w, v> = {found.pulled[worst]:.9g}"
        )
    elif beside is not None:
        outcome = Outcome.INCONCLUSIVE
        detail = "forward and reverse differ at this point, but not beside it"
        findings = (Finding.AT_POINT_ONLY.value,)
    elif found.blind:
        outcome, detail = Outcome.INCONCLUSIVE, "rounding noise is as large as the terms"
        findings = (Finding.NO_POWER.value,)
    else:
        outcome, detail = Outcome.AGREE, "forward and reverse fit together"
    return Verdict(
        outcome=outcome,
        reason=reason,
        detail=detail,
        witnesses=(ADJOINT,),
        margin_reference=found.margin,
        derivative_evaluations=asked,
        findings=findings,
    )
