"""The oracle: NumPy in, verdicts out.

It judges derivatives by two witnesses that fail in different ways, finite differences and a
reference, each with a measured error bar. It knows no backend: derivatives and primals are plain
callables over tuples of float64 arrays.
"""

from gradtier.oracle.adjoint import adjoint
from gradtier.oracle.apart import Apart, apart
from gradtier.oracle.api import (
    certify_pullback,
    certify_pushforward,
    judge_pullback,
    judge_pushforward,
)
from gradtier.oracle.check import check_pullback, check_pushforward
from gradtier.oracle.constants import round_to
from gradtier.oracle.directional import directional
from gradtier.oracle.dossier import Dossier
from gradtier.oracle.relax import relaxed
from gradtier.oracle.same import same_value
from gradtier.oracle.sharper import Exact, Sharper
from gradtier.oracle.types import (
    BatchedPrimal,
    Leaves,
    Map,
    OracleError,
    Query,
    Witness,
    as_leaves,
    batched,
    conjugated,
)
from gradtier.oracle.verdict import Finding, Outcome, Reason, Verdict, Worst

__all__ = [
    "Apart",
    "BatchedPrimal",
    "Dossier",
    "Exact",
    "Finding",
    "Leaves",
    "Map",
    "OracleError",
    "Outcome",
    "Query",
    "Reason",
    "Sharper",
    "Verdict",
    "Witness",
    "Worst",
    "adjoint",
    "apart",
    "as_leaves",
    "batched",
    "certify_pullback",
    "certify_pushforward",
    "check_pullback",
    "check_pushforward",
    "conjugated",
    "directional",
    "judge_pullback",
    "judge_pushforward",
    "relaxed",
    "round_to",
    "same_value",
]
