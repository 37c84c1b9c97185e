"""The pages below the overview: one per suite, one per case, and the table of conventions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from gradtier.assess import Assessment, Judged
from gradtier.cases import Case
from gradtier.conventions import by_package, differ
from gradtier.model import Outcome
from gradtier.plan import Plan
from gradtier.render import templating
from gradtier.render.paths import Paths
from gradtier.render.trials import RANK, Fold, TrialRow, Trials, command, fold, others, trial_row
from gradtier.render.words import described, source
from gradtier.support import MARKS, ConventionEntry
from gradtier.table import Row, State, SupportTable, plain, why_no_evidence

CONVENTIONS = "conventions.html"


@dataclass(frozen=True)
class CaseLine:
    """One case in the table of its suite: all of its trials, and those of each package."""

    id: str
    title: str
    tags: str
    whole: Fold
    packages: tuple[Fold, ...]


@dataclass(frozen=True)
class SuiteEntry:
    """One suite.

    Attributes:
        id, title, path: which, and its page.
        whole: all of its trials on the devices that there is any evidence of.
        planned: trials on any device.
        packages: the columns of ``lines``: those with evidence on its cases.
        idle: the packages without any.
        lines: its cases.
    """

    id: str
    title: str
    path: str
    whole: Fold
    planned: int
    packages: tuple[str, ...]
    idle: tuple[str, ...]
    lines: tuple[CaseLine, ...]

    @property
    def everywhere(self) -> int:
        """How many cases agree in every measured trial."""
        return sum(line.whole.state is State.AGREES for line in self.lines)

    @property
    def wrong(self) -> list[CaseLine]:
        """The cases with a wrong derivative."""
        return [line for line in self.lines if line.whole.state is State.WRONG]


class Pages:
    """Renders the pages of one report; every text is a pure function of what is given.

    Args:
        table: the support table.
        assessments: what it was made of.
        plan: what the assessments were made of.
        titles: suite -> what it is about, in a line.
    """

    def __init__(
        self,
        table: SupportTable,
        assessments: tuple[Assessment, ...],
        plan: Plan,
        titles: Mapping[str, str] | None = None,
    ) -> None:
        self.table, self.plan, self.paths = table, plan, Paths(plan)
        self.titles = titles or {}
        self.trials = Trials(assessments)
        self.modes = {row.id: row.mode for row in table.rows}
        self.rows = {row.id: row for row in table.rows}
        self.packages = {row.id: row.package for row in table.rows}
        self.left_out = _left_out(plan)
        self.suites = tuple(map(self._suite, self.paths.suites))

    def all(self) -> Iterator[tuple[str, partial[str]]]:
        """Path from the top of the site -> what renders the page there."""
        yield CONVENTIONS, partial(self.conventions)
        for entry in self.suites:
            yield entry.path, partial(self.suite, entry)
        for case in self.plan.cases.values():
            yield self.paths.cases[case.id], partial(self.case, case)

    def _suite(self, suite: str) -> SuiteEntry:
        cases = [c for c in self.plan.cases.values() if c.suite == suite]
        names = list(dict.fromkeys(self.packages.values()))
        lines: list[tuple[Case, list[Judged], dict[str, list[Judged]]]] = []
        seen: set[str] = set()
        for case in cases:
            trials = self.trials.here(case.id)
            groups: dict[str, list[Judged]] = {}
            for j in trials:
                package = self.packages[j.trial.id.cell.backend]
                groups.setdefault(package, []).append(j)
                if j.outcome.is_evidence:
                    seen.add(package)
            lines.append((case, trials, groups))
        shown = [n for n in names if n in seen]
        return SuiteEntry(
            id=suite,
            title=plain(self.titles.get(suite, "")),
            path=self.paths.suites[suite],
            whole=fold((j for _, trials, _ in lines for j in trials), self.modes),
            planned=sum(len(self.trials.by_case.get(c.id, ())) for c in cases),
            packages=tuple(shown),
            idle=tuple(n for n in names if n not in seen),
            lines=tuple(
                CaseLine(
                    case.id,
                    plain(case.title),
                    ", ".join(sorted(map(plain, case.tags))),
                    fold(trials, self.modes),
                    tuple(fold(groups.get(n, ()), self.modes) for n in shown),
                )
                for case, trials, groups in lines
            ),
        )

    def suite(self, entry: SuiteEntry) -> str:
        """The page of one suite."""
        return templating.render(
            "suite.html.j2", top="../", table=self.table, suite=entry, paths=self.paths,
            devices=self._devices(),
        )  # fmt: skip

    def case(self, case: Case) -> str:
        """The page of one case."""
        trials = self.trials.by_case.get(case.id, [])
        measured = [j for j in trials if j.outcome.is_evidence]
        short = sorted(
            (j for j in measured if j.outcome is not Outcome.AGREE), key=lambda j: RANK[j.outcome]
        )
        right = [j for j in measured if j.outcome is Outcome.AGREE]
        example = next((j.trial.id for j in trials), None)
        return templating.render(
            "case.html.j2", top="../../", table=self.table, case=case, rows=self.rows,
            title=plain(case.title), tags=sorted(map(plain, case.tags)),
            suite=next(s for s in self.suites if s.id == case.suite),
            inputs=[(plain(path), described(spec)) for path, spec in case.specs()],
            source=source(case), place=plain(str(case.place)),
            counts=others(Counter(j.outcome for j in trials)),
            agree=len(right), measured=len(measured), planned=len(trials),
            groups=[
                ("differ", "Trials that do not agree", self._rows(short)),
                ("agree", "Trials that agree", self._rows(right)),
            ],
            idle=_not_run(trials), left_out=self.left_out.get(case.id, {}),
            conventions=[e for e in self.table.conventions if e.case == case.id and e.groups],
            names={row.id: _name(row) for row in self.table.rows},
            devices=self._devices(), example=command(example) if example is not None else "",
        )  # fmt: skip

    def _rows(self, trials: list[Judged]) -> list[TrialRow]:
        return [trial_row(j, self.modes[j.trial.id.cell.backend]) for j in trials]

    def conventions(self) -> str:
        """The table of conventions: a line per case and mode, a column per package."""
        entries = self.table.conventions
        folded = [(e, by_package(e, self.packages)) for e in entries]
        columns = [
            p for p in dict.fromkeys(self.packages.values()) if any(p in f for _, f in folded)
        ]
        return templating.render(
            "conventions.html.j2", top="", table=self.table, paths=self.paths,
            columns=columns, folded=folded, differ=differ,
            several=len({e.device for e in entries}) > 1,
        )  # fmt: skip

    def _devices(self) -> list[str]:
        return [d for d in self.plan.matrix.axes.devices if d in self.trials.devices]


def conventions_that_differ(table: SupportTable) -> list[ConventionEntry]:
    """The lines of the table of conventions in which backends take different sides."""
    return [e for e in table.conventions if differ(e)]


def _name(row: Row) -> str:
    return f"{row.title}, {row.mode}"


def _not_run(trials: list[Judged]) -> list[tuple[str, str, int]]:
    """Mark, words and number of the trials without evidence, by reason."""
    whys: Counter[tuple[str, str]] = Counter(
        (j.trial.id.cell.device, why_no_evidence(j)) for j in trials if not j.outcome.is_evidence
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
