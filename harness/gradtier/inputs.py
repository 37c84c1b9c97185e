"""Inputs of cases: how arrays are drawn, and what they become in another precision.

Inputs are drawn from a generator seeded by the names of case and argument, so that they are the
same on every machine and in any order; they are float64 arrays that float32 represents exactly.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gradtier.oracle import round_to

Kind = Literal[
    "normal", "complex", "uniform", "distinct", "spd", "values", "integers", "boolean"
]  # fmt: skip


def generator(seed: str) -> np.random.Generator:
    """A counter-based generator: the same numbers for the same words, anywhere, in any order."""
    key = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:16], "little")
    return np.random.Generator(np.random.Philox(key=key))


@dataclass(frozen=True)
class Input:
    """One array argument of a case: how it is drawn, and whether it is differentiated.

    Args:
        kind: the distribution.
        shape: the array's shape; ``()`` is a scalar.
        low: the lower bound (uniform, integers) or the mean (normal; complex, of both parts).
        high: the upper bound, exclusive (uniform, integers), or the standard deviation (normal;
            complex, of each part).
        values: for ``kind="values"``, and for given complex numbers: the nested tuple itself.
        constant: True for an argument that is not differentiated (an index, a mask, a target).
    """

    kind: Kind
    shape: tuple[int, ...] = ()
    low: float = 0.0
    high: float = 1.0
    values: Any = None
    constant: bool = False

    def draw(self, seed: str) -> NDArray[Any]:
        """The value: float64 or complex128 (whose parts float32 represents), int64 or bool."""
        rng, shape = generator(seed), self.shape
        if self.kind == "complex" and self.values is not None:
            return np.asarray(np.asarray(self.values, dtype=np.complex64), dtype=np.complex128)
        if self.kind == "complex":
            parts = round_to(self.low + self.high * rng.standard_normal((2, *shape)), "float32")
            return np.asarray(parts[0] + 1j * parts[1], dtype=np.complex128)
        if self.kind == "integers":
            return rng.integers(int(self.low), int(self.high), shape, dtype=np.int64)
        if self.kind == "boolean":
            return np.asarray(rng.uniform(size=shape) < self.high)
        if self.kind == "values":
            given = np.asarray(self.values)
            if self.constant and given.dtype.kind in "iub":
                return given
            return np.asarray(np.float32(given), dtype=np.float64)
        return np.asarray(np.float32(_real(self, rng)), dtype=np.float64)


def _real(spec: Input, rng: np.random.Generator) -> NDArray[np.float64]:
    shape, low, high = spec.shape, spec.low, spec.high
    if spec.kind == "normal":
        return np.asarray(low + high * rng.standard_normal(shape))
    if spec.kind == "uniform":
        return np.asarray(rng.uniform(low, high, shape))
    if spec.kind == "distinct":  # no two values closer than 0.6 of the mean spacing
        count = int(np.prod(shape, dtype=np.int64))
        slots = (rng.permutation(count) + rng.uniform(0.2, 0.6, count)) / max(count, 1)
        return np.asarray(low + (high - low) * slots.reshape(shape))
    # "spd": symmetric positive definite, eigenvalues at least 1 and well apart
    *batch, n, _ = shape
    root = rng.standard_normal((*batch, n, n)) / np.sqrt(n)
    return np.asarray(root @ np.swapaxes(root, -1, -2) + np.diag(1.0 + np.arange(n) / 2))


def normal(*shape: int, mean: float = 0.0, scale: float = 1.0) -> Input:
    """Normally distributed values."""
    return Input("normal", shape, mean, scale)


def complex_normal(*shape: int, mean: float = 0.0, scale: float = 1.0) -> Input:
    """Complex numbers whose real and imaginary parts are normally distributed."""
    return Input("complex", shape, mean, scale)


def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Input:
    """Uniformly distributed values in [low, high)."""
    return Input("uniform", shape, low, high)


def positive(*shape: int, low: float = 0.5, high: float = 2.0) -> Input:
    """Values safely above zero: uniform in [low, high)."""
    return Input("uniform", shape, low, high)


def distinct(*shape: int, low: float = -1.0, high: float = 1.0) -> Input:
    """Values in [low, high) in random order, all well apart: no ties for sorts and maxima."""
    return Input("distinct", shape, low, high)


def spd(n: int, *batch: int) -> Input:
    """Symmetric positive definite matrices of shape ``(*batch, n, n)``."""
    return Input("spd", (*batch, n, n))


def values(given: Any) -> Input:
    """Exactly these numbers, real or complex (a number or nested lists of numbers)."""
    kind: Kind = "complex" if np.iscomplexobj(given) else "values"
    return Input(kind, np.shape(given), values=_frozen(given))


def integers(*shape: int, low: int = 0, high: int) -> Input:
    """Constant integers in [low, high): indices, labels."""
    return Input("integers", shape, low, high, constant=True)


def boolean(*shape: int, share: float = 0.5) -> Input:
    """A constant mask that is True with probability ``share``."""
    return Input("boolean", shape, 0.0, share, constant=True)


def constant(spec: Input) -> Input:
    """The same input, not differentiated."""
    return dataclasses.replace(spec, constant=True)


def _frozen(given: Any) -> Any:
    return tuple(map(_frozen, given)) if isinstance(given, list | tuple) else given


#: The complex dtype that goes with a real one; half precisions have none.
COMPLEX = {"float64": "complex128", "float32": "complex64"}


def in_precision(array: NDArray[Any], dtype: str) -> NDArray[Any]:
    """An argument as a trial in ``dtype`` hands it out; whole numbers and truth values stay.

    NumPy has no bfloat16: its values come as float32, which represents them.
    """
    if array.dtype.kind == "f":
        exact = round_to(np.asarray(array, dtype=np.float64), dtype)
        return exact.astype("float32" if dtype == "bfloat16" else dtype)
    return array.astype(COMPLEX[dtype]) if array.dtype.kind == "c" else array
