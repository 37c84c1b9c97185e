"""The adjoint identity alone: what it finds without a primal, steps or another package."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from effects import Setting, effect
from faults import FAULTS, breaking
from judging import Judging
from systems import Question, System
from wrong import is_resolvable

from gradtier.cases import Case
from gradtier.oracle import Map, OracleError, Outcome, Verdict, adjoint

Progress = Callable[[str], None]
Known = Callable[[Question, str], bool]
#: Broken maps of larger functions are left out: a fault is no harder to find in a larger array.
MOST = 2_000


def run(
    functions: Iterable[Case], systems: Mapping[str, System], progress: Progress, known: Known
) -> dict[str, Any]:
    """Judges right and broken pullbacks by the pushforward of the same system, in float64.

    Systems rotate over the functions, so that each is met.
    """
    judging = Judging(systems)
    outcomes: dict[str, int] = dict.fromkeys((o.value for o in Outcome), 0)
    faults: dict[str, list[int]] = {f.name: [0, 0] for f in FAULTS if "vjp" in f.kinds}
    alarms = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, case in enumerate(functions):
            question, name = Question(case, 0, "vjp"), list(systems)[number % len(systems)]
            pushing = Question(case, 0, "jvp")
            if known(question, name) or known(pushing, name):
                continue
            if any(judging.refusal(name, q, "float64") for q in (question, pushing)):
                continue
            setting = Setting(question, systems[name], "float64")
            push = judging.map(name, pushing, "float64")
            right = _judged(question, setting.right, push)
            outcomes[right.outcome.value] += 1
            if right.outcome is Outcome.WRONG:
                alarms.append({"function": case.id, "system": name, "verdict": str(right)})
            elif right.outcome is Outcome.AGREE:
                _break(judging, setting, push, faults)
            progress(f"adjoint: {case.id}: {right.outcome}")
    heard = {name: counts for name, counts in faults.items() if counts[0]}
    asked, found = (sum(counts[k] for counts in heard.values()) for k in (0, 1))
    return {
        "right": outcomes,
        "false_alarms": alarms,
        "detected": {"above": asked, "detected": found, "share": found / max(1, asked)},
        "faults": {n: {"above": a, "detected": d, "share": d / a} for n, (a, d) in heard.items()},
    }


def _judged(question: Question, pull: Map, push: Map) -> Verdict:
    x, _ = question.leaves()
    return adjoint(question.name, x, question.primal()(x), pull, push)


def _break(judging: Judging, setting: Setting, push: Map, faults: dict[str, list[int]]) -> None:
    """Counts, per fault that can be seen, how often it was applied and how often found."""
    question, name = setting.question, setting.system.name
    reference = judging.reference_for(name, question)
    if reference is None or sum(a.size for a in (*setting.x, *setting.value)) > MOST:
        return
    try:
        dossier = judging.full(question, "float64", reference)
    except OracleError:
        return
    for fault in FAULTS:
        if "vjp" not in fault.kinds:
            continue
        with np.errstate(all="ignore"):
            broken = breaking(fault, setting)
            seen = None if broken is None else effect(setting, broken)
        if seen is None or not seen.anything("float64") or not is_resolvable(seen, dossier):
            continue
        fresh = breaking(fault, setting)
        assert fresh is not None
        faults[fault.name][0] += 1
        try:
            faults[fault.name][1] += _judged(question, fresh, push).outcome is Outcome.WRONG
        except OracleError:  # a wrong shape: it can't be asked
            faults[fault.name][1] += 1
