"""PyTensor's structured control flow: ``pytensor.scan``, ``map`` and ``ifelse``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gradtier import trees
from gradtier.backends.base import Unsupported
from gradtier.backends.pytensor_array import Array, raw, variable


def names() -> dict[str, Any]:
    """The group ``control``."""
    import pytensor
    import pytensor.gradient
    import pytensor.tensor as pt
    from pytensor.ifelse import ifelse

    def fori_loop(n: int, body: Any, state: Any) -> Any:
        def step(i: Any, *given: Any) -> list[Any]:
            inner = trees.replace(state, iter(map(Array, given)))
            return [variable(a) for a in trees.leaves(body(Array(i), inner))]

        starts = trees.leaves(state)
        found = pytensor.scan(
            step,
            sequences=[pt.arange(n)],
            outputs_info=[a.variable for a in starts],
            return_list=True,
            return_updates=False,
        )
        last = (_shaped(a[-1], b.shape) for a, b in zip(found, starts, strict=True))
        return trees.replace(state, last)

    def mapped(f: Any, xs: Any) -> Any:
        like = f(xs[0])
        found = pytensor.map(
            lambda row: variable(f(Array(row))), [xs.variable], return_updates=False
        )
        return _shaped(found, (xs.shape[0], *like.shape))

    def cond(pred: Any, true_fn: Any, false_fn: Any, *x: Any) -> Any:
        yes, no = true_fn(*x), false_fn(*x)
        pairs = zip(trees.leaves(yes), trees.leaves(no), strict=True)
        found = [ifelse(raw(pred), raw(a), raw(b)) for a, b in pairs]
        return trees.replace(yes, iter(map(Array, found)))

    return {
        "cond": cond,
        "fori_loop": fori_loop,
        "map": mapped,
        "scan": _scan,
        "stop_gradient": lambda x: Array(pytensor.gradient.zero_grad(x.variable)),
    }


def _scan(f: Any, carry: Any, xs: Any) -> Any:
    import pytensor

    starts, rows = trees.leaves(carry), trees.leaves(xs)
    made: list[Any] = []
    if rows[0].shape[0] == 0:
        raise Unsupported("PyTensor's scan over no rows has no last carry")

    def step(*given: Any) -> list[Any]:
        values = iter(map(Array, given))  # PyTensor passes the rows first
        x = trees.replace(xs, values)
        kept, y = f(trees.replace(carry, values), x)
        made[:] = [y]
        return [variable(a) for a in trees.leaves(kept) + _leaves(y)]

    # y is not known before the step was built: how many outputs there are is found by a call
    outputs = _leaves(f(carry, trees.mapped(lambda a: a[0], xs))[1])
    found = pytensor.scan(
        step,
        sequences=[a.variable for a in rows],
        outputs_info=[a.variable for a in starts] + [None] * len(outputs),
        return_list=True,
        return_updates=False,
    )
    kept, ys = found[: len(starts)], found[len(starts) :]
    last = (_shaped(a[-1], b.shape) for a, b in zip(kept, starts, strict=True))
    count = rows[0].shape[0]
    stacked = (_shaped(a, (count, *b.shape)) for a, b in zip(ys, outputs, strict=True))
    return trees.replace(carry, last), _tree(made[0], stacked)


def _leaves(y: Any) -> list[Any]:
    return [] if y is None else trees.leaves(y)


def _tree(like: Any, leaves: Iterator[Any]) -> Any:
    return None if like is None else trees.replace(like, leaves)


def _shaped(found: Any, shape: tuple[int, ...]) -> Array:
    """What a scan made, with the static shape that PyTensor does not infer."""
    import pytensor.tensor as pt

    return Array(pt.specify_shape(found, shape))
