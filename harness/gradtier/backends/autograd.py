"""HIPS autograd: ``autograd.make_vjp`` and ``autograd.make_jvp`` over ``autograd.numpy``."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gradtier.backends.base import Adapter, Function, Linear, Native, Rule, Unsupported


class Autograd(Adapter):
    """Both modes, in any nesting; CPU only.

    An input that is not connected has a zero derivative: autograd does not tell the two apart.
    """

    distributions: ClassVar = ("autograd", "numpy")
    stem: ClassVar = "gradtier.backends.autograd"
    modules: ClassVar = ("autograd",)
    environment: ClassVar = {"OMP_NUM_THREADS": "1"}
    complex_convention = "transpose"
    refusals: ClassVar = (
        r"(VJP|JVP) of .* not defined",
        r"'ArrayBox' object does not support item assignment",
        r"^AttributeError: 'ArrayBox' object has no attribute",
        r"unsupported operand type\(s\) for //: .*'ArrayBox'",
        r"bad operand type for unary \+: 'ArrayBox'",
        r"argument must be .* not 'ArrayBox'",
        r"Can't handle extra leading dims",
        r"Can't find vector space for value",
        r"Can't differentiate w\.r\.t\. type",
        r"only integer scalar arrays can be converted to a scalar index",
        r"setting an array element with a sequence",
        r"all returned NotImplemented from __array_ufunc__\(.*ArrayBox",
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        import autograd
        import autograd.builtins
        import autograd.core
        import autograd.extend

        from gradtier.backends.autograd_namespace import namespace

        # The record says it in its own way: a derivative that is all zero.
        warnings.filterwarnings("ignore", message="Output seems independent of input")
        self._core, self._tuple = autograd.core, autograd.builtins.tuple
        self._extend = autograd.extend
        self._namespace = namespace()

    @property
    def namespace(self) -> Any:
        return self._namespace

    def from_numpy(self, array: NDArray[Any], device: str) -> Any:
        if device != "cpu":
            raise Unsupported(f"autograd has no device '{device}'")
        return np.array(array)

    def to_numpy(self, array: Any) -> NDArray[Any]:
        return np.array(array)

    def placement(self, array: Any) -> tuple[str, str]:
        return "cpu", str(np.asarray(array).dtype)

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        flat = self._flat(f, len(x))
        y, dy = self._core.make_jvp(flat, self._boxed(x))(self._boxed(v))
        return self._leaves(y), self._leaves(dy)

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        y, back = self.pullback_at(f, x)
        return y, back(w)

    def pullback_at(self, f: Function, x: Native) -> tuple[Native, Linear]:
        back, y = self._core.make_vjp(self._flat(f, len(x)), self._boxed(x))
        return self._leaves(y), lambda w: self._leaves(back(self._boxed(w)))

    def custom_rule(self, rule: Rule) -> Callable[..., Any]:
        extend = self._extend
        ruled = extend.primitive(lambda *x: rule.primal(*x))  # an object of its own, to register

        def pullback(argnums: Any, y: Any, x: Native, _: Any) -> Callable[[Any], Native]:
            def back(dy: Any) -> Native:
                dx = rule.pullback(x, dy)
                return tuple(dx[i] for i in argnums)

            return back

        def pushforward(argnums: Any, tangents: Any, y: Any, x: Native, _: Any) -> Any:
            dx = dict(zip(argnums, tangents, strict=True))
            zero = (extend.vspace(t).zeros() for t in x)
            return rule.pushforward(x, tuple(dx.get(i, z) for i, z in enumerate(zero)))

        extend.defvjp_argnums(ruled, pullback)
        extend.defjvp_argnums(ruled, pushforward)
        return ruled  # type: ignore[no-any-return]

    def _flat(self, f: Function, arity: int) -> Any:
        # autograd traces one argument and one result; several are a tuple that it can see into,
        # which costs as much as a small derivative.
        if arity == 1:
            return lambda x: self._boxed(f(x))
        return lambda x: self._boxed(f(*[x[i] for i in range(arity)]))

    def _boxed(self, leaves: Native) -> Any:
        return leaves[0] if len(leaves) == 1 else self._tuple(leaves)

    def _leaves(self, found: Any) -> Native:
        if hasattr(found, "shape"):
            return (found,)
        return tuple([found[i] for i in range(len(found))])
