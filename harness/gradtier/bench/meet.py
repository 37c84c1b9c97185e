"""The backends of a race take turns, each in a process of its own, as many as memory holds."""

from __future__ import annotations

import contextlib
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from gradtier.bench.lanes import Lane, Pace
from gradtier.bench.races import Race
from gradtier.engine import MOST_BYTES, Engine, Engines, Unavailable
from gradtier.evidence import Bench
from gradtier.matrix import Matrix
from gradtier.model import Outcome
from gradtier.trial import clean
from gradtier.witnesses import Bench as Witnesses

#: Where the system does not say what is free.
BYTES = 4 * 1024**3


class Pool:
    """The processes of the backends that are timed, each backend in its own.

    Args:
        engines: starts them.
        folder: private folder of the run; compiled code is kept there, a folder for each backend,
            so that no first call finds what another one compiled.
    """

    def __init__(self, engines: Engines, folder: Path) -> None:
        self._engines, self._folder = engines, folder
        self._live: OrderedDict[str, Engine] = OrderedDict()
        self._dead: dict[str, str] = {}

    def get(self, backend: str) -> Engine:
        """The process of a backend, started if need be.

        Raises:
            Unavailable: it can't be started; remembered, so that it is tried once only.
        """
        if backend in self._dead:
            raise Unavailable(self._dead[backend])
        engine = self._live.pop(backend, None)
        if engine is not None and (not engine.alive or engine.resident > MOST_BYTES):
            engine.close()
            engine = None
        if engine is None:
            cache = self._folder / backend
            cache.mkdir(parents=True, exist_ok=True)
            try:
                engine = self._engines.alone(backend, cache)
            except Unavailable as error:
                self._dead[backend] = str(error)
                raise
        self._live[backend] = engine
        return engine

    @property
    def resident(self) -> int:
        """Bytes that all of them hold."""
        return sum(engine.resident for engine in self._live.values())

    def make_room(self, most: int, kept: Sequence[str]) -> None:
        """End the processes that were not asked for the longest, until all fit into ``most``."""
        for backend in [b for b in self._live if b not in kept]:
            if self.resident <= most:
                return
            self._live.pop(backend).close()

    def close(self) -> None:
        """End every process."""
        while self._live:
            self._live.popitem()[1].close()


class Meet:
    """Runs races.

    Args:
        matrix: with the benchmarks as its suites.
        pool: the processes.
        witnesses: what derivatives are checked by, before they are timed.
        run: the run's id.
        pace: how often is measured.
        most: bytes that the processes of backends that take turns may hold together; what does not
            fit has its turns afterwards, in the same run.
        saw: called with a word on what is going on, and how many backends were finished by it.
    """

    def __init__(
        self, matrix: Matrix, pool: Pool, witnesses: Witnesses, run: str, pace: Pace, most: int,
        saw: Callable[[str, int], None],
    ) -> None:  # fmt: skip
        self._matrix, self._pool, self._witnesses = matrix, pool, witnesses
        self._run, self._pace, self._most, self._saw = run, pace, most, saw

    def race(self, race: Race) -> Iterator[Bench]:
        """Every backend's record, once its turns are over; never raises for what backends do."""
        waiting = [self._lane(race, i) for i in range(len(race.entries))]
        while waiting:
            heat: list[Lane] = []
            while waiting and (not heat or self._pool.resident < self._most):
                lane = waiting.pop(0)
                self._prepare(lane)
                heat.append(lane)
                self._pool.make_room(self._most, [other.entry.backend for other in heat])
            self._turns(heat)
            for lane in heat:
                self._saw(f"{race}: {lane.entry.backend}", 1)
                yield lane.record()
            if waiting:
                self._pool.make_room(0, ())

    def _lane(self, race: Race, i: int) -> Lane:
        entry = race.entries[i]
        mode = self._matrix.backends[entry.backend].mode
        return Lane(race, entry, self._run, mode, self._pace)

    def _prepare(self, lane: Lane) -> None:
        self._saw(f"{lane.race}: {lane.entry.backend}", 0)
        if lane.entry.unavailable:
            lane.failed = {"outcome": Outcome.UNAVAILABLE, "detail": lane.entry.unavailable}
            return
        try:
            lane.engine = self._pool.get(lane.entry.backend)
            lane.prepare(self._matrix, self._witnesses)
        except Unavailable as error:
            lane.failed = {"outcome": Outcome.UNAVAILABLE, "detail": clean(str(error))}
        except Exception as error:  # the harness's own fault: recorded as such
            text = clean(f"{type(error).__name__}: {error}")
            lane.failed = {"outcome": Outcome.ERROR, "detail": text}

    def _turns(self, heat: list[Lane]) -> None:
        """Each round another backend is the first, so that none always follows the same one."""
        running = [lane for lane in heat if not lane.failed]
        for number in range(max((lane.rounds for lane in running), default=0)):
            first = number % len(running)
            for lane in running[first:] + running[:first]:
                if not lane.failed and number < lane.rounds:
                    self._saw(f"{lane.race}: round {number + 1}, {lane.entry.backend}", 0)
                    lane.turn(number)


def room() -> int:
    """Half of the memory that is free now, in bytes."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(line for line in lines if line.startswith("MemAvailable:"))
        return 1024 * int(free.split()[1]) // 2
    except (OSError, ValueError, IndexError, StopIteration):
        return BYTES


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Processes that are started inside may use one processor, where the system can say so.

    Libraries read the number of threads from variables of their own, if from any.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
