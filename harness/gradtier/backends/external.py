"""Systems in other languages: a worker process is sent the recorded operations of a function.

A worker is a program that speaks the protocol of ``workers/PROTOCOL.md``; it needs nothing of
gradtier.  It composes its own derivatives, so second order is asked as one map.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gradtier.backends.base import Adapter, Derivative, Function, Native, Unsupported
from gradtier.backends.program import Program, Recording, plain, record
from gradtier.backends.program_array import Array, wrapped
from gradtier.backends.program_namespace import namespace
from gradtier.backends.program_worker import Worker
from gradtier.model import Mode, Nesting

#: Shapes and dtypes of a point, for which a program holds unless it resolved something.
Form = tuple[tuple[tuple[int, ...], str], ...]


class External(Adapter):
    """A worker in a process of its own.

    Branches on values, sorts, and indices computed from the input are resolved at each point.
    What would turn a recorded array into a number (``float(x)``, NumPy's functions) is declined.

    Args:
        command: the program and its arguments, as in a shell but without one.
    """

    in_process: ClassVar = False
    refusals: ClassVar = (r"operand 'Array' does not support ufuncs",)

    def __init__(self, command: str = "", **options: Any) -> None:
        super().__init__(**options)
        argv = self.command(command)
        self._namespace, self._device = namespace(), "cpu"
        self._worker = Worker(argv)

    def command(self, given: str) -> Sequence[str]:
        """The program and its arguments; a subclass may build it first."""
        if not given.strip():
            raise TypeError(f"{type(self).__name__} needs a command to start its worker with")
        return shlex.split(given)

    @property
    def namespace(self) -> Any:
        return self._namespace

    def from_numpy(self, array: NDArray[Any], device: str) -> Any:
        if device not in self.devices():
            raise Unsupported(f"the worker has no device '{device}'")
        if array.dtype.kind not in "fiub":
            raise Unsupported(f"a recorded program has no {array.dtype}")
        self._device = device
        made: Array = wrapped(np.array(array))
        made.device = device
        return made

    def to_numpy(self, array: Any) -> NDArray[Any]:
        return np.array(array)

    def placement(self, array: Any) -> tuple[str, str]:
        return array.device, str(array.dtype)

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        return self.whole(f, Mode.FORWARD, Nesting.NONE)(x, v)

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        return self.whole(f, Mode.REVERSE, Nesting.NONE)(x, w)

    def whole(self, f: Function, mode: Mode, nesting: Nesting) -> Derivative:
        name = f"{mode.value}/{nesting.value}"
        if name not in self._worker.hello.derivatives:
            raise Unsupported(f"the worker has no derivative {name}")
        ready: dict[Form, tuple[Recording, Program]] = {}

        def derivative(x: Native, seed: Native) -> tuple[Native, Native]:
            recording, program = self._recorded(f, x, ready)
            return self._derived(recording, program, mode, nesting, x, seed)

        return derivative

    def evaluate(self, f: Function, x: Native) -> Native:
        """``f(x)`` as the worker computes it, not differentiated."""
        recording, program = self._recorded(f, x, {})
        answer = self._worker.ask("value", program.text, x=_flat(x), device=self._device)
        outputs = [recording.outputs[i] for i in recording.real]
        value = self._leaves(answer, "value", outputs)
        return _among(recording, value, lambda a: a)

    def devices(self) -> tuple[str, ...]:
        return self._worker.hello.devices

    def settings(self) -> dict[str, str]:
        return {"worker": self._worker.hello.name, **self._worker.hello.settings}

    def versions(self) -> dict[str, str]:
        """What the worker says of itself, beside the distributions installed here."""
        return {**self.installed(), **self._worker.hello.versions}

    def _recorded(
        self, f: Function, x: Native, ready: dict[Form, tuple[Recording, Program]]
    ) -> tuple[Recording, Program]:
        form = tuple((a.shape, str(a.dtype)) for a in x)
        if form in ready:
            return ready[form]
        for dtype in {str(a.dtype) for a in x} - self._worker.hello.dtypes:
            raise Unsupported(f"the worker has no {dtype}")
        recording = record(f, x)
        if not recording.real:
            raise Unsupported("the function has no output that is a real number")
        program = recording.program(self._worker.hello.ops)
        if not recording.resolved:
            ready[form] = recording, program
        return recording, program

    def _derived(
        self, recording: Recording, program: Program, mode: Mode, nesting: Nesting,
        x: Native, seed: Native,
    ) -> tuple[Native, Native]:  # fmt: skip
        outputs = [recording.outputs[i] for i in recording.real]
        like_value = mode is Mode.REVERSE and nesting is Nesting.NONE
        hessian = nesting is not Nesting.NONE and (mode, nesting) != (Mode.FORWARD, Nesting.FORWARD)
        if like_value or hessian:  # w stands first, a cotangent for each output
            count = len(recording.outputs)
            seed = (*(seed[i] for i in recording.real), *seed[count:])
        answer = self._worker.ask(
            "derivative", program.text, mode=mode.value, nesting=nesting.value,
            x=_flat(x), seed=_flat(seed), device=self._device,
        )  # fmt: skip
        inner_like_x = mode is Mode.REVERSE and nesting is not Nesting.NONE
        value = self._leaves(answer, "value", x if inner_like_x else outputs)
        found = self._leaves(answer, "answer", x if like_value or hessian else outputs)
        if not inner_like_x:
            rest = _kept if nesting is Nesting.NONE else _zero
            value = _among(recording, value, rest)
        if not (like_value or hessian):
            found = _among(recording, found, _zero)
        return value, found

    def _leaves(self, answer: dict[str, Any], field: str, like: Sequence[Array]) -> Native:
        given, dtype = answer.get(field), answer.get("dtype")
        if dtype not in ("float64", "float32"):
            raise self._worker.fault(f"says its numbers are {dtype!r}")
        if not isinstance(given, list) or len(given) != len(like):
            count = len(given) if isinstance(given, list) else given
            raise self._worker.fault(f"sent {field} of {count!r} leaves; expected {len(like)}")
        return tuple(
            None if leaf is None and field == "answer" else self._leaf(leaf, a, dtype, answer)
            for leaf, a in zip(given, like, strict=True)
        )

    def _leaf(self, leaf: Any, like: Array, dtype: str, answer: dict[str, Any]) -> Array:
        if not isinstance(leaf, list) or len(leaf) != math.prod(like.shape):
            size = len(leaf) if isinstance(leaf, list) else repr(leaf)
            raise self._worker.fault(f"sent a leaf of {size} numbers; expected {like.size}")
        try:
            array = np.array([_number(t) for t in leaf], dtype=dtype).reshape(like.shape)
        except ValueError as error:
            raise self._worker.fault(f"sent {error} for a number") from None
        made: Array = wrapped(array)
        made.device = str(answer.get("device", "unknown"))
        return made


def _number(said: Any) -> float:
    if isinstance(said, float) or type(said) is int:
        return float(said)
    if said in ("nan", "inf", "-inf"):
        return float(said)
    raise ValueError(repr(said))


def _flat(arrays: Native) -> list[list[Any]]:
    return [plain(a.numpy()) for a in arrays]


def _kept(output: Array) -> Array:
    return output


def _zero(output: Array) -> Array:
    """The tangent of an output that is a whole number or a truth value."""
    zero: Array = wrapped(np.zeros(output.shape))
    return zero


def _among(recording: Recording, found: Native, rest: Callable[[Array], Array]) -> Native:
    """Leaves of the real outputs, and for the others what ``rest`` makes of them."""
    real = dict(zip(recording.real, found, strict=True))
    return tuple(real[i] if i in real else rest(a) for i, a in enumerate(recording.outputs))
