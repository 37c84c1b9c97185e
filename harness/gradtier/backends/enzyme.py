"""Enzyme-JAX: derivatives made by the Enzyme compiler from the StableHLO of a JAX function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from gradtier.backends.base import Function, Native
from gradtier.backends.jax import Jax


class Enzyme(Jax):
    """``jax.vjp`` and ``jax.jvp`` of functions under ``enzyme_jax_ir``, in one ``jax.jit`` program.

    Nested derivatives are Enzyme's twice: the inner one becomes StableHLO, which is wrapped and
    differentiated again.  Enzyme cannot differentiate a function that closes over a traced value
    (it counts the arguments that it was given), so whatever a function closes over is passed to it
    as an argument; this is what makes the maps compose.  Two JAX transformations of one wrapped
    function, ``jax.jvp(jax.vjp(enzyme_jax_ir()(f)))``, are not implemented by Enzyme and not used.

    Args:
        padded: give every function spare arguments that it does not use.  Without them a pullback
            raises ``IndexError`` where a function has more outputs than arguments, for Enzyme looks
            up each output in its list of arguments.
    """

    distributions: ClassVar = ("enzyme-ad", *Jax.distributions)
    modules: ClassVar = ("enzyme_ad", *Jax.modules)
    refusals: ClassVar = (
        *Jax.refusals,
        r"must be JIT'ed",
        r"Batching rule for 'enzyme_\w+' not implemented",
        r"[Cc]ould not compute the adjoint",
        r"Unsupported (operation in reduction|reduce window)( rev)? autodiff",
        r"'complex\.\w+' op operand #\d must be complex type",
    )

    def __init__(self, padded: bool = False, **options: Any) -> None:
        super().__init__(jit=True, **options)
        import enzyme_ad.jax

        self._enzyme, self._padded = enzyme_ad.jax.enzyme_jax_ir(), padded

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        return super().pushforward(self._wrapped(f, x), x, v)

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        return super().pullback(self._wrapped(f, x), x, w)

    def settings(self) -> dict[str, str]:
        return {**super().settings(), "AD": "Enzyme on StableHLO"}

    def _wrapped(self, f: Function, x: Native) -> Function:
        """``f`` as Enzyme sees it, with traced values that it closes over as constant arguments."""
        jaxpr = self._jax.make_jaxpr(f)(*x)
        consts, out = jaxpr.consts, len(jaxpr.out_avals)
        if any(isinstance(c, self._jax.core.Tracer) for c in consts):

            def lifted(consts: Sequence[Any], spare: Native, *y: Any) -> Native:
                return tuple(self._jax.core.eval_jaxpr(jaxpr.jaxpr, consts, *y))
        else:
            consts = []

            def lifted(consts: Sequence[Any], spare: Native, *y: Any) -> Native:
                return f(*y)

        spare = (self._jax.numpy.zeros(()),) * (out if self._padded else 0)
        run = self._enzyme(lifted)
        return lambda *y: run(consts, spare, *y)
