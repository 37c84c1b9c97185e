"""Rows of the support table, built in reading order."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping

from gradtier.aging import ages, stale_aside
from gradtier.assess import Assessment, CellSummary
from gradtier.evidence import Evidence
from gradtier.footnotes import (
    LEFT_OUT,
    LONGEST,
    Footnotes,
    counted,
    flaky,
    left_out,
    name_in,
    plain,
    sentence,
    shortfall,
    some,
    stale_words,
    waivers,
    web_link,
    with_evidence,
    without_evidence,
)
from gradtier.model import Nesting, Outcome
from gradtier.plan import Excluded, Plan
from gradtier.support import (
    MARKS,
    CellEntry,
    ClassMark,
    NestedEntry,
    Row,
    Side,
    State,
)
from gradtier.tiers import Answer, ClassFinding

CRITERIA = {
    "trials": "first-order trials with evidence",
    "agreement": "first-order trials that agree",
    "suites": "first-order trials that agree, by suite",
    "devices": "devices with first-order trials that agree",
    "wrong": "wrong derivatives",
    "unclaimed_wrong": "wrong derivatives that nobody declared",
    "failing": "first-order trials wrong, raised, crashed or hung",
    "nested": "second-order trials that agree, by outer mode",
    "both_witnesses": "first-order trials certified by finite differences and reference both",
    "clean_runs": "last runs without an undeclared wrong derivative or an error of the harness",
    "cost": "time of a derivative, relative to the fastest",
    "sources": "evidence that counts",
    "fresh_days": "age of the evidence that counts",
}


def state_of(counts: Mapping[Outcome, int]) -> State:
    """The state of a cell whose planned trials end as counted."""
    measured, agree = with_evidence(counts), counts.get(Outcome.AGREE, 0)
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
    state, measured, planned = state_of(counts), with_evidence(counts), sum(counts.values())
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
            words = {LEFT_OUT.get(e.reason, "left out") for e in excluded}
            text = words.pop() if len(words) == 1 else "not offered"
    return text, tuple(asides)


class Rows:
    """Builds the rows, citing footnotes on the way."""

    def __init__(
        self, plan: Plan, evidence: Evidence,
        apart: Mapping[tuple[str, str, Nesting], list[tuple[str, Side]]], today: datetime.date,
    ) -> None:  # fmt: skip
        """What is planned and measured, seen today.

        ``apart``: the cases where a row's slope is not most's.
        """
        self.apart, self.today = apart, today
        self.matrix, self.evidence = plan.matrix, evidence
        self.notes = Footnotes(plan.matrix)
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
        """The row of one backend."""
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
        """One cell of a row, all dtypes together."""
        parts = [c for c in a.cells if c.cell.device == device and c.cell.nesting is nesting]
        excluded = self.excluded.get((a.backend, device, nesting), [])
        counts = counted(parts)
        text, asides = _texts(counts, excluded)
        asides += _marked(parts) + self.stale(parts)
        mode = self.matrix.backends[a.backend].mode
        title = "first order" if nesting is Nesting.NONE else f"{nesting} over {mode}"
        place = f"{a.backend}/{device}/{nesting}"
        return CellEntry(
            id=place,
            device=device,
            nesting=nesting,
            title=title,
            state=state_of(counts),
            mark=MARKS[state_of(counts)],
            text=text,
            asides=asides,
            planned=sum(counts.values()),
            measured=with_evidence(counts),
            outcomes=counts,
            by_dtype={part.cell.dtype: counted([part]) for part in parts},
            footnotes=self.notes.cite(
                place,
                f"{self.label(a.backend)}, {device}, {title}",
                self.cell_notes(a, parts, excluded, device, nesting),
            ),
        )

    def stale(self, parts: list[CellSummary]) -> tuple[str, ...]:
        """How much of a cell's evidence is older than the policy allows."""
        after = self.matrix.policy.stale_after
        if after is None:
            return ()
        found = (
            j.record.finished
            for part in parts
            for outcome, trials in part.by_outcome.items()
            if outcome.is_evidence
            for j in trials
            if j.record is not None
        )
        aside = stale_aside(ages(found), after, self.today)
        return (aside,) if aside else ()

    def cell_notes(
        self, a: Assessment, parts: list[CellSummary], excluded: list[Excluded],
        device: str, nesting: Nesting,
    ) -> Iterator[str]:  # fmt: skip
        """Declared and automatic footnotes of one cell, the declared ones first."""
        remarked = [j for part in parts for j in part.remarked]
        dtypes = len(parts)
        if nesting is Nesting.NONE:
            own = self.matrix.backends[a.backend].device_notes.get(device, ())
            yield from self.notes.declared(*own)
        yield from left_out(excluded, not any(part.trials for part in parts), self.notes)
        yield from without_evidence(parts)
        yield from shortfall(parts)
        yield from waivers(remarked, dtypes)
        yield from flaky(remarked, dtypes)
        if others := self.apart.get((a.backend, device, nesting)):
            slopes = some([f"{case}: {word}" for case, word in others], 3)
            yield f"At a kink another slope than most packages take ({slopes})."
        here = {str(part.cell): part.cell.dtype for part in parts}
        for drift in a.drift:
            names = [name_in(t, here[at], dtypes) for t in drift.trials
                     if (at := t.rpartition("@")[2]) in here]  # fmt: skip
            if names:
                kind = drift.kind.capitalize()
                yield f"{kind} that no longer holds: {drift.says} ({some(names, 3)})."
        kept = {j.claim.note: None for j in remarked if j.claim is not None and j.as_claimed}
        yield from self.notes.declared(*kept)

    def support_class(self, a: Assessment) -> ClassMark:
        """The class that is published, and the one that the evidence gives."""
        title = self.title(a.tier)
        if a.tier is None and not self.decided(a):
            title = "not tested"
        place = f"{a.backend}/class"
        numbers = self.notes.cite(place, f"{self.label(a.backend)}, class", self.class_notes(a))
        return ClassMark(
            id=a.tier,
            title=title,
            derived=a.derived,
            possible=a.possible,
            age=a.age,
            asides=tuple(self.class_asides(a)),
            footnotes=numbers,
        )

    def title(self, tier: str | None) -> str:
        """A class in words."""
        titles = {c.id: c.title for c in self.matrix.policy.classes}
        return plain(titles[tier]) if tier is not None else "no class"

    def decided(self, a: Assessment) -> int:
        """Trials with evidence on the devices that the policy decides by."""
        return sum(c.measured for c in a.cells if c.cell.device in self.matrix.policy.devices)

    def class_notes(self, a: Assessment) -> Iterator[str]:
        """Why the class is not what the evidence would give, and what keeps a better one away."""
        if not self.decided(a):
            yield f"No class: not tested on {', '.join(self.matrix.policy.devices)}."
            return
        if a.stale is not None:
            held = self.title(a.stale.held)
            yield f"Stale: {stale_words(a.stale)}; one class lower than {held}, measure it anew."
        if a.derived != a.tier:
            row = self.matrix.backends[a.backend]
            because = sentence(row.at_most_because or "")
            yield plain(
                f"{self.title(a.derived)} by the evidence; at most {self.title(row.at_most)} is "
                f"published: {because}"
            )
        held_ = self.matrix.policy.rank(a.derived if a.stale is None else a.stale.held)
        better = a.classes[:held_]
        if better and better[-1].answer is Answer.FAILS:
            yield _kept_out(better[-1])
        open_ = next((c for c in better if c.answer is Answer.NOT_TESTED), None)
        if a.possible is not None and open_ is not None:
            yield _kept_out(open_)

    def class_asides(self, a: Assessment) -> Iterator[str]:
        """What a class is shown with: that it is lower than derived, and how old it is."""
        if a.derived != a.tier:
            yield f"{self.title(a.derived)} by the evidence"
        if a.stale is not None:
            days = a.stale.days
            yield "stale" if days is None else f"stale, {days} days old"


def _marked(parts: list[CellSummary]) -> tuple[str, ...]:
    """What a cell says beside its counts: how many trials are waived, how many are flaky."""
    trials = [j for part in parts for j in part.remarked]
    counts = {
        "waived": sum(j.is_waived for j in trials),
        "flaky": sum(bool(j.conflict) for j in trials),
    }
    return tuple(f"{n} {word}" for word, n in counts.items() if n)


def _kept_out(c: ClassFinding) -> str:
    if c.answer is Answer.FAILS:
        short = [f"{f.says} (asked: {f.asks})" for f in c.findings if f.answer is Answer.FAILS]
        return plain(sentence(f"Not {c.title}: {'; '.join(short[:3])}"), 4 * LONGEST)
    open_ = [CRITERIA[f.name] for f in c.findings if f.answer is Answer.NOT_TESTED]
    return plain(f"{c.title} is still possible; not yet tested: {'; '.join(open_)}.", 4 * LONGEST)


def _versions(a: Assessment, package: str, evidence: Evidence) -> tuple[str, ...]:
    """Measured versions of the package; of what was installed in its place where it was not."""
    found: set[str] = set()
    records = {  # one of each run and its versions, which records share
        (j.record.run, id(j.record.versions)): j.record
        for c in a.cells
        for outcome, trials in c.by_outcome.items()
        if outcome.is_evidence
        for j in trials
        if j.record is not None
    }
    for record in records.values():
        run = evidence.runs.get(record.run)
        all_, own = run.versions if run is not None else {}, record.versions
        version = own.get(package) or (None if own else all_.get(package))
        found |= {version} if version else {f"{name} {v}" for name, v in own.items()}
    return tuple(sorted(map(plain, found)))
