"""What the oracle answers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gradtier.oracle.constants import FD_FACTOR
from gradtier.oracle.ladder import Ladder

FINITE_DIFFERENCES = "finite-differences"
REFERENCE = "reference"
ADJOINT = "adjoint-identity"


class Outcome(StrEnum):
    """The three answers; the engine adds those that say nothing about numbers."""

    AGREE = "agree"
    WRONG = "wrong"
    INCONCLUSIVE = "inconclusive"


class Reason(StrEnum):
    """Why a derivative is wrong."""

    VALUE = "value"
    SEVERED = "severed"
    NONFINITE = "nonfinite"
    SHAPE = "shape"
    UNSTABLE = "unstable"
    MUTATED = "mutated"
    STALE = "stale"


class Finding(StrEnum):
    """Observations that accompany a verdict of any outcome.

    Attributes:
        REFERENCE_WRONG: finite differences contradict the reference, not the backend.
        CONFLICT: backend and reference agree, finite differences contradict both.
        IMPRECISE: an error far above rounding that shrinks with the precision.
        AT_POINT_ONLY: wrong at this point, right beside it (ties, zeros).
        KINK: one-sided slopes differ; any value between them is an allowed convention.
        JUMP: the function is discontinuous; judged at a nearby point.
        NONFINITE_BOTH: backend and reference are both not finite, at the same elements.
        AGREE_ZERO: both are zero to within rounding of the terms, which is all one can know.
        NO_REFERENCE: finite differences judged alone.
        DIRECTIONS_ONLY: without a reference, and too large to be checked by coordinate.
        REFERENCE_ONLY: finite differences could not tell; the reference judged alone.
        NO_POWER: rounding noise is as large as most of the derivative.
        NOISIER: the backend's rounding noise is above the reference's, within the allowed cap.
        LEANING_WRONG: differs from the reference where finite differences are not sharp enough.
        OVERFLOW: not finite where the reference in the tested precision is not finite either.
        DIVERGES: the slope grows without bound, or the function ends at this point.
        WRONG_NEARBY: accused at a jittered point next to the kink or jump.
        COMPLEX_STEP: a complex step confirmed what finite differences could not.
        HIGH_PRECISION: the function itself, in many digits, decided where they could not.
        ELSEWHERE: at another point it differs from the reference's answer there.
        PRIMAL: the primal raises, changes its shape or is not finite at or around the point.
    """

    REFERENCE_WRONG = "reference-wrong"
    CONFLICT = "conflict"
    IMPRECISE = "imprecise"
    AT_POINT_ONLY = "at-point-only"
    KINK = "kink"
    JUMP = "jump"
    NONFINITE_BOTH = "nonfinite-both"
    AGREE_ZERO = "agree-zero"
    NO_REFERENCE = "no-reference"
    DIRECTIONS_ONLY = "directions-only"
    REFERENCE_ONLY = "reference-only"
    NO_POWER = "no-power"
    NOISIER = "noisier"
    LEANING_WRONG = "leaning-wrong"
    OVERFLOW = "overflow"
    DIVERGES = "diverges"
    WRONG_NEARBY = "wrong-nearby"
    COMPLEX_STEP = "complex-step"
    HIGH_PRECISION = "high-precision"
    ELSEWHERE = "elsewhere"
    PRIMAL = "primal"


@dataclass(frozen=True)
class Worst:
    """The worst element.

    Attributes:
        leaf: number of the leaf.
        index: flat index in it.
        got: what the backend says.
        reference: what the reference says, if there is one.
        fd: the finite-difference slope by this element, if it was asked for.
        fd_error: its bar, before the factor of 8 with which it is shown and used.
        allowed: the largest difference from the reference that its noise allows.
        part: "real" or "imaginary" for an element of a complex leaf.
        ladder: steps with the difference quotients less ``fd``, if that was asked for.
    """

    leaf: int
    index: int
    got: float
    reference: float | None = None
    fd: float | None = None
    fd_error: float | None = None
    allowed: float | None = None
    part: str | None = None
    ladder: Ladder = ()

    @property
    def place(self) -> str:
        """Leaf, index and part as a reader finds them."""
        return f"leaf {self.leaf}[{self.index}]" + (f".{self.part}" if self.part else "")


@dataclass(frozen=True)
class Verdict:
    """The oracle's answer with its numbers.

    Attributes:
        outcome: agree, wrong or inconclusive.
        reason: set exactly when the outcome is wrong.
        detail: one readable sentence.
        witnesses: those that were used: "finite-differences", "reference", "adjoint-identity".
        convention: at a kink: "left", "right", "middle", "zero" or "between"; "mixed" if the
            elements of a gradient have several.
        worst: the worst element, if there is one.
        margin_reference: largest |difference| / tolerance against the reference; above 1 fails.
        margin_fd: the same against finite differences.
        no_power: share of the elements left out because their noise is as large as they are.
        noise_ratio: the backend's rounding noise over the reference's, where it was measured.
        rows: the largest number of finite-difference rows seen.
        primal_evaluations: spent on this judgement, besides those of the shared dossier.
        derivative_evaluations: the same for the backend's derivative.
        findings: codes of `Finding`, sorted.
    """

    outcome: Outcome
    reason: Reason | None
    detail: str
    witnesses: tuple[str, ...] = ()
    convention: str | None = None
    worst: Worst | None = None
    margin_reference: float | None = None
    margin_fd: float | None = None
    no_power: float = 0.0
    noise_ratio: float | None = None
    rows: int = 0
    primal_evaluations: int = 0
    derivative_evaluations: int = 0
    findings: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """A JSON-safe dict: plain values; "nan", "inf" and "-inf" as strings.

        The ladder of the worst element is in it where it is looked at: where the verdict is not
        agreement, or finite differences alone gave it.
        """
        worst: dict[str, Any] | None = None
        if self.worst is not None:
            worst = {
                "leaf": self.worst.leaf,
                "index": self.worst.index,
                "got": _plain(self.worst.got),
                "reference": _plain(self.worst.reference),
                "fd": _plain(self.worst.fd),
                "fd_error": _plain(self.worst.fd_error),
                "allowed": _plain(self.worst.allowed),
                "part": self.worst.part,
            }
            alone = self.witnesses == (FINITE_DIFFERENCES,)
            if self.worst.ladder and (alone or self.outcome is not Outcome.AGREE):
                steps, off = zip(*self.worst.ladder, strict=True)
                worst["ladder"] = {"step": list(steps), "off": list(off)}
        return {
            "outcome": self.outcome.value,
            "reason": None if self.reason is None else self.reason.value,
            "detail": self.detail,
            "witnesses": list(self.witnesses),
            "convention": self.convention,
            "worst": worst,
            "margin_reference": _plain(self.margin_reference),
            "margin_fd": _plain(self.margin_fd),
            "no_power": _plain(self.no_power),
            "noise_ratio": _plain(self.noise_ratio),
            "rows": self.rows,
            "primal_evaluations": self.primal_evaluations,
            "derivative_evaluations": self.derivative_evaluations,
            "findings": list(self.findings),
        }

    def __str__(self) -> str:
        """A few readable lines."""
        head = self.outcome.value if self.reason is None else f"{self.outcome}: {self.reason}"
        lines = [f"{head} - {self.detail}"]
        if self.worst is not None:
            w = self.worst
            parts = [f"got {w.got:.17g}"]
            if w.reference is not None:
                bar = "" if w.allowed is None else f" +- {w.allowed:.2g}"
                parts.append(f"reference {w.reference:.17g}{bar}")
            if w.fd is not None:
                wide = FD_FACTOR * (w.fd_error or 0.0)
                parts.append(f"finite differences {w.fd:.17g} +- {wide:.2g}")
            lines.append(f"  {w.place}: " + ", ".join(parts))
        margins = [
            f"{name} {value:.3g}"
            for name, value in (("reference", self.margin_reference), ("fd", self.margin_fd))
            if value is not None
        ]
        if margins:
            lines.append("  difference / tolerance: " + ", ".join(margins))
        if self.findings:
            lines.append("  findings: " + ", ".join(self.findings))
        return "\n".join(lines)


def _plain(value: float | None) -> float | str | None:
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else str(number)
