"""An array namespace on mpmath numbers: a case that runs on it has its derivative in many digits.

It is small on purpose: elementwise functions, sums, products and matrix products over NumPy's
object arrays.  A name it lacks raises, and the case is then judged without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradtier.cases import Case

#: Names of the standard -> mpmath's.
ELEMENTWISE = {
    "acos": "acos",
    "acosh": "acosh",
    "asin": "asin",
    "asinh": "asinh",
    "atan": "atan",
    "atanh": "atanh",
    "atan2": "atan2",
    "conj": "conj",
    "cos": "cos",
    "cosh": "cosh",
    "exp": "exp",
    "expm1": "expm1",
    "hypot": "hypot",
    "imag": "im",
    "log": "log",
    "log1p": "log1p",
    "real": "re",
    "sin": "sin",
    "sinh": "sinh",
    "sqrt": "sqrt",
    "tan": "tan",
    "tanh": "tanh",
}
#: What NumPy does to arrays of objects as it does to arrays of numbers.
SAME = (
    "abs", "add", "broadcast_to", "concat", "cumulative_sum", "divide", "expand_dims", "flip",
    "matmul", "matrix_transpose", "multiply", "negative", "outer", "permute_dims", "prod",
    "reshape", "roll", "square", "squeeze", "stack", "subtract", "sum", "take", "tensordot",
    "where",
)  # fmt: skip


class Namespace:
    """Functions of the array API standard over object arrays of mpmath numbers.

    Raises:
        ImportError: mpmath is not installed.
    """

    def __init__(self) -> None:
        import mpmath

        self._mpmath = mpmath
        self.pi, self.e = mpmath.pi, mpmath.e

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name in ELEMENTWISE:
            function = getattr(self._mpmath, ELEMENTWISE[name])
            return lambda *arrays: np.frompyfunc(function, len(arrays), 1)(*arrays)
        if name in SAME:
            same: Callable[..., Any] = getattr(np, name)
            return same
        raise NotImplementedError(f"{name} is not offered on mpmath numbers")

    def mean(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """The sum over the number of elements."""
        total = np.sum(x, axis=axis, keepdims=keepdims)
        return total * (self._mpmath.mpf(np.size(total)) / np.size(x))

    def asarray(self, x: Any, **options: Any) -> Any:
        """Numbers as mpmath numbers; dtypes mean nothing here."""
        return np.frompyfunc(self._mpmath.mpmathify, 1, 1)(np.asarray(x))


def exact(case: Case) -> Callable[[tuple[NDArray[Any], ...]], tuple[Any, ...]] | None:
    """A case that declares a closed form as a function of object arrays, or None.

    The form is the case itself (``exact=True``) or the function that it names instead.
    """
    if not case.exact:
        return None
    try:
        namespace = Namespace()
    except ImportError:
        return None
    constants = tuple(namespace.asarray(c) if c.dtype.kind in "fc" else c for c in case.draw()[1])
    flat = case.closed().bind(namespace, constants)
    return lambda leaves: flat(*leaves)
