"""How a script asks PyTensor: text for :mod:`gradtier.repro`, which is read and never imported."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("PYTENSOR_FLAGS", "floatX=float64,linker=py,optimizer=merge,cxx=")

import numpy as np
import pytensor
import pytensor.gradient
import pytensor.tensor as pt

from gradtier.backends.pytensor_array import Array
from gradtier.backends.pytensor_namespace import namespace

xp = namespace()
mode = pytensor.compile.mode.Mode("py", "merge")


def array(a: Any) -> Any:
    return Array(pt.constant(np.array(a)))


def numpy(a: Any) -> Any:
    if isinstance(a.variable, pt.TensorConstant):
        return np.array(a.variable.data)
    return np.array(a.variable.eval(mode=mode))


def zeros(a: Any) -> Any:
    return Array(pt.zeros_like(a.variable))


def pullback(f: Any, x: Any, w: Any) -> Any:
    y = f(*x)
    pairs = [(t.variable, c.variable) for t, c in zip(y, w) if t.dtype.kind == "f"]
    outputs, cotangents = [t for t, _ in pairs], [c for _, c in pairs]
    found = pytensor.gradient.pullback(
        outputs, [t.variable for t in x], cotangents,
        disconnected_inputs="ignore", return_disconnected="none",
    )  # fmt: skip
    return y, [None if g is None else Array(g) for g in found]


def pushforward(f: Any, x: Any, v: Any) -> Any:
    y = f(*x)
    found = pytensor.gradient.pushforward(
        [t.variable for t in y if t.dtype.kind == "f"], [t.variable for t in x],
        [t.variable for t in v], disconnected_outputs="ignore", return_disconnected="zero",
    )  # fmt: skip
    tangents = iter(found)
    return y, [
        Array(next(tangents)) if t.dtype.kind == "f" else Array(pt.zeros_like(t.variable))
        for t in y
    ]


class scalar:
    """With the option ``scalar``."""

    def pullback(f: Any, x: Any, w: Any) -> Any:
        y = f(*x)
        terms = [pt.sum(t.variable * c.variable) for t, c in zip(y, w) if t.dtype.kind == "f"]
        found = pytensor.gradient.grad(
            sum(terms), [t.variable for t in x],
            disconnected_inputs="ignore", return_disconnected="none",
        )  # fmt: skip
        return y, [None if g is None else Array(g) for g in found]


def compiled(f: Any) -> Any:
    def run(*groups: Any) -> Any:
        symbols = [[Array(a.variable.type()) for a in group] for group in groups]
        value, answer = f(*symbols)
        outputs = [a.variable for a in (*value, *answer) if a is not None]
        inputs = [a.variable for group in symbols for a in group]
        function = pytensor.function(inputs, outputs, mode=mode, on_unused_input="ignore")
        found = iter(function(*[a.variable.data for group in groups for a in group]))
        return [
            [None if a is None else array(np.asarray(next(found))) for a in part]
            for part in (value, answer)
        ]

    return run


def ruled(primal: Any, pushforward: Any, pullback: Any) -> Any:
    def pushed(inputs: Any, tangents: Any) -> Any:
        return [pushforward(tuple(map(Array, inputs)), tuple(map(Array, tangents))).variable]

    def pulled(inputs: Any, outputs: Any, cotangents: Any) -> Any:
        found = pullback(tuple(map(Array, inputs)), Array(cotangents[0]))
        return [g.variable for g in found]

    def stated(*x: Any) -> Any:
        inputs = [t.variable.type() for t in x]
        output = primal(*map(Array, inputs)).variable
        op = pytensor.compile.builders.OpFromGraph(
            inputs, [output], pullback=pulled, pushforward=pushed
        )
        return Array(op(*(t.variable for t in x)))

    return stated
