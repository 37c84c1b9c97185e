"""PaddlePaddle's structured control flow: ``paddle.static.nn`` and recomputation."""

from __future__ import annotations

from typing import Any


def names() -> dict[str, Any]:
    """The group ``control``."""
    import paddle
    from paddle.distributed.fleet.utils import recompute

    nn = paddle.static.nn

    def while_loop(cond: Any, body: Any, state: Any) -> Any:
        """Paddle's state is a list of arguments."""
        if isinstance(state, tuple):
            return tuple(nn.while_loop(lambda *s: cond(s), lambda *s: list(body(s)), list(state)))
        return nn.while_loop(cond, lambda s: [body(s)], [state])[0]

    def cond(pred: Any, true_fn: Any, false_fn: Any, *x: Any) -> Any:
        return nn.cond(pred, lambda: true_fn(*x), lambda: false_fn(*x))

    def switch(index: Any, branches: Any, *x: Any) -> Any:
        given = [(i, _bound(f, x)) for i, f in enumerate(branches)]
        return nn.switch_case(index.astype("int32"), given)

    return {
        # no random numbers here, whose state would be saved and put back
        "checkpoint": lambda f: (
            lambda *x: recompute(f, *x, use_reentrant=False, preserve_rng_state=False)
        ),
        "cond": cond,
        "stop_gradient": lambda x: x.detach(),
        "switch": switch,
        "while_loop": while_loop,
    }


def _bound(f: Any, x: Any) -> Any:
    return lambda: f(*x)
