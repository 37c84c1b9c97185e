"""JAX: ``jax.vjp`` and ``jax.jvp``, op by op or under ``jax.jit``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

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


class Jax(Adapter):
    """``jax.vjp`` and ``jax.jvp`` over ``jax.numpy``, in 64-bit mode.

    Without ``jit`` no function is compiled as a whole; ``jax.numpy`` still compiles its own parts.

    Args:
        jit: run the whole derivative, nested ones too, as one ``jax.jit`` program.
        rule: which half of a user's derivative rule JAX is told: its pushforward, which JAX
            transposes for pullbacks, or its pullback, which declines pushforwards.
    """

    distributions: ClassVar[tuple[str, ...]] = ("jax", "jaxlib")
    stem: ClassVar = "gradtier.backends.jax"
    modules: ClassVar[tuple[str, ...]] = ("jax", "jaxlib", "ml_dtypes")
    environment: ClassVar = {
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        # Otherwise scatters, as in the gradient of an index, sum in another order every time.
        "XLA_FLAGS": "--xla_gpu_deterministic_ops=true",
    }
    complex_convention = "transpose"
    refusals: ClassVar[tuple[str, ...]] = (
        r"^Tracer(Bool|Integer|Array)ConversionError",
        r"^(ConcretizationType|NonConcreteBooleanIndex)Error",
        r"can't apply forward-mode (autodiff|differentiation) \(jvp\) to a custom_vjp function",
        r"Reverse-mode differentiation does not work for lax\.",
        r"Pure callbacks do not support JVP",
        r"IO callbacks do not support JVP",
        r"JAX arrays are immutable",
        r"^AttributeError: module 'jax\.numpy[\w.]*' has no attribute",
        r"Betainc gradient with respect to a and b not supported",
    )

    shortages: ClassVar = (*Adapter.shortages, r"RESOURCE_EXHAUSTED")

    def __init__(
        self, jit: bool = False, rule: Literal["jvp", "vjp"] = "jvp", **options: Any
    ) -> None:
        super().__init__(**options)
        if rule not in ("jvp", "vjp"):
            raise ValueError(f"rule is '{rule}'; expected 'jvp' or 'vjp'")
        import jax
        import jax.numpy

        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_default_matmul_precision", "highest")
        if cache := os.environ.get("GRADTIER_CACHE"):
            jax.config.update("jax_compilation_cache_dir", os.path.join(cache, "jax"))
            jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
            jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
        self._jax, self._jit, self._rule = jax, jit, rule

    @property
    def namespace(self) -> Any:
        return self._jax.numpy

    def from_numpy(self, array: NDArray[Any], device: str) -> Any:
        if device not in self.devices():
            raise Unsupported(f"JAX sees no device '{device}' here")
        place = self._jax.devices(device)[0]
        if len(self.devices()) > 1 and self._jax.config.jax_default_device != place:
            # What a case creates, and the zeros of an input that is not connected, belong beside
            # its inputs; JAX creates them on the card otherwise, whatever the inputs are on.
            self._jax.config.update("jax_default_device", place)
        # device_put may share the memory of what it is given, so it is given a copy.
        return self._jax.device_put(np.array(array, order="C"), place)

    def to_bfloat16(self, array: Any) -> Any:
        return array.astype(self._jax.numpy.bfloat16)

    def to_numpy(self, array: Any) -> NDArray[Any]:
        return np.array(array)

    def placement(self, array: Any) -> tuple[str, str]:
        (device,) = self._jax.numpy.asarray(array).devices()
        return {"gpu": "cuda"}.get(device.platform, device.platform), str(array.dtype)

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        y, dy = self._jax.jvp(f, x, v)
        return y, tuple(d if d.dtype == t.dtype else self.zeros_like(t) for t, d in _pairs(y, dy))

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        y, back = self._jax.vjp(f, *x)
        return y, back(tuple(self._cotangent(t, c) for t, c in _pairs(y, w)))

    def pullback_at(self, f: Function, x: Native) -> tuple[Native, Linear]:
        y, back = self._jax.vjp(f, *x)
        return y, lambda w: back(tuple(self._cotangent(t, c) for t, c in _pairs(y, w)))

    def over_seeds(self, linear: Linear, seeds: Native) -> Native:
        return self._jax.vmap(linear)(seeds)  # type: ignore[no-any-return]

    def _cotangent(self, output: Any, given: Any) -> Any:
        # JAX wants cotangents of its own dtype for integer and boolean outputs.
        if self._jax.numpy.issubdtype(self._jax.numpy.result_type(output), np.inexact):
            return given
        return np.zeros(np.shape(output), self._jax.dtypes.float0)

    def custom_rule(self, rule: Rule) -> Callable[..., Any]:
        if self._rule == "jvp":
            by_jvp = self._jax.custom_jvp(lambda *x: rule.primal(*x))
            by_jvp.defjvp(lambda x, dx: (by_jvp(*x), rule.pushforward(x, dx)))
            return by_jvp  # type: ignore[no-any-return]
        # Both call themselves, not the primal, so that an outer derivative uses the rule as well.
        by_vjp = self._jax.custom_vjp(lambda *x: rule.primal(*x))
        by_vjp.defvjp(lambda *x: (by_vjp(*x), x), lambda x, dy: tuple(rule.pullback(x, dy)))
        return by_vjp  # type: ignore[no-any-return]

    def compile(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return self._jax.jit(f) if self._jit else f

    def synchronize(self, result: Any) -> None:
        self._jax.block_until_ready(result)

    def memory(self, device: str, forget: bool = False) -> Allocated | None:
        found = self._jax.devices(device)[0].memory_stats()  # its peak is never forgotten
        if not found or "peak_bytes_in_use" not in found:
            return None
        return Allocated(found["bytes_in_use"], found["peak_bytes_in_use"])

    def card(self, device: str) -> Mapping[str, str]:
        found = self._jax.devices(device)[0]
        # "PJRT C API" and "cuda 12080" on two lines
        version = re.search(r"cuda (\d+)", str(found.client.platform_version))
        number = int(version.group(1)) if version else 0
        flags = os.environ.get("XLA_FLAGS", "").split()
        on = "--xla_gpu_deterministic_ops=true" in flags
        precision = self._jax.config.jax_default_matmul_precision
        return {
            "card": found.device_kind,
            "cuda": f"{number // 1000}.{number % 1000 // 10}" if number else "not said",
            "tf32": "off" if precision in ("highest", "float32") else f"by precision {precision}",
            "deterministic": "on" if on else "off",
        }

    def devices(self) -> tuple[str, ...]:
        return ("cpu", "cuda") if self._jax.default_backend() == "gpu" else ("cpu",)

    def settings(self) -> dict[str, str]:
        return {"x64": "on", "matmul precision": "highest", "jit": "on" if self._jit else "off"}


def _pairs(first: Native, second: Native) -> zip[tuple[Any, Any]]:
    return zip(first, second, strict=True)
