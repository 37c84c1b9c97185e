"""One backend in one race: its first call, the check of what it gives, and its turns."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

from gradtier import checks, oracle
from gradtier.bench.races import Entry, Race
from gradtier.claimed import Claimed
from gradtier.engine import Crashed, Engine, Refused, Shortage, TimedOut
from gradtier.evidence import Bench
from gradtier.laps import Laps
from gradtier.matrix import Matrix
from gradtier.messages import Begin, Block, Leaves
from gradtier.model import Mode, Nesting, Outcome
from gradtier.trial import ended, found_by, not_judged, now, placed, short
from gradtier.witnesses import Bench as Witnesses
from gradtier.witnesses import NoReference, Question, drawn_like, primal, question

#: What a backend may do in place of answering.
SILENT = (Refused, TimedOut, Crashed)


@dataclass(frozen=True)
class Pace:
    """How often is measured.

    Attributes:
        rounds: turns of each backend at most.
        least: turns at least, however long they take.
        block: seconds that a turn lasts at least; calls are repeated within it, so that neither the
            clock's steps nor what a turn begins with count.
        calls: in one turn at most.
        budget: seconds after which a backend that has had its least turns has had enough.
        limit: seconds that one step may take before it is a timeout.
    """

    rounds: int = 15
    least: int = 5
    block: float = 0.01
    calls: int = 1000
    budget: float = 1.5
    limit: float = 60.0

    def calls_for(self, seconds: float) -> int:
        """Calls in a turn, if one takes ``seconds``."""
        return min(self.calls, max(1, math.ceil(self.block / max(seconds, 1e-9))))

    def rounds_for(self, seconds: float) -> int:
        """Turns, if one of each map takes ``seconds`` together."""
        affordable = int(self.budget / max(seconds, 1e-9))
        return max(1, min(self.rounds, max(self.least, affordable)))


#: ``--quick``.
BRISK = Pace(rounds=5, least=3, budget=0.3)


@dataclass
class Lane:
    """One backend in one race.

    Attributes:
        race: which.
        entry: the backend.
        run: the run's id, for the record.
        mode: the row's own.
        pace: how often is measured.
        failed: outcome and detail, where it has no times.
        engine: its process, once it has one.
        rounds: turns that it will have.
    """

    race: Race
    entry: Entry
    run: str
    mode: Mode
    pace: Pace
    failed: dict[str, Any] = field(default_factory=dict)
    engine: Engine | None = None
    rounds: int = 0
    _reference: str | None = field(init=False, default=None)
    _first: float = field(init=False, default=0.0)
    _calls: dict[bool, int] = field(init=False, default_factory=dict)
    _laps: dict[bool, list[float]] = field(init=False)
    _peak: int | None = field(init=False, default=None)
    _observed: dict[str, str] = field(init=False, default_factory=dict)
    _seconds: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._laps = {False: [], True: []}

    def prepare(self, matrix: Matrix, witnesses: Witnesses) -> None:
        """The first call, the check, one warm call of either map, and what memory it takes."""
        start = time.perf_counter()
        try:
            self._prepare(matrix, witnesses)
        except SILENT as error:
            self.failed = ended(error)
        except Shortage as error:
            self.failed = short(error)
        self._seconds += time.perf_counter() - start

    def _prepare(self, matrix: Matrix, witnesses: Witnesses) -> None:
        assert self.engine is not None
        ready, race = self.engine.ready, self.race
        self._observed = ready.observed(race.device)
        if race.device not in ready.devices:
            package = matrix.backends[self.entry.backend].package
            detail = f"{package} as installed here sees no {race.device}"
            self.failed = {"outcome": Outcome.UNAVAILABLE, "detail": detail}
            return
        asked = asking(matrix, race, self.mode)
        begin = Begin(
            race.case.id, race.device, race.dtype, self.mode, asked.x, seed_of(matrix, asked)
        )
        timed = self.engine.time(begin, self.pace.limit)
        self._first = timed.seconds
        self._observed["cores"] = str(timed.cores) if timed.cores else "unknown"
        self.failed = self._judged(asked, witnesses)
        if not self.failed:
            self._warm()

    def _judged(self, asked: Question, witnesses: Witnesses) -> dict[str, Any]:
        """Outcome, reason and detail of a derivative that is not right; empty for one that is."""
        assert self.engine is not None
        claimed = Claimed(self.engine, asked, self.race.device, self.mode, self.pace.limit)
        try:
            known = witnesses.known(asked, self.entry.backend)
            self._reference = known.reference
            reverse = self.mode is Mode.REVERSE
            judge = oracle.judge_pullback if reverse else oracle.judge_pushforward
            verdict = judge(
                known.dossier, known.phi, claimed, full=known.full, sharper=known.sharper
            )
        except (NoReference, oracle.OracleError) as why:
            return not_judged(why)
        self._observed |= placed(claimed)
        fault = checks.structure(claimed)
        found = found_by(verdict, fault if fault.fault is not None else None)
        said = {key: found[key] for key in ("outcome", "reason", "detail")}
        return {} if said["outcome"] is Outcome.AGREE else said

    def _warm(self) -> None:
        assert self.engine is not None
        self._block(True, 1)  # the primal's own first call
        timed = self.engine.time(Block(memory=True), self.pace.limit)
        self._peak = timed.peak_bytes
        self._observed["memory"] = timed.memory or "unknown"
        once = {plain: self._block(plain, 1) for plain in (False, True)}
        self._calls = {plain: self.pace.calls_for(seconds) for plain, seconds in once.items()}
        self.rounds = self.pace.rounds_for(sum(once[p] * self._calls[p] for p in once))

    def turn(self, number: int) -> None:
        """One block of each map, in this order and in the other by turns."""
        start = time.perf_counter()
        try:
            for plain in (True, False) if number % 2 else (False, True):
                self._laps[plain].append(self._block(plain, self._calls[plain]))
        except SILENT as error:
            self.failed = ended(error)
        except Shortage as error:
            self.failed = short(error)
        self._seconds += time.perf_counter() - start

    def _block(self, plain: bool, calls: int) -> float:
        """Seconds of one call."""
        assert self.engine is not None
        return self.engine.time(Block(plain, calls), self.pace.limit).seconds / calls

    def record(self) -> Bench:
        """What came out."""
        race, ready = self.race, self.engine.ready if self.engine is not None else None
        found: dict[str, Any] = {"outcome": Outcome.AGREE, **self.failed}
        if not self.failed:
            found |= {
                "derivative": self._of(False), "primal": self._of(True),
                "first_seconds": digits(self._first), "peak_bytes": self._peak,
            }  # fmt: skip
        return Bench(
            run=self.run, benchmark=race.case.id, backend=self.entry.backend, device=race.device,
            dtype=race.dtype, mode=self.mode, digest=self.entry.digest, reference=self._reference,
            observed=self._observed, versions=dict(ready.versions) if ready is not None else {},
            seconds=round(self._seconds, 3), finished=now(), **found,
        )  # fmt: skip

    def _of(self, plain: bool) -> Laps:
        seconds = tuple(digits(s) for s in self._laps[plain])
        return Laps(calls=self._calls[plain], seconds=seconds)


def asking(matrix: Matrix, race: Race, mode: Mode) -> Question:
    """The first derivative that is timed, as the oracle is asked about it."""
    return question(matrix, race.case, mode, Nesting.NONE, race.dtype)


def seed_of(matrix: Matrix, asked: Question) -> Leaves:
    """The cotangent (reverse) or tangent (forward) that is timed with; the same for all rows."""
    forward = asked.mode is Mode.FORWARD
    like = asked.x if forward else primal(matrix, asked.case, asked.dtype)(asked.x)
    return drawn_like(f"{asked.name}:timed", like, asked.dtype)


def digits(seconds: float) -> float:
    """Four digits, and never zero: clocks have steps."""
    return float(f"{max(seconds, 1e-9):.4g}")
