"""The types that callers hand to the oracle: leaves, derivative maps, primals and witnesses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradtier import trees

Array: TypeAlias = NDArray[Any]
Leaves: TypeAlias = tuple[Array, ...]
"""A flat list of arrays: float64 inside of the oracle; complex128 ones too where it is called."""

Paired: TypeAlias = tuple[bool, ...]
"""Per leaf, whether it holds complex numbers as pairs along a last axis of two."""

EXTENSIONS = ("bfloat16",)
"""Names of dtypes that other packages add to NumPy and that convert to float64."""

Query: TypeAlias = tuple[Leaves, Leaves]
"""A point and a seed: cotangents shaped like the output, or tangents shaped like the input."""

BatchedPrimal: TypeAlias = Callable[[Sequence[Leaves]], list[Leaves]]
"""The function itself at several points; see `batched` for wrapping one that takes one point."""


class OracleError(ValueError):
    """The question cannot be asked: the primal or the reference is at fault, not the backend."""


class Map(Protocol):
    """A derivative map, batched so that one round trip answers many points."""

    def __call__(self, queries: Sequence[Query], /) -> Sequence[Sequence[Array | None]]:
        """Answers each query with its leaves; `None` stands for "not connected", that is zero."""


@dataclass(frozen=True)
class Witness:
    """The reference side of a question.

    Attributes:
        exact: the reference's map, computed in float64.
        low: the same map in float32 (or, for a tested precision below float32, in that one), its
            answers as float64 arrays; it measures rounding noise. Without it, the noise is measured
            on `exact` alone and scaled to the tested precision.
        name: how the record calls it.
    """

    exact: Map
    low: Map | None = None
    name: str = "reference"


def items_of(value: Any) -> tuple[Array, ...]:
    """The leaves of an array, a number or a pytree of them, as arrays of their own dtype."""
    if isinstance(value, np.ndarray):
        return (value,)
    if isinstance(value, tuple) and all(isinstance(leaf, np.ndarray) for leaf in value):
        return value
    return tuple(np.asarray(leaf) for leaf in trees.leaves(value))


def as_leaves(value: Any) -> Leaves:
    """Turns an array, a number or a pytree of them into real leaves (float64, copied if need be).

    A complex leaf becomes a real one with a last axis of two: real and imaginary parts.

    Raises:
        OracleError: if something is not a number.
    """
    return tuple(_as_float64(item) for item in items_of(value))


def pairing(value: Any) -> Paired:
    """Which leaves are complex, that is, stored as pairs by `as_leaves`."""
    return tuple(item.dtype.kind == "c" for item in items_of(value))


def outward(leaves: Leaves, paired: Paired) -> Leaves:
    """Leaves as callers know them: pairs become complex numbers again."""
    if not any(paired):
        return leaves
    return tuple(
        np.asarray(leaf[..., 0] + 1j * leaf[..., 1]) if pair else leaf
        for leaf, pair in zip(leaves, paired, strict=True)
    )


def _as_float64(item: Array) -> Array:
    if item.dtype == np.float64:
        return item
    if item.dtype.kind == "f" and item.dtype != np.longdouble:
        return item.astype(np.float64, copy=False)
    if item.dtype.kind == "c":
        return np.stack([item.real, item.imag], axis=-1).astype(np.float64, copy=False)
    if item.dtype.kind in "fiub" or item.dtype.name in EXTENSIONS:
        return item.astype(np.float64)
    raise OracleError(f"expected real or complex numbers, got dtype {item.dtype}")


def batched(function: Callable[[Leaves], Any]) -> BatchedPrimal:
    """Wraps a function of one point (leaves in; an array or a pytree of arrays out)."""

    def evaluate(points: Sequence[Leaves]) -> list[Leaves]:
        return [items_of(function(point)) for point in points]

    return evaluate


def conjugated(derivative: Map) -> Map:
    """A pullback in the other convention for complex numbers, turned into the oracle's.

    The oracle's pullback g of a cotangent w at x satisfies Re sum(conj(g) dx) = Re sum(conj(w) dy)
    for dy = Df(x) dx: for a real function and w = 1 it is df/d(Re x) + i df/d(Im x), twice the
    Wirtinger derivative by conj(x) (Kreutz-Delgado, arXiv:0906.4835, section 4.2). Libraries that
    leave out both conj, where g is f'(x) w for a holomorphic f, are wrapped in this. A
    pushforward is the same in either convention.
    """

    def answer(queries: Sequence[Query], /) -> Sequence[Sequence[Array | None]]:
        told = derivative([(x, tuple(np.conj(leaf) for leaf in seed)) for x, seed in queries])
        return [tuple(None if g is None else np.conj(g) for g in leaves) for leaves in told]

    return answer
