"""tinygrad: ``Tensor.gradient``, on graphs that are built lazily and run kernel by kernel."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gradtier.backends.base import Adapter, Function, Native, Rule, Unsupported


class Tinygrad(Adapter):
    """Reverse mode only; an input that is not connected has a zero gradient.

    Args:
        host: tinygrad's name of the device that stands for ``cpu``. ``PYTHON`` runs the kernels in
            Python and so gives the same numbers everywhere; ``CPU`` needs clang.
    """

    distributions: ClassVar = ("tinygrad",)
    stem: ClassVar = "gradtier.backends.tinygrad"
    modules: ClassVar = ("tinygrad",)
    environment: ClassVar = {
        "OMP_NUM_THREADS": "1",
        # No kernels kept on disk: what was compiled elsewhere must not decide here.
        "CACHELEVEL": "0",
        "CCACHE": "0",
        "ALLOW_TF32": "0",
    }
    refusals: ClassVar = (
        r"__bool__ on Tensor is not defined",
        r"failed to compute gradient for Ops\.",
        r"bad operand type for (abs\(\)|unary \+): 'Tensor'",
        r"^IndexError: index dtype dtypes\.bool is not supported",
        r"^AttributeError: 'Tensor' object has no attribute",
        r"can't setitem on a tensor with other uses",
    )

    def __init__(self, host: str = "PYTHON", **options: Any) -> None:
        super().__init__(**options)
        import tinygrad
        from tinygrad.helpers import DEV

        from gradtier.backends.tinygrad_namespace import namespace

        DEV.value = host
        self._tinygrad, self._target, self._host = tinygrad, DEV, host
        self._namespace, self._devices = namespace(), _devices(tinygrad.Device)

    @property
    def namespace(self) -> Any:
        return self._namespace

    def from_numpy(self, array: NDArray[Any], device: str) -> Any:
        if device not in self.devices():
            raise Unsupported(f"tinygrad sees no device '{device}' here")
        if array.dtype.kind == "c":
            raise Unsupported("tinygrad has no complex numbers")
        place = "CUDA" if device == "cuda" else self._host
        self._target.value = place  # constants that a case creates belong beside its inputs
        if array.dtype in (np.float32, np.float64):
            # What a case creates without a dtype is float32 otherwise.
            self._tinygrad.dtype.DEFAULT_FLOAT.value = str(array.dtype).upper()
        # A scalar would become a constant of the graph, one with every equal number in it.
        flat = np.array(array, order="C").reshape(-1)
        return self._tinygrad.Tensor(flat, device=place).reshape(array.shape).realize()

    def to_bfloat16(self, array: Any) -> Any:
        return array.cast(self._tinygrad.dtypes.bfloat16).realize()

    def to_numpy(self, array: Any) -> NDArray[Any]:
        return np.array(self._stored(array).numpy())

    def placement(self, array: Any) -> tuple[str, str]:
        place = self._stored(array).device
        device = {self._host: "cpu"}.get(place, place.lower())
        return device, _name(array.dtype)

    def _stored(self, array: Any) -> Any:
        """An array in memory: a constant, such as a zero gradient, has no device until then."""
        return array.clone(device=self._target.device) if array.device is None else array.realize()

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        raise Unsupported("tinygrad has no forward mode")

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        y = f(*x)
        found: list[Any] = [None] * len(x)
        for output, cotangent in zip(y, w, strict=True):
            if not output.is_floating_point():
                continue
            gradients = output.gradient(*x, gradient=cotangent)
            found = [g if s is None else s + g for s, g in zip(found, gradients, strict=True)]
        return y, tuple(found)

    def custom_rule(self, rule: Rule) -> Callable[..., Any]:
        tensor = self._tinygrad.Tensor

        def checked(*x: Any) -> Any:
            if len({array.uop for array in x}) < len(x):
                raise Unsupported("tinygrad passes equal arguments of a function as one")

            def pulled(cotangent: Any, call: Any) -> tuple[Any, ...]:
                # The function comes first, then its arguments, then what it closes over.
                _, *given = call.src
                inputs = tuple(map(tensor, given[: len(x)]))
                found = rule.pullback(inputs, tensor(cotangent))
                return *(d.uop for d in found), *[None] * (len(given) - len(x))

            stated = self._tinygrad.function(grad_fxn=pulled, allow_implicit=True)(rule.primal)
            return stated(*x)

        return checked

    def synchronize(self, result: Any) -> None:
        arrays = [a for leaves in result for a in leaves if a is not None]
        if arrays:
            arrays[0].realize(*arrays[1:])
            # that starts the kernels; on a card they run on after it
            self._tinygrad.Device[self._target.device].synchronize()

    def card(self, device: str) -> Mapping[str, str]:
        return {
            "architecture": str(self._tinygrad.Device["CUDA"].arch),
            "tf32": "off" if os.environ.get("ALLOW_TF32") == "0" else "on",
            "deterministic": "off, without a switch",
        }

    def devices(self) -> tuple[str, ...]:
        return self._devices

    def settings(self) -> dict[str, str]:
        return {"cpu": self._host, "default float": "of the inputs", "tf32": "off"}


def _devices(known: Any) -> tuple[str, ...]:
    """``cpu``, and ``cuda`` where tinygrad can open it."""
    with contextlib.suppress(Exception):  # whatever a driver that is not there raises
        return ("cpu", str(known["CUDA"].device).split(":")[0].lower())
    return ("cpu",)


def _name(dtype: Any) -> str:
    """NumPy's word for a dtype of tinygrad."""
    name = str(dtype).removeprefix("dtypes.")
    short = {"double": "float64", "float": "float32", "half": "float16", "int": "int32"}
    return {**short, "long": "int64", "short": "int16", "char": "int8", "uchar": "uint8"}.get(
        name, name
    )
