"""Derivatives of your own functions, with one signature for all backends.

``op(f, backend, x, *contexts)``, where ``f(x, *contexts)`` is a function of the backend's arrays:

- ``backend`` is an adapter, made by :func:`backend` from a name, or :class:`Nested`;
- ``x`` is an array or dicts, lists and tuples of arrays, and so is what ``f`` returns;
- contexts are constant and marked so: ``Constant(value)``. A leaf or branch of ``x`` may be marked
  too: ``f`` gets it as it is, and results have None there. None in ``x`` is such a constant.

Results are in the structures of ``x`` and of ``f(x)``. A leaf that ``f`` does not depend on has the
derivative zero. What a backend has no way for is composed from what it has; :func:`support` says
how, and :class:`~gradtier.backends.base.Unsupported` is raised where that can't be done.

A plain call traces and compiles anew where the backend compiles; :func:`prepare` does so once.
The arrays in results live where the backend puts them, and may be pending where it is asynchronous.
Importing this package imports no AD library.
"""

from gradtier.backends.base import Unsupported
from gradtier.operators.batched import BatchMixed
from gradtier.operators.first_order import (
    batched_jacobian,
    derivative,
    gradient,
    jacobian,
    jvp,
    pullback,
    pushforward,
    value_and_batched_jacobian,
    value_and_derivative,
    value_and_gradient,
    value_and_jacobian,
    value_and_pullback,
    value_and_pushforward,
    vjp,
)
from gradtier.operators.lookup import backend
from gradtier.operators.maps import Nested
from gradtier.operators.preparing import operators, prepare
from gradtier.operators.running import Prepared
from gradtier.operators.second_order import (
    hessian,
    hvp,
    laplacian,
    second_derivative,
    value_and_hessian,
    value_and_hvp,
    value_and_laplacian,
    value_and_second_derivative,
    value_derivative_and_second_derivative,
    value_gradient_and_hessian,
    value_gradient_and_hvp,
    value_gradient_and_laplacian,
)
from gradtier.operators.structure import Constant
from gradtier.operators.ways import Support, support

__all__ = [
    "BatchMixed",
    "Constant",
    "Nested",
    "Prepared",
    "Support",
    "Unsupported",
    "backend",
    "batched_jacobian",
    "derivative",
    "gradient",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "laplacian",
    "operators",
    "prepare",
    "pullback",
    "pushforward",
    "second_derivative",
    "support",
    "value_and_batched_jacobian",
    "value_and_derivative",
    "value_and_gradient",
    "value_and_hessian",
    "value_and_hvp",
    "value_and_jacobian",
    "value_and_laplacian",
    "value_and_pullback",
    "value_and_pushforward",
    "value_and_second_derivative",
    "value_derivative_and_second_derivative",
    "value_gradient_and_hessian",
    "value_gradient_and_hvp",
    "value_gradient_and_laplacian",
    "vjp",
]
