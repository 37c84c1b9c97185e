"""How a script asks Enzyme-JAX: text for :mod:`gradtier.repro`, which is never imported."""

from __future__ import annotations

from typing import Any

import enzyme_ad.jax
import jax
import jax.numpy as jnp
import numpy as np

from gradtier.backends.scripts.jax import array, numpy, ruled

jax.config.update("jax_enable_x64", True)

__all__ = ["array", "numpy", "ruled"]
xp = jnp
convention = "transpose"


def compiled(f: Any) -> Any:
    return jax.jit(f)


def wrapped(f: Any, x: Any) -> Any:
    # Enzyme counts arguments: what a function closes over is handed to it as one
    jaxpr = jax.make_jaxpr(f)(*x)
    consts = jaxpr.consts if any(isinstance(c, jax.core.Tracer) for c in jaxpr.consts) else []

    def lifted(consts: Any, *y: Any) -> Any:
        return tuple(jax.core.eval_jaxpr(jaxpr.jaxpr, consts, *y)) if consts else f(*y)

    run = enzyme_ad.jax.enzyme_jax_ir()(lifted)
    return lambda *y: run(consts, *y)


def pullback(f: Any, x: Any, w: Any) -> Any:
    y, back = jax.vjp(wrapped(f, x), *x)
    return y, back(w)


def pushforward(f: Any, x: Any, v: Any) -> Any:
    return jax.jvp(wrapped(f, x), x, v)


class padded:
    """With the option ``padded``."""

    def wrapped(f: Any, x: Any) -> Any:
        # Enzyme counts arguments: what a function closes over is handed to it as one, and it
        # looks up each output in its list of arguments, so that there are spare ones
        jaxpr = jax.make_jaxpr(f)(*x)
        consts = jaxpr.consts if any(isinstance(c, jax.core.Tracer) for c in jaxpr.consts) else []

        def lifted(consts: Any, spare: Any, *y: Any) -> Any:
            return tuple(jax.core.eval_jaxpr(jaxpr.jaxpr, consts, *y)) if consts else f(*y)

        run = enzyme_ad.jax.enzyme_jax_ir()(lifted)
        spare = (jnp.zeros(()),) * len(jaxpr.out_avals)
        return lambda *y: run(consts, spare, *y)


class whole:
    """Where an output is a whole number or a truth value."""

    def pullback(f: Any, x: Any, w: Any) -> Any:
        y, back = jax.vjp(wrapped(f, x), *x)
        real = [jnp.issubdtype(a.dtype, np.inexact) for a in y]
        float0 = [np.zeros(a.shape, jax.dtypes.float0) for a in y]
        return y, back(tuple(c if r else z for c, r, z in zip(w, real, float0)))

    def pushforward(f: Any, x: Any, v: Any) -> Any:
        y, dy = jax.jvp(wrapped(f, x), x, v)
        zeros = [jnp.zeros_like(a) for a in y]
        return y, tuple(d if d.dtype == a.dtype else z for a, d, z in zip(y, dy, zeros))
