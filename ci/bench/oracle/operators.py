"""Our verdicts and PyTorch's gradcheck, side by side on the operators that PyTorch tests itself.

For every sample, these procedures judge the same gradient at the same point in one run:

- ``gradcheck slow`` and ``gradcheck fast``: ``torch.autograd.gradcheck`` with its default settings
  and the operator's own tolerance for gradients that differ from call to call;
- ``first, alone``: a dossier without a reference, and the verdict on ``torch.autograd.grad`` by it.
  The primal is PyTorch's own in float64; so it is for gradcheck, which has no reference either;
- ``first, with reference``: the same with ``torch.func.vjp`` as the reference;
- ``further``: the verdict on ``torch.func.vjp`` by a dossier that is there already and whose
  reference is ``torch.autograd.grad``. A dossier is made once per case and shared by all backends,
  so its making is timed apart;
- ``further, linearised once``: the same, but the two cotangents and the repetition are pulled back
  through one linearisation, as gradcheck does it;
- ``further, autograd.grad``: the two interfaces with their roles exchanged. It is the second half
  of ``first, with reference``.

Both interfaces of PyTorch share their formulas. A fault of a formula is therefore no accusation of
one by the other, but a *conflict*: finite differences contradict both.

Evaluations are counted alike for all: *forward* is a call of the operator, *backward* one of
``torch.autograd.grad``.
"""

from __future__ import annotations

import functools
import gc
import itertools
import math
import statistics
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import operator_samples as samples
import torch
from operator_reasons import REASONS
from operator_samples import Limits, Sample, Subject
from torch.autograd.gradcheck import GradcheckError

from gradtier.oracle import (
    Dossier,
    Finding,
    Map,
    OracleError,
    Outcome,
    Verdict,
    Witness,
    certify_pullback,
    judge_pullback,
)

SLOW, FAST = "gradcheck slow", "gradcheck fast"
ALONE, WITH_REFERENCE = "first, alone", "first, with reference"
FURTHER, ONCE, SWAPPED = "further", "further, linearised once", "further, autograd.grad"
MAKING, MAKING_SWAPPED = "dossier of further", "dossier of first, with reference"
OURS = (ALONE, WITH_REFERENCE, FURTHER, ONCE, SWAPPED)
JUDGED = (ALONE, WITH_REFERENCE, FURTHER)
"""Whose verdicts are compared with gradcheck's; the other two only differ in how they ask."""

THEIRS = {"slow": SLOW, "fast": FAST}
SIZES = (10, 30, 100, 400, 1000)
"""Where samples are divided by inputs plus outputs, as in the oracle's description."""


@dataclass(frozen=True)
class Result:
    """What a procedure said of one sample, and what that cost.

    Attributes:
        verdict: "agree", "wrong", "inconclusive", "conflict" (finite differences contradict the
            gradient and the reference), "refused" or "raised".
        words: its own.
        seconds: by the clock.
        cpu: seconds of this process, which other processes on the machine do not lengthen.
        forward: calls of the operator.
        backward: calls of ``torch.autograd.grad``.
    """

    verdict: str
    words: str
    seconds: float
    cpu: float
    forward: int
    backward: int

    @property
    def stance(self) -> str:
        """Whether it accepts the gradient, objects to it, abstains, or has no verdict at all."""
        known = {"agree": "accepts", "wrong": "objects", "conflict": "objects"}
        return known.get(self.verdict, "abstains" if self.verdict == "inconclusive" else "silent")

    def after(self, other: Result) -> Result:
        """This one, with the cost of another that had to come first."""
        return Result(
            self.verdict,
            self.words,
            self.seconds + other.seconds,
            self.cpu + other.cpu,
            self.forward + other.forward,
            self.backward + other.backward,
        )


@dataclass(frozen=True)
class Record:
    """All procedures on one sample."""

    sample: Sample
    declared: str | None
    results: dict[str, Result]

    @property
    def size(self) -> int:
        """Inputs plus outputs."""
        return self.sample.inputs + self.sample.outputs

    @property
    def timed(self) -> bool:
        """Whether every procedure came to a verdict, so that seconds may be compared."""
        return all(self.results[name].stance != "silent" for name in (SLOW, FAST, *OURS))

    def to_dict(self) -> dict[str, Any]:
        """A JSON-safe dict; a result is [verdict, microseconds, of the CPU, forward, backward]."""
        told = {
            name: [r.verdict, round(1e6 * r.seconds), round(1e6 * r.cpu), r.forward, r.backward]
            for name, r in self.results.items()
        }
        return {
            "sample": self.sample.index,
            "inputs": self.sample.inputs,
            "outputs": self.sample.outputs,
            "results": told,
        }


Said = tuple[str, str]


def gradcheck(subject: Subject, fast: bool) -> Said:
    """PyTorch's verdict and its words."""
    try:
        torch.autograd.gradcheck(
            subject,
            samples.leaves_of(subject.sample.point),
            nondet_tol=subject.sample.nondet_tol,
            check_batched_grad=False,
            check_forward_ad=False,
            fast_mode=fast,
        )
    except GradcheckError as error:
        return "wrong", samples.words(error)
    return "agree", ""


def certified(subject: Subject, reference: Map | None, lean: bool = True) -> Dossier:
    """The oracle's dossier of a sample; lean, as the engine makes them."""
    witness = None if reference is None else Witness(reference)
    return certify_pullback(subject.name, subject.primal, subject.sample.point, witness, lean=lean)


def judged(subject: Subject, dossier: Dossier, claimed: Map, reference: Map | None = None) -> Said:
    """The oracle's verdict on a gradient, and its words.

    Where the lean dossier does not settle it, the full one is made in this procedure's time.
    """
    verdict: Verdict = judge_pullback(
        dossier, subject.primal, claimed, full=lambda: certified(subject, reference, lean=False)
    )
    told = f"{verdict.detail} [{', '.join(verdict.findings)}]" if verdict.findings else ""
    conflict = verdict.outcome is not Outcome.AGREE and Finding.CONFLICT in verdict.findings
    return "conflict" if conflict else str(verdict.outcome), told or verdict.detail


def measured(subject: Subject, procedure: Callable[[], Said]) -> Result:
    """A procedure's verdict, time and evaluations; an exception is a verdict of its own."""
    samples.reseed(subject.name)
    with subject.counted() as tally:
        start, cpu = time.perf_counter(), time.process_time()
        try:
            verdict, told = procedure()
        except OracleError as error:
            verdict, told = "refused", samples.words(error)
        except Exception as error:
            verdict, told = "raised", samples.words(error)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return Result(verdict, told, seconds, cpu, tally.forward, tally.backward)


def compared(sample: Sample, turn: int) -> dict[str, Result]:
    """All procedures on one sample; `turn` rotates their order."""
    subject = Subject(sample)
    subject.warm()
    dossiers: dict[str, Dossier] = {}

    def make(name: str, reference: Map) -> Said:
        dossiers[name] = certified(subject, reference)
        return "made", ""

    results = {
        MAKING: measured(subject, lambda: make(MAKING, subject.by_autograd)),
        MAKING_SWAPPED: measured(subject, lambda: make(MAKING_SWAPPED, subject.by_func)),
    }
    once = functools.partial(subject.by_func, once=True)
    made, swapped = dossiers.get(MAKING), dossiers.get(MAKING_SWAPPED)
    todo: list[tuple[str, Callable[[], Said]]] = [
        (SLOW, lambda: gradcheck(subject, fast=False)),
        (FAST, lambda: gradcheck(subject, fast=True)),
        (ALONE, lambda: judged(subject, certified(subject, None), subject.by_autograd)),
    ]
    if made is not None:
        by = subject.by_autograd
        todo.append((FURTHER, lambda: judged(subject, made, subject.by_func, by)))
        todo.append((ONCE, lambda: judged(subject, made, once, by)))
    if swapped is not None:
        todo.append(
            (SWAPPED, lambda: judged(subject, swapped, subject.by_autograd, subject.by_func))
        )
    shift = turn % len(todo)
    for name, procedure in todo[shift:] + todo[:shift]:
        results[name] = measured(subject, procedure)
    # Without a dossier, what its making said is all there is.
    results.setdefault(FURTHER, results[MAKING])
    results.setdefault(ONCE, results[MAKING])
    if swapped is not None:
        results[WITH_REFERENCE] = results[SWAPPED].after(results[MAKING_SWAPPED])
    else:
        results[SWAPPED] = results[WITH_REFERENCE] = results[MAKING_SWAPPED]
    return results


def run(
    progress: Callable[[str], None], limits: Limits | None = None, only: Sequence[str] = ()
) -> dict[str, Any]:
    """The experiment.

    Args:
        progress: told a line from time to time.
        limits: what bounds it.
        only: names of operators; all if empty.
    """
    limits = limits or Limits()
    started = time.perf_counter()
    records: list[Record] = []
    skipped: Counter[str] = Counter()
    without: dict[str, list[str]] = {}
    with samples.as_in_pytorch_tests(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ops = [op for op in samples.operators() if not only or samples.name_of(op) in only]
        gc.collect()
        gc.freeze()  # else each collection walks all of PyTorch, at random in somebody's time
        for number, op in enumerate(ops):
            taken, reasons = samples.samples_of(op, limits)
            skipped += reasons
            if not taken:
                why = ", ".join(sorted(reasons)) or "no samples"
                without.setdefault(why, []).append(samples.name_of(op))
            marked = samples.declared(op)
            for sample in taken:
                records.append(Record(sample, marked, compared(sample, len(records))))
            if number % 25 == 24:
                progress(f"operators: {number + 1} of {len(ops)}, {len(records)} samples")
        gc.unfreeze()
    by_operator: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        by_operator.setdefault(record.sample.operator, []).append(record.to_dict())
    summary = {
        "torch": torch.__version__,
        "limits": asdict(limits),
        "operators with a gradient": len(ops),
        "operators": len(by_operator),
        "samples": len(records),
        "skipped samples": dict(skipped.most_common()),
        "operators without a sample": without,
        "seconds of the experiment": round(time.perf_counter() - started, 1),
        **_costs(records),
        "agreement": {name: _agreement(records, name) for name in JUDGED},
        "differences": _differences(records),
    }
    return {"summary": summary, "operators": by_operator}


def _costs(records: Sequence[Record]) -> dict[str, Any]:
    """Seconds and evaluations by procedure, and how much faster ours are than gradcheck."""
    timed = [record for record in records if record.timed]
    sizes = {
        f"{low} < n <= {high}": _cost([r for r in timed if low < r.size <= high])
        for low, high in itertools.pairwise((0, *SIZES, math.inf))
    }
    whole = _cost(timed)
    speed = {name: whole["speed"][name]["total, against slow"] for name in OURS} if timed else {}
    return {
        "samples timed": len(timed),
        "speed_vs_gradcheck_slow": speed,
        "cost": whole,
        "cost by inputs plus outputs": sizes,
    }


def _cost(records: Sequence[Record]) -> dict[str, Any]:
    if not records:
        return {"samples": 0}
    names = (SLOW, FAST, *OURS, MAKING, MAKING_SWAPPED)
    per = {
        name: {
            "milliseconds": round(
                1e3 * statistics.fmean(r.results[name].seconds for r in records), 3
            ),
            "cpu milliseconds": round(
                1e3 * statistics.fmean(r.results[name].cpu for r in records), 3
            ),
            "forward": round(statistics.fmean(r.results[name].forward for r in records), 2),
            "backward": round(statistics.fmean(r.results[name].backward for r in records), 2),
        }
        for name in names
    }
    speed = {
        name: {
            **{f"total, against {k}": _ratio(records, v, name) for k, v in THEIRS.items()},
            **{f"typical, against {k}": _typical(records, v, name) for k, v in THEIRS.items()},
        }
        for name in OURS
    }
    return {"samples": len(records), "mean per sample": per, "speed": speed}


def _ratio(records: Sequence[Record], theirs: str, ours: str) -> dict[str, float]:
    """Their time over ours, summed over the samples."""

    def total(name: str, clock: str) -> float:
        return math.fsum(getattr(record.results[name], clock) for record in records)

    return {
        clock: round(total(theirs, clock) / total(ours, clock), 2) for clock in ("seconds", "cpu")
    }


def _typical(records: Sequence[Record], theirs: str, ours: str) -> float:
    """The geometric mean over the samples of their CPU time over ours."""
    ratios = (record.results[theirs].cpu / record.results[ours].cpu for record in records)
    return round(statistics.geometric_mean(ratios), 2)


def _agreement(records: Sequence[Record], name: str) -> dict[str, Any]:
    """How often our verdict and slow gradcheck's are the same, where both have one."""
    pairs = Counter((r.results[name].stance, r.results[SLOW].stance) for r in records)
    heard = sum(count for pair, count in pairs.items() if {*pair} <= {"accepts", "objects"})
    same = pairs["accepts", "accepts"] + pairs["objects", "objects"]
    return {
        "rate": round(same / heard, 5) if heard else None,
        "same": same,
        "of": heard,
        "ours, gradcheck slow": {f"{a}, {b}": n for (a, b), n in sorted(pairs.items())},
    }


def _differences(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Samples on which one of ours takes another stance than slow gradcheck, with the words."""
    told = []
    for record in records:
        theirs = record.results[SLOW]
        ours = {name: record.results[name] for name in JUDGED}
        differing = [name for name, r in ours.items() if r.stance != theirs.stance]
        if differing:
            sample = record.sample
            entry: dict[str, Any] = {
                "operator": sample.operator,
                "sample": sample.index,
                "inputs": sample.inputs,
                "outputs": sample.outputs,
                "PyTorch's own test": record.declared or "passes",
                "differing": differing,
                "reason": REASONS.get(sample.operator, "unexplained"),
            }
            for name, r in {SLOW: theirs, **ours}.items():
                entry[name] = f"{r.verdict}: {r.words}" if r.words else r.verdict
            told.append(entry)
    return told
