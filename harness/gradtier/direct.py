"""Words for the results of one derivative on a card and on the CPU, compared with each other."""

from __future__ import annotations

from enum import StrEnum

from gradtier.model import HOST

#: The check's name in a record.
CHECK = HOST


class Direct(StrEnum):
    """How the two stand to each other; what a record says of it begins with these words.

    Attributes:
        SAME: equal within what rounding may do on both sides.
        BOTH: the card's numbers are wrong, and the CPU's are the same: the device is not at fault.
        ALONE: the card's numbers are wrong, and the CPU's are right.
        APART: they differ otherwise; that alone does not say which of them is wrong.
        UNKNOWN: there is nothing to compare.
    """

    SAME = "the same"
    BOTH = f"wrong on the {HOST} too"
    ALONE = f"right on the {HOST}"
    APART = "differs"
    UNKNOWN = "not compared"


def read(says: str) -> Direct:
    """What a record says; anything else is unknown."""
    return next((d for d in Direct if says.startswith(d.value)), Direct.UNKNOWN)
