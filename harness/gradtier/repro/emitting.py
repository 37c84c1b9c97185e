"""Definitions as text, each with what it reaches, in an order in which they can stand.

The values are real: functions with their closures, run on stand-ins of libraries
(:mod:`gradtier.repro.staging`).  A name that a function takes from its module or from a function
around it is followed to its value, and where that is an expression of the library, the expression
takes the name's place.
"""

from __future__ import annotations

import ast
import builtins
import functools
import keyword
import math
import sys
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from gradtier.errors import GradtierError
from gradtier.repro import lifting
from gradtier.repro.staging import OWN, Stage, Symbol

#: Exceptions of ours, and what a script raises in their place.
ERRORS = {"Unsupported": "NotImplementedError", "MissingName": "AttributeError"}


class UnscriptableError(GradtierError):
    """Something that a trial reaches has no text of its own."""


class Emitter:
    """Collects definitions for one script.

    Args:
        aliases: dotted path of a library's module -> its name in the script, and the import.
        home: globals whose names may stand for instances, those of the adapter's script.
        stage: where the modules were run.
    """

    def __init__(
        self, aliases: Mapping[str, tuple[str, str]], home: Mapping[str, Any], stage: Stage
    ) -> None:
        self.aliases, self.home, self.stage = dict(aliases), home, stage
        self.imports: dict[str, None] = {}  # of Python itself and NumPy
        self.libraries: dict[str, None] = {}
        self.definitions: list[str] = []
        self._names: dict[str, Any] = {}
        self._done: dict[Any, str] = {}

    def reserve(self, *names: str) -> None:
        """Names that the script itself uses."""
        self._names.update(dict.fromkeys(names, "reserved"))

    def value(self, value: Any, hint: str = "") -> str:
        """A value as an expression; what it needs is defined before.

        Raises:
            UnscriptableError: there is no text for it.
        """
        if isinstance(value, Symbol):
            return self._symbol(value)
        if isinstance(value, types.FunctionType) and not _is_pythons(value):
            return self._function(value, hint)
        if isinstance(value, functools.partial):
            given = [self.value(a) for a in value.args]
            given += [f"{k}={self.value(v)}" for k, v in value.keywords.items()]
            self.imports["import functools"] = None
            return f"functools.partial({', '.join([self.value(value.func, hint), *given])})"
        if value is None or isinstance(value, bool | int | str | float | complex):
            return self._number(value)
        if isinstance(value, np.dtype):
            return f'np.dtype("{value}")'
        if isinstance(value, types.ModuleType):
            return self._module(value, hint)
        if isinstance(value, tuple | list | dict | set):
            return self._container(value)
        for name, known in self.home.items():
            if known is value and not name.startswith("__"):
                return self.binding(self.home, name)
        if isinstance(value, type) or callable(value):
            return self._named(value)
        raise UnscriptableError(f"no text for a {type(value).__name__}")

    def binding(self, module: Mapping[str, Any], name: str) -> str:
        """What a module's global name stands for, as an expression; defined before."""
        value = module[name]
        if name in ERRORS and isinstance(value, type):
            return ERRORS[name]
        if _is_pythons(value) and module.get("__file__"):
            return self._imported(module, name, value)
        plain = (Symbol, types.FunctionType, types.ModuleType)
        if isinstance(value, plain) and getattr(value, "symbol_module", True):
            return self.value(value, name)
        if self._is_elsewhere(value):
            module = vars(sys.modules[value.__module__])
        file = module.get("__file__")
        if not file:
            return self.value(value, name)
        file = str(file)
        key = (file, name)
        if key in self._done:
            return self._done[key]
        node = lifting.assigned(file, name)
        if node is None and isinstance(value, Symbol):
            return self.value(value, name)
        if node is None:
            return self._imported(module, name, value)
        own = self._fresh(name, key)
        self._done[key] = own
        subs = self._subs(file, node, module, {})
        text = lifting.lifted(file, node, {**subs, name: own}, own)
        self.definitions.append(text)
        return own

    def _is_elsewhere(self, value: Any) -> bool:
        """Whether a value is a class of ours that another module has from its own."""
        if not isinstance(value, type) or str(value.__module__).partition(".")[0] != OWN:
            return False
        return value.__module__ in sys.modules and not self._is_copy(value)

    def _is_copy(self, value: type) -> bool:
        """Whether a class is one of a staged module, whose globals are to be followed."""
        return any(
            vars(m).get(value.__name__) is value
            for m in self.stage.modules
            if (m.__name__ == value.__module__)
        )

    def _imported(self, module: Mapping[str, Any], name: str, value: Any) -> str:
        """A name that a module of ours has from another one."""
        for node in lifting.tree(str(module["__file__"])).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return self._from(node.module, alias.name, value, name)
        return self.value(value, name)

    def _from(self, path: str, original: str, value: Any, name: str) -> str:
        if path.partition(".")[0] != OWN:
            named = "" if name == original else f" as {name}"
            self.imports[f"from {path} import {original}{named}"] = None
            return name
        if isinstance(value, types.ModuleType):
            raise UnscriptableError(f"no text for the module {name}")
        spec = importlib_spec(path)
        inner = self._globals_of(value, path, spec)
        return self.binding(inner, original)

    def _globals_of(self, value: Any, path: str, file: str) -> Mapping[str, Any]:
        """The globals of the copy of a module that a value comes from."""
        for known in self.stage.modules:
            if vars(known).get("__file__") == file:
                return vars(known)
        import importlib

        return vars(importlib.import_module(path))

    def _named(self, value: Any) -> str:
        """A class or function of Python, NumPy or ours, by where it is defined."""
        path, name = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
        if path == "builtins":
            return str(name)
        if isinstance(value, np.ufunc):
            return f"np.{value.__name__}"
        if not path or "." in name or not name:
            raise UnscriptableError(f"no text for {value!r}")
        top = str(path).partition(".")[0]
        if top == "numpy" and getattr(np, name, None) is value:
            self.imports["import numpy as np"] = None
            return f"np.{name}"
        if top == OWN:
            return self.binding(self._globals_of(value, path, importlib_spec(path)), name)
        if top in sys.stdlib_module_names:
            path = {"_operator": "operator", "_functools": "functools"}.get(str(path), str(path))
            self.imports[f"import {path}"] = None
            return f"{path}.{name}"
        raise UnscriptableError(f"no text for {path}.{name}")

    def _symbol(self, value: Symbol) -> str:
        text: str = value.symbol_text
        for module, (name, line) in self.aliases.items():
            if name == module and module.startswith(f"{text}."):  # ``import a.b``, used as ``a``
                self.libraries.setdefault(line)
        best = max((m for m in self.aliases if _within(text, m)), key=len, default=None)
        if best is not None:
            name, line = self.aliases[best]
            self.libraries.setdefault(line)
            return name + text[len(best) :]
        parts = text.split("(")[0].split("[")[0].split(".")
        known = [m for m in self.stage.libraries if _within(text, m)]
        module = max(known, key=len, default=parts[0])
        self.libraries.setdefault(f"import {module}")
        return text

    def _module(self, value: types.ModuleType, hint: str) -> str:
        name = value.__name__
        if name.partition(".")[0] == OWN:
            raise UnscriptableError(f"no text for the module {name}")
        local = hint or name
        line = f"import {name}" if local == name else f"import {name} as {local}"
        ours = name.partition(".")[0] in (*sys.stdlib_module_names, "numpy")
        (self.imports if ours else self.libraries)[line] = None
        return local

    def _number(self, value: Any) -> str:
        if isinstance(value, float) and not math.isfinite(value):
            return f'float("{value}")'
        return repr(value)

    def _container(self, value: Any) -> str:
        if isinstance(value, dict):
            pairs = (f"{self.value(k)}: {self.value(v)}" for k, v in value.items())
            return "{" + ", ".join(pairs) + "}"
        inner = ", ".join(map(self.value, value))
        if isinstance(value, list):
            return f"[{inner}]"
        if isinstance(value, set):
            return "{" + inner + "}" if value else "set()"
        return f"({inner},)" if len(value) == 1 else f"({inner})"

    def _function(self, f: types.FunctionType, hint: str) -> str:
        code = f.__code__
        file = code.co_filename
        try:
            node = lifting.node_of(code)
        except (LookupError, SyntaxError) as why:
            raise UnscriptableError(str(why)) from why
        cells = dict(zip(code.co_freevars, (f.__closure__ or ()), strict=True))
        inner = {n: c.cell_contents for n, c in cells.items() if c.cell_contents is not f}
        key = (file, node.lineno, node.col_offset, *self._signature(inner))
        if key in self._done:
            return self._done[key]
        if isinstance(node, ast.Lambda):
            subs = self._subs(file, node, f.__globals__, inner)
            return lifting.lifted(file, node, subs)
        named = self._fresh(self._called(node.name, hint), key)
        self._done[key] = named
        subs = self._subs(file, node, f.__globals__, inner)
        subs |= {n: named for n, c in cells.items() if c.cell_contents is f}
        subs[node.name] = named
        self.definitions.append(lifting.lifted(file, node, subs, named))
        return named

    def _called(self, name: str, hint: str) -> str:
        """Inner functions of factories are all called alike; what they are found under is not."""
        usable = hint.isidentifier() and not keyword.iskeyword(hint)
        return hint if usable and not hasattr(builtins, hint) else name

    def _signature(self, cells: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(
            f"{n}={v.symbol_text}" if isinstance(v, Symbol) else f"{n}={id(v)}"
            for n, v in sorted(cells.items())
        )

    def _subs(
        self, file: str, node: lifting.Piece, module: Mapping[str, Any], cells: Mapping[str, Any]
    ) -> dict[str, str]:
        """Free name -> what stands for it in the script."""
        subs = {}
        for name in lifting.free(file, node):
            known = cells.get(name, module.get(name))
            if _is_own(known):
                for inner in lifting.attributes(node, name):
                    subs[f"{name}.{inner}"] = _wrapped(self.binding(vars(known), inner))
            elif name in cells:
                subs[name] = _wrapped(self.value(cells[name], name))
            elif name in module:
                subs[name] = _wrapped(self.binding(module, name))
        for name in cells:
            if name not in subs and hasattr(builtins, name):
                subs[name] = _wrapped(self.value(cells[name], name))
        return subs

    def _fresh(self, name: str, key: Any) -> str:
        name = f"{name}_" if hasattr(builtins, name) else name  # others may call the builtin one
        number, found = 1, name
        while self._names.get(found, key) != key:
            number += 1
            found = f"{name}_{number}"
        self._names[found] = key
        return found


def _is_pythons(value: Any) -> bool:
    """Whether a function is one of Python's own library."""
    if not isinstance(value, types.FunctionType):
        return False
    return str(value.__globals__.get("__name__")).partition(".")[0] in sys.stdlib_module_names


def _is_own(value: Any) -> bool:
    return isinstance(value, types.ModuleType) and value.__name__.partition(".")[0] == OWN


def importlib_spec(path: str) -> str:
    """The file of a module of ours."""
    import importlib.util

    spec = importlib.util.find_spec(path)
    assert spec is not None and spec.origin is not None
    return spec.origin


def _within(text: str, module: str) -> bool:
    return text == module or text.startswith((f"{module}.", f"{module}(", f"{module}["))


def _wrapped(text: str) -> str:
    """In brackets where it is more than a name, a call or a number."""
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return text
    simple = (ast.Name, ast.Attribute, ast.Call, ast.Constant, ast.Subscript)
    containers = (ast.Dict, ast.List, ast.Tuple, ast.Set)
    return text if isinstance(node, (*simple, *containers)) else f"({text})"
