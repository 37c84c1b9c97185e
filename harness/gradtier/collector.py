"""Python's collector of cycles, kept from what is loaded once and stays."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

SELDOM = 200_000  # objects made, less those freed, before it looks


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Load much without the collector of cycles, and keep it out of what was loaded.

    While a hundred thousand records are read, planned and judged, it takes a third of the time and
    finds nothing: there are no cycles among them.  What is there at the end is set aside, so that
    rendering does not look through it again and again; the next use takes it back.
    """
    was_on = gc.isenabled()
    gc.disable()
    gc.unfreeze()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """Render without the collector of cycles looking after every few hundred objects.

    Thousands of pages leave few cycles: it took a twentieth of the time of a large report.
    """
    before = gc.get_threshold()
    gc.set_threshold(SELDOM, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
