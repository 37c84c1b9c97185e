"""What can be wrong with a matrix that one key alone does not show."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from gradtier import yamlfile
from gradtier.cases import Case, Suite, load_suite
from gradtier.errors import InputError, Problem, nearest
from gradtier.host import adapter_class, make_importable
from gradtier.loading import Loaded, load_partly
from gradtier.matrix import Exclusion, Match
from gradtier.model import Cell, Mode, TrialId
from gradtier.patterns import Firsts, Name

Rule = Callable[[Loaded, Mapping[str, Suite]], Iterator[Problem]]


def load_checked(file: Path) -> tuple[Loaded, dict[str, Suite]]:
    """Load a matrix with its suites.

    Raises:
        InputError: with every problem there is, in the order of the file.
    """
    loaded, problems = load_partly(file)
    if loaded is None:
        raise InputError(problems)
    make_importable(loaded.root.resolve())
    rules = (_devices, _adapters) if problems else RULES  # entries may be missing
    suites, unusable = _suites(loaded)
    problems += unusable
    for rule in rules:
        problems += rule(loaded, suites)
    if problems:
        raise InputError(sorted(set(problems), key=_by_place))
    return loaded, suites


def _by_place(problem: Problem) -> tuple[Any, ...]:
    place = problem.place
    at = (place.file, place.line) if place is not None else ("", 0)
    return (*at, problem.path, problem.message)


def _suites(loaded: Loaded) -> tuple[dict[str, Suite], list[Problem]]:
    suites: dict[str, Suite] = {}
    problems: list[Problem] = []
    for name, entry in loaded.matrix.suites.items():
        try:
            place = loaded.document.place(("suites", name))
            suites[name] = load_suite(name, loaded.root / entry.path, place)
        except InputError as error:
            problems += error.problems
    return suites, problems


def _devices(loaded: Loaded, _: Mapping[str, Suite]) -> Iterator[Problem]:
    matrix = loaded.matrix
    axis = matrix.axes.devices
    places: list[tuple[tuple[Any, ...], str]] = []
    for name, backend in matrix.backends.items():
        at = ("backends", name)
        places += [((*at, "devices", i), d) for i, d in enumerate(backend.devices)]
        places += [((*at, "device_notes", d), d) for d in backend.device_notes]
    places += [(("policy", "devices", i), d) for i, d in enumerate(matrix.policy.devices)]
    for n, tier in enumerate(matrix.policy.classes):
        asked = ("policy", "classes", n, "criteria", "devices")
        places += [((*asked, i), d) for i, d in enumerate(tier.criteria.devices or ())]
    places += [(("recommendations", d), d) for d in matrix.recommendations]
    for path, device in places:
        if device not in axis:
            hint = f"{nearest(device, axis)}; add it there or remove it here"
            yield loaded.problem(path, f"'{device}' is not in axes.devices", hint)


def _adapters(loaded: Loaded, _: Mapping[str, Suite]) -> Iterator[Problem]:
    named = [
        (("backends", n, "adapter"), b.adapter)
        for n, b in loaded.matrix.backends.items()
        if b.adapter
    ]
    for path, dotted in [(("primal",), loaded.matrix.primal), *named]:
        try:
            adapter_class(dotted)
        except ImportError as error:
            yield loaded.problem(path, str(error))


def _references(loaded: Loaded, _: Mapping[str, Suite]) -> Iterator[Problem]:
    backends = loaded.matrix.backends
    for i, pair in enumerate(loaded.matrix.reference):
        for mode, row in ((Mode.REVERSE, pair.reverse), (Mode.FORWARD, pair.forward)):
            path = ("reference", i, mode.value)
            if row not in backends:
                yield loaded.problem(path, f"'{row}' is no backend", nearest(row, backends))
            elif not backends[row].adapter:
                yield loaded.problem(path, f"'{row}' is unavailable and can't be a reference")
            elif backends[row].mode is not mode:
                text = f"'{row}' has mode {backends[row].mode}; expected one of mode {mode}"
                yield loaded.problem(path, text)
        packages = {backends[r].package for r in (pair.reverse, pair.forward) if r in backends}
        if len(packages) > 1:
            text = f"found two packages ({', '.join(sorted(packages))}); expected one per pair"
            yield loaded.problem(("reference", i), text)


def _classes(loaded: Loaded, _: Mapping[str, Suite]) -> Iterator[Problem]:
    matrix = loaded.matrix
    ids = [c.id for c in matrix.policy.classes]
    for name, backend in matrix.backends.items():
        if backend.at_most is not None and backend.at_most not in ids:
            text = f"'{backend.at_most}' is no class of the policy"
            path = ("backends", name, "at_most")
            yield loaded.problem(path, text, nearest(backend.at_most, ids))
    for i, tier in enumerate(matrix.policy.classes):
        if ids.index(tier.id) != i:
            yield loaded.problem(("policy", "classes", i), f"class '{tier.id}' is there twice")
        for glob in tier.criteria.suites or ():
            if not any(fnmatchcase(suite, glob) for suite in matrix.suites):
                at = ("policy", "classes", i, "criteria", "suites", glob)
                yield loaded.problem(at, f"'{glob}' is no suite", nearest(glob, matrix.suites))


def _recommended(loaded: Loaded, _: Mapping[str, Suite]) -> Iterator[Problem]:
    matrix = loaded.matrix
    classes = [c.id for c in matrix.policy.classes]
    if "mutation" in matrix.recommend.model_fields_set:
        for i, glob in enumerate(matrix.recommend.mutation):
            if not any(fnmatchcase(suite, glob) for suite in matrix.suites):
                hint = nearest(glob, matrix.suites)
                yield loaded.problem(("recommend", "mutation", i), f"'{glob}' is no suite", hint)
    for device, items in matrix.recommendations.items():
        for i, item in enumerate(items):
            at = ("recommendations", device, i)
            if item.backend not in matrix.backends:
                hint = nearest(item.backend, matrix.backends)
                yield loaded.problem((*at, "backend"), f"'{item.backend}' is no backend", hint)
            if item.needs_class is not None and item.needs_class not in classes:
                hint = nearest(item.needs_class, classes)
                text = f"'{item.needs_class}' is no class of the policy"
                yield loaded.problem((*at, "needs_class"), text, hint)


def _notes(loaded: Loaded, _: Mapping[str, Suite]) -> Iterator[Problem]:
    matrix = loaded.matrix
    uses: list[tuple[tuple[Any, ...], str]] = []
    for name, backend in matrix.backends.items():
        at = ("backends", name)
        uses += [((*at, "notes", i), n) for i, n in enumerate(backend.notes)]
        for device, notes in backend.device_notes.items():
            uses += [((*at, "device_notes", device, i), n) for i, n in enumerate(notes)]
    rules = [("exclusions", i, e.note) for i, e in enumerate(matrix.exclusions)]
    rules += [("claims", i, c.note) for i, c in enumerate(matrix.claims)]
    uses += [((key, i, "note"), note) for key, i, note in rules if note is not None]
    for device, texts in matrix.recommendations.items():
        at = ("recommendations", device)
        uses += [((*at, i, "note"), r.note) for i, r in enumerate(texts) if r.note is not None]
    for path, note in uses:
        if note not in matrix.notes:
            hint = nearest(note, matrix.notes)
            yield loaded.problem(path, f"the note '{note}' is not defined", hint)
    used = {note for _, note in uses}
    for note in matrix.notes:
        if note not in used:
            text = f"the note '{note}' is used nowhere"
            yield loaded.problem(("notes", note), text, "refer to it or remove it")


def _patterns(loaded: Loaded, suites: Mapping[str, Suite]) -> Iterator[Problem]:
    matrix = loaded.matrix
    rules: list[tuple[str, int, Match]] = []
    rules += [("exclusions", i, e.match) for i, e in enumerate(matrix.exclusions)]
    rules += [("claims", i, c.match) for i, c in enumerate(matrix.claims)]
    rules += [("waivers", i, w.match) for i, w in enumerate(matrix.waivers)]
    if not rules:
        return
    places = list(_places(loaded, suites))
    for key, i, match in rules:
        excluded_too = key == "exclusions"
        if any(where.has(match, excluded_too) for where in places):
            continue
        pool = [t for where in places for t in where.trials(excluded_too)]
        path, hint = _mismatch(loaded, (key, i, "match"), match, pool)
        kind = {"exclusions": "exclusion", "claims": "claim", "waivers": "waiver"}[key]
        yield loaded.problem(path, f"this {kind} matches no trial", hint)


@dataclasses.dataclass(frozen=True)
class _Where:
    """A cell, the cases that may be planned there, and those of them that an exclusion names.

    A pattern is held against cells, then cases: there may be a million trials.
    """

    cell: Cell
    cases: list[Case]
    out: Mapping[Name, Exclusion]

    def _planned(self, case: Case) -> bool:
        rule = self.out.get((case.suite, case.name))
        return rule is None or rule.deep

    def has(self, match: Match, excluded_too: bool) -> bool:
        """Whether the pattern covers a trial of the cell."""
        return match.covers_cell(self.cell) and any(
            match.covers_case(c.suite, c.name) and (excluded_too or self._planned(c))
            for c in self.cases
        )

    def trials(self, excluded_too: bool) -> Iterator[TrialId]:
        """The trials of the cell."""
        for c in self.cases:
            if excluded_too or self._planned(c):
                yield TrialId(c.suite, c.name, self.cell)


def _places(loaded: Loaded, suites: Mapping[str, Suite]) -> Iterator[_Where]:
    cases = [c for suite in suites.values() for c in suite.cases.values()]
    rules = Firsts(loaded.matrix.exclusions, cases)
    for cell in loaded.matrix.cells():
        backend = loaded.matrix.backends[cell.backend]
        if cell.device in backend.devices and backend.adapter:
            mine = [c for c in cases if not backend.suites or c.suite in backend.suites]
            yield _Where(cell, mine, rules.within(cell))


def _mismatch(
    loaded: Loaded, path: tuple[Any, ...], match: Match, trials: list[TrialId]
) -> tuple[tuple[Any, ...], str]:
    """Which key of a pattern that matches nothing is to blame, with the nearest right word."""
    axes: dict[str, Callable[[TrialId], str]] = {
        "suite": lambda t: t.suite,
        "case": lambda t: t.case,
        "backend": lambda t: t.cell.backend,
        "device": lambda t: t.cell.device,
        "nesting": lambda t: str(t.cell.nesting),
        "dtype": lambda t: t.cell.dtype,
    }
    for key, word in axes.items():
        globs = getattr(match, key)
        alone = Match(**{key: globs})
        if not any(alone.covers(t) for t in trials):
            first = globs if isinstance(globs, str) else (globs or ("",))[0]
            return (*path, key), nearest(first, dict.fromkeys(map(word, trials)))
    return path, "each key matches something, but not all of them together"


def _chosen_suites(loaded: Loaded, _: Mapping[str, Suite]) -> Iterator[Problem]:
    known = loaded.matrix.suites
    for name, backend in loaded.matrix.backends.items():
        for i, suite in enumerate(backend.suites):
            if suite not in known:
                path = ("backends", name, "suites", i)
                yield loaded.problem(path, f"'{suite}' is no suite", nearest(suite, known))


def _empty(loaded: Loaded, suites: Mapping[str, Suite]) -> Iterator[Problem]:
    for name, suite in suites.items():
        if not suite.cases:
            yield loaded.problem(("suites", name), "the suite has no case")


def _benchmarks(loaded: Loaded, _: Mapping[str, Suite]) -> Iterator[Problem]:
    for name, entry in loaded.matrix.benchmarks.items():
        at = ("benchmarks", name)
        if name in loaded.matrix.suites:
            yield loaded.problem(at, f"'{name}' is a suite already", "choose another name")
            continue
        try:
            suite = load_suite(name, loaded.root / entry.path, loaded.document.place(at))
        except InputError as error:
            here = yamlfile.dotted(at)  # what is said of the file is said of a suite
            for p in error.problems:
                named = p.path == f"suites.{name}"
                yield dataclasses.replace(p, path=here) if named else p
            continue
        if not suite.cases:
            yield loaded.problem(at, "the suite has no case")


def _quick(loaded: Loaded, suites: Mapping[str, Suite]) -> Iterator[Problem]:
    ids = [case.id for suite in suites.values() for case in suite.cases.values()]
    for i, glob in enumerate(loaded.matrix.quick):
        if not any(fnmatchcase(name, glob) for name in ids):
            yield loaded.problem(("quick", i), f"'{glob}' is no case", nearest(glob, ids))


#: Every rule; each is a pure function of the loaded matrix and its suites.
RULES: tuple[Rule, ...] = (
    _devices, _adapters, _references, _classes, _recommended, _notes, _patterns, _chosen_suites,
    _empty, _quick, _benchmarks,
)  # fmt: skip
