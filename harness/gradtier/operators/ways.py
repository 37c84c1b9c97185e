"""The operators as data: what each takes, what it gives, and the ways of computing it in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from gradtier.backends.base import Adapter
from gradtier.operators import batched, first, second
from gradtier.operators.maps import Nested
from gradtier.operators.probe import offers

Run = Callable[..., Any]


@dataclass(frozen=True)
class Way:
    """One way of computing an operator.

    Attributes:
        how: in words.
        needs: what the backend must offer, as :mod:`gradtier.operators.probe` names it.
        run: the map.
        direct: one map of the adapter's own, or one around another; composed of many otherwise.
    """

    how: str
    needs: tuple[str, ...]
    run: Run
    direct: bool = False

    def possible(self, backend: Adapter | Nested) -> bool:
        """Whether the backend offers what is needed."""
        return all(offers(backend, name) for name in self.needs)

    @cached_property
    def certain(self) -> bool:
        """Whether a backend without it is sure to raise: nestings may be cut in silence."""
        return all(name in ("pushforward", "pullback") for name in self.needs)


@dataclass(frozen=True)
class Operator:
    """What an operator takes and gives.

    Attributes:
        name: without ``value_and_``.
        ways: in order of preference.
        seed: ``x`` or ``y``: a further argument shaped so; ``cotangent`` or ``tangent``: it is 1.
        layout: the answer is shaped like ``x``, ``y``, y by x, x by x, or is a ``scalar``.
        scalar_x: whether x must be one scalar.
        scalar_y: whether f must return one real scalar.
        second: whether it is of second order, so that ``order`` chooses among the ways.
    """

    name: str
    ways: tuple[Way, ...]
    seed: Literal["x", "y", "cotangent", "cotangent x", "tangent", "none"]
    layout: Literal["x", "y", "yx", "xx", "scalar"]
    scalar_x: bool = False
    scalar_y: bool = False
    second: bool = False


@dataclass(frozen=True)
class Support:
    """Whether a backend has an operator, and how.

    Attributes:
        status: ``direct``, ``composed`` or ``unsupported``.
        how: the way that is taken, or what is missing.
    """

    status: Literal["direct", "composed", "unsupported"]
    how: str


ORDERS = tuple(second.PRODUCTS)
_FEWER = "rows of pullbacks or columns of pushforwards, whichever are fewer"
_ROWS, _COLUMNS = "rows of pullbacks", "columns of pushforwards"
_PUSH, _PULL = ("pushforward",), ("pullback",)


def _matrices(module: Any, prefix: str) -> tuple[Way, ...]:
    return (
        Way(_FEWER, (*_PUSH, *_PULL), getattr(module, f"{prefix}by_fewer")),
        Way(_ROWS, _PULL, getattr(module, f"{prefix}by_rows")),
        Way(_COLUMNS, _PUSH, getattr(module, f"{prefix}by_columns")),
    )


def _products(make: Callable[[str], Run], words: str, direct: bool = False) -> tuple[Way, ...]:
    return tuple(
        Way(words.format(order), (order,), make(order), direct and order != ORDERS[-1])
        for order in ORDERS
    )


_TWICE = Way(
    "pushforward of the pushforward", (ORDERS[-1],), second.second_derivative(ORDERS[-1]), True
)

OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        Operator(
            "gradient",
            (
                Way("pullback with the cotangent 1", _PULL, first.pull, True),
                Way("pushforwards along unit vectors", _PUSH, first.gradient_by_columns),
            ),
            seed="cotangent",
            layout="x",
            scalar_y=True,
        ),
        Operator(
            "derivative",
            (
                Way("pushforward along 1", _PUSH, first.push, True),
                Way("a pullback for each number of the result", _PULL, first.derivative_by_rows),
            ),
            seed="tangent",
            layout="y",
            scalar_x=True,
        ),
        Operator(
            "pushforward",
            (
                Way("pushforward", _PUSH, first.push, True),
                Way(
                    "pullback of the pullback in its cotangent",
                    ("pullback in the cotangent",),
                    first.push_by_two_pullbacks,
                ),
                Way(_ROWS, _PULL, first.push_by_rows),
            ),
            seed="x",
            layout="y",
        ),
        Operator(
            "pullback",
            (
                Way("pullback", _PULL, first.pull, True),
                Way(_COLUMNS, _PUSH, first.pull_by_columns),
            ),
            seed="y",
            layout="x",
        ),
        Operator("jacobian", _matrices(first, "jacobian_"), seed="none", layout="yx"),
        Operator("batched_jacobian", _matrices(batched, ""), seed="none", layout="yx"),
        Operator(
            "hvp",
            _products(second.hvp, "{}", direct=True),
            seed="cotangent x",
            layout="x",
            scalar_y=True,
            second=True,
        ),
        Operator(
            "hessian",
            _products(second.hessian, "products with unit vectors, {}"),
            seed="cotangent",
            layout="xx",
            scalar_y=True,
            second=True,
        ),
        Operator(
            "laplacian",
            _products(second.laplacian, "second derivatives along unit vectors, {}"),
            seed="cotangent",
            layout="scalar",
            scalar_y=True,
            second=True,
        ),
        Operator(
            "second_derivative",
            (
                _TWICE,
                *_products(second.second_derivative, "{} for each number of the result")[:-1],
            ),
            seed="tangent",
            layout="y",
            scalar_x=True,
            second=True,
        ),
    )
}


def choice(
    operator: Operator, backend: Adapter | Nested, order: str | None = None, switch: bool = False
) -> tuple[Way, ...]:
    """The ways that may be taken, in order.

    Args:
        operator: one of :data:`OPERATORS`.
        backend: an adapter or a :class:`Nested`.
        order: for second order, the only nesting to use, of :data:`ORDERS`.
        switch: an inner reverse under an outer reverse becomes forward over reverse where the
            backend offers that.

    Raises:
        ValueError: there is no such order.
        TypeError: an order for an operator of first order.
    """
    if not operator.second:
        if order is not None or switch:
            raise TypeError(f"{operator.name} is of first order: it takes no order and no switch")
        return operator.ways
    if order is None:
        if operator.name == "laplacian" and _taylor(backend):
            return (operator.ways[-1], *operator.ways[:-1])
        return operator.ways
    if order not in ORDERS:
        raise ValueError(f"order is {order!r}, expected one of {', '.join(ORDERS)}")
    wanted: tuple[str, ...] = (order,)
    if switch and order == "reverse-over-reverse":
        wanted = ("forward-over-reverse", order)
    return tuple(way for name in wanted for way in operator.ways if way.needs == (name,))


def _taylor(backend: Adapter | Nested) -> bool:
    """Whether second pushforwards are the library's own, and so cheaper than nested maps."""
    own = type(backend).__dict__.get("second_pushforward")
    return isinstance(backend, Adapter) and own is not None


def support(
    backend: Adapter | Nested, order: str | None = None, switch: bool = False
) -> dict[str, Support]:
    """For each operator, whether this backend has it and how it is computed.

    What the backend offers is found by differentiating a small function, once in a process; so the
    first call may take a second. Where the library declines a function of the user's, for want of a
    rule, the next way that the backend offers is tried; :attr:`Prepared.how` says which it was.

    Args:
        backend: an adapter or a :class:`Nested`.
        order: for second order, the only nesting to use.
        switch: as in :func:`gradtier.operators.hvp`.
    """
    found = {}
    for name, operator in OPERATORS.items():
        chosen = (order, switch) if operator.second else (None, False)
        ways = choice(operator, backend, *chosen)
        for way in ways:
            if way.possible(backend):
                status: Any = "direct" if way.direct else "composed"
                found[name] = Support(status, way.how)
                break
        else:
            found[name] = Support("unsupported", f"needs {needed(ways)}")
    return found


def needed(ways: tuple[Way, ...]) -> str:
    """What a backend must offer for one of these ways, in words."""
    needs = [way.needs for way in ways]
    least = [n for n in needs if not any(set(other) < set(n) for other in needs)]
    return " or ".join(dict.fromkeys(" and ".join(n) for n in least))
