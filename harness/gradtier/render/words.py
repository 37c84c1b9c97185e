"""What a case is, in words: its inputs and its source."""

from __future__ import annotations

import inspect
import textwrap

from gradtier.cases import Case
from gradtier.inputs import Input
from gradtier.table import plain

MOST_VALUES = 160  # characters shown of values that are given one by one
MOST_LINES = 120  # lines shown of a source


def number(value: object, digits: int = 6) -> str:
    """A number of a record: "nan" and "inf" come as text, and no number as none."""
    if type(value) is float:
        return f"{value:.{digits}g}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return plain(str(value), 24)
    try:
        return f"{value:.{digits}g}"
    except OverflowError:  # a whole number beyond all that are floats
        return "inf" if value > 0 else "-inf"


def described(spec: Input) -> str:
    """One input in words: what is in it, its shape, whether it is differentiated."""
    low, high = number(spec.low), number(spec.high)
    normal = f"normally distributed, mean {low}, standard deviation {high}"
    kind = "values" if spec.values is not None else spec.kind
    match kind:
        case "normal":
            what = normal
        case "complex":
            what = f"complex, both parts {normal}"
        case "uniform":
            what = f"uniform in [{low}, {high})"
        case "distinct":
            what = f"in [{low}, {high}), all well apart"
        case "spd":
            what = "symmetric positive definite"
        case "values":
            what = _given(spec.values)
        case "integers":
            what = f"whole numbers in [{low}, {high})"
        case "boolean":
            what = f"true with probability {high}"
    return f"{what}; {_shape(spec.shape)}{'; constant' if spec.constant else ''}"


def _given(values: object) -> str:
    return plain(str(values).replace(",)", ")").replace("(", "[").replace(")", "]"), MOST_VALUES)


def _shape(shape: tuple[int, ...]) -> str:
    if not shape:
        return "a scalar"
    return f"shape {' × '.join(map(str, shape))}" if len(shape) > 1 else f"{shape[0]} numbers"


def source(case: Case) -> str:
    """The function as its suite has it, or empty where there is no source."""
    try:
        lines = inspect.getsource(case.function).splitlines()
    except (OSError, TypeError):
        return ""
    shown = lines[:MOST_LINES] + (["..."] if len(lines) > MOST_LINES else [])
    text = textwrap.dedent("\n".join(shown))
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def duration(seconds: object) -> str:
    """A time in words, ``1.2 ms``; nothing where there is none."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds != seconds:
        return ""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs" if seconds > 0 else ""
