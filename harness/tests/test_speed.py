"""Times are shown as ratios within one run, and only of right answers."""

from __future__ import annotations

import pytest
from render import support_world as world

from gradtier.assess import assess
from gradtier.evidence import Evidence
from gradtier.model import Outcome
from gradtier.speed import relative_times


def times(scale: dict[str, float], outcome: Outcome = Outcome.AGREE) -> dict[str, float]:
    """Relative times when the call of each backend takes its scale, cases differing by factors."""
    cases = [f"nn/c{i:02}" for i in range(12)]
    made = world.plan(world.declaration({b: world.backend() for b in scale}), *cases)
    evidence = world.evidence(made, outcome)
    records = {}
    for key, r in evidence.records.items():
        backend = r.trial.partition("@")[2].partition("/")[0]
        case = int(r.trial.partition("@")[0][-2:])
        seconds = scale[backend] * 2.0**case
        records[key] = r.model_copy(update={"call_seconds": seconds})
    found = assess(made, Evidence(evidence.runs, records), world.TODAY)
    return dict(relative_times(found, "cpu"))


def test_a_ratio_does_not_depend_on_how_long_the_cases_take() -> None:
    assert times({"a": 1e-3, "b": 3e-3}) == pytest.approx({"a": 1.0, "b": 3.0})


def test_a_wrong_answer_is_not_called_fast() -> None:
    assert times({"a": 1e-3, "b": 3e-3}, Outcome.WRONG) == {}
