"""Compare a library's own functions with NumPy's: ``native_values.py ADAPTER SUITE``, as JSON.

Says of every case ``equal``, ``missing``, or what is different.
"""

import importlib
import json
import sys
import warnings
from pathlib import Path

import numpy as np

from gradtier.backends.declined import Unsupported
from gradtier.backends.numpy import NumPy
from gradtier.cases import load_suite

SUITES = Path(__file__).resolve().parents[3] / "suites"


def compared(adapter, case):
    free, fixed = case.draw()
    wanted = case.bind(NumPy().extended(case.natives), fixed)(*free)
    try:
        native = [tuple(adapter.from_numpy(a, "cpu") for a in given) for given in (free, fixed)]
        found = adapter.evaluate(case.bind(adapter.extended(case.natives), native[1]), native[0])
        got = [adapter.to_numpy(a) for a in found]
    except Unsupported:
        return "missing"
    except Exception as error:  # a library may raise anything
        return "missing" if adapter.declines(error) else f"{type(error).__name__}: {error}"
    found = {different(a, b) for a, b in zip(wanted, got, strict=True)} - {""}
    return "; ".join(sorted(found)) or "equal"


def different(wanted, got):
    if wanted.shape != got.shape or wanted.dtype != got.dtype:
        return f"{got.dtype} {got.shape}, not {wanted.dtype} {wanted.shape}"
    scale = np.abs(wanted) + 1e-3 * np.abs(wanted).max()
    worst = np.max(np.abs(wanted - got) / scale)
    return "" if worst < 1e-11 else f"off by {worst:.1e}"


def main():
    warnings.simplefilter("ignore")
    module, _, name = sys.argv[1].partition(":")
    adapter = getattr(importlib.import_module(module), name)()
    cases = load_suite(sys.argv[2], SUITES / f"{sys.argv[2]}.py").cases
    print(json.dumps({case.name: compared(adapter, case) for case in cases.values()}))


if __name__ == "__main__":
    main()
