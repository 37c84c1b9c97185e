"""How a script takes a complex step: text for :mod:`gradtier.repro`, which is never imported."""

from __future__ import annotations

from typing import Any

import numpy as np

xp = np


def array(a: Any) -> Any:
    return np.array(a)


def numpy(a: Any) -> Any:
    return np.asarray(a)


def pushforward(f: Any, x: Any, v: Any) -> Any:
    import warnings

    y = [np.asarray(a) for a in f(*x)]
    if any(map(np.iscomplexobj, (*x, *v, *y))):
        raise NotImplementedError("complex numbers leave no room for an imaginary step")
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        moved = f(*[a + 1j * 1e-20 * t for a, t in zip(x, v)])
    return y, [np.asarray(np.imag(b) / 1e-20, dtype=a.dtype) for a, b in zip(y, moved)]
