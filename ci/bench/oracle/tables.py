"""Markdown tables of plain values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; numbers are shortened, words are escaped."""
    lines = [_line(head), _line(["---"] * len(head))]
    lines += [_line([cell(value) for value in row]) for row in rows]
    return "\n".join(lines)


def cell(value: Any) -> str:
    """A value as a cell holds it."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}"
    return " ".join(str(value).replace("\\", "\\\\").replace("|", "\\|").split())


def percent(share: float | None) -> str:
    """A share in percent; as many digits as tell it from 100."""
    if share is None:
        return ""
    return f"{100 * share:.4g} %"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
