"""How a script asks JAX: text for :mod:`gradtier.repro`, which is read and never imported."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)

xp = jnp
convention = "transpose"


def array(a: Any) -> Any:
    return jnp.asarray(a)


def numpy(a: Any) -> Any:
    return np.asarray(a)


def pullback(f: Any, x: Any, w: Any) -> Any:
    y, back = jax.vjp(f, *x)
    return y, back(w)


def pushforward(f: Any, x: Any, v: Any) -> Any:
    return jax.jvp(f, x, v)


class jit:
    """With the option ``jit``."""

    def compiled(f: Any) -> Any:
        return jax.jit(f)


class whole:
    """Where an output is a whole number or a truth value."""

    def pullback(f: Any, x: Any, w: Any) -> Any:
        y, back = jax.vjp(f, *x)
        real = [jnp.issubdtype(a.dtype, np.inexact) for a in y]
        float0 = [np.zeros(a.shape, jax.dtypes.float0) for a in y]
        return y, back(tuple(c if r else z for c, r, z in zip(w, real, float0)))

    def pushforward(f: Any, x: Any, v: Any) -> Any:
        y, dy = jax.jvp(f, x, v)
        zeros = [jnp.zeros_like(a) for a in y]
        return y, tuple(d if d.dtype == a.dtype else z for a, d, z in zip(y, dy, zeros))


def ruled(primal: Any, pushforward: Any, pullback: Any) -> Any:
    f = jax.custom_jvp(lambda *x: primal(*x))
    f.defjvp(lambda x, dx: (f(*x), pushforward(x, dx)))
    return f


class rule_vjp:
    """With the option ``rule: vjp``."""

    def ruled(primal: Any, pushforward: Any, pullback: Any) -> Any:
        f = jax.custom_vjp(lambda *x: primal(*x))
        f.defvjp(lambda *x: (f(*x), x), lambda x, dy: tuple(pullback(x, dy)))
        return f
