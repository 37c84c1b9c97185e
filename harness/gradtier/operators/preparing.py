"""Preparing an operator: choose how, trace and compile once, then call at many points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradtier.errors import nearest
from gradtier.operators import first_order, second_order
from gradtier.operators.first_order import Backend
from gradtier.operators.running import Prepared

_ALIASES = {"jvp": "pushforward", "vjp": "pullback"}
_PREFIXES = (
    ("value_gradient_and_", 2), ("value_derivative_and_", 2), ("value_and_", 1), ("", 0),
)  # fmt: skip
#: The options of an operator beside its arguments.
_OPTIONS = {
    "hvp": {"order", "switch"},
    "second_derivative": {"order", "switch"},
    "hessian": {"order", "switch", "vectorize"},
    "laplacian": {"order", "switch", "vectorize"},
    "jacobian": {"vectorize"},
    "batched_jacobian": {"vectorize", "check"},
}


def operators() -> tuple[str, ...]:
    """The names of all operators."""
    public = {**vars(first_order), **vars(second_order)}
    return tuple(
        sorted(
            name
            for name, thing in public.items()
            if callable(thing)
            and getattr(thing, "__module__", "") in (first_order.__name__, second_order.__name__)
        )
    )


def prepare(
    op: str | Callable[..., Any],
    f: Callable[..., Any],
    backend: Backend,
    /,
    *arguments: Any,
    **options: Any,
) -> Prepared:
    """The operator ``op`` on ``f``, compiled for arguments like these where the backend compiles.

    ``op(f, backend, *arguments, **options)`` is computed once, which is when the backend traces and
    compiles; ``prepared(*arguments)`` uses that again at other points. Results of f must have the
    same structure at all of them.

    Args:
        op: an operator of this package, or its name.
        f: the function.
        backend: an adapter or :class:`~gradtier.operators.Nested`.
        *arguments: as ``op`` takes them after the backend.
        **options: as ``op`` takes them.

    Raises:
        TypeError: ``op`` is no operator, or has no such option.
        Whatever the operator raises at this point.
    """
    name = op if isinstance(op, str) else getattr(op, "__name__", type(op).__name__)
    if name not in operators() or not (isinstance(op, str) or op is _public(name)):
        raise TypeError(f"'{name}' is no operator; {nearest(name, operators())}")
    name = _ALIASES.get(name, name)
    prefix, extra = next((p, n) for p, n in _PREFIXES if name.startswith(p))
    base = name.removeprefix(prefix)
    if unknown := sorted(options.keys() - _OPTIONS.get(base, set())):
        raise TypeError(
            f"{name} takes no option {unknown[0]}; {nearest(unknown[0], _OPTIONS.get(base, ()))}"
        )
    prepared = Prepared(base, extra, f, backend, arguments, options)
    prepared.first()
    return prepared.kept()


def _public(name: str) -> Any:
    return getattr(first_order, name, None) or getattr(second_order, name)
