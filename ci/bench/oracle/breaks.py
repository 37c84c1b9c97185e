"""The ways of being wrong: each takes a setting and makes a broken map of its right one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from effects import Array, Setting, remembering
from systems import Question

from gradtier.oracle import Leaves, Map, Query

Rng = np.random.Generator
Breaks = Callable[[Setting, Rng], Map | None]

# What answers are changed to.


def after(change: Callable[[Array], Array]) -> Breaks:
    """Every leaf of every answer is changed in the same way."""

    def breaks(setting: Setting, rng: Rng) -> Map:
        return lambda queries: [
            [None if a is None else change(a) for a in told] for told in setting.right(queries)
        ]

    return breaks


def _in_one_leaf(setting: Setting, leaf: int, change: Callable[[Array], Array | None]) -> Map:
    def answer(queries: Sequence[Query]) -> list[list[Array | None]]:
        told = [list(setting.filled(a)) for a in setting.right(queries)]
        return [[change(a) if i == leaf else a for i, a in enumerate(each)] for each in told]

    return answer


def _leaf(setting: Setting, rng: Rng, suits: Callable[[Array], bool] = np.any) -> int | None:
    """One leaf of the answer that suits, by default one that is not zero."""
    suitable = [i for i, a in enumerate(setting.answer) if suits(a)]
    return int(rng.choice(suitable)) if suitable else None


def element(change: Callable[[Any], Any]) -> Breaks:
    """One element of at least the leaf's median magnitude is changed."""

    def breaks(setting: Setting, rng: Rng) -> Map | None:
        leaf = _leaf(setting, rng)
        if leaf is None:
            return None
        size = np.abs(setting.answer[leaf]).ravel()
        large = np.flatnonzero((size > 0) & (size >= np.median(size[size > 0])))
        if not large.size:
            return None
        index = int(rng.choice(large))

        def broken(a: Array) -> Array:
            flat = a.ravel().copy()
            flat[index] = change(flat[index])
            return flat.reshape(a.shape)

        return _in_one_leaf(setting, leaf, broken)

    return breaks


def severed(setting: Setting, rng: Rng) -> Map | None:
    """One leaf is "not connected"."""
    leaf = _leaf(setting, rng)
    return None if leaf is None else _in_one_leaf(setting, leaf, lambda a: None)


def transposed(setting: Setting, rng: Rng) -> Map | None:
    """One leaf has its last two axes exchanged, and the shape that it should have."""
    leaf = _leaf(setting, rng, lambda a: a.ndim > 1 and min(a.shape[-2:]) > 1)
    if leaf is None:
        return None
    return _in_one_leaf(setting, leaf, lambda a: np.swapaxes(a, -1, -2).reshape(a.shape))


def rolled(setting: Setting, rng: Rng) -> Map | None:
    """One leaf is rolled by one along its last axis."""
    leaf = _leaf(setting, rng, lambda a: a.ndim > 0 and a.shape[-1] > 1)
    return None if leaf is None else _in_one_leaf(setting, leaf, partial(np.roll, shift=1, axis=-1))


def swapped(setting: Setting, rng: Rng) -> Map | None:
    """Two unequal elements of one leaf are exchanged."""
    leaf = _leaf(setting, rng, lambda a: np.unique(a).size > 1)
    if leaf is None:
        return None
    flat = setting.answer[leaf].ravel()
    one = int(rng.choice(np.flatnonzero(flat != flat[0])))

    def broken(a: Array) -> Array:
        moved = a.ravel().copy()
        moved[[0, one]] = moved[[one, 0]]
        return moved.reshape(a.shape)

    return _in_one_leaf(setting, leaf, broken)


def conjugate(setting: Setting, rng: Rng) -> Map | None:
    """The complex conjugate, where an input is complex."""
    if not any(np.iscomplexobj(a) for a in setting.x):
        return None
    return after(np.conj)(setting, rng)


def narrow(a: Array) -> Array:
    """The next lower precision, as a type and in value."""
    lower = {"float64": "float32", "float32": "float16", "complex128": "complex64"}
    return a.astype(lower.get(str(a.dtype), a.dtype))


def single_inside(setting: Setting, rng: Rng) -> Map | None:
    """The float32 map behind a float64 front."""
    if setting.dtype != "float64":
        return None
    low = remembering(setting.system.map(setting.question, "float32"))
    return lambda queries: [
        [None if a is None else a.astype(np.result_type(a, np.float64)) for a in told]
        for told in low(queries)
    ]


# What is asked instead.


def _asking(setting: Setting, alter: Callable[[Leaves, Leaves], Query]) -> Map:
    return lambda queries: setting.right([alter(x, seed) for x, seed in queries])


def _reseeded(setting: Setting, factors: Leaves) -> Map:
    """The seed with each element multiplied: one term of the sum over them is off."""

    def alter(x: Leaves, seed: Leaves) -> Query:
        return x, tuple(np.asarray(s * f) for s, f in zip(seed, factors, strict=True))

    return _asking(setting, alter)


def _ones(setting: Setting) -> Leaves:
    return tuple(np.ones(s.shape) for s in setting.seeds[0])


def ignoring(setting: Setting, rng: Rng) -> Map:
    """Ones in place of the seed."""
    return _asking(setting, lambda x, seed: (x, tuple(np.ones_like(s) for s in seed)))


def marked(setting: Setting, rng: Rng, factor: float, whole: bool) -> Map | None:
    """Some elements of the seed, one or half of them, multiplied by a factor."""
    factors = _ones(setting)
    sizes = [f.size for f in factors]
    if sum(sizes) < 2:
        return None
    chosen = rng.permutation(sum(sizes))[: 1 if not whole else sum(sizes) // 2]
    for f, start in zip(factors, np.cumsum([0, *sizes[:-1]]), strict=True):
        inside = chosen[(chosen >= start) & (chosen < start + f.size)] - start
        f.reshape(-1)[inside] = factor
    return _reseeded(setting, factors)


def second_leaf(factor: float) -> Breaks:
    """The Hessian's columns of one input are off; the first derivative is not touched."""

    def breaks(setting: Setting, rng: Rng) -> Map | None:
        factors = _ones(setting)
        if len(factors) < 2:
            return None if factor == 0.0 else marked(setting, rng, factor, True)
        factors[int(rng.integers(len(factors)))][...] = factor
        return _reseeded(setting, factors)

    return breaks


# Reductions that were forgotten, points that were kept, states that leak.


def reduction(shaped: bool) -> Breaks:
    """One leaf's gradient is a sum over slices of the output; it holds one slice, or all of them.

    Args:
        shaped: the answer keeps the leaf's shape (one slice only); otherwise the sum is not taken
            and the answer has an axis too many.
    """

    def breaks(setting: Setting, rng: Rng) -> Map | None:
        outputs = [i for i, y in enumerate(setting.value) if y.ndim and y.shape[0] > 1]
        if not outputs:
            return None
        out = outputs[0]
        count = setting.value[out].shape[0]
        kept = int(rng.integers(count))

        def sliced(seed: Leaves) -> Leaves:
            mask = np.arange(count).reshape(-1, *[1] * (seed[out].ndim - 1)) == kept
            return tuple(s * mask if i == out else s for i, s in enumerate(seed))

        part = setting.filled(setting.right([(setting.x, sliced(setting.seeds[0]))])[0])
        pairs = list(zip(part, setting.answer, strict=True))
        summed = [i for i, (p, a) in enumerate(pairs) if np.any((p != 0) & (a - p != 0))]
        if not summed:
            return None
        leaf = int(rng.choice(summed))
        if not shaped:
            return _in_one_leaf(
                setting, leaf, lambda a: np.broadcast_to(a / count, (count, *a.shape))
            )

        def answer(queries: Sequence[Query]) -> list[list[Array | None]]:
            told = setting.right(queries)
            parts = setting.right([(x, sliced(seed)) for x, seed in queries])
            return [
                [p if i == leaf else a for i, (a, p) in enumerate(zip(*both, strict=True))]
                for both in zip(told, parts, strict=True)
            ]

        return answer

    return breaks


def stale(setting: Setting, rng: Rng) -> Map | None:
    """As if traced at the inputs of the next draw, whose values became constants."""
    q = setting.question
    kept, _ = Question(q.case, q.seed + 1, q.kind).leaves()
    return _asking(setting, lambda x, seed: (kept, seed))


def frozen(setting: Setting, rng: Rng) -> Map:
    """Every answer is for the first point that is ever asked."""
    first: list[Leaves] = []

    def alter(x: Leaves, seed: Leaves) -> Query:
        first.extend([] if first else [tuple(np.array(a) for a in x)])
        return first[0], seed

    return _asking(setting, alter)


def mutating(which: int) -> Breaks:
    """Right answers, but the arrays given are written to: the point (0) or the seed (1)."""

    def breaks(setting: Setting, rng: Rng) -> Map:
        def answer(queries: Sequence[Query]) -> list[list[Array | None]]:
            told = setting.right(queries)
            for query in queries:
                for a in query[which]:
                    a[...] *= 2.0
            return told

        return answer

    return breaks


def buffered(within: bool) -> Breaks:
    """Answers lie in buffers that the next query overwrites, or only the next call."""

    def breaks(setting: Setting, rng: Rng) -> Map:
        buffers: dict[tuple[int, int], Array] = {}

        def kept(place: tuple[int, int], a: Array | None) -> Array | None:
            if a is None:
                return None
            buffer = buffers.setdefault(place, np.empty_like(a))
            np.copyto(buffer, a)
            return buffer

        def answer(queries: Sequence[Query]) -> list[list[Array | None]]:
            return [
                [kept((0 if within else i, leaf), a) for leaf, a in enumerate(told)]
                for i, told in enumerate(setting.right(queries))
            ]

        return answer

    return breaks


def accumulating(setting: Setting, rng: Rng) -> Map:
    """Each answer is added to the former ones."""
    total = [np.zeros(a.shape, a.dtype) for a in setting.answer]

    def answer(queries: Sequence[Query]) -> list[list[Array]]:
        out = []
        for told in setting.right(queries):
            for t, a in zip(total, setting.filled(told), strict=True):
                t += a.astype(t.dtype)
            out.append([t.copy() for t in total])
        return out

    return answer


# Wrong at special points only.


def special(x: Leaves, ties: bool = True) -> Leaves:
    """Masks of the elements that are zero, or equal to one of their leaf or of their place."""
    masks = []
    for i, a in enumerate(x):
        mask = np.asarray(a == 0)
        if ties:
            _, where, count = np.unique(a, return_inverse=True, return_counts=True)
            mask = mask | (count[where] > 1).reshape(a.shape)
            for other in (b for j, b in enumerate(x) if j != i and b.shape == a.shape):
                mask = mask | (a == other)
        masks.append(mask)
    return tuple(masks)


def factor_at_zero(setting: Setting, rng: Rng) -> Map | None:
    """One and a half times the right slope with respect to inputs that are exactly zero."""
    if "kink" in setting.question.case.tags or not any(m.any() for m in special(setting.x, False)):
        return None

    def weighted(x: Leaves, leaves: Leaves) -> Leaves:
        pairs = zip(leaves, special(x, False), strict=True)
        return tuple(np.where(m, 1.5 * a, a) for a, m in pairs)

    if setting.question.kind == "jvp":
        return _asking(setting, lambda x, seed: (x, weighted(x, seed)))
    return lambda queries: [
        weighted(x, setting.filled(told))
        for (x, _), told in zip(queries, setting.right(queries), strict=True)
    ]


def shifted_at_tie(setting: Setting, rng: Rng) -> Map | None:
    """Where inputs are zero or tied, off by three times the steepest one-sided slope.

    No convention allows that: an allowed value lies between one-sided slopes.
    """
    if not any(m.any() for m in special(setting.x)):
        return None

    def answer(queries: Sequence[Query]) -> list[Leaves]:
        return [
            _shifted(setting, x, seed, setting.filled(told))
            for (x, seed), told in zip(queries, setting.right(queries), strict=True)
        ]

    return answer


def _shifted(setting: Setting, x: Leaves, seed: Leaves, told: Leaves) -> Leaves:
    masks, primal = special(x), setting.question.primal()
    if setting.question.kind == "jvp":
        part = tuple(v * m for v, m in zip(seed, masks, strict=True))
        touched = _slopes(primal, x, part)
        masks = tuple(s != 0 for s in touched)
        sizes = [np.maximum(np.abs(a), s) for a, s in zip(told, _slopes(primal, x, seed),
                                                           strict=True)]  # fmt: skip
    else:
        least = _steepest(primal, x, seed, masks) if setting.question.kind == "vjp" else 0.0
        largest = [float(np.max(np.abs(a), initial=0.0)) for a in told]
        sizes = [np.asarray(max(size, least) or 1.0) for size in largest]
    return tuple(
        np.where(m, a + np.where(np.real(a) < 0, -3.0, 3.0) * s, a).astype(a.dtype)
        for a, m, s in zip(told, masks, sizes, strict=True)
    )


def _slopes(primal: Callable[[Leaves], Leaves], x: Leaves, along: Leaves) -> Leaves:
    """The larger of the one-sided slopes of every output along a direction, in magnitude."""
    step, at = 2.0**-20, primal(x)

    def moved(t: float) -> Leaves:
        there = primal(tuple(np.asarray(a + t * v) for a, v in zip(x, along, strict=True)))
        return tuple(np.abs(b - a) / step for a, b in zip(at, there, strict=True))

    return tuple(map(np.maximum, moved(step), moved(-step)))


def _steepest(
    primal: Callable[[Leaves], Leaves], x: Leaves, seed: Leaves, masks: Leaves, most: int = 8
) -> float:
    """A bound on the slopes of <seed, primal> by the first few marked elements."""
    found = 0.0
    marked = [(i, j) for i, m in enumerate(masks) for j in np.flatnonzero(m)][:most]
    for leaf, index in marked:
        along = tuple(np.zeros(a.shape) for a in x)
        along[leaf].reshape(-1)[index] = 1.0
        slopes = zip(_slopes(primal, x, along), seed, strict=True)
        found = max(found, sum(float(np.sum(s * np.abs(w))) for s, w in slopes))
    return found
