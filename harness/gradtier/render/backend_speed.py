"""What the benchmarks say of one backend, as bars with their numbers.

A bar is a ratio on a logarithmic scale: a derivative's time over that of the fastest row of its
mode, and over that of the function as this backend runs it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gradtier.evidence import Bench
from gradtier.laps import Key
from gradtier.model import Mode
from gradtier.ratios import MARKS as ALLOWED
from gradtier.ratios import cost, relative, to_fastest
from gradtier.render.words import duration
from gradtier.table import LONGEST, plain, shown_as

WIDTH = 240  # of a drawing, in its own units
_LEAST = 10.0  # end of the scale, at least
_THINNEST = 2.0  # of a bar, so that the fastest row has one


@dataclass(frozen=True)
class Bar:
    """One ratio, in words and as the width of a rectangle."""

    text: str
    width: float


@dataclass(frozen=True)
class Lap:
    """One benchmark of the backend.

    Attributes:
        name: the benchmark.
        place: device and dtype.
        to_fastest: time over that of the fastest row of the mode; None: no rival was timed.
        to_primal: time over that of the function; None: it does not agree.
        seconds: time of a derivative in words.
        why: why there is no time, or empty.
    """

    name: str
    place: str
    to_fastest: Bar | None
    to_primal: Bar | None
    seconds: str
    why: str


@dataclass(frozen=True)
class Speed:
    """The benchmarks of one backend.

    Attributes:
        laps: one by one.
        ticks: where the powers of ten are, but for the first: (position, words).
        allowed: what theory allows a derivative of the mode to cost, in calls of the function.
        means: device -> in words, all benchmarks together.
    """

    laps: tuple[Lap, ...]
    ticks: tuple[tuple[float, str], ...]
    allowed: tuple[float, float]
    means: tuple[tuple[str, str], ...]


class Speeds:
    """Ratios of all benchmarks, computed once for all pages."""

    def __init__(self, benches: Iterable[Bench]) -> None:
        self.benches = tuple(benches)
        self.fastest = to_fastest(self.benches)
        self.mine: dict[str, list[Bench]] = {}
        for bench in self.benches:
            self.mine.setdefault(bench.backend, []).append(bench)
        devices = dict.fromkeys(b.device for b in self.benches)
        self.relative = {device: relative(self.benches, device) for device in devices}

    def of(self, backend: str, mode: Mode) -> Speed | None:
        """The benchmarks of a backend, in the order of evidence; None if there are none."""
        mine = [b for b in self.mine.get(backend, ()) if b.outcome.is_evidence]
        if not mine:
            return None
        to_primal = {
            b.key: b.derivative.median / b.primal.median
            for b in mine
            if b.derivative is not None and b.primal is not None
        }
        ratios = [*to_primal.values(), *(self.fastest.get(b.key, 1.0) for b in mine)]
        end = 10.0 ** math.ceil(math.log10(max(_LEAST, *ratios)))
        powers = range(1, round(math.log10(end)) + 1)
        return Speed(
            laps=tuple(_lap(b, self.fastest, to_primal, end) for b in mine),
            ticks=tuple((_along(10.0**p, end), f"{10**p:,}") for p in powers),
            allowed=ALLOWED[mode],
            means=tuple(self._means(backend, mode, mine)),
        )

    def _means(self, backend: str, mode: Mode, mine: list[Bench]) -> Iterable[tuple[str, str]]:
        for device in dict.fromkeys(b.device for b in mine):
            said = []
            rivals = self.relative[device].get(backend)
            if rivals is not None:
                said.append(f"{times(rivals)} the time of the fastest {mode} row")
            own = cost(mine, backend, device)
            if own is not None:
                said.append(f"a derivative costs {times(own)} its function")
            if said:
                yield device, "; ".join(said)


def _lap(b: Bench, fastest: Mapping[Key, float], to_primal: Mapping[Key, float], end: float) -> Lap:
    why = ""
    if b.derivative is None:
        reason = f", {b.reason}" if b.reason else ""
        detail = plain(b.detail, LONGEST)
        why = f"{shown_as(b.outcome)}{reason}" + (f": {detail}" if detail else "")
    return Lap(
        name=plain(b.benchmark),
        place=f"{b.device}, {b.dtype}",
        to_fastest=_bar(fastest.get(b.key), end),
        to_primal=_bar(to_primal.get(b.key), end),
        seconds=duration(b.derivative.median) if b.derivative is not None else "",
        why=why,
    )


def _bar(ratio: float | None, end: float) -> Bar | None:
    return None if ratio is None else Bar(times(ratio), max(_THINNEST, _along(ratio, end)))


def _along(ratio: float, end: float) -> float:
    """Where a ratio is on the scale from 1 to ``end``; below 1 at its beginning."""
    return round(WIDTH * max(0.0, math.log(ratio) / math.log(end)), 2)


def times(ratio: float) -> str:
    """``1.25`` as ``1.25 ×``, with three digits."""
    return f"{ratio:.0f} ×" if ratio >= 100 else f"{ratio:.3g} ×"
