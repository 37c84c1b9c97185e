"""PyTorch: ``torch.autograd.grad``, ``torch.func`` and ``torch.autograd.forward_ad``.

Three classes, because the three interfaces differ in what they refuse and in how they nest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gradtier.backends.base import (
    Adapter,
    Allocated,
    Function,
    Linear,
    Native,
    Rule,
    Unsupported,
)
from gradtier.backends.torch_rules import ruled


class _Torch(Adapter):
    """What the three interfaces have in common: arrays, devices, settings."""

    distributions: ClassVar = ("torch", "array-api-compat")
    stem: ClassVar = "gradtier.backends.torch"
    modules: ClassVar = ("torch", "array_api_compat")
    environment: ClassVar = {
        "OMP_NUM_THREADS": "1",
        # Without this, products on CUDA are not repeatable, and deterministic mode says so.
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    }
    refusals: ClassVar[tuple[str, ...]] = (
        r"Nested forward mode AD is not supported at the moment",
        r"Trying to use forward AD with .* that does not support it",
        r"[Tt]he derivative for '.*' is not implemented",
        r"derivative for .* is not implemented",
        r"must override the setup_context staticmethod",
        r"You must implement the jvp function for custom autograd\.Function",
        r"does not have vmap support",
        r"\"\w+\" not implemented for '\w+'",
        r"step must be greater than zero",
        r"All outputs of f must be floating-point or complex Tensors",
        r"leaf Variable that requires grad is being used in an in-place operation",
        r"^AttributeError: module '(torch|array_api_compat)[\w.]*' has no attribute",
        r"modified by an inplace operation",
        r"don't yet support saved tensor hooks",
        r"doesn't work unless it is captured completely with torch\.compile",
        r"index_reduce\(\): Double backward is unsupported",
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        import array_api_compat.torch
        import torch

        torch.set_num_threads(1)
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.use_deterministic_algorithms(True, warn_only=True)
        self._torch, self._namespace = torch, array_api_compat.torch

    @property
    def namespace(self) -> Any:
        return self._namespace

    def from_numpy(self, array: NDArray[Any], device: str) -> Any:
        if device not in self.devices():
            raise Unsupported(f"PyTorch sees no device '{device}' here")
        if device != self._torch.get_default_device().type:
            # Constants that a case creates belong beside its inputs.  None, and not "cpu", ends the
            # mode that intercepts every function: trials on the CPU are not slower for it.
            self._torch.set_default_device(None if device == "cpu" else device)
        made = self._torch.from_numpy(np.array(array, order="C")).to(device)
        if made.is_floating_point() and made.dtype != self._torch.get_default_dtype():
            # What a case creates without a dtype would be rounded to float32 in a float64
            # derivative; float64 throughout would make some of PyTorch's float32 rules fail.
            self._torch.set_default_dtype(made.dtype)
        return made

    def to_bfloat16(self, array: Any) -> Any:
        made = array.to(self._torch.bfloat16)
        self._torch.set_default_dtype(made.dtype)
        return made

    def to_numpy(self, array: Any) -> NDArray[Any]:
        if array._is_zerotensor():  # zeros without memory: numpy(force=True) crashes on them
            array = self._torch.zeros_like(array)
        if array.dtype == self._torch.bfloat16:
            array = array.float()
        return np.array(array.detach().cpu().resolve_conj().resolve_neg().numpy())

    def placement(self, array: Any) -> tuple[str, str]:
        return array.device.type, str(array.dtype).removeprefix("torch.")

    def custom_rule(self, rule: Rule) -> Callable[..., Any]:
        return ruled(self._torch, rule)

    def synchronize(self, result: Any) -> None:
        if self._torch.cuda.is_available():
            self._torch.cuda.synchronize()

    def memory(self, device: str, forget: bool = False) -> Allocated | None:
        cuda = self._torch.cuda
        if forget:
            cuda.reset_peak_memory_stats()
        return Allocated(cuda.memory_allocated(), cuda.max_memory_allocated())

    def card(self, device: str) -> Mapping[str, str]:
        torch = self._torch
        exact = not (torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32)
        on = torch.are_deterministic_algorithms_enabled()
        limited = ", where PyTorch has such an operation" if on else ""
        return {
            "card": torch.cuda.get_device_name(),
            "cuda": str(torch.version.cuda),
            "cudnn": str(torch.backends.cudnn.version()),
            "tf32": "off" if exact else "on",
            "deterministic": f"{'on' if on else 'off'}{limited}",
        }

    def devices(self) -> tuple[str, ...]:
        return ("cpu", "cuda") if self._torch.cuda.is_available() else ("cpu",)

    def settings(self) -> dict[str, str]:
        return {
            "default dtype": "of the inputs",
            "tf32": "off",
            "deterministic": "on",
            "threads": str(self._torch.get_num_threads()),
        }

    def _grad(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        """The pullback by ``torch.autograd.grad``; a leaf that is not connected is None."""
        y, back = self._recorded(f, x, once=True)
        return y, back(w)

    def _recorded(self, f: Function, x: Native, once: bool) -> tuple[Native, Linear]:
        """``f(x)``, and the way back through its graph by ``torch.autograd.grad``."""
        # Around another derivative the gradient must keep its graph: without one, rules of
        # PyTorch (linalg.det, linalg.solve) take short cuts that lose tangents silently.
        tangent = self._torch.autograd.forward_ad.unpack_dual
        around = any([t.requires_grad or tangent(t).tangent is not None for t in x])
        # A view is a variable of its own for this derivative and stays connected to an outer one,
        # be it a graph or a tangent (which detach() would drop).
        inputs = tuple([t.view_as(t).requires_grad_() for t in x])
        y = f(*inputs)

        def back(w: Native) -> Native:
            pairs = [(t, c) for t, c in zip(y, w, strict=True) if t.requires_grad]
            if not pairs:
                return (None,) * len(inputs)
            outer = around or any([c.requires_grad or tangent(c).tangent is not None for c in w])
            return self._torch.autograd.grad(  # type: ignore[no-any-return]
                *([t for t, _ in pairs], inputs, [c for _, c in pairs]),
                retain_graph=outer or not once, create_graph=outer, allow_unused=True,
            )  # fmt: skip

        return y, back

    def _dual(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        """The pushforward by dual tensors; an output without a tangent has a zero one."""
        forward = self._torch.autograd.forward_ad
        with forward.dual_level():
            y = f(*(forward.make_dual(t, d) for t, d in zip(x, v, strict=True)))
            pairs = [forward.unpack_dual(t) for t in y]
            return tuple(p for p, _ in pairs), tuple(
                self.zeros_like(p) if d is None else d for p, d in pairs
            )


class TorchAutograd(_Torch):
    """Reverse mode by ``torch.autograd.grad``; dual tensors or itself around it."""

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        raise Unsupported("torch.autograd.grad is reverse mode only")

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        return self._grad(f, x, w)

    def pullback_at(self, f: Function, x: Native) -> tuple[Native, Linear]:
        return self._recorded(f, x, once=False)

    def outer_pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        return self._dual(f, x, v)


class TorchForwardAD(_Torch):
    """Forward mode by ``torch.autograd.forward_ad``; ``torch.autograd.grad`` around it."""

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        return self._dual(f, x, v)

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        raise Unsupported("torch.autograd.forward_ad is forward mode only")

    def outer_pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        return self._grad(f, x, w)


class TorchFunc(_Torch):
    """Both modes, in any nesting, by ``torch.func.vjp`` and ``torch.func.jvp``."""

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        y, dy = self._torch.func.jvp(f, x, v)
        return y, dy

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        y, back = self.pullback_at(f, x)
        return y, back(w)

    def pullback_at(self, f: Function, x: Native) -> tuple[Native, Linear]:
        y, back = self._torch.func.vjp(f, *x)
        return y, lambda w: back(tuple(w))

    def over_seeds(self, linear: Linear, seeds: Native) -> Native:
        return self._torch.vmap(linear)(seeds)  # type: ignore[no-any-return]
