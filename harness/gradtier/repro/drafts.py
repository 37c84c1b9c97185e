"""A script while it is being put together, and what the adapter's own script says of it."""

from __future__ import annotations

import ast
import types
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from gradtier.backends.base import Adapter
from gradtier.errors import InputError
from gradtier.evidence import Record
from gradtier.host import adapter_class
from gradtier.matrix import Backend
from gradtier.model import TrialId
from gradtier.repro import lifting, parts
from gradtier.repro.asking import Asked
from gradtier.repro.emitting import Emitter
from gradtier.repro.staging import Stage

#: An adapter's script stands in the folder of scripts beside it, or next to it with this ending.
FOLDER, SUFFIX = "scripts", "_script"

#: Names that a script itself uses.
RESERVED = (
    "X", "SEED", "FIXED", "CONSTANTS", "TITLE", "LIKE", "CALLS", "xp", "x", "seed", "f", "f0", "y",
    "function", "derivative", "got", "found", "plain", "stated", "value", "before", "after", "np",
    "sys",
)  # fmt: skip


@dataclass
class Written:
    """What a script is put together of.

    Attributes:
        trial, asked, record: what it is about.
        row: the backend's row.
        kind: its adapter.
        stage: copies of the adapter's modules, run on stand-ins.
        adapter: globals of the adapter's own script, with what the options and the case change.
        emitter: the definitions so far.
    """

    trial: TrialId
    asked: Asked
    record: Record | None
    row: Backend
    kind: type[Adapter]
    stage: Stage
    adapter: dict[str, Any]
    emitter: Emitter
    early: list[str] = field(default_factory=list)
    setup: list[str] = field(default_factory=list)
    machinery: list[str] = field(default_factory=list)

    def has(self, name: str) -> bool:
        """Whether the adapter's script says how to do something."""
        return name in self.adapter

    def role(self, name: str) -> str:
        """A name of the adapter's script, defined.

        Raises:
            InputError: it says nothing of that.
        """
        if self.adapter.get(name) is None:
            raise InputError(f"{self.trial}: {self.row.package} offers no {name}: nothing to ask")
        return self.emitter.binding(self.adapter, name)

    def part(self, name: str) -> str:
        """A function of :mod:`gradtier.repro.parts`, defined; it stands behind the derivative."""
        before = len(self.emitter.definitions)
        own = self.emitter.binding(vars(parts), name)
        self.machinery += self.emitter.definitions[before:]
        del self.emitter.definitions[before:]
        return own


def begun(trial: TrialId, asked: Asked, record: Record | None, row: Backend) -> Written:
    """What there is before the first line of a script is written.

    Raises:
        InputError: no script is offered for the package, or not for the trial's device or dtype.
    """
    kind = adapter_class(row.adapter)
    path = _template(row.adapter.partition(":")[0])
    stage = Stage(kind.modules if kind.modules != ("numpy",) else ())
    if not exists(path):
        raise InputError(
            f"{trial}: no script is offered for {row.package}: "
            f"there is no {path.replace('.', '/')}.py that says how to ask it"
        )
    if trial.cell.device != "cpu":
        raise InputError(f"{trial}: scripts are made for cpu alone, not for {trial.cell.device}")
    if trial.cell.dtype not in ("float64", "float32"):
        raise InputError(
            f"{trial}: scripts are made in float64 and float32, not {trial.cell.dtype}"
        )
    file = lifting_file(path)
    stage.without = frozenset(_constant(file, "absent") or ())
    template = stage.load(path)
    emitter = Emitter(_aliases(file, kind), vars(template), stage)
    adapter = dict(vars(template))
    for section in _sections(row, kind, asked):
        own = adapter.get(section)
        if isinstance(own, type):
            adapter |= {n: f for n, f in vars(own).items() if isinstance(f, types.FunctionType)}
    for value in adapter.values():  # what refers to a name means the chosen one
        if isinstance(value, types.FunctionType) and value.__code__.co_filename == file:
            value.__globals__.update(
                {n: f for n, f in adapter.items() if isinstance(f, types.FunctionType)}
            )
    made = Written(trial, asked, record, row, kind, stage, adapter, emitter)
    emitter.reserve(*RESERVED, *(["array"] if trial.cell.dtype == "float32" else []))
    _settings(made, file)
    return made


def _template(adapter: str) -> str:
    """The module that says how a script asks what an adapter module asks."""
    beside = f"{adapter}{SUFFIX}"
    package, _, name = adapter.rpartition(".")
    return beside if exists(beside) or not package else f"{package}.{FOLDER}.{name}"


def exists(path: str) -> bool:
    """Whether there is such a module."""
    try:
        return find_spec(path) is not None
    except ModuleNotFoundError:
        return False


def lifting_file(path: str) -> str:
    """The file of a module that is not imported."""
    spec = find_spec(path)
    assert spec is not None and spec.origin is not None
    return spec.origin


def _constant(file: str, name: str) -> Any:
    node = lifting.assigned(file, name)
    return ast.literal_eval(node.value) if isinstance(node, ast.Assign) else None


def _sections(row: Backend, kind: type[Adapter], asked: Asked) -> list[str]:
    """The classes of an adapter's script that concern a trial, the more special ones later."""
    found = [base.__name__ for base in reversed(kind.__mro__)]
    if asked.y is not None:
        if any(a.dtype.kind in "iub" for a in asked.y):
            found.append("whole")
        if len(asked.x) == len(asked.y) == 1:
            found.append("one_input")
    for name, value in row.options.items():
        found += [name] if value is True else []
        found += [f"{name}_{value}"] if isinstance(value, str) else []
    return found


def _aliases(file: str, kind: type[Adapter]) -> dict[str, tuple[str, str]]:
    """Dotted path of a library's module or member -> its name in an adapter's script, its import.

    Each with the line that imports it under that name.
    """
    found = {}
    for node in lifting.tree(file).body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        inside = isinstance(node, ast.ImportFrom)
        for alias in node.names:
            dotted = f"{node.module}.{alias.name}" if inside else alias.name  # type: ignore[union-attr]
            if dotted.partition(".")[0] in kind.modules:
                found[dotted] = alias.asname or alias.name, ast.unparse(node)
    return found


def _is_setting(node: ast.stmt) -> bool:
    """Whether a statement does something, rather than name something."""
    if isinstance(node, ast.Assign):
        return not any(isinstance(t, ast.Name) for t in node.targets)
    return isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)


def _settings(made: Written, file: str) -> None:
    """The statements of an adapter's script: those before the library is imported, and the rest."""
    seen = False
    for node in lifting.tree(file).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            name = node.names[0].name if isinstance(node, ast.Import) else str(node.module)
            if name.partition(".")[0] in made.kind.modules and "numpy" not in made.kind.modules:
                seen = True
        elif _is_setting(node):
            subs = made.emitter._subs(file, node, made.adapter, {})
            (made.setup if seen else made.early).append(lifting.lifted(file, node, subs))
