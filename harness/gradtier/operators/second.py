"""Second-order maps: products with the Hessian in four nestings, and what is made of them.

Every map is ``(job, f, x, seed) -> (value, answer)`` over flat tuples of native arrays; the value
holds f(x) and the first derivative as far as ``job.extra`` asks for them.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from gradtier.backends.base import Function, Native
from gradtier.model import Mode, Nesting
from gradtier.operators.first import (
    contracted,
    derivative_by_rows,
    gradient_by_columns,
    push,
    split,
)
from gradtier.operators.job import Job
from gradtier.operators.seeds import basis
from gradtier.operators.structure import shape_of

Two = tuple[Native, Native]
Product = Callable[[Job, Function, Native, Native, Native], Native]

_NO_MATRIX = "its second derivatives are four real numbers each; use hvp"


def forward_over_reverse(job: Job, f: Function, x: Native, w: Native, v: Native) -> Native:
    """D(Df(.)* w)(x) v by a pushforward of the pullback."""
    if whole := job.maps.inner.whole(f, Mode.REVERSE, Nesting.FORWARD):
        return whole(x, (*w, *v))[1]
    return job.maps.outer_push(lambda *y: job.maps.pull(f, y, w)[1], x, v)[1]


def reverse_over_reverse(job: Job, f: Function, x: Native, w: Native, v: Native) -> Native:
    """The same by a pullback of the pullback; a Hessian is symmetric."""
    if whole := job.maps.inner.whole(f, Mode.REVERSE, Nesting.REVERSE):
        return whole(x, (*w, *v))[1]
    return job.maps.outer_pull(lambda *y: job.maps.pull(f, y, w)[1], x, v)[1]


def reverse_over_forward(job: Job, f: Function, x: Native, w: Native, v: Native) -> Native:
    """The same by a pullback of the pushforward along v."""
    if whole := job.maps.inner.whole(f, Mode.FORWARD, Nesting.REVERSE):
        return whole(x, (*w, *v))[1]
    return job.maps.outer_pull(lambda *y: job.maps.push(f, y, v)[1], x, w)[1]


def forward_over_forward(job: Job, f: Function, x: Native, w: Native, v: Native) -> Native:
    """The same from second pushforwards along v and every unit vector."""
    along = basis(job.adapter, x)
    stacked = job.maps.over_seeds(lambda e: job.maps.second(f, x, e, v), along, job.vectorize)
    job.refuse_complex(x, "this backend composes that from unit vectors; real numbers only")
    return split(job, contracted(job, stacked, w), [shape_of(a) for a in x])


PRODUCTS: dict[str, Product] = {
    "forward-over-reverse": forward_over_reverse,
    "reverse-over-reverse": reverse_over_reverse,
    "reverse-over-forward": reverse_over_forward,
    "forward-over-forward": forward_over_forward,
}


def hvp(order: str) -> Callable[..., Two]:
    """The Hessian's product; seed: the cotangent 1 and the direction."""

    def run(job: Job, f: Function, x: Native, seed: Native) -> Two:
        w, v = seed[:1], seed[1:]
        if job.extra and order == "forward-over-reverse" and not _whole(job, f):
            return _hvp_with_value(job, f, x, w, v)
        return _lower(job, f, x, w), PRODUCTS[order](job, f, x, w, v)

    return run


def _hvp_with_value(job: Job, f: Function, x: Native, w: Native, v: Native) -> Two:
    """Forward over reverse gives f(x) and the gradient at no cost."""

    def both(*y: Native) -> Native:
        value, gradient = job.maps.pull(f, y, w)
        return (*value, *gradient)

    lower, tangents = job.maps.outer_push(both, x, v)
    return lower[: 1 if job.extra == 1 else None], tangents[1:]


def _whole(job: Job, f: Function) -> bool:
    return job.maps.inner.whole(f, Mode.REVERSE, Nesting.FORWARD) is not None


def hessian(order: str) -> Callable[..., Two]:
    """The Hessian from its products with all unit vectors; seed: the cotangent 1."""

    def run(job: Job, f: Function, x: Native, w: Native) -> Two:
        job.refuse_complex(x, _NO_MATRIX)
        along = basis(job.adapter, x)
        stacked = job.maps.over_seeds(
            lambda v: PRODUCTS[order](job, f, x, w, v), along, job.vectorize
        )
        reshape, found, start = job.adapter.namespace.reshape, [], 0
        for a in x:
            stop = start + prod(shape_of(a))
            for b, many in zip(x, stacked, strict=True):
                block = many if len(x) == 1 else many[start:stop]
                found.append(reshape(block, (*shape_of(a), *shape_of(b))))
            start = stop
        return _lower(job, f, x, w), tuple(found)

    return run


def laplacian(order: str) -> Callable[..., Two]:
    """The trace of the Hessian from its products, each with one unit vector on both sides."""

    def run(job: Job, f: Function, x: Native, w: Native) -> Two:
        job.refuse_complex(x, _NO_MATRIX)
        xp = job.adapter.namespace

        def along(e: Native) -> Native:
            if order == "forward-over-forward":
                return job.maps.second(f, x, e, e)
            pairs = zip(e, PRODUCTS[order](job, f, x, w, e), strict=True)
            parts = [xp.sum(a * b) for a, b in pairs]
            return (sum(parts[1:], parts[0]),)

        (diagonal,) = job.maps.over_seeds(along, basis(job.adapter, x), job.vectorize)
        return _lower(job, f, x, w), (xp.sum(diagonal),)

    return run


def second_derivative(order: str) -> Callable[..., Two]:
    """D2f(x)[1, 1] of a scalar x: forward over forward, or row by row; seed: the tangent 1."""

    def run(job: Job, f: Function, x: Native, one: Native) -> Two:
        if order == "forward-over-forward":
            return _lower_of_scalar(job, f, x, one), job.maps.second(f, x, one, one)
        y = f(*x)
        job.refuse_complex(x, "this backend composes that from unit vectors; real numbers only")
        (found,) = job.maps.over_seeds(
            lambda w: PRODUCTS[order](job, f, x, w, one), basis(job.adapter, y), job.vectorize
        )
        return _lower_of_scalar(job, f, x, one), split(job, found, job.shapes)

    return run


def _lower(job: Job, f: Function, x: Native, w: Native) -> Native:
    """f(x), or f(x) and the gradient, or nothing."""
    if not job.extra:
        return ()
    if job.extra == 1:
        return f(*x)
    if job.reverse:
        y, gradient = job.maps.pull(f, x, w)
    else:
        y, gradient = gradient_by_columns(job, f, x, w)
    return (*y, *gradient)


def _lower_of_scalar(job: Job, f: Function, x: Native, one: Native) -> Native:
    if not job.extra:
        return ()
    if job.extra == 1:
        return f(*x)
    y, slope = (push if job.forward else derivative_by_rows)(job, f, x, one)
    return (*y, *slope)
