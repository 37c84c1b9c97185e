"""How a script asks MLX: text for :mod:`gradtier.repro`, which is read and never imported."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np

from gradtier.backends.mlx_namespace import namespace

mx.set_default_device(mx.cpu)

xp = namespace()


def array(a: Any) -> Any:
    a = np.array(a, order="C")
    dtype = getattr(mx, {"bool": "bool_"}.get(a.dtype.name, a.dtype.name), None)
    if dtype is None:
        raise NotImplementedError(f"there is no {a.dtype.name}")
    return mx.array(a, dtype=dtype) if a.size else mx.zeros(a.shape, dtype)


def numpy(a: Any) -> Any:
    return np.array(a)


def pullback(f: Any, x: Any, w: Any) -> Any:
    return mx.vjp(f, list(x), list(w))


def pushforward(f: Any, x: Any, v: Any) -> Any:
    return mx.jvp(f, list(x), list(v))


def settled(y: Any, got: Any) -> None:
    mx.eval(y, got)  # as one graph


class compile:
    """With the option ``compile``."""

    def compiled(f: Any) -> Any:
        return mx.compile(f)


def several(x: Any) -> Any:
    return x if isinstance(x, tuple) else (x,)


def ruled(primal: Any, pushforward: Any, pullback: Any) -> Any:
    f = mx.custom_function(primal)

    def vjp(x: Any, dy: Any, _: Any) -> Any:
        dx = pullback(several(x), dy)
        return dx if isinstance(x, tuple) else dx[0]

    def jvp(x: Any, dx: Any) -> Any:
        pairs = zip(several(x), several(dx))
        return pushforward(
            several(x), tuple(mx.zeros_like(a) if d is None else d for a, d in pairs)
        )

    f.vjp(vjp)
    f.jvp(jvp)
    return f
