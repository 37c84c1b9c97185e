"""Trial ids: stable, readable, unique, and refused where they are not of the form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradtier.model import Cell, Nesting, Outcome, TrialId

words = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]*", fullmatch=True)
cells = st.builds(Cell, words, words, st.sampled_from(Nesting), words)


@given(st.builds(TrialId, words, words, cells))
def test_a_trial_id_reads_back_to_what_was_written(trial: TrialId) -> None:
    assert TrialId.parse(str(trial)) == trial


@pytest.mark.parametrize(
    "text", ["", "nn/dense", "nn/dense@jax/cpu/none", "nn/dense@jax/cpu/sideways/float64", "a@b@c"]
)
def test_what_is_no_trial_id_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="as in nn/dense@jax-reverse/cpu/none/float64"):
        TrialId.parse(text)


def test_an_outcome_is_a_failure_only_if_it_is_evidence() -> None:
    for outcome in Outcome:
        assert not outcome.is_failure or outcome.is_evidence
