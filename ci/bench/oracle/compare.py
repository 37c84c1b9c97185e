"""The oracle beside gradcheck and check_grads: false alarms, detection and cost, on one corpus.

For false alarms and detection the oracle's reference is always another package than the judged one.
A procedure is asked about broken maps of a function only where it lets the right map pass.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import costs
import numpy as np
import rivals
from costs import CHECK_GRADS, FAST, SLOW, Native, Said, elements, said_by, said_by_oracle
from effects import Setting
from faults import FAULTS, Fault, breaking, effect_of
from judging import Judging
from rivals import Subject
from systems import KINDS, Kind, Question, System, hash_of
from wrong import is_resolvable

from gradtier.cases import Case
from gradtier.inputs import in_precision
from gradtier.oracle import Dossier, Map, OracleError

Progress = Callable[[str], None]
#: Whether a wrong verdict on (question, system) is a known defect of a released package.
Known = Callable[[Question, str], bool]
#: An oracle or rival as a function of a fresh map.
Procedure = Callable[[Map], Said]

ORACLE = "oracle"
PROCEDURES = (ORACLE, SLOW, FAST, CHECK_GRADS)
DTYPES = ("float64", "float32")
#: There are thousands of broken maps: slow gradcheck is left out above this many inputs and outputs
#: (the rest runs up to ``MOST_BROKEN``), and one fault in ``SHARE`` is tried per function.
SLOW_BROKEN, MOST_BROKEN, SHARE = 400, 21_000, 4


@dataclass(frozen=True)
class Right:
    """One right map: what was said of it."""

    question: Question
    dtype: str
    system: str
    said: tuple[Said, ...]

    @property
    def group(self) -> str:
        """What kind of a point it is at."""
        tags = self.question.case.tags
        if tags & {"jump", "undefined"}:
            return "no derivative"
        return "kink" if "kink" in tags else "smooth"


@dataclass(frozen=True)
class Broken:
    """One broken map: what was said of it by those procedures that let the right one pass."""

    fault: Fault
    question: Question
    said: tuple[Said, ...]


def run(
    functions: Iterable[Case],
    systems: Mapping[str, System],
    progress: Progress,
    known: Known = lambda question, system: False,
    share: int = SHARE,
) -> dict[str, Any]:
    """Runs all procedures over the corpus, at seed 0.

    Args:
        functions: the corpus.
        systems: the systems by name: "torch" is judged, "autograd" and "jax" are its references.
        progress: told after each function.
        known: which maps are known to be wrong in a released package; they are left out.
        share: one fault in so many is tried per function.
    """
    court, clock = Court(systems), Counter[str]()
    spent, right, broken = [], [], []
    for case in functions:
        at = time.process_time()
        question = Question(case, 0, "vjp")
        judged, other = court.judged(question), court.reference(question)
        if judged and other and not known(question, judged):
            spent.append(costs.spent(question, court.native, court.systems, other))
        clock["cost"] += time.process_time() - at
        for part, kind in ((part, kind) for part in ("right", "broken") for kind in KINDS):
            at = time.process_time()
            question = Question(case, 0, kind)
            if part == "right":
                right += list(_right(court, question, known))
            else:
                broken += list(_broken(court, question, _faults(case, kind, share), known))
            clock[part] += time.process_time() - at
        progress(f"compare: {case.id} ({len(right)} right maps, {len(broken)} broken ones)")
    passed = [s for s in spent if s.passed]
    return {
        "settings": _settings(share),
        "right": _rates(right),
        "broken": _detection(broken),
        "cost": costs.table(passed),
        "cost_with_complaints": costs.table(spent),
        "targets": costs.targets(passed),
        "slow_left_out": [s.question.case.id for s in spent if s.by(SLOW) is None],
        "functions": [costs.row(s) for s in spent],
        "seconds": {part: round(seconds, 1) for part, seconds in clock.items()},
    }


class Court:
    """The systems, PyTorch's own interface among them, and the oracle.

    Args:
        systems: the systems by name.
    """

    def __init__(self, systems: Mapping[str, System]) -> None:
        self.native = Native()
        self.systems = {**systems, self.native.system.name: self.native.system}
        self.judging = Judging(self.systems)

    def judged(self, question: Question, broken: bool = False) -> str | None:
        """Who is judged; None if nobody answers.

        Inside gradcheck's forward mode PyTorch can't run its own once more, so that broken
        pushforwards are of other packages.
        """
        if question.kind != "jvp":
            return self._first((self.native.system.name,), question)
        return self._first(("autograd", "jax") if broken else ("torch",), question)

    def reference(self, question: Question, broken: bool = False) -> str | None:
        """A reference of another package; compilation is avoided where it can be."""
        forward = broken and question.kind == "jvp"
        return self._first(("torch",) if forward else ("autograd", "jax"), question)

    def _first(self, names: Sequence[str], question: Question) -> str | None:
        answering = (n for n in names if self.judging.refusal(n, question, "float64") is None)
        return next(answering, None)

    def oracle(self, question: Question, dossier: Dossier, reference: str) -> Procedure:
        """The oracle as one of the procedures."""

        def judge(claimed: Map) -> Said:
            start = time.process_time()
            verdict = self.judging.judge(question, dossier, reference, claimed)
            return said_by_oracle(ORACLE, verdict, time.process_time() - start)

        return judge


# Right maps.


def _right(court: Court, question: Question, known: Known) -> Iterator[Right]:
    """One per precision; gradcheck is run on PyTorch's own functions."""
    judged, reference = court.judged(question), court.reference(question)
    if judged is None or reference is None or known(question, judged):
        return
    x, _ = question.leaves()
    sizes = elements(x), elements(question.primal()(x))
    for dtype in DTYPES:
        if any(court.judging.refusal(n, question, dtype) is not None for n in (judged, reference)):
            continue
        claimed = court.systems[judged].map(question, dtype)
        said = []
        try:
            dossier = court.judging.dossier(question, dtype, reference)
            said.append(court.oracle(question, dossier, reference)(claimed))
        except OracleError as why:
            said.append(Said(ORACLE, "inconclusive", f"OracleError: {why}"))
        function, point, weights = court.native.function(question, dtype)
        checked = (question.kind, weights)
        said.append(said_by(FAST, rivals.gradcheck_native(function, point, *checked, True)))
        if not costs.slow_is_left_out(*_jacobian(question.kind, *sizes)):
            said.append(said_by(SLOW, rivals.gradcheck_native(function, point, *checked, False)))
        low = tuple(in_precision(a, dtype) for a in x)
        subject = Subject(question.kind, low, _primal(court, question, dtype), claimed)
        said.append(said_by(CHECK_GRADS, rivals.check_grads(subject)))
        yield Right(question, dtype, judged, tuple(said))


def _jacobian(kind: Kind, inputs: int, outputs: int) -> tuple[int, int]:
    return (inputs, inputs) if kind == "hvp" else (inputs, outputs)


def _primal(court: Court, question: Question, dtype: str) -> Callable[..., Any]:
    """What check_grads differences: PyTorch's function on arrays, or its gradient."""
    if question.kind != "hvp":
        return court.native.primal(question, dtype)
    first = court.native.system.map(Question(question.case, question.seed, "vjp"), dtype)
    weights = question.fixed()

    def gradient(x: Any) -> Any:
        (told,) = first([(x, weights)])
        return tuple(np.zeros_like(a) if g is None else g for g, a in zip(told, x, strict=True))

    return gradient


# Broken maps.


def _faults(case: Case, kind: Kind, share: int) -> list[Fault]:
    """The faults tried in one map of a function: each in one map, chosen by the names."""

    def chosen(fault: Fault) -> bool:
        number, turn = divmod(hash_of(f"{case.id}:{fault.name}"), share)
        return turn == 0 and fault.kinds[number % len(fault.kinds)] == kind

    return [fault for fault in FAULTS if chosen(fault)]


def _broken(
    court: Court, question: Question, faults: Sequence[Fault], known: Known
) -> Iterator[Broken]:
    judged, reference = court.judged(question, True), court.reference(question, True)
    x, _ = question.leaves()
    size = elements(x) + elements(question.primal()(x))
    if not judged or not reference or known(question, judged) or size > MOST_BROKEN or not faults:
        return
    try:
        dossier = court.judging.dossier(question, "float64", reference)
        noise = court.judging.full(question, "float64", reference)
    except OracleError:
        return  # said of the right map
    setting = Setting(question, court.systems[judged], "float64")
    every = _procedures(court, question, court.systems[judged], dossier, reference, size)
    answers = [(procedure, procedure(setting.right).outcome) for procedure in every]
    passing = [procedure for procedure, said in answers if said in ("pass", "inconclusive")]
    for fault in faults:
        seen = effect_of(fault, setting)
        if seen is None or not is_resolvable(seen, noise):
            continue
        said = []
        for procedure in passing:
            fresh = breaking(fault, setting)  # some faults have a memory
            assert fresh is not None
            said.append(procedure(fresh))
        yield Broken(fault, question, tuple(said))


def _procedures(
    court: Court,
    question: Question,
    system: System,
    dossier: Dossier,
    reference: str,
    size: int,
) -> list[Procedure]:
    """The oracle and the rivals, who difference the judged system's gradient for second order."""
    x, _ = question.leaves()
    primal = question.primal()
    if question.kind == "hvp":
        gradient = system.gradient(question)
        primal = lambda x: gradient([x])[0]  # noqa: E731

    def subject(answer: Map) -> Subject:
        return Subject(question.kind, x, primal, answer)

    found: list[Procedure] = [
        court.oracle(question, dossier, reference),
        lambda answer: said_by(FAST, rivals.gradcheck(subject(answer), True)),
        lambda answer: said_by(CHECK_GRADS, rivals.check_grads(subject(answer))),
    ]
    if size <= SLOW_BROKEN:
        found.append(lambda answer: said_by(SLOW, rivals.gradcheck(subject(answer), False)))
    return found


# Tables.


def _rates(right: Sequence[Right]) -> dict[str, Any]:
    """Per precision and map: of how many right maps each procedure complained, and which."""
    groups = ("smooth", "kink", "no derivative")
    found: dict[str, Any] = {}
    for dtype in DTYPES:
        for kind in KINDS:
            mine = [r for r in right if (r.dtype, r.question.kind) == (dtype, kind)]
            found[f"{dtype} {kind}"] = {
                group: _outcomes([r.said for r in mine if r.group == group]) for group in groups
            }
    alarms = [
        {"function": r.question.case.id, "map": r.question.kind, "dtype": r.dtype,
         "system": r.system, "procedure": s.procedure, "words": s.words}
        for r in right for s in r.said
        if r.group != "no derivative" and s.outcome == "fail"
    ]  # fmt: skip
    ours = [alarm for alarm in alarms if alarm["procedure"] == ORACLE]
    return {"outcomes": found, "false_alarms_of_the_oracle": ours, "false_alarms": alarms}


def _detection(broken: Sequence[Broken]) -> dict[str, Any]:
    """Per fault, level and map: how many broken maps each procedure found ("fail", "raised")."""
    levels = list(dict.fromkeys(b.fault.level for b in broken))
    return {
        "maps": len(broken),
        "all": _outcomes([b.said for b in broken]),
        "by_fault": {
            fault.name: _outcomes([b.said for b in broken if b.fault is fault])
            for fault in FAULTS
        },
        "by_level": {
            level: _outcomes([b.said for b in broken if b.fault.level == level]) for level in levels
        },
        "by_map": {
            kind: _outcomes([b.said for b in broken if b.question.kind == kind]) for kind in KINDS
        },
        "missed_by_the_oracle": [
            {"fault": b.fault.name, "function": b.question.case.id, "map": b.question.kind,
             "outcome": s.outcome, "words": s.words}
            for b in broken for s in b.said
            if s.procedure == ORACLE and s.outcome not in ("fail", "raised")
        ],
    }  # fmt: skip


def _outcomes(said: Sequence[tuple[Said, ...]]) -> dict[str, dict[str, int]]:
    """Per procedure: how many maps it was asked about, failed, passed, or could not tell."""
    found = {}
    for procedure in PROCEDURES:
        mine = [s.outcome for each in said for s in each if s.procedure == procedure]
        found[procedure] = {"asked": len(mine), **Counter(mine)}
    return found


def _settings(share: int) -> dict[str, Any]:
    return {
        "gradcheck": {dtype: dict(rivals.gradcheck_settings(dtype)) for dtype in DTYPES},
        "check_grads": {dtype: dict(rivals.check_grads_settings(dtype)) for dtype in DTYPES},
        "gradcheck slow left out above": {
            "inputs + outputs": costs.SLOW_ELEMENTS,
            "inputs x outputs": costs.SLOW_JACOBIAN,
            "inputs + outputs, broken maps": SLOW_BROKEN,
        },
        "broken maps left out above": MOST_BROKEN,
        "one fault per function in": share,
        "repeats": costs.REPEATS,
    }
