"""Cases and suites: differentiable functions with a declaration of their inputs.

A suite is one Python file with one object named ``suite``; a case is a plain function over an
array namespace (the Python array API standard), declared beside its inputs::

    from gradtier.cases import Suite, normal

    suite = Suite("nn", "What a neural-network library is made of")

    @suite.case(x=normal(4, 3), w=normal(3, 5), b=normal(5))
    def dense(xp, x, w, b):
        return xp.matmul(x, w) + b

``xp`` is the backend's own namespace.  A suite imports no AD library and makes no assertion.
Inputs are drawn from a generator seeded by the names of case and argument, so that they are the
same on every machine and in any order; they are float64 arrays that float32 represents exactly.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gradtier import trees
from gradtier.errors import InputError, Place, Problem
from gradtier.oracle import round_to

Kind = Literal[
    "normal", "complex", "uniform", "distinct", "spd", "values", "integers", "boolean"
]  # fmt: skip


def generator(seed: str) -> np.random.Generator:
    """A counter-based generator: the same numbers for the same words, anywhere, in any order."""
    key = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:16], "little")
    return np.random.Generator(np.random.Philox(key=key))


@dataclass(frozen=True)
class Input:
    """One array argument of a case: how it is drawn, and whether it is differentiated.

    Args:
        kind: the distribution.
        shape: the array's shape; ``()`` is a scalar.
        low: the lower bound (uniform, integers) or the mean (normal; complex, of both parts).
        high: the upper bound, exclusive (uniform, integers), or the standard deviation (normal;
            complex, of each part).
        values: for ``kind="values"``: the nested tuple of numbers itself.
        constant: True for an argument that is not differentiated (an index, a mask, a target).
    """

    kind: Kind
    shape: tuple[int, ...] = ()
    low: float = 0.0
    high: float = 1.0
    values: Any = None
    constant: bool = False

    def draw(self, seed: str) -> NDArray[Any]:
        """The value: float64 or complex128 (whose parts float32 represents), int64 or bool."""
        rng, shape = generator(seed), self.shape
        if self.kind == "complex":
            parts = round_to(self.low + self.high * rng.standard_normal((2, *shape)), "float32")
            return np.asarray(parts[0] + 1j * parts[1], dtype=np.complex128)
        if self.kind == "integers":
            return rng.integers(int(self.low), int(self.high), shape, dtype=np.int64)
        if self.kind == "boolean":
            return np.asarray(rng.uniform(size=shape) < self.high)
        if self.kind == "values":
            given = np.asarray(self.values)
            if self.constant and given.dtype.kind in "iub":
                return given
            return np.asarray(np.float32(given), dtype=np.float64)
        return np.asarray(np.float32(_real(self, rng)), dtype=np.float64)


def _real(spec: Input, rng: np.random.Generator) -> NDArray[np.float64]:
    shape, low, high = spec.shape, spec.low, spec.high
    if spec.kind == "normal":
        return np.asarray(low + high * rng.standard_normal(shape))
    if spec.kind == "uniform":
        return np.asarray(rng.uniform(low, high, shape))
    if spec.kind == "distinct":  # no two values closer than 0.6 of the mean spacing
        count = int(np.prod(shape, dtype=np.int64))
        slots = (rng.permutation(count) + rng.uniform(0.2, 0.6, count)) / max(count, 1)
        return np.asarray(low + (high - low) * slots.reshape(shape))
    # "spd": symmetric positive definite, eigenvalues at least 1 and well apart
    *batch, n, _ = shape
    root = rng.standard_normal((*batch, n, n)) / np.sqrt(n)
    return np.asarray(root @ np.swapaxes(root, -1, -2) + np.diag(1.0 + np.arange(n) / 2))


def normal(*shape: int, mean: float = 0.0, scale: float = 1.0) -> Input:
    """Normally distributed values."""
    return Input("normal", shape, mean, scale)


def complex_normal(*shape: int, mean: float = 0.0, scale: float = 1.0) -> Input:
    """Complex numbers whose real and imaginary parts are normally distributed."""
    return Input("complex", shape, mean, scale)


def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Input:
    """Uniformly distributed values in [low, high)."""
    return Input("uniform", shape, low, high)


def positive(*shape: int, low: float = 0.5, high: float = 2.0) -> Input:
    """Values safely above zero: uniform in [low, high)."""
    return Input("uniform", shape, low, high)


def distinct(*shape: int, low: float = -1.0, high: float = 1.0) -> Input:
    """Values in [low, high) in random order, all well apart: no ties for sorts and maxima."""
    return Input("distinct", shape, low, high)


def spd(n: int, *batch: int) -> Input:
    """Symmetric positive definite matrices of shape ``(*batch, n, n)``."""
    return Input("spd", (*batch, n, n))


def values(given: Any) -> Input:
    """Exactly these numbers (a number or nested lists of numbers)."""
    return Input("values", np.shape(given), values=_frozen(given))


def integers(*shape: int, low: int = 0, high: int) -> Input:
    """Constant integers in [low, high): indices, labels."""
    return Input("integers", shape, low, high, constant=True)


def boolean(*shape: int, share: float = 0.5) -> Input:
    """A constant mask that is True with probability ``share``."""
    return Input("boolean", shape, 0.0, share, constant=True)


def constant(spec: Input) -> Input:
    """The same input, not differentiated."""
    return dataclasses.replace(spec, constant=True)


def _frozen(given: Any) -> Any:
    return tuple(map(_frozen, given)) if isinstance(given, list | tuple) else given


Arrays = tuple[NDArray[Any], ...]

#: The complex dtype that goes with a real one; half precisions have none.
COMPLEX = {"float64": "complex128", "float32": "complex64"}


def in_precision(array: NDArray[Any], dtype: str) -> NDArray[Any]:
    """An argument as a trial in ``dtype`` hands it out; whole numbers and truth values stay.

    NumPy has no bfloat16: its values come as float32, which represents them.
    """
    if array.dtype.kind == "f":
        exact = round_to(np.asarray(array, dtype=np.float64), dtype)
        return exact.astype("float32" if dtype == "bfloat16" else dtype)
    return array.astype(COMPLEX[dtype]) if array.dtype.kind == "c" else array


@dataclass(frozen=True, eq=False)
class Case:
    """One differentiable function with its inputs.

    Attributes:
        suite: the suite's id.
        name: the function's name.
        function: ``function(xp, **arguments)``; returns an array or a pytree of arrays.
        inputs: argument name -> :class:`Input` or a pytree of them.
        title: the first line of the function's docstring, or its name in words.
        tags: free words for selection and grouping (``"kink"``, ``"mutation"``, ...).
        place: where the function stands.
        exact: whether the function itself, or which other one of the same arguments, runs on
            mpmath numbers, so that its derivative can be had in many digits.
    """

    suite: str
    name: str
    function: Callable[..., Any]
    inputs: Mapping[str, Any]
    title: str
    tags: frozenset[str]
    place: Place
    exact: bool | FunctionType = False

    def closed(self) -> Case:
        """The case as its declared closed form writes it."""
        if isinstance(self.exact, FunctionType):
            return dataclasses.replace(self, function=self.exact)
        return self

    @cached_property
    def digest(self) -> str:
        """Changes when the function's source does, what it reads in its own file, or the inputs."""
        assert isinstance(self.function, FunctionType)
        if not self.exact:
            return _digest(self.function, self.inputs)
        closed = self.closed().function
        assert isinstance(closed, FunctionType)
        return _digest(self.function, self.inputs) + _digest(closed, {})

    @property
    def is_complex(self) -> bool:
        """Whether an input is complex."""
        return any(spec.kind == "complex" for _, spec in self.specs())

    @property
    def id(self) -> str:
        """``suite/name``."""
        return f"{self.suite}/{self.name}"

    def specs(self) -> list[tuple[str, Input]]:
        """Every leaf of the inputs with its dotted path, names in alphabetical order."""
        return list(trees.items(dict(self.inputs)))

    def draw(self) -> tuple[Arrays, Arrays]:
        """The differentiable leaves and the constant ones, each in the order of :meth:`specs`."""
        drawn = [(spec.constant, spec.draw(f"{self.id}:{path}")) for path, spec in self.specs()]
        return tuple(a for c, a in drawn if not c), tuple(a for c, a in drawn if c)

    def bind(self, xp: Any, constants: tuple[Any, ...]) -> Callable[..., tuple[Any, ...]]:
        """The case as a function of its differentiable leaves alone, returning a flat tuple.

        Args:
            xp: the array namespace.
            constants: the constant leaves as arrays of that namespace.
        """
        structure = dict(self.inputs)
        is_constant = [spec.constant for _, spec in self.specs()]

        def flat(*leaves: Any) -> tuple[Any, ...]:
            fixed, free = iter(constants), iter(leaves)
            merged = iter([next(fixed) if c else next(free) for c in is_constant])
            return tuple(trees.leaves(self.function(xp, **trees.replace(structure, merged))))

        return flat


@dataclass
class Suite:
    """The cases of one file; built once, when the file is imported.

    Args:
        id: the suite's id, as the matrix calls it.
        title: one line for people.
    """

    id: str
    title: str = ""
    cases: dict[str, Case] = field(default_factory=dict)

    def case(
        self, *, tags: tuple[str, ...] = (), exact: bool | FunctionType = False, **inputs: Any
    ) -> Callable[[Any], Any]:
        """Declare the decorated function as a case of this suite; the function stays as it was.

        Args:
            tags: free words.
            exact: see :class:`Case`.
            inputs: an :class:`Input`, or a pytree of them, for each argument.
        """

        def declare(function: FunctionType) -> FunctionType:
            name = function.__name__
            place = Place(_shown(function), function.__code__.co_firstlineno)
            self._check(function, inputs, place)
            doc = (inspect.getdoc(function) or name.replace("_", " ")).splitlines()[0]
            self.cases[name] = Case(
                self.id, name, function, inputs, doc.rstrip("."), frozenset(tags), place, exact,
            )  # fmt: skip
            return function

        return declare

    def _check(self, function: FunctionType, inputs: Mapping[str, Any], place: Place) -> None:
        name, found = function.__name__, []
        if name in self.cases:
            found.append(f"case '{name}' is declared twice; first at {self.cases[name].place}")
        wanted = list(inspect.signature(function).parameters.values())[1:]
        required = {p.name for p in wanted if p.default is p.empty}
        if missing := sorted(required - set(inputs)):
            found.append(f"no input is declared for {', '.join(missing)}")
        if extra := sorted(set(inputs) - {p.name for p in wanted}):
            found.append(f"inputs are declared for {', '.join(extra)}, which it does not take")
        specs = list(trees.items(dict(inputs)))
        for path, spec in specs:
            if not isinstance(spec, Input):
                found.append(f"input '{path}' is {spec!r}; expected normal(...), values(...), ...")
        if not any(isinstance(s, Input) and not s.constant for _, s in specs):
            found.append("it has no input to differentiate with respect to")
        if found:
            raise InputError(Problem(text, place, f"{self.id}/{name}") for text in found)


def _shown(function: FunctionType) -> str:
    """The function's file with its folder, ``suites/nn.py``: no path of one machine."""
    file = Path(function.__code__.co_filename)
    return f"{file.parent.name}/{file.name}"


_PLAIN = (int, float, str, tuple)  # constants of the file that a function may read


def _digest(function: FunctionType, inputs: Mapping[str, Any]) -> str:
    text = [repr(sorted((p, repr(s)) for p, s in trees.items(dict(inputs))))]
    for f in _called(function):
        text.append(inspect.getsource(f))
        read = ((name, f.__globals__.get(name)) for name in sorted(set(_names(f.__code__))))
        text += [f"{name}={v!r}" for name, v in read if isinstance(v, _PLAIN)]
    return hashlib.sha256("\n".join(text).encode()).hexdigest()[:16]


def _called(function: FunctionType) -> Iterator[FunctionType]:
    """``function`` and the functions of its own file that it reaches by name, each once."""
    todo, seen = [function], {function}
    while todo:
        f = todo.pop()
        yield f
        for name in _names(f.__code__):
            g = f.__globals__.get(name)
            if isinstance(g, FunctionType) and g.__module__ == f.__module__ and g not in seen:
                seen.add(g)
                todo.append(g)


def _names(code: Any) -> list[str]:
    inner = [n for c in code.co_consts if inspect.iscode(c) for n in _names(c)]
    return [*code.co_names, *inner]


def load_suite(suite_id: str, path: Path, place: Place | None = None) -> Suite:
    """Import the suite file ``path`` and return its ``suite``.

    Raises:
        InputError: the file is absent, does not import, or holds no suite of that id.
    """

    def bad(text: str) -> InputError:
        return InputError(Problem(text, place, f"suites.{suite_id}"))

    if not path.is_file():
        raise bad(f"there is no suite file '{path.name}' in {path.parent.name or '.'}/")
    try:
        module = _import(suite_id, path)
    except InputError:
        raise
    except Exception as error:
        raise bad(f"'{path.name}' does not import: {type(error).__name__}: {error}") from error
    suite = getattr(module, "suite", None)
    if not isinstance(suite, Suite):
        raise bad(f"'{path.name}' has no object `suite`; expected suite = Suite('{suite_id}', ...)")
    if suite.id != suite_id:
        raise bad(f"'{path.name}' calls itself '{suite.id}'; expected Suite('{suite_id}', ...)")
    return suite


def _import(suite_id: str, path: Path) -> ModuleType:
    name = f"_gradtier_suite_{suite_id}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling look the module up by name
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
