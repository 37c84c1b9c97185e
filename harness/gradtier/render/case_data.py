"""The trials that the page of a case does not hold itself: a file beside it, loaded by its script.

The file is a call of one function with JSON on a line of its own, so that it is a script where a
page is opened from a file, which lets no page read data, and anybody else cuts the JSON out of it::

    gradtier_trials(
    {"case": "nn/dense", "backends": [...], "cells": [...], ..., "rows": [...]}
    );

A row names its backend, its cell and how it ended by their places in those lists, has for each
field in ``texts`` a place in ``words`` (the same few words make up most of a thousand rows), and
then the ``numbers``: null where there is none, and where it is none, such as "nan", a list of one
place in ``words``.  The script puts every word into the page as text; what is markup to a browser
is escaped nevertheless.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import msgspec
from msgspec.structs import astuple

from gradtier.model import Mode
from gradtier.render.trials import (
    Measured,
    Numbers,
    Words,
    chip,
    declared,
    numbers_of,
    text_of,
    words_of,
)
from gradtier.table import plain

#: What a row says after its backend, cell and ending; the script knows the fields by name.
TEXTS = (*Words.__struct_fields__, "declared", "otherwise", "link")
NUMBERS = Numbers.__struct_fields__


@dataclass(frozen=True)
class Known:
    """A row of the table, as the data file names it: title, mode and page."""

    id: str
    title: str
    mode: Mode
    page: str


class _Places(dict[Any, int]):
    """Things that were asked for, each with its place in the order in which they first were."""

    def __missing__(self, thing: Any) -> int:
        self[thing] = place = len(self)
        return place


def render(case: str, trials: Iterable[Measured], known: Mapping[str, Known]) -> str:
    """The file with these trials.

    Args:
        case: the case's id.
        trials: trials with evidence, in the order in which they are shown.
        known: every backend by its id.
    """
    backends, cells, endings, words = _Places(), _Places(), _Places(), _Places()
    packed = []
    for m in trials:
        cell = m.judged.trial.id.cell
        packed.append(
            [
                backends[cell.backend],
                cells[cell.device, cell.nesting, cell.dtype],
                endings[m.outcome],
                *[words[text] for text in astuple(words_of(m))],
                *[words[text] for text in declared(m.judged)],
                *[
                    n if n is None or (type(n) is float and isfinite(n)) else [words[text_of(n)]]
                    for n in astuple(numbers_of(m))
                ],
            ]
        )
    data = {
        "case": plain(case), "backends": [_known(known[name]) for name in backends],
        "cells": [[plain(word) for word in cell] for cell in cells],
        "endings": list(map(chip, endings)), "texts": TEXTS, "numbers": NUMBERS,
        "words": list(words),
    }  # fmt: skip
    rows = msgspec.json.encode(packed).decode("ascii")
    return f'gradtier_trials(\n{escaped(data)[:-1]},"rows":{rows}}}\n);\n'


def escaped(data: object) -> str:
    """JSON in ASCII that holds nothing which HTML or a script could take for its own."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _known(row: Known) -> list[str]:
    return [plain(row.id), row.title, row.mode.value, row.page]
