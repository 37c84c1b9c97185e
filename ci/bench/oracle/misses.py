"""Why the oracle does not call some faults wrong, each looked at by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CANCELS = (
    "terms cancel to a small remainder: the fault is within 16 times the rounding noise that the"
    " broken map itself shows when its seed is split or its point wiggled"
)
BELOW = (
    "along the direction the slope is below the rounding of the function's own value, where a"
    " pushforward is not judged"
)
FINER = (
    "the function changes on a scale finer than the finest step, so that finite differences"
    " contradict the right reference as well; the verdict says that"
)
DEFECTIVE = (
    "the reference has a known defect here: finite differences contradict both, and the verdict"
    " says so or leans against the map"
)
BLUNT = (
    "float32 rounding of an ill-conditioned second derivative: the difference is above the"
    " reference's noise, but finite differences are not sharp enough to say who is right"
)
OUTSIDE = "the other point that is asked lies outside the domain, so that nothing shows"

#: By function; a fault is named where the function has several explanations.
EXPLAINED: dict[str, str] = {
    "linalg/log_determinant_by_equal_eigenvalues": (
        "the right Hessian is NaN (a known defect), so the broken one is: there is nothing to find"
    ),
    "special/digamma": DEFECTIVE,
    "special/sinc_at_zero": DEFECTIVE,
    "conditioning/singular_determinant": DEFECTIVE,
    "conditioning/hilbert_solve": BLUNT,
    "conditioning/nearly_singular_solve": FINER,
    "conditioning/nearly_singular_inverse": FINER,
    "chaotic/logistic_40": FINER,
    "chaotic/logistic_30": BLUNT,
    "conditioning/difference_of_roots": CANCELS,
    "conditioning/small_root": CANCELS,
    "conditioning/naive_log_sum_exp": CANCELS,
    "conditioning/expanded_power": CANCELS,
    "conditioning/collinear_least_squares": CANCELS,
    "conditioning/mixed_scales_sum": BELOW,
    "conditioning/naive_logistic": BELOW,
    "conditioning/overflow_in_single": BELOW,
    "chaotic/newton_towards_root": BELOW,
    "conditioning/arc_cosine_near_one": OUTSIDE,
}


def why(miss: Mapping[str, Any]) -> str:
    """The explanation of one miss, "" if there is none yet."""
    fault, function = str(miss["fault"]), str(miss["function"])
    return EXPLAINED.get(f"{function}: {fault}") or EXPLAINED.get(function) or ""
