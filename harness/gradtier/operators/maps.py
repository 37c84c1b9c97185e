"""The maps that operators are composed from: a backend's own, with one meaning for all backends.

Two things differ between adapters and are made equal here.  A leaf that is not connected has the
derivative zero.  A pullback of complex numbers is in the convention ``conjugate`` of
:class:`~gradtier.backends.base.Adapter`: the gradient of a real f is df/d(Re x) + i df/d(Im x).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gradtier.backends.base import Adapter, Function, Native
from gradtier.model import Mode, Nesting
from gradtier.operators.structure import dtype_of, kind_of

Linear = Callable[[Native], Native]


@dataclass(frozen=True)
class Nested:
    """Two adapters of one library, one differentiating what the other has differentiated.

    First-order operators use ``inner``; second-order ones, ``outer`` around it.

    Attributes:
        outer: gives ``outer_pushforward``, ``outer_pullback`` and ``compile``.
        inner: gives ``pushforward`` and ``pullback``.

    Raises:
        ValueError: the two are of different libraries, whose arrays do not mix.
    """

    outer: Adapter
    inner: Adapter

    def __post_init__(self) -> None:
        a, b = self.outer.distributions, self.inner.distributions
        related = type(self.outer) is type(self.inner) or a[:1] == b[:1]
        if not (related or set(a[:1]) & set(b) or set(b[:1]) & set(a)):
            raise ValueError(
                f"{type(self.outer).__name__} (of {', '.join(a) or 'no package'}) cannot be around "
                f"{type(self.inner).__name__} (of {', '.join(b) or 'no package'}): "
                "expected two adapters of one library"
            )


class Maps:
    """The maps of a backend; every function takes and returns flat tuples of native arrays."""

    __slots__ = ("inner", "outer")

    def __init__(self, backend: Adapter | Nested) -> None:
        if isinstance(backend, Nested):
            self.inner, self.outer = backend.inner, backend.outer
        elif isinstance(backend, Adapter):
            self.inner = self.outer = backend
        else:
            raise TypeError(
                f"backend is a {type(backend).__name__}, expected an adapter or Nested(outer, "
                "inner); gradtier.operators.backend(name) makes one from a name"
            )

    def push(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        """``(f(x), Df(x) v)``."""
        if whole := self.inner.whole(f, Mode.FORWARD, Nesting.NONE):
            return whole(x, v)
        return self.inner.pushforward(f, x, v)

    def pull(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        """``(f(x), Df(x)* w)``."""
        if whole := self.inner.whole(f, Mode.REVERSE, Nesting.NONE):
            y, dx = whole(x, turned(self.inner, w))
        else:
            y, dx = self.inner.pullback(f, x, turned(self.inner, w))
        return y, turned(self.inner, filled(self.inner, dx, x))

    def pull_at(self, f: Function, x: Native) -> tuple[Native, Linear]:
        """``(f(x), w -> Df(x)* w)``; ``f`` is evaluated once where the adapter keeps a record.

        That is an adapter with a method ``pullback_at`` of the same signature.
        """
        a = self.inner
        if (own := getattr(a, "pullback_at", None)) is None:
            return f(*x), lambda w: self.pull(f, x, w)[1]
        y, back = own(f, x)
        if _all_real((*x, *y)):  # decided once, not for each cotangent
            return y, lambda w: filled(a, back(w), x)
        return y, lambda w: turned(a, filled(a, back(turned(a, w)), x))

    def outer_push(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        """A pushforward around another derivative."""
        return self.outer.outer_pushforward(f, x, v)

    def outer_pull(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        """A pullback around another derivative."""
        y, dx = self.outer.outer_pullback(f, x, turned(self.outer, w))
        return y, turned(self.outer, filled(self.outer, dx, x))

    def second(self, f: Function, x: Native, u: Native, v: Native) -> Native:
        """``D2f(x)[u, v]``, forward over forward."""
        if whole := self.inner.whole(f, Mode.FORWARD, Nesting.FORWARD):
            return whole(x, (*u, *v))[1]
        if self.inner is self.outer:
            return self.inner.second_pushforward(f, x, u, v)[1]
        return self.outer_push(lambda *y: self.push(f, y, u)[1], x, v)[1]

    def over_seeds(self, linear: Linear, seeds: Native, vectorize: bool) -> Native:
        """``linear`` of each entry of the leading axis of ``seeds``, stacked on a leading axis.

        By the adapter's method ``over_seeds(linear, seeds)`` where it has one and may use it;
        one after the other otherwise.
        """
        own = getattr(self.outer, "over_seeds", None)
        if vectorize and own is not None:
            found: Native = own(linear, seeds)
            return found
        columns = [linear(tuple([s[i] for s in seeds])) for i in range(int(seeds[0].shape[0]))]
        stack = self.outer.namespace.stack
        return tuple([stack(list(parts)) for parts in zip(*columns, strict=True)])


def filled(adapter: Adapter, dx: Native, x: Native) -> Native:
    """A pullback with the zeros that "not connected" means."""
    for d in dx:
        if d is None:
            pairs = zip(dx, x, strict=True)
            return tuple([adapter.zeros_like(a) if g is None else g for g, a in pairs])
    return dx


def _all_real(leaves: Native) -> bool:
    return not any([kind_of(dtype_of(leaf)) == "complex" for leaf in leaves])


def turned(adapter: Adapter, leaves: Native) -> Native:
    """Cotangents between the adapter's convention of complex pullbacks and ours; either way."""
    if adapter.complex_convention == "conjugate":
        return leaves
    for leaf in leaves:
        if kind_of(dtype_of(leaf)) == "complex":
            conj = adapter.namespace.conj
            return tuple([conj(a) if kind_of(dtype_of(a)) == "complex" else a for a in leaves])
    return leaves
