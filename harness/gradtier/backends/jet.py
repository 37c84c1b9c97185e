"""JAX's Taylor mode, ``jax.experimental.jet``: derivatives by truncated Taylor polynomials."""

from __future__ import annotations

from typing import Any, ClassVar

from gradtier.backends.base import Function, Native, Unsupported
from gradtier.backends.jax import Jax


class JaxJet(Jax):
    """``jet`` of first order as pushforward, of second order for forward over forward.

    Taylor mode is forward; reverse over it is ``jax.vjp`` of ``jet``.  Its second order is along
    one direction, so the mixed second derivative is made of two, along u + v and u - v.

    Args:
        jit: run the whole derivative as one ``jax.jit`` program.
    """

    # A primitive without a rule is a key that jet's table lacks; strings would be in quotes.
    refusals: ClassVar = (*Jax.refusals, r"^KeyError: [a-z][a-z0-9_-]*$")

    def __init__(self, jit: bool = False, **options: Any) -> None:
        super().__init__(jit=jit, **options)
        import jax.experimental.jet

        self._jet = jax.experimental.jet.jet

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        y, series = self._jet(f, x, tuple((d,) for d in v))
        return y, tuple(terms[0] for terms in series)

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        raise Unsupported("Taylor mode is forward; jet has no pullback")

    def outer_pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        return super().pullback(f, x, w)

    def second_pushforward(
        self, f: Function, x: Native, u: Native, v: Native
    ) -> tuple[Native, Native]:
        plus = tuple(a + b for a, b in zip(u, v, strict=True))
        minus = tuple(a - b for a, b in zip(u, v, strict=True))
        # D2f[u, v] by polarisation: a quarter of D2f[u + v, u + v] - D2f[u - v, u - v]
        pairs = zip(self._second(f, x, plus), self._second(f, x, minus), strict=True)
        return self.pushforward(f, x, u)[1], tuple((a - b) / 4 for a, b in pairs)

    def _second(self, f: Function, x: Native, u: Native) -> Native:
        """``D2f(x)[u, u]``: the path x + t u has no second derivative of its own."""
        series = tuple((d, self.zeros_like(d)) for d in u)
        _, terms = self._jet(f, x, series)
        return tuple(t[1] for t in terms)
