"""What a trial is judged by: the primal on NumPy, the reference, and the dossiers made of both.

A dossier holds everything about one question that does not depend on the backend under test.  It
is made once per run and shared by all backends, modes and pytest workers of that run through a
private folder.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradtier import oracle, precise
from gradtier.cases import Case
from gradtier.engine import Crashed, Engines, Refused, TimedOut, Unavailable
from gradtier.host import adapter_class
from gradtier.inputs import COMPLEX, generator, in_precision
from gradtier.ledger import UNKEPT, Part, Unkept
from gradtier.matrix import Matrix
from gradtier.messages import Array, Ask, Leaves
from gradtier.model import Mode, Nesting
from gradtier.plan import references_for

REFERENCE_DEVICE = "cpu"  # the reference is the same for every device


class NoReference(Exception):
    """A reference can't answer for this case; the next one is asked."""


@dataclass(frozen=True)
class Question:
    """What is judged: one derivative map of one case.

    Attributes:
        case: the case.
        mode, nesting: which map (see :mod:`gradtier.derivatives`).
        dtype: the tested precision.
        x: the point, float64 or complex128, in numbers that ``dtype`` represents.
        name: seeds every draw; the same for all backends that answer the question.
        fixed: what stands before the direction in a seed (w or u of a nested map), else empty.
    """

    case: Case
    mode: Mode
    nesting: Nesting
    dtype: str
    x: Leaves
    name: str
    fixed: Leaves

    @property
    def dtypes(self) -> tuple[str, ...]:
        """What an answer's dtypes may be; that no real leaf is complex, the oracle sees."""
        return (self.dtype, *([COMPLEX[self.dtype]] if self.dtype in COMPLEX else []))

    @property
    def map_name(self) -> str:
        """``vjp``, ``jvp``, ``hvp`` or ``second``: rows with the same name share a dossier."""
        if self.nesting is Nesting.NONE:
            return "vjp" if self.mode is Mode.REVERSE else "jvp"
        both = self.mode is Mode.FORWARD and self.nesting is Nesting.FORWARD
        return "second" if both else "hvp"


def primal(matrix: Matrix, case: Case, dtype: str) -> Callable[[Leaves], Leaves]:
    """The case on the namespace that finite differences run on, in float64 or complex128.

    Its constants are those that a trial in ``dtype`` hands out.
    """
    several = primals(matrix, case, dtype)
    return lambda x: several([x])[0]


def primals(matrix: Matrix, case: Case, dtype: str) -> Callable[[Sequence[Leaves]], list[Leaves]]:
    """:func:`primal` at many points.

    Warnings are put away once for all of them: that takes as long as a small function.
    """
    namespace = adapter_class(matrix.primal)().extended(case.natives)
    _, constants = case.draw()
    flat = case.bind(namespace, tuple(_exactly(c, dtype) for c in constants))

    def evaluate(points: Sequence[Leaves]) -> list[Leaves]:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [tuple([np.asarray(a) for a in flat(*x)]) for x in points]

    return evaluate


def _exactly(array: Array, dtype: str) -> Array:
    """What a backend is handed in ``dtype``, in float64 where it is a real number."""
    given = in_precision(array, dtype)
    return given.astype(np.float64) if given.dtype.kind == "f" else array


def question(matrix: Matrix, case: Case, mode: Mode, nesting: Nesting, dtype: str) -> Question:
    """The question that a trial asks; draws the fixed part of a nested seed."""
    x = tuple(_exactly(a, dtype) for a in case.draw()[0])
    asked = Question(case, mode, nesting, dtype, x, "", ())
    name = f"{case.id}:{asked.map_name}"
    fixed: Leaves = ()
    if asked.map_name == "hvp":
        fixed = drawn_like(name, primal(matrix, case, dtype)(x), dtype)
    elif asked.map_name == "second":
        fixed = drawn_like(name, x, dtype)
    return Question(case, mode, nesting, dtype, x, name, fixed)


def _filled(leaves: Sequence[Any], like: Leaves) -> Leaves:
    """A gradient with "not connected" leaves as the zeros that they mean."""
    if not any(a is None for a in leaves):
        return tuple(leaves)
    return tuple(np.zeros_like(x) if a is None else a for a, x in zip(leaves, like, strict=True))


def drawn_like(name: str, like: Leaves, dtype: str) -> Leaves:
    """A cotangent or tangent: numbers +-[1/2, 3/2] of 8 fractional bits, or what ``dtype`` has."""
    rng = generator(f"{name}:fixed")

    def drawn(shape: tuple[int, ...]) -> Array:
        real = rng.choice([-1.0, 1.0], shape) * rng.integers(128, 385, shape) / 256.0
        return _exactly(np.asarray(real), dtype)

    return tuple(
        drawn(a.shape) + 1j * drawn(a.shape) if np.iscomplexobj(a) else drawn(a.shape) for a in like
    )


@dataclass(frozen=True)
class Known:
    """What is known of a question before a backend is asked.

    Attributes:
        dossier: the oracle's, lean where that was enough to certify the reference.
        reference: the row that it is by, if any.
        phi: what finite differences differentiate.
        full: gives the dossier that is not lean.
        sharper: what may be asked where finite differences are not sharp.
    """

    dossier: oracle.Dossier
    reference: str | None
    phi: Any
    full: Callable[[], oracle.Dossier]
    sharper: oracle.Sharper


class Bench:
    """The witnesses of one run.

    Args:
        matrix: the declaration.
        engines: where the reference rows run.
        folder: private folder in which dossiers are shared; None keeps them in memory only.
        ledger: where the time of finite differences is kept.
    """

    def __init__(
        self, matrix: Matrix, engines: Engines, folder: Path | None, ledger: Unkept = UNKEPT
    ) -> None:
        self._matrix, self._ledger = matrix, ledger
        self._engines = engines
        self._folder = folder
        self._known: dict[str, Any] = {}
        self._silent: dict[tuple[str, str], str] = {}

    def phi(self, q: Question, pair: tuple[str, str] | None) -> Any:
        """What finite differences differentiate: the primal, or the reference's first derivative.

        Raises:
            NoReference: a nested question, and no reference to take the first derivative from.
        """
        if q.nesting is Nesting.NONE:
            return self._timed(primals(self._matrix, q.case, q.dtype))
        if pair is None:
            raise NoReference("no reference of another package gives the first derivative here")
        first = Mode.FORWARD if q.map_name == "second" else Mode.REVERSE
        row = pair[first is Mode.FORWARD]

        def evaluate(points: Sequence[Leaves]) -> list[Leaves]:
            queries = tuple((tuple(x), q.fixed) for x in points)
            answers = self._ask(row, q, first, Nesting.NONE, "float64", queries)
            return [_filled(leaves, q.x) for leaves in answers]

        return evaluate

    def _timed(self, function: Any) -> Any:
        def timed(points: Any) -> Any:
            with self._ledger.of(Part.DIFFERENCES):
                return function(points)

        return timed

    def _sharper(self, q: Question) -> oracle.Sharper:
        """The complex step and many digits, where the primal is the case itself on NumPy."""
        if q.nesting is not Nesting.NONE:
            return oracle.Sharper()
        exact = precise.exact(q.case)
        timed = None if exact is None else self._timed(exact)
        return oracle.Sharper(complex_step=True, exact=timed)

    def known(self, q: Question, backend: str) -> Known:
        """What is known for judging ``backend``.

        References of another package are tried in the matrix's order; without any, finite
        differences alone remain.

        Raises:
            NoReference: a nested question that no reference answers.
            oracle.OracleError: the primal itself is at fault.
        """
        if q.dtype not in COMPLEX:
            outputs = primal(self._matrix, q.case, q.dtype)(q.x)
            if any(np.iscomplexobj(a) for a in outputs):
                raise oracle.OracleError(f"there are no complex numbers in {q.dtype}")
        reasons = []
        accuracy = self._matrix.backends[backend].accuracy
        granted = accuracy.relative if accuracy is not None else 0.0
        for pair in references_for(self._matrix, backend):
            rows = (pair.reverse, pair.forward)
            try:
                return self._made(q, rows, pair.single, granted)
            except NoReference as why:
                reasons.append(str(why))
        if q.nesting is not Nesting.NONE:
            raise NoReference("; ".join(reasons) or "no reference is of another package")
        return self._made(q, None, False, granted)

    def _made(
        self, q: Question, rows: tuple[str, str] | None, single: bool, granted: float
    ) -> Known:
        if q.nesting is not Nesting.NONE and rows is not None:
            self._need_first(q, rows, single, granted)
        phi = self.phi(q, rows)
        row = None if rows is None else rows[q.map_name in ("jvp", "second")]

        def made(lean: bool) -> oracle.Dossier:
            key = f"{q.name}:{q.dtype}:{row}:{'lean' if lean else 'full'}"
            if key not in self._known:
                found = self._load(key)
                if found is None:
                    if q.nesting is not Nesting.NONE:
                        phi([q.x])  # a reference that can't answer says so here
                    found = self._certify(q, row, phi, single, lean)
                    self._save(key, found)
                self._known[key] = found
            return oracle.relaxed(self._known[key], granted)

        return Known(made(lean=True), row, phi, lambda: made(lean=False), self._sharper(q))

    def _need_first(self, q: Question, rows: tuple[str, str], single: bool, granted: float) -> None:
        """A second derivative is judged by differences of the first, which must be right itself.

        Raises:
            NoReference: finite differences of the primal contradict the reference's.
        """
        mode = Mode.FORWARD if q.map_name == "second" else Mode.REVERSE
        first = question(self._matrix, q.case, mode, Nesting.NONE, q.dtype)
        known = self._made(first, rows, single, granted)
        if known.dossier.disputed and known.full().disputed:
            row = rows[mode is Mode.FORWARD]
            raise NoReference(f"the first derivative of {row} is wrong here")

    def _certify(self, q: Question, row: str | None, phi: Any, single: bool, lean: bool) -> Any:
        witness = None
        if row is not None:
            low = None
            if single or q.dtype != "float64":
                low = self._map(row, q, "float32" if q.dtype == "float64" else q.dtype)
            witness = oracle.Witness(self._map(row, q, "float64"), low, row)
        certify = oracle.certify_pullback if q.map_name == "vjp" else oracle.certify_pushforward
        return certify(q.name, phi, q.x, witness, q.dtype, sharper=self._sharper(q), lean=lean)

    def _map(self, row: str, q: Question, dtype: str) -> Any:
        """The reference row's map of the question, answering many queries at once."""
        mode = self._matrix.backends[row].mode
        nesting = q.nesting if q.map_name != "hvp" else Nesting.REVERSE

        def answer(queries: Any) -> Any:
            full = tuple((tuple(x), (*q.fixed, *seed)) for x, seed in queries)
            return self._ask(row, q, mode, nesting, dtype, full)

        return answer

    def _ask(
        self, row: str, q: Question, mode: Mode, nesting: Nesting, dtype: str, queries: Any
    ) -> Any:
        if (row, q.name) in self._silent:
            raise NoReference(self._silent[row, q.name])
        # A first derivative that is differenced has the question's fixed part as its whole seed.
        fixed = len(q.fixed) if nesting is not Nesting.NONE else 0
        ask = Ask(q.case.id, REFERENCE_DEVICE, dtype, mode, nesting, queries, fixed)
        try:
            answer = self._engines.get(row).ask(ask, self._matrix.timeout)
        except (Refused, TimedOut, Crashed, Unavailable) as error:
            why = f"{row} does not answer: {error}"
            if all(map(np.array_equal, queries[0][0], q.x)):  # elsewhere it need not be defined
                self._silent[row, q.name] = why
            raise NoReference(why) from error
        return list(answer.leaves)

    def _file(self, key: str) -> Path | None:
        if self._folder is None:
            return None
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.dossier"

    def _load(self, key: str) -> Any:
        file = self._file(key)
        if file is None or not file.exists():
            return None
        return pickle.loads(file.read_bytes())  # written by this very run, in its private folder

    def _save(self, key: str, dossier: Any) -> None:
        file = self._file(key)
        if file is None:
            return
        handle, name = tempfile.mkstemp(dir=self._folder)
        with os.fdopen(handle, "wb") as out:
            pickle.dump(dossier, out, protocol=5)
        os.replace(name, file)  # whole or not there, whoever else writes it
