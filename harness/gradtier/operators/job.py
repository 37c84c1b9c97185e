"""One operator on one function: what the ways of computing it are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gradtier.backends.base import Adapter, Function, Native
from gradtier.operators.maps import Maps, Nested
from gradtier.operators.probe import offers
from gradtier.operators.structure import (
    ACTIVE,
    built,
    described,
    dtype_of,
    kind_of,
    taken,
)

_NOTHING: Iterator[Any] = iter(())


class Job:
    """A user's function as a flat one, and how it is to be differentiated.

    What the function returned is noted at each call, because a compiled map calls it once only and
    its results must be given their structure later.

    Attributes:
        backend: as the user gave it.
        maps: its maps.
        adapter: the one that makes arrays.
        extra: how many lower orders are wanted with the answer (value, first derivative).
        vectorize: whether the backend may map over many seeds at once.
        check: whether a batched Jacobian is checked for mixing.
        out: the skeleton of the function's result, once it was called.
        shapes, dtypes: of the leaves of the result.
        complex_x: whether the user gave complex numbers.
        problem: what is wrong with the function's result; libraries may wrap what is raised inside.
        expect: raises if the result is not what the operator needs.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        backend: Adapter | Nested,
        x: Any,
        contexts: tuple[Any, ...],
        extra: int,
        options: dict[str, Any],
    ) -> None:
        self.f, self.backend, self.maps = f, backend, Maps(backend)
        self.adapter = self.maps.inner
        self.x, self.contexts, self.extra = x, contexts, extra
        self.vectorize: bool = options.get("vectorize", True)
        self.check: bool = options.get("check", True)
        self.expect: Callable[[Job], None] | None = None
        self.out: Any = None
        self.shapes: list[tuple[int, ...]] = []
        self.dtypes: list[Any] = []
        self.problem: Exception | None = None
        self.complex_x = False
        self._simple = x is ACTIVE and not contexts

    @property
    def forward(self) -> bool:
        """Whether the backend has a pushforward."""
        return offers(self.backend, "pushforward")

    @property
    def reverse(self) -> bool:
        """Whether the backend has a pullback."""
        return offers(self.backend, "pullback")

    def bind(self, fixed: Native) -> Function:
        """The function of the flat arrays to differentiate, with the constant ones put in."""
        f, note = self.f, self.note
        if self._simple:
            return lambda x: note(f(x), (x,))

        def flat(*x: Any) -> Native:
            active, constants = iter(x), iter(fixed)
            first = built(self.x, active, constants)
            rest = [built(node, _NOTHING, constants) for node in self.contexts]
            return note(f(first, *rest), x)

        return flat

    def note(self, y: Any, x: Native) -> Native:
        """The leaves of a result of the function at ``x``; its structure is kept.

        Raises:
            TypeError: a leaf is no array.
            ValueError: the operator needs another kind of result.
        """
        leaves: list[Any] = []
        if hasattr(y, "shape"):
            leaves.append(y)
            self.out = ACTIVE
        else:
            try:
                self.out = taken(y, "f(x)", leaves, [])
            except TypeError:
                self.problem = TypeError(
                    f"f returned {described(y)}; expected an array of the backend or dicts, "
                    "lists and tuples of them"
                )
                raise self.problem from None
        self.shapes = [tuple(leaf.shape) for leaf in leaves]
        self.dtypes = [dtype_of(leaf) for leaf in leaves]
        for dtype in self.dtypes:
            if kind_of(dtype) == "complex" and self._lifted(x):
                self.dtypes = [None] * len(leaves)
                break
        if self.expect is not None:
            try:
                self.expect(self)
            except (TypeError, ValueError) as error:
                self.problem = error
                raise
        return tuple(leaves)

    def _lifted(self, x: Native) -> bool:
        """Whether the backend itself calls the function of real numbers with complex ones."""
        return not self.complex_x and any(kind_of(dtype_of(a)) == "complex" for a in x)

    def refuse_complex(self, x: Native, instead: str) -> None:
        """Raise where numbers are complex and a matrix of derivatives would not be one.

        Raises:
            TypeError: a leaf of ``x`` or of the result is complex.
        """
        for dtype in (*map(dtype_of, x), *self.dtypes):
            if kind_of(dtype) == "complex":
                self.problem = TypeError(f"{dtype} is complex: {instead}")
                raise self.problem


def one_real_scalar(job: Job) -> None:
    """An expectation: f returns one real number."""
    if job.shapes != [()]:
        shown = ", ".join(map(str, job.shapes)) or "none"
        raise ValueError(
            f"f returned arrays of the shapes [{shown}]; expected one scalar, of shape ()"
        )
    if (kind := kind_of(job.dtypes[0])) != "real":
        what = "complex" if kind == "complex" else "not real"
        raise TypeError(f"f returned {job.dtypes[0]}, which is {what}; expected a real scalar")
