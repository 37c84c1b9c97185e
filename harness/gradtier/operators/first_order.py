"""The operators of first order, for users; :mod:`gradtier.operators` says what they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradtier.backends.base import Adapter
from gradtier.operators.maps import Nested
from gradtier.operators.running import Prepared

Backend = Adapter | Nested
F = Callable[..., Any]


def gradient(f: F, backend: Backend, x: Any, /, *contexts: Any) -> Any:
    """The gradient of a function with one real scalar result, shaped like ``x``.

    Of complex leaves it is df/d(Re x) + i df/d(Im x), whatever the library's own convention.

    Raises:
        ValueError: f returns something else than one scalar of shape ().
        TypeError: that scalar is complex or a whole number.
    """
    return Prepared("gradient", 0, f, backend, (x, *contexts), {}).first()


def value_and_gradient(f: F, backend: Backend, x: Any, /, *contexts: Any) -> Any:
    """``(f(x), gradient)``; see :func:`gradient`."""
    return Prepared("gradient", 1, f, backend, (x, *contexts), {}).first()


def derivative(f: F, backend: Backend, x: Any, /, *contexts: Any) -> Any:
    """The derivative by one scalar, shaped like ``f(x)``.

    Raises:
        ValueError: x is not one array of shape ().
    """
    return Prepared("derivative", 0, f, backend, (x, *contexts), {}).first()


def value_and_derivative(f: F, backend: Backend, x: Any, /, *contexts: Any) -> Any:
    """``(f(x), derivative)``; see :func:`derivative`."""
    return Prepared("derivative", 1, f, backend, (x, *contexts), {}).first()


def pushforward(f: F, backend: Backend, x: Any, v: Any, /, *contexts: Any) -> Any:
    """The Jacobian's product with the tangent ``v``, shaped like ``f(x)`` (JVP).

    Args:
        f: the function.
        backend: an adapter.
        x: where.
        v: shaped like ``x``; None where a leaf of ``x`` is constant.
        *contexts: constants.
    """
    return Prepared("pushforward", 0, f, backend, (x, v, *contexts), {}).first()


def value_and_pushforward(f: F, backend: Backend, x: Any, v: Any, /, *contexts: Any) -> Any:
    """``(f(x), pushforward)``; see :func:`pushforward`."""
    return Prepared("pushforward", 1, f, backend, (x, v, *contexts), {}).first()


def pullback(f: F, backend: Backend, x: Any, w: Any, /, *contexts: Any) -> Any:
    """The adjoint Jacobian's product with the cotangent ``w``, shaped like ``x`` (VJP).

    Complex leaves are in the convention ``conjugate``: a holomorphic f has conj(f'(x)) w.

    Args:
        f: the function.
        backend: an adapter.
        x: where.
        w: shaped like ``f(x)``.
        *contexts: constants.
    """
    return Prepared("pullback", 0, f, backend, (x, w, *contexts), {}).first()


def value_and_pullback(f: F, backend: Backend, x: Any, w: Any, /, *contexts: Any) -> Any:
    """``(f(x), pullback)``; see :func:`pullback`."""
    return Prepared("pullback", 1, f, backend, (x, w, *contexts), {}).first()


def jacobian(f: F, backend: Backend, x: Any, /, *contexts: Any, vectorize: bool = True) -> Any:
    """All partial derivatives: the tree of ``f(x)`` with a tree of ``x`` at each leaf.

    A leaf has the shape of the output followed by that of the input.

    Args:
        f: the function.
        backend: an adapter.
        x: where.
        *contexts: constants.
        vectorize: use the library's own way of mapping over many seeds, where its adapter has one.

    Raises:
        TypeError: x or f(x) is complex.
    """
    return Prepared("jacobian", 0, f, backend, (x, *contexts), {"vectorize": vectorize}).first()


def value_and_jacobian(
    f: F, backend: Backend, x: Any, /, *contexts: Any, vectorize: bool = True
) -> Any:
    """``(f(x), jacobian)``; see :func:`jacobian`."""
    return Prepared("jacobian", 1, f, backend, (x, *contexts), {"vectorize": vectorize}).first()


def batched_jacobian(
    f: F, backend: Backend, x: Any, /, *contexts: Any, vectorize: bool = True, check: bool = True
) -> Any:
    """The Jacobian of each element of a batch, for the price of one element's.

    The leading axis of every leaf of ``x`` and of ``f(x)`` is the batch. A leaf of the result has
    the shape (batch, *output, *input), the two without their batch axes.

    Element b of f(x) must depend on element b of x alone. This is checked along one random
    direction: a dependence between elements is found with probability one if it is larger, relative
    to the derivative, than the root of the precision (1.5e-8 in float64, 3.5e-4 in float32).

    Args:
        f: the function.
        backend: an adapter.
        x: where.
        *contexts: constants.
        vectorize: as in :func:`jacobian`.
        check: False saves the check's one further map and its wait for the result; needed inside
            another derivative.

    Raises:
        BatchMixed: f mixes the elements of the batch, as batch normalisation does.
        ValueError: leading axes differ.
    """
    options = {"vectorize": vectorize, "check": check}
    return Prepared("batched_jacobian", 0, f, backend, (x, *contexts), options).first()


def value_and_batched_jacobian(
    f: F, backend: Backend, x: Any, /, *contexts: Any, vectorize: bool = True, check: bool = True
) -> Any:
    """``(f(x), batched_jacobian)``; see :func:`batched_jacobian`."""
    options = {"vectorize": vectorize, "check": check}
    return Prepared("batched_jacobian", 1, f, backend, (x, *contexts), options).first()


jvp, vjp = pushforward, pullback
