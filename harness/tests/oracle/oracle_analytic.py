"""Functions with derivatives written by hand, and ways to break them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradtier.oracle import Dossier, Verdict, Witness, batched, judge_pullback

Leaves = tuple[np.ndarray, ...]


def single(values: Any) -> np.ndarray:
    """Rounds to float32 and back."""
    return np.asarray(np.asarray(values, dtype=np.float64).astype(np.float32), dtype=np.float64)


@dataclass(frozen=True)
class Analytic:
    """A function with its pullback and pushforward, all of one point."""

    value: Callable[..., Any]
    pull: Callable[[Leaves, Leaves], Leaves]
    push: Callable[[Leaves, Leaves], Leaves]
    x: Leaves

    @property
    def primal(self) -> Any:
        """The batched primal."""
        return batched(lambda point: self.value(*point))


def as_map(answer: Callable[[Leaves, Leaves], Sequence[Any]]) -> Any:
    """Batches a map of one query."""
    return lambda queries: [tuple(answer(point, seed)) for point, seed in queries]


def in_single(answer: Callable[[Leaves, Leaves], Leaves]) -> Any:
    """The same map with inputs and outputs rounded to float32."""

    def low(point: Leaves, seed: Leaves) -> Leaves:
        rounded = answer(tuple(map(single, point)), tuple(map(single, seed)))
        return tuple(single(leaf) for leaf in rounded)

    return as_map(low)


def witness(function: Analytic, kind: str = "pull") -> Witness:
    """The correct derivative as a reference."""
    answer = getattr(function, kind)
    return Witness(as_map(answer), in_single(answer))


def broken(answer: Callable[[Leaves, Leaves], Leaves], change: Callable[[Leaves], Any]) -> Any:
    """A map whose answers are changed."""
    return as_map(lambda point, seed: change(answer(point, seed)))


def judged(dossier: Dossier, function: Analytic, change: Callable[[Leaves], Any]) -> Verdict:
    """The verdict on a changed pullback."""
    return judge_pullback(dossier, function.primal, broken(function.pull, change))


def dense(seed: int = 0) -> Analytic:
    """tanh(A b): a matrix and a vector, smooth, every element matters."""
    rng = np.random.default_rng(seed)
    a, b = single(rng.normal(size=(4, 4))), single(rng.normal(size=4))

    def slope(point: Leaves) -> np.ndarray:
        return 1.0 - np.tanh(point[0] @ point[1]) ** 2

    def pull(point: Leaves, seed: Leaves) -> Leaves:
        inner = slope(point) * seed[0]
        return np.outer(inner, point[1]), point[0].T @ inner

    def push(point: Leaves, seed: Leaves) -> Leaves:
        return (slope(point) * (seed[0] @ point[1] + point[0] @ seed[1]),)

    return Analytic(lambda a, b: np.tanh(a @ b), pull, push, (a, b))


def elementwise(size: int, seed: int = 0) -> Analytic:
    """sin(x) plus the mean of x**2, on many elements."""
    x = single(np.random.default_rng(seed).normal(size=size))

    def pull(point: Leaves, seed: Leaves) -> Leaves:
        return (np.cos(point[0]) * seed[0] + 2.0 * point[0] * np.sum(seed[0]) / size,)

    def push(point: Leaves, seed: Leaves) -> Leaves:
        return (np.cos(point[0]) * seed[0] + 2.0 * np.sum(point[0] * seed[0]) / size,)

    return Analytic(lambda x: np.sin(x) + np.sum(x**2) / size, pull, push, (x,))


def relu(x: Sequence[float], at_zero: float = 0.0) -> Analytic:
    """max(x, 0) with a chosen convention at zero."""

    def slope(point: Leaves) -> np.ndarray:
        return np.where(point[0] > 0, 1.0, np.where(point[0] == 0, at_zero, 0.0))

    def chain(point: Leaves, seed: Leaves) -> Leaves:
        return (slope(point) * seed[0],)

    return Analytic(lambda x: np.maximum(x, 0.0), chain, chain, (np.array(x, dtype=float),))


def maximum(x: Sequence[float], share: Callable[[np.ndarray], np.ndarray]) -> Analytic:
    """max over all elements; `share` turns the mask of the largest into the gradient."""

    def gradient(point: Leaves) -> np.ndarray:
        return share((point[0] == np.max(point[0])).astype(float))

    return Analytic(
        lambda x: np.max(x),
        lambda point, seed: (gradient(point) * seed[0],),
        lambda point, seed: (np.sum(gradient(point) * seed[0]),),
        (np.array(x, dtype=float),),
    )
