"""The oracle: NumPy in, verdicts out.

It judges derivatives by two witnesses that fail in different ways, finite differences and a
reference, each with a measured error bar. It knows no backend: derivatives and primals are plain
callables over tuples of float64 arrays.
"""

from gradtier.oracle.api import (
    certify_pullback,
    certify_pushforward,
    judge_pullback,
    judge_pushforward,
)
from gradtier.oracle.directional import directional
from gradtier.oracle.dossier import Dossier
from gradtier.oracle.relax import relaxed
from gradtier.oracle.types import (
    BatchedPrimal,
    Leaves,
    Map,
    OracleError,
    Query,
    Witness,
    as_leaves,
    batched,
)
from gradtier.oracle.verdict import Finding, Outcome, Reason, Verdict, Worst

__all__ = [
    "BatchedPrimal",
    "Dossier",
    "Finding",
    "Leaves",
    "Map",
    "OracleError",
    "Outcome",
    "Query",
    "Reason",
    "Verdict",
    "Witness",
    "Worst",
    "as_leaves",
    "batched",
    "certify_pullback",
    "certify_pushforward",
    "directional",
    "judge_pullback",
    "judge_pushforward",
    "relaxed",
]
