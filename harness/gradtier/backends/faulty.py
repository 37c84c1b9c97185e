"""Backends that are wrong on purpose: a harness must prove that it can fail.

``Faulty`` wraps another adapter and spoils what it answers in one named way.  Its rows run through
the same path as real ones; each fault has an outcome that it must come out as (:data:`FAULTS`).
"""

from __future__ import annotations

import importlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradtier.backends.base import Adapter, Convention, Function, Native, Rule, Unsupported
from gradtier.model import Outcome, Reason

#: fault -> what it must come out as.
FAULTS: Mapping[str, tuple[Outcome, Reason | None]] = {
    "exact": (Outcome.AGREE, None),
    "print": (Outcome.AGREE, None),  # writes to standard output, which is the worker's channel
    "slow": (Outcome.AGREE, None),  # takes 50 ms a call, so that a run can be cut short
    "zero": (Outcome.WRONG, Reason.SEVERED),
    "none": (Outcome.WRONG, Reason.SEVERED),
    "sign": (Outcome.WRONG, Reason.VALUE),
    "double": (Outcome.WRONG, Reason.VALUE),
    "element": (Outcome.WRONG, Reason.VALUE),  # one element, wrong by 1e-5 of its size
    "single": (Outcome.WRONG, Reason.VALUE),  # float32 hidden in a float64 path
    "nan": (Outcome.WRONG, Reason.NONFINITE),
    "shape": (Outcome.WRONG, Reason.SHAPE),
    "dtype": (Outcome.WRONG, Reason.DTYPE),
    "device": (Outcome.WRONG, Reason.DEVICE),
    "mutate": (Outcome.WRONG, Reason.MUTATED),
    "buffer": (Outcome.WRONG, Reason.UNSTABLE),  # every result is the same buffer
    "accumulate": (Outcome.WRONG, Reason.UNSTABLE),  # adds to what an earlier call left
    "stale": (Outcome.WRONG, Reason.STALE),  # a compiled derivative that kept its first point
    "part": (Outcome.WRONG, Reason.STALE),  # the same, of its first input alone
    "primal": (Outcome.WRONG, Reason.PRIMAL),  # the value beside the derivative is another
    "later": (Outcome.WRONG, Reason.UNSTABLE),  # answers a few times, and then no more
    "hang later": (Outcome.TIMEOUT, None),  # answers a few times, and then hangs
    "exit later": (Outcome.CRASH, None),  # the same, and then dies
    "raise": (Outcome.RAISED, None),
    "decline": (Outcome.UNSUPPORTED, None),
    "hang": (Outcome.TIMEOUT, None),
    "exit": (Outcome.CRASH, None),
    "segfault": (Outcome.CRASH, None),
    "hog": (Outcome.CRASH, None),  # takes ever more memory
    "import": (Outcome.UNAVAILABLE, None),  # its package does not import
}


#: Faults of pullbacks that show at some points only: where an element of the input is of a class.
#: A case that has no such element can't catch it, and answers rightly.
SPECIAL: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "at zero": lambda x: x == 0,
    "at small": lambda x: (x != 0) & (np.abs(x) < 2.0**-6),
    "at large": lambda x: np.abs(x) >= 20,
    "at negative": lambda x: np.real(x) < 0,
    "at ties": lambda x: _tied(x),
}


HOG = 640  # pieces of 16 MiB: 10 GiB, so that a hog that nobody ends does not take all there is
_SINGLE = {"f": np.float32, "c": np.complex64}


def _tied(x: NDArray[Any]) -> NDArray[Any]:
    """Where an element equals another one."""
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse].reshape(x.shape) > 1)


class Faulty(Adapter):
    """Another adapter, spoiled.

    Args:
        around: ``module:Class`` of the adapter that is wrapped.
        fault: one of :data:`FAULTS` or :data:`SPECIAL`; or ``"second"``: right first order, wrong
            nested; or ``"conjugate"``: the other convention for complex numbers is declared; or
            ``"through"``: derivative rules of a user's own are not called, but differentiated
            through.
        options: arguments of the adapter that is wrapped.
    """

    def __init__(self, around: str, fault: str = "exact", **options: Any) -> None:
        if fault == "import":
            raise ImportError("No module named 'no_such_package'")
        self._inner = _class(around)(**options)
        self._fault = fault
        self.complex_convention = self._inner.complex_convention
        if fault == "conjugate":
            other: Convention = "transpose"
            self.complex_convention = (
                other if self.complex_convention == "conjugate" else "conjugate"
            )
        self._buffer: list[NDArray[Any]] = []

    @classmethod
    def owned(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        return _class(str(options["around"])).owned(_of_the_inner(options))

    @classmethod
    def surroundings(cls, options: Mapping[str, Any]) -> Mapping[str, str]:
        return _class(str(options["around"])).surroundings(_of_the_inner(options))

    @property
    def namespace(self) -> Any:
        return self._inner.namespace

    def natives(self, name: str) -> Any:
        return self._inner.natives(name)

    def declines(self, error: BaseException) -> bool:
        return self._inner.declines(error)

    def zeros_like(self, array: Any) -> Any:
        return self._inner.zeros_like(array)

    def from_numpy(self, array: NDArray[Any], device: str) -> Any:
        return self._inner.from_numpy(array, device)

    def to_numpy(self, array: Any) -> NDArray[Any]:
        # what was spoiled is NumPy's, whatever library is inside
        return np.array(array) if isinstance(array, np.ndarray) else self._inner.to_numpy(array)

    def placement(self, array: Any) -> tuple[str, str]:
        ours = isinstance(array, np.ndarray)
        device, dtype = ("cpu", str(array.dtype)) if ours else self._inner.placement(array)
        if self._fault == "dtype":
            dtype = "float32"
        return ("elsewhere" if self._fault == "device" else device), dtype

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        return self._inner.pushforward(f, x, v)

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        return self._inner.pullback(f, x, w)

    def outer_pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        return self._nested(self._inner.outer_pushforward(f, x, v))

    def outer_pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        return self._nested(self._inner.outer_pullback(f, x, w))

    def _nested(self, both: tuple[Native, Native]) -> tuple[Native, Native]:
        if self._fault != "second":
            return both
        return both[0], tuple(None if a is None else 1.5 * a for a in both[1])

    def compile(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """The whole derivative, spoiled at its very end."""
        kept: list[Native] = []

        def spoiled(x: Native, seed: Native) -> Any:
            self._misbehave(x)
            kept.append(x)
            if len(kept) > 3:
                self._later()
            value, answer = f(self._remembered(kept[0], x), seed)
            if not answer:  # the plain function, which no fault is about
                return value, answer
            if self._fault == "primal":
                value = tuple(a * (1 + 1e-9) for a in value)
            if self._fault == "none":
                return value, tuple(None for _ in answer)
            if self._fault in SPECIAL:
                return value, self._spoiled_at(SPECIAL[self._fault], x, answer)
            return value, self._spoil([np.array(self.to_numpy(a)) for a in answer if a is not None])

        return spoiled

    def _spoiled_at(self, where: Any, x: Native, answer: Native) -> tuple[Any, ...]:
        """Half as much again, and a little, in the elements of a gradient that are ``where``."""

        def spoiled(point: Any, slope: Any) -> Any:
            if slope is None:
                return None
            here, given = np.asarray(self.to_numpy(point)), np.array(self.to_numpy(slope))
            return np.where(where(here), 1.5 * given + 0.25, given)

        return tuple(map(spoiled, x, answer))

    def _later(self) -> None:
        """What some faults do when they have answered a few times."""
        match self._fault:
            case "later":
                raise ValueError("this backend answers no more")
            case "hang later":
                time.sleep(3600)
            case "exit later":
                os._exit(3)

    def _remembered(self, first: Native, x: Native) -> Native:
        """The point that a derivative is really taken at."""
        match self._fault:
            case "stale":
                return first
            case "part":
                return (first[0], *x[1:])
        return x

    def custom_rule(self, rule: Rule) -> Callable[..., Any]:
        return rule.primal if self._fault == "through" else self._inner.custom_rule(rule)

    def _misbehave(self, x: Native) -> None:
        match self._fault:
            case "raise":
                raise ValueError("this backend always raises")
            case "decline":
                raise Unsupported("this backend offers nothing")
            case "slow":
                time.sleep(0.05)
            case "hang":
                time.sleep(3600)
            case "exit":
                os._exit(3)
            case "hog":
                held: list[NDArray[Any]] = []
                while len(held) < HOG:
                    held.append(np.ones(2**21))  # 16 MiB
                    time.sleep(0.01)
                time.sleep(3600)
            case "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "print":
                print("noise on standard output", flush=True)
            case "mutate":
                x[0][...] += 1.0

    def _spoil(self, answer: list[NDArray[Any]]) -> tuple[Any, ...]:
        first = next((a for a in answer if a.size), None)
        match self._fault:
            case "zero":
                return tuple(np.zeros_like(a) for a in answer)
            case "sign":
                return tuple(np.asarray(-a) for a in answer)
            case "double":
                return tuple(np.asarray(2 * a) for a in answer)
            case "element" if first is not None:
                first.flat[int(np.argmax(np.abs(first)))] *= 1 + 1e-5
            case "single":
                return tuple(np.asarray(a.astype(_SINGLE[a.dtype.kind]), a.dtype) for a in answer)
            case "nan" if first is not None:
                first.flat[0] = np.nan
            case "shape":
                return (answer[0][None], *answer[1:])
            case "buffer":
                return self._reused(answer)
            case "accumulate":
                left = self._buffer if _shapes(self._buffer) == _shapes(answer) else answer
                self._reused([np.asarray(a + b) for a, b in zip(answer, left, strict=True)])
                return tuple(a.copy() for a in self._buffer)
        return tuple(answer)

    def _reused(self, answer: list[NDArray[Any]]) -> tuple[Any, ...]:
        if _shapes(self._buffer) != _shapes(answer):
            self._buffer = [a.copy() for a in answer]
        for kept, new in zip(self._buffer, answer, strict=True):
            kept[...] = new
        return tuple(self._buffer)


def _of_the_inner(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in ("around", "fault")}


def _shapes(arrays: list[NDArray[Any]]) -> list[tuple[int, ...]]:
    return [a.shape for a in arrays]


def _class(dotted: str) -> type[Adapter]:
    module, _, name = dotted.partition(":")
    found: type[Adapter] = getattr(importlib.import_module(module), name)
    return found
