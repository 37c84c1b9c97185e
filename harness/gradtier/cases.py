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
from typing import Any

from numpy.typing import NDArray

from gradtier import trees
from gradtier.errors import InputError, Place, Problem
from gradtier.inputs import (
    Input,
    boolean,
    complex_normal,
    constant,
    distinct,
    integers,
    normal,
    positive,
    spd,
    uniform,
    values,
)
from gradtier.rules import Calls, Mechanism, RuleSpec, bound, rule, without_rules

#: What a suite is written with.
__all__ = [
    "Arrays", "Case", "Input", "RuleSpec", "Suite", "boolean", "complex_normal", "constant",
    "distinct", "integers", "load_suite", "normal", "positive", "rule", "spd", "uniform", "values",
]  # fmt: skip

Arrays = tuple[NDArray[Any], ...]


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
        rules: argument name -> derivative rule; the function is called with it under that name.
        natives: the groups of a library's own functions that ``xp`` has beside the standard's.
    """

    suite: str
    name: str
    function: Callable[..., Any]
    inputs: Mapping[str, Any]
    title: str
    tags: frozenset[str]
    place: Place
    exact: bool | FunctionType = False
    rules: Mapping[str, RuleSpec] = field(default_factory=dict)
    natives: tuple[str, ...] = ()

    def closed(self) -> Case:
        """The case as its declared closed form writes it."""
        if isinstance(self.exact, FunctionType):
            return dataclasses.replace(self, function=self.exact)
        return self

    @cached_property
    def digest(self) -> str:
        """Changes when the function's source does, what it reads in its own file, or the inputs."""
        assert isinstance(self.function, FunctionType)
        closed = [self.closed().function] if self.exact else []
        ruled = [f for _, spec in sorted(self.rules.items()) for f in spec.functions]
        others = "".join(_digest(f, {}) for f in (*closed, *ruled))  # type: ignore[arg-type]
        return _digest(self.function, self.inputs) + others

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

    def bind(
        self,
        xp: Any,
        constants: tuple[Any, ...],
        mechanism: Mechanism = without_rules,
        calls: Calls | None = None,
    ) -> Callable[..., tuple[Any, ...]]:
        """The case as a function of its differentiable leaves alone, returning a flat tuple.

        Args:
            xp: the array namespace.
            constants: the constant leaves as arrays of that namespace.
            mechanism: how derivative rules are stated there; without one, rules are left out.
            calls: where the calls of rules are counted.
        """
        ruled = bound(self.rules, xp, mechanism, calls)
        structure = dict(self.inputs)
        is_constant = [spec.constant for _, spec in self.specs()]
        plain = all(isinstance(spec, Input) for spec in structure.values())  # no tree, mostly
        names = sorted(structure)

        def flat(*leaves: Any) -> tuple[Any, ...]:
            fixed, free = iter(constants), iter(leaves)
            merged = [next(fixed) if c else next(free) for c in is_constant]
            if plain:
                arguments = dict(zip(names, merged, strict=True))
            else:
                arguments = trees.replace(structure, iter(merged))
            return tuple(trees.leaves(self.function(xp, **arguments, **ruled)))

        return flat


@dataclass
class Suite:
    """The cases of one file; built once, when the file is imported.

    Args:
        id: the suite's id, as the matrix calls it.
        title: one line for people.
        natives: groups of libraries' own functions that its cases use: ``xp.special.erf`` is in the
            group ``special``; see :mod:`gradtier.backends.natives`.
    """

    id: str
    title: str = ""
    natives: tuple[str, ...] = ()
    cases: dict[str, Case] = field(default_factory=dict)

    def case(
        self,
        *,
        tags: tuple[str, ...] = (),
        exact: bool | FunctionType = False,
        rules: Mapping[str, RuleSpec] | None = None,
        name: str = "",
        place: Place | None = None,
        **inputs: Any,
    ) -> Callable[[Any], Any]:
        """Declare the decorated function as a case of this suite; the function stays as it was.

        Args:
            tags: free words.
            exact: see :class:`Case`.
            rules: see :class:`Case`.
            name: the case's name, for a generated one; by default the function's.
            place: where the case is declared, likewise.
            inputs: an :class:`Input`, or a pytree of them, for each argument.
        """

        def declare(function: FunctionType) -> FunctionType:
            own = name or function.__name__
            at = place or Place(_shown(function), function.__code__.co_firstlineno)
            self._check(own, function, inputs, dict(rules or {}), at)
            doc = (inspect.getdoc(function) or own.replace("_", " ")).splitlines()[0]
            self.cases[own] = Case(
                self.id, own, function, inputs, doc.rstrip("."), frozenset(tags), at, exact,
                dict(rules or {}), self.natives,
            )  # fmt: skip
            return function

        return declare

    def _check(
        self, name: str, function: FunctionType, inputs: Mapping[str, Any],
        rules: Mapping[str, Any], place: Place,
    ) -> None:  # fmt: skip
        found = []
        if name in self.cases:
            found.append(f"case '{name}' is declared twice; first at {self.cases[name].place}")
        wanted = list(inspect.signature(function).parameters.values())[1:]
        required = {p.name for p in wanted if p.default is p.empty}
        if missing := sorted(required - set(inputs) - set(rules)):
            found.append(f"no input is declared for {', '.join(missing)}")
        if extra := sorted({*inputs, *rules} - {p.name for p in wanted}):
            found.append(f"inputs are declared for {', '.join(extra)}, which it does not take")
        for key, given in rules.items():
            if not isinstance(given, RuleSpec):
                found.append(f"rule '{key}' is {given!r}; expected rule(primal, ...)")
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
    for f in called(function):
        text.append(inspect.getsource(f))
        read = ((name, f.__globals__.get(name)) for name in sorted(set(_names(f.__code__))))
        text += [f"{name}={v!r}" for name, v in read if isinstance(v, _PLAIN)]
    return hashlib.sha256("\n".join(text).encode()).hexdigest()[:16]


def called(function: FunctionType) -> Iterator[FunctionType]:
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
