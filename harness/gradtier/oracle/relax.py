"""Judging methods that are approximate by nature, such as finite differences themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradtier.oracle.constants import PRECISIONS
from gradtier.oracle.dossier import Dossier
from gradtier.oracle.draws import flat
from gradtier.oracle.noise import Answer
from gradtier.oracle.types import Array


def relaxed(dossier: Dossier, relative: float) -> Dossier:
    """The same dossier, granting every claim an error that its method is known to have.

    Rounding is measured, truncation is not: a derivative by finite differences is off by far more
    than rounding and yet no wrong formula.  The error granted to an element is `relative` times
    its size, the root mean square of the answer, or (for a pushforward, whose direction is scaled
    to the point) the size of the function's own value there, whichever is largest.

    Args:
        dossier: from `certify_pullback` or `certify_pushforward`.
        relative: the error granted, such as 1e-6; 0 changes nothing.
    """
    if not relative:
        return dossier
    beside = None if dossier.jittered is None else relaxed(dossier.jittered, relative)
    answers = tuple(_granting(dossier, answer, relative) for answer in dossier.answers)
    return replace(dossier, answers=answers, jittered=beside)


def _granting(dossier: Dossier, answer: Answer, relative: float) -> Answer:
    size: Array = np.abs(np.where(np.isfinite(answer.value), answer.value, 0.0))
    if size.size:
        size = np.maximum(size, np.sqrt(np.mean(size**2)))
    if dossier.kind == "pushforward":
        value = np.abs(flat(dossier.value))
        size = np.maximum(size, np.where(np.isfinite(value), value, 0.0))
    granted = relative * size / PRECISIONS[dossier.dtype].factor
    return replace(answer, noise=np.maximum(answer.noise, granted))
