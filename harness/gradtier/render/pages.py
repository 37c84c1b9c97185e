"""The pages below the overview: suites, cases with their data, conventions, the standard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import resources

from gradtier.assess import Assessment
from gradtier.cases import Case
from gradtier.conventions import by_package, differ
from gradtier.model import Nesting, Outcome
from gradtier.plan import Plan
from gradtier.render import case_page, standard_page, templating
from gradtier.render.case_page import CasePages
from gradtier.render.paths import Paths
from gradtier.render.trials import Fold, Groups, Trials, fold, folded
from gradtier.support import ConventionEntry
from gradtier.table import State, SupportTable, plain

CONVENTIONS = "conventions.html"
STANDARD = standard_page.PAGE

#: Cases times packages that the table of a suite has at most.  Of a larger suite the worst cases
#: are shown by package, and of all others the sum; the page of each has the rest.
MOST_CELLS = 6000

#: Lines of the table of conventions, those first in which backends differ; the page of each case
#: has its own.
MOST_CONVENTIONS = 600


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case in the table of its suite: all of its trials."""

    id: str
    title: str
    tags: str
    whole: Fold


@dataclass(frozen=True)
class SuiteEntry:
    """One suite.

    Attributes:
        id, title, path: which, and its page.
        whole: all of its trials on the devices that there is any evidence of.
        planned: trials on any device.
        lines: its cases.
    """

    id: str
    title: str
    path: str
    whole: Fold
    planned: int
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
        self.packages = {row.id: row.package for row in table.rows}
        self.cases = CasePages(table, self.trials, plan, self.paths)
        self.suites = tuple(map(self._suite, self.paths.suites))

    def all(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """Path from the top of the site -> what renders the page there."""
        yield CONVENTIONS, partial(self.conventions)
        yield (
            STANDARD,
            partial(standard_page.render, self.table, self.plan, self.trials, self.paths),
        )
        yield case_page.SCRIPT, script
        for entry in self.suites:
            yield entry.path, partial(self.suite, entry)
        titles = {entry.id: entry.title for entry in self.suites}
        for case in self.plan.cases.values():
            yield self.paths.cases[case.id], partial(self.cases.page, case, titles[case.suite])
            if self.cases.has_data(case.id):
                yield self.paths.data[case.id], partial(self.cases.data, case)

    def _suite(self, suite: str) -> SuiteEntry:
        cases = [c for c in self.plan.cases.values() if c.suite == suite]
        tallies = [self.trials.tally(case.id) for case in cases]
        whole: Counter[Outcome] = Counter()
        for tally in tallies:
            whole.update(tally)
        return SuiteEntry(
            id=suite,
            title=plain(self.titles.get(suite, "")),
            path=self.paths.suites[suite],
            whole=folded(whole),
            planned=sum(len(self.trials.by_case.get(c.id, ())) for c in cases),
            lines=tuple(map(_case_line, cases, map(folded, tallies))),
        )

    def suite(self, entry: SuiteEntry) -> str:
        """The page of one suite."""
        packages = list(dict.fromkeys(self.packages.values()))
        most = max(1, MOST_CELLS // max(1, len(packages)))
        ranked = list(entry.lines)
        if len(ranked) > most:
            ranked.sort(key=_badness)
        first, rest = ranked[:most], ranked[most:]
        lines = [(line, *self._by_package(line.id)) for line in first]
        seen = {p for _, _, measured in lines for p in measured}
        for line in rest if len(seen) < len(packages) else ():
            seen |= self._by_package(line.id)[1]
        shown = [p for p in packages if p in seen]
        return templating.render(
            "suite.html.j2", top="../", table=self.table, suite=entry, paths=self.paths,
            devices=self._devices(), packages=shown, rest=rest,
            idle=[p for p in packages if p not in seen],
            lines=[
                (line, [fold(groups.get(p, {}), self.modes) for p in shown])
                for line, groups, _ in lines
            ],
        )  # fmt: skip

    def _by_package(self, case: str) -> tuple[dict[str, Groups], set[str]]:
        """The trials of a case, counted, by package, and which packages have evidence on it."""
        packages: dict[str, dict[tuple[str, Nesting], Mapping[Outcome, int]]] = {}
        measured = set()
        for key, counts in self.trials.groups(case).items():
            package = self.packages[key[0]]
            packages.setdefault(package, {})[key] = counts
            if any(outcome.is_evidence for outcome in counts):
                measured.add(package)
        return dict(packages), measured

    def conventions(self) -> str:
        """The table of conventions: a line per case and mode, a column per package."""
        entries = self.table.conventions
        shown = entries
        if len(entries) > MOST_CONVENTIONS:
            shown = tuple(sorted(entries, key=lambda e: not differ(e))[:MOST_CONVENTIONS])
        by_packages = [(e, by_package(e, self.packages)) for e in shown]
        columns = [
            p for p in dict.fromkeys(self.packages.values()) if any(p in f for _, f in by_packages)
        ]
        return templating.render(
            "conventions.html.j2", top="", table=self.table, paths=self.paths,
            columns=columns, folded=by_packages, differ=differ, more=len(entries) - len(shown),
            several=len({e.device for e in entries}) > 1,
        )  # fmt: skip

    def _devices(self) -> list[str]:
        return [d for d in self.plan.matrix.axes.devices if d in self.trials.devices]


def script() -> str:
    """The script of the pages of cases."""
    file = resources.files(__package__).joinpath("static", case_page.SCRIPT)
    return file.read_text(encoding="utf-8")


def conventions_that_differ(table: SupportTable) -> list[ConventionEntry]:
    """The lines of the table of conventions in which backends take different sides."""
    return [e for e in table.conventions if differ(e)]


_RANKED = (State.WRONG, State.FAILS, State.INCONCLUSIVE, State.PARTIAL)


def _badness(line: CaseLine) -> tuple[int, int]:
    state, whole = line.whole.state, line.whole
    rank = _RANKED.index(state) if state in _RANKED else len(_RANKED)
    return rank, whole.agree - whole.measured


def _case_line(case: Case, whole: Fold) -> CaseLine:
    tags = ", ".join(sorted(map(plain, case.tags)))
    return CaseLine(case.id, plain(case.title), tags, whole)
