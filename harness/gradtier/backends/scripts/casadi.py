"""How a script asks CasADi: text for :mod:`gradtier.repro`, which is read and never imported."""

from __future__ import annotations

import math
from typing import Any

import casadi
import numpy as np

from gradtier.backends.casadi_array import Array, computed, constant, joined
from gradtier.backends.casadi_namespace import namespace

xp = namespace()


def array(a: Any) -> Any:
    return constant(np.array(a))


def numpy(a: Any) -> Any:
    return a.values()


def symbols(like: Any) -> Any:
    column = casadi.SX.sym("x", math.prod(like.shape), 1)
    return Array(column, like.shape, like.dtype)


def copied(a: Any) -> Any:
    return Array(a.column, a.shape, a.dtype)


def split(column: Any, like: Any) -> Any:
    ends = np.cumsum([0, *(a.size for a in like)]).tolist()
    parts = zip(like, ends[:-1], ends[1:])
    return [computed(column[i:j, 0], a.shape, a.dtype) for a, i, j in parts]


def product(f: Any, x: Any, seed: Any, adjoint: bool) -> Any:
    # a point that is itself an expression is put in afterwards
    pure = all(a.column.is_valid_input() for a in x)
    free = list(x) if pure else [symbols(a) for a in x]
    y = f(*map(copied, free))
    varying = [t for t in y if t.dtype.kind == "f"]
    if adjoint:
        seed = [c for t, c in zip(y, seed) if t.dtype.kind == "f"]
    outputs, inputs, along = (joined([a.column for a in t]) for t in (varying, free, seed))
    slopes = casadi.jtimes(outputs, inputs, along, adjoint)
    found = split(slopes, free if adjoint else varying)
    if not adjoint:
        left = iter(found)
        found = [next(left) if t.dtype.kind == "f" else constant(np.zeros(t.shape)) for t in y]
    return (y, found) if pure else (at(y, free, x), at(found, free, x))


def at(arrays: Any, free: Any, x: Any) -> Any:
    found = casadi.substitute(*[[a.column for a in t] for t in (arrays, free, x)])
    return [Array(c, a.shape, a.dtype) for c, a in zip(found, arrays)]


def pullback(f: Any, x: Any, w: Any) -> Any:
    return product(f, x, w, True)


def pushforward(f: Any, x: Any, v: Any) -> Any:
    return product(f, x, v, False)


def compiled(f: Any) -> Any:
    def run(*groups: Any) -> Any:
        inputs = [[symbols(a) for a in group] for group in groups]
        value, answer = f(*[[copied(a) for a in group] for group in inputs])
        outputs = [a.column for a in (*value, *answer)]
        function = casadi.Function("f", [a.column for g in inputs for a in g], outputs)
        flat = [casadi.DM(a.values().ravel()) for group in groups for a in group]
        found = iter(function.call(flat))
        return [
            [array(next(found).full().reshape(a.shape).astype(a.dtype)) for a in part]
            for part in (value, answer)
        ]

    return run
