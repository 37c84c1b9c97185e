"""Splitting a plan over machines: by expected cost, and stable under small changes.

All trials are laid in one row, package after package and within a package by the hash of the case,
and the row is cut into pieces of equal cost.  So a piece holds few packages, which are imported and
compiled once; and a case that is added or gets dearer moves only what lies near the cuts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from gradtier.errors import InputError
from gradtier.model import TrialId
from gradtier.plan import Planned


@dataclass(frozen=True)
class Shard:
    """One of several parts of a plan.

    Attributes:
        number: which, from 1.
        of: how many there are.
    """

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From ``3/8``.

        Raises:
            InputError: it is something else.
        """
        found = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", text)
        if found is None or int(found[1]) > int(found[2]):
            raise InputError(f"--shard '{text}': expected a part and a number of parts, as 3/8")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def part(
    trials: Iterable[Planned],
    shard: Shard,
    packages: Mapping[str, str],
    cost: Callable[[TrialId], float],
) -> tuple[Planned, ...]:
    """The trials of one shard, in their given order.

    Args:
        trials: all that are selected.
        shard: which part; the parts of one number are disjoint, and all trials together.
        packages: row -> its package; the rows of a package and a case stay together.
        cost: expected seconds of a trial.
    """
    trials = tuple(trials)
    atoms: dict[tuple[str, str], float] = {}
    for t in trials:
        key = packages[t.id.cell.backend], t.id.case_id
        atoms[key] = atoms.get(key, 0.0) + max(cost(t.id), 1e-6)
    order = {name: i for i, name in enumerate(dict.fromkeys(packages.values()))}
    row = sorted(atoms, key=lambda atom: (order[atom[0]], _hash(atom)))
    whole, before, mine = sum(atoms.values()), 0.0, set()
    for atom in row:
        middle = (before + atoms[atom] / 2) / whole
        if min(int(middle * shard.of), shard.of - 1) == shard.number - 1:
            mine.add(atom)
        before += atoms[atom]
    return tuple(t for t in trials if (packages[t.id.cell.backend], t.id.case_id) in mine)


def _hash(atom: tuple[str, str]) -> bytes:
    return hashlib.sha256("\0".join(atom).encode()).digest()
