"""A backend's own derivative map, as the oracle and the checks of a trial call it."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import Any

from gradtier.engine import Engine
from gradtier.messages import Answer, Ask, Leaves
from gradtier.model import Mode
from gradtier.witnesses import Question


@dataclass
class Claimed:
    """The map that a trial is about; remembers what was observed on the way.

    Attributes:
        engine: the backend's process.
        asked: the question.
        device: where.
        mode: the backend's own, inner mode.
        left: seconds that the backend may still use.
        fresh: whether each question is prepared (traced, compiled) anew.
        answers: every answer so far.
        first: the first batch of queries, to which ``answers[0]`` belongs, with whole seeds.
        first_seed: the direction of the first query.
    """

    engine: Engine
    asked: Question
    device: str
    mode: Mode
    left: float
    fresh: bool = False
    answers: list[Answer] = field(default_factory=list)
    first: tuple[tuple[Leaves, Leaves], ...] = ()
    first_seed: Leaves = ()

    def __call__(self, queries: Any) -> Any:
        """Answer a batch of queries; see :class:`gradtier.oracle.Map`."""
        fixed = self.asked.fixed
        full = tuple((tuple(x), (*fixed, *seed)) for x, seed in queries)
        if not self.answers:
            self.first, self.first_seed = full, tuple(queries[0][1])
        answer = self.put(self.ask_of(full))
        self.answers.append(answer)
        return list(answer.leaves)

    def ask_of(self, queries: tuple[tuple[Leaves, Leaves], ...]) -> Ask:
        """The question for these pairs of a point and a whole seed."""
        q = self.asked
        return Ask(
            q.case.id, self.device, q.dtype, self.mode, q.nesting, queries, len(q.fixed),
            fresh=self.fresh,
        )  # fmt: skip

    def put(self, ask: Ask) -> Answer:
        """Any question to the backend, within the time that is left.

        Raises:
            Refused, TimedOut, Crashed: the backend did not answer.
        """
        start = time.monotonic()
        try:
            return self.engine.ask(ask, self.left)
        finally:
            self.left -= time.monotonic() - start

    def timing(self) -> dict[str, float]:
        """First call, and the median of the later ones, in seconds."""
        seconds = [s for answer in self.answers for s in answer.seconds]
        found = {"first_seconds": round(seconds[0], 6)} if seconds else {}
        if len(seconds) > 1:
            found["call_seconds"] = round(statistics.median(seconds[1:]), 6)
        return found
