"""Support table -> badges, as shields.io reads them from an address (an "endpoint badge").

``badges/ROW.json`` says the class of a row, ``badges/on/DEVICE/ROW.json`` what its first-order
cell on a device says, ``badges/class/ID.json`` how many rows hold a class.  A badge says in words
what its colour says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial

from gradtier.render.paths import file_names
from gradtier.support import State
from gradtier.table import CellEntry, Row, SupportTable, plain

FOLDER = "badges"
LONGEST = 100  # characters of either side
#: The better the class, the greener; named colours of shields.io.
_RANKS = ("brightgreen", "green", "yellowgreen", "yellow")
_NO_CLASS, _UNKNOWN, _COUNT = "orange", "lightgrey", "blue"
_STATES = {
    State.AGREES: "brightgreen",
    State.PARTIAL: "yellowgreen",
    State.WRONG: "red",
    State.FAILS: "orange",
    State.INCONCLUSIVE: _UNKNOWN,
    State.NOT_TESTED: _UNKNOWN,
    State.NOT_OFFERED: _UNKNOWN,
}


def badges(table: SupportTable) -> Iterator[tuple[str, Callable[[], str]]]:
    """Every badge: its path from the top of the site, and what gives its text."""
    rows = file_names(row.id for row in table.rows)
    devices = file_names({cell.device: None for row in table.rows for cell in row.cells})
    classes = file_names(c.id for c in table.classes)
    colours = {c.id: _RANKS[min(i, len(_RANKS) - 1)] for i, c in enumerate(table.classes)}
    for row in table.rows:
        yield f"{FOLDER}/{rows[row.id]}.json", partial(_row, row, colours)
        for cell in row.cells:
            path = f"{FOLDER}/on/{devices[cell.device]}/{rows[row.id]}.json"
            yield path, partial(_cell, row, cell)
    for c in table.classes:
        n = len(c.backends)
        said = "1 backend" if n == 1 else f"{n} backends"
        yield f"{FOLDER}/class/{classes[c.id]}.json", partial(badge, c.title, said, _COUNT)


def badge(label: str, message: str, colour: str) -> str:
    """One badge; its texts are cut short and rid of control characters.

    Args:
        label: the left side.
        message: the right side; shields.io wants it not to be empty.
        colour: a colour that shields.io has a name for.
    """
    said = {
        "schemaVersion": 1,
        "label": plain(label, LONGEST),
        "message": plain(message, LONGEST) or "unknown",
        "color": colour,
    }
    return json.dumps(said, indent=2) + "\n"


def _row(row: Row, colours: dict[str, str]) -> str:
    mark = row.support_class
    tested = any(c.measured for c in row.cells)
    colour = colours.get(mark.id or "", _NO_CLASS if tested and mark.possible is None else _UNKNOWN)
    return badge(_name(row), ", ".join((mark.title, *mark.asides)), colour)


def _cell(row: Row, cell: CellEntry) -> str:
    said = ", ".join((cell.text, *cell.asides))
    return badge(f"{_name(row)} on {cell.device.upper()}", said, _STATES[cell.state])


def _name(row: Row) -> str:
    return f"{row.title}, {row.mode}"
