"""Assessments -> support table: rows, cells, footnotes and recommendations, without any markup.

The table is a pure function of (plan, assessments, evidence, date): no clock, no file, no path.
Footnotes are numbered here and nowhere else, in reading order; each knows every place that cites
it, so that a renderer can link there and back.  Texts that come from exceptions are written by
strangers: they are cut short and rid of control characters here, and stay text everywhere.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from gradtier.assess import Assessment, CellSummary, Judged
from gradtier.errors import InputError, Problem, nearest
from gradtier.evidence import Evidence
from gradtier.matrix import Matrix, Recommendation
from gradtier.model import Mode, Nesting, Outcome
from gradtier.plan import Excluded, Plan
from gradtier.tiers import Answer, ClassFinding, judge

SCHEMA: Literal["gradtier/support/1"] = "gradtier/support/1"
LONGEST = 120  # characters shown of a text that came out of an exception


class State(StrEnum):
    """What a cell says; closed."""

    AGREES = "agrees"
    PARTIAL = "partial"
    WRONG = "wrong"
    FAILS = "fails"
    INCONCLUSIVE = "inconclusive"
    NOT_TESTED = "not-tested"
    NOT_OFFERED = "not-offered"


class Entry(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class StateEntry(Entry):
    """One line of the legend."""

    state: State
    mark: str = Field(description="one character, distinct for each state")
    word: str
    meaning: str


class Column(Entry):
    """One column of the table; columns of one group stand side by side."""

    id: str
    title: str
    group: Literal["", "first", "nested"] = ""
    group_title: str = ""
    device: str | None = None


class CellEntry(Entry):
    """One backend on one device, first order or under one outer mode; all dtypes together."""

    id: str = Field(description="backend/device/nesting")
    device: str
    nesting: Nesting
    title: str = Field(description="first order; forward over reverse")
    state: State
    mark: str
    text: str = Field(description="agrees 80/80; wrong 3, agrees 70/80; not tested")
    asides: tuple[str, ...] = Field((), description="1 inconclusive; 60 of 80 run")
    planned: int = Field(ge=0)
    measured: int = Field(ge=0, description="trials with evidence")
    outcomes: Mapping[Outcome, int] = Field({}, description="sums to `planned`")
    by_dtype: Mapping[str, Mapping[Outcome, int]] = {}
    footnotes: tuple[int, ...] = ()


class NestedEntry(Entry):
    """Second order on one device, a cell per outer mode."""

    device: str
    cells: tuple[CellEntry, ...]

    @property
    def alike(self) -> bool:
        """Whether there is no evidence under any outer mode, for the same reasons: one may say so
        once for all of them."""
        said = {(c.state, c.text, c.footnotes) for c in self.cells}
        return len(said) == 1 and len(self.cells) > 1 and not self.cells[0].measured


class ClassMark(Entry):
    """The support class of a row."""

    id: str | None = Field(description="null: in no class, or not tested where it decides")
    title: str
    possible: str | None = Field(None, description="better class that only missing evidence bars")
    footnotes: tuple[int, ...] = ()


class Row(Entry):
    """One backend."""

    id: str
    title: str
    package: str
    versions: tuple[str, ...] = Field((), description="measured versions of the package")
    link: str | None
    mode: Mode
    execution: str
    kind: str
    footnotes: tuple[int, ...] = ()
    cells: tuple[CellEntry, ...]
    nested: tuple[NestedEntry, ...]
    support_class: ClassMark


class Use(Entry):
    """A place that cites a footnote."""

    id: str = Field(description="jax-reverse; jax-reverse/cpu/none; recommendation/cpu/1")
    label: str = Field(description="the place in words")


class Footnote(Entry):
    """A numbered text and every place that cites it, in reading order."""

    number: int = Field(ge=1)
    text: str
    uses: tuple[Use, ...] = Field(min_length=1)


class RecommendationEntry(Entry):
    """A maintainer's sentence with its evidence, or the reason why it is withheld."""

    id: str
    when: str
    backend: str
    title: str
    text: str = Field(description="empty where withheld")
    withheld: str = Field("", description="why it is not given, or empty")
    class_title: str
    agree: int
    measured: int
    footnotes: tuple[int, ...] = ()


class RecommendationList(Entry):
    """What to use on one device, in order."""

    device: str
    entries: tuple[RecommendationEntry, ...]


class ClassEntry(Entry):
    """One support class of the policy, and the backends in it."""

    id: str
    title: str
    meaning: str
    criteria: tuple[str, ...]
    backends: tuple[str, ...]


class Otherwise(Entry):
    """What holding no class means, and the backends that hold none."""

    meaning: str
    backends: tuple[str, ...]


class DriftEntry(Entry):
    """A claim that the evidence contradicts, in either direction."""

    backend: str
    title: str
    says: str
    because: str
    link: str | None
    trials: tuple[str, ...]


class RunEntry(Entry):
    """One run: when, with what, on which machine."""

    id: str
    started: str
    gradtier: str
    matrix: str
    machine: Mapping[str, str]


class Provenance(Entry):
    """Where the numbers come from."""

    matrix: str = Field(description="digest of the declaration")
    date: datetime.date = Field(description="the day that claims were judged on; given, not read")
    files: tuple[str, ...]
    runs: tuple[RunEntry, ...]
    versions: Mapping[str, tuple[str, ...]] = Field(description="installed distributions")
    planned: int
    measured: int
    outcomes: Mapping[Outcome, int] = Field(description="sums to `planned`")
    left_out: int = Field(description="records of trials that are declared otherwise now")
    problems: tuple[str, ...] = Field((), description="lines of evidence that can't be read")


class SupportTable(Entry):
    """The contract ``gradtier/support/1``: all that a page shows of the matrix as a whole."""

    schema_: Literal["gradtier/support/1"] = Field(default=SCHEMA, alias="schema")
    title: str
    about: str
    summary: str
    legend: tuple[StateEntry, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    footnotes: tuple[Footnote, ...]
    recommendations: tuple[RecommendationList, ...]
    classes: tuple[ClassEntry, ...]
    otherwise: Otherwise
    drift: tuple[DriftEntry, ...]
    provenance: Provenance


LEGEND = tuple(
    StateEntry(state=state, mark=mark, word=word, meaning=meaning)
    for state, mark, word, meaning in (
        (State.AGREES, "✓", "agrees", "every measured trial agrees"),
        (State.PARTIAL, "◐", "partial", "some trials agree, some give no answer, none is wrong"),
        (State.WRONG, "✗", "wrong", "at least one trial gives a wrong derivative"),
        (State.FAILS, "⊘", "fails", "measured, and no trial agrees"),
        (State.INCONCLUSIVE, "?", "inconclusive", "measured, and the oracle could not tell"),
        (State.NOT_TESTED, "–", "not tested", "planned, and there is no evidence yet"),
        (State.NOT_OFFERED, "·", "not offered", "not claimed by the backend, or left out"),
    )
)
_LEGEND = {entry.state: entry for entry in LEGEND}
_SHOWN_AS = {Outcome.TIMEOUT: "timed out", Outcome.CRASH: "crashed"}
_WORST_FIRST = (
    Outcome.WRONG, Outcome.CRASH, Outcome.TIMEOUT, Outcome.RAISED, Outcome.UNSUPPORTED,
    Outcome.INCONCLUSIVE,
)  # fmt: skip
_LEFT_OUT = {"not-claimed": "not claimed", "not-offered": "not offered"}  # others: "left out"
_NESTED = "Nested 2nd order"
_CRITERIA = {
    "trials": "first-order trials with evidence",
    "agreement": "first-order trials that agree",
    "wrong": "wrong derivatives",
    "unclaimed_wrong": "wrong derivatives that nobody declared",
    "failing": "first-order trials wrong, raised, crashed or hung",
    "nested": "second-order trials that agree, by outer mode",
    "both_witnesses": "agreements confirmed by finite differences and reference both",
}


# --- texts ----------------------------------------------------------------------------------------


def plain(text: str, longest: int = 0) -> str:
    """``text`` on one line, without control and formatting characters, directories or addresses.

    Args:
        text: anything, also an exception's message.
        longest: how many characters to keep; 0 keeps all.
    """
    visible = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    visible = re.sub(r"(?<![\w:/.<])/(?:[\w.+-]+/)+|\b[A-Za-z]:\\(?:[^\\\s]+\\)+", "", visible)
    words = " ".join(re.sub(r"\b0x[0-9a-fA-F]{4,}\b", "0x…", visible).split())
    return words[: longest - 1].rstrip() + "…" if longest and len(words) > longest else words


def web_link(link: str | None) -> str | None:
    """``link`` if it is an http or https address of a host, else None."""
    if not link or link != plain(link) or " " in link:
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    return link if parts.scheme in ("http", "https") and parts.hostname else None


def shown_as(outcome: Outcome) -> str:
    """The outcome as a reader meets it."""
    return _SHOWN_AS.get(outcome, outcome.value)


def _some(words: list[str], most: int, total: int | None = None) -> str:
    """``a, b and 5 more``; ``total`` counts what the words stand for, if not themselves."""
    more = (len(words) if total is None else total) - len(words[:most])
    return ", ".join(words[:most]) + (f" and {more} more" if more else "")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "…", "!", "?")) else f"{text}."


def _counted(trials: Iterable[Judged]) -> dict[Outcome, int]:
    counts = Counter(j.outcome for j in trials)
    return {outcome: counts[outcome] for outcome in Outcome if counts[outcome]}


def _measured(counts: Mapping[Outcome, int]) -> int:
    return sum(n for outcome, n in counts.items() if outcome.is_evidence)


# --- footnotes ------------------------------------------------------------------------------------


class _Footnotes:
    """Numbers footnotes in the order in which they are cited; the same text has one number."""

    def __init__(self, matrix: Matrix) -> None:
        self._declared = matrix.notes
        self._uses: dict[str, list[Use]] = {}
        self._numbers: dict[str, int] = {}

    def declared(self, *notes: str | None) -> list[str]:
        """The texts of declared notes."""
        for note in filter(None, notes):
            if note not in self._declared:
                raise InputError(Problem(f"there is no note '{note}'", path="notes",
                                         hint=nearest(note, self._declared)))  # fmt: skip
        return [self._declared[note] for note in notes if note]

    def cite(self, place: str, label: str, texts: Iterable[str]) -> tuple[int, ...]:
        """The numbers of ``texts`` at ``place``; a text not met before gets the next one."""
        use = Use(id=place, label=plain(label))
        numbers = []
        for text in dict.fromkeys(map(plain, texts)):
            numbers.append(self._numbers.setdefault(text, len(self._numbers) + 1))
            self._uses.setdefault(text, []).append(use)
        return tuple(sorted(numbers))

    def all(self) -> tuple[Footnote, ...]:
        return tuple(
            Footnote(number=number, text=text, uses=tuple(self._uses[text]))
            for text, number in self._numbers.items()
        )


def _name(j: Judged, dtypes: int) -> str:
    case = f"{j.trial.id.suite}/{j.trial.id.case}"
    return f"{case} in {j.trial.id.cell.dtype}" if dtypes > 1 else case


def _shortfall(trials: list[Judged], dtypes: int) -> Iterator[str]:
    """One text that counts the trials which do not agree, the worst first, with the reasons."""
    parts = []
    for outcome in _WORST_FIRST:
        found = [j for j in trials if j.outcome is outcome]
        groups: dict[str, list[str]] = {}
        for j in found:
            assert j.record is not None  # only a record gives such an outcome
            why = str(j.record.reason or "") or plain(j.record.detail, LONGEST)
            groups.setdefault(why, []).append(_name(j, dtypes))
        ranked = sorted(groups.items(), key=lambda g: (-len(g[1]), g[0]))
        for why, names in ranked[:1]:  # the reason that most of them share
            shown = _some(names, 3) + (f": {why}" if why else "")
            rest = len(found) - len(names)
            more = f"; and {rest} more" if rest else ""
            parts.append(f"{len(found)} {shown_as(outcome)} ({shown}{more})")
    if parts:
        yield plain(_sentence(", ".join(parts)), 4 * LONGEST)


def why_no_evidence(j: Judged) -> str:
    """Why a trial is without evidence, in the words of its record or of the plan."""
    said = plain(j.record.detail if j.record is not None else j.trial.unavailable, LONGEST)
    return f"harness error: {said}" if j.outcome is Outcome.ERROR else said or "not run yet"


def _without_evidence(trials: list[Judged]) -> Iterator[str]:
    left = Counter(why_no_evidence(j) for j in trials if not j.outcome.is_evidence)
    if not left:
        return
    ranked = sorted(left.items(), key=lambda item: (-item[1], item[0]))
    many = len(ranked) > 1
    whys = _some([f"{why} ({n})" if many else why for why, n in ranked], 2)
    total = left.total()
    head = f"{total} of {len(trials)} not run" if total < len(trials) else "Not tested"
    yield _sentence(f"{head}: {whys}")


def _left_out(excluded: list[Excluded], whole: bool, notes: _Footnotes) -> Iterator[str]:
    """Why a cell, or cases of it, are not planned."""
    groups: dict[tuple[str, str], list[str]] = {}
    for e in excluded:
        groups.setdefault((e.reason, e.because), []).append(e.case)
    for (reason, because), cases in groups.items():
        head = _LEFT_OUT.get(reason, f"left out ({reason.replace('-', ' ')})").capitalize()
        names = sorted(set(cases) - {"*"})
        part = f" here: {_some(names, 3)}" if names and not whole else ""
        yield _sentence(f"{head}{part}: {because}")
    yield from notes.declared(*(e.note for e in excluded))


# --- rows -----------------------------------------------------------------------------------------


def state_of(counts: Mapping[Outcome, int]) -> State:
    """The state of a cell whose planned trials end as counted."""
    measured, agree = _measured(counts), counts.get(Outcome.AGREE, 0)
    if not sum(counts.values()):
        return State.NOT_OFFERED
    if not measured:
        return State.NOT_TESTED
    if counts.get(Outcome.WRONG):
        return State.WRONG
    if agree:
        return State.AGREES if agree == measured else State.PARTIAL
    undecided = counts.get(Outcome.INCONCLUSIVE, 0) == measured
    return State.INCONCLUSIVE if undecided else State.FAILS


def _texts(counts: Mapping[Outcome, int], excluded: list[Excluded]) -> tuple[str, tuple[str, ...]]:
    state, measured, planned = state_of(counts), _measured(counts), sum(counts.values())
    agree, unsure = counts.get(Outcome.AGREE, 0), counts.get(Outcome.INCONCLUSIVE, 0)
    asides = []
    if unsure and state is not State.INCONCLUSIVE:
        asides.append(f"{unsure} inconclusive")
    if measured and measured < planned:
        asides.append(f"{measured} of {planned} run")
    match state:
        case State.AGREES | State.PARTIAL:
            text = f"{state} {agree}/{measured}"
        case State.WRONG:
            text = f"wrong {counts[Outcome.WRONG]}, agrees {agree}/{measured}"
        case State.FAILS:
            text = f"fails, agrees 0/{measured}"
        case State.INCONCLUSIVE:
            text = f"inconclusive {unsure}/{measured}"
        case State.NOT_TESTED:
            text = "not tested"
        case State.NOT_OFFERED:
            words = {_LEFT_OUT.get(e.reason, "left out") for e in excluded}
            text = words.pop() if len(words) == 1 else "not offered"
    return text, tuple(asides)


class _Rows:
    """Builds the rows, citing footnotes on the way."""

    def __init__(self, plan: Plan, evidence: Evidence, today: datetime.date) -> None:
        self.plan, self.matrix, self.evidence, self.today = plan, plan.matrix, evidence, today
        self.notes = _Footnotes(plan.matrix)
        axes = self.matrix.axes
        self.devices = axes.devices if Nesting.NONE in axes.nesting else ()
        self.outers = tuple(n for n in axes.nesting if n is not Nesting.NONE)
        planned = {t.id.cell.device for t in plan.trials if t.id.cell.nesting is not Nesting.NONE}
        nested = tuple(d for d in axes.devices if d in planned) or axes.devices[:1]
        self.nested_devices = nested if self.outers else ()
        self.excluded: dict[tuple[str, str, Nesting], list[Excluded]] = {}
        for e in plan.exclusions:
            where = (e.cell.backend, e.cell.device, e.cell.nesting)
            self.excluded.setdefault(where, []).append(e)

    def row(self, a: Assessment) -> Row:
        backend = self.matrix.backends[a.backend]
        # In reading order: the arguments below are evaluated, and footnotes numbered, as written.
        return Row(
            id=a.backend,
            title=plain(backend.title),
            package=plain(backend.package),
            versions=_versions(a, backend.package, self.evidence),
            link=web_link(backend.link),
            mode=backend.mode,
            execution=plain(backend.execution),
            kind=plain(backend.kind),
            footnotes=self.notes.cite(
                a.backend, self.label(a.backend), self.notes.declared(*backend.notes)
            ),
            cells=tuple(self.cell(a, device, Nesting.NONE) for device in self.devices),
            nested=tuple(
                NestedEntry(device=d, cells=tuple(self.cell(a, d, outer) for outer in self.outers))
                for d in self.nested_devices
            ),
            support_class=self.support_class(a),
        )

    def label(self, backend: str) -> str:
        """A row in words."""
        return f"{self.matrix.backends[backend].title}, {self.matrix.backends[backend].mode}"

    def cell(self, a: Assessment, device: str, nesting: Nesting) -> CellEntry:
        parts = [c for c in a.cells if c.cell.device == device and c.cell.nesting is nesting]
        trials = [j for part in parts for j in part.trials]
        excluded = self.excluded.get((a.backend, device, nesting), [])
        counts = _counted(trials)
        text, asides = _texts(counts, excluded)
        mode = self.matrix.backends[a.backend].mode
        title = "first order" if nesting is Nesting.NONE else f"{nesting} over {mode}"
        place = f"{a.backend}/{device}/{nesting}"
        return CellEntry(
            id=place,
            device=device,
            nesting=nesting,
            title=title,
            state=state_of(counts),
            mark=_LEGEND[state_of(counts)].mark,
            text=text,
            asides=asides,
            planned=len(trials),
            measured=_measured(counts),
            outcomes=counts,
            by_dtype={part.cell.dtype: _counted(part.trials) for part in parts},
            footnotes=self.notes.cite(
                place,
                f"{self.label(a.backend)}, {device}, {title}",
                self.cell_notes(a, parts, excluded, device, nesting),
            ),
        )

    def cell_notes(
        self, a: Assessment, parts: list[CellSummary], excluded: list[Excluded],
        device: str, nesting: Nesting,
    ) -> Iterator[str]:  # fmt: skip
        """Declared and automatic footnotes of one cell, the declared ones first."""
        trials = [j for part in parts for j in part.trials]
        dtypes = len(parts)
        if nesting is Nesting.NONE:
            own = self.matrix.backends[a.backend].device_notes.get(device, ())
            yield from self.notes.declared(*own)
        yield from _left_out(excluded, not trials, self.notes)
        yield from _without_evidence(trials)
        yield from _shortfall(trials, dtypes)
        here = {str(j.trial.id): _name(j, dtypes) for j in trials}
        for drift in a.drift:
            names = [here[t] for t in drift.trials if t in here]
            if names:
                yield f"Claim that no longer holds: {drift.says} ({_some(names, 3)})."
        kept = {j.claim.note: None for j in trials if j.claim is not None and j.as_claimed}
        yield from self.notes.declared(*kept)

    def support_class(self, a: Assessment) -> ClassMark:
        titles = {c.id: c.title for c in self.matrix.policy.classes}
        if a.tier is not None:
            title = titles[a.tier]
        else:
            title = "no class" if self.decided(a) else "not tested"
        place = f"{a.backend}/class"
        numbers = self.notes.cite(place, f"{self.label(a.backend)}, class", self.class_notes(a))
        return ClassMark(
            id=a.tier, title=plain(title), possible=a.possible, footnotes=numbers
        )

    def decided(self, a: Assessment) -> int:
        """Trials with evidence on the devices that the policy decides by."""
        return sum(c.measured for c in a.cells if c.cell.device in self.matrix.policy.devices)

    def class_notes(self, a: Assessment) -> Iterator[str]:
        """What keeps the backend out of the next better class."""
        if not self.decided(a):
            yield f"No class: not tested on {', '.join(self.matrix.policy.devices)}."
            return
        ids = [c.id for c in a.classes]
        better = a.classes[: ids.index(a.tier)] if a.tier is not None else a.classes
        if better:
            yield _kept_out(better[-1])
        if a.possible is not None and a.possible != better[-1].id:
            yield _kept_out(a.classes[ids.index(a.possible)])

    def recommendations(self, assessments: Mapping[str, Assessment], rows: Mapping[str, Row]) -> (
        tuple[RecommendationList, ...]
    ):  # fmt: skip
        given, axis = self.matrix.recommendations, self.matrix.axes.devices
        devices = [*(d for d in axis if d in given), *(d for d in given if d not in axis)]
        return tuple(
            RecommendationList(
                device=device,
                entries=tuple(
                    self.recommendation(device, i, said, assessments[said.backend], rows)
                    for i, said in enumerate(given[device], 1)
                ),
            )
            for device in devices
        )

    def recommendation(
        self, device: str, i: int, said: Recommendation, a: Assessment, rows: Mapping[str, Row]
    ) -> RecommendationEntry:
        cells = [c for c in a.cells if (c.cell.device, c.cell.nesting) == (device, Nesting.NONE)]
        counts = _counted(j for c in cells for j in c.trials)
        why = self.withheld(device, said, a, counts)
        place, mark = f"recommendation/{device}/{i}", rows[said.backend].support_class
        notes = self.notes.declared(said.note) if not why else []
        return RecommendationEntry(
            id=place,
            when=plain(said.when),
            backend=said.backend,
            title=plain(self.label(said.backend)),
            text="" if why else plain(said.text),
            withheld=why,
            class_title=mark.title,
            agree=counts.get(Outcome.AGREE, 0),
            measured=_measured(counts),
            footnotes=self.notes.cite(place, f"recommendation {i} on {device}", notes),
        )

    def withheld(
        self, device: str, said: Recommendation, a: Assessment, counts: Mapping[Outcome, int]
    ) -> str:
        """Why a recommendation is not given, or empty."""
        order = [c.id for c in self.matrix.policy.classes]
        titles = {c.id: c.title for c in self.matrix.policy.classes}
        if not counts:
            return f"not claimed on {device}"
        if not _measured(counts):
            return f"not tested on {device}"
        if not counts.get(Outcome.AGREE):
            return f"no measured trial agrees on {device}"
        need = said.needs_class
        if need is None or (a.tier is not None and order.index(a.tier) <= order.index(need)):
            return ""
        held = titles[a.tier] if a.tier is not None else "in no class"
        return plain(f"is {held}, and this needs {titles.get(need, need)}")


def _kept_out(c: ClassFinding) -> str:
    if c.answer is Answer.FAILS:
        short = [f"{f.says} (asked: {f.asks})" for f in c.findings if f.answer is Answer.FAILS]
        return plain(_sentence(f"Not {c.title}: {'; '.join(short[:3])}"), 4 * LONGEST)
    open_ = [_CRITERIA.get(f.name, f.name) for f in c.findings if f.answer is Answer.NOT_TESTED]
    return plain(f"{c.title} is still possible; not yet tested: {'; '.join(open_)}.", 4 * LONGEST)


def _versions(a: Assessment, package: str, evidence: Evidence) -> tuple[str, ...]:
    """Measured versions of the package; of what was installed in its place where it was not."""
    found: set[str] = set()
    for j in a.trials():
        if j.record is None or not j.outcome.is_evidence:
            continue
        run = evidence.runs.get(j.record.run)
        all_, own = run.versions if run is not None else {}, j.record.versions
        version = own.get(package) or (None if own else all_.get(package))
        found |= {version} if version else {f"{name} {v}" for name, v in own.items()}
    return tuple(sorted(map(plain, found)))


# --- the table ------------------------------------------------------------------------------------


def tabulate(
    plan: Plan, assessments: tuple[Assessment, ...], evidence: Evidence, today: datetime.date
) -> SupportTable:
    """Build the support table.

    Args:
        plan: what was to be measured.
        assessments: of every backend, in the order of the rows.
        evidence: what was measured.
        today: the date given for the page.

    Raises:
        InputError: a footnote is cited that the matrix does not declare.
    """
    build = _Rows(plan, evidence, today)
    rows = tuple(build.row(a) for a in assessments)
    by_id = {row.id: row for row in rows}
    recommended = build.recommendations({a.backend: a for a in assessments}, by_id)
    holding: dict[str | None, list[str]] = {}
    for a in assessments:
        holding.setdefault(a.tier, []).append(a.backend)
    provenance = _provenance(plan, assessments, evidence, today)
    return SupportTable(
        title=plain(plan.matrix.title),
        about=plain(plan.matrix.about),
        summary=_summary(len(rows), provenance),
        legend=LEGEND,
        columns=_columns(build),
        rows=rows,
        footnotes=build.notes.all(),
        recommendations=recommended,
        classes=tuple(
            ClassEntry(
                id=tier.id,
                title=plain(tier.title),
                meaning=plain(tier.meaning),
                criteria=tuple(
                    f"{_CRITERIA.get(f.name, f.name)}: {f.asks}" for f in judge(tier, {}).findings
                ),
                backends=tuple(holding.get(tier.id, ())),
            )
            for tier in plan.matrix.policy.classes
        ),
        otherwise=Otherwise(
            meaning=plain(plan.matrix.policy.otherwise), backends=tuple(holding.get(None, ()))
        ),
        drift=tuple(
            DriftEntry(
                backend=a.backend,
                title=plain(build.label(a.backend)),
                says=plain(d.says),
                because=plain(d.claim.because),
                link=web_link(d.claim.link),
                trials=d.trials,
            )
            for a in assessments
            for d in a.drift
        ),
        provenance=provenance,
    )


def _columns(build: _Rows) -> tuple[Column, ...]:
    first, nested = build.devices, build.nested_devices
    return (
        Column(id="backend", title="Backend"),
        Column(id="mode", title="Mode"),
        *(
            Column(id=f"first-{d}", title=d, group="first", group_title="First order", device=d)
            for d in first
        ),
        *(
            Column(id=f"nested-{d}", title=d, group="nested", group_title=_NESTED, device=d)
            for d in nested
        ),
        Column(id="class", title="Class"),
    )


def _provenance(
    plan: Plan, assessments: tuple[Assessment, ...], evidence: Evidence, today: datetime.date
) -> Provenance:
    counts = _counted(j for a in assessments for j in a.trials())
    versions: dict[str, set[str]] = {}
    for run in evidence.runs.values():
        for name, version in run.versions.items():
            versions.setdefault(plain(name), set()).add(plain(version))
    return Provenance(
        matrix=plan.matrix.digest,
        date=today,
        files=tuple(plain(name.replace("\\", "/").rpartition("/")[2]) for name in evidence.files),
        runs=tuple(
            RunEntry(
                id=plain(run.run),
                started=plain(run.started),
                gradtier=plain(run.gradtier),
                matrix=plain(run.matrix),
                machine={plain(k): plain(v, LONGEST) for k, v in sorted(run.host.items())},
            )
            for run in sorted(evidence.runs.values(), key=lambda r: (r.started, r.run))
        ),
        versions={name: tuple(sorted(found)) for name, found in sorted(versions.items())},
        planned=sum(counts.values()),
        measured=_measured(counts),
        outcomes=counts,
        left_out=len(evidence.records) - sum(1 for t in plan.trials if evidence.of(t) is not None),
        problems=tuple(plain(str(p), 2 * LONGEST) for p in evidence.problems),
    )


def _summary(backends: int, p: Provenance) -> str:
    """One line: how much was planned, how much measured, and how it came out."""
    head = f"{backends} backends, {p.planned:,} trials planned"
    if not p.measured:
        return f"{head}; nothing is measured yet."
    ends = ", ".join(
        f"{p.outcomes[outcome]:,} {'agree' if outcome is Outcome.AGREE else shown_as(outcome)}"
        for outcome in Outcome
        if outcome.is_evidence and outcome in p.outcomes
    )
    left = p.planned - p.measured
    return f"{head}, {p.measured:,} measured: {ends}" + (f"; {left:,} not tested." if left else ".")
