"""Derivatives of released packages that are wrong on the corpus, each confirmed without the oracle.

They were confirmed in the package alone against another formula in many digits, a closed form or
another package.  A verdict "wrong" on them is no false alarm, and "agree" would be a miss.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from systems import Kind, Question

BOTH = ("float64", "float32")
ALL: tuple[Kind, ...] = ("vjp", "jvp", "hvp")


@dataclass(frozen=True)
class Defect:
    """A derivative that a system gets wrong.

    Attributes:
        case: the function's id.
        system: the system's name.
        kinds: the maps that are wrong.
        why: what is wrong.
        dtypes: the precisions in which it shows.
    """

    case: str
    system: str
    kinds: tuple[Kind, ...]
    why: str
    dtypes: tuple[str, ...] = BOTH


TRIGAMMA = "trigamma is off by some 1e-10 of its value, far above rounding in float64"
DOUBLE = ("float64",)
SINGLE = ("float32",)


def _of(case: str, *systems: str, kinds: tuple[Kind, ...], why: str) -> Iterator[Defect]:
    """The same defect of several systems."""
    yield from (Defect(case, system, kinds, why) for system in systems)


DEFECTS: tuple[Defect, ...] = (
    Defect(
        "reductions/product_through_zero", "autograd", ALL,
        "the rule of prod divides by the elements: NaN where one is zero",
    ),
    *_of(
        "linalg/log_determinant_by_equal_eigenvalues", "jax", "torch", kinds=("hvp",),
        why="eigenvalues that coincide: 0 / 0 in the second derivative, which is finite",
    ),
    Defect("special/digamma", "torch", ("vjp", "jvp"), TRIGAMMA, DOUBLE),
    *(
        Defect(f"special/{name}", "torch", ("hvp",), f"{TRIGAMMA}: second derivative of lgamma",
               DOUBLE)
        for name in (
            "log_gamma", "dirichlet", "student_t", "negative_binomial", "multivariate_log_gamma",
        )
    ),
    Defect(
        "special/log_normal_tail", "jax", ALL,
        "log_ndtr at -30: its slope is off by 1.6e-10 of its value, its curvature by more", DOUBLE,
    ),
    Defect(
        "special/sinc_at_zero", "torch", ("hvp",),
        "the second derivative of sinc at zero is returned as 0; it is -pi**2 / 3",
    ),
    Defect("special/sinc_at_zero", "autograd", ALL, "the rule of sinc is 0 / 0 at zero"),
    *_of(
        "kinks/split_identity", "jax", "torch", "autograd", kinds=("vjp", "jvp"),
        why="where excludes zero from both halves of the identity: the slope 0 in place of 1",
    ),
    *_of(
        "jumps/masked_root", "jax", "torch", "autograd", kinds=("vjp", "hvp"),
        why="the branch that where hides sends back 0 times infinity: NaN in place of 1/4",
    ),
    Defect(
        "conditioning/singular_determinant", "torch", ("jvp",),
        "the tangent of det at a singular matrix is returned as 0; it is <adjugate, V>",
    ),
    Defect(
        "conditioning/mixed_scales_elementwise", "autograd", ("hvp",),
        "the second derivative of abs is 1/|x| - x**2/|x|**3, not zero but its rounding; in float32"
        " the fourth power of a quotient's denominator overflows to NaN",
    ),
    Defect(
        "conditioning/naive_logistic", "jax", ("jvp",),
        "the tangent of a quotient is g x * y**-2: infinity times zero where y**2 overflows",
        SINGLE,
    ),
    Defect(
        "conditioning/naive_logistic", "autograd", ("hvp",),
        "second derivative of 1 / (1 + exp(-x)): infinity over infinity where exp overflows; it is"
        " 1e-16 and less", SINGLE,
    ),
    Defect(
        "conditioning/naive_log_sum_exp", "jax", ("hvp",),
        "the tangent of 1 / y by y**-2 underflows to zero: a term of the Hessian is lost", SINGLE,
    ),
)  # fmt: skip
"""What is known; everything else of the systems on the corpus is taken for right."""


def known(question: Question, system: str, dtype: str | None = None) -> bool:
    """Whether a map of a system is known to be wrong.

    Args:
        question: the function and the map.
        system: the system's name.
        dtype: the precision; without it, whether it is wrong in any.
    """
    return any(
        (defect.case, defect.system) == (question.case.id, system)
        and question.kind in defect.kinds
        and (dtype is None or dtype in defect.dtypes)
        for defect in DEFECTS
    )
