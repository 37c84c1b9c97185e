"""PyTensor's special functions, of ``pytensor.tensor``, as the group ``special``."""

from __future__ import annotations

from typing import Any

from gradtier.backends.base import Unsupported
from gradtier.backends.pytensor_array import Array, pair, variable


def names() -> dict[str, Any]:
    """The group ``special``; NumPy's says what each name means."""
    import pytensor.tensor as pt

    def unary(function: Any) -> Any:
        return lambda x: Array(function(variable(x)))

    def binary(function: Any) -> Any:
        return lambda x, y: Array(function(*pair(x, y)))

    def along(function: Any) -> Any:
        return lambda x, axis: Array(function(variable(x), axis=axis))

    def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False) -> Any:
        if b is not None:
            raise Unsupported("PyTensor's logsumexp takes no weights")
        return Array(pt.logsumexp(variable(a), axis=axis, keepdims=keepdims))

    def several(function: Any) -> Any:
        return lambda *arrays: Array(function(*map(variable, arrays)))

    one = "digamma erf erfc erfcx erfinv expit gamma gammaln i0 i1 j0 j1 log1mexp"
    two = "gammainc gammaincc iv jv kv owens_t"
    return {
        **{name: unary(getattr(pt, name)) for name in one.split()},
        **{name: binary(getattr(pt, name)) for name in two.split()},
        **{name: binary(getattr(pt.special, name)) for name in ("betaln", "xlog1py", "xlogy")},
        "betainc": several(pt.betainc),
        "hyp2f1": several(pt.hyp2f1),
        "log_softmax": along(pt.special.log_softmax),
        "logit": unary(pt.special.logit),
        "logsumexp": logsumexp,
        "polygamma": several(pt.polygamma),  # the order stays a whole number
        "softmax": along(pt.special.softmax),
    }
