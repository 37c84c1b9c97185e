"""A case with other shapes or other numbers, named so that it can be asked for again anywhere.

``array/add+x.2.1+y.3+seed.7`` is the case ``array/add`` with ``x`` of shape (2, 1), ``y`` of shape
(3,) and inputs drawn anew; what is not named stays.  An exploration makes such names, a worker
process understands them, and a suite takes one up for good with :func:`keep`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from gradtier.cases import Case, Suite
from gradtier.inputs import Input

#: Inputs that are drawn, and so can be drawn in any shape.
DRAWN = ("normal", "complex", "uniform", "distinct")
SEED = "seed"
_PART = re.compile(r"(?P<name>[A-Za-z_]\w*)(?P<sizes>(\.\d+)*)")


def free(case: Case) -> dict[str, Input]:
    """The arguments of a case whose shapes may be varied, constant ones included."""
    named = case.inputs.items()
    return {n: i for n, i in named if isinstance(i, Input) and i.kind in DRAWN}


def spelled(case: Case, shapes: Mapping[str, tuple[int, ...]], seed: int = 0) -> str:
    """The name of a variant, within its suite."""
    parts = [case.name]
    parts += [".".join([name, *map(str, shape)]) for name, shape in sorted(shapes.items())]
    return "+".join([*parts, *([f"{SEED}.{seed}"] if seed else [])])


def find(suite: Suite, name: str) -> Case:
    """A case of the suite, or a variant of one.

    Raises:
        KeyError: there is no such case, or what stands behind ``+`` is no shape of its inputs.
    """
    if name in suite.cases or "+" not in name:
        return suite.cases[name]
    base, *parts = name.split("+")
    case = suite.cases[base]
    inputs, may = dict(case.inputs), free(case)
    for part in parts:
        found = _PART.fullmatch(part)
        if found is None or (found["name"] not in may and found["name"] != SEED):
            raise KeyError(f"'{part}' in '{name}' is no shape of {', '.join(may) or 'an input'}")
        if found["name"] != SEED:
            shape = tuple(int(n) for n in found["sizes"].split(".")[1:])
            inputs[found["name"]] = dataclasses.replace(may[found["name"]], shape=shape)
    # inputs are drawn by the names of case and argument: another name, other numbers
    title = f"{case.title} ({', '.join(parts)})"
    return dataclasses.replace(case, name=name, inputs=inputs, title=title)


def keep(suite: Suite, *names: str) -> None:
    """Make variants cases of their suite: what an exploration found stays found."""
    for name in names:
        suite.cases[name] = find(suite, name)
