"""PyTorch's structured control flow: higher-order operators, checkpoints, ``torch.func.vmap``.

Each call of ``torch.cond`` and ``torch.while_loop`` is traced by Dynamo.  The prototypes of scan
and map are left out: they trace for seconds in a derivative of a derivative.
"""

from __future__ import annotations

from typing import Any


def names() -> dict[str, Any]:
    """The group ``control``."""
    import torch
    import torch.utils.checkpoint
    from torch._higher_order_ops import associative_scan

    def checkpoint(f: Any) -> Any:
        # no random numbers here, whose state would be saved and put back
        return lambda *x: torch.utils.checkpoint.checkpoint(
            f, *x, use_reentrant=False, preserve_rng_state=False
        )

    def while_loop(cond: Any, body: Any, state: Any) -> Any:
        """PyTorch's state is a tuple."""
        if isinstance(state, tuple):
            return torch.while_loop(lambda *s: cond(s), lambda *s: body(s), state)
        return torch.while_loop(cond, lambda s: (body(s),), (state,))[0]

    def over_first_axis(f: Any, xs: Any) -> Any:
        return associative_scan(f, xs, 0, combine_mode="generic")

    return {
        "associative_scan": over_first_axis,
        "checkpoint": checkpoint,
        "cond": lambda pred, true_fn, false_fn, *x: torch.cond(pred, true_fn, false_fn, x),
        "stop_gradient": lambda x: x.detach(),
        "vmap": torch.func.vmap,
        "while_loop": while_loop,
    }
