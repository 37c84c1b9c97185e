"""Modules of ours, run with stand-ins in place of the libraries that they import.

A namespace is made by functions that look names up in a library.  Run on stand-ins, which remember
by what expression they were reached, they say which expression each name of the namespace is,
without the library.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any

OWN = "gradtier"


class Symbol:
    """What stands for an object of a library: the expression by which a script reaches it.

    Args:
        text: the expression.
        module: the dotted path to import, where it is a module.
        without: names that it says not to have.
    """

    def __init__(self, text: str, module: str = "", without: frozenset[str] = frozenset()) -> None:
        self.__dict__.update(symbol_text=text, symbol_module=module, symbol_without=without)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in self.symbol_without:
            raise AttributeError(name)
        made = Symbol(f"{self.symbol_text}.{name}", "", self.symbol_without)
        self.__dict__[name] = made
        return made

    def __call__(self, *args: Any, **options: Any) -> Any:
        """What a call that is made while names are looked up stands for: the call's text."""
        given = [shown(a) for a in args] + [f"{k}={shown(v)}" for k, v in options.items()]
        return Symbol(f"{self.symbol_text}({', '.join(given)})", "", self.symbol_without)

    def __getitem__(self, key: Any) -> Any:
        return Symbol(f"{self.symbol_text}[{shown(key)}]", "", self.symbol_without)

    def __iter__(self) -> Any:
        raise TypeError("a stand-in has no entries")


def shown(value: Any) -> str:
    """A value as an expression."""
    return str(value.symbol_text) if isinstance(value, Symbol) else repr(value)


class Stage:
    """Copies of our modules whose libraries are stand-ins.

    Args:
        libraries: top-level modules that stand-ins take the place of.
    """

    def __init__(self, libraries: Iterable[str]) -> None:
        self._libraries = frozenset(libraries)
        self._modules: dict[str, types.ModuleType] = {}
        self._symbols: dict[str, Symbol] = {}
        self._staged: dict[str, bool] = {}
        self._builtins = {**vars(builtins), "__import__": self._import}
        self.without: frozenset[str] = frozenset()

    @property
    def modules(self) -> tuple[types.ModuleType, ...]:
        """The copies so far."""
        return tuple(self._modules.values())

    @property
    def libraries(self) -> tuple[str, ...]:
        """The dotted paths of the libraries' modules that were imported so far."""
        return tuple(self._symbols)

    def exists(self, name: str) -> bool:
        """Whether there is a module of ours, or of a user's own, by that name."""
        try:
            return importlib.util.find_spec(name) is not None if name.startswith(OWN) else False
        except ModuleNotFoundError:
            return False

    def load(self, name: str) -> types.ModuleType:
        """A copy of a module, run with stand-ins; what is not beside an adapter is the real one."""
        if name in self._modules:
            return self._modules[name]
        self._staged[name] = True
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin is not None
        module = types.ModuleType(name)
        vars(module).update(__file__=spec.origin, __builtins__=self._builtins)
        self._modules[name] = module
        text = Path(spec.origin).read_text(encoding="utf-8")
        exec(compile(text, spec.origin, "exec"), vars(module))  # a module of ours, or an adapter's
        return module

    def symbol(self, dotted: str) -> Symbol:
        """The stand-in of a library's module."""
        if dotted not in self._symbols:
            self._symbols[dotted] = Symbol(dotted, dotted, self.without)
            if "." in dotted:
                parent, _, last = dotted.rpartition(".")
                self.symbol(parent).__dict__[last] = self._symbols[dotted]
        return self._symbols[dotted]

    def _import(
        self, name: str, globals: Any = None, locals: Any = None, wanted: Any = (), level: int = 0
    ) -> Any:
        top = name.partition(".")[0]
        if top in self._libraries:
            found = self.symbol(name)
            for inner in wanted or ():  # may be a module of its own; as an attribute it is the same
                getattr(found, inner)
            return found if wanted else self.symbol(top)
        if name == f"{OWN}.backends":
            package = types.SimpleNamespace()
            for inner in wanted:
                path = f"{name}.{inner}"
                real = not self._is_staged(path)
                setattr(package, inner, importlib.import_module(path) if real else self.load(path))
            return package
        if not self._is_staged(name):
            return builtins.__import__(name, globals, locals, wanted, level)
        if not wanted:
            raise ImportError(f"{name}: a module beside an adapter is imported by its names")
        return self.load(name)

    def _is_staged(self, name: str) -> bool:
        """Whether a module imports a library, or one that does; the others are run as they are."""
        if name not in self._staged:
            self._staged[name] = False  # until it is known: modules may import each other
            spec = importlib.util.find_spec(name) if name.startswith(f"{OWN}.backends") else None
            if spec is not None and spec.origin is not None:
                self._staged[name] = any(map(self._touches, _imports(Path(spec.origin))))
        return self._staged[name]

    def _touches(self, name: str) -> bool:
        return name.partition(".")[0] in self._libraries or (
            self.exists(name) and self._is_staged(name)
        )


def _imports(file: Path) -> set[str]:
    """Every module that a file imports, and what may be one."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found
