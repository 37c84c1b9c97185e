"""What a verdict costs beside gradcheck and check_grads, where all pay the same per evaluation.

``torch.autograd`` is judged.  Gradcheck calls it natively; check_grads and the oracle call the same
functions on arrays.  The oracle is timed in three ways:

- ``as used``: finite differences of the function on NumPy, and a reference of another package;
- ``torch.func``: the same with a reference from the same package, whose rounding is alike;
- ``same costs``: finite differences of PyTorch's own function and ``torch.autograd`` as its own
  reference, so that each evaluation costs what it costs gradcheck.  For the cost only: a reference
  that vouches for itself is no witness, and its rounding is the judged map's own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import rivals
import torch
from judging import sharper_for
from rivals import Ran, Subject
from systems import Namespace, Question, System

from gradtier import oracle
from gradtier.inputs import in_precision
from gradtier.oracle import BatchedPrimal, Dossier, Leaves, Map, Witness

Outcome = Literal["pass", "fail", "inconclusive", "raised"]

SLOW, FAST, CHECK_GRADS = "gradcheck slow", "gradcheck fast", "check_grads"
AS_USED, SAME_PACKAGE, SAME_COSTS = "as used", "torch.func", "same costs"
FIRST, FURTHER = "first verdict", "further verdict"
WAYS = (AS_USED, SAME_PACKAGE, SAME_COSTS)
PROCEDURES = (SLOW, FAST, CHECK_GRADS, *(f"{v}, {w}" for w in WAYS for v in (FIRST, FURTHER)))

BUCKETS = {"up to 30": (0, 30), "30-100": (30, 100), "100-400": (100, 400),
           "above 400": (400, math.inf)}  # fmt: skip
#: Slow gradcheck is left out where it would take more than about 5 s or its Jacobians too much
#: memory: above so many inputs and outputs, or above so many inputs times outputs.
SLOW_ELEMENTS, SLOW_JACOBIAN = 11_000, 20_000_000
#: A measurement is repeated up to so often, until so many seconds have been spent on it.
REPEATS, ENOUGH_SECONDS = 3, 0.05


@dataclass(frozen=True)
class Said:
    """What one procedure said of one derivative map, and what it cost."""

    procedure: str
    outcome: Outcome
    words: str = ""
    seconds: float = 0.0
    primal: int = 0
    derivative: int = 0

    @property
    def evaluations(self) -> int:
        """All evaluations, one of a derivative counted like one of the function."""
        return self.primal + self.derivative


@dataclass(frozen=True)
class Spent:
    """What the procedures spent on one pullback that is right, of so many inputs and outputs."""

    question: Question
    size: int
    said: tuple[Said, ...]

    @property
    def passed(self) -> bool:
        """Whether none of them complained, which costs some of them more."""
        return all(said.outcome == "pass" for said in self.said)

    def by(self, procedure: str) -> Said | None:
        """What one of them said; None where it was left out or evaluated nothing."""
        mine = (said for said in self.said if said.procedure == procedure)
        return next((said for said in mine if said.evaluations), None)


class Native:
    """``torch.autograd``, as gradcheck calls it and as the oracle does."""

    def __init__(self) -> None:
        adapter = "gradtier.backends.torch:TorchAutograd"
        self.system = System("torch.autograd", adapter, torch.special)

    def function(self, question: Question, dtype: str) -> tuple[Any, Leaves, Leaves]:
        """The function of tensors, the point, and the weights of outputs of an HVP."""
        x, constants = question.leaves()
        names = Namespace(self.system.adapter.namespace, torch.special)
        bound = question.case.bind(names, self._tensors(constants, dtype))
        return bound, self._tensors(x, dtype), self._tensors(question.fixed(), dtype)

    def primal(self, question: Question, dtype: str) -> Callable[[Leaves], Leaves]:
        """The same function on arrays."""
        bound, _, _ = self.function(question, dtype)

        def at(x: Leaves) -> Leaves:
            with torch.no_grad():
                return tuple(y.numpy() for y in bound(*self._tensors(x, dtype)))

        return at

    def _tensors(self, leaves: Leaves, dtype: str) -> tuple[Any, ...]:
        put = self.system.adapter.from_numpy  # it sets the default dtype as well
        return tuple(put(in_precision(a, dtype), "cpu") for a in leaves)


def slow_is_left_out(inputs: int, outputs: int) -> bool:
    """Whether slow gradcheck would take too long."""
    return inputs + outputs > SLOW_ELEMENTS or inputs * outputs > SLOW_JACOBIAN


def elements(leaves: Sequence[Any]) -> int:
    """Elements of all leaves together."""
    return sum(int(math.prod(a.shape)) for a in leaves)


def said_by(procedure: str, ran: Ran) -> Said:
    """A rival's run."""
    outcome: Outcome = "pass" if ran.passed else "raised" if ran.raised else "fail"
    return Said(procedure, outcome, ran.words, ran.seconds, ran.primal, ran.derivative)


def said_by_oracle(procedure: str, verdict: oracle.Verdict, seconds: float, *counts: int) -> Said:
    """The oracle's verdict."""
    named: dict[str, Outcome] = {"agree": "pass", "wrong": "fail"}
    outcome = named.get(verdict.outcome.value, "inconclusive")
    return Said(procedure, outcome, verdict.detail, seconds, *counts)


def spent(question: Question, native: Native, systems: Mapping[str, System], other: str) -> Spent:
    """Runs every procedure on one pullback.

    Args:
        question: whose.
        native: ``torch.autograd``.
        systems: the references by name: "torch" and ``other``.
        other: the reference that is of another package.
    """
    x, _ = question.leaves()
    inputs, outputs = elements(x), elements(question.primal()(x))
    function, point, weights = native.function(question, "float64")
    claimed = native.system.map(question)
    subject = Subject("vjp", x, native.primal(question, "float64"), claimed)

    def gradcheck(procedure: str, counting: bool) -> Said:
        asked = function, point, "vjp", weights, procedure == FAST, counting
        return said_by(procedure, rivals.gradcheck_native(*asked))

    said = [
        _best(lambda counting: gradcheck(FAST, counting)),
        _best(lambda _: said_by(CHECK_GRADS, rivals.check_grads(subject))),
    ]
    if not slow_is_left_out(inputs, outputs):
        said.append(_best(lambda counting: gradcheck(SLOW, counting)))
    ways = {
        AS_USED: (question.primal(), systems[other]),
        SAME_PACKAGE: (question.primal(), systems["torch"]),
        SAME_COSTS: (subject.primal, native.system),
    }
    for way, (primal, reference) in ways.items():
        witness = Witness(reference.map(question), name=reference.name)
        said += _ours(question, way, oracle.batched(primal), witness, claimed)
    return Spent(question, inputs + outputs, tuple(said))


def _ours(
    question: Question, way: str, primal: BatchedPrimal, witness: Witness, claimed: Map
) -> list[Said]:
    """A first verdict, dossier and all, and a further one by the dossier that then is known."""
    x, _ = question.leaves()
    sharper = sharper_for(question)

    def certified(tally: _Tally, lean: bool) -> Dossier:
        counted, phi = replace(witness, exact=tally.of_map(witness.exact)), tally.of_primal(primal)
        asked = question.name, phi, x, counted
        return oracle.certify_pullback(*asked, sharper=sharper, lean=lean)

    def verdict(procedure: str, known: list[Dossier]) -> Said:
        tally = _Tally()

        def full() -> Dossier:
            known.append(certified(tally, False))
            return known[-1]

        start = time.process_time()
        if not known:
            known.append(certified(tally, True))
        phi, map_ = tally.of_primal(primal), tally.of_map(claimed)
        told = oracle.judge_pullback(known[-1], phi, map_, full=full, sharper=sharper)
        seconds = time.process_time() - start
        counts = tally.primal, tally.derivative
        return said_by_oracle(f"{procedure}, {way}", told, seconds, *counts)

    known: list[Dossier] = []
    verdict(FIRST, known)
    return [_best(lambda _: verdict(FIRST, [])), _best(lambda _: verdict(FURTHER, known))]


@dataclass
class _Tally:
    """Counts evaluations on our side as rivals count theirs."""

    primal: int = 0
    derivative: int = 0

    def of_primal(self, function: BatchedPrimal) -> BatchedPrimal:
        def counted(points: Sequence[Leaves]) -> list[Leaves]:
            self.primal += len(points)
            return function(points)

        return counted

    def of_map(self, derivative: Map) -> Map:
        def counted(queries: Any) -> Any:
            self.derivative += len(queries)
            return derivative(queries)

        return counted


def _best(measure: Callable[[bool], Said]) -> Said:
    """The fastest of a few measurements; evaluations are counted in the first one only."""
    best = counted = measure(True)
    total = best.seconds
    for _ in range(REPEATS - 1):
        if total > ENOUGH_SECONDS:
            break
        again = measure(False)
        total += again.seconds
        best = min(best, again, key=lambda said: said.seconds)
    return replace(best, primal=counted.primal, derivative=counted.derivative)


# Tables.


def table(spent: Sequence[Spent]) -> dict[str, Any]:
    """Per bucket and procedure: geometric means of milliseconds and of evaluations."""
    found: dict[str, Any] = {}
    for bucket, mine in _buckets(spent).items():
        figures = {p: _figures(mine, p) for p in PROCEDURES}
        pairs = [(f"{ours}, {way}", theirs)
                 for ours, theirs in ((FIRST, SLOW), (FURTHER, FAST)) for way in WAYS]  # fmt: skip
        found[bucket] = {
            "functions": len(mine),
            "procedures": {name: figure for name, figure in figures.items() if figure},
            "ratios": {f"{ours} / {theirs}": ratio(mine, ours, theirs) for ours, theirs in pairs},
        }
    return found


def targets(spent: Sequence[Spent]) -> dict[str, Any]:
    """The ratios that are promised, per way of timing, each with the most that it may be."""
    small = [s for s in spent if s.size <= BUCKETS["up to 30"][1]]
    large = [s for s in spent if s.size > BUCKETS["100-400"][0]]
    asked = {
        "further verdict over fast gradcheck, all sizes": (spent, FURTHER, FAST, 1.0),
        "first verdict over slow gradcheck, up to 30": (small, FIRST, SLOW, 2.0),
        "first verdict over slow gradcheck, above 100": (large, FIRST, SLOW, 0.1),
    }
    return {
        name: {"most": most, **{way: ratio(mine, f"{ours}, {way}", theirs) for way in WAYS}}
        for name, (mine, ours, theirs, most) in asked.items()
    }


def ratio(spent: Sequence[Spent], ours: str, theirs: str) -> dict[str, Any]:
    """Geometric means of the ratios of seconds and of evaluations, where both were run."""
    pairs = [
        (a, b) for s in spent
        if (a := s.by(ours)) is not None and (b := s.by(theirs)) is not None
    ]  # fmt: skip
    return {
        "functions": len(pairs),
        "seconds": _geometric([a.seconds / b.seconds for a, b in pairs]),
        "evaluations": _geometric([a.evaluations / b.evaluations for a, b in pairs]),
    }


def row(spent: Spent) -> dict[str, Any]:
    """One function's figures, for the record: milliseconds, primal and derivative evaluations."""
    return {
        "function": spent.question.case.id,
        "size": spent.size,
        "said": {
            s.procedure: [round(1e3 * s.seconds, 3), s.primal, s.derivative, s.outcome]
            for s in spent.said
        },
    }


def _buckets(spent: Sequence[Spent]) -> dict[str, list[Spent]]:
    cut = {
        bucket: [s for s in spent if low < s.size <= high]
        for bucket, (low, high) in BUCKETS.items()
    }
    return {"all": list(spent), **cut}


def _figures(spent: Sequence[Spent], procedure: str) -> dict[str, Any]:
    mine = [said for s in spent if (said := s.by(procedure)) is not None]
    if not mine:
        return {}
    return {
        "functions": len(mine),
        "milliseconds": _geometric([1e3 * said.seconds for said in mine]),
        "evaluations": _geometric([float(said.evaluations) for said in mine]),
    }


def _geometric(values: Sequence[float]) -> float | None:
    if not values:
        return None
    return float(f"{math.exp(sum(map(math.log, values)) / len(values)):.4g}")
