"""How a script asks JAX's Taylor mode: text for :mod:`gradtier.repro`, never imported."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental.jet import jet

from gradtier.backends.scripts.jax import array, numpy, ruled

jax.config.update("jax_enable_x64", True)

__all__ = ["array", "numpy", "ruled"]
xp = jnp
convention = "transpose"


def pushforward(f: Any, x: Any, v: Any) -> Any:
    y, series = jet(f, x, tuple((d,) for d in v))
    return y, tuple(terms[0] for terms in series)


def outer_pullback(f: Any, x: Any, w: Any) -> Any:
    y, back = jax.vjp(f, *x)
    return y, back(w)


def second(f: Any, x: Any, u: Any) -> Any:
    _, terms = jet(f, x, tuple((d, jnp.zeros_like(d)) for d in u))
    return [t[1] for t in terms]


def second_pushforward(f: Any, x: Any, u: Any, v: Any) -> Any:
    # jet goes along one direction: a quarter of D2f[u + v, u + v] - D2f[u - v, u - v]
    plus = second(f, x, [a + b for a, b in zip(u, v)])
    minus = second(f, x, [a - b for a, b in zip(u, v)])
    return pushforward(f, x, u)[1], tuple((a - b) / 4 for a, b in zip(plus, minus))


class jit:
    """With the option ``jit``."""

    def compiled(f: Any) -> Any:
        return jax.jit(f)
