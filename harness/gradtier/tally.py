"""What is counted of one backend before it is judged: trials, runs, cost.

Trials that are planned but have no record that counts are *missing*.  They are counted both ways:
as if all of them agreed, and as if all of them were wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Tally:
    """Trials of one backend, counted.

    A waived trial stands in none of the other counts but ``waived``.  So it is neither agreement
    nor failure, and a waiver that lapses can only lower a class.

    Attributes:
        agree: trials that agree.
        certified: those of them that both witnesses, finite differences and reference, confirm.
        wrong: trials that are wrong; ``claimed_wrong`` of them are declared.
        broken: raised, crashed or timed out.
        other: unsupported or inconclusive.
        missing: planned, without a record that counts.
        waived: trials that do not agree and are waived; ``waived_wrong`` of them are wrong, and
            ``waived_claimed`` of these are declared as well.
    """

    agree: int = 0
    certified: int = 0
    wrong: int = 0
    claimed_wrong: int = 0
    broken: int = 0
    other: int = 0
    missing: int = 0
    waived: int = 0
    waived_wrong: int = 0
    waived_claimed: int = 0

    @property
    def measured(self) -> int:
        """Trials with evidence that is not waived: what shares are taken of."""
        return self.agree + self.wrong + self.broken + self.other

    @property
    def evident(self) -> int:
        """Trials with evidence, waived or not."""
        return self.measured + self.waived

    @property
    def planned(self) -> int:
        """All trials."""
        return self.evident + self.missing

    def best(self) -> Tally:
        """As if every missing trial agreed."""
        m = self.missing
        return replace(self, agree=self.agree + m, certified=self.certified + m, missing=0)

    def worst(self) -> Tally:
        """As if every missing trial were wrong."""
        return replace(self, wrong=self.wrong + self.missing, missing=0)

    def strict(self) -> Tally:
        """As if no wrong trial were waived."""
        return replace(
            self,
            wrong=self.wrong + self.waived_wrong,
            claimed_wrong=self.claimed_wrong + self.waived_claimed,
            waived=self.waived - self.waived_wrong,
            waived_wrong=0,
            waived_claimed=0,
        )

    def __add__(self, other: Tally) -> Tally:
        mine = vars(self)
        return Tally(**{key: mine[key] + count for key, count in vars(other).items()})


def total(tallies: Iterable[Tally]) -> Tally:
    """All of them together."""
    return sum(tallies, Tally())


@dataclass(frozen=True)
class Lap:
    """One run, as far as it concerns one backend on the devices that decide.

    Attributes:
        run: its id.
        source: who measured.
        finished: whether it left a record of all that it was to do; else a failure may be lost.
        wrong: wrong derivatives in it that nobody declared and nobody waived.
        waived_wrong: those that nobody declared, but that are waived.
        errors: trials that the harness itself could not finish.
    """

    run: str
    source: str = "self"
    finished: bool = True
    wrong: int = 0
    waived_wrong: int = 0
    errors: int = 0

    def strict(self) -> Lap:
        """As if no wrong trial were waived."""
        return replace(self, wrong=self.wrong + self.waived_wrong, waived_wrong=0)


@dataclass(frozen=True)
class Facts:
    """What a class is judged by; every count is of one backend.

    Attributes:
        orders: nesting -> trials on the devices that decide.
        suites: suite -> first-order trials on those devices.
        devices: device -> first-order trials there, whether it decides or not.
        counted: trials with evidence that counts for the class, on the devices that decide.
        evident: trials with evidence there, whether it counts for the class or not.
        costs: device that decides and has trials -> time relative to the fastest backend's, or
            None where that was not measured.
        laps: the runs that concern the backend, the latest first.
    """

    orders: Mapping[str, Tally] = field(default_factory=dict)
    suites: Mapping[str, Tally] = field(default_factory=dict)
    devices: Mapping[str, Tally] = field(default_factory=dict)
    counted: int = 0
    evident: int = 0
    costs: Mapping[str, float | None] = field(default_factory=dict)
    laps: tuple[Lap, ...] = ()

    def order(self, nesting: str) -> Tally:
        """The trials under one nesting."""
        return self.orders.get(nesting, Tally())

    @property
    def first(self) -> Tally:
        """First order."""
        return self.order("none")

    def strict(self) -> Facts:
        """As if no wrong trial were waived: what the first class is judged by."""
        orders, suites, devices = (
            {key: tally.strict() for key, tally in of.items()}
            for of in (self.orders, self.suites, self.devices)
        )
        laps = tuple(lap.strict() for lap in self.laps)
        return replace(self, orders=orders, suites=suites, devices=devices, laps=laps)
