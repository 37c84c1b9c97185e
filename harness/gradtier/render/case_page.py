"""The page of one case, and the file of data beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from gradtier.cases import Case
from gradtier.model import NO_EVIDENCE, Outcome
from gradtier.plan import Plan
from gradtier.render import case_data, case_rows, templating
from gradtier.render.case_summary import summary
from gradtier.render.paths import Paths
from gradtier.render.plots import Plot, plot
from gradtier.render.trials import (
    RANK,
    Measured,
    Trials,
    chip,
    command,
    derivative,
    others,
)
from gradtier.render.words import described, source
from gradtier.support import MARKS, ConventionEntry
from gradtier.table import State, SupportTable, plain, why_no_evidence

MOST_ROWS = 60  # trials that do not agree, in the page itself; the others are in its data
MOST_PLOTS = 12
SCRIPT = "case.js"


@dataclass(frozen=True)
class Figure:
    """A plot and the trial that it is about."""

    number: int
    trial: str
    backend: str
    says: str
    plot: Plot


class CasePages:
    """Renders the pages of cases.

    Args:
        table: the support table.
        trials: every trial by case.
        plan: what was planned.
        paths: where the pages lie.
    """

    def __init__(self, table: SupportTable, trials: Trials, plan: Plan, paths: Paths) -> None:
        self.table, self.trials, self.plan, self.paths = table, trials, plan, paths
        self.names = {row.id: f"{row.title}, {row.mode}" for row in table.rows}
        self.left_out = _left_out(plan)
        self.kinks: dict[str, list[ConventionEntry]] = {}
        for e in table.conventions:
            if e.groups:
                self.kinks.setdefault(e.case, []).append(e)
        self.known = {
            row.id: case_data.Known(row.id, plain(row.title), row.mode, paths.backends[row.id])
            for row in table.rows
        }
        self.who = {
            row: templating.piece("who", k.page, self.names[row]) for row, k in self.known.items()
        }
        self._last: tuple[str, list[Measured]] = ("", [])

    def has_data(self, case: str) -> bool:
        """Whether there are trials that the page does not hold itself."""
        return any(map(bool, self._held_back(self._counts(case))))

    def _counts(self, case: str) -> Counter[Outcome]:
        counts: Counter[Outcome] = Counter()
        for tally in self.trials.counts.get(case, {}).values():
            counts.update(tally)
        return counts

    def _held_back(self, counts: Mapping[Outcome, int]) -> tuple[int, int]:
        """How many trials that do not agree, and that agree, are in the data alone."""
        return max(0, sum(counts.get(o, 0) for o in RANK) - MOST_ROWS), counts.get(Outcome.AGREE, 0)

    def _measured(self, case: str) -> list[Measured]:
        """The trials of a case; kept until the next case, for its page and its data."""
        if self._last[0] != case:
            self._last = case, list(map(Measured.of, self.trials.by_case.get(case, ())))
        return self._last[1]

    def data(self, case: Case) -> str:
        """The trials that are not in the page: more that do not agree, then those that do."""
        trials = self._measured(case.id)
        kept = [*_short(trials)[MOST_ROWS:], *_right(trials)]
        return case_data.render(case.id, kept, self.known)

    def page(self, case: Case, suite_title: str) -> str:
        """The page of one case."""
        trials = self._measured(case.id)
        counts, short = self._counts(case.id), _short(trials)
        held, agree = self._held_back(counts)
        figures = list(islice(self._figures(short, _right(trials)), MOST_PLOTS))
        devices, figure_of = self.trials.devices, {f.trial: f.number for f in figures}
        here = [d for d in self.plan.matrix.axes.devices if d in devices]
        by_backend = summary(trials, devices)
        file = self.paths.data[case.id].rpartition("/")[2] if held or agree else ""
        return templating.render(
            "case.html.j2", top="../../", table=self.table, case=case,
            title=plain(case.title), tags=sorted(map(plain, case.tags)), paths=self.paths,
            suite_title=suite_title, suite_path=self.paths.suites[case.suite],
            inputs=[(plain(path), described(spec)) for path, spec in case.specs()],
            source=source(case), place=plain(str(case.place)), counts=others(counts),
            agree=agree, held=held, file=file, planned=len(trials),
            measured=sum(n for outcome, n in counts.items() if outcome.is_evidence),
            summary=by_backend,
            lines=[
                case_rows.line(found, self.who[found.backend], len(here) > 1)
                for found in by_backend.lines
            ],
            differ=[case_rows.row(m, self.known, figure_of) for m in short[:MOST_ROWS]],
            differing=len(short),
            who=self.who, figures=figures,
            idle=_not_run(trials), left_out=self.left_out.get(case.id, {}),
            conventions=self.kinks.get(case.id, []),
            names=self.names, devices=here,
            example=command(trials[0].judged.trial.id) if trials else "",
        )  # fmt: skip

    def _figures(self, *parts: list[Measured]) -> Iterator[Figure]:
        number = 0
        for m in (m for part in parts for m in part):
            worst = m.verdict.get("worst")
            drawn = plot(m.verdict) if worst and "ladder" in worst else None
            if drawn is not None:
                number += 1
                t = m.judged.trial.id
                words = derivative(t.cell.nesting, self.known[t.cell.backend].mode)
                says = f"{words}, {t.cell.dtype}, {t.cell.device}: {chip(m.outcome)[2]}"
                yield Figure(number, plain(str(t)), t.cell.backend, says, drawn)


def _short(trials: list[Measured]) -> list[Measured]:
    """The trials that do not agree, the worst first, else in the order of the rows."""
    found = [m for m in trials if m.outcome in RANK]
    return sorted(found, key=lambda m: RANK[m.outcome])


def _right(trials: list[Measured]) -> list[Measured]:
    return [m for m in trials if m.outcome is Outcome.AGREE]


def _not_run(trials: Iterable[Measured]) -> list[tuple[str, str, int]]:
    """Mark, words and number of the trials without evidence, by reason."""
    idle = (m.judged for m in trials if m.outcome in NO_EVIDENCE)
    whys: Counter[tuple[str, str]] = Counter(
        (j.trial.id.cell.device, why_no_evidence(j)) for j in idle
    )
    mark = MARKS[State.NOT_TESTED]
    return [(mark, f"{device}: {why}", n) for (device, why), n in sorted(whys.items())]


def _left_out(plan: Plan) -> dict[str, dict[str, list[str]]]:
    """Case -> why it is not planned -> the rows; what leaves out whole cells is not of a case."""
    cases: dict[str, list[str]] = {}
    for case in plan.cases.values():
        cases.setdefault(f"{case.suite}/*", []).append(case.id)
    found: dict[str, dict[str, dict[str, None]]] = {}
    for e in plan.exclusions:
        for case_id in cases.get(e.case, [e.case]) if e.case != "*" else []:
            rows = found.setdefault(case_id, {}).setdefault(plain(e.because), {})
            rows[e.cell.backend] = None
    return {c: {why: list(rows) for why, rows in whys.items()} for c, whys in found.items()}
