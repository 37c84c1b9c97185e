"""How an adapter answers the calls of ``calls.py``, evaluated as a worker does; run as a script.

It prints one JSON object: call -> ``same`` as NumPy's, ``missing`` with the name, ``declined``,
``different`` or ``raised``, and what came out or was said.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import warnings

import numpy as np
from calls import CALLS, inputs

from gradtier.backends.base import MissingName
from gradtier.derivatives import plain

#: These are not called: with LLVM 15 they end Dr.Jit's process, and tinygrad's SVD takes a minute.
LEFT = {
    "drjit": r"\b(maximum|minimum|clip|hypot|atan2?)\(",
    "tinygrad": r"\.(svd|svdvals|qr)\(|ord=(\"nuc\"|-?2)",
}


def leaves(value):
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def evaluated(code, xp, arrays):
    return leaves(eval(code, {"xp": xp, "abs": abs, **arrays}))


def answered(adapter, code, arrays):
    """The call's result through the adapter; what is no real number is closed over."""
    used = {name: a for name, a in arrays.items() if name in code.co_names}
    native = {name: adapter.from_numpy(a, "cpu") for name, a in used.items()}
    free = [name for name, a in used.items() if a.dtype.kind in "fc"] or ["x"]
    native.setdefault("x", adapter.from_numpy(arrays["x"], "cpu"))

    def array(value):
        plain_number = isinstance(value, bool | int | float | np.generic)
        return adapter.from_numpy(np.asarray(value), "cpu") if plain_number else value

    def function(*given):  # a real output beside, for those that have none
        results = evaluated(
            code, adapter.namespace, {**native, **dict(zip(free, given, strict=True))}
        )
        return (*map(array, results), given[0])

    value, _ = plain(adapter, function)(tuple(native[name] for name in free), ())
    return [np.asarray(adapter.to_numpy(a)) for a in value[:-1]]


def difference(given, wanted):
    if len(given) != len(wanted):
        return f"{len(given)} results, not {len(wanted)}"
    for a, b in zip(given, map(np.asarray, wanted), strict=True):
        kinds = ["i" if t.dtype.kind in "iu" else t.dtype.kind for t in (a, b)]
        if a.shape != b.shape or kinds[0] != kinds[1]:
            return f"{a.dtype} of shape {a.shape}, not {b.dtype} of {b.shape}"
        if not np.allclose(a, b, rtol=1e-10, atol=1e-10, equal_nan=True):
            return f"{a.tolist()}, not {b.tolist()}"[:300]
    return ""


def verdict(adapter, call, arrays):
    code = compile(call, call, "eval")
    wanted = evaluated(code, np, arrays)
    try:
        said = difference(answered(adapter, code, arrays), wanted)
    except MissingName as error:
        return "missing", re.sub(r".* has no (function )?", "", str(error))
    except Exception as error:
        said = f"{type(error).__name__}: {error}"[:300]
        return ("declined" if adapter.declines(error) else "raised"), said
    return ("different" if said else "same"), said


def main(key, path):
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    module, _, name = path.partition(":")
    kind = getattr(importlib.import_module(module), name)
    os.environ.update(kind.environment)
    try:
        adapter = kind()
    except ImportError as error:
        return {"unavailable": str(error)}
    # Only one of them computes with complex numbers.
    skipped = LEFT.get(key, "^$") if key == "pytensor" else rf"\bz\b|{LEFT.get(key, '^$')}"
    calls = [call for call in CALLS if not re.search(skipped, call)]
    return {call: verdict(adapter, call, inputs()) for call in calls}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
