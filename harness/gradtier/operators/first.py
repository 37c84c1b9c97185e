"""First-order maps, composed from a backend's pushforward and pullback where it has only one.

Every function here is ``(job, f, x, seed) -> (value, answer)`` over flat tuples of native arrays.
"""

from __future__ import annotations

from math import prod
from typing import Any

from gradtier.backends.base import Function, Native
from gradtier.operators.job import Job
from gradtier.operators.seeds import basis, size
from gradtier.operators.structure import shape_of

Two = tuple[Native, Native]

_NO_MATRIX = "its derivatives are two real numbers each; use pushforward or pullback"
_NO_SUM = "this backend composes that from unit vectors, which is done for real numbers only"


def push(job: Job, f: Function, x: Native, v: Native) -> Two:
    """The pushforward itself; also the derivative, along the tangent 1."""
    return job.maps.push(f, x, v)


def pull(job: Job, f: Function, x: Native, w: Native) -> Two:
    """The pullback itself; also the gradient, with the cotangent 1."""
    return job.maps.pull(f, x, w)


def push_by_two_pullbacks(job: Job, f: Function, x: Native, v: Native) -> Two:
    """Df(x) v as the pullback of w -> Df(x)* w along v; that map is linear, so at any w."""
    y, back = job.maps.pull_at(f, x)
    zeros = tuple([job.adapter.zeros_like(leaf) for leaf in y])
    return y, job.maps.outer_pull(lambda *w: back(w), zeros, v)[1]


def push_by_rows(job: Job, f: Function, x: Native, v: Native) -> Two:
    """Df(x) v from all rows of the Jacobian."""
    y, stacked = rows(job, f, x)
    job.refuse_complex(x, _NO_SUM)
    return y, split(job, contracted(job, stacked, v), job.shapes)


def pull_by_columns(job: Job, f: Function, x: Native, w: Native) -> Two:
    """Df(x)* w from all columns of the Jacobian."""
    y, stacked = columns(job, f, x, need_value=True)
    job.refuse_complex(x, _NO_SUM)
    return y, split(job, contracted(job, stacked, w), [shape_of(a) for a in x])


def gradient_by_columns(job: Job, f: Function, x: Native, seed: Native) -> Two:
    """The gradient from pushforwards along all unit vectors."""
    y, (found,) = columns(job, f, x, need_value=job.extra > 0)
    job.refuse_complex(x, _NO_SUM)
    return y, split(job, found, [shape_of(a) for a in x])


def derivative_by_rows(job: Job, f: Function, x: Native, seed: Native) -> Two:
    """The derivative by a scalar from one pullback for each number of the result."""
    y, (found,) = rows(job, f, x)
    job.refuse_complex(x, _NO_SUM)
    return y, split(job, found, job.shapes)


def rows(job: Job, f: Function, x: Native) -> Two:
    """f(x) and, for each leaf of x, the pullbacks of all unit cotangents: (count, *shape)."""
    y, back = job.maps.pull_at(f, x)
    return y, job.maps.over_seeds(back, basis(job.adapter, y), job.vectorize)


def columns(job: Job, f: Function, x: Native, need_value: bool) -> Two:
    """f(x) if needed and, for each leaf of f(x), the pushforwards along all unit tangents."""
    y = f(*x) if need_value else ()
    along = basis(job.adapter, x)
    return y, job.maps.over_seeds(lambda v: job.maps.push(f, x, v)[1], along, job.vectorize)


def jacobian_by_fewer(job: Job, f: Function, x: Native, seed: Native) -> Two:
    """The Jacobian from its rows or its columns, whichever are fewer."""
    if not job.shapes:  # not called yet: its value is needed to know, and rows take it over
        y, back = job.maps.pull_at(f, x)
        if size(y) <= size(x):
            stacked = job.maps.over_seeds(back, basis(job.adapter, y), job.vectorize)
            return y, _from_rows(job, x, stacked)
    elif sum(map(prod, job.shapes)) <= size(x):
        return jacobian_by_rows(job, f, x, seed)
    return jacobian_by_columns(job, f, x, seed)


def jacobian_by_rows(job: Job, f: Function, x: Native, seed: Native) -> Two:
    """The Jacobian from pullbacks of unit cotangents."""
    y, stacked = rows(job, f, x)
    return y, _from_rows(job, x, stacked)


def jacobian_by_columns(job: Job, f: Function, x: Native, seed: Native) -> Two:
    """The Jacobian from pushforwards along unit tangents."""
    y, stacked = columns(job, f, x, need_value=job.extra > 0)
    job.refuse_complex(x, _NO_MATRIX)
    xp, found = job.adapter.namespace, []
    for leaf, shape in zip(stacked, job.shapes, strict=True):
        start = 0
        flat = xp.matrix_transpose(xp.reshape(leaf, (size(x), prod(shape))))
        for a in x:
            stop = start + prod(shape_of(a))
            found.append(xp.reshape(flat[:, start:stop], (*shape, *shape_of(a))))
            start = stop
    return y, tuple(found)


def _from_rows(job: Job, x: Native, stacked: Native) -> Native:
    job.refuse_complex(x, _NO_MATRIX)
    xp, found, start = job.adapter.namespace, [], 0
    for shape in job.shapes:
        stop = start + prod(shape)
        for a, leaf in zip(x, stacked, strict=True):
            block = leaf if len(job.shapes) == 1 else leaf[start:stop]
            wanted = (*shape, *shape_of(a))
            found.append(block if len(shape) == 1 else xp.reshape(block, wanted))
        start = stop
    return tuple(found)


def contracted(job: Job, stacked: Native, leaves: Native) -> Any:
    """The products of each of many stacked directions with one, summed: (count,)."""
    xp, total = job.adapter.namespace, None
    for many, leaf in zip(stacked, leaves, strict=True):
        numbers = prod(shape_of(leaf))
        flat = xp.reshape(many, (int(many.shape[0]), numbers))
        part = xp.sum(flat * xp.reshape(leaf, (1, numbers)), axis=1)
        total = part if total is None else total + part
    return total


def split(job: Job, vector: Any, shapes: list[tuple[int, ...]]) -> Native:
    """A vector cut into arrays of these shapes."""
    reshape = job.adapter.namespace.reshape
    if len(shapes) == 1:
        return (reshape(vector, shapes[0]),)
    start, found = 0, []
    for shape in shapes:
        stop = start + prod(shape)
        found.append(reshape(vector[start:stop], shape))
        start = stop
    return tuple(found)
