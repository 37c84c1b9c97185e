"""MLX: ``mx.vjp`` and ``mx.jvp`` over lazily evaluated graphs, or under ``mx.compile``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gradtier.backends.base import Adapter, Function, Native, Rule, Unsupported


class Mlx(Adapter):
    """Both modes, in any nesting, over a mapped namespace of ``mlx.core``.

    Arrays live in memory that all devices share; a device is where operations run.  So the device
    of a trial is MLX's default device, and :meth:`placement` reports that one.  MLX has float64 on
    the CPU alone, and no complex128 at all.

    Args:
        compile: run the whole derivative, nested ones too, as one ``mx.compile`` graph; on the CPU
            that needs ``g++`` when it runs.
    """

    distributions: ClassVar = ("mlx",)
    stem: ClassVar = "gradtier.backends.mlx"
    modules: ClassVar = ("mlx",)
    environment: ClassVar = {"OMP_NUM_THREADS": "1", "MLX_ENABLE_TF32": "0"}
    refusals: ClassVar = (
        r"\[Primitive::(vjp|jvp|vmap)\] Not implemented for \w+",
        r"JVP (is not|not yet) implemented",
        r"Cannot calculate (VJP|JVP) with respect to indices",
        r"boolean indices are not yet supported",
        r"\[eval\] Attempting to eval an array during function transformations",
        r"not yet supported on the GPU",
        r"float64 is not supported on the GPU",
        r"^AttributeError: 'mlx\.core\.array' object has no attribute",
        r"^ValueError: \[\w+\] Not supported for complex64",
        r"^ValueError: \[linalg::\w+\] Complex inputs are not supported",
        r"^ValueError: \[linalg::\w+\] .* must (have type|promote to) float32 or float64",
        r"VJP not implemented for scatter",
        r"\[Convolution::eval\] got unsupported data type",
    )

    shortages: ClassVar = (*Adapter.shortages, r"\[malloc\] Unable to allocate")

    def __init__(self, compile: bool = False, **options: Any) -> None:
        super().__init__(**options)
        import mlx.core

        from gradtier.backends.mlx_namespace import namespace

        mlx.core.set_default_device(mlx.core.cpu)
        self._mx, self._compile = mlx.core, compile
        self._namespace = namespace()

    @property
    def namespace(self) -> Any:
        return self._namespace

    def from_numpy(self, array: NDArray[Any], device: str) -> Any:
        if device not in self.devices():
            raise Unsupported(f"MLX sees no device '{device}' here")
        dtype = getattr(self._mx, {"bool": "bool_"}.get(array.dtype.name, array.dtype.name), None)
        if dtype is None:  # it would be narrowed in silence
            raise Unsupported(f"MLX has no {array.dtype.name}")
        if device != "cpu" and dtype == self._mx.float64:
            raise Unsupported("MLX has float64 on the CPU only")
        # Operations of a case, and those of its derivative, run where its inputs were asked for.
        self._mx.set_default_device(self._mx.cpu if device == "cpu" else self._mx.gpu)
        if array.size == 0:
            # From NumPy's buffer MLX (0.32.4) makes an empty array whose sum may never return.
            return self._mx.zeros(array.shape, dtype)
        return self._mx.array(np.array(array, order="C"), dtype=dtype)

    def to_bfloat16(self, array: Any) -> Any:
        return array.astype(self._mx.bfloat16)

    def to_numpy(self, array: Any) -> NDArray[Any]:
        wide = array.astype(self._mx.float32) if array.dtype == self._mx.bfloat16 else array
        return np.array(wide)

    def placement(self, array: Any) -> tuple[str, str]:
        device = "cpu" if self._mx.default_device().type == self._mx.cpu else "cuda"
        return device, str(array.dtype).removeprefix("mlx.core.")

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        y, dy = self._mx.jvp(f, list(x), list(v))
        return tuple(y), tuple(dy)

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        y, dx = self._mx.vjp(f, list(x), list(w))
        return tuple(y), tuple(dx)

    def custom_rule(self, rule: Rule) -> Callable[..., Any]:
        function = self._mx.custom_function(rule.primal)

        def vjp(x: Any, dy: Any, _: Any) -> Any:
            dx = rule.pullback(_several(x), dy)
            return dx if isinstance(x, tuple) else dx[0]

        def jvp(x: Any, dx: Any) -> Any:
            # MLX says None for an input that does not vary.
            pairs = zip(_several(x), _several(dx), strict=True)
            full = tuple(self._mx.zeros_like(a) if d is None else d for a, d in pairs)
            return rule.pushforward(_several(x), full)

        function.vjp(vjp)
        function.jvp(jvp)
        applied: Callable[..., Any] = function
        return applied

    def compile(self, f: Callable[..., Any]) -> Callable[..., Any]:
        compiled: Callable[..., Any] = self._mx.compile(f) if self._compile else f
        return compiled

    def synchronize(self, result: Any) -> None:
        self._mx.eval(result)

    def card(self, device: str) -> Mapping[str, str]:
        found = self._mx.device_info(self._mx.gpu)
        return {
            "card": str(found.get("device_name", "not said")),
            "tf32": "off" if os.environ.get("MLX_ENABLE_TF32") == "0" else "on",
            "deterministic": "off, without a switch",
        }

    def devices(self) -> tuple[str, ...]:
        # A build for Apple's GPUs calls its device gpu as well.
        return ("cpu", "cuda") if self._mx.cuda.is_available() else ("cpu",)

    def settings(self) -> dict[str, str]:
        return {"mx.compile": "on" if self._compile else "off", "tf32": "off"}


def _several(x: Any) -> Native:
    """The arguments that a rule is called with: MLX passes a single one bare."""
    return x if isinstance(x, tuple) else (x,)
