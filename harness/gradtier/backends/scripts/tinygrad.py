"""How a script asks tinygrad: text for :mod:`gradtier.repro`, which is read and never imported."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("CACHELEVEL", "0")

import numpy as np
import tinygrad
from tinygrad.helpers import DEV

from gradtier.backends.tinygrad_namespace import namespace

DEV.value = "PYTHON"

xp = namespace()


def array(a: Any) -> Any:
    a = np.array(a, order="C")
    if a.dtype in (np.float32, np.float64):
        tinygrad.dtype.DEFAULT_FLOAT.value = str(a.dtype).upper()
    return tinygrad.Tensor(a.reshape(-1), device=DEV.device).reshape(a.shape).realize()


def numpy(a: Any) -> Any:
    a = a.clone(device=DEV.device) if a.device is None else a.realize()
    return a.numpy()


def pullback(f: Any, x: Any, w: Any) -> Any:
    y, found = f(*x), [None] * len(x)
    for output, cotangent in zip(y, w):
        if output.is_floating_point():
            gradients = output.gradient(*x, gradient=cotangent)
            found = [g if s is None else s + g for s, g in zip(found, gradients)]
    return y, found


def settled(y: Any, got: Any) -> None:
    first, *rest = [a for a in (*y, *got) if a is not None]
    first.realize(*rest)  # as one schedule


def ruled(primal: Any, pushforward: Any, pullback: Any) -> Any:
    def stated(*x: Any) -> Any:
        def pulled(cotangent: Any, call: Any) -> Any:
            _, *given = call.src
            inputs = [tinygrad.Tensor(t) for t in given[: len(x)]]
            found = pullback(tuple(inputs), tinygrad.Tensor(cotangent))
            return *(d.uop for d in found), *[None] * (len(given) - len(x))

        return tinygrad.function(grad_fxn=pulled, allow_implicit=True)(primal)(*x)

    return stated
