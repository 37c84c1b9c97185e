"""What a derivative rule of a user's own does in one adapter; run as a script, one a process.

Prints one JSON object: "mode/nesting" -> how it ended, what came out and what should have, how
often the parts of the rule were called.  The rule's primal adds sqrt(z*z) - abs(z) at z = 0: zero,
and NaN as soon as somebody differentiates through it.  Its stated derivatives are those of
``twice`` the sine, so that a primal that was differentiated is seen by its value as well.
"""

from __future__ import annotations

import json
import sys
from collections import Counter

import numpy as np
from contract import Bench

from gradtier.backends.base import Rule
from gradtier.derivatives import derivative
from gradtier.model import Mode, Nesting

X, Y = np.asarray([0.3, -0.7]), np.asarray([1.1, 0.4])
W, U, V = (
    np.asarray([1.0, 2.0]),
    np.asarray([[0.5, 1.0], [1.0, -1.0]]),
    np.asarray([[1, -1], [2, 1]]),
)


def counted(xp, at, calls):
    """The rule of 2 sin(x) y, whose primal is sin(x) y and something undifferentiable."""

    def primal(x, y):
        calls["primal"] += 1
        z = x - at
        return xp.sin(x) * y + (xp.sqrt(z * z) - xp.abs(z))

    def pushforward(x, dx):
        calls["pushforward"] += 1
        return 2.0 * (xp.cos(x[0]) * x[1] * dx[0] + xp.sin(x[0]) * dx[1])

    def pullback(x, dy):
        calls["pullback"] += 1
        return 2.0 * xp.cos(x[0]) * x[1] * dy, 2.0 * xp.sin(x[0]) * dy

    return Rule(primal, pushforward, pullback)


def expected(mode, nesting):
    """Derivatives of r(x, y)**2 by hand, with r = sin(x) y and dr = 2 d(sin(x) y)."""
    s, k, r = np.sin(X), np.cos(X), np.sin(X) * Y
    first = np.stack([2 * k * Y, 2 * s])  # of r, as the rule says
    second = np.stack([np.stack([-2 * s * Y, 2 * k]), np.stack([2 * k, 0 * s])])
    gradient = 2 * r * first
    hessian = 2 * first[:, None] * first[None] + 2 * r * second
    if nesting is Nesting.NONE:
        forward = np.sum(gradient * V, axis=0)
        return [forward] if mode is Mode.FORWARD else list(W * gradient)
    if (mode, nesting) == (Mode.FORWARD, Nesting.FORWARD):
        return [np.einsum("ijn,in,jn->n", hessian, U, V)]
    return list(W * np.einsum("ijn,jn->in", hessian, V))


def seed(b, mode, nesting):
    if nesting is Nesting.NONE:
        return b.native(V) if mode is Mode.FORWARD else b.native([W])
    both = (mode, nesting) == (Mode.FORWARD, Nesting.FORWARD)
    return (b.native(U) if both else b.native([W])) + b.native(V)


def one(b, mode, nesting):
    calls = Counter()
    x = b.native([X, Y])
    try:
        f = b.adapter.custom_rule(counted(b.xp, x[0], calls))

        def squared(x, y):
            r = f(x, y)
            return (r * r,)

        value, answer = derivative(b.adapter, squared, mode, nesting)(x, seed(b, mode, nesting))
    except Exception as error:
        ended = "declined" if b.adapter.declines(error) else "raised"
        return {"ended": ended, "said": f"{type(error).__name__}: {error}", "calls": calls}
    return {
        "ended": "answered",
        "answer": [None if a is None else b.adapter.to_numpy(a).tolist() for a in answer],
        "value": b.adapter.to_numpy(value[0]).tolist(),
        "expected": [np.asarray(a).tolist() for a in expected(mode, nesting)],
        "calls": calls,
    }


def main(path, options="{}"):
    b = Bench(path, json.loads(options))
    found = {f"{m.value}/{n.value}": one(b, m, n) for m in Mode for n in Nesting}
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
