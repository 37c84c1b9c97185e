"""Dr.Jit: first derivatives by ``drjit.traverse`` over the tensors of ``drjit.llvm.ad``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gradtier.backends.base import Adapter, Function, Native, Rule, Unsupported


class DrJit(Adapter):
    """Both modes, first order; an input that is not connected has a zero derivative."""

    distributions: ClassVar = ("drjit",)
    stem: ClassVar = "gradtier.backends.drjit"
    modules: ClassVar = ("drjit",)
    environment: ClassVar = {"OMP_NUM_THREADS": "1"}
    refusals: ClassVar = (
        r"differentiation support has only been implemented for",
        r"^AttributeError: 'TensorX\w+' object has no attribute",
        r"ad\.TensorX\w+\.__r?(floordiv|mod)__\(\): failed",
        r"reverse-mode differentiation of this loop requires a 'max_iterations' hint",
        r"drjit\.scatter\(\): tensors are not supported",
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if cache := os.environ.get("GRADTIER_CACHE"):
            # Files are written under other names and linked, so that processes may share it.
            os.environ["DRJIT_CACHE_DIR"] = os.path.join(cache, "drjit")
        import drjit

        from gradtier.backends.drjit_namespace import Arrays, namespace

        if not drjit.has_backend(drjit.JitBackend.LLVM):
            raise ImportError(
                "Dr.Jit needs the system's LLVM library (libLLVM 8 or newer) and finds none; "
                "install it, or name its file in DRJIT_LIBLLVM_PATH"
            )
        import drjit.llvm.ad

        drjit.set_thread_count(1)  # the order in which threads add up is not fixed
        self._drjit = drjit
        self._arrays = Arrays(drjit.llvm.ad)
        self._namespace = namespace(self._arrays)

    @property
    def namespace(self) -> Any:
        return self._namespace

    def from_numpy(self, array: NDArray[Any], device: str) -> Any:
        if device not in self.devices():
            raise Unsupported(f"Dr.Jit sees no device '{device}' here")
        if array.dtype.kind == "c":
            raise Unsupported("Dr.Jit has no tensors of complex numbers")
        # Constants that a case creates belong beside its inputs, and are as precise as they are.
        self._arrays.use(self._module(device), array.dtype)
        return self._arrays.kind(array.dtype)(np.array(array, order="C"))

    def _module(self, device: str) -> Any:
        if device == "cpu":
            return self._drjit.llvm.ad
        import drjit.cuda.ad

        return drjit.cuda.ad

    def to_numpy(self, array: Any) -> NDArray[Any]:
        return np.array(self._drjit.detach(array).numpy())

    def placement(self, array: Any) -> tuple[str, str]:
        device = "cuda" if self._drjit.backend_v(array) == self._drjit.JitBackend.CUDA else "cpu"
        return device, self._drjit.type_v(array).name.lower()

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        dr = self._drjit
        x = self._variables(x)
        y = f(*x)
        for array, tangent in zip(x, v, strict=True):
            dr.set_grad(array, tangent)
            dr.enqueue(dr.ADMode.Forward, array)
        # One output may be made of another: nothing is cleared on the way.
        dr.traverse(dr.ADMode.Forward, dr.ADFlag.ClearNone)
        return self._values(y), tuple(self._gradient(t) for t in y)

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        dr = self._drjit
        x = self._variables(x)
        y = f(*x)
        for array, cotangent in zip(y, w, strict=True):
            if dr.grad_enabled(array):
                dr.accum_grad(array, cotangent)  # the same array may be there twice
                dr.enqueue(dr.ADMode.Backward, array)
        dr.traverse(dr.ADMode.Backward, dr.ADFlag.ClearNone)
        return self._values(y), tuple(self._gradient(t) for t in x)

    def _variables(self, x: Native) -> Native:
        if any(map(self._drjit.grad_enabled, x)):
            raise Unsupported("Dr.Jit has no derivatives of derivatives")
        variables = tuple(map(self._drjit.detach, x))
        for array in variables:
            self._drjit.enable_grad(array)
        return variables

    def _values(self, y: Native) -> Native:
        return tuple(map(self._drjit.detach, y))

    def _gradient(self, array: Any) -> Any:
        if not self._drjit.grad_enabled(array):
            return self.zeros_like(self._drjit.detach(array))
        return self._drjit.grad(array)

    def custom_rule(self, rule: Rule) -> Callable[..., Any]:
        dr = self._drjit

        class Stated(dr.CustomOp):  # type: ignore[misc, name-defined]
            def eval(self, x: Native) -> Any:
                self.x = x
                return rule.primal(*x)

            def forward(self) -> None:
                self.set_grad_out(rule.pushforward(self.x, self.grad_in("x")))

            def backward(self) -> None:
                self.set_grad_in("x", rule.pullback(self.x, self.grad_out()))

        return lambda *x: dr.custom(Stated, x)

    def synchronize(self, result: Any) -> None:
        self._drjit.eval(result)
        self._drjit.sync_thread()

    def card(self, device: str) -> Mapping[str, str]:
        version = self._drjit.detail.cuda_version()
        known = isinstance(version, tuple | list)
        return {
            "cuda": ".".join(map(str, version)) if known else str(version),
            "tf32": "off, without a switch",
            "deterministic": "off, without a switch",  # sums of scatters in any order
        }

    def devices(self) -> tuple[str, ...]:
        cuda = self._drjit.has_backend(self._drjit.JitBackend.CUDA)
        return ("cpu", "cuda") if cuda else ("cpu",)

    def settings(self) -> dict[str, str]:
        llvm = ".".join(map(str, self._drjit.detail.llvm_version()))
        return {"llvm": llvm, "threads": "1", "default float": "of the inputs"}
