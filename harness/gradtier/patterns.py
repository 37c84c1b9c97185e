"""Which of many rules is the first to cover a trial, looked up for a whole cell at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Generic, Protocol, TypeVar

from gradtier.cases import Case
from gradtier.matrix import Match
from gradtier.model import Cell


class Rule(Protocol):
    """What has a pattern: an exclusion, a claim, a waiver."""

    @property
    def match(self) -> Match:
        """The trials that are meant."""


R = TypeVar("R", bound=Rule)
#: Suite and name of a case.
Name = tuple[str, str]


class Firsts(Generic[R]):
    """The first rule that covers each trial.

    Most rules are about few rows, and all cells of a row have the same cases: so rules are matched
    with cells, then with cases, and never with a million trials.

    Args:
        rules: in the order in which they count.
        cases: all cases that trials are of.
    """

    def __init__(self, rules: Iterable[R], cases: Iterable[Case]) -> None:
        self._rules = tuple(rules)
        self._cases = [(case.suite, case.name) for case in cases] if self._rules else []
        self._known: dict[tuple[int, ...], Mapping[Name, R]] = {}

    def within(self, cell: Cell) -> Mapping[Name, R]:
        """Case -> the first rule that covers it in that cell; a case without one is not there."""
        near = tuple(i for i, rule in enumerate(self._rules) if rule.match.covers_cell(cell))
        if near not in self._known:
            self._known[near] = self._first([self._rules[i] for i in near])
        return self._known[near]

    def _first(self, rules: list[R]) -> dict[Name, R]:
        found: dict[Name, R] = {}
        for rule in rules:
            for name in self._cases:
                if name not in found and rule.match.covers_case(*name):
                    found[name] = rule
        return found
