"""The operators of second order, for users.

``order`` names the only nesting to use: ``forward-over-reverse``, ``reverse-over-reverse``,
``reverse-over-forward`` or ``forward-over-forward``.  Without it, the first of them that the
backend offers is taken.  ``switch`` turns an inner reverse under an outer reverse into forward over
reverse, which gives the same numbers without a derivative of the reverse pass, where the backend
offers that; :func:`gradtier.operators.support` tells.
"""

from __future__ import annotations

from typing import Any

from gradtier.operators.first_order import Backend, F
from gradtier.operators.running import Prepared


def hvp(
    f: F, backend: Backend, x: Any, v: Any, /, *contexts: Any,
    order: str | None = None, switch: bool = False,
) -> Any:  # fmt: skip
    """The Hessian's product with ``v``, for a function with one real scalar result; like ``x``.

    Args:
        f: the function.
        backend: an adapter, or :class:`~gradtier.operators.Nested`.
        x: where.
        v: shaped like ``x``; None where a leaf of ``x`` is constant.
        *contexts: constants.
        order: the only nesting to use.
        switch: an inner reverse under an outer reverse becomes forward over reverse.

    Raises:
        ValueError: f returns something else than one scalar; no such order.
        Unsupported: the backend does not offer that order.
    """
    options = {"order": order, "switch": switch}
    return Prepared("hvp", 0, f, backend, (x, v, *contexts), options).first()


def value_and_hvp(
    f: F, backend: Backend, x: Any, v: Any, /, *contexts: Any,
    order: str | None = None, switch: bool = False,
) -> Any:  # fmt: skip
    """``(f(x), hvp)``; see :func:`hvp`."""
    options = {"order": order, "switch": switch}
    return Prepared("hvp", 1, f, backend, (x, v, *contexts), options).first()


def value_gradient_and_hvp(
    f: F, backend: Backend, x: Any, v: Any, /, *contexts: Any,
    order: str | None = None, switch: bool = False,
) -> Any:  # fmt: skip
    """``(f(x), gradient, hvp)``; see :func:`hvp`."""
    options = {"order": order, "switch": switch}
    return Prepared("hvp", 2, f, backend, (x, v, *contexts), options).first()


def hessian(
    f: F, backend: Backend, x: Any, /, *contexts: Any,
    order: str | None = None, switch: bool = False, vectorize: bool = True,
) -> Any:  # fmt: skip
    """The Hessian of a function with one real scalar result: a tree of ``x`` of trees of ``x``.

    Args:
        f: the function.
        backend: an adapter, or :class:`~gradtier.operators.Nested`.
        x: where; real.
        *contexts: constants.
        order: the only nesting to use.
        switch: an inner reverse under an outer reverse becomes forward over reverse.
        vectorize: as in :func:`~gradtier.operators.jacobian`.
    """
    options = {"order": order, "switch": switch, "vectorize": vectorize}
    return Prepared("hessian", 0, f, backend, (x, *contexts), options).first()


def value_and_hessian(
    f: F, backend: Backend, x: Any, /, *contexts: Any,
    order: str | None = None, switch: bool = False, vectorize: bool = True,
) -> Any:  # fmt: skip
    """``(f(x), hessian)``; see :func:`hessian`."""
    options = {"order": order, "switch": switch, "vectorize": vectorize}
    return Prepared("hessian", 1, f, backend, (x, *contexts), options).first()


def value_gradient_and_hessian(
    f: F, backend: Backend, x: Any, /, *contexts: Any,
    order: str | None = None, switch: bool = False, vectorize: bool = True,
) -> Any:  # fmt: skip
    """``(f(x), gradient, hessian)``; see :func:`hessian`."""
    options = {"order": order, "switch": switch, "vectorize": vectorize}
    return Prepared("hessian", 2, f, backend, (x, *contexts), options).first()


def laplacian(
    f: F, backend: Backend, x: Any, /, *contexts: Any,
    order: str | None = None, switch: bool = False, vectorize: bool = True,
) -> Any:  # fmt: skip
    """The trace of the Hessian over all leaves of ``x``, a scalar; no Hessian is stored.

    An adapter with second pushforwards of its own (Taylor mode) is asked for these.

    Args:
        f: the function, with one real scalar result.
        backend: an adapter, or :class:`~gradtier.operators.Nested`.
        x: where; real.
        *contexts: constants.
        order: the only nesting to use.
        switch: an inner reverse under an outer reverse becomes forward over reverse.
        vectorize: as in :func:`~gradtier.operators.jacobian`.
    """
    options = {"order": order, "switch": switch, "vectorize": vectorize}
    return Prepared("laplacian", 0, f, backend, (x, *contexts), options).first()


def value_and_laplacian(
    f: F, backend: Backend, x: Any, /, *contexts: Any,
    order: str | None = None, switch: bool = False, vectorize: bool = True,
) -> Any:  # fmt: skip
    """``(f(x), laplacian)``; see :func:`laplacian`."""
    options = {"order": order, "switch": switch, "vectorize": vectorize}
    return Prepared("laplacian", 1, f, backend, (x, *contexts), options).first()


def value_gradient_and_laplacian(
    f: F, backend: Backend, x: Any, /, *contexts: Any,
    order: str | None = None, switch: bool = False, vectorize: bool = True,
) -> Any:  # fmt: skip
    """``(f(x), gradient, laplacian)``; see :func:`laplacian`."""
    options = {"order": order, "switch": switch, "vectorize": vectorize}
    return Prepared("laplacian", 2, f, backend, (x, *contexts), options).first()


def second_derivative(
    f: F, backend: Backend, x: Any, /, *contexts: Any,
    order: str | None = None, switch: bool = False,
) -> Any:  # fmt: skip
    """The second derivative by one scalar, shaped like ``f(x)``.

    Args:
        f: the function.
        backend: an adapter, or :class:`~gradtier.operators.Nested`.
        x: one array of shape ().
        *contexts: constants.
        order: the only nesting to use.
        switch: an inner reverse under an outer reverse becomes forward over reverse.

    Raises:
        ValueError: x is not one array of shape ().
    """
    options = {"order": order, "switch": switch}
    return Prepared("second_derivative", 0, f, backend, (x, *contexts), options).first()


def value_and_second_derivative(
    f: F, backend: Backend, x: Any, /, *contexts: Any,
    order: str | None = None, switch: bool = False,
) -> Any:  # fmt: skip
    """``(f(x), second_derivative)``; see :func:`second_derivative`."""
    options = {"order": order, "switch": switch}
    return Prepared("second_derivative", 1, f, backend, (x, *contexts), options).first()


def value_derivative_and_second_derivative(
    f: F, backend: Backend, x: Any, /, *contexts: Any,
    order: str | None = None, switch: bool = False,
) -> Any:  # fmt: skip
    """``(f(x), derivative, second_derivative)``; see :func:`second_derivative`."""
    options = {"order": order, "switch": switch}
    return Prepared("second_derivative", 2, f, backend, (x, *contexts), options).first()
