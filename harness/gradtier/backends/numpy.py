"""NumPy: the array namespace on which finite differences are taken.

NumPy knows no derivative of its own.  :class:`NumPy` is the primal witness of the oracle: a case is
called on it in float64 whenever finite differences need a point.  :class:`FiniteDifferences` makes
a row of that method, which is what one falls back on where no AD system runs.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gradtier import oracle
from gradtier.backends.base import Adapter, Function, Native, Unsupported


class NumPy(Adapter):
    """The primal on NumPy; it offers no derivative."""

    distributions: ClassVar = ("numpy",)
    stem: ClassVar = "gradtier.backends.numpy"
    modules: ClassVar = ("numpy",)

    @property
    def namespace(self) -> Any:
        return np

    def from_numpy(self, array: NDArray[Any], device: str) -> Any:
        if device != "cpu":
            raise Unsupported(f"NumPy has no device '{device}'")
        return np.array(array)

    def to_numpy(self, array: Any) -> NDArray[Any]:
        return np.array(array)

    def placement(self, array: Any) -> tuple[str, str]:
        return "cpu", str(np.asarray(array).dtype)

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        raise Unsupported("NumPy has no derivatives")

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        raise Unsupported("NumPy has no derivatives")


class FiniteDifferences(NumPy):
    """Extrapolated central differences of the primal: a pushforward without any AD."""

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        """The JVP with a truncation error; see :func:`gradtier.oracle.directional`."""
        y = tuple(np.asarray(a) for a in f(*x))
        slope, _ = oracle.directional(lambda at: f(*at), x, v)
        return y, tuple(d.astype(a.dtype) for d, a in zip(slope, y, strict=True))
