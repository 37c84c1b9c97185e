"""The process in which one backend lives: ``python -m gradtier.serving``.

It speaks frames (:mod:`gradtier.messages`) over its standard input and output.  Whatever a library
prints goes to standard error, which the run keeps for the case that the process dies.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gradtier import messages, timing
from gradtier.backends.absent import hide
from gradtier.backends.base import Adapter, Derivative, Rule
from gradtier.cases import Case, load_suite
from gradtier.derivatives import conjugations, derivative, plain
from gradtier.host import adapter_class, cards, make_importable
from gradtier.inputs import in_precision
from gradtier.messages import Answer, Ask, Begin, Block, Leaves, Ready, Refusal, Setup, Timed
from gradtier.model import HOST, Mode, Nesting
from gradtier.rules import Calls
from gradtier.variants import find

#: Derivatives kept ready: trials of one case follow each other, references are asked again soon.
KEPT = 24


def main() -> None:
    """Serve until the channel is closed."""
    source, sink = _take_channel()
    try:
        setup: Setup = messages.receive(source)
    except EOFError:
        return
    try:
        server = Server(setup)
    except BaseException as error:  # an import may raise anything
        messages.send(sink, Refusal(False, _described(error)))
        return
    messages.send(sink, server.ready())
    while True:
        try:
            ask: Ask | Begin | Block = messages.receive(source)
        except EOFError:
            return
        messages.send(sink, server.answer(ask))


def _take_channel() -> tuple[BinaryIO, BinaryIO]:
    """The channel for ourselves; prints of libraries are sent to standard error."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    return source, sink


class Watch:
    """Seconds spent in the library's own calls; whoever leaves by an exception has spent them too.

    Attributes:
        seconds: so far, for the question at hand.
        last: of the last call.
    """

    def __init__(self) -> None:
        self.seconds = self.last = self._start = 0.0

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        self.last = time.perf_counter() - self._start
        self.seconds += self.last


class Server:
    """One adapter with the cases it is asked about."""

    def __init__(self, setup: Setup) -> None:
        hide(setup.forbidden)
        warnings.simplefilter("ignore")
        make_importable(Path(setup.root))
        self.kind = adapter_class(setup.adapter)
        self.adapter: Adapter = self.kind(**setup.options)
        self._suite = cache(lambda suite: load_suite(suite, Path(setup.suites[suite])))
        self._calls = Calls()
        self._inside = Watch()
        self._begun: timing.Ready | None = None
        # bounded: compiled derivatives of hundreds of cases took gigabytes
        self._derivative = lru_cache(maxsize=KEPT)(self._build)

    def ready(self) -> Ready:
        """What this process can do."""
        adapter = self.adapter
        devices = tuple(adapter.devices())
        found = {device: self._card(device) for device in devices if device != HOST}
        return Ready(adapter.versions(), devices, adapter.settings(), found)

    def _card(self, device: str) -> dict[str, str]:
        """A card in the library's words, and where it has none, in the driver's."""
        driver = cards().seen(os.environ) if device == "cuda" else {}
        try:
            said = self.adapter.card(device)
        except Exception as error:  # what a record says of a card is not worth a backend's trials
            said = {"of the card": f"unknown: {_described(error)}"}
        return {**driver, **{name: str(word) for name, word in said.items()}}

    def answer(self, ask: Ask | Begin | Block) -> Answer | Timed | Refusal:
        """Evaluate or time, or say why not."""
        if isinstance(ask, Block):
            return self._guarded(lambda: self._block(ask))
        try:
            suite, _, name = ask.case.partition("/")
            case = find(self._suite(suite), name)
        except Exception as error:
            return Refusal(False, _described(error), fault=True)
        if isinstance(ask, Begin):
            return self._guarded(lambda: self._begin(case, ask))
        return self._guarded(lambda: self._evaluate(case, ask))

    def _guarded(self, work: Callable[[], Answer | Timed]) -> Answer | Timed | Refusal:
        self._inside.seconds = 0.0
        try:
            answer: Answer | Timed | Refusal = work()
        except Exception as error:
            answer = Refusal(self.adapter.declines(error), _described(error))
        return replace(answer, inside=self._inside.seconds)

    def _begin(self, case: Case, ask: Begin) -> Timed:
        self._begun = None
        transposed = self.adapter.complex_convention == "transpose"
        turned = transposed and conjugations(ask.mode, Nesting.NONE)[1]
        seed = self._native(_conjugated(ask.seed, turned), ask)
        key = (case, ask.device, ask.dtype, ask.mode, Nesting.NONE)
        both = self._derivative(*key, False), self._derivative(*key, True)
        ready = timing.Ready(self.adapter, *both, self._native(ask.x, ask), seed, ask.device)
        timing.settle()
        with self._inside:
            seconds = ready.block(plain=False, calls=1)
        timing.settle()
        self._begun = ready
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        return Timed(seconds, cores=cores)

    def _block(self, ask: Block) -> Timed:
        if self._begun is None:
            raise RuntimeError("there is nothing to time: no benchmark was begun here")
        if not ask.memory:
            with self._inside:
                return Timed(self._begun.block(ask.plain, ask.calls))
        peak, memory = self._begun.peak() or (None, "")
        return Timed(peak_bytes=peak, memory=memory)

    def _evaluate(self, case: Case, ask: Ask) -> Answer:
        prepare = self._build if ask.fresh else self._derivative
        run = prepare(case, ask.device, ask.dtype, ask.mode, ask.nesting, ask.plain)
        turned = self._turned(ask)
        results, seconds, mutated, overwritten = [], [], False, False
        first: Any = None
        self._calls.reset()
        uses = ruled = 0
        for x, seed in ask.queries:
            seed = _conjugated(seed[: ask.fixed], turned[0]) + _conjugated(
                seed[ask.fixed :], turned[1]
            )
            native_x, native_seed = self._native(x, ask), self._native(seed, ask)
            with self._inside:
                value, result = run(native_x, native_seed)
                self.adapter.synchronize((value, result))
            if ask.plain:
                result = value
            seconds.append(self._inside.last)
            mutated = mutated or not (
                self._same(native_x, x, ask) and self._same(native_seed, seed, ask)
            )
            if first is None:
                first, placed = result, (*native_x, *value, *result)
                valued, uses, ruled = self._numbers(value), self._calls.uses, self._calls.ruled
            results.append(self._numbers(result))
            if len(results) == 2:  # not later: the last query may well repeat the first
                overwritten = not all(map(_identical, self._numbers(first), results[0]))
        return Answer(
            leaves=tuple(_conjugated(leaves, turned[2]) for leaves in results),
            value=_conjugated(valued, turned[3]),
            uses=uses,
            ruled=ruled,
            devices=self._seen(placed, 0),
            dtypes=self._seen(first, 1),
            mutated=mutated,
            overwritten=overwritten,
            seconds=tuple(seconds),
        )

    def _turned(self, ask: Ask) -> tuple[bool, bool, bool, bool]:
        """What to conjugate: a seed's fixed part, its direction, the answer, the value."""
        if self.adapter.complex_convention != "transpose" or ask.plain:
            return False, False, False, False
        pulled_back = ask.nesting is not Nesting.NONE and ask.mode is Mode.REVERSE
        return *conjugations(ask.mode, ask.nesting), pulled_back

    def _build(
        self, case: Case, device: str, dtype: str, mode: Mode, nesting: Nesting, undone: bool
    ) -> Derivative:
        _, constants = case.draw()
        fixed = tuple(self._array(c, device, dtype) for c in constants)
        f = case.bind(self.adapter.extended(case.natives), fixed, self._mechanism, self._calls)
        with self._inside:
            return plain(self.adapter, f) if undone else derivative(self.adapter, f, mode, nesting)

    def _mechanism(self, primal: Any, pushforward: Any, pullback: Any) -> Any:
        return self.adapter.custom_rule(Rule(primal, pushforward, pullback))

    def _native(self, leaves: Leaves, ask: Ask | Begin) -> tuple[Any, ...]:
        return tuple(self._array(a, ask.device, ask.dtype) for a in leaves)

    def _array(self, array: Any, device: str, dtype: str) -> Any:
        native = self.adapter.from_numpy(in_precision(array, dtype), device)
        lowered = dtype == "bfloat16" and array.dtype.kind == "f"
        return self.adapter.to_bfloat16(native) if lowered else native

    def _same(self, native: tuple[Any, ...], leaves: Leaves, ask: Ask) -> bool:
        given = (in_precision(a, ask.dtype) for a in leaves)
        return all(map(_identical, (self.adapter.to_numpy(a) for a in native), given))

    def _numbers(self, result: tuple[Any, ...]) -> tuple[Any, ...]:
        convert: Callable[[Any], Any] = self.adapter.to_numpy
        return tuple(None if a is None else _widened(convert(a)) for a in result)

    def _seen(self, result: tuple[Any, ...], which: int) -> tuple[str, ...]:
        """Devices (0) or dtypes (1) of a result, each once."""
        seen = {self.adapter.placement(a)[which] for a in result if a is not None}
        return tuple(sorted(seen))


def _widened(array: Any) -> Any:
    """A copy in float64, or in complex128 if the numbers are complex."""
    array = np.asarray(array)
    return np.array(array, dtype=np.complex128 if array.dtype.kind == "c" else np.float64)


def _conjugated(leaves: Leaves, really: bool) -> Leaves:
    return tuple(None if a is None else np.conj(a) for a in leaves) if really else leaves


def _identical(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    return np.shape(a) == np.shape(b) and np.array_equal(a, b, equal_nan=True)


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
