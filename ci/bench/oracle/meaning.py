"""Whether a function means anything in a precision, told by its own values and by no derivative."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.special
from systems import Namespace, Question

from gradtier.inputs import in_precision
from gradtier.oracle import as_leaves
from gradtier.oracle.draws import flat

DIGIT = 0.1
"""A value that is off by a larger share of itself has no correct digit."""


@lru_cache(maxsize=256)
def means_something(question: Question, dtype: str) -> bool:
    """Whether most of the function's values in a precision have a correct digit.

    Where they have none (a difference of nearly equal numbers, an overflow, chaos), the function
    that is differentiated in this precision is another one, and has another derivative.
    """
    if dtype == "float64":
        return True
    x, constants = question.leaves()
    low = [tuple(in_precision(a, dtype) for a in leaves) for leaves in (x, constants)]
    function = question.case.bind(Namespace(np, scipy.special), low[1])
    with np.errstate(all="ignore"):
        rough = flat(as_leaves(tuple(np.asarray(a) for a in function(*low[0]))))
        exact = flat(as_leaves(question.primal()(x)))
        lost = ~(np.abs(rough - exact) <= DIGIT * np.abs(exact)) & np.isfinite(exact)
    return not lost.size or float(np.mean(lost)) <= 0.5
