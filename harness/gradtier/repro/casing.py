"""The case's side of a script: its functions, its inputs, the namespace that it wants."""

from __future__ import annotations

import ast
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradtier import trees
from gradtier.cases import called
from gradtier.host import adapter_class
from gradtier.model import Nesting
from gradtier.repro import lifting
from gradtier.repro.drafts import Written, exists
from gradtier.repro.literals import literal, wrapped
from gradtier.repro.staging import Symbol
from gradtier.rules import bound, without_rules

#: Namespaces within a namespace, besides a suite's groups.
INNER = ("linalg", "fft")


class CaseText:
    """The case's side of a script: its functions, its inputs, the namespace they want."""

    def __init__(self, made: Written) -> None:
        self.made, self.case = made, made.asked.case
        self.emitter = made.emitter
        self.specs = self.case.specs()
        assert isinstance(self.case.function, types.FunctionType)
        self.functions = [*called(self.case.function)]
        for spec in self.case.rules.values():
            for f in spec.functions:
                assert isinstance(f, types.FunctionType)
                self.functions += [g for g in called(f) if g not in self.functions]

    def inputs(self) -> str:
        """The point, the constants and the seed."""
        q = self.made.asked
        lines = [self._stated("X", q.x)]
        if q.constants:
            lines.append(self._stated("CONSTANTS", q.constants))
        if q.nesting is not Nesting.NONE:
            lines.append(self._stated("FIXED", q.fixed))
        lines.append(self._stated("SEED", q.seed))
        return "\n".join(lines)

    def _stated(self, name: str, arrays: Any) -> str:
        whole = f"{name} = [{', '.join(map(literal, arrays))}]"
        if len(whole) <= 98:
            return whole
        rows = [f"    {wrapped(literal(a), 8)}," for a in arrays]
        return "\n".join([f"{name} = [", *rows, "]"])

    def bound(self) -> list[str]:
        """``f(xp, array)``: the case as a function of what is differentiated alone."""
        named = self.emitter.value(self.case.function, self.case.function.__name__)
        count = len(self.made.asked.constants)
        free, fixed = iter(self._free()), iter([f"c[{i}]" for i in range(count)])
        leaves = [next(fixed) if spec.constant else next(free) for _, spec in self.specs]
        arguments = trees.replace(dict(self.case.inputs), iter(map(_Text, leaves)))
        given = [f"{key}={_tree(value)}" for key, value in arguments.items()]
        given += [f"{key}={key}_" for key in self.case.rules]
        call = f"{named}({', '.join(['xp', *given])})"
        lines = ["def function(xp, array):"]
        if count:
            lines.append("    c = [array(a) for a in CONSTANTS]")
        lines += [f"    {key}_ = {self._rule(key)}" for key in self.case.rules]
        return [*lines, f"    return lambda {', '.join(self._free())}: {self._listed(call)}"]

    def _rule(self, key: str) -> str:
        spec = self.case.rules[key]
        names = [self.emitter.value(f, f.__name__) for f in spec.functions]
        return f"stated(xp, {', '.join(names)})"

    def _free(self) -> list[str]:
        found = [path.replace(".", "_") for path, spec in self.specs if not spec.constant]
        return [
            f"{n}_" if n in ("xp", "array", "c", "f") or not n.isidentifier() else n for n in found
        ]

    def _listed(self, call: str) -> str:
        """The call's result as a list of arrays."""
        try:
            found = self._numpy_result()
        except Exception:
            found = {}
        if isinstance(found, list | tuple) and not any(
            isinstance(a, list | tuple | Mapping) for a in found
        ):
            return f"tuple({call})"
        if isinstance(found, Mapping | list | tuple):
            leaves = self.emitter.value(trees.leaves, "leaves")
            return f"tuple({leaves}({call}))"
        return f"({call},)"

    def _numpy_result(self) -> Any:
        q = self.made.asked
        fixed, free = iter(q.constants), iter(q.x)
        merged = iter([next(fixed) if s.constant else next(free) for _, s in self.specs])
        arguments = trees.replace(dict(self.case.inputs), merged)
        xp = adapter_class("gradtier.backends.numpy:NumPy")().extended(self.case.natives)
        rules = bound(self.case.rules, xp, without_rules)
        with np.errstate(all="ignore"):
            return self.case.function(xp, **arguments, **rules)

    def used(self) -> list[tuple[str, ...]]:
        """The names of the namespace that the case reaches."""
        inner = {*INNER, *self.case.natives}
        found: dict[tuple[str, ...], None] = {}
        for f in self.functions:
            node = lifting.node_of(f.__code__)
            for part in ast.walk(node):
                if not isinstance(part, ast.Attribute):
                    continue
                path = ast.unparse(part).split(".")
                if path[0] == "xp" and len(path) > 1:
                    own = tuple(path[1:3] if path[1] in inner else path[1:2])
                    if own[-1:] != own[:1] or own[0] not in inner or len(own) > 1:
                        found[own] = None
        return [n for n in found if not (len(n) == 1 and n[0] in inner)]


@dataclass(frozen=True)
class _Text:
    """An expression among data."""

    text: str


def _tree(value: Any) -> str:
    if isinstance(value, _Text):
        return value.text
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k!r}: {_tree(v)}" for k, v in value.items()) + "}"
    inner = ", ".join(map(_tree, value))
    if isinstance(value, list):
        return f"[{inner}]"
    return f"({inner},)" if len(value) == 1 else f"({inner})"


def namespace(made: Written) -> str:
    """The library's namespace: its own, or the functions that the case uses."""
    case = CaseText(made)
    root = made.adapter["xp"]
    natives = made.asked.case.natives
    plain = str(made.adapter.get("plain", "")).split()
    if "own" in made.adapter and all(p[0] in (*plain, *natives) for p in case.used()):
        root = made.adapter["own"]
    if isinstance(root, Symbol | types.ModuleType) and not natives:
        return "np" if root is np else made.emitter.value(root)
    groups: dict[str, dict[str, str]] = {}
    for path in case.used():
        inner, name = path[:-1], path[-1]
        home = root
        if inner and inner[0] in natives:
            home = _group(made, inner[0])
        elif inner:
            home = getattr(root, inner[0], None)
        value = _entry(home, name)
        if value is _ABSENT:
            continue
        groups.setdefault(".".join(inner), {})[name] = made.emitter.value(value, name)
    made.emitter.imports["from types import SimpleNamespace"] = None
    for group in sorted({*natives, *(p[0] for p in case.used() if len(p) > 1)}):
        groups.setdefault(group, {})
    entries = [f"{k}={v}" for k, v in groups.pop("", {}).items()]
    entries += [f"{g}={_simple(members)}" for g, members in groups.items()]
    return _simple_of(entries)


_ABSENT: Any = object()


def _entry(home: Any, name: str) -> Any:
    if isinstance(home, Mapping):
        return home.get(name, _ABSENT)
    try:
        return getattr(home, name)
    except AttributeError:
        return _ABSENT


def _group(made: Written, name: str) -> Mapping[str, Any]:
    """A library's own functions of a group, by stand-ins."""
    path = f"{made.kind.stem}_{name}"
    if not made.kind.stem or not exists(path):
        return {}
    module = made.stage.load(path)
    found: Mapping[str, Any] = module.names()
    return found


def _simple(inner: Mapping[str, str]) -> str:
    return _simple_of([f"{k}={v}" for k, v in inner.items()])


def _simple_of(entries: list[str]) -> str:
    short = f"SimpleNamespace({', '.join(entries)})"
    if len(short) <= 90 and "\n" not in short:
        return short
    lines = [f"    {e},".replace("\n", "\n    ") for e in entries]
    return "\n".join(["SimpleNamespace(", *lines, ")"])
