"""History of the classes -> a page of HTML, and JSON.

Each backend's class is drawn as a band over time, the higher the better, beside the list of its
transitions, which says the same in words.  The drawing is inline SVG without any style or script.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gradtier.history import BackendHistory, History, Transition
from gradtier.render import templating
from gradtier.render.difference import flipped
from gradtier.table import SupportTable, plain

PAGE, JSON = "history.html", "history.json"
WIDTH, HEIGHT = 1000, 40  # of a drawing, in its own units
_NARROWEST = 12  # of a span, so that one of a single day is seen
_LOWEST = 4  # height of holding no class
MOST_REASONS = 8


@dataclass(frozen=True)
class Span:
    """A time in one class, as a rectangle of the drawing.

    Attributes:
        x, width: from its first day to the next transition.
        height: the better the class, the higher; drawn from the bottom.
        rank: 1 for the best class, and so on; 0 for none: the colour.
    """

    x: float
    width: float
    height: float
    rank: int

    @property
    def y(self) -> float:
        """The upper edge."""
        return round(HEIGHT - self.height, 2)


@dataclass(frozen=True)
class Change:
    """One transition in words.

    Attributes:
        transition: which.
        versions: the packages that were measured: ``jax 0.5.0; jaxlib 0.5.0``.
        because: the criteria that flipped.
    """

    transition: Transition
    versions: str
    because: tuple[str, ...]


@dataclass(frozen=True)
class Band:
    """One backend on the page."""

    backend: BackendHistory
    spans: tuple[Span, ...]
    changes: tuple[Change, ...]


def render_json(history: History) -> str:
    """The contract ``gradtier/history/1``, indented, with a newline at the end."""
    return history.model_dump_json(by_alias=True, indent=2) + "\n"


def render(table: SupportTable, history: History, pages: Mapping[str, str] | None = None) -> str:
    """The page as text; a pure function of its arguments.

    Args:
        table: names the classes.
        history: when they changed.
        pages: row -> its page, from the top of the site; else its place in the table is linked.
    """
    order = {c.id: i for i, c in enumerate(table.classes, 1)}
    return templating.render(
        "history.html.j2",
        top="",
        table=table,
        history=history,
        bands=[band_of(b, history, order) for b in history.backends if b.transitions],
        idle=[b for b in history.backends if not b.transitions],
        rank={id_: min(i, 4) for id_, i in order.items()},
        width=WIDTH,
        height=HEIGHT,
        most=MOST_REASONS,
        pages=pages or {},
    )


def band_of(backend: BackendHistory, history: History, order: dict[str, int]) -> Band:
    """One backend's band; ``order``: class -> its place, 1 for the best."""
    changes = tuple(
        Change(t, _versions(t), tuple(map(flipped, t.because))) for t in backend.transitions
    )
    return Band(backend, tuple(_spans(backend, history, order)), changes)


def _spans(backend: BackendHistory, history: History, order: dict[str, int]) -> Iterator[Span]:
    starts = [_x(t.date, history) for t in backend.transitions]
    for t, x, end in zip(backend.transitions, starts, [*starts[1:], float(WIDTH)], strict=True):
        place = order.get(t.new.id or "", 0)
        share = (len(order) + 1 - place) / len(order) if place else 0.0
        height = round(max(_LOWEST, HEIGHT * share), 2)
        yield Span(x, round(end - x, 2), height, min(place, 4))


def _x(day: datetime.date, history: History) -> float:
    """Where a day is; the last one leaves room to be seen."""
    first, last = history.days[0], history.days[-1]
    days = (last - first).days
    share = (day - first).days / days if days else 0.0
    return round(share * (WIDTH - _NARROWEST), 2)


def _versions(transition: Transition) -> str:
    found = transition.versions.items()
    return "; ".join(f"{plain(name)} {', '.join(map(plain, v))}" for name, v in found)
