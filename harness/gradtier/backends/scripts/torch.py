"""How a script asks PyTorch: text for :mod:`gradtier.repro`, which is read and never imported."""

from __future__ import annotations

from typing import Any

import array_api_compat.torch
import numpy as np
import torch
import torch.autograd.forward_ad as fwAD

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True, warn_only=True)

xp = array_api_compat.torch
own = torch
plain = (
    "abs acos acosh asin asinh atan atanh ceil cos cosh exp expm1 floor log log10 log1p log2 matmul"
    " pi real sign sin sinh sqrt square sum tan tanh trunc"
)


def array(a: Any) -> Any:
    made = torch.from_numpy(np.array(a, order="C"))
    if made.is_floating_point():
        torch.set_default_dtype(made.dtype)
    return made


def numpy(a: Any) -> Any:
    a = torch.zeros_like(a) if a._is_zerotensor() else a
    return a.detach().resolve_conj().resolve_neg().numpy()


def zeros(a: Any) -> Any:
    return torch.zeros_like(a)


def dual(f: Any, x: Any, v: Any) -> Any:
    with fwAD.dual_level():
        pairs = [fwAD.unpack_dual(t) for t in f(*map(fwAD.make_dual, x, v))]
        zeros = [torch.zeros_like(p) for p, _ in pairs]
        return tuple(p for p, _ in pairs), tuple(
            z if d is None else d for (_, d), z in zip(pairs, zeros)
        )


def tracked(arrays: Any) -> bool:
    return any(t.requires_grad or fwAD.unpack_dual(t).tangent is not None for t in arrays)


def grad(f: Any, x: Any, w: Any) -> Any:
    inputs = [t.view_as(t).requires_grad_() for t in x]
    y = f(*inputs)
    pairs = [(t, c) for t, c in zip(y, w) if t.requires_grad]
    if not pairs:
        return y, (None,) * len(x)
    # around another derivative, the graph of this one is needed
    outer = tracked([*x, *w])
    return y, torch.autograd.grad(
        [t for t, _ in pairs],
        inputs,
        [c for _, c in pairs],
        retain_graph=outer,
        create_graph=outer,
        allow_unused=True,
    )


class TorchAutograd:
    """``torch.autograd.grad``; dual tensors or itself around it."""

    def pullback(f: Any, x: Any, w: Any) -> Any:
        return grad(f, x, w)

    def outer_pushforward(f: Any, x: Any, v: Any) -> Any:
        return dual(f, x, v)


class TorchForwardAD:
    """``torch.autograd.forward_ad``; ``torch.autograd.grad`` around it."""

    def pushforward(f: Any, x: Any, v: Any) -> Any:
        return dual(f, x, v)

    def outer_pullback(f: Any, x: Any, w: Any) -> Any:
        return grad(f, x, w)


class TorchFunc:
    """``torch.func.vjp`` and ``torch.func.jvp``."""

    def pullback(f: Any, x: Any, w: Any) -> Any:
        y, back = torch.func.vjp(f, *x)
        return y, back(tuple(w))

    def pushforward(f: Any, x: Any, v: Any) -> Any:
        return torch.func.jvp(f, x, v)


def ruled(primal: Any, pushforward: Any, pullback: Any) -> Any:
    class Ruled(torch.autograd.Function):  # type: ignore[misc]
        generate_vmap_rule = True

        @staticmethod
        def forward(*x: Any) -> Any:
            return primal(*x)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, dy: Any) -> Any:
            return tuple(pullback(ctx.saved_tensors, dy))

        @staticmethod
        def jvp(ctx: Any, *dx: Any) -> Any:
            x = ctx.saved_tensors
            full = [torch.zeros_like(t) if d is None else d for t, d in zip(x, dx)]
            return pushforward(x, tuple(full))

    return Ruled.apply
