"""Rules looked up for a whole cell at a time: the same answer as asking each rule of each trial."""

from __future__ import annotations

import dataclasses
import gc
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradtier.cases import Suite, normal
from gradtier.collector import uncollected
from gradtier.matrix import Match
from gradtier.model import Cell, Nesting, TrialId
from gradtier.patterns import Firsts


def _suite(name: str, *cases: str) -> Suite:
    def model(xp: Any, x: Any) -> Any:
        return xp.sum(x)

    found = Suite(name)
    found.case(x=normal(2))(model)
    made = found.cases.pop("model")
    found.cases.update({case: dataclasses.replace(made, name=case) for case in cases})
    return found


CASES = [c for s in (_suite("nn", "dense", "norm"), _suite("fft", "real", "dense"))
         for c in s.cases.values()]  # fmt: skip
CELLS = [Cell(*words) for words in product(("a", "ab", "b"), ("cpu", "cuda"), Nesting, ("f",))]


@dataclass(frozen=True)
class Rule:
    match: Match


def globs(*words: str) -> st.SearchStrategy[Any]:
    word = st.sampled_from([*words, "*", "?"])
    return word | st.lists(word, max_size=2).map(tuple)


matches = st.builds(
    Match, backend=globs("a", "a*", "b"), device=globs("cpu", "c*a"), nesting=globs("none", "*r*"),
    suite=globs("nn", "f*"), case=globs("dense", "n*", "real"),
)  # fmt: skip


@given(st.lists(st.builds(Rule, matches), max_size=4))
def test_the_rule_found_for_a_trial_is_the_first_that_covers_it(rules: list[Rule]) -> None:
    firsts = Firsts(rules, CASES)
    for cell in CELLS:
        found = firsts.within(cell)
        for case in CASES:
            trial = TrialId(case.suite, case.name, cell)
            right = next((r for r in rules if r.match.covers(trial)), None)
            assert found.get((case.suite, case.name)) is right


@given(matches, st.sampled_from(CELLS), st.sampled_from(CASES))
def test_a_pattern_covers_a_trial_where_it_covers_its_cell_and_its_case(
    match: Match, cell: Cell, case: Any
) -> None:
    apart = match.covers_cell(cell) and match.covers_case(case.suite, case.name)
    assert match.covers(TrialId(case.suite, case.name, cell)) == apart


def test_the_collector_is_on_again_however_loading_ends() -> None:
    assert gc.isenabled()
    with pytest.raises(KeyError), uncollected():
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()
    gc.unfreeze()
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()  # whoever turned it off wants it off
    finally:
        gc.enable()
        gc.unfreeze()
