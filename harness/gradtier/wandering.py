"""The command behind ``gradtier run --explore N``."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Mapping
from pathlib import Path

from gradtier.engine import Engines
from gradtier.errors import InputError
from gradtier.explore import Found, explorable, explore
from gradtier.model import TrialId
from gradtier.plan import Plan, select, selected
from gradtier.running import open_matrix
from gradtier.trial import Runner
from gradtier.witnesses import Bench


def wander(matrix: Path, axes: Mapping[str, tuple[str, ...]], quick: bool, most: int) -> int:
    """Explore variants of the selected trials and say what failed; 1 if something did.

    Raises:
        InputError: Hypothesis is not installed, or the selection has nothing to vary.
    """
    from rich.console import Console

    _need_hypothesis()
    console = Console(markup=False, highlight=False, soft_wrap=True)
    opened = open_matrix(matrix)
    plan, today = opened.plan, datetime.date.today()

    def claimed(trial: TrialId) -> bool:
        return plan.matrix.claim_on(trial, today) is not None

    chosen = select(plan, selected(plan.matrix, axes, quick, deep=True))
    todo = explorable(plan, chosen, claimed)
    if not todo:
        raise InputError(
            "--explore: no selected trial has drawn inputs, runs here and is unclaimed"
        )
    console.print(f"{len(todo)} of {len(chosen)} trials have inputs to vary, {most} variants each")
    found: list[Found] = []
    with tempfile.TemporaryDirectory(prefix="gradtier-") as folder:
        engines = Engines(plan.matrix, opened.suites, opened.loaded.root)
        bench = Bench(plan.matrix, engines, Path(folder))

        def runner(with_variant: Plan) -> Runner:
            return Runner(with_variant, engines, bench, "explored")

        try:
            for one in explore(plan, opened.suites, runner, todo, most):
                found.append(one)
                for line in _lines(one):
                    console.print(line)
        finally:
            engines.close()
    failed = [one for one in found if one.record is not None]
    tried = sum(one.tried for one in found)
    console.print(f"{tried} variants of {len(found)} trials; {len(failed)} trials fail elsewhere")
    return 1 if failed else 0


def _lines(one: Found) -> list[str]:
    """What a maintainer does with what was found."""
    if one.record is None:
        return []
    trial = TrialId.parse(one.record.trial)
    reason = f" ({one.record.reason})" if one.record.reason else ""
    return [
        f"{one.record.trial}: {one.record.outcome}{reason}: {one.record.detail}",
        f'  keep it in suites/{trial.suite}.py: keep(suite, "{trial.case}")',
    ]


def _need_hypothesis() -> None:
    try:
        import hypothesis  # noqa: F401 - whether it is there
    except ImportError as error:
        raise InputError("--explore needs Hypothesis: pip install 'gradtier[explore]'") from error
