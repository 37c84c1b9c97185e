"""A page per backend: its class and what is missing to the next, cells, suites, causes, times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from gradtier.aging import Ages, ages
from gradtier.assess import Assessment
from gradtier.causes import next_class
from gradtier.evidence import Bench
from gradtier.history import History
from gradtier.plan import Plan
from gradtier.render import templating
from gradtier.render.backend_causes import blamed, compared_lines
from gradtier.render.backend_speed import WIDTH, Speeds
from gradtier.render.details import cells_of, detail
from gradtier.render.history import HEIGHT, Band, band_of
from gradtier.render.history import WIDTH as BAND_WIDTH
from gradtier.render.paths import Paths
from gradtier.rows import CRITERIA
from gradtier.support import ConventionEntry, Footnote, GridLine
from gradtier.table import LONGEST, Row, SupportTable, plain

MOST_CONVENTIONS = 200  # on a page
MOST_DRIFT = 60  # trials of one claim


@dataclass(frozen=True)
class KinkLine:
    """One kink at which packages take different slopes.

    Attributes:
        entry: the line of the table of conventions.
        takes: the slope of this row.
        most: the slope that most packages take; empty where two are as frequent.
        others: slope -> how many packages take it, for the slopes that this row does not take.
    """

    entry: ConventionEntry
    takes: str
    most: str
    others: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Kinks:
    """Slopes of one row: where packages differ, one by one; ``alike`` counts the other kinks."""

    lines: tuple[KinkLine, ...]
    left: int
    alike: int

    @property
    def apart(self) -> int:
        """At how many of the listed kinks the row does not take what most take."""
        return sum(bool(line.most) and line.most != line.takes for line in self.lines)


@dataclass(frozen=True)
class Origin:
    """Where the evidence of one backend comes from.

    Attributes:
        ages: when it was measured.
        runs: run -> how many of the trials that count are of it.
        versions: packages in words -> trials measured with them.
        timed: runs -> how many of the benchmarks are of it.
    """

    ages: Ages
    runs: Mapping[str, int]
    versions: Mapping[str, int]
    timed: Mapping[str, int] = field(default_factory=dict)


class BackendPages:
    """Renders a page per backend; every text is a pure function of what is given.

    Args:
        table: the support table.
        assessments: what it was made of.
        plan: what the assessments were made of.
        paths: where pages lie.
        benches: benchmarks that count.
        history: when classes changed, or None.
    """

    def __init__(
        self,
        table: SupportTable,
        assessments: Iterable[Assessment],
        plan: Plan,
        paths: Paths,
        benches: Iterable[Bench] = (),
        history: History | None = None,
    ) -> None:
        self.table, self.plan, self.paths, self.history = table, plan, paths, history
        self.assessments = {a.backend: a for a in assessments}
        self.speeds = Speeds(benches)
        self.suites = list(dict.fromkeys(case.suite for case in plan.cases.values()))
        self.packages = {row.id: row.package for row in table.rows}
        self.order = {c.id: i for i, c in enumerate(table.classes, 1)}
        self.notes = _notes(table)

    def all(self) -> Iterator[tuple[str, partial[str]]]:
        """Path from the top of the site -> what renders the page there."""
        for i, row in enumerate(self.table.rows):
            before = self.table.rows[i - 1] if i else None
            after = self.table.rows[i + 1] if i + 1 < len(self.table.rows) else None
            yield self.paths.backends[row.id], partial(self.page, row, before, after)

    def page(self, row: Row, before: Row | None = None, after: Row | None = None) -> str:
        """The page of one backend, with links to those before and after it."""
        a, matrix = self.assessments[row.id], self.plan.matrix
        above = next_class(matrix, a)
        family = matrix.backends[row.id].family_name
        notes = self.notes.get(row.id, ())
        return templating.render(
            "backend.html.j2", top="../", table=self.table, d=detail(row, a, self.suites),
            before=before, after=after, paths=self.paths,
            rank={id_: min(i, 4) for id_, i in self.order.items()},
            words={entry.state: entry for entry in self.table.legend},
            criteria=CRITERIA, above=above[0] if above else None, steps=above[1] if above else (),
            notes=notes, ref=_references(notes),
            reasons=_texts(self.table, row.support_class.footnotes),
            family=plain(family), grid=_grid(self.table.grid, family),
            blamed=blamed(a, row.mode, self.paths.cases), compared=compared_lines(a),
            kinks=self._kinks(row.id),
            speed=self.speeds.of(row.id, row.mode), width=WIDTH, scale=BAND_WIDTH, height=HEIGHT,
            drift=[d for d in self.table.drift if d.backend == row.id], most_drift=MOST_DRIFT,
            past=self._past(row.id), history=self.history,
            origin=_origin(a, self.speeds.mine.get(row.id, ())),
            runs={run.id: run for run in self.table.provenance.runs},
            stale_after=matrix.policy.stale_after,
        )  # fmt: skip

    def _past(self, backend: str) -> Band | None:
        if self.history is None:
            return None
        mine = (b for b in self.history.backends if b.backend == backend and b.transitions)
        return next((band_of(b, self.history, self.order) for b in mine), None)

    def _kinks(self, backend: str) -> Kinks:
        lines, alike = [], 0
        for entry in self.table.conventions:
            takes = next((g.says for g in entry.groups if backend in g.backends), None)
            if takes is None:
                continue
            if len(entry.groups) == 1:
                alike += 1
                continue
            sizes = {g.says: len({self.packages[b] for b in g.backends}) for g in entry.groups}
            top = [word for word, n in sizes.items() if n == max(sizes.values())]
            others = tuple((word, n) for word, n in sizes.items() if word != takes)
            lines.append(KinkLine(entry, takes, top[0] if len(top) == 1 else "", others))
        lines.sort(key=lambda k: not k.most or k.most == k.takes)  # where it stands apart first
        return Kinks(tuple(lines[:MOST_CONVENTIONS]), len(lines[MOST_CONVENTIONS:]), alike)


def _grid(grid: Iterable[GridLine], family: str) -> list[GridLine]:
    return [line for line in grid if line.family == family]


def _notes(table: SupportTable) -> dict[str, tuple[tuple[Footnote, tuple[str, ...]], ...]]:
    """Row -> the footnotes that it cites, each with its places there, in order."""
    owner: dict[str, str] = {}
    for row in table.rows:
        places = (row.id, f"{row.id}/class", *(cell.id for cell in cells_of(row)))
        owner |= dict.fromkeys(places, row.id)
    found: dict[str, list[tuple[Footnote, tuple[str, ...]]]] = {}
    for note in table.footnotes:
        places_of: dict[str, list[str]] = {}
        for use in note.uses:
            if use.id in owner:
                places_of.setdefault(owner[use.id], []).append(use.id)
        for backend, uses in places_of.items():
            found.setdefault(backend, []).append((note, tuple(uses)))
    return {backend: tuple(notes) for backend, notes in found.items()}


def _references(
    notes: Iterable[tuple[Footnote, tuple[str, ...]]],
) -> dict[tuple[str, int], str]:
    """(place, footnote) -> the id of the anchor there."""
    return {
        (place, note.number): f"fnref-{note.number}-{i}"
        for note, places in notes
        for i, place in enumerate(places, 1)
    }


def _texts(table: SupportTable, numbers: Iterable[int]) -> list[str]:
    texts = {note.number: note.text for note in table.footnotes}
    return [texts[n] for n in numbers]


def _origin(a: Assessment, benches: Iterable[Bench]) -> Origin:
    records = [j.record for j in a.trials() if j.record is not None and j.outcome.is_evidence]
    runs, versions = Counter[str](), Counter[tuple[tuple[str, str], ...]]()
    for run, n in Counter(r.run for r in records).items():
        runs[plain(run)] += n
    made_with = {id(r.versions): r.versions for r in records}  # records share what is the same
    for which, n in Counter(id(r.versions) for r in records).items():
        versions[tuple(made_with[which].items())] += n
    return Origin(
        ages=ages(r.finished for r in records),
        runs=dict(runs.most_common()),
        versions={
            plain(", ".join(f"{name} {v}" for name, v in items), 3 * LONGEST): n
            for items, n in sorted(versions.items(), key=lambda v: (-v[1], v[0]))
        },
        timed=dict(Counter(plain(b.run) for b in benches).most_common()),
    )
