"""The types that callers hand to the oracle: leaves, derivative maps, primals and witnesses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Leaves: TypeAlias = tuple[Array, ...]
"""A flat list of float64 arrays."""

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


def as_leaves(value: Any) -> Leaves:
    """Turns an array, a number, or a list or tuple of them into leaves (float64, not copied).

    Raises:
        OracleError: if something is not real-valued.
    """
    items = value if isinstance(value, list | tuple) else (value,)
    return tuple(_as_float64(item) for item in items)


def _as_float64(item: Any) -> Array:
    array = np.asarray(item)
    if array.dtype.kind not in "fiub":
        raise OracleError(
            f"expected real numbers, got dtype {array.dtype}; complex values are not judged yet"
        )
    return array.astype(np.float64, copy=False)


def batched(function: Callable[[Leaves], Any]) -> BatchedPrimal:
    """Wraps a function of one point (leaves in; an array or a tuple of arrays out)."""

    def evaluate(points: Sequence[Leaves]) -> list[Leaves]:
        return [as_leaves(function(point)) for point in points]

    return evaluate
