"""Derivative rules that a case states itself, as a user of an AD library does.

A rule is three functions over an array namespace, written once beside the case that uses it::

    def _sine(xp, x): ...
    def _sine_pushforward(xp, apply, x, dx): ...
    def _sine_pullback(xp, apply, x, dy): ...

    SINE = rule(_sine, _sine_pushforward, _sine_pullback)

    @suite.case(x=normal(4), rules={"sine": SINE})
    def sine(xp, x, sine):
        return sine(x)

Every backend hands the rule to its library's own mechanism.  Calls are counted, because a library
that differentiates the primal instead of calling the rule is at fault, be the value right or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any


@dataclass(frozen=True)
class RuleSpec:
    """A rule as a suite states it; ``apply`` is the function with the rule, for use inside of it.

    Attributes:
        primal: ``(xp, *x) -> y``, arrays to one array.
        pushforward: ``(xp, apply, x, dx) -> dy``; x and dx are tuples of arrays.
        pullback: ``(xp, apply, x, dy) -> dx``; x and dx are tuples of arrays.
    """

    primal: FunctionType
    pushforward: FunctionType
    pullback: FunctionType

    @property
    def functions(self) -> tuple[FunctionType, ...]:
        """The three functions, for whoever wants their source."""
        return self.primal, self.pushforward, self.pullback


def rule(primal: Any, pushforward: Any, pullback: Any) -> RuleSpec:
    """A rule from its three functions; see :class:`RuleSpec`."""
    return RuleSpec(primal, pushforward, pullback)


@dataclass
class Calls:
    """How often the functions of rules were called, since the last :meth:`reset`.

    Attributes:
        uses: calls of a function that has a rule, from outside of any rule.
        ruled: calls of pushforwards and pullbacks.
    """

    uses: int = 0
    ruled: int = 0
    inside: int = field(default=0, repr=False)

    def reset(self) -> None:
        """Count from zero."""
        self.uses = self.ruled = 0

    @contextmanager
    def within(self) -> Iterator[None]:
        """Uses of functions in here are a rule's own affair."""
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1


#: What makes a function with a rule of ``primal, pushforward, pullback``: a library's mechanism.
Mechanism = Callable[[Callable[..., Any], Callable[..., Any], Callable[..., Any]], Any]


def without_rules(primal: Any, pushforward: Any, pullback: Any) -> Any:
    """The mechanism of a namespace that is only evaluated: the primal as it is."""
    return primal


def bound(
    rules: Mapping[str, RuleSpec], xp: Any, mechanism: Mechanism, calls: Calls | None = None
) -> dict[str, Callable[..., Any]]:
    """Name -> function of arrays, each with its rule by ``mechanism``.

    Args:
        rules: the rules of a case.
        xp: the array namespace.
        mechanism: the library's way to state a rule.
        calls: where calls are counted.
    """
    counted = Calls() if calls is None else calls
    return {name: _bound(spec, xp, mechanism, counted) for name, spec in rules.items()}


def _bound(spec: RuleSpec, xp: Any, mechanism: Mechanism, calls: Calls) -> Callable[..., Any]:
    def pushforward(x: Any, dx: Any) -> Any:
        calls.ruled += 1
        with calls.within():
            return spec.pushforward(xp, apply, tuple(x), tuple(dx))

    def pullback(x: Any, dy: Any) -> Any:
        calls.ruled += 1
        with calls.within():
            return tuple(spec.pullback(xp, apply, tuple(x), dy))

    made = mechanism(lambda *x: spec.primal(xp, *x), pushforward, pullback)

    def apply(*x: Any) -> Any:
        calls.uses += not calls.inside
        return made(*x)

    return apply
