"""What a case's page says first: a row per backend and device, with the numbers of its worst trial.

A backend is an interface in one mode.  Its cells are the nestings; where the dtypes of a cell do
not end alike, each ending names its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from gradtier.model import Nesting, Outcome
from gradtier.render.trials import RANK, Measured, as_float, bar_of, chip, cleaned, margin
from gradtier.render.words import duration, number
from gradtier.support import MARKS
from gradtier.table import State

#: One way in which trials of a cell ended: state, mark, word, and the dtypes if not all of them.
Ending = tuple[State, str, str, str]


class Against(msgspec.Struct, frozen=True, gc=False):
    """The worst element against one witness.

    Attributes:
        error: how far apart they are, of how far the witness's measured uncertainty lets them be.
        aside: the largest such quotient of the trial, over 1 if it fails; or why that is right.
    """

    error: str
    aside: str


class Line(msgspec.Struct, frozen=True, gc=False):
    """One backend on one device.

    Attributes:
        backend, device: which.
        cells: the endings in each nesting.
        of: the trial whose numbers follow, where the line has several.
        reference, differences: its worst element against both witnesses.
        time: of one derivative call, and if that is not known, of the whole trial.
    """

    backend: str
    device: str
    cells: tuple[tuple[Ending, ...], ...]
    of: str
    reference: Against | None
    differences: Against | None
    time: str


@dataclass(frozen=True)
class Summary:
    """The whole table.

    Attributes:
        nestings: its columns.
        lines: the backends with evidence on a device.
        idle: backends and devices without any, though something of them is planned.
    """

    nestings: tuple[Nesting, ...]
    lines: tuple[Line, ...]
    idle: tuple[tuple[str, str], ...]


_ABSENT: tuple[Ending, ...] = ((State.NOT_OFFERED, MARKS[State.NOT_OFFERED], "not planned", ""),)
_ORDER = {o: RANK.get(o, len(RANK)) for o in Outcome}  # what agrees, or has no evidence, comes last


def summary(trials: Iterable[Measured], devices: Collection[str]) -> Summary:
    """The table of a case.

    Args:
        trials: all of them, with evidence or without, in the order of the rows.
        devices: those that have any evidence; trials on others are left out.
    """
    groups: dict[tuple[str, str], list[Measured]] = {}
    there, measured = set(), set()
    for m in trials:
        cell = m.judged.trial.id.cell
        if cell.device not in devices:
            continue
        key = cell.backend, cell.device
        groups.setdefault(key, []).append(m)
        if m.outcome.is_evidence:
            there.add(cell.nesting)
            measured.add(key)
    nestings = tuple(n for n in Nesting if n in there)
    lines = (_line(*key, found, nestings) for key, found in groups.items() if key in measured)
    return Summary(nestings, tuple(lines), tuple(key for key in groups if key not in measured))


def _line(backend: str, device: str, trials: list[Measured], nestings: tuple[Nesting, ...]) -> Line:
    cells: dict[Nesting, dict[Outcome, list[str]]] = {n: {} for n in Nesting}
    worst, key = None, (len(RANK) + 1, 0.0)
    for m in trials:
        cell, outcome = m.judged.trial.id.cell, m.outcome
        cells[cell.nesting].setdefault(outcome, []).append(cell.dtype)
        if m.verdict and (mine := (_ORDER[outcome], -margin(m.verdict))) < key:
            worst, key = m, mine
    several = (
        sum(map(bool, cells.values())) > 1,
        len({dtype for found in cells.values() for dtypes in found.values() for dtype in dtypes})
        > 1,
    )
    return Line(
        backend, device, tuple(_endings(cells[n]) for n in nestings),
        *(_numbers(worst, *several) if worst is not None else ("", None, None, "")),
    )  # fmt: skip


def _endings(found: Mapping[Outcome, list[str]]) -> tuple[Ending, ...]:
    if not found:
        return _ABSENT
    if len(found) == 1:
        (outcome,) = found
        return ((*chip(outcome), ""),)
    ranked = sorted(found, key=_ORDER.__getitem__)
    return tuple((*chip(outcome), ", ".join(found[outcome])) for outcome in ranked)


def _numbers(
    m: Measured, nestings: bool, dtypes: bool
) -> tuple[str, Against | None, Against | None, str]:
    """What the line says of one trial, named by what it is not alone in."""
    record, cell, verdict = m.judged.record, m.judged.trial.id.cell, m.verdict
    assert record is not None  # a trial without a verdict is none of those that are asked for
    worst: Mapping[str, Any] = verdict.get("worst") or {}
    order = f"{cell.nesting} over" if cell.nesting is not Nesting.NONE else "first order"
    of = ", ".join([order] * nestings + [cell.dtype] * dtypes)
    bar = bar_of(verdict, worst)
    note = _excuse(verdict) if m.outcome is Outcome.AGREE else ""
    return (
        of,
        _against(worst, "reference", worst.get("allowed"), verdict.get("margin_reference"), note),
        _against(worst, "fd", bar, verdict.get("margin_fd"), note),
        duration(record.call_seconds) or duration(record.seconds),
    )


def _excuse(verdict: Mapping[str, Any]) -> str:
    """Why a number may be off and right: another slope at a kink, or a reference that is wrong."""
    convention = verdict.get("convention")
    if convention or "kink" in verdict.get("findings", ()):
        return cleaned(f"at a kink, takes {convention}" if convention else "at a kink")
    return "the other witness decides"


def _against(
    worst: Mapping[str, Any], witness: str, bar: object, found: object, note: str
) -> Against | None:
    other = worst.get(witness)
    if other is None and found is None:
        return None
    note = note if as_float(found) > 1.0 else ""
    error = ""
    if other is not None:
        error = number(abs(as_float(worst.get("got")) - as_float(other)), 2)
        if bar is not None and not note:
            error = f"{error} of {number(bar, 2)}"
    return Against(error, note or ("" if found is None else f"margin {number(found, 3)}"))
