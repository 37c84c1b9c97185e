"""Experiment two: maps that are wrong on purpose.  Which does the oracle find?"""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from effects import Effect, Setting, resolvable
from faults import FAULTS, Fault, breaking, effect_of
from judging import DTYPES, Judging, named
from systems import KINDS, Question, System

from gradtier.cases import Case
from gradtier.oracle import Dossier, OracleError, Outcome, Verdict

Progress = Callable[[str], None]

#: Of a function with more inputs and outputs than this, one fault in so many is tried: a verdict on
#: a broken map takes hundreds of evaluations, and a fault is no harder to find in a larger array.
SHARES = {0: 1, 5_000: 8, 50_000: 32}


@dataclass(frozen=True)
class Trial:
    """One broken map before the oracle.

    Attributes:
        fault: how it is broken.
        question: what was asked.
        dtype: the tested precision.
        system: whose map is broken.
        reference: the reference.
        above: whether the fault is above what the precision resolves.
        verdict: the answer.
    """

    fault: Fault
    question: Question
    dtype: str
    system: str
    reference: str
    above: bool
    verdict: Verdict

    @property
    def found(self) -> bool:
        """Whether the oracle called it wrong."""
        return self.verdict.outcome is Outcome.WRONG

    def told(self) -> dict[str, Any]:
        """For the list of misses."""
        return {
            "fault": self.fault.name,
            **named(self.question, self.dtype, self.system, self.reference),
            "outcome": self.verdict.outcome.value,
            "verdict": str(self.verdict),
        }


def run(
    functions: Iterable[Case],
    systems: Mapping[str, System],
    progress: Progress,
    faults: Sequence[Fault] = FAULTS,
    seed: int = 0,
) -> dict[str, Any]:
    """Judges every fault in every map of every function, in one system each.

    Which system has the fault rotates, so that each fault is met in all of them.  A map that is
    called wrong without any fault is left out: finding a fault in it would prove nothing.

    Args:
        functions: the corpus.
        systems: the systems by name.
        progress: told after each function.
        faults: the ways to be wrong.
        seed: number of the draw of inputs.
    """
    judging, found = Judging(systems), []
    for number, case in enumerate(functions):
        found.append(of_function(judging, case, number, faults, seed))
        progress(f"wrong: {case.id}: {found[-1].told()}")
    return results(found)


@dataclass(frozen=True)
class Found:
    """What was found on one function.

    Attributes:
        trials: the trials.
        left_out: the maps that are called wrong without a fault.
        seconds: how long it took.
    """

    trials: tuple[Trial, ...]
    left_out: tuple[dict[str, str], ...]
    seconds: float

    def told(self) -> str:
        """In a few words."""
        missed = sum(t.above and not t.found for t in self.trials)
        return f"{len(self.trials)} trials" + (f", {missed} missed" if missed else "")


def of_function(
    judging: Judging, case: Case, turn: int, faults: Sequence[Fault] = FAULTS, seed: int = 0
) -> Found:
    """All faults of one function; `turn` rotates the systems."""
    trials, left_out, start = [], [], time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for question in (Question(case, seed, kind) for kind in KINDS):
            for dtype in DTYPES:
                courts = list(_courts(judging, question, dtype))
                left_out += [court.told() for court in courts if not court.right]
                trials += _tried([court for court in courts if court.right], faults, turn)
    return Found(tuple(trials), tuple(left_out), time.perf_counter() - start)


@dataclass(frozen=True)
class Court:
    """One system's right map with its dossier.

    Attributes:
        judging: the oracle.
        setting: the question, the system and its right answers.
        reference: the reference.
        dossier: the dossier.
        right: whether the oracle does not call it wrong.
    """

    judging: Judging
    setting: Setting
    reference: str
    dossier: Dossier
    right: bool

    def told(self) -> dict[str, str]:
        """For the list of those left out."""
        s = self.setting
        return {
            "function": s.question.case.id,
            "map": s.question.kind,
            "dtype": s.dtype,
            "system": s.system.name,
        }


def _courts(judging: Judging, question: Question, dtype: str) -> Iterator[Court]:
    for name, system in judging.systems.items():
        reference = judging.reference_for(name, question, dtype)
        if reference is None or judging.refusal(name, question, dtype) is not None:
            continue
        try:
            dossier = judging.dossier(question, dtype, reference)
        except OracleError:
            continue  # experiment one reports it
        setting = Setting(question, system, dtype)
        verdict = judging.judge(question, dossier, reference, setting.right)
        right = verdict.outcome is not Outcome.WRONG
        yield Court(judging, setting, reference, dossier, right)


def _tried(courts: Sequence[Court], faults: Sequence[Fault], turn: int) -> Iterator[Trial]:
    """One trial per fault that applies in the system whose turn it is."""
    if not courts:
        return
    share = _share(courts[0].setting)
    step = turn + KINDS.index(courts[0].setting.question.kind)
    for number, fault in enumerate(faults):
        if (number + step) % share:
            continue
        court = courts[(number + turn) % len(courts)]
        setting, dossier = court.setting, court.dossier
        seen = effect_of(fault, setting)
        broken = None if seen is None else breaking(fault, setting)
        if seen is None or broken is None:
            continue
        question, reference = setting.question, court.reference
        verdict = court.judging.judge(question, dossier, reference, broken)
        above = is_resolvable(seen, court.judging.full(question, dossier.dtype, reference))
        names = dossier.dtype, setting.system.name, reference
        yield Trial(fault, question, *names, above, verdict)


def _share(setting: Setting) -> int:
    size = sum(a.size for a in (*setting.x, *setting.value))
    return next(share for least, share in reversed(SHARES.items()) if size >= least)


def is_resolvable(seen: Effect, dossier: Dossier) -> bool:
    """Whether a fault is above the dossier's measured noise in any answer."""
    return seen.structural or any(
        resolvable(gap, right, dossier.dtype, answer.noise, answer.hopeless)
        for gap, right, answer in zip(
            seen.difference, seen.right, (dossier.answers[k] for k in seen.seeds), strict=True
        )
    )


def results(each: Sequence[Found]) -> dict[str, Any]:
    """Counts per fault, dtype and map, the totals, and every miss, as plain values."""
    trials = [t for found in each for t in found.trials]
    found: dict[str, Any] = {}
    for fault in dict.fromkeys(t.fault for t in trials):
        mine = [t for t in trials if t.fault is fault]
        found[fault.name] = {
            "about": fault.about,
            "level": fault.level,
            **{
                dtype: {
                    kind: _counts([t for t in mine if (t.dtype, t.question.kind) == (dtype, kind)])
                    for kind in fault.kinds
                }
                for dtype in DTYPES
            },
            "reasons": dict(Counter(str(t.verdict.reason) for t in mine if t.found)),
        }
    above = [t for t in trials if t.above]
    return {
        "faults": found,
        **{f"detected_{d}": _counts([t for t in trials if t.dtype == d]) for d in DTYPES},
        "levels": {
            f"{dtype} {level}": _counts(
                [t for t in trials if (t.dtype, t.fault.level) == (dtype, level)]
            )
            for dtype in DTYPES
            for level in dict.fromkeys(t.fault.level for t in trials)
        },
        "missed": [t.told() for t in above if not t.found],
        "below_resolution": dict(
            Counter(f"{t.dtype} {t.verdict.outcome.value}" for t in trials if not t.above)
        ),
        "left_out": [words for found in each for words in found.left_out],
        "seconds": round(sum(found.seconds for found in each), 1),
    }


def _counts(trials: Sequence[Trial]) -> dict[str, Any]:
    """Applied, above resolution, detected among these; and what was said of the others."""
    above = [t for t in trials if t.above]
    detected = sum(t.found for t in above)
    return {
        "applied": len(trials),
        "above": len(above),
        "detected": detected,
        "share": detected / len(above) if above else None,
        "below_but_detected": sum(t.found for t in trials if not t.above),
    }
