"""Shapes and numbers that nobody wrote down: variants of cases, driven by Hypothesis.

A variant keeps the function and changes the shapes of its drawn inputs: other sizes, axes of length
one that broadcast, empty ones, leading axes dropped; and the numbers.  What NumPy itself does not
take is no variant.  Each is judged as a trial is; a failure is shrunk to the smallest variant that
still fails in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradtier.cases import Case, Suite
from gradtier.evidence import Record
from gradtier.matrix import digest
from gradtier.model import TrialId
from gradtier.plan import Plan, Planned
from gradtier.trial import Runner
from gradtier.variants import find, free, spelled
from gradtier.witnesses import primal

MOST = 5  # elements along an axis


@dataclass(frozen=True)
class Found:
    """What the exploration of one case on one backend came to.

    Attributes:
        planned: the trial whose case was varied.
        tried: how many variants were judged.
        record: of the smallest variant that failed, if one did.
    """

    planned: Planned
    tried: int
    record: Record | None


def explorable(
    plan: Plan, chosen: tuple[Planned, ...], claimed: Callable[[TrialId], bool]
) -> tuple[Planned, ...]:
    """The trials whose cases have shapes to vary, and that are not known to fail as they are."""
    return tuple(
        t
        for t in chosen
        if not t.unavailable and free(plan.cases[t.id.case_id]) and not claimed(t.id)
    )


def explore(
    plan: Plan,
    suites: Mapping[str, Suite],
    runner: Callable[[Plan], Runner],
    todo: tuple[Planned, ...],
    most: int,
) -> Iterator[Found]:
    """Explore each trial with ``most`` variants.

    Args:
        plan: the plan.
        suites: suite id -> suite.
        runner: makes a runner for a plan that has a variant in it; it may share its workers.
        todo: the trials.
        most: variants of each.
    """
    for planned in todo:
        yield _explored(plan, suites[planned.id.suite], runner, planned, most)


def _explored(
    plan: Plan, suite: Suite, runner: Callable[[Plan], Runner], planned: Planned, most: int
) -> Found:
    from hypothesis import HealthCheck, Phase, assume, given, settings
    from hypothesis import strategies as st

    case = plan.cases[planned.id.case_id]
    judged: dict[str, Record] = {}
    failed: list[Record] = []

    @settings(
        max_examples=most, deadline=None, database=None, derandomize=True,
        phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )  # fmt: skip
    @given(st.data())
    def varied(data: Any) -> None:
        name = data.draw(_names(case, st))
        if name not in judged:
            variant = find(suite, name)
            assume(_is_a_variant(plan, variant))
            judged[name] = _judged(plan, runner, planned, variant)
        record = judged[name]
        if record.outcome.is_failure and (not failed or _alike(record, failed[0])):
            failed.append(record)
            raise AssertionError(record.trial)

    try:
        varied()
    except AssertionError:
        return Found(planned, len(judged), failed[-1])  # Hypothesis ends with the smallest one
    return Found(planned, len(judged), None)


def _names(case: Case, st: Any) -> Any:
    """Names of variants: sizes changed alike in all inputs, then some axes made one or dropped."""
    inputs = free(case)
    sizes = sorted({n for spec in inputs.values() for n in spec.shape})

    @st.composite  # type: ignore[untyped-decorator]
    def names(draw: Any) -> str:
        new = {n: draw(st.integers(0, MOST)) for n in sizes}
        shapes = {}
        for name, spec in inputs.items():
            shape = tuple(1 if draw(st.booleans()) else new[n] for n in spec.shape)
            shapes[name] = shape[draw(st.integers(0, len(shape))) :]
        return spelled(case, shapes, draw(st.integers(0, 3)))

    return names()


def _is_a_variant(plan: Plan, case: Case) -> bool:
    """Whether NumPy takes it, with finite results that depend on an input."""
    try:
        x, _ = case.draw()
        f = primal(plan.matrix, case, "float64")
        at, moved = f(x), f(tuple(np.asarray(a + 2.0**-8 * (1.0 + np.abs(a))) for a in x))
    except Exception:
        return False
    whole = bool(at) and all(np.isfinite(a).all() for a in (*at, *moved))
    return whole and any(np.any(a != b) for a, b in zip(at, moved, strict=True))


def _judged(plan: Plan, runner: Callable[[Plan], Runner], planned: Planned, case: Case) -> Record:
    trial = TrialId(case.suite, case.name, planned.id.cell)
    with_it = replace(plan, cases={**plan.cases, case.id: case})
    return runner(with_it).run(Planned(trial, digest([planned.digest, case.digest])))[0]


def _alike(a: Record, b: Record) -> bool:
    return (a.outcome, a.reason) == (b.outcome, b.reason)
