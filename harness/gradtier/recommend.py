"""Which row to use on a device, computed from what was measured there.

Nothing here is anybody's opinion: rows are compared by class, by agreement and by times that come
from outside.  Every order is a lexicographic one of figures that a further failure can only worsen,
ended by the row's id; so a failure never puts a row first, and the order of the rows in the matrix
has no say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from gradtier.assess import Assessment, CellSummary, Judged
from gradtier.matrix import Backend, Matrix, any_glob
from gradtier.model import Mode, Nesting, Outcome

MOST = 4  # entries of a list
SINGLE = "float32"
_Z = 1.96  # of the normal distribution: a two-sided interval of 95 %

#: A trial without its row: suite, case, outer mode, dtype.
Key = tuple[str, str, Nesting, str]

#: What a fallback may mend.  An inconclusive trial is not known to have failed.
FAILING = frozenset(
    {Outcome.WRONG, Outcome.RAISED, Outcome.CRASH, Outcome.TIMEOUT, Outcome.UNSUPPORTED}
)


class Question(StrEnum):
    """What a row is chosen for; closed."""

    FIRST = "first"
    MUTATION = "mutation"
    FALLBACK = "fallback"
    THEN = "then"
    COMPILED = "compiled"
    FORWARD = "forward mode"
    NESTED = "nested"
    SINGLE = "float32"


@dataclass(frozen=True)
class Times:
    """Times of derivatives on one device.

    Attributes:
        ratios: row -> its time relative to that of the fastest row of its mode, a geometric mean
            over cases.  A pushforward gives one slope and a pullback a whole gradient, so that
            rows of different modes are no rivals, and their ratios are never compared.
        source: what was timed, in words: ``trial calls``, ``benchmarks``.
    """

    ratios: Mapping[str, float]
    source: str


@dataclass(frozen=True)
class Count:
    """Trials with evidence, and those of them that agree."""

    agree: int = 0
    measured: int = 0

    @property
    def sure(self) -> int:
        """Per cent that agree, at least, at a confidence of 97.5 %; 0 where nothing agrees.

        The lower end of Wilson's score interval (J. Am. Stat. Assoc. 22, 1927, 209): 700 of 720
        stands before 24 of 24.  To the whole per cent, so that like stands beside like.
        """
        if not self.agree:
            return 0
        n, p, z2 = self.measured, self.agree / self.measured, _Z * _Z
        spread = _Z * math.sqrt(p * (1.0 - p) / n + z2 / (4.0 * n * n))
        return math.floor(100.0 * (p + z2 / (2.0 * n) - spread) / (1.0 + z2 / n))


def count(outcomes: Iterable[Outcome]) -> Count:
    """Count what has evidence."""
    known = [o for o in outcomes if o.is_evidence]
    return Count(known.count(Outcome.AGREE), len(known))


@dataclass(frozen=True)
class Candidate:
    """A row that may be recommended on one device.

    Attributes:
        backend: its id.
        package: its package.
        mode: its own mode.
        compiled: whether it is compiled before it runs.
        rank: the place of its class in the policy, 0 for the best.
        time: relative to that of the fastest row of its mode, or None where it was not timed.
        ends: every trial planned for it on the device -> its outcome.
        undeclared: wrong derivatives among them that nobody declared.
    """

    backend: str
    package: str
    mode: Mode
    compiled: bool
    rank: int
    time: float | None
    ends: Mapping[Key, Outcome]
    undeclared: int = 0

    def over(self, chosen: Callable[[Key], bool]) -> Count:
        """Count the chosen trials; what is chosen by is not the case, which is empty there."""
        found = [n for key, n in self._counts.items() if chosen(key)]
        return Count(sum(n.agree for n in found), sum(n.measured for n in found))

    @cached_property
    def _counts(self) -> Mapping[Key, Count]:
        """The trials of each suite under each outer mode in each dtype: its cases together."""
        groups: dict[Key, list[Outcome]] = {}
        for (suite, _, outer, dtype), outcome in self.ends.items():
            groups.setdefault((suite, "", outer, dtype), []).append(outcome)
        return {key: count(outcomes) for key, outcomes in groups.items()}

    @cached_property
    def first(self) -> Count:
        """First order."""
        return self.over(lambda key: key[2] is Nesting.NONE)

    @property
    def slow(self) -> tuple[bool, float]:
        """What to order times by: reverse mode, which gradients are for, stands before forward.

        A row that was not timed comes after those of its mode that were.
        """
        return self.mode is Mode.FORWARD, math.inf if self.time is None else self.time

    def fails(self) -> frozenset[Key]:
        """Its trials that are known to fail."""
        return frozenset(key for key, outcome in self.ends.items() if outcome in FAILING)


@dataclass(frozen=True)
class Cover:
    """What a row gives where others fail.

    Attributes:
        agrees: the trials on which it agrees.
        planned: how many of those that are left are planned for it too.
        measured: how many of these were measured.
        left: how many are left before it.
    """

    agrees: tuple[Key, ...]
    planned: int
    measured: int
    left: int


@dataclass(frozen=True)
class Pick:
    """A row chosen for a question.

    Attributes:
        question: what for.
        row: which.
        among: how many rows it was chosen from.
        counts: what it was chosen by, by outer mode for `nested`; under ``none`` else.
        cover: for a fallback and what follows it.
    """

    question: Question
    row: Candidate
    among: int
    counts: Mapping[Nesting, Count]
    cover: Cover | None = None


def candidates(
    matrix: Matrix,
    assessments: Iterable[Assessment],
    device: str,
    times: Mapping[str, float],
    held: Mapping[str, str | None],
) -> tuple[Candidate, ...]:
    """The rows that may be recommended on ``device``, by id.

    A row may be if it holds a class and a measured first-order trial of it agrees there.  Rows
    about some suites alone, or judged by a tolerance of their own, are not compared with others.

    Args:
        matrix: the declaration.
        assessments: of any of its backends.
        device: where.
        times: row -> time relative to that of the fastest row of its mode, on that device.
        held: row -> the class that it holds, as it is published.
    """
    order = {tier.id: i for i, tier in enumerate(matrix.policy.classes)}
    found = []
    for a in assessments:
        backend = matrix.backends[a.backend]
        tier = held.get(a.backend)
        if tier in order and _compared(backend):
            found.append(_candidate(a, backend, device, order[tier], times.get(a.backend)))
    return tuple(sorted((c for c in found if c.first.agree), key=lambda c: c.backend))


def _compared(backend: Backend) -> bool:
    return not backend.suites and backend.accuracy is None


def _candidate(
    a: Assessment, backend: Backend, device: str, rank: int, time: float | None
) -> Candidate:
    here = [summary for summary in a.cells if summary.cell.device == device]
    return Candidate(
        backend=a.backend,
        package=backend.package,
        mode=backend.mode,
        compiled=backend.is_compiled,
        rank=rank,
        time=usable(time),
        ends=dict(_ends(here)),
        undeclared=sum(undeclared(s.by_outcome.get(Outcome.WRONG, ())) for s in here),
    )


def usable(time: float | None) -> float | None:
    """A time that can be ordered by: positive and finite, or None."""
    return time if time is not None and 0.0 < time < math.inf else None


def _ends(cells: Iterable[CellSummary]) -> Iterator[tuple[Key, Outcome]]:
    for summary in cells:
        nesting, dtype = summary.cell.nesting, summary.cell.dtype
        for outcome, trials in summary.by_outcome.items():
            for j in trials:
                t = j.trial.id
                yield (t.suite, t.case, nesting, dtype), outcome


def undeclared(trials: Iterable[Judged]) -> int:
    """Wrong derivatives that nobody declared."""
    return sum(1 for j in trials if j.outcome is Outcome.WRONG and not j.as_claimed)


def ordered(rows: Iterable[Candidate], mutating: frozenset[str]) -> tuple[Pick, ...]:
    """What to use, in order, at most ``MOST`` entries; empty where there is no row.

    First the fastest row of the best class; then the one that agrees best where code mutates; then
    a greedy set cover of what the first one fails on.

    Args:
        rows: the candidates of one device.
        mutating: the suites of code that mutates.
    """
    rows = list(rows)
    if not rows:
        return ()
    first = min(rows, key=_by_class)
    picks = [Pick(Question.FIRST, first, len(rows), {Nesting.NONE: first.first})]
    picks += _best(Question.MUTATION, rows, lambda key: key[0] in mutating)
    for i, (row, cover) in enumerate(covering(first, rows)):
        question = Question.THEN if i else Question.FALLBACK
        if len(picks) < MOST:
            picks.append(Pick(question, row, len(rows) - 1, {Nesting.NONE: row.first}, cover))
    return tuple(picks)


def _by_class(c: Candidate) -> tuple[Any, ...]:
    return c.rank, c.slow, -c.first.sure, c.backend


def _reading(key: Key) -> tuple[str, str, bool, str, str]:
    """First order before second."""
    suite, case, nesting, dtype = key
    return suite, case, nesting is not Nesting.NONE, nesting, dtype


def covering(first: Candidate, rows: Iterable[Candidate]) -> Iterator[tuple[Candidate, Cover]]:
    """Rows that agree where ``first`` fails, each with what it adds to those before it.

    The greedy set cover (Chvatal, Math. Oper. Res. 4, 1979, 233), over rows of the same mode: a
    pushforward is no answer where a pullback fails.  The first of them is of another package than
    ``first`` if any such row adds anything.  Of rows that add as much, the one of the better class,
    then the faster one, then the first by id.
    """
    left = first.fails()
    rest = {c.backend: c for c in rows if c.mode is first.mode and c.backend != first.backend}
    agreeing = {b: {k for k in left if c.ends.get(k) is Outcome.AGREE} for b, c in rest.items()}
    near = {c.backend for c in rest.values() if c.package == first.package}
    while left:
        gains = {b: len(agreeing[b] & left) for b in rest if agreeing[b] & left}
        if not gains:
            return
        pool = gains.keys() - near or gains.keys()
        best = min((-gains[b], rest[b].rank, rest[b].slow, b) for b in pool)[-1]
        row, near = rest.pop(best), set()  # the preference holds for the first of them alone
        both = [k for k in left if k in row.ends]
        measured = sum(1 for k in both if row.ends[k].is_evidence)
        gained = agreeing[best] & left
        yield row, Cover(tuple(sorted(gained, key=_reading)), len(both), measured, len(left))
        left = left - gained


def answers(
    rows: Iterable[Candidate], mode: Mode | None, outers: tuple[Nesting, ...], dtypes: Iterable[str]
) -> tuple[tuple[Question, Pick | None], ...]:
    """One row for each question that the axes let one ask; None where no row agrees at all.

    Compiled rows and forward rows are ordered by class, then time; rows for nesting by agreement
    under their worse outer mode; rows for float32 by their agreement in it, then time.

    Args:
        rows: the candidates of one device.
        mode: the rows to choose among, but for the question of forward mode; None: all.
        outers: the outer modes of the axis.
        dtypes: the dtypes of the axis.
    """
    rows = list(rows)
    own = [c for c in rows if mode in (None, c.mode)]
    forward = [c for c in rows if c.mode is Mode.FORWARD]
    found: list[tuple[Question, Pick | None]] = [
        (Question.COMPILED, _leading(Question.COMPILED, [c for c in own if c.compiled])),
        (Question.FORWARD, _leading(Question.FORWARD, forward)),
    ]
    if outers:
        found.append((Question.NESTED, _nested(own, outers)))
    if SINGLE in dtypes:
        best = _best(Question.SINGLE, own, lambda key: key[3] == SINGLE, time_first=True)
        found.append((Question.SINGLE, next(iter(best), None)))
    return tuple(found)


def _leading(question: Question, rows: list[Candidate]) -> Pick | None:
    if not rows:
        return None
    row = min(rows, key=_by_class)
    return Pick(question, row, len(rows), {Nesting.NONE: row.first})


def _best(
    question: Question,
    rows: list[Candidate],
    chosen: Callable[[Key], bool],
    time_first: bool = False,
) -> list[Pick]:
    """The row with the best first-order agreement over the chosen trials, if any agrees at all."""
    counts = {c.backend: c.over(lambda k: k[2] is Nesting.NONE and chosen(k)) for c in rows}
    able = [c for c in rows if counts[c.backend].agree]
    if not able:
        return []

    def order(c: Candidate) -> tuple[Any, ...]:
        rest = (c.slow, c.rank) if time_first else (c.rank, c.slow)
        return -counts[c.backend].sure, *rest, c.backend

    row = min(able, key=order)
    return [Pick(question, row, len(able), {Nesting.NONE: counts[row.backend]})]


def _nested(rows: list[Candidate], outers: tuple[Nesting, ...]) -> Pick | None:
    def under(outer: Nesting) -> Callable[[Key], bool]:
        return lambda key: key[2] is outer

    counts = {c.backend: {outer: c.over(under(outer)) for outer in outers} for c in rows}
    able = [c for c in rows if any(n.agree for n in counts[c.backend].values())]
    if not able:
        return None

    def order(c: Candidate) -> tuple[Any, ...]:
        sure = [n.sure for n in counts[c.backend].values()]
        return -min(sure), -sum(sure), c.rank, c.slow, c.backend

    row = min(able, key=order)
    return Pick(Question.NESTED, row, len(able), counts[row.backend])


def suites_that_mutate(matrix: Matrix) -> frozenset[str]:
    """The suites that the matrix means by code that mutates."""
    return frozenset(s for s in matrix.suites if any_glob(matrix.recommend.mutation, s))
