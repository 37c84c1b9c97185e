"""Backends as processes: start them, ask them, survive them.

An :class:`Engine` is one worker process.  A hang, a crash or an ``os._exit`` in a backend ends that
process; the next question starts a fresh one.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from gradtier import messages
from gradtier.cases import Suite
from gradtier.environments import Environment
from gradtier.errors import GradtierError
from gradtier.host import adapter_class, processor_key
from gradtier.ledger import UNKEPT, Part, Unkept
from gradtier.matrix import Matrix
from gradtier.messages import Answer, Ask, Begin, Block, Ready, Refusal, Setup, Timed
from gradtier.model import HOST

#: Libraries start as many threads as there are cores, several processes at once: on two cores that
#: made one small gradient a hundred times slower (30 ms for 0.35 ms).
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
START_SECONDS = 180.0

#: A process that holds more is replaced before the next trial: compilers keep what they compiled
#: for good (JAX took 4 GB in a whole run), and there are several processes.
MOST_BYTES = 2 * 1024**3

#: Seconds between looks at the memory of a process that is waited for.
WATCH = 0.25

#: More than a trial can need, or it would end the process that it is about.
MOST_LIVE = 10

#: Where adapters may keep compiled code between runs; workers of one run share it.
CACHE = "GRADTIER_CACHE"


class Refused(GradtierError):
    """The backend did not answer; ``refusal`` says how."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.error)
        self.refusal = refusal


class TimedOut(GradtierError):
    """The backend did not answer in time; its process was ended."""


class Crashed(GradtierError):
    """The backend's process ended by itself."""


class Shortage(GradtierError):
    """The memory of a card ran out; several processes share it, so that nobody is to blame."""


class Unavailable(GradtierError):
    """The backend can't be used here at all."""


@dataclass(frozen=True)
class EngineKey:
    """What distinguishes worker processes: rows that share it share a process."""

    adapter: str
    options: tuple[tuple[str, Any], ...]
    extra: str = ""  # what installs it; rows of one adapter may be of two environments


class Engine:
    """One worker process.

    Args:
        setup: what it is told to be.
        environment: variables set before the library is imported.
        memory: bytes that it may hold.
        python: its interpreter; without one, that of the run.
        package: whose backend it is, as the ledger says it.
        ledger: where its time is kept.

    Raises:
        Unavailable: the library does not import or the adapter does not start.
    """

    def __init__(
        self, setup: Setup, environment: Mapping[str, str], memory: float, python: str = "",
        package: str = "", ledger: Unkept = UNKEPT,
    ) -> None:  # fmt: skip
        self._memory, self._package, self._ledger = memory, package, ledger
        self._lacks_memory = adapter_class(setup.adapter).lacks_memory
        self._device = HOST  # of the latest question
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [python or sys.executable, "-m", "gradtier.serving"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env={**os.environ, **dict.fromkeys(THREADS, "1"), **environment},
            start_new_session=True,  # Ctrl-C is for the run, which ends its workers itself
        )
        self._ended: TimedOut | Crashed | None = None
        threading.Thread(target=self._listen, daemon=True).start()
        self._send(setup)
        try:
            ready = self._next(START_SECONDS)
        except (TimedOut, Crashed) as error:
            self.close()
            raise Unavailable(f"its worker does not start: {error}") from error
        if isinstance(ready, Refusal):
            self.close()
            raise Unavailable(f"its adapter does not start: {ready.error}")
        self.ready: Ready = ready

    @property
    def resident(self) -> int:
        """Bytes of memory that the process holds; 0 where the system does not say."""
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()[1]
            return int(pages) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, ValueError, IndexError, AttributeError):
            return 0

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def ask(self, ask: Ask, timeout: float) -> Answer:
        """Put a question and wait for the answer.

        Raises:
            Refused: the backend raised or declined.
            TimedOut: no answer within ``timeout`` seconds; the process was ended.
            Crashed: the process ended; with the signal and the last lines of its standard error.
            Shortage: either of these for want of a card's memory.
        """
        answer = self._answer(ask, timeout)
        assert isinstance(answer, Answer)
        return answer

    def time(self, message: Begin | Block, timeout: float) -> Timed:
        """Have calls timed in the process; raises as :meth:`ask`."""
        answer = self._answer(message, timeout)
        assert isinstance(answer, Timed)
        return answer

    def close(self) -> None:
        """End the process."""
        if self.alive:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (OSError, AttributeError):
                self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._stderr):
            assert stream is not None
            with contextlib.suppress(OSError):
                stream.close()

    def _answer(self, message: Any, timeout: float) -> Any:
        if self._ended is not None:  # whoever did not hear of it the first time hears it now
            raise self._ended
        self._device = getattr(message, "device", self._device)
        with self._ledger.of(Part.CHANNEL):
            inside = None  # who hangs or dies does so inside a call
            try:
                self._send(message)
                answer = self._next(timeout)
                inside = answer.inside
            except Crashed as error:
                self._blame_card(error)
                raise
            finally:
                self._ledger.inside(self._package, inside)
        if isinstance(answer, Refusal):
            self._blame_card(Refused(answer))
            raise Refused(answer)
        return answer

    def _blame_card(self, error: Refused | Crashed) -> None:
        if self._device != HOST and self._lacks_memory(str(error)):
            raise Shortage(str(error)) from error

    def _send(self, message: Any) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone; the listener says so, with the reason
            messages.send(self._process.stdin, message)  # type: ignore[arg-type]

    def _listen(self) -> None:
        try:
            while True:
                self._answers.put(messages.receive(self._process.stdout))  # type: ignore[arg-type]
        except Exception:
            self._answers.put(None)

    def _next(self, timeout: float) -> Any:
        until = time.monotonic() + max(timeout, 0.0)
        while True:
            left = max(until - time.monotonic(), 0.0)
            try:
                answer = self._answers.get(timeout=min(left, WATCH))
                break
            except queue.Empty:
                if (held := self.resident) > self._memory:
                    self._end(Crashed(f"held {held / 2**30:.1f} GiB of memory, and was ended"))
                if left <= WATCH:
                    self._end(TimedOut(f"no answer within {timeout:.3g} s"))
        if answer is None:
            self._ended = Crashed(self._last_words())
            raise self._ended
        return answer

    def _end(self, how: TimedOut | Crashed) -> NoReturn:
        self.close()
        self._ended = how
        raise how from None

    def _last_words(self) -> str:
        status = self._process.wait()
        if status < 0:
            how = f"killed by {signal.Signals(-status).name}"
        else:
            how = f"exited with status {status}"
        try:
            size = self._stderr.seek(0, os.SEEK_END)
            self._stderr.seek(max(0, size - 2000))
            tail = self._stderr.read().decode(errors="replace").strip().splitlines()[-3:]
        except (OSError, ValueError):
            tail = []
        self.close()
        return how + (": " + " | ".join(tail) if tail else "")


class Engines:
    """The worker processes of one run (or of one of its pytest workers), started when needed.

    Args:
        matrix: which adapters there are.
        suites: whose cases they are asked about.
        root: folder that suite paths are relative to.
        environments: extra -> the environment of its rows; others run in that of the run.
        most: processes kept alive at once; the least recently asked is ended first. One trial may
            need its own and those of every reference row.
        ledger: where their time is kept.
    """

    def __init__(
        self, matrix: Matrix, suites: Mapping[str, Suite], root: Path,
        environments: Mapping[str, Environment] | None = None, most: int = MOST_LIVE,
        ledger: Unkept = UNKEPT,
    ) -> None:  # fmt: skip
        self._matrix, self._ledger = matrix, ledger
        self._paths = {s: str((root / matrix.suites[s].path).resolve()) for s in suites}
        self._root = str(root.resolve())
        self._most = most
        # by processor: a folder that a CI service carries about comes to other machines
        self._cache = root / ".gradtier" / "cache" / processor_key()
        self._environments = environments or {}
        self._live: OrderedDict[EngineKey, Engine] = OrderedDict()
        self._dead: dict[EngineKey, str] = {}

    def get(self, backend: str) -> Engine:
        """The live process of a backend.

        Raises:
            Unavailable: it can't be started; remembered, so that it is tried once only.
        """
        key = engine_key(self._matrix, backend)
        if key in self._dead:
            raise Unavailable(self._dead[key])
        engine = self._live.pop(key, None)
        with self._ledger.of(Part.STARTING):
            if engine is not None and engine.resident > MOST_BYTES:
                engine.close()
            if engine is None or not engine.alive:
                engine = self._start(key)
            self._live[key] = engine
            while len(self._live) > self._most:
                self._live.popitem(last=False)[1].close()
        return engine

    def alone(self, backend: str, cache: Path) -> Engine:
        """A process of a backend that nobody shares; whoever asks for it closes it.

        Args:
            backend: which.
            cache: folder for compiled code, in place of the one that runs share.

        Raises:
            Unavailable: it can't be started.
        """
        return self._engine(engine_key(self._matrix, backend), cache)

    def fresh(self, backend: str) -> Engine:
        """A new process of a backend, as a run starts it; whoever asks for it closes it.

        Raises:
            Unavailable: it can't be started.
        """
        return self._engine(engine_key(self._matrix, backend), self._cache)

    def close(self) -> None:
        """End every process."""
        with self._ledger.of(Part.STARTING):
            while self._live:
                self._live.popitem()[1].close()

    def _setup(self, key: EngineKey) -> Setup:
        kind = adapter_class(key.adapter)
        others = {adapter_class(b.adapter) for b in self._matrix.backends.values() if b.adapter}
        options = dict(key.options)
        forbidden = {m for other in others for m in other.modules} - set(kind.owned(options))
        return Setup(key.adapter, options, self._paths, self._root, tuple(sorted(forbidden)))

    def _engine(self, key: EngineKey, cache: Path) -> Engine:
        own = self._environments.get(key.extra)
        if own is not None and own.why:
            raise Unavailable(own.why)
        variables, python = {CACHE: str(cache)}, ""
        if own is not None:  # what was compiled beside other versions is not taken up
            variables, python = {**own.variables(), CACHE: str(cache / own.name)}, own.python
        variables |= adapter_class(key.adapter).surroundings(dict(key.options))
        rows = self._matrix.backends.items()
        package = next(row.package for name, row in rows if engine_key(self._matrix, name) == key)
        memory = self._matrix.memory * 2**30
        return Engine(self._setup(key), variables, memory, python, package, self._ledger)

    def _start(self, key: EngineKey) -> Engine:
        try:
            return self._engine(key, self._cache)
        except Unavailable as error:
            self._dead[key] = str(error)
            raise


def engine_key(matrix: Matrix, backend: str) -> EngineKey:
    """The key of a backend's process."""
    row = matrix.backends[backend]
    return EngineKey(row.adapter, tuple(sorted(row.options.items())), row.extra or "")
