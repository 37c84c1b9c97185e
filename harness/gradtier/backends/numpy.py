"""NumPy: the array namespace on which finite differences are taken.

NumPy knows no derivative of its own.  This module is also the primal witness of the oracle: a case
is called on it in float64 whenever finite differences need a point.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gradtier.backends.base import Adapter, Function, Native, Unsupported


class NumPy(Adapter):
    """The primal on NumPy; it offers no derivative."""

    distributions: ClassVar = ("numpy",)
    modules: ClassVar = ("numpy",)

    @property
    def namespace(self) -> Any:
        return np

    def from_numpy(self, array: NDArray[Any], device: str) -> Any:
        if device != "cpu":
            raise Unsupported(f"NumPy has no device '{device}'")
        return np.array(array)

    def to_numpy(self, array: Any) -> NDArray[Any]:
        return np.asarray(array)

    def placement(self, array: Any) -> tuple[str, str]:
        return "cpu", str(np.asarray(array).dtype)

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        raise Unsupported("NumPy has no derivatives")

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        raise Unsupported("NumPy has no derivatives")
