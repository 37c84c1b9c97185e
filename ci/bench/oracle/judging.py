"""Putting a map of one system before the oracle, with another system as its reference.

The oracle is called as the engine calls it: a lean dossier first, the full one where that does not
settle the matter.  The reference is asked in float32 too: what float64 rounds alike at every point
close by, as tanh does near 1, is only seen there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np
from systems import Question, System

from gradtier import oracle
from gradtier.oracle import BatchedPrimal, Dossier, Map, Sharper, Verdict, Witness

#: In this order systems are asked to be a reference; none vouches for itself.
REFERENCES = ("jax", "torch", "autograd")
DTYPES = ("float64", "float32")

#: Dossiers that are kept; every question is asked to its end before the next.
KEPT = 16


def named(question: Question, dtype: str, system: str, reference: str) -> dict[str, Any]:
    """Which trial it was, for lists of exceptions."""
    return {
        "function": question.case.id,
        "seed": question.seed,
        "map": question.kind,
        "dtype": dtype,
        "system": system,
        "reference": reference,
    }


class Judging:
    """The oracle with a memory for the questions asked last.

    Args:
        systems: the systems by name.
    """

    def __init__(self, systems: Mapping[str, System]) -> None:
        self.systems = systems
        self.refusal = lru_cache(maxsize=8 * KEPT)(self._refusal)
        self.map = lru_cache(maxsize=8 * KEPT)(self._map)
        self.primal = lru_cache(maxsize=4 * KEPT)(self._primal)
        self.dossier = lru_cache(maxsize=KEPT)(self.certified)
        self.full = lru_cache(maxsize=KEPT)(partial(self.certified, lean=False))

    def reference_for(self, name: str, question: Question, dtype: str = "float64") -> str | None:
        """The first other system that answers a question in float64 and in the tested precision."""
        for other in (o for o in REFERENCES if o != name and o in self.systems):
            if all(self.refusal(other, question, d) is None for d in ("float64", dtype)):
                return other
        return None

    def certified(
        self, question: Question, dtype: str, reference: str, lean: bool = True
    ) -> Dossier:
        """A dossier made anew; ``dossier`` (lean) and ``full`` are the same with a memory.

        Raises:
            OracleError: the primal or the reference is at fault.
        """
        single = self.refusal(reference, question, "float32") is None
        low = self.map(reference, question, "float32") if single else None
        witness = Witness(self.map(reference, question, "float64"), low, reference)
        certify = oracle.certify_pullback if question.kind == "vjp" else oracle.certify_pushforward
        phi, x = self.primal(question, reference)
        sharper = sharper_for(question)
        return certify(question.name, phi, x, witness, dtype, sharper=sharper, lean=lean)

    def judge(self, question: Question, dossier: Dossier, reference: str, claimed: Map) -> Verdict:
        """The verdict on a map.

        Args:
            question: what is asked.
            dossier: the dossier with that reference.
            reference: the reference's name.
            claimed: the map.
        """
        judge = oracle.judge_pullback if question.kind == "vjp" else oracle.judge_pushforward
        phi, _ = self.primal(question, reference)
        full = partial(self.full, question, dossier.dtype, reference)
        return judge(dossier, phi, claimed, full=full, sharper=sharper_for(question))

    def _primal(self, question: Question, reference: str) -> tuple[BatchedPrimal, oracle.Leaves]:
        """What finite differences differentiate, the function or the reference's gradient; x."""
        if question.kind == "hvp":
            return self.systems[reference].gradient(question), question.leaves()[0]
        return oracle.batched(question.primal()), question.leaves()[0]

    def _map(self, name: str, question: Question, dtype: str) -> Map:
        return self.systems[name].map(question, dtype)

    def _refusal(self, name: str, question: Question, dtype: str) -> str | None:
        """Why a system does not answer a question, or None if it does."""
        x = question.leaves()[0]
        try:
            seed = question.primal()(x) if question.kind == "vjp" else x
            with np.errstate(all="ignore"):
                self.map(name, question, dtype)([(x, tuple(np.ones_like(a) for a in seed))])
        except Exception as error:  # whatever it raises, it does not answer
            return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"
        return None


def sharper_for(question: Question) -> Sharper:
    """The complex step, where the primal is the function itself on NumPy."""
    return Sharper(complex_step=question.kind != "hvp")
