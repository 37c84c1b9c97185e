"""Which faults change nothing in a case: the derivative of a linear function is never stale.

``python same.py SUITE FILE ADAPTER`` prints JSON: fault -> cases where the spoiled answer is the
right one.  It runs in a process of its own, because it imports the library.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from gradtier.backends.base import Adapter
from gradtier.cases import Case, load_suite
from gradtier.derivatives import derivative
from gradtier.host import adapter_class
from gradtier.inputs import generator
from gradtier.model import Mode, Nesting


def main() -> None:
    """Ask every case of the suite."""
    suite, file, dotted = sys.argv[1:]
    adapter: Adapter = adapter_class(dotted)()
    found: dict[str, list[str]] = {"stale": [], "part": [], "single": []}
    for case in load_suite(suite, Path(file)).cases.values():
        try:
            for fault in unchanged(adapter, case):
                found[fault].append(case.id)
        except Exception:  # the unspoiled backend does not do it either: the case is not met
            continue
    print(json.dumps(found))


def unchanged(adapter: Adapter, case: Case) -> list[str]:
    """The faults that leave the gradient of a case as it is."""
    x, constants = case.draw()
    rng = generator(f"{case.id}:same")
    moved = [np.asarray(a + 2.0**-6 * (1 + np.abs(a)) * rng.uniform(0.5, 1.5, a.shape)) for a in x]
    fixed = tuple(adapter.from_numpy(c, "cpu") for c in constants)
    f = case.bind(adapter.extended(case.natives), fixed)
    run = derivative(adapter, f, Mode.REVERSE, Nesting.NONE)
    values = [np.asarray(adapter.to_numpy(a)) for a in f(*_native(adapter, x))]
    # as the oracle draws them: numbers of few digits
    seed = [
        rng.choice([-1.0, 1.0], v.shape) * rng.integers(128, 385, v.shape) / 256 for v in values
    ]

    def gradient(at: Any) -> list[Any]:
        _, answer = run(_native(adapter, at), _native(adapter, seed))
        return [None if a is None else np.asarray(adapter.to_numpy(a)) for a in answer]

    there, here, part = gradient(moved), gradient(x), gradient([x[0], *moved[1:]])
    same = {
        "stale": _alike(there, here),
        "part": _alike(there, part),
        "single": _alike(here, [None if a is None else a.astype(np.float32) for a in here], 0.0),
    }
    return [fault for fault, really in same.items() if really]


def _native(adapter: Adapter, arrays: Any) -> tuple[Any, ...]:
    return tuple(adapter.from_numpy(np.asarray(a), "cpu") for a in arrays)


def _alike(a: list[Any], b: list[Any], tolerance: float = 1e-13) -> bool:
    return all(
        (p is None and q is None)
        or (p is not None and q is not None and np.allclose(p, q, rtol=tolerance, atol=0.0))
        for p, q in zip(a, b, strict=True)
    )


if __name__ == "__main__":
    main()
