"""Which faults change nothing in a case: the derivative of a linear function is never stale.

``python same.py SUITE FILE AROUND NESTING FAULT...`` prints JSON: fault -> cases in which the
spoiled backend answers as the unspoiled one does, to rounding.  It runs in a process of its own,
because it imports the library.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

from gradtier.backends.faulty import Faulty
from gradtier.cases import Case, load_suite
from gradtier.derivatives import derivative
from gradtier.inputs import generator
from gradtier.model import Mode, Nesting

ROUNDING = 1e-13  # relative; the least that a fault here changes is 6e-8
SECONDS = 20  # a spoiled input may keep a loop from ending


def main() -> None:
    """Ask every case of the suite."""
    suite, file, around, nesting, *faults = sys.argv[1:]
    found: dict[str, list[str]] = {fault: [] for fault in faults}
    signal.signal(signal.SIGALRM, _over)
    for case in load_suite(suite, Path(file)).cases.values():
        try:
            right = observed(case, Faulty(around), Nesting(nesting))
        except Exception:  # the unspoiled backend does not do it either: the case is not met
            continue
        for fault in faults:
            signal.alarm(SECONDS)
            try:
                same = alike(right, observed(case, Faulty(around, fault), Nesting(nesting)))
            except Exception:  # that is a difference
                continue
            finally:
                signal.alarm(0)
            if same:
                found[fault].append(case.id)
    print(json.dumps(found))


def _over(number: int, frame: Any) -> None:
    raise TimeoutError


def observed(case: Case, adapter: Faulty, nesting: Nesting) -> list[Any]:
    """What a caller sees of a few calls: two seeds at the point, then elsewhere, then again.

    Answers as they stand when all calls are done, inputs, and the value at the point itself: fault
    by fault one of these differs, or nothing does.
    """
    x, constants = case.draw()
    rng = generator(f"{case.id}:same")
    moved = [np.asarray(a + 2.0**-6 * (1 + np.abs(a)) * rng.uniform(0.5, 1.5, a.shape)) for a in x]
    fixed = tuple(adapter.from_numpy(c, "cpu") for c in constants)
    f = case.bind(adapter.extended(case.natives), fixed)
    run = derivative(adapter, f, Mode.REVERSE, nesting)
    values = [np.asarray(adapter.to_numpy(a)) for a in f(*_native(adapter, x))]
    seeds = [_drawn(rng, values), _drawn(rng, values)]
    if nesting is not Nesting.NONE:
        seeds = [[*seed, *_drawn(rng, x)] for seed in seeds]
    seen: list[Any] = []
    for at, seed in ((x, seeds[0]), (x, seeds[1]), (moved, seeds[1]), (x, seeds[0])):
        given = _native(adapter, at)
        value, answer = run(given, _native(adapter, seed))
        seen += value if at is x else ()
        seen += [*answer, *given, *map(adapter.placement, filter(_there, answer))]
    return [a if a is None or isinstance(a, tuple) else adapter.to_numpy(a) for a in seen]


def _there(array: Any) -> bool:
    return array is not None


def _drawn(rng: Any, like: Any) -> list[Any]:
    """Seeds as the oracle draws them: numbers of few digits."""
    return [rng.choice([-1.0, 1.0], v.shape) * rng.integers(128, 385, v.shape) / 256 for v in like]


def _native(adapter: Faulty, arrays: Any) -> tuple[Any, ...]:
    return tuple(adapter.from_numpy(np.array(a), "cpu") for a in arrays)


def alike(right: list[Any], spoiled: list[Any]) -> bool:
    """Whether two observations are the same to rounding; "not connected" is another zero."""
    return len(right) == len(spoiled) and all(map(_equal, right, spoiled))


def _equal(a: Any, b: Any) -> bool:
    if a is None or b is None or isinstance(a, tuple):
        return bool(a is b or (isinstance(a, tuple) and a == b))
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and np.allclose(a, b, rtol=ROUNDING, atol=0.0, equal_nan=True)


if __name__ == "__main__":
    main()
