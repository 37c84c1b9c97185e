"""The words of gradtier as frozen data: cells, trials, outcomes.

This module stands at the top of the import ladder: it imports nothing of gradtier.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Self

import msgspec


class Mode(StrEnum):
    """Which way a backend differentiates."""

    FORWARD = "forward"  # pushforward, Jacobian-vector product (JVP)
    REVERSE = "reverse"  # pullback, vector-Jacobian product (VJP)


class Nesting(StrEnum):
    """The outer mode of a second-order derivative over a backend's own (inner) mode."""

    NONE = "none"
    FORWARD = "forward"
    REVERSE = "reverse"


class Outcome(StrEnum):
    """What a trial ends in; closed, matched exhaustively."""

    AGREE = "agree"
    WRONG = "wrong"
    RAISED = "raised"
    UNSUPPORTED = "unsupported"
    INCONCLUSIVE = "inconclusive"
    TIMEOUT = "timeout"
    CRASH = "crash"
    UNAVAILABLE = "unavailable"
    MISSING = "missing"
    ERROR = "error"

    @property
    def is_evidence(self) -> bool:
        """Whether the outcome says something about the backend (the last three never do)."""
        return self not in NO_EVIDENCE

    @property
    def is_failure(self) -> bool:
        """Whether the backend did not deliver the right derivative and did not decline either."""
        return self in FAILURES


NO_EVIDENCE = frozenset({Outcome.UNAVAILABLE, Outcome.MISSING, Outcome.ERROR})
FAILURES = frozenset({Outcome.WRONG, Outcome.RAISED, Outcome.TIMEOUT, Outcome.CRASH})
#: Outcomes with evidence, from best to worst; :mod:`gradtier.difference` says why in this order.
FROM_BEST = (
    Outcome.AGREE, Outcome.INCONCLUSIVE, Outcome.UNSUPPORTED, Outcome.RAISED, Outcome.TIMEOUT,
    Outcome.CRASH, Outcome.WRONG,
)  # fmt: skip


#: Outcomes that cost the backend's process.
KILLING = frozenset({Outcome.TIMEOUT, Outcome.CRASH})


def severity(outcome: Outcome) -> int:
    """How bad an outcome with evidence is, 0 for agreement; -1 for one without evidence."""
    return FROM_BEST.index(outcome) if outcome.is_evidence else -1


class Reason(StrEnum):
    """Why an outcome is ``wrong``."""

    VALUE = "value"
    SEVERED = "severed"  # the graph was cut: None or all-zero where the function varies
    NONFINITE = "nonfinite"
    SHAPE = "shape"
    DTYPE = "dtype"
    DEVICE = "device"  # silently computed elsewhere
    UNSTABLE = "unstable"  # two calls differ
    MUTATED = "mutated"  # an input changed
    STALE = "stale"  # a compiled derivative is wrong when used again at another point
    PRIMAL = "primal"  # the value that comes with the derivative is not the function's
    RULE = "rule"  # a user's own derivative rule was not called


#: The device that every process has; any other one is a card, or the like.
HOST = "cpu"

#: Name of the property of a pytest item by which it says why the whole run has to end.
FATAL = "gradtier_fatal"

#: The axes that trials are selected by.
AXES = ("backend", "device", "nesting", "suite", "case", "dtype")

_WORD = r"[A-Za-z0-9][A-Za-z0-9._+-]*"
_TRIAL = re.compile(
    rf"(?P<suite>{_WORD})/(?P<case>{_WORD})@(?P<backend>{_WORD})"
    rf"/(?P<device>{_WORD})/(?P<nesting>none|forward|reverse)/(?P<dtype>{_WORD})"
)


@dataclass(frozen=True, order=True)
class Cell:
    """backend x device x nesting x dtype: the unit that the table summarises."""

    backend: str
    device: str
    nesting: Nesting
    dtype: str

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        return f"{self.backend}/{self.device}/{self.nesting}/{self.dtype}"


class TrialId(msgspec.Struct, frozen=True, order=True, gc=False):
    """One case in one cell; its text form is stable, readable and unique.

    ``nn/dense@jax-reverse/cpu/none/float64``

    There may be a million trials.  What exists once for each of them is a struct of msgspec: small,
    made in a third of a dataclass's time, and passed over by the collector of cycles.
    """

    suite: str
    case: str
    cell: Cell

    @property
    def case_id(self) -> str:
        """``suite/case``, as :attr:`gradtier.cases.Case.id` has it."""
        return f"{self.suite}/{self.case}"

    def __str__(self) -> str:
        return f"{self.suite}/{self.case}@{self.cell}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a trial's text form back.

        Raises:
            ValueError: ``text`` is not of the form ``suite/case@backend/device/nesting/dtype``.
        """
        found = _TRIAL.fullmatch(text)
        if found is None:
            raise ValueError(
                f"'{text}' is no trial id; expected suite/case@backend/device/nesting/dtype, "
                "as in nn/dense@jax-reverse/cpu/none/float64"
            )
        g = found.groupdict()
        return cls(
            g["suite"],
            g["case"],
            Cell(g["backend"], g["device"], Nesting(g["nesting"]), g["dtype"]),
        )
