"""A small hand-made world for the tests of table and renderers: matrix, plan, evidence."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gradtier import plan as planning
from gradtier.assess import Assessment, assess
from gradtier.cases import Suite, normal
from gradtier.evidence import Evidence, Record, Run
from gradtier.host import Host
from gradtier.loading import Loaded
from gradtier.matrix import Backend, Matrix
from gradtier.model import Outcome, Reason, TrialId
from gradtier.plan import Plan
from gradtier.table import SupportTable, tabulate
from gradtier.yamlfile import Document

TODAY = datetime.date(2026, 3, 1)
NO_CARD = "this host has no CUDA device"

#: What a trial ends in: an outcome, with a reason and a detail if wanted; None leaves no record.
Ending = Outcome | tuple[Outcome, Reason | None, str] | None


class StubHost(Host):
    """A host that is asked about devices only and imports no adapter."""

    def why_not(self, backend: Backend, device: str) -> str:
        return self.absent.get(device, "")


def backend(title: str = "Alpha", **given: Any) -> dict[str, Any]:
    """One backend of the matrix as a dict."""
    plain = {
        "title": title, "package": title.split()[0].lower(), "link": "https://example.org/alpha",
        "adapter": "some.module:Adapter", "mode": "reverse", "execution": "op by op",
        "kind": "tape", "devices": ["cpu"],
    }  # fmt: skip
    return plain | given


def declaration(backends: Mapping[str, dict[str, Any]], **given: Any) -> Matrix:
    """A matrix over those backends."""
    first = next(iter(backends))
    data: dict[str, Any] = {
        "schema": "gradtier/matrix/1",
        "title": "Backends",
        "about": "What works.",
        "axes": {"devices": ["cpu"], "nesting": ["none"], "dtypes": ["float64"]},
        "suites": {"nn": {"path": "nn.py"}},
        "primal": "some.module:NumPy",
        "backends": backends,
        "reference": [{"reverse": first, "forward": first}],
        "policy": {
            "version": 1,
            "devices": ["cpu"],
            "classes": [
                {"id": id_, "title": f"Tier {id_}", "meaning": meaning, "criteria": criteria}
                for id_, meaning, criteria in (
                    ("I", "All.", {"agreement": 0.99}),
                    ("II", "Much.", {"agreement": 0.6}),
                    ("III", "A bit.", {"trials": 1}),
                )
            ],
            "otherwise": "Too little.",
        },
    }
    return Matrix.model_validate(data | given)


def suites(*ids: str) -> dict[str, Suite]:
    """Suites of one-line cases: ``nn/dense`` is case ``dense`` of suite ``nn``."""

    def model(xp: Any, x: Any) -> Any:
        return xp.sum(x)

    done: dict[str, Suite] = {}
    for word in ids:
        suite_id, _, name = word.partition("/")
        template = Suite(suite_id)
        template.case(x=normal(2))(model)
        case = dataclasses.replace(template.cases["model"], name=name)
        done.setdefault(suite_id, Suite(suite_id)).cases[name] = case
    return done


def plan(matrix: Matrix, *cases: str, absent: Mapping[str, str] | None = None) -> Plan:
    """A plan of those cases on a host without the ``absent`` devices."""
    loaded = Loaded(matrix, Document({}, {}, (), "matrix.yaml"), Path("."))
    named = cases or ("nn/dense", "nn/norm")
    return planning.make(loaded, suites(*named), StubHost(absent or {}, {}))


def evidence(made: Plan, ends: Callable[[TrialId], Ending] | Ending = Outcome.AGREE) -> Evidence:
    """Evidence in which every planned trial that the host can run ends as ``ends`` says."""
    records: dict[str, Record] = {}
    for trial in made.trials:
        ending = ends(trial.id) if callable(ends) else ends
        if ending is None or trial.unavailable:
            continue
        outcome, reason, detail = ending if isinstance(ending, tuple) else (ending, None, "")
        if outcome is Outcome.WRONG and reason is None:
            reason = Reason.VALUE
        package = made.matrix.backends[trial.id.cell.backend].package
        records[str(trial.id)] = Record(
            run="r1", trial=str(trial.id), digest=trial.digest, outcome=outcome, reason=reason,
            detail=detail, versions={package: "1.2.3"},
            verdict={"witnesses": ["fd", "reference"]},
        )  # fmt: skip
    packages = {b.package for b in made.matrix.backends.values()}
    run = Run(
        run="r1", matrix=made.matrix.digest, gradtier="0.1.0", started="2026-02-27T09:00:00Z",
        host={"system": "Linux x86_64", "cores": "2"},
        versions=dict.fromkeys(sorted(packages), "1.2.3"), planned=len(made.trials),
    )  # fmt: skip
    return Evidence({"r1": run}, {r.key: r for r in records.values()}, (), ("run-1.jsonl",))


NO_EVIDENCE = Evidence({}, {})
Shown = tuple[SupportTable, tuple[Assessment, ...], Plan]


def show(made: Plan, found: Evidence, today: datetime.date = TODAY) -> Shown:
    """The support table with what it was made of."""
    assessments = assess(made, found, today)
    return tabulate(made, assessments, found, today), assessments, made


def golden() -> Shown:
    """Eight backends, two devices, three classes; one footnote shared by seven cells;
    recommendation lists of three and one entries."""
    both = ["cpu", "cuda"]
    backends = {
        f"b{i}": backend(f"Engine{i}", devices=both if i else ["cpu"], package=f"pack{i // 2}")
        for i in range(8)
    }
    backends["b1"]["notes"] = ["beta"]
    matrix = declaration(
        backends,
        axes={"devices": both, "nesting": ["none"], "dtypes": ["float64"]},
        notes={"beta": "Its makers call it a beta.", "warm": "After the first call."},
        recommendations={
            "cpu": [
                {"when": "First", "backend": "b1", "text": "Fast.", "needs_class": "I",
                 "note": "warm"},
                {"when": "Then", "backend": "b2", "text": "Steady.", "needs_class": "II"},
                {"when": "Else", "backend": "b7", "text": "Small.", "needs_class": "I"},
            ],
            "cuda": [{"when": "First", "backend": "b1", "text": "Fast."}],
        },
    )  # fmt: skip
    made = plan(matrix, *(f"nn/case{i}" for i in range(5)), absent={"cuda": NO_CARD})

    def ends(t: TrialId) -> Ending:
        number = int(t.cell.backend[1:])
        if number in (0, 1):
            return Outcome.AGREE
        if number in (2, 3):
            return Outcome.UNSUPPORTED if t.case == "case0" else Outcome.AGREE
        return Outcome.AGREE if t.case == "case0" else Outcome.RAISED

    return show(made, evidence(made, ends))
