"""How a script asks PaddlePaddle: text for :mod:`gradtier.repro`, which is never imported."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("GLOG_minloglevel", "3")

import numpy as np
import paddle

from gradtier.backends.paddle_namespace import namespace

paddle.set_device("cpu")

xp = namespace()


def array(a: Any) -> Any:
    if np.asarray(a).dtype.kind in "fc":
        paddle.set_default_dtype(str(np.asarray(a).real.dtype))
    return paddle.to_tensor(np.array(a, order="C"))


def numpy(a: Any) -> Any:
    return a.detach().numpy()


def zeros(a: Any) -> Any:
    return paddle.zeros_like(a)


def variable(a: Any) -> Any:
    if not a.stop_gradient:  # stays connected to an outer derivative
        return paddle.assign(a)
    a = a.detach()
    a.stop_gradient = False
    return a


def pullback(f: Any, x: Any, w: Any) -> Any:
    outer = any(not t.stop_gradient for t in (*x, *w))
    x = [variable(t) for t in x]
    y = f(*x)
    pairs = [(t, c) for t, c in zip(y, w) if not t.stop_gradient]
    if not pairs:
        return y, [None] * len(x)
    outputs, cotangents = map(list, zip(*pairs))
    return y, paddle.grad(outputs, x, cotangents, create_graph=outer, allow_unused=True)


def pushforward(f: Any, x: Any, v: Any) -> Any:
    y: list[Any] = []

    def connected(*x: Any) -> Any:  # jvp fails where an output is a constant
        y[:] = f(*x)
        return tuple(t for t in y if not t.stop_gradient)

    tangents = iter(paddle.incubate.autograd.jvp(connected, tuple(x), tuple(v))[1])
    return y, [paddle.zeros_like(t) if t.stop_gradient else next(tangents) for t in y]


def ruled(primal: Any, pushforward: Any, pullback: Any) -> Any:
    class Stated(paddle.autograd.PyLayer):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, *x: Any) -> Any:
            ctx.save_for_backward(*x)
            return primal(*x)

        @staticmethod
        def backward(ctx: Any, dy: Any) -> Any:
            dx = pullback(ctx.saved_tensor(), dy)
            return dx if len(dx) > 1 else dx[0]

    return lambda *x: Stated.apply(*x)
