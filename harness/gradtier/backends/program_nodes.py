"""Nodes of a recorded program: flat lists of numbers and the core operations between them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradtier.backends.base import Unsupported
from gradtier.backends.program_values import evaluate


@dataclass(eq=False)
class Trace:
    """One recording.

    Attributes:
        resolved: a branch or an index asked for numbers, so the program holds at this point only.
        values: the numbers at the traced point, for nodes that were asked for theirs.
    """

    resolved: bool = False
    values: dict[Node, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Node:
    """A flat list of ``size`` numbers: an input, a constant, or an operation on other nodes.

    Attributes:
        op: ``input``, ``constant``, or a name of :data:`program_values.CORE`.
        args: what the operation is applied to.
        attrs: its static parameters (an index, a length, ...).
        size: how many numbers.
        dtype: of the numbers; truth values are ``bool``.
        trace: the recording it belongs to; None for a constant.
        data: the numbers of an input or a constant.
    """

    op: str
    args: tuple[Node, ...]
    attrs: Mapping[str, Any]
    size: int
    dtype: np.dtype[Any]
    trace: Trace | None = None
    data: NDArray[Any] | None = None


def constant(array: NDArray[Any]) -> Node:
    """A node of fixed numbers, in row-major order."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return Node("constant", (), {}, flat.size, flat.dtype, None, flat)


def placeholder(array: NDArray[Any], trace: Trace) -> Node:
    """An input of the recording ``trace`` with its numbers at the traced point."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return Node("input", (), {}, flat.size, flat.dtype, trace, flat)


def make(op: str, args: tuple[Node, ...], size: int, dtype: Any, **attrs: Any) -> Node:
    """An operation, recorded if an argument is; computed at once if all are constants.

    Raises:
        Unsupported: the arguments belong to different recordings.
    """
    traces = {a.trace for a in args if a.trace is not None}
    if len(traces) > 1:
        raise Unsupported("derivatives of another process do not nest: arrays of two recordings")
    made = Node(op, args, attrs, size, np.dtype(dtype), next(iter(traces), None))
    if traces:
        return made
    result = evaluate(op, [_data(a) for a in args], attrs, size)
    return constant(result.astype(made.dtype, copy=False))


def numbers(node: Node) -> NDArray[Any]:
    """What a node holds at the traced point; marks the recording as bound to that point."""
    if node.trace is None:
        return _data(node)
    node.trace.resolved = True
    known = node.trace.values
    for one in ordered([node], known):
        given = [known[a] for a in one.args]
        known[one] = _data(one) if one.data is not None else _evaluated(one, given)
    return known[node]


def ordered(outputs: Iterable[Node], known: Container[Node] = ()) -> list[Node]:
    """``outputs`` and all that they depend on, arguments before what uses them.

    What is ``known``, and what that depends on, is left out.
    """
    done: dict[Node, None] = {}
    todo = [(node, False) for node in reversed(list(outputs))]
    while todo:  # no recursion: a loop of a thousand steps is a deep graph
        node, ready = todo.pop()
        if node in done or node in known:
            continue
        if ready:
            done[node] = None
        else:
            todo.append((node, True))
            todo.extend((a, False) for a in reversed(node.args))
    return list(done)


def _data(node: Node) -> NDArray[Any]:
    assert node.data is not None
    return node.data


def _evaluated(node: Node, args: list[NDArray[Any]]) -> NDArray[Any]:
    result = evaluate(node.op, args, node.attrs, node.size)
    return result.astype(node.dtype, copy=False)
