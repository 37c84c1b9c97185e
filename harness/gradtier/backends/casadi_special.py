"""CasADi's special functions as the group ``special``."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtier.backends.base import Unsupported
from gradtier.backends.casadi_array import computed, elementwise, joined


def names() -> dict[str, Any]:
    """The group ``special``; NumPy's says what each name means."""
    import casadi

    def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False) -> Any:
        """One call for each row: CasADi's takes a column."""
        if b is not None:
            raise Unsupported("CasADi's logsumexp takes no weights")
        axes = tuple(range(a.ndim)) if axis is None else axis
        shape = np.sum(np.empty(a.shape), axis=axes, keepdims=keepdims).shape
        moved = axes if isinstance(axes, tuple) else (axes,)
        last = np.moveaxis(a.positions(), moved, range(-len(moved), 0))
        rows = last.reshape(int(np.prod(shape, dtype=int)), -1).tolist()
        found = joined([casadi.logsumexp(a.column[row]) for row in rows])
        return computed(found, shape, a.dtype)

    return {
        "erf": lambda x: elementwise(casadi.erf, x),
        "erfinv": lambda x: elementwise(casadi.erfinv, x),
        "logsumexp": logsumexp,
    }
