"""How a script asks PyTorch's compiler: text for :mod:`gradtier.repro`, never imported."""

from __future__ import annotations

import os
from typing import Any

import array_api_compat.torch
import torch

from gradtier.backends.scripts.torch import array, numpy, ruled

os.environ.setdefault("TORCH_FAKE_TENSOR_DISPATCH_CACHE", "0")

BINARY = [
    "atan2",
    "copysign",
    "hypot",
    "logaddexp",
    "maximum",
    "minimum",
    "nextafter",
    "equal",
    "not_equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
]
__all__ = ["array", "numpy", "ruled"]


def lifted(given: Any, other: Any) -> Any:
    # array-api-compat would ask torch.result_type, which Dynamo does not trace
    real = isinstance(given, int | float) and not isinstance(given, bool)
    if real and isinstance(other, torch.Tensor) and other.is_floating_point():
        return torch.full((), given, dtype=other.dtype, device=other.device)
    return given


def binary(f: Any) -> Any:
    return lambda x, y, /: f(lifted(x, y), lifted(y, x))


class Names:
    """array-api-compat's names; those of two arrays can be traced."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(array_api_compat.torch, name)
        return binary(found) if name in BINARY else found


xp = Names()
own = torch
plain = (
    "abs acos acosh asin asinh atan atanh ceil cos cosh exp expm1 floor log log10 log1p log2 matmul"
    " pi real sign sin sinh sqrt square sum tan tanh trunc"
)


def pullback(f: Any, x: Any, w: Any) -> Any:
    y, back = torch.func.vjp(f, *x)
    return y, back(tuple(w))


def pushforward(f: Any, x: Any, v: Any) -> Any:
    return torch.func.jvp(f, x, v)


def compiled(f: Any) -> Any:
    return torch.compile(f, fullgraph=True, dynamic=False)


class compiler_aot_eager:
    """With the option ``compiler: aot_eager``."""

    def compiled(f: Any) -> Any:
        return torch.compile(f, fullgraph=True, dynamic=False, backend="aot_eager")
