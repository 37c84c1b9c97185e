"""Which cases and rows can show that a backend is wrong on purpose.

Not every case can: a float32 hidden in a linear function shows in no digit.  What a fault would
change is looked for here by plain differences on NumPy, and nothing of the oracle is used: a
control whose case was chosen by what it is to check would prove little.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Collection, Iterable
from importlib import metadata
from itertools import islice
from typing import Any

import numpy as np

from gradtier.backends.base import Adapter
from gradtier.cases import Case
from gradtier.host import Host, adapter_class
from gradtier.matrix import Matrix
from gradtier.messages import Leaves
from gradtier.model import Mode
from gradtier.witnesses import primal

MOST = 64  # elements that a case may have: each costs two calls
LOOKED_AT = 200  # cases, before it is given up
KINK = "kink"
TAKEN = frozenset({"around", "fault"})  # options of the spoiled adapter itself

STEP = 6e-6  # near the best of central differences, whose error is then about 1e-10
LEAST = 1e-3  # of the largest slope: what is smaller than that may drown in its noise
BENT = 1e-3  # relative change of a slope between two points
#: Powers of two, which add no digits of their own; unequal, for outputs whose sum is constant.
WEIGHTS = (1.0, -2.0, 0.5, 2.0, -0.5)
LOST = 1e-8  # relative change of a slope by rounding it to float32; 3e-8 in the mean


def fitting(matrix: Matrix, cases: Iterable[Case], most: int) -> tuple[Case, ...]:
    """The smallest of the cases on which every fault shows in numbers, those without tags first."""
    plain = [c for c in cases if _is_plain(c)]
    plain.sort(key=lambda c: (bool(c.tags), _size(c), c.id))
    return tuple(islice((c for c in plain[:LOOKED_AT] if shows(matrix, c)), most))


def _is_plain(case: Case) -> bool:
    """Real, small, smooth as far as it says, and of nothing but the array API standard."""
    extra = case.natives or case.rules or case.is_complex or KINK in case.tags
    return not extra and 2 <= _size(case) <= MOST


def _size(case: Case) -> int:
    return sum(math.prod(spec.shape) for _, spec in case.specs() if not spec.constant)


def shows(matrix: Matrix, case: Case) -> bool:
    """Whether every element of the gradient matters, has digits beyond float32, and varies."""
    try:
        f = primal(matrix, case, "float64")
        x = tuple(np.asarray(a, dtype=np.float64) for a in case.draw()[0])
        here = _slopes(f, x)
        there = _slopes(f, tuple(a + 2.0**-6 * (1.0 + np.abs(a)) for a in x))
    except Exception:  # a case that does not run anywhere near is none to show anything with
        return False
    every = np.concatenate(here)
    if not (np.isfinite(every).all() and np.isfinite(np.concatenate(there)).all()):
        return False
    if np.abs(every).min() <= LEAST * np.abs(every).max():
        return False
    lost = np.abs(every - every.astype(np.float32)) / np.abs(every)
    bent = (np.abs(b - a).max() > BENT * np.abs(a).max() for a, b in zip(here, there, strict=True))
    return bool(lost.max() > LOST) and all(bent)


def _slopes(f: Callable[[Leaves], Leaves], x: Leaves) -> list[Any]:
    """The gradient of a weighted sum of all outputs by central differences, flat, by leaf."""
    found = []
    for i, leaf in enumerate(x):
        slopes = np.empty(leaf.size)
        for k in range(leaf.size):
            h = STEP * max(1.0, abs(float(leaf.flat[k])))
            ends = [_total(f(_moved(x, i, k, sign * h))) for sign in (1.0, -1.0)]
            slopes[k] = (ends[0] - ends[1]) / (2 * h)
        found.append(slopes)
    return found


def _moved(x: Leaves, leaf: int, element: int, by: float) -> Leaves:
    moved = np.array(x[leaf])
    moved.flat[element] += by
    return (*x[:leaf], moved, *x[leaf + 1 :])


def _total(outputs: Leaves) -> float:
    if not all(a.dtype.kind == "f" for a in outputs):
        raise TypeError("an output is no real number")
    every = np.concatenate([a.ravel() for a in outputs])
    return math.fsum(every * np.resize(WEIGHTS, every.shape))


def rows(matrix: Matrix, host: Host, mode: Mode) -> tuple[str, ...]:
    """Rows whose adapters can be spoiled here, in the order in which they are best tried.

    Those of the mode come first, then what needs no other program, then what is
    small, for it starts fastest: each fault takes a process of its own.
    """
    order = list(matrix.backends)
    here = [
        name
        for name, row in matrix.backends.items()
        if row.adapter and "cpu" in row.devices and not host.why_not(row, "cpu")
        if row.accuracy is None and not TAKEN & row.options.keys()
    ]

    everywhere = adapter_class(matrix.primal).installed()  # imported by every worker

    def key(name: str) -> tuple[bool, bool, float, int]:
        row = matrix.backends[name]
        kind = adapter_class(row.adapter)
        return (
            row.mode is not mode,
            not kind.in_process,
            _bytes(kind, everywhere),
            order.index(name),
        )

    return tuple(sorted(here, key=key))


def _bytes(kind: type[Adapter], shared: Collection[str]) -> float:
    """How large the packages of an adapter are as installed; infinite where nothing says so."""
    names = kind.installed().keys()
    found = 0.0 if names else math.inf
    for name in names - set(shared):
        with contextlib.suppress(metadata.PackageNotFoundError):  # a part may have another name
            found += sum(file.size or 0 for file in metadata.files(name) or ())
    return found
