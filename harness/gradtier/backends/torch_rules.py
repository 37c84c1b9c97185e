"""Derivative rules of a user's own in PyTorch: ``torch.autograd.Function``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradtier.backends.base import Rule


def ruled(torch: Any, rule: Rule) -> Callable[..., Any]:
    """``rule.primal`` as a function that PyTorch differentiates by the rule.

    Usable by all three interfaces: ``setup_context`` is what ``torch.func`` asks for, ``jvp`` what
    dual tensors ask for, and what is saved stays connected for derivatives of the rule's own code.
    """

    class Ruled(torch.autograd.Function):  # type: ignore[misc]
        generate_vmap_rule = True

        @staticmethod
        def forward(*x: Any) -> Any:
            return rule.primal(*x)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, dy: Any) -> Any:
            return tuple(rule.pullback(ctx.saved_tensors, dy))

        @staticmethod
        def jvp(ctx: Any, *dx: Any) -> Any:
            x = ctx.saved_tensors
            zeros = torch.zeros_like
            return rule.pushforward(
                x, tuple(zeros(t) if d is None else d for t, d in zip(x, dx, strict=True))
            )

    return Ruled.apply  # type: ignore[no-any-return]
