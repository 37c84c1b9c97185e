"""Assessments -> support table: rows, cells, footnotes and recommendations, without any markup.

The table is a pure function of (plan, assessments, evidence, date): no clock, no file, no path.
Footnotes are numbered here and nowhere else, in reading order; each knows every place that cites
it, so that a renderer can link there and back.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from gradtier.assess import Assessment, Drift
from gradtier.conventions import apart, conventions
from gradtier.evidence import Evidence
from gradtier.footnotes import (
    LONGEST,
    counted,
    plain,
    shown_as,
    web_link,
    why_no_evidence,
    with_evidence,
)
from gradtier.grid import nested_grid
from gradtier.lines import Control
from gradtier.model import Outcome
from gradtier.plan import Plan
from gradtier.policy import TierClass
from gradtier.recommended import HOW, recommendations, times_on
from gradtier.rows import CRITERIA, Rows, state_of
from gradtier.support import (
    LEGEND,
    CellEntry,
    ClassEntry,
    Column,
    DriftEntry,
    NestedEntry,
    Otherwise,
    Provenance,
    RecommendationEntry,
    Row,
    RunEntry,
    SaidEntry,
    State,
    SupportTable,
)
from gradtier.tally import Facts
from gradtier.tiers import judge

__all__ = [
    "LEGEND", "LONGEST", "CellEntry", "NestedEntry", "RecommendationEntry", "Row", "SaidEntry",
    "State", "SupportTable", "plain", "shown_as", "state_of", "tabulate", "web_link",
    "why_no_evidence",
]  # fmt: skip

_NESTED = "Nested second-order AD"


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
    kinks = conventions(plan, assessments)
    packages = {name: row.package for name, row in plan.matrix.backends.items()}
    build = Rows(plan, evidence, apart(kinks, packages), today)
    rows = tuple(build.row(a) for a in assessments)
    by_id = {row.id: row for row in rows}
    recommended = recommendations(
        plan.matrix,
        assessments,
        by_id,
        build.notes,
        lambda d: times_on(d, plan.matrix, assessments, evidence.benches.values()),
    )
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
        grid=nested_grid(plan.matrix, rows),
        footnotes=build.notes.all(),
        recommended_by=HOW,
        recommendations=recommended,
        classes=tuple(
            _class(tier, tuple(holding.get(tier.id, ()))) for tier in plan.matrix.policy.classes
        ),
        otherwise=Otherwise(
            meaning=plain(plan.matrix.policy.otherwise), backends=tuple(holding.get(None, ()))
        ),
        drift=tuple(
            _drift(build.label(a.backend), a.backend, d) for a in assessments for d in a.drift
        ),
        conventions=kinks,
        provenance=provenance,
    )


def _class(tier: TierClass, backends: tuple[str, ...]) -> ClassEntry:
    asked = judge(tier, Facts()).findings
    return ClassEntry(
        id=tier.id,
        title=plain(tier.title),
        meaning=plain(tier.meaning),
        promises=plain(tier.promises or ""),
        criteria=tuple(f"{CRITERIA[f.name]}: {f.asks}" for f in asked),
        backends=backends,
    )


def _drift(label: str, backend: str, drift: Drift) -> DriftEntry:
    return DriftEntry(
        backend=backend,
        title=plain(label),
        says=plain(drift.says),
        because=plain(drift.claim.because),
        link=web_link(drift.claim.link),
        trials=drift.trials,
    )


def _columns(build: Rows) -> tuple[Column, ...]:
    first, nested = build.devices, build.nested_devices
    return (
        Column(id="backend", title="Backend"),
        Column(id="mode", title="Mode"),
        *(
            Column(
                id=f"first-{d}", title=d.upper(), group="first", group_title="First order", device=d
            )
            for d in first
        ),
        *(
            Column(id=f"nested-{d}", title=d.upper(), group="nested", group_title=_NESTED, device=d)
            for d in nested
        ),
        Column(id="class", title="Support class"),
    )


def _provenance(
    plan: Plan, assessments: tuple[Assessment, ...], evidence: Evidence, today: datetime.date
) -> Provenance:
    counts = counted(c for a in assessments for c in a.cells)
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
                controls=_controls(evidence.controls.get(run.run, ())),
            )
            for run in sorted(evidence.runs.values(), key=lambda r: (r.started, r.run))
        ),
        versions={name: tuple(sorted(found)) for name, found in sorted(versions.items())},
        planned=sum(counts.values()),
        measured=with_evidence(counts),
        outcomes=counts,
        left_out=len(evidence.records)
        - sum(j.record is not None for a in assessments for j in a.trials()),
        problems=tuple(plain(str(p), 2 * LONGEST) for p in evidence.problems),
    )


def _controls(done: Sequence[Control]) -> str:
    """``8 of 8 caught``; what agreed as it should is no fault that was caught."""
    faults = [c for c in done if c.expected is not Outcome.AGREE]
    caught = sum(c.is_caught for c in faults)
    return f"{caught} of {len(faults)} caught" if faults else ""


def _summary(backends: int, p: Provenance) -> str:
    """One line: how much was planned, how much measured, and how it came out."""
    rows = "1 backend" if backends == 1 else f"{backends:,} backends"
    head = f"{rows}, {p.planned:,} trials planned"
    if not p.measured:
        return f"{head}; nothing is measured yet."
    ends = ", ".join(
        f"{p.outcomes[outcome]:,} {'agree' if outcome is Outcome.AGREE else shown_as(outcome)}"
        for outcome in Outcome
        if outcome.is_evidence and outcome in p.outcomes
    )
    left = p.planned - p.measured
    return f"{head}, {p.measured:,} measured: {ends}" + (f"; {left:,} not tested." if left else ".")
