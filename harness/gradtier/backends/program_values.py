"""The core operations of a program, evaluated by NumPy: constants, and what a branch asks for.

Nothing that is differentiated comes from here: a worker computes values and derivatives itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Flat = NDArray[Any]

#: One result per element, from arguments of as many elements.
UNARY = (
    "negative", "abs", "sign", "exp", "expm1", "log", "log1p", "sqrt",
    "sin", "cos", "tan", "asin", "acos", "atan",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
    "floor", "ceil", "round", "trunc",
)  # fmt: skip
BINARY = (
    "add", "subtract", "multiply", "divide", "pow", "atan2", "hypot", "logaddexp", "maximum",
    "minimum",
)  # fmt: skip
COMPARISONS = ("less", "less_equal", "equal")
LOGICAL = ("logical_and", "logical_or", "logical_not")
#: One result per row of ``length`` elements that follow each other.
REDUCTIONS = ("sum", "prod", "max", "min")
#: As many results as elements, row by row.
CUMULATIVE = ("cumulative_sum", "cumulative_prod")
#: Of one matrix, and of a matrix and its right-hand sides.
MATRIX = (
    "solve", "inv", "det", "logabsdet", "cholesky", "eigvalsh", "eigenvectors", "svdvals",
    "svd_u", "svd_vh", "qr_q", "qr_r", "pinv",
)  # fmt: skip

CORE = (
    *UNARY, *BINARY, *COMPARISONS, *LOGICAL, "integer_power", "where", "gather", "concat",
    *REDUCTIONS, *CUMULATIVE, "matmul", *MATRIX,
)  # fmt: skip


def evaluate(op: str, args: Sequence[Flat], attrs: Mapping[str, Any], size: int) -> Flat:
    """The value of one node as a flat array of ``size`` elements."""
    with np.errstate(all="ignore"):
        if op in _ELEMENTWISE:
            return np.asarray(getattr(np, op)(*args))
        return np.asarray(_OTHERS[op](args, attrs, size)).reshape(size)


_ELEMENTWISE = {*UNARY, *BINARY, *COMPARISONS, *LOGICAL, "where"}


def _reduced(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda args, attrs, size: function(args[0].reshape(size, attrs["length"]), axis=1)


def _accumulated(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda args, attrs, size: function(args[0].reshape(-1, attrs["length"]), axis=1)


def _matmul(args: Sequence[Flat], attrs: Mapping[str, Any], size: int) -> Flat:
    batch, m, k, n = (attrs[name] for name in ("batch", "rows", "inner", "columns"))
    product: Flat = args[0].reshape(batch, m, k) @ args[1].reshape(batch, k, n)
    return product


def _square(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda args, attrs, size: function(args[0].reshape(attrs["rows"], attrs["rows"]))


def _rectangular(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda args, attrs, size: function(args[0].reshape(attrs["rows"], attrs["columns"]))


def _solve(args: Sequence[Flat], attrs: Mapping[str, Any], size: int) -> Flat:
    n = attrs["rows"]
    return np.linalg.solve(args[0].reshape(n, n), args[1].reshape(n, attrs["columns"]))


_OTHERS: dict[str, Callable[..., Any]] = {
    "integer_power": lambda args, attrs, size: args[0] ** float(attrs["exponent"]),
    "gather": lambda args, attrs, size: args[0][np.asarray(attrs["index"], dtype=np.int64)],
    "concat": lambda args, attrs, size: np.concatenate(args),
    "sum": _reduced(np.sum),
    "prod": _reduced(np.prod),
    "max": _reduced(np.max),
    "min": _reduced(np.min),
    "cumulative_sum": _accumulated(np.cumsum),
    "cumulative_prod": _accumulated(np.cumprod),
    "matmul": _matmul,
    "solve": _solve,
    "inv": _square(np.linalg.inv),
    "det": _square(np.linalg.det),
    "logabsdet": _square(lambda a: np.linalg.slogdet(a)[1]),
    "cholesky": _square(np.linalg.cholesky),
    "eigvalsh": _square(np.linalg.eigvalsh),
    "eigenvectors": _square(lambda a: np.linalg.eigh(a)[1]),
    "svdvals": _rectangular(np.linalg.svdvals),
    "svd_u": _rectangular(lambda a: np.linalg.svd(a, full_matrices=False)[0]),
    "svd_vh": _rectangular(lambda a: np.linalg.svd(a, full_matrices=False)[2]),
    "qr_q": _rectangular(lambda a: np.linalg.qr(a)[0]),
    "qr_r": _rectangular(lambda a: np.linalg.qr(a)[1]),
    "pinv": _rectangular(np.linalg.pinv),
}
