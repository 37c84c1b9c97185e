"""Calling a primal that others wrote: counted, checked and made flat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradtier.oracle import sharper
from gradtier.oracle.constants import CHUNK_ELEMENTS
from gradtier.oracle.draws import flat
from gradtier.oracle.sharper import NOTHING_SHARPER, Sharper
from gradtier.oracle.types import (
    Array,
    BatchedPrimal,
    Leaves,
    OracleError,
    Paired,
    as_leaves,
    items_of,
    outward,
    pairing,
)

RESTLESS = 2.0**-20
"""A primal that moves by more than this share of its size when called again has hidden state."""


@dataclass
class Troubles:
    """What went wrong while a primal was evaluated around a point; counts of evaluations.

    Attributes:
        asked: evaluations besides the one at the point itself.
        raised: how many raised, and `words` of the first exception.
        reshaped: how many returned other leaves or shapes, and `shapes` of the first of them.
        nonfinite: how many had NaN or infinity where the value at the point is finite.
        at_point: elements that are not finite at the point itself, of `elements`.
        restless: it gave another value, in the last digits, when called again at the point.
    """

    asked: int = 0
    raised: int = 0
    words: str = ""
    reshaped: int = 0
    shapes: str = ""
    nonfinite: int = 0
    at_point: int = 0
    elements: int = 0
    restless: bool = False

    def sentence(self) -> str | None:
        """All of it in words, or None if all went well."""
        said, around = [], f"of {self.asked} points around it"
        if self.at_point:
            said.append(f"is not finite at the point ({self.at_point} of {self.elements} elements)")
        if self.raised:
            said.append(f"raises at {self.raised} {around} ({self.words})")
        if self.reshaped:
            said.append(f"returns {self.shapes} at {self.reshaped} {around}")
        if self.nonfinite:
            said.append(f"is not finite at {self.nonfinite} {around}")
        if self.restless:
            said.append("differs in the last digits when called again at the point")
        return "the primal " + ", ".join(said) if said else None


class Evaluator:
    """A primal at many points, as flat rows; whatever goes wrong at a point makes its row NaN.

    Attributes:
        count: evaluations so far.
        value: the leaves at the base point, which fix the output's shapes.
        paired: which of them are pairs (complex).
        troubles: what went wrong on the way.
        sharpened: names of the sharper witnesses that took part.
    """

    def __init__(
        self,
        primal: BatchedPrimal,
        x: Leaves,
        value: Leaves | None = None,
        paired: Paired = (),
        extra: Sharper = NOTHING_SHARPER,
    ) -> None:
        """Evaluates the primal at `x` unless its value is already known.

        Args:
            primal: the function; it is called with complex leaves where `paired` says so.
            x: the point, real leaves.
            value: the value there, if it is known already.
            paired: which leaves of `x` are pairs; empty if none is.
            extra: what may be asked where finite differences are not sharp.

        Raises:
            OracleError: if the primal fails at `x` itself, or gives whole numbers only.
        """
        self._primal, self._x, self._points, self._sharper = primal, x, paired, extra
        self.count = 0
        self.troubles = Troubles()
        self.sharpened: set[str] = set()
        self.paired: Paired = ()
        self._unproven = value is None
        self.value = self._base() if value is None else value
        self._size = sum(leaf.size for leaf in self.value)
        self._shapes = [leaf.shape for leaf in self.value]
        self._input_size = sum(leaf.size for leaf in x)

    def _base(self) -> Leaves:
        self.count += 1
        try:
            with np.errstate(all="ignore"):
                answers = self._primal([self._called(self._x)])
        except Exception as error:
            raise OracleError(
                f"the primal raises at the point itself: {type(error).__name__}: {error}"
            ) from error
        if len(answers) != 1:
            raise OracleError(
                f"the primal answered {len(answers)} times for one point; wrap it with batched()"
            )
        items = items_of(answers[0])
        if items and all(item.dtype.kind in "iub" for item in items):
            raise OracleError(
                f"the primal returns whole numbers ({items[0].dtype}): nothing to differentiate"
            )
        self.paired = pairing(answers[0])
        value = tuple(np.array(leaf) for leaf in as_leaves(answers[0]))
        self.troubles.elements = sum(leaf.size for leaf in value)
        self.troubles.at_point = sum(int(np.sum(~np.isfinite(leaf))) for leaf in value)
        return value

    def rows(self, points: Sequence[Leaves]) -> Array:
        """The flat values at the points, shape (points, outputs), in batches of bounded size.

        The first call asks for the value at the point once more.

        Raises:
            OracleError: if that one is another than before.
        """
        proving, self._unproven = self._unproven, False
        asked = [*points, self._x] if proving else points
        out = np.full((len(asked), self._size), np.nan)
        per_batch = max(1, CHUNK_ELEMENTS // max(1, self._size + self._input_size))
        for start in range(0, len(asked), per_batch):
            part = asked[start : start + per_batch]
            for i, row in enumerate(self._batch(part)):
                if row is not None:
                    out[start + i] = row
                    self.troubles.nonfinite += self._holes(row)
        if proving:
            self._prove(out[-1])
            out = out[:-1]
        self.troubles.asked += len(out)
        return out

    def _holes(self, row: Array) -> bool:
        """Whether a row is not finite where the value at the point is."""
        finite = np.isfinite(row)
        return not finite.all() and bool(np.any(~finite & np.isfinite(flat(self.value))))

    def _prove(self, again: Array) -> None:
        first = flat(self.value)
        if np.array_equal(first, again, equal_nan=True):
            return
        with np.errstate(all="ignore"):
            moved = np.abs(first - again)
            size = np.max(np.where(np.isfinite(first), np.abs(first), 0.0))
            small = bool(np.all((moved <= RESTLESS * size) | (first == again)))
        if not small:
            if self.troubles.raised or self.troubles.reshaped:
                raise OracleError(f"called again at the same point, {self.troubles.sentence()}")
            worst = int(np.argmax(np.where(np.isfinite(moved), moved, np.inf)))
            raise OracleError(
                "called again at the same point, the primal gives another value "
                f"({first[worst]:.9g}, then {again[worst]:.9g}): hidden state or random numbers"
            )
        self.troubles.restless = True

    def by_complex_step(self, direction: Leaves) -> Array | None:
        """The slope of every output by a complex step, flat; see `gradtier.oracle.sharper`."""
        if not self._sharper.complex_step or any(self._points) or any(self.paired):
            return None
        self.count += 1
        return sharper.by_complex_step(self._primal, self._x, direction, self.value)

    def by_high_precision(self, direction: Leaves) -> tuple[Array, Array] | None:
        """The slope of every output in high precision and its error, flat."""
        return sharper.by_high_precision(self._sharper, self._x, direction, self._points)

    def _called(self, x: Leaves) -> Leaves:
        return outward(copied(x), self._points) if any(self._points) else copied(x)

    def _batch(self, points: Sequence[Leaves]) -> list[Array | None]:
        self.count += len(points)
        try:
            with np.errstate(all="ignore"):
                answers = self._primal([self._called(x) for x in points])
            if len(answers) == len(points):
                return [self._row(answer) for answer in answers]
        except Exception as error:
            if len(points) == 1:
                self.troubles.raised += 1
                self.troubles.words = self.troubles.words or f"{type(error).__name__}: {error}"
                return [None]
        if len(points) == 1:
            return [None]
        return [self._batch([point])[0] for point in points]

    def _row(self, answer: Leaves) -> Array | None:
        try:
            leaves = as_leaves(answer)
        except (TypeError, ValueError):
            return None
        if [leaf.shape for leaf in leaves] != self._shapes:
            self.troubles.reshaped += 1
            self.troubles.shapes = self.troubles.shapes or _shown(leaves, self._shapes)
            return None
        return flat(leaves)


def _shown(leaves: Leaves, expected: Sequence[tuple[int, ...]]) -> str:
    if len(leaves) != len(expected):
        return f"{len(leaves)} leaves, not {len(expected)},"
    pairs = zip((leaf.shape for leaf in leaves), expected, strict=True)
    got, wanted = next((a, b) for a, b in pairs if a != b)
    return f"shape {got}, not {wanted},"


def copied(leaves: Leaves) -> Leaves:
    """New arrays, for callees that write into what they are given."""
    return tuple(np.array(leaf) for leaf in leaves)
