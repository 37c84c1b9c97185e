"""Experiment one: maps that are right.  Whom does the oracle accuse, and what does it cost?"""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from judging import DTYPES, Judging, named
from meaning import means_something
from systems import KINDS, Question, System

from gradtier.cases import Case
from gradtier.oracle import Dossier, Verdict

Progress = Callable[[str], None]
#: Whether (question, system, precision) is a known defect of a released package.
Known = Callable[[Question, str, str], bool]
NO_DERIVATIVE = frozenset({"jump", "undefined"})


@dataclass(frozen=True)
class Cost:
    """What a verdict cost.

    Attributes:
        first: the reference had to be certified for it.
        seconds: wall time.
        primal: evaluations of the primal (of the reference's gradient for an HVP).
        derivative: evaluations of derivatives, the reference's and the judged one's.
    """

    first: bool
    seconds: float
    primal: int
    derivative: int


@dataclass(frozen=True)
class Trial:
    """One map of one system before the oracle.

    Attributes:
        question: what was asked.
        dtype: the tested precision.
        system: who was asked.
        reference: the reference.
        known: a known defect of the system.
        verdict: the answer; None if the oracle could not be asked.
        cost: what it cost; None likewise.
        failure: why the oracle could not be asked.
    """

    question: Question
    dtype: str
    system: str
    reference: str
    known: bool
    verdict: Verdict | None = None
    cost: Cost | None = None
    failure: str = ""

    @property
    def exists(self) -> bool:
        """Whether the derivative exists at the point, be it by convention, in this precision."""
        if NO_DERIVATIVE & self.question.case.tags:
            return False
        return means_something(self.question, self.dtype)

    def told(self) -> dict[str, Any]:
        """For the list of exceptions."""
        return {
            **named(self.question, self.dtype, self.system, self.reference),
            "verdict": self.failure if self.verdict is None else str(self.verdict),
        }


def run(
    functions: Iterable[Case],
    systems: Mapping[str, System],
    seeds: Sequence[int],
    progress: Progress,
    known: Known,
) -> dict[str, Any]:
    """Judges every map of every function that a system offers.

    Args:
        functions: the corpus.
        systems: the systems by name.
        seeds: numbers of the draws of inputs.
        progress: told after each function.
        known: which wrong verdicts are known defects.
    """
    judging, found = Judging(systems), []
    for case in functions:
        found.append(of_function(judging, case, seeds, known))
        progress(f"right: {case.id}: {found[-1].told()}")
    return results(found)


@dataclass(frozen=True)
class Found:
    """What was found on one function.

    Attributes:
        trials: the trials.
        refusals: (system, map, words) of the maps that a system does not offer.
        compiling: seconds of the first calls of all maps.
        judging: seconds of the rest.
    """

    trials: tuple[Trial, ...]
    refusals: tuple[tuple[str, str, str], ...]
    compiling: float
    judging: float

    def told(self) -> str:
        """In a few words."""
        accused = sum(_outcome(t) == "wrong" and not t.known for t in self.trials)
        return f"{len(self.trials)} trials" + (f", {accused} accused" if accused else "")


def of_function(judging: Judging, case: Case, seeds: Sequence[int], known: Known) -> Found:
    """All trials of one function, its maps compiled beforehand."""
    trials, refused, compiling, start = [], [], 0.0, time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for question in (Question(case, seed, kind) for seed in seeds for kind in KINDS):
            begun = time.perf_counter()
            refused += _refusals(judging, question)
            compiling += time.perf_counter() - begun
            for dtype in DTYPES:
                trials += _judged(judging, question, dtype, known)
    spent = time.perf_counter() - start - compiling
    return Found(tuple(trials), tuple(refused), compiling, spent)


def results(found: Sequence[Found]) -> dict[str, Any]:
    """All counts, as plain values."""
    trials = [t for each in found for t in each.trials]
    spent = [t.cost for t in trials if t.cost is not None]
    return {
        **_summary(trials),
        "unsupported": _unsupported([r for each in found for r in each.refusals]),
        "cost": costs(spent),
        "cost_by_map": {
            f"{dtype} {kind}": costs(
                [t.cost for t in trials if t.cost and (t.dtype, t.question.kind) == (dtype, kind)]
            )
            for dtype in DTYPES
            for kind in KINDS
        },
        "compile_seconds": round(sum(each.compiling for each in found), 1),
        "judging_seconds": round(sum(each.judging for each in found), 1),
    }


def _refusals(judging: Judging, question: Question) -> list[tuple[str, str, str]]:
    """Calls every map once, so that compilation is not timed; (system, map, words) of refusals."""
    said = [
        (name, judging.refusal(name, question, dtype)) for dtype in DTYPES
        for name in judging.systems
    ]  # fmt: skip
    return [(name, question.kind, words) for name, words in said if words is not None]


def _judged(judging: Judging, question: Question, dtype: str, known: Known) -> list[Trial]:
    """One trial per system that answers and has a reference; dossiers are shared and timed."""
    dossiers: dict[str, Dossier] = {}
    trials = []
    for name in judging.systems:
        reference = judging.reference_for(name, question, dtype)
        if reference is None or judging.refusal(name, question, dtype) is not None:
            continue
        trial = Trial(question, dtype, name, reference, known(question, name, dtype))
        try:
            verdict, cost = _timed(judging, trial, dossiers)
        except Exception as why:  # the oracle's own, or a map that raises beside the point
            trials.append(replace(trial, failure=f"{type(why).__name__}: {why}"))
            continue
        trials.append(replace(trial, verdict=verdict, cost=cost))
    return trials


def _timed(judging: Judging, trial: Trial, dossiers: dict[str, Dossier]) -> tuple[Verdict, Cost]:
    """The verdict and its cost; what it takes to ask is made before the clock starts."""
    question, dtype, reference = trial.question, trial.dtype, trial.reference
    for name, precision in ((trial.system, dtype), (reference, dtype), (reference, "float64")):
        judging.map(name, question, precision)
    judging.primal(question, reference)
    first, known = reference not in dossiers, judging.full.cache_info().misses
    start = time.perf_counter()
    if first:
        dossiers[reference] = judging.certified(question, dtype, reference)
    claimed = judging.map(trial.system, question, dtype)
    verdict = judging.judge(question, dossiers[reference], reference, claimed)
    seconds = time.perf_counter() - start
    bought: list[Verdict | Dossier] = [verdict]
    if first:
        bought.append(dossiers[reference])
    if judging.full.cache_info().misses > known:
        bought.append(judging.full(question, dtype, reference))
    primal = sum(b.primal_evaluations for b in bought)
    return verdict, Cost(first, seconds, primal, sum(b.derivative_evaluations for b in bought))


def _summary(trials: Sequence[Trial]) -> dict[str, Any]:
    right = [t for t in trials if not t.known]
    accused = [t for t in right if _outcome(t) == "wrong"]
    existing = [t for t in right if t.exists]
    unsure = [t for t in right if _outcome(t) not in ("agree", "wrong")]
    return {
        "right_trials": len(right),
        "false_alarms": len(accused),
        "false_alarms_by_dtype": _by(accused, lambda t: t.dtype),
        "trials": _by(right, lambda t: f"{t.dtype} {t.question.kind} {t.system}"),
        "trials_by_dtype": _by(right, lambda t: t.dtype),
        "outcomes": _by(right, lambda t: f"{t.dtype} {_outcome(t)}"),
        "outcomes_where_it_exists": _by(existing, lambda t: f"{t.dtype} {_outcome(t)}"),
        "inconclusive": {
            dtype: _share([t for t in existing if t.dtype == dtype]) for dtype in DTYPES
        },
        "inconclusive_of_all": {
            dtype: _share([t for t in right if t.dtype == dtype]) for dtype in DTYPES
        },
        "without_a_digit": sorted(
            {
                f"{t.question.case.id}#{t.question.seed} {t.dtype}"
                for t in right
                if not means_something(t.question, t.dtype)
            }
        ),
        "findings": _counted(f for t in right if t.verdict for f in t.verdict.findings),
        "conventions": _counted(
            t.verdict.convention for t in right if t.verdict and t.verdict.convention
        ),
        "known_defects": {
            "trials": len(trials) - len(right),
            "outcomes": _by([t for t in trials if t.known], _outcome),
            "told": [t.told() for t in trials if t.known and _outcome(t) != "wrong"],
        },
        "false_alarms_told": [t.told() for t in accused],
        "inconclusive_told": [{**t.told(), "exists": t.exists} for t in unsure],
    }


def _outcome(trial: Trial) -> str:
    return "not asked" if trial.verdict is None else trial.verdict.outcome.value


def _share(trials: Sequence[Trial]) -> dict[str, Any]:
    count = sum(_outcome(t) == "inconclusive" for t in trials)
    return {"count": count, "of": len(trials), "share": count / max(1, len(trials))}


def _by(trials: Iterable[Trial], key: Callable[[Trial], str]) -> dict[str, int]:
    return _counted(key(t) for t in trials)


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _unsupported(refused: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """Per system: refusals per map, and how often each was worded."""
    found: dict[str, Any] = {}
    for name in sorted({name for name, _, _ in refused}):
        mine = [(kind, words) for n, kind, words in refused if n == name]
        found[name] = {
            "maps": _counted(kind for kind, _ in mine),
            "words": _counted(words for _, words in mine),
        }
    return found


def costs(spent: Sequence[Cost]) -> dict[str, Any]:
    """Medians, means and largest of seconds and evaluations, of first and further verdicts."""
    return {
        name: _figures([cost for cost in spent if cost.first is first])
        for name, first in (("first", True), ("further", False))
    }


def _figures(spent: Sequence[Cost]) -> dict[str, Any]:
    columns = {
        "milliseconds": [1e3 * c.seconds for c in spent],
        "primal_evaluations": [float(c.primal) for c in spent],
        "derivative_evaluations": [float(c.derivative) for c in spent],
    }
    found: dict[str, Any] = {"verdicts": len(spent)}
    for name, values in columns.items():
        if values:
            found[name] = {
                "median": round(float(np.median(values)), 3),
                "mean": round(float(np.mean(values)), 3),
                "p95": round(float(np.percentile(values, 95)), 3),
                "largest": round(float(np.max(values)), 3),
            }
    return found
