"""The nested grid: every family's second derivatives, outer mode by inner mode.

A family is the rows that one would use together: the two modes of one interface of a library.  The
grid says nothing that the rows do not say; it puts side by side what they hold apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gradtier.matrix import Matrix
from gradtier.model import Mode, Nesting
from gradtier.support import MARKS, CellEntry, GridCell, GridLine, Row, State

#: Outer over inner, in reading order.
PAIRS = tuple((outer, inner) for outer in (Nesting.FORWARD, Nesting.REVERSE) for inner in Mode)


def nested_grid(matrix: Matrix, rows: tuple[Row, ...]) -> tuple[GridLine, ...]:
    """A line for each family and each device on which any of it is measured.

    Args:
        matrix: says which row is of which family.
        rows: the rows of the table, in its order.
    """
    families: dict[str, list[Row]] = {}
    for row in rows:
        families.setdefault(matrix.backends[row.id].family_name, []).append(row)
    return tuple(line for name, members in families.items() for line in _lines(name, members))


def _lines(name: str, rows: list[Row]) -> Iterator[GridLine]:
    devices = dict.fromkeys(entry.device for row in rows for entry in row.nested)
    for device in devices:
        cells = _by_pair(rows, device)
        if any(cell.measured for _, cell in cells.values()):
            filled = tuple(_cell(outer, inner, cells) for outer, inner in PAIRS)
            yield GridLine(family=name, device=device, cells=filled)


def _by_pair(rows: list[Row], device: str) -> Mapping[tuple[Nesting, Mode], tuple[str, CellEntry]]:
    """(outer, inner) -> row and cell; of two cells, the first that is measured."""
    found: dict[tuple[Nesting, Mode], tuple[str, CellEntry]] = {}
    for row in rows:
        for entry in row.nested:
            for cell in entry.cells if entry.device == device else ():
                pair = cell.nesting, row.mode
                if pair not in found or (cell.measured and not found[pair][1].measured):
                    found[pair] = row.id, cell
    return found


def _cell(
    outer: Nesting, inner: Mode, cells: Mapping[tuple[Nesting, Mode], tuple[str, CellEntry]]
) -> GridCell:
    backend, cell = cells.get((outer, inner), (None, None))
    if cell is None:
        state, text = State.NOT_OFFERED, f"no {inner} mode"
        return GridCell(
            outer=outer, inner=inner, backend=None, state=state, mark=MARKS[state], text=text
        )
    return GridCell(
        outer=outer, inner=inner, backend=backend, state=cell.state, mark=cell.mark, text=cell.text
    )
