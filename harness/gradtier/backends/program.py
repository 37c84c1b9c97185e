"""Recording a function of arrays as a flat program, for systems that can't run Python.

A case is a Python function; a worker in another language gets the list of operations that the
function performed at a point.  Branches on values, ``sort`` and ``argsort``, and indices computed
from the input are resolved at that point, as an operator-overloading system resolves them while it
records its own tape; such a program is recorded anew for each point (:attr:`Recording.resolved`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradtier.backends.base import Function, Unsupported
from gradtier.backends.program_array import Array, as_array, wrapped
from gradtier.backends.program_lower import lowered
from gradtier.backends.program_nodes import Node, Trace, ordered, placeholder


@dataclass(frozen=True)
class Program:
    """Operations in an order in which each stands after its arguments; inputs stand first.

    Attributes:
        text: the JSON object that a worker is sent, on one line.
        ops: the names of the operations.
    """

    text: str
    ops: frozenset[str]


@dataclass(frozen=True)
class Recording:
    """What a function did at a point.

    Attributes:
        inputs: the arrays that it was called with.
        outputs: what it returned, arrays of any dtype.
        resolved: whether it holds at that point only.
    """

    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    resolved: bool

    @property
    def real(self) -> tuple[int, ...]:
        """The places of the outputs that can have a derivative."""
        return tuple(i for i, a in enumerate(self.outputs) if a.dtype.kind == "f")

    def program(self, ops: Collection[str]) -> Program:
        """The program of the real outputs by operations of ``ops``.

        Raises:
            Unsupported: an operation is not in ``ops``, or precisions are mixed.
        """
        outputs = [self.outputs[i] for i in self.real]
        sources = [a.node for a in self.inputs]
        # lowering leaves inputs as they are
        ends = lowered((a.node for a in outputs), ops)
        nodes = ordered([*sources, *ends])
        dtype = _precision(nodes)
        place = {node: i for i, node in enumerate(nodes)}
        message = {
            "dtype": dtype,
            "inputs": [{"shape": list(a.shape)} for a in self.inputs],
            "nodes": [_described(node, place, sources) for node in nodes],
            "outputs": [
                {"node": place[end], "shape": list(a.shape)}
                for end, a in zip(ends, outputs, strict=True)
            ],
        }
        used = frozenset(node.op for node in nodes if node.args)
        text = json.dumps(message, separators=(",", ":"))
        return Program(text, used)


def record(f: Function, x: Sequence[Array]) -> Recording:
    """Call ``f`` on recorded copies of the concrete arrays ``x``.

    Raises:
        Unsupported: an array of ``x`` belongs to another recording.
    """
    if any(a.recorded for a in x):
        raise Unsupported("derivatives of another process do not nest; second order is one map")
    trace = Trace()
    inputs = tuple(Array(placeholder(a.numpy(), trace), a.shape) for a in x)
    outputs = tuple(_settled(as_array(a)) for a in f(*inputs))
    return Recording(inputs, outputs, trace.resolved)


def _settled(output: Array) -> Array:
    """An output that is no real number as what it is at the traced point."""
    settled: Array = output if output.dtype.kind == "f" else wrapped(output.numpy())
    return settled


def plain(array: NDArray[Any]) -> list[Any]:
    """A flat list of numbers for JSON, which has no infinities: those are words."""
    flat = array.reshape(-1)
    if flat.dtype.kind == "b":
        return [int(t) for t in flat]
    found = flat.tolist()  # a float32 is a float64 exactly
    return found if np.all(np.isfinite(flat)) else [_word(t) for t in found]


def _word(number: float) -> Any:
    return number if np.isfinite(number) else str(number)


def _precision(nodes: Sequence[Node]) -> str:
    found = sorted({str(node.dtype) for node in nodes if node.dtype.kind == "f"})
    if len(found) != 1:
        raise Unsupported(f"a program of one precision: this one has {' and '.join(found)}")
    return found[0]


def _described(node: Node, place: dict[Node, int], sources: list[Node]) -> dict[str, Any]:
    said: dict[str, Any] = {"op": node.op, "size": node.size}
    if node.args:
        said["args"] = [place[a] for a in node.args]
        said.update((k, _static(v)) for k, v in node.attrs.items())
    elif node.op == "constant":
        assert node.data is not None
        said["data"] = plain(node.data)
    return said


def _static(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value
