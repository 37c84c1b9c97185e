"""How a library answers the calls of ``calls.py``; run as a script, one process a library.

Prints one JSON object: call -> what came of it.  That is empty where the answer is NumPy's,
``declined: ...`` where the library says that it has no such thing, and else what is wrong.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import warnings

import numpy as np
from calls import CALLS, inputs

#: By the bytes of a number's part: what may differ.
ROUNDING = {8: 1e-10, 4: 2e-4}


def parts(found):
    """A result as a list of what is in it."""
    return list(found) if isinstance(found, list | tuple) else [found]


def on_host(adapter, leaf):
    known = isinstance(leaf, bool | int | float | complex | np.ndarray | np.generic)
    return np.asarray(leaf if known else adapter.to_numpy(leaf))


def difference(found, expected, narrow):
    """What tells two lists of arrays apart, in words; empty for nothing."""
    if len(found) != len(expected):
        return f"{len(found)} results and not {len(expected)}"
    for have, want in zip(found, expected, strict=True):
        if have.shape != want.shape:
            return f"shape {have.shape} and not {want.shape}"
        # An index may be of any whole type.
        if have.dtype.kind.replace("u", "i") != want.dtype.kind.replace("u", "i"):
            return f"dtype {have.dtype} and not {want.dtype}"
        if not narrow and have.dtype.kind in "fc" and have.dtype != want.dtype:
            return f"dtype {have.dtype} and not {want.dtype}"
        bound = ROUNDING.get(have.real.dtype.itemsize, 0.0)
        if not np.allclose(have, want, bound, bound, equal_nan=True):
            return f"{have.tolist()} and not {want.tolist()}"[:300]
    return ""


def native(adapter, arrays, narrow):
    given = {}
    for name, array in arrays.items():
        single = array.dtype.kind == "c" and narrow
        given[name] = adapter.from_numpy(array.astype("complex64") if single else array, "cpu")
    return given


def answer(adapter, call, arrays, narrow):
    expected = [np.asarray(t) for t in parts(eval(call, {"xp": np, **arrays}))]
    try:
        given = native(adapter, {k: v for k, v in arrays.items() if k in call}, narrow)
        found = eval(call, {"xp": adapter.namespace, **given})
        found = [on_host(adapter, leaf) for leaf in parts(found)]
    except Exception as error:
        said = f"{type(error).__name__}: {error}"[:300]
        return f"declined: {said}" if adapter.declines(error) else f"raised: {said}"
    return difference(found, expected, narrow)


def main(path, complexes="complex128"):
    warnings.simplefilter("ignore")
    module, _, name = path.partition(":")
    kind = getattr(importlib.import_module(module), name)
    os.environ.update(kind.environment)
    adapter, arrays, narrow = kind(), inputs(), complexes == "complex64"
    found = {call: answer(adapter, call, arrays, narrow) for call in CALLS}
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
