"""Running an operator: arguments in, compiled once, results in the user's structure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gradtier.backends.base import Adapter, Native, Unsupported
from gradtier.operators.batched import leading, refuse_mixed
from gradtier.operators.job import Job, one_real_scalar
from gradtier.operators.maps import Nested
from gradtier.operators.probe import offers
from gradtier.operators.seeds import one
from gradtier.operators.structure import (
    ACTIVE,
    Constant,
    described,
    directions,
    dtype_of,
    kind_of,
    matched,
    result,
    shape_of,
    taken,
)
from gradtier.operators.ways import OPERATORS, Operator, Way, choice, needed

_WITH_SEED = ("x", "y", "cotangent x")


class Prepared:
    """An operator on one function, ready for arguments like those it was prepared with.

    Called as ``prepared(x, *contexts)``, with the tangent or cotangent after ``x`` for operators
    that take one.  What the backend compiles was compiled once, at the point given to
    :func:`gradtier.operators.prepare`.

    Attributes:
        how: the way that was taken, in the words of :func:`gradtier.operators.support`.
    """

    how: str

    def __init__(
        self,
        name: str,
        extra: int,
        f: Callable[..., Any],
        backend: Adapter | Nested,
        arguments: tuple[Any, ...],
        options: dict[str, Any],
    ) -> None:
        operator = OPERATORS[name]
        order, switch = options.pop("order", None), options.pop("switch", False)
        self._operator, self._extra = operator, extra
        self._seeded = operator.seed in _WITH_SEED
        if not callable(f):
            raise TypeError(f"f is {described(f)}, expected a function")
        x, contexts = self._apart(arguments)
        active: list[Any] = []
        fixed: list[Any] = []
        skeleton = taken(x, "x", active, fixed)
        nodes = tuple(
            [taken(_context(c, i), f"context {i}", [], fixed) for i, c in enumerate(contexts)]
        )
        self._ready(f, backend, skeleton, nodes, active, fixed, options)
        self._ways = choice(operator, backend, order, switch)
        self._run: Callable[..., Native]
        self._lower = 0
        self._signature: list[tuple[Any, Any]] = []
        self._shapes = [a.shape for a in active]
        self._first = (tuple(active), tuple(fixed), self._direction(arguments))

    def _ready(
        self, f: Any, backend: Any, x: Any, nodes: Any, active: Any, fixed: Any, options: Any
    ) -> None:
        self._job = job = Job(f, backend, x, nodes, self._extra, options)
        self._one = _checked(self._operator, job, active)
        if self._extra == 2:  # tried out here, not inside a trace
            offers(backend, "pushforward" if self._operator.scalar_x else "pullback")
        if self._operator.scalar_y:
            job.expect = one_real_scalar
        elif self._operator.name == "batched_jacobian":
            job.expect = leading(_batch(active))

    def _apart(self, arguments: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        """The arguments x and contexts, without the direction between them."""
        count = 2 if self._seeded else 1
        if len(arguments) < count:
            wanted = {"y": "x, a cotangent"}.get(self._operator.seed, "x, a tangent")
            raise TypeError(
                f"{self._operator.name} got {len(arguments)} arguments after the backend; "
                f"expected {wanted if self._seeded else 'x'} and contexts"
            )
        return arguments[0], arguments[count:]

    def _direction(self, arguments: tuple[Any, ...]) -> Native:
        if not self._seeded:
            return ()
        given, kind = arguments[1], self._operator.seed
        if kind != "y":
            found = directions(self._job.x, given, "the tangent")
            for leaf, shape in zip(found, self._shapes, strict=True):
                if leaf.shape != shape:
                    raise ValueError(
                        f"the tangent has {described(leaf)} where x has the shape {tuple(shape)}"
                    )
            return found
        if hasattr(given, "shape"):
            return (given,)
        leaves: list[Any] = []
        taken(given, "the cotangent", leaves, [])
        return tuple(leaves)

    def first(self) -> Any:
        """The operator at the point that it is prepared with; chooses and compiles the way."""
        active, fixed, direction = self._first
        if self._operator.seed == "y":
            self._job.expect = self._like(direction)
        error: Exception | None = None
        declined: Exception | None = None
        for way in self._ways:
            if not way.certain and not way.possible(self._job.backend):
                continue
            try:
                self.how = way.how
                return self._finish(self._tried(way, (*active, *direction, *fixed)))
            except Exception as raised:
                if self._job.problem is not None:
                    raise self._job.problem from None
                if way.possible(self._job.backend):
                    if not self._job.adapter.declines(raised):
                        raise
                    declined = declined or raised  # of this function; another way may do
                error = raised
        if declined is not None:
            raise declined
        kind = type(self._job.maps.inner).__name__
        raise Unsupported(
            f"{kind} can't do {self._operator.name}: it needs {needed(self._ways)}"
        ) from error

    def kept(self) -> Prepared:
        """Itself after :meth:`first`, ready for other points; the first one is let go."""
        active, fixed, _ = self._first
        self._signature = [(a.shape, dtype_of(a)) for a in (*active, *fixed)]
        self._first = ((), (), ())
        return self

    def _compiled(self, way: Way) -> Callable[..., Native]:
        """The way as one compiled function of flat arrays: x, the direction, the constants.

        Every argument and every level of tuples costs time in a compiled function's call, so what
        is not asked for is not returned, and the seed 1 is none of them.
        """
        job, run, keep = self._job, way.run, self._extra > 0
        width, middle = len(self._first[0]), len(self._first[0]) + len(self._first[2])
        unit = () if self._one is None else (self._one,)
        traced = False

        def flat(*arrays: Any) -> Native:
            # made in the program it is a constant; an array from outside would be an argument
            units = tuple([one(job.adapter, a) for a in unit]) if traced else unit
            seed = (*units, *arrays[width:middle])
            value, answer = run(job, job.bind(arrays[middle:]), arrays[:width], seed)
            if not keep:
                return answer  # type: ignore[no-any-return]
            self._lower = len(value)
            return (*value, *answer)

        compiled = job.maps.outer.compile(flat)
        traced = compiled is not flat
        return compiled

    def _tried(self, way: Way, arrays: Native) -> Native:
        """The compiled way, with a cotangent of another dtype if the result turned out so."""
        job = self._job
        self._run = run = self._compiled(way)
        try:
            return run(*arrays)
        except Exception:
            if job.problem is not None or not self._operator.scalar_y or not job.dtypes:
                raise
            if self._one is None or job.dtypes[0] == dtype_of(self._one):
                raise
        self._one = _like_dtype(job, arrays[0], job.dtypes[0])
        self._run = run = self._compiled(way)
        return run(*arrays)

    def _like(self, direction: Native) -> Callable[[Job], None]:
        """The expectation that the result is shaped like a cotangent."""
        wanted = [shape_of(leaf) for leaf in direction]

        def expect(job: Job) -> None:
            if job.shapes != wanted:
                raise ValueError(
                    f"the cotangent has the shapes {wanted}; expected {job.shapes}, those of f(x)"
                )

        return expect

    def __call__(self, *arguments: Any) -> Any:
        """The operator at other arguments of the same structure, shapes and dtypes.

        Raises:
            ValueError: they differ; the message says where.
        """
        x, contexts = self._apart(arguments)
        job = self._job
        active: list[Any] = []
        fixed: list[Any] = []
        if job.x is ACTIVE and hasattr(x, "shape"):
            active.append(x)
        else:
            matched(job.x, x, "x", active, fixed)
        if len(contexts) != len(job.contexts):
            raise ValueError(
                f"{len(contexts)} contexts, expected {len(job.contexts)} as when prepared"
            )
        for i, (node, given) in enumerate(zip(job.contexts, contexts, strict=True)):
            matched(node, _context(given, i), f"context {i}", [], fixed, True)
        for leaf, (shape, dtype) in zip((*active, *fixed), self._signature, strict=True):
            if leaf.shape != shape or getattr(leaf, "dtype", None) != dtype:
                raise ValueError(
                    f"{described(leaf)}, expected shape {tuple(shape)} and dtype {dtype} "
                    "as when prepared; prepare again for others"
                )
        direction = self._direction(arguments)
        if self._operator.seed == "y":
            self._like(direction)(job)
        return self._finish(self._run(*active, *direction, *fixed))

    def _finish(self, found: Native) -> Any:
        job, operator = self._job, self._operator
        value, answer = found[: self._lower], found[self._lower :]
        if operator.name == "batched_jacobian" and job.check:
            refuse_mixed(job.adapter, answer[-1])
            answer = answer[:-1]
        laid = _laid(operator, job, answer)
        if not self._extra:
            return laid
        count = len(job.shapes)
        y = value[0] if job.out is ACTIVE else result(job.out, iter(value[:count]))
        if self._extra == 1:
            return y, laid
        middle = job.x if operator.layout in ("x", "xx", "scalar") else job.out
        return y, result(middle, iter(value[count:])), laid


def _laid(operator: Operator, job: Job, answer: Native) -> Any:
    """The flat answer in the structure that the operator's layout names."""
    layout = operator.layout
    if layout == "scalar":
        return answer[0]
    if layout in ("x", "y"):
        node = job.x if layout == "x" else job.out
        return answer[0] if node is ACTIVE else result(node, iter(answer))
    outer = job.out if layout == "yx" else job.x
    if outer is ACTIVE and job.x is ACTIVE:
        return answer[0]
    leaves: Iterator[Any] = iter(answer)

    def rows() -> Iterator[Any]:
        while True:
            yield result(job.x, leaves)

    return result(outer, rows())


def _checked(operator: Operator, job: Job, active: list[Any]) -> Any:
    """Refuse inputs that can't be differentiated; the seed 1 if the operator has one.

    Raises:
        TypeError: an array of x is not real or complex.
        ValueError: x has no array, or the operator wants a scalar.
    """
    if not active:
        raise ValueError("x has no array to differentiate by: all leaves are constant")
    for leaf in active:
        kind = kind_of(dtype_of(leaf))
        job.complex_x = job.complex_x or kind == "complex"
        if kind == "other":
            raise TypeError(
                f"x holds {described(leaf)}, which can't be differentiated; "
                "expected real or complex numbers, or Constant(...) around it"
            )
    if operator.scalar_x and (len(active) != 1 or shape_of(active[0]) != ()):
        found = ", ".join(str(shape_of(a)) for a in active)
        raise ValueError(
            f"{operator.name}: x has arrays of the shapes [{found}]; "
            "expected one scalar, of shape ()"
        )
    if "tangent" not in operator.seed:
        return None
    like = active[0]
    if operator.scalar_y and kind_of(dtype_of(like)) == "complex":
        like = job.adapter.namespace.real(like)  # the cotangent of a real result
    return one(job.adapter, like)


def _batch(active: list[Any]) -> int:
    shapes = [shape_of(a) for a in active]
    sizes = {shape[0] if shape else None for shape in shapes}
    if len(sizes) != 1 or None in sizes:
        raise ValueError(
            f"x has arrays of the shapes {shapes}; expected one leading axis, the batch, for all"
        )
    return int(next(iter(sizes)) or 0)


def _context(given: Any, index: int) -> Any:
    if not isinstance(given, Constant):
        raise TypeError(
            f"context {index} is {described(given)}; what follows x is constant and must be "
            "marked so: Constant(...)"
        )
    return given


def _like_dtype(job: Job, like: Any, dtype: Any) -> Any:
    return job.adapter.namespace.astype(one(job.adapter, like), dtype)
