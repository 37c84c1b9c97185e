"""Few patterns that cover certain trials and no others.

A pattern is a product of words per axis, a box.  Finding the fewest boxes is hard in general; here
each is grown greedily from a trial that is not covered yet, in several orders of the axes, and the
order that needs the fewest is taken.  That the boxes cover what they must and nothing that they
must not is exact.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from gradtier.matrix import Globs, Match, any_glob
from gradtier.model import TrialId

#: The keys of a pattern, in the order in which a new one is written.
KEYS = ("suite", "case", "backend", "nesting", "device", "dtype")
#: Of a point: the case with its suite, backend, nesting, device, dtype.
Point = tuple[tuple[str, str], str, str, str, str]
_ORDERS = ((4, 3, 2, 1, 0), (4, 3, 0, 1, 2), (4, 3, 1, 2, 0), (0, 2, 1, 4, 3))
#: A draft names its cases, so that a new case is not declared before it was measured; but no more
#: than so many.
MOST_CASES = 12
EVERYTHING = Match()


def point(trial: TrialId) -> Point:
    """A trial as the words of its axes."""
    cell = trial.cell
    return (trial.suite, trial.case), cell.backend, str(cell.nesting), cell.device, cell.dtype


@dataclass(frozen=True)
class Task:
    """What is to be covered.

    Attributes:
        wanted: trials that some pattern must cover.
        free: trials that may be covered as well.
        within: every planned trial that ``pattern`` covers; those neither wanted nor free must
            not be covered.
        pattern: what the new patterns are parts of.
        named: keys whose words are written out, also where all of them are meant.
    """

    wanted: frozenset[Point]
    free: frozenset[Point]
    within: frozenset[Point]
    pattern: Match = EVERYTHING
    named: tuple[str, ...] = ()

    @property
    def forbidden(self) -> frozenset[Point]:
        """Trials that no pattern may cover."""
        return self.within - self.wanted - self.free

    def kept(self, key: str, wanted: Collection[str], known: Collection[str]) -> Globs:
        """What is left of a key of the pattern; see :func:`kept`."""
        globs: Globs = getattr(self.pattern, key)
        few = key != "case" or len(wanted) <= MOST_CASES
        if key in self.named and few and globs == "*":
            words = tuple(sorted(wanted))
            return words[0] if len(words) == 1 else words
        return kept(globs, wanted, known)


def covering(task: Task) -> tuple[Match, ...]:
    """Patterns within ``task.pattern`` that cover all wanted trials, and else only free ones."""
    attempts = [list(_boxes(task, order)) for order in _ORDERS]
    boxes = min(attempts, key=len)
    return tuple(match for box in boxes for match in _matches(task, box))


Box = tuple[frozenset[tuple[str, str]], *tuple[frozenset[str], ...]]


def _boxes(task: Task, order: Sequence[int]) -> Iterator[Box]:
    left = set(task.wanted)
    forbidden = task.forbidden
    for first in sorted(task.wanted):
        if first not in left:
            continue
        box: list[set[object]] = [{word} for word in first]
        for axis in order:
            _grow(box, axis, task.wanted, forbidden)
        left -= set(product(*box))
        yield tuple(frozenset(words) for words in box)  # type: ignore[misc]


def _grow(
    box: list[set[object]], axis: int, wanted: Collection[Point], forbidden: Collection[Point]
) -> None:
    """Add every word of an axis that brings a wanted trial and no forbidden one."""
    others = [words for i, words in enumerate(box) if i != axis]

    def found(points: Collection[Point]) -> set[object]:
        inside = (p for p in points if _in([w for i, w in enumerate(p) if i != axis], others))
        return {p[axis] for p in inside}

    box[axis] |= found(wanted) - found(forbidden)


def _in(words: Iterable[object], sets: Iterable[Collection[object]]) -> bool:
    return all(word in there for word, there in zip(words, sets, strict=True))


def _matches(task: Task, box: Box) -> Iterator[Match]:
    """A box as patterns; several where a name of a case is in a suite that is not meant."""
    cases = box[0]
    keys = {
        key: task.kept(key, words, {str(p[axis]) for p in task.within})
        for axis, (key, words) in enumerate(zip(KEYS[2:], box[1:], strict=True), 1)
    }
    beside = [p for p in task.within if _in(p[1:], box[1:])]
    pairs = {p[0] for p in beside}  # cases that the other keys leave
    names = {name for _, name in pairs}
    shared = {name for _, name in cases} - {name for _, name in pairs - cases}
    if shared:
        case = task.kept("case", shared, names)
        yield _relaxed(task, Match(suite=task.pattern.suite, case=case, **keys))
    by_suite: dict[str, set[str]] = {}
    for suite, name in sorted(cases):
        if name not in shared:
            by_suite.setdefault(suite, set()).add(name)
    for suite, mine in by_suite.items():
        there = {name for s, name in pairs if s == suite}
        case = task.kept("case", mine, there)
        yield _relaxed(task, Match(suite=suite, case=case, **keys))


def _relaxed(task: Task, match: Match) -> Match:
    """With the keys of the pattern that need not be narrower."""
    forbidden = task.forbidden
    for key in ("dtype", "device", "nesting", "backend", "suite"):
        if key in task.named or getattr(match, key) == getattr(task.pattern, key):
            continue
        wider = match.model_copy(update={key: getattr(task.pattern, key)})
        if not any(covers(wider, p) for p in forbidden):
            match = wider
    return match


def covers(match: Match, at: Point) -> bool:
    """Whether a pattern covers a point."""
    (suite, case), *words = at
    return all(
        any_glob(globs_of(getattr(match, key)), word)
        for key, word in zip(KEYS, (suite, case, *words), strict=True)
    )


def globs_of(globs: Globs) -> tuple[str, ...]:
    """One glob, or several, as several."""
    return (globs,) if isinstance(globs, str) else globs


def kept(globs: Globs, wanted: Collection[str], known: Collection[str]) -> Globs:
    """Those globs that match wanted words alone, and the other wanted words by name.

    Args:
        globs: as they stand now.
        wanted: the words that are to be left.
        known: every word that the globs may meet.
    """
    if all(word in wanted for word in known if any_glob(globs_of(globs), word)):
        return globs
    left = [
        g
        for g in globs_of(globs)
        if (met := [w for w in known if any_glob((g,), w)]) and all(w in wanted for w in met)
    ]
    named = sorted(w for w in wanted if not any_glob(tuple(left), w))
    words = (*left, *named)
    return words[0] if len(words) == 1 else words


def asked(match: Match) -> Mapping[str, Globs]:
    """The keys of a pattern that do not match everything, in order."""
    found = {key: getattr(match, key) for key in KEYS}
    return {key: globs for key, globs in found.items() if "*" not in globs_of(globs)}
