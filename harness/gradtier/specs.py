"""Cases generated from one list of what the functions of the array API standard are.

A :class:`Spec` says of one function how it is called and with what; :func:`declare` writes each of
its cases as the text of a plain function, compiles it and declares it in a suite, as if somebody
had typed it::

    SPECS = [
        unary("sin", "Sine", Domain(huge=(1000.0,)), complex_at=1.0),
        Spec("take", "Gather rows", ["xp.take(x, index, axis=0) * w"], {"x": normal(4, 3), ...}),
    ]
    declare(suite, SPECS, __file__)

The text is kept where :func:`inspect.getsource` finds it: the digest of a case, and whoever reads
the report, see real code.
"""

from __future__ import annotations

import ast
import hashlib
import linecache
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FunctionType
from typing import Any

from gradtier.cases import Suite, complex_normal, normal
from gradtier.errors import Place
from gradtier.points import INTERIOR, Domain, Plane, pairs, points

__all__ = ["Domain", "Edge", "Plane", "Spec", "binary", "declare", "empty", "unary"]


@dataclass(frozen=True)
class Edge:
    """A case of a function beside its main one.

    Attributes:
        suffix: stands behind the function's name, as in ``prod.zeros``; the first word before
            ``_`` is its tag, unless tags are given.
        words: stands behind the function's title.
        inputs: those that differ from the main case's.
        outputs: expressions in place of the main case's.
        without: arguments of the main case that it does not take.
        tags: free words.
    """

    suffix: str
    words: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spec:
    """One function of the standard, and the cases that it is tried in.

    Attributes:
        name: the function's name in the standard.
        title: the same for readers.
        outputs: the expressions that the case returns, over ``xp`` and the inputs.
        inputs: argument name -> input.
        edges: further cases.
        setup: statements before the return.
        tags: free words.
    """

    name: str
    title: str
    outputs: tuple[str, ...]
    inputs: Mapping[str, Any]
    edges: tuple[Edge, ...] = ()
    setup: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def cases(self) -> Iterator[tuple[str, Spec]]:
        """Every case's name, with a spec of that case alone."""
        yield self.name, replace(self, edges=())
        for edge in self.edges:
            kept = {k: v for k, v in self.inputs.items() if k not in edge.without}
            yield (
                f"{self.name}.{edge.suffix}",
                Spec(
                    self.name,
                    f"{self.title}: {edge.words}",
                    edge.outputs or self.outputs,
                    {**kept, **edge.inputs},
                    setup=self.setup if not edge.outputs else (),
                    tags=edge.tags or (edge.suffix.partition("_")[0],),
                ),
            )

    def source(self) -> str:
        """The case as a function's text."""
        lines = [f"def {self.name.replace('.', '_')}({', '.join(('xp', *self.inputs))}):"]
        lines += [f'    """{self.title}"""', *(f"    {line}" for line in self.setup)]
        together = f"    return {', '.join(self.outputs)}"
        if len(together) <= 100:
            lines += [together]
        else:
            lines += ["    return (", *(f"        {text}," for text in self.outputs), "    )"]
        return "\n".join(lines) + "\n"


def unary(
    name: str,
    title: str,
    domain: Domain | None = None,
    *,
    call: str = "",
    complex_at: float | None = None,
    edges: Sequence[Edge] = (),
) -> Spec:
    """A function of one argument, at every class of points that its domain has.

    Args:
        name: its name in the standard.
        title: the same for readers.
        domain: where it lives; the whole line by default.
        call: the expression, where it is not the call alone.
        complex_at: for a function of complex numbers: it is tried around this times 1 + i.
        edges: further cases.
    """
    made = list(points(domain or Domain()))
    text = call or f"xp.{name}(x)"
    found = [Edge(p.suffix, p.words, {"x": p.given}, tags=p.tags) for p in made[1:]]
    if complex_at is not None:
        around = complex_normal(*INTERIOR, mean=complex_at, scale=complex_at / 4.0)
        found.append(Edge("complex", "complex numbers", {"x": around}))
    return Spec(name, title, (text,), {"x": made[0].given}, (*found, *edges), tags=made[0].tags)


def binary(
    name: str,
    title: str,
    plane: Plane | None = None,
    *,
    call: str = "",
    complex_at: float | None = None,
    edges: Sequence[Edge] = (),
) -> Spec:
    """A function of two arguments that broadcast; see :func:`unary`."""
    made = list(pairs(plane or Plane()))
    text = call or f"xp.{name}(x, y)"
    found = [Edge(p.suffix, p.words, {"x": p.x, "y": p.y}, tags=p.tags) for p in made[1:]]
    if complex_at is not None:
        around = [
            complex_normal(*shape, mean=complex_at, scale=complex_at / 4.0)
            for shape in (INTERIOR, INTERIOR[1:])
        ]
        found.append(Edge("complex", "complex numbers", dict(zip("xy", around, strict=True))))
    return Spec(name, title, (text,), {"x": made[0].x, "y": made[0].y}, (*found, *edges))


def empty(arguments: str, *outputs: str) -> Edge:
    """A function over an axis of length zero, beside a ``y`` that the outputs depend on.

    Args:
        arguments: the array arguments, separated by spaces, each of shape (3, 0).
        outputs: the expressions, of shape (3,) or (3, 0).
    """
    inputs = {name: normal(3, 0) for name in arguments.split()}
    return Edge("empty", "an axis of length zero", {**inputs, "y": normal(3)}, outputs)


def declare(suite: Suite, specs: Iterable[Spec], file: str) -> None:
    """Declare every case of every spec in a suite.

    Args:
        suite: the suite.
        specs: the list.
        file: the file in which the list stands (``__file__``): a case's place is its line there.
    """
    lines = _lines(Path(file))
    for spec in specs:
        place = Place(f"{Path(file).parent.name}/{Path(file).name}", lines.get(spec.name, 1))
        for name, alone in spec.cases():
            function = compiled(f"{suite.id}/{name}", alone)
            suite.case(tags=alone.tags, name=name, place=place, **alone.inputs)(function)


def compiled(case: str, spec: Spec) -> FunctionType:
    """The function whose text a spec is; ``inspect.getsource`` finds the text."""
    text = spec.source()
    # other text under the same name, in a suite of another folder, is another file
    file = f"<{case} {hashlib.sha256(text.encode()).hexdigest()[:8]}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    namespace: dict[str, Any] = {"__name__": f"generated.{case.replace('/', '.')}"}
    exec(compile(text, file, "exec"), namespace)  # text that this module wrote
    function = namespace[spec.name.replace(".", "_")]
    assert isinstance(function, FunctionType)
    return function


def _lines(file: Path) -> dict[str, int]:
    """Where a call with a name as its first argument stands, for each such name."""
    calls = (n for n in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if _names(n))
    return {call.args[0].value: call.lineno for call in calls}  # type: ignore[attr-defined]


def _names(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
        return False
    first = node.args[0]
    return (
        node.func.id in ("Spec", "unary", "binary")
        and isinstance(first, ast.Constant)
        and isinstance(first.value, str)
    )
