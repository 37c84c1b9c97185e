"""Operations that a worker does not offer, written in terms of those that it does.

Only what is a composition of others up to a few roundings stands here; whatever else is missing
is declined by its name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np

from gradtier.backends.base import Unsupported
from gradtier.backends.program_nodes import Node, constant, make, ordered


def lowered(outputs: Iterable[Node], ops: Collection[str]) -> list[Node]:
    """The same outputs by operations of ``ops`` alone.

    Raises:
        Unsupported: an operation is not offered and is no composition of those that are.
    """
    done: dict[Node, Node] = {}
    return [_rewritten(node, ops, done) for node in outputs]


def _rewritten(output: Node, ops: Collection[str], done: dict[Node, Node]) -> Node:
    for node in ordered([output], done):
        args = tuple(done[a] for a in node.args)
        same = args == node.args
        made = node if same else dataclasses.replace(node, args=args)
        if node.op in ops or not node.args:
            done[node] = done[made] = made
        elif node.op in LOWERINGS:
            # what it is made of may have to be lowered as well, down to arguments that are done
            done.update((a, a) for a in args)
            done[node] = _rewritten(LOWERINGS[node.op](made), ops, done)
        else:
            raise Unsupported(f"the worker has no operation {node.op}")
    return done[output]


def _of(op: str, *args: Node, dtype: Any = None, **attrs: Any) -> Node:
    return make(op, args, args[0].size, dtype or args[-1].dtype, **attrs)


def _like(node: Node, value: float) -> Node:
    return constant(np.full(node.size, value, node.dtype))


def _hypot(node: Node) -> Node:
    x, y = node.args
    return _of("sqrt", _of("add", _of("multiply", x, x), _of("multiply", y, y)))


def _logaddexp(node: Node) -> Node:
    x, y = node.args
    # the derivative by `top` is zero whatever top is, so its kink does not show
    top = _of("maximum", x, y)
    parts = [_of("exp", _of("subtract", a, top)) for a in (x, y)]
    return _of("add", top, _of("log", _of("add", *parts)))


def _integer_power(node: Node) -> Node:
    (x,), left = node.args, abs(node.attrs["exponent"])
    result = _like(x, 1.0)
    while left:  # by squares; exact where x is zero or negative, which a power by logarithms is not
        if left % 2:
            result = x if result.trace is None else _of("multiply", result, x)
        left //= 2
        x = _of("multiply", x, x) if left else x
    return result if node.attrs["exponent"] >= 0 else _of("divide", _like(x, 1.0), result)


def _matmul(node: Node) -> Node:
    batch, m, k, n = (node.attrs[name] for name in ("batch", "rows", "inner", "columns"))
    left = np.arange(batch * m * k).reshape(batch, m, 1, k)
    right = np.arange(batch * k * n).reshape(batch, k, n).swapaxes(1, 2).reshape(batch, 1, n, k)
    shape = (batch, m, n, k)
    pair = [
        _picked(a, np.broadcast_to(i, shape)) for a, i in zip(node.args, (left, right), strict=True)
    ]
    return make("sum", (_of("multiply", *pair),), node.size, node.dtype, length=k)


def _picked(node: Node, index: np.ndarray[Any, Any]) -> Node:
    flat = index.reshape(-1)
    return make("gather", (node,), flat.size, node.dtype, index=flat)


def _columns(node: Node) -> list[Node]:
    """The first elements of all rows, the second ones, ..."""
    (x,) = node.args
    places = np.arange(x.size).reshape(-1, node.attrs["length"])
    return [_picked(x, places[:, i]) for i in range(node.attrs["length"])]


def _folded(op: str, start: float | None = None) -> Callable[[Node], Node]:
    def lowering(node: Node) -> Node:
        if not node.attrs["length"]:
            return constant(np.full(node.size, start, node.dtype))
        first, *rest = _columns(node)
        for column in rest:
            first = _of(op, first, column)
        return first

    return lowering


def _accumulated(op: str) -> Callable[[Node], Node]:
    def lowering(node: Node) -> Node:
        length = node.attrs["length"]
        if not node.size:
            return node.args[0]
        first, *rest = _columns(node)
        states = [first]
        for column in rest:
            states.append(_of(op, states[-1], column))
        joined = make("concat", tuple(states), node.size, node.dtype)
        return _picked(joined, np.arange(node.size).reshape(length, -1).T)

    return lowering


def _not(node: Node) -> Node:
    return _of("logical_not", node, dtype=bool)


def _logical_or(node: Node) -> Node:
    return _not(_of("logical_and", *map(_not, node.args), dtype=bool))


LOWERINGS: Mapping[str, Callable[[Node], Node]] = {
    "hypot": _hypot,
    "logaddexp": _logaddexp,
    "integer_power": _integer_power,
    "matmul": _matmul,
    "prod": _folded("multiply", 1.0),
    "max": _folded("maximum"),
    "min": _folded("minimum"),
    "cumulative_sum": _accumulated("add"),
    "cumulative_prod": _accumulated("multiply"),
    "logical_or": _logical_or,
}
