"""PaddlePaddle: ``paddle.grad`` and ``paddle.incubate.autograd.jvp``, operation by operation."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gradtier.backends.base import Adapter, Function, Native, Rule, Unsupported


class Paddle(Adapter):
    """Reverse mode by ``paddle.grad``, forward mode by ``paddle.incubate.autograd.jvp``.

    Paddle's eager ``jvp`` is two pullbacks, the second of them in the cotangent of the first; so a
    pushforward needs second-order rules, and a derivative around it third-order ones.
    """

    distributions: ClassVar = ("paddlepaddle", "paddlepaddle-gpu")
    stem: ClassVar = "gradtier.backends.paddle"
    modules: ClassVar = ("paddle",)
    environment: ClassVar = {
        "OMP_NUM_THREADS": "1",
        "GLOG_minloglevel": "3",
        # cuBLAS and cuDNN round float32 to TF32 otherwise; Paddle has no switch of its own.
        "NVIDIA_TF32_OVERRIDE": "0",
        "FLAGS_cudnn_deterministic": "1",
        "FLAGS_embedding_deterministic": "1",
        # Memory as it is needed, for several processes share a card.
        "FLAGS_allocator_strategy": "auto_growth",
    }
    refusals: ClassVar = (
        r"doesn't have any grad op",
        r"outputs contain duplicate tensor",
        r"\(Unimplemented\)",
        r"The kernel .* is not registered",
        r"The derivative of \w+ is not implemented",
        r"used in gradient computation has been modified by an inplace operation",
        r"saved_tensors_hooks only one pair of hooks is allowed",
        r"put_along_axis_double_grad only support",
    )

    shortages: ClassVar = (*Adapter.shortages, r"ResourceExhaustedError")

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        import paddle

        from gradtier.backends.paddle_namespace import namespace

        paddle.set_device("cpu")
        self._paddle, self._namespace = paddle, namespace()

    @property
    def namespace(self) -> Any:
        return self._namespace

    def from_numpy(self, array: NDArray[Any], device: str) -> Any:
        if device not in self.devices():
            raise Unsupported(f"PaddlePaddle sees no device '{device}' here")
        place = "gpu:0" if device == "cuda" else "cpu"
        if self._paddle.get_device() != place:
            # Constants that a case creates belong beside its inputs.
            self._paddle.set_device(place)
        precision = {"f": array.dtype, "c": array.real.dtype}.get(array.dtype.kind)
        if precision is not None and precision in (np.float32, np.float64):
            # What a case creates without a dtype is float32 otherwise.
            self._paddle.set_default_dtype(str(precision))
        return self._paddle.to_tensor(np.array(array, order="C"), place=place)

    def to_bfloat16(self, array: Any) -> Any:
        if not array.place.is_gpu_place():  # a product there is, a sum there is not
            raise Unsupported("PaddlePaddle has no bfloat16 arithmetic on a CPU")
        self._paddle.set_default_dtype("bfloat16")
        return array.astype(self._paddle.bfloat16)

    def to_numpy(self, array: Any) -> NDArray[Any]:
        if array.dtype == self._paddle.bfloat16:
            array = array.astype(self._paddle.float32)
        return np.array(array.detach().numpy())

    def placement(self, array: Any) -> tuple[str, str]:
        device = "cuda" if array.place.is_gpu_place() else "cpu"
        return device, str(array.dtype).removeprefix("paddle.")

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        values: list[Any] = []

        def connected(*inputs: Any) -> Native:
            # jvp fails where an output is a constant, so it is shown those that are none.
            values[:] = f(*inputs)
            found = tuple(t for t in values if not t.stop_gradient)
            if not found:
                raise _NothingConnectedError
            return found

        try:
            tangents = iter(self._paddle.incubate.autograd.jvp(connected, x, v)[1])
        except _NothingConnectedError:
            tangents = iter(())
        y = tuple(values)
        return y, tuple(self.zeros_like(t) if t.stop_gradient else next(tangents) for t in y)

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        self._paddle.set_grad_enabled(True)  # an error in a backward pass leaves gradients off
        outer = any(not t.stop_gradient for t in (*x, *w))
        x = tuple(self._variable(t) for t in x)
        y = f(*x)
        pairs = [(t, c) for t, c in zip(y, w, strict=True) if not t.stop_gradient]
        if not pairs:
            return y, (None,) * len(x)
        outputs, cotangents = zip(*pairs, strict=True)
        return y, tuple(
            self._paddle.grad(
                list(outputs), list(x), list(cotangents), create_graph=outer, allow_unused=True
            )
        )

    def _variable(self, array: Any) -> Any:
        """A variable of this derivative's own, which stays connected to an outer one."""
        if not array.stop_gradient:
            return self._paddle.assign(array)
        made = array.detach()
        made.stop_gradient = False
        return made

    def custom_rule(self, rule: Rule) -> Callable[..., Any]:
        paddle = self._paddle

        class Stated(paddle.autograd.PyLayer):  # type: ignore[misc, name-defined]
            @staticmethod
            def forward(ctx: Any, *x: Any) -> Any:
                ctx.save_for_backward(*x)
                return rule.primal(*x)

            @staticmethod
            def backward(ctx: Any, dy: Any) -> Any:
                dx = rule.pullback(ctx.saved_tensor(), dy)
                return dx if len(dx) > 1 else dx[0]

        return lambda *x: Stated.apply(*x)

    def synchronize(self, result: Any) -> None:
        if self._paddle.get_device() != "cpu":
            self._paddle.device.synchronize()

    def card(self, device: str) -> Mapping[str, str]:
        off = os.environ.get("NVIDIA_TF32_OVERRIDE") == "0"
        flags = {"cudnn": "FLAGS_cudnn_deterministic", "embedding": "FLAGS_embedding_deterministic"}
        on = [part for part, flag in flags.items() if os.environ.get(flag) == "1"]
        return {
            "card": self._paddle.device.cuda.get_device_name(),
            "cuda": str(self._paddle.version.cuda()),
            "cudnn": str(self._paddle.version.cudnn()),
            "tf32": "off" if off else "on",
            "deterministic": ", ".join(on) or "off",
        }

    def devices(self) -> tuple[str, ...]:
        there = self._paddle.is_compiled_with_cuda() and self._paddle.device.cuda.device_count()
        return ("cpu", "cuda") if there else ("cpu",)

    @classmethod
    def installed(cls) -> dict[str, str]:
        found = super().installed()
        if "paddlepaddle-gpu" in found:  # the same library, built for hosts with a GPU
            found.setdefault("paddlepaddle", found["paddlepaddle-gpu"])
        return found

    def settings(self) -> dict[str, str]:
        return {
            "default dtype": "of the inputs",
            "tf32": "off",
            "deterministic": "cudnn, embedding",
            "forward mode": "two pullbacks (paddle.incubate.autograd.jvp)",
        }


class _NothingConnectedError(Exception):
    """No output depends on an input: there is nothing for ``jvp`` to do."""
