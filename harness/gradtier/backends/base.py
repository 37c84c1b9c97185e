"""The adapter protocol: what gradtier needs to know of an AD library.

An adapter is a small class in a file of its own, named in ``matrix.yaml`` by its dotted path
(``gradtier.backends.jax:Jax``).  Importing that file must not import the library: planning looks
at adapters without starting them.  The library is imported by ``__init__``, which only ever runs
in a worker process that belongs to this backend.

An adapter sees flat tuples of arrays.  It supplies two maps that *compose*, because nested
derivatives are built by applying one to the other:

- ``pushforward(f, x, v) -> (y, dy)``: the JVP of ``f`` at ``x`` along the tangents ``v``;
- ``pullback(f, x, w) -> (y, dx)``: the VJP of ``f`` at ``x`` with the cotangents ``w``.

A backend without one of them raises :class:`Unsupported` there.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any, ClassVar, Literal

from numpy.typing import NDArray

from gradtier.backends.declined import MissingName, Unsupported
from gradtier.backends.natives import extended, group
from gradtier.model import Mode, Nesting

__all__ = [
    "Adapter",
    "Allocated",
    "Convention",
    "Derivative",
    "Function",
    "Linear",
    "MissingName",
    "Native",
    "Rule",
    "Unsupported",
]

Native = tuple[Any, ...]
Convention = Literal["conjugate", "transpose"]
Function = Callable[..., Native]

#: ``(x, seed) -> (value, answer)``: a whole derivative map; see :mod:`gradtier.derivatives`.
Derivative = Callable[[Native, Native], tuple[Native, Native]]


#: A linear map between flat tuples of arrays.
Linear = Callable[[Native], Native]


@dataclass(frozen=True)
class Rule:
    """A derivative that a user states for a function of their own, over a backend's arrays.

    Attributes:
        primal: ``(*x) -> y``, arrays to one array.
        pushforward: ``(x, dx) -> dy``; x and dx are tuples of arrays.
        pullback: ``(x, dy) -> dx``; x and dx are tuples of arrays.
    """

    primal: Callable[..., Any]
    pushforward: Callable[[Native, Native], Any]
    pullback: Callable[[Native, Any], Native]


@dataclass(frozen=True)
class Allocated:
    """What a library's allocator says of a device, in bytes.

    Attributes:
        now: in use.
        peak: the most that was in use since it was told to forget, or since the process began.
    """

    now: int
    peak: int


class Adapter(ABC):
    """One AD library, or one of its differentiation APIs.

    ``__init__`` raises ImportError where something is missing that pip can't install (a compiler, a
    library of the system), with a sentence that says what; the trials are then unavailable.

    Class attributes:
        distributions: the installed distributions whose versions identify the backend; the first
            one decides whether it is installed.
        modules: top-level modules that this adapter may import; any other backend's in the same
            process is a fault of the harness.
        environment: variables set in the worker before the library is imported.
        refusals: regular expressions of the messages by which the library declines
            (``unsupported``, as opposed to an error, ``raised``).
        shortages: regular expressions of the messages by which it says that a card's memory ran
            out, which is no fault of its own where several processes share one.
        complex_convention: what a pullback is for complex numbers. ``conjugate``: the gradient of a
            real f is df/d(Re x) + i df/d(Im x), and a holomorphic f has the pullback conj(f'(x)) w.
            ``transpose``: df/d(Re x) - i df/d(Im x), and f'(x) w. Pushforwards do not differ.
        in_process: whether the arithmetic is done in the worker itself, so that its memory counts.
        stem: dotted path of the module whose neighbours ``<stem>_special``, ``<stem>_nn``, ... hold
            the library's functions beyond the standard; see :mod:`gradtier.backends.natives`.
    """

    distributions: ClassVar[tuple[str, ...]] = ()
    modules: ClassVar[tuple[str, ...]] = ()
    environment: ClassVar[Mapping[str, str]] = {}
    refusals: ClassVar[tuple[str, ...]] = ()
    shortages: ClassVar[tuple[str, ...]] = (r"(?i)\bout[ _]of[ _]memory\b",)
    complex_convention: Convention = "conjugate"
    in_process: ClassVar[bool] = True
    stem: ClassVar[str] = ""

    def __init__(self, **options: Any) -> None:
        if options:
            raise TypeError(f"{type(self).__name__} takes no option {', '.join(sorted(options))}")

    @property
    @abstractmethod
    def namespace(self) -> Any:
        """The array API namespace that cases are written over."""

    def natives(self, name: str) -> Any:
        """The library's own functions of a group, as ``special``."""
        library = self.stem.rpartition(".")[2] or type(self).__name__
        return group(self.stem, name, library)

    def extended(self, groups: Iterable[str]) -> Any:
        """:attr:`namespace` with these groups as attributes: what a case is called with."""
        return extended(self.namespace, {name: self.natives(name) for name in groups})

    @abstractmethod
    def from_numpy(self, array: NDArray[Any], device: str) -> Any:
        """A native array of the same dtype on ``device``; never an alias of ``array``."""

    def to_bfloat16(self, array: Any) -> Any:
        """A native float32 array as bfloat16, which NumPy does not have."""
        raise Unsupported("this backend has no bfloat16")

    @abstractmethod
    def to_numpy(self, array: Any) -> NDArray[Any]:
        """The values of a native array on the host, of its dtype (bfloat16: of a wider one)."""

    @abstractmethod
    def placement(self, array: Any) -> tuple[str, str]:
        """Device (``cpu``, ``cuda``) and dtype (``float64``) that a native array really has."""

    @abstractmethod
    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        """``(f(x), Df(x) v)``; ``v`` is shaped like ``x``, both results like ``f(x)``."""

    @abstractmethod
    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        """``(f(x), Df(x)* w)``; ``w`` is shaped like ``f(x)``, the second result like ``x``.

        A leaf of the second result may be None: "not connected".
        """

    def pullback_at(self, f: Function, x: Native) -> tuple[Native, Linear]:
        """``(f(x), w -> Df(x)* w)``, for many cotangents at one point.

        A pullback each time, unless the library keeps a record of f.  Leaves may be None.
        """
        return f(*x), lambda w: self.pullback(f, x, w)[1]

    def over_seeds(self, linear: Linear, seeds: Native) -> Native:
        """``linear`` of each entry of the leading axis of ``seeds``, stacked on a leading axis.

        One after the other, unless the library has a way to map over them at once.
        """
        count = range(int(seeds[0].shape[0]))
        if len(seeds) == 1:  # the common case, a microsecond a seed faster
            (alone,) = seeds
            found = [linear((alone[i],)) for i in count]
        else:
            found = [linear(tuple([s[i] for s in seeds])) for i in count]
        stack = self.namespace.stack
        return tuple([stack(list(parts)) for parts in zip(*found, strict=True)])

    def outer_pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        """The pushforward used around another derivative; the same unless the library differs."""
        return self.pushforward(f, x, v)

    def outer_pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        """The pullback used around another derivative; the same unless the library differs."""
        return self.pullback(f, x, w)

    def second_pushforward(
        self, f: Function, x: Native, u: Native, v: Native
    ) -> tuple[Native, Native]:
        """``(Df(x) u, D2f(x)[u, v])``, forward over forward.

        The pushforward of the pushforward, unless the library has a way of its own, such as Taylor
        mode.
        """
        return self.outer_pushforward(lambda *y: self.pushforward(f, y, u)[1], x, v)

    def evaluate(self, f: Function, x: Native) -> Native:
        """``f(x)`` as the library computes it, not differentiated."""
        return f(*x)

    def whole(self, f: Function, mode: Mode, nesting: Nesting) -> Derivative | None:
        """A derivative map as one piece, for a library whose two maps do not compose; else None."""
        return None

    def custom_rule(self, rule: Rule) -> Callable[..., Any]:
        """``rule.primal`` as a function whose derivative the library takes from the rule.

        By the library's own mechanism for that; it is called with arrays and returns one.
        """
        raise Unsupported("this backend has no way to state a derivative rule")

    def zeros_like(self, array: Any) -> Any:
        """Zeros of the shape, dtype and device of a native array."""
        return self.namespace.zeros_like(array)

    def compile(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """The function as it is executed: compiled or traced where the backend does so."""
        return f

    def synchronize(self, result: Any) -> None:  # noqa: B027 - most libraries need nothing
        """Wait until ``result`` has been computed (asynchronous devices)."""

    def memory(self, device: str, forget: bool = False) -> Allocated | None:
        """What the library's allocator holds on ``device``, or None if it does not say.

        Args:
            device: never ``cpu``, where the system is asked.
            forget: before that, set the peak back to what is in use, if it can be.
        """
        return None

    def devices(self) -> tuple[str, ...]:
        """The devices that the library can use in this process; ``cpu`` first."""
        return ("cpu",)

    def settings(self) -> dict[str, str]:
        """Settings that change numbers (x64, TF32, determinism), as the record should say them."""
        return {}

    def card(self, device: str) -> Mapping[str, str]:
        """What the record of a trial on ``device`` says of it, besides :meth:`settings`.

        Its model (``card``), the version of CUDA that the library uses (``cuda``), and how it
        computes there (``tf32``, ``deterministic``), as the library itself reports them.

        Args:
            device: one of :meth:`devices`; never ``cpu``.
        """
        return {}

    @classmethod
    def lacks_memory(cls, text: str) -> bool:
        """Whether an error's text says that the memory of a card ran out."""
        return any(re.search(pattern, text) for pattern in cls.shortages)

    def declines(self, error: BaseException) -> bool:
        """Whether an error is the library's way of saying that it does not offer this."""
        if isinstance(error, Unsupported | NotImplementedError):
            return True
        text = f"{type(error).__name__}: {error}"
        return any(re.search(pattern, text) for pattern in self.refusals)

    def versions(self) -> dict[str, str]:
        """What identifies the backend in a record: distribution (or part) -> version."""
        return self.installed()

    @classmethod
    def owned(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        """The top-level modules that an adapter with these options may import."""
        return cls.modules

    @classmethod
    def surroundings(cls, options: Mapping[str, Any]) -> Mapping[str, str]:
        """The variables that are set in the worker of an adapter with these options."""
        return cls.environment

    @classmethod
    def lacks(cls) -> str:
        """What of this machine it lacks besides packages, such as a program, or empty.

        Asked of every plan, so that it looks and starts nothing.
        """
        return ""

    @classmethod
    def installed(cls) -> dict[str, str]:
        """Distribution -> version, for those that are installed; imports nothing."""
        found = {}
        for name in cls.distributions:
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
        return found
