"""Where, along a row of versions, something changed: binary search that copes with gaps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Boundary:
    """Two positions between which the change lies.

    Attributes:
        before: the last position that is known to be like the first one.
        after: the first that is known to be like the last one.
        untold: positions between them that could not tell; without any, ``after`` is the first
            changed one.
        asked: how many positions were asked.
    """

    before: int
    after: int
    untold: tuple[int, ...]
    asked: int

    @property
    def is_exact(self) -> bool:
        """Whether the two are neighbours."""
        return self.after == self.before + 1


def search(count: int, ask: Callable[[int], bool | None]) -> Boundary:
    """Find the boundary between positions like the first and positions like the last one.

    The middle one of those that may still tell is asked; where it can't tell, its neighbour is the
    next.  If the positions change once, that takes at most ``ceil(log2(count - 1))`` questions and
    one for each that could not tell; if they change several times, one of the changes is found.

    Args:
        count: positions; the first and the last are known to differ and are not asked.
        ask: whether a position is like the last one; None where it can't tell.

    Raises:
        ValueError: there are fewer than two positions.
    """
    if count < 2:
        raise ValueError(f"found {count} positions; expected two at least")
    before, after, asked = 0, count - 1, 0
    untold: set[int] = set()
    while left := [i for i in range(before + 1, after) if i not in untold]:
        middle = left[len(left) // 2]
        answer = ask(middle)
        asked += 1
        if answer is None:
            untold.add(middle)
        elif answer:
            after = middle
        else:
            before = middle
    return Boundary(before, after, tuple(range(before + 1, after)), asked)
