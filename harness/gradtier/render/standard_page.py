"""Coverage of the array API standard: functions down, packages across.

A case may call many functions, and if it fails, most of them are innocent.  So a function is judged
by its own cases: those named after it, and where there is none, those that call the fewest
functions besides it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType

from gradtier.cases import Case
from gradtier.model import Mode, Nesting, Outcome
from gradtier.plan import Plan
from gradtier.render import templating
from gradtier.render.paths import Paths
from gradtier.render.trials import Trials, others
from gradtier.standard import EXTENSIONS, FUNCTIONS, SAME, VERSION, Function, calls
from gradtier.support import MARKS
from gradtier.table import State, SupportTable, plain, state_of

PAGE = "standard.html"
MOST_CASES = 12  # of one function, linked from its row

#: What a cell tells apart, in reading order.
PARTS = ("forward", "reverse", "nested")

#: Of the parts of a cell, the first of these that is among them gives the cell its colour.
_WORST_FIRST = (
    State.WRONG, State.FAILS, State.PARTIAL, State.INCONCLUSIVE, State.AGREES, State.NOT_TESTED,
    State.NOT_OFFERED,
)  # fmt: skip
_WORDS = {
    State.AGREES: "agrees", State.PARTIAL: "partial", State.WRONG: "wrong", State.FAILS: "fails",
    State.INCONCLUSIVE: "inconclusive", State.NOT_TESTED: "not tested",
    State.NOT_OFFERED: "not offered",
}  # fmt: skip

#: Part of a cell -> its trials by outcome.
Parts = Mapping[str, Mapping[Outcome, int]]


@dataclass(frozen=True, slots=True)
class Cell:
    """One function on one package: a mark for each part, and all of it in words."""

    state: State
    marks: str
    says: str


@dataclass(frozen=True, slots=True)
class Line:
    """One function.

    Attributes:
        name: as it is called.
        cases: ids of its own cases, and their titles.
        more: how many of its own are not among those.
        elsewhere: how many other cases call it.
        cells: one per package; none where there is no case.
    """

    name: str
    cases: tuple[tuple[str, str], ...]
    more: int
    elsewhere: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Chapter:
    """A chapter of the standard: its functions, and by reason those without a derivative."""

    title: str
    lines: tuple[Line, ...]
    without: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def called(self) -> int:
        """How many of its functions some case calls."""
        return sum(bool(line.cases) for line in self.lines)


def render(table: SupportTable, plan: Plan, trials: Trials, paths: Paths) -> str:
    """The page.

    Args:
        table: the support table.
        plan: says which cases there are.
        trials: every trial by case.
        paths: where the pages lie.
    """
    packages = {row.id: row.package for row in table.rows}
    modes = {row.id: row.mode for row in table.rows}
    own, elsewhere = _cases(list(plan.cases.values()))
    asked = dict.fromkeys(id_ for ids in own.values() for id_ in ids)
    counted = {case: _by_package(case, trials, packages, modes) for case in asked}
    seen = {p for found in counted.values() for p, parts in found.items() if _measured(parts)}
    order = list(dict.fromkeys(packages.values()))
    columns = [p for p in order if p in seen]
    lines = {
        name: _line(name, [plan.cases[id_] for id_ in ids], elsewhere[name], counted, columns)
        for name, ids in own.items()
    }
    chapters = tuple(_chapters(lines))
    return templating.render(
        "standard.html.j2", top="", table=table, paths=paths, version=VERSION, columns=columns,
        chapters=chapters, idle=[p for p in order if p not in seen], parts=PARTS,
        missing=[line.name for c in chapters for line in c.lines if not line.cases],
        functions=len(lines), devices=[d for d in plan.matrix.axes.devices if d in trials.devices],
    )  # fmt: skip


def _cases(cases: list[Case]) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Function -> its own cases, and how many others call it."""
    known: dict[FunctionType, frozenset[str]] = {}
    found: dict[str, list[tuple[Case, int]]] = {f: [] for f in _differentiable()}
    for case in cases:
        assert isinstance(case.function, FunctionType)
        if case.function not in known:
            known[case.function] = _called(case)
        mine = known[case.function]
        for name in mine:
            found[name].append((case, len(mine)))
    own = {name: _own(name, calling) for name, calling in found.items()}
    return own, {name: len(calling) - len(own[name]) for name, calling in found.items()}


def _called(case: Case) -> frozenset[str]:
    """The differentiable functions that a case calls, under every name; none without a source."""
    try:
        said = calls(case)
    except (OSError, TypeError, SyntaxError):
        return frozenset()
    return frozenset(f for f in _differentiable() if f in said or SAME.get(f) in said)


def _differentiable() -> Iterator[str]:
    return (name for name, function in FUNCTIONS.items() if function.differentiable)


def _own(name: str, calling: list[tuple[Case, int]]) -> list[str]:
    group, _, last = name.rpartition(".")
    bare = last if group in EXTENSIONS else name
    named = [c.id for c, _ in calling if c.name == bare or c.name.startswith(f"{bare}.")]
    fewest = min((n for _, n in calling), default=0)
    return named or [c.id for c, n in calling if n == fewest]


def _by_package(
    case: str, trials: Trials, packages: Mapping[str, str], modes: Mapping[str, Mode]
) -> dict[str, dict[str, Counter[Outcome]]]:
    found: dict[str, dict[str, Counter[Outcome]]] = {}
    for j in trials.here(case):
        cell = j.trial.id.cell
        part = modes[cell.backend].value if cell.nesting is Nesting.NONE else "nested"
        parts = found.setdefault(packages[cell.backend], {})
        parts.setdefault(part, Counter())[j.outcome] += 1
    return found


def _measured(parts: Parts) -> bool:
    return any(outcome.is_evidence for counts in parts.values() for outcome in counts)


def _line(
    name: str,
    cases: list[Case],
    elsewhere: int,
    counted: Mapping[str, Mapping[str, Parts]],
    columns: list[str],
) -> Line:
    return Line(
        name,
        tuple((c.id, plain(c.title)) for c in cases[:MOST_CASES]),
        len(cases[MOST_CASES:]),
        elsewhere,
        tuple(_cell([counted[c.id].get(p, {}) for c in cases]) for p in columns) if cases else (),
    )


def _cell(found: Iterable[Parts]) -> Cell:
    summed: dict[str, Counter[Outcome]] = {part: Counter() for part in PARTS}
    for parts in found:
        for part, counts in parts.items():
            summed[part].update(counts)
    states = [state_of(counts) for counts in summed.values()]
    return Cell(
        next(s for s in _WORST_FIRST if s in states),
        " ".join(MARKS[s] for s in states),
        "; ".join(map(_says, PARTS, states, summed.values())),
    )


def _says(part: str, state: State, counts: Mapping[Outcome, int]) -> str:
    measured = sum(n for outcome, n in counts.items() if outcome.is_evidence)
    if not measured:
        return f"{part} {_WORDS[state]}"
    short = others(counts)
    agree = f"{counts.get(Outcome.AGREE, 0)} of {measured} agree"
    return f"{part} {_WORDS[state]}, {agree}{', ' if short else ''}{short}"


def _chapters(lines: Mapping[str, Line]) -> Iterator[Chapter]:
    chapters: dict[str, list[Function]] = {}
    for function in FUNCTIONS.values():
        chapters.setdefault(function.group, []).append(function)
    for title, functions in chapters.items():
        reasons: dict[str, list[str]] = {}
        for f in functions:
            if not f.differentiable:
                reasons.setdefault(f.reason, []).append(f.name)
        yield Chapter(
            title,
            tuple(lines[f.name] for f in functions if f.differentiable),
            tuple((reason, tuple(names)) for reason, names in reasons.items()),
        )
