"""One call for one derivative: certify and judge on pytrees, for use outside of trials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradtier import trees
from gradtier.oracle.api import (
    certify_pullback,
    certify_pushforward,
    judge_pullback,
    judge_pushforward,
)
from gradtier.oracle.sharper import NOTHING_SHARPER, Sharper
from gradtier.oracle.types import Leaves, Map, Witness, batched, items_of
from gradtier.oracle.verdict import Verdict

Function = Callable[[Any], Any]
Derivative = Callable[[Any, Any], Any]


def check_pullback(
    f: Function,
    x: Any,
    pullback: Derivative,
    reference: Derivative | None = None,
    *,
    name: str = "check",
    dtype: str = "float64",
    sharper: Sharper = NOTHING_SHARPER,
) -> Verdict:
    """Is `pullback(x, w)` the vector-Jacobian product of `f` at `x`?

    Args:
        f: takes what `x` is, returns an array or a pytree of arrays (dicts, lists, tuples).
        x: an array, a number or a pytree of them: real or complex; best float32-representable.
        pullback: (x, w) -> a tree like `x`, where `w` is one like `f(x)`; a leaf may be None.
        reference: the same by another, trusted system; without it finite differences judge alone.
        name: seeds the cotangents; the same name asks the same questions.
        dtype: the precision that `pullback` computes in.
        sharper: what may be asked where finite differences are not sharp.

    Raises:
        OracleError: if `f` fails at `x` or has hidden state, or `x` has no leaves.
    """
    primal, form = batched(lambda leaves: f(_like(x, leaves))), f(x)
    witness = None if reference is None else Witness(_map(reference, x, form))
    point = items_of(x)
    dossier = certify_pullback(name, primal, point, witness, dtype, sharper=sharper)
    return judge_pullback(dossier, primal, _map(pullback, x, form), sharper=sharper)


def check_pushforward(
    f: Function,
    x: Any,
    pushforward: Derivative,
    reference: Derivative | None = None,
    *,
    name: str = "check",
    dtype: str = "float64",
    sharper: Sharper = NOTHING_SHARPER,
) -> Verdict:
    """Is `pushforward(x, v)` the Jacobian-vector product of `f` at `x`?

    With `f` the (trusted) gradient of a function, this checks its Hessian-vector products.
    Arguments and errors as for `check_pullback`, but `v` is like `x` and the answer like `f(x)`.
    """
    primal, form = batched(lambda leaves: f(_like(x, leaves))), x
    witness = None if reference is None else Witness(_map(reference, x, form))
    point = items_of(x)
    dossier = certify_pushforward(name, primal, point, witness, dtype, sharper=sharper)
    return judge_pushforward(dossier, primal, _map(pushforward, x, form), sharper=sharper)


def _like(tree: Any, leaves: Leaves) -> Any:
    return trees.replace(tree, iter(leaves))


def _map(derivative: Derivative, x: Any, seed: Any) -> Map:
    """A derivative of trees as a map of leaves; None counts as a leaf."""
    return lambda queries: [
        tuple(trees.leaves(derivative(_like(x, point), _like(seed, along))))
        for point, along in queries
    ]
