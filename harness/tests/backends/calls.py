"""Calls of the array API that every library's namespace answers as NumPy's does, or lacks.

The calls stand in ``calls.txt``, one a line.  Each is an expression over ``xp`` (a namespace) and
the arrays of :func:`inputs`.  It may return one array or several; what is not determined (the sign
of a vector of an eigenbasis) is not returned.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

LINES = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()

#: The calls, each of them once.
CALLS: tuple[str, ...] = tuple(line for line in LINES if line and not line.startswith("#"))


def inputs() -> dict[str, np.ndarray[Any, Any]]:
    """The arrays that the calls are made with.

    ``x`` (4, 3) normal; ``y`` (4, 3) positive; ``v`` (3,); ``a`` (3, 3) well conditioned; ``s``
    (3, 3) positive definite with eigenvalues apart; ``z`` (4, 3) complex; ``i`` (3,) indices below
    three, one of them twice; ``m`` (4, 3) truth values.
    """
    rng = np.random.default_rng(2024)
    root = rng.standard_normal((3, 3))
    return {
        "x": rng.standard_normal((4, 3)),
        "y": rng.uniform(0.5, 2.0, (4, 3)),
        "v": rng.standard_normal(3),
        "a": rng.standard_normal((3, 3)) + 3.0 * np.eye(3),
        "s": root @ root.T + np.diag([1.0, 2.0, 4.0]),
        "z": rng.standard_normal((4, 3)) + 1j * rng.standard_normal((4, 3)),
        "i": np.asarray([2, 0, 2]),
        "m": rng.uniform(size=(4, 3)) < 0.6,
    }
