"""One Jacobian for each element of a batch, from seeds that are the same for all elements.

This holds only if no element of ``f(x)`` depends on another element of ``x``.  It is checked with
one more map along a random direction t that differs between elements: where f mixes them, element
b of Df(x) t differs from J[b] t[b] by the sum over c of the mixing blocks times t[c] - t[b], which
is zero for almost no t.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from gradtier.backends.base import Adapter, Function, Native
from gradtier.operators.job import Job
from gradtier.operators.maps import Linear
from gradtier.operators.seeds import batch_basis, noise
from gradtier.operators.structure import shape_of

Two = tuple[Native, Native]

_NO_MATRIX = "its derivatives are two real numbers each; use pushforward or pullback"


class BatchMixed(ValueError):
    """The function mixes the elements of a batch, so that each has no Jacobian of its own."""


def by_fewer(job: Job, f: Function, x: Native, seed: Native) -> Two:
    """From rows or columns, whichever are fewer."""
    at = None if job.shapes else job.maps.pull_at(f, x)  # not called yet: its value tells
    if sum(prod(s[1:]) for s in job.shapes) <= sum(prod(shape_of(a)[1:]) for a in x):
        return by_rows(job, f, x, seed, at)
    return by_columns(job, f, x, seed)


def by_rows(
    job: Job, f: Function, x: Native, seed: Native, at: tuple[Native, Linear] | None = None
) -> Two:
    """Pullbacks of unit cotangents, each of them at all elements of the batch."""
    y, back = at or job.maps.pull_at(f, x)
    job.refuse_complex(x, _NO_MATRIX)
    stacked = job.maps.over_seeds(back, batch_basis(job.adapter, y), job.vectorize)
    flat = [_flat(job, many, a) for many, a in zip(stacked, x, strict=True)]  # (m, B, n_j)
    answer, start = [], 0
    for shape in job.shapes:
        stop = start + prod(shape[1:])
        for a, many in zip(x, flat, strict=True):
            block = _permuted(job, many[start:stop], (1, 0, 2))
            answer.append(_shaped(job, block, shape, shape_of(a)))
        start = stop
    if not job.check:
        return y, tuple(answer)
    w = noise(job.adapter, y, 0)
    return y, (*answer, _mixing(job, answer, x, back(w), w, rows=True))


def by_columns(job: Job, f: Function, x: Native, seed: Native) -> Two:
    """Pushforwards along unit tangents, each of them at all elements of the batch."""
    y = f(*x) if job.extra else ()
    job.refuse_complex(x, _NO_MATRIX)
    along = batch_basis(job.adapter, x)
    stacked = job.maps.over_seeds(lambda v: job.maps.push(f, x, v)[1], along, job.vectorize)
    job.refuse_complex(x, _NO_MATRIX)
    answer = []
    for many, shape in zip(stacked, job.shapes, strict=True):
        flat, start = _flat(job, many, None, shape), 0  # (n, B, m_i)
        for a in x:
            stop = start + prod(shape_of(a)[1:])
            block = _permuted(job, flat[start:stop], (1, 2, 0))
            answer.append(_shaped(job, block, shape, shape_of(a)))
            start = stop
    if not job.check:
        return y, tuple(answer)
    v = noise(job.adapter, x, 0)
    return y, (*answer, _mixing(job, answer, x, job.maps.push(f, x, v)[1], v, rows=False))


def _mixing(
    job: Job, answer: list[Any], x: Native, found: Native, along: Native, rows: bool
) -> Any:
    """The largest disagreement of a map along ``along`` with the Jacobians; 0 to about 1.

    For each element of the batch and each leaf, relative to the sum of the absolute values of the
    products and to the map itself.
    """
    xp, count, width = job.adapter.namespace, len(job.shapes), len(x)
    worst = None
    for k, got in enumerate(found):
        flat = xp.reshape(got, (shape_of(got)[0], prod(shape_of(got)[1:])))
        total, scale = None, xp.abs(flat)
        for other in range(count if rows else width):
            i, j = (other, k) if rows else (k, other)
            block = _matrix(job, answer[i * width + j], job.shapes[i], shape_of(x[j]))
            t = along[other]
            t = xp.reshape(t, (shape_of(t)[0], prod(shape_of(t)[1:])))
            terms = block * (t[:, :, None] if rows else t[:, None, :])
            total = _plus(total, xp.sum(terms, axis=1 if rows else 2))
            scale = scale + xp.sum(xp.abs(terms), axis=1 if rows else 2)
        size = xp.max(scale, axis=1)
        tiny = xp.where(size > 0, size, xp.ones_like(size))
        ratio = xp.max(xp.max(xp.abs(flat - total), axis=1) / tiny)
        worst = ratio if worst is None else xp.maximum(worst, ratio)
    return worst


def refuse_mixed(adapter: Adapter, mixing: Any) -> None:
    """Raise if the number from the check says so; its resolution is the root of epsilon.

    A derivative that is not finite is not judged.

    Raises:
        BatchMixed: f mixes the elements of the batch.
        ValueError: the number is not known here (inside a trace).
    """
    try:
        found = np.asarray(adapter.to_numpy(mixing))
        ratio = float(found)
    except Exception as error:
        raise ValueError(
            "whether f mixes the batch can't be seen inside another derivative or trace; "
            "pass check=False there"
        ) from error
    precision = np.finfo(found.dtype if found.dtype.kind == "f" else np.float32).eps
    if ratio > precision**0.5:
        raise BatchMixed(
            "f mixes the elements of its batch: a derivative along random tangents differs from "
            f"that of the separate Jacobians by {ratio:.1e} of its size; expected each element "
            "of f(x) to depend on the same element of x alone; jacobian() gives all blocks"
        )


def leading(batch: int) -> Any:
    """The expectation that every result has the leading axis ``batch``."""

    def expect(job: Job) -> None:
        if bad := [shape for shape in job.shapes if shape[:1] != (batch,)]:
            raise ValueError(
                f"f returned an array of shape {bad[0]}; expected the leading axis {batch}, "
                "the batch of x"
            )

    return expect


def _plus(total: Any, part: Any) -> Any:
    return part if total is None else total + part


def _flat(job: Job, many: Any, leaf: Any, shape: tuple[int, ...] = ()) -> Any:
    """(count, batch, *inner) as (count, batch, numbers)."""
    shape = shape or shape_of(leaf)
    new = (int(many.shape[0]), shape[0], prod(shape[1:]))
    return job.adapter.namespace.reshape(many, new)


def _shaped(job: Job, block: Any, y: tuple[int, ...], x: tuple[int, ...]) -> Any:
    return job.adapter.namespace.reshape(block, (y[0], *y[1:], *x[1:]))


def _matrix(job: Job, block: Any, y: tuple[int, ...], x: tuple[int, ...]) -> Any:
    return job.adapter.namespace.reshape(block, (y[0], prod(y[1:]), prod(x[1:])))


def _permuted(job: Job, array: Any, axes: tuple[int, ...]) -> Any:
    return job.adapter.namespace.permute_dims(array, axes)
