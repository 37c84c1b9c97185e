"""A backend with a card that is not there: HIPS autograd, whose arrays are said to be on one.

The tests copy this file beside their matrix, where the workers find it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradtier.backends.autograd import Autograd
from gradtier.backends.base import Unsupported

#: How the pretended library behaves on its card; on the CPU it is always right, but for "both".
WAYS = (
    "right",
    "rounds",  # by one unit in the last place, on a card that can't be asked for its name
    "falls back",  # what is asked of the card is computed on the host
    "host derivative",  # the value is on the card, the derivative on the host
    "card wrong",  # one element of a derivative is wrong there
    "both",  # twice the derivative, on either device
    "sees none",  # a build without CUDA
    "full once",  # the card has no memory left, but for the second process
    "full and dies",  # for none, and the process ends
    "no host",  # on the CPU it says that memory ran out
)


#: How it says that it has no memory left.
SHORT = "PretendOutOfMemory: tried to allocate 2 GiB"


class Carded(Autograd):
    """HIPS autograd on a pretended card.

    Args:
        way: one of :data:`WAYS`.
    """

    shortages = (r"PretendOutOfMemory",)

    def __init__(self, way: str = "right") -> None:
        assert way in WAYS
        super().__init__()
        self._way, self._device, self._hosted = way, "cpu", []

    def devices(self) -> tuple[str, ...]:
        return ("cpu",) if self._way == "sees none" else ("cpu", "cuda")

    def card(self, device: str) -> Mapping[str, str]:
        if self._way == "rounds":
            raise RuntimeError("the driver is too old")
        return {"card": "Pretend 9000", "cuda": "99.1", "tf32": "off", "deterministic": "on"}

    def from_numpy(self, array: NDArray[Any], device: str) -> Any:
        if device not in self.devices():
            raise Unsupported(f"no device '{device}' here")
        self._device = device
        return super().from_numpy(array, "cpu")

    def placement(self, array: Any) -> tuple[str, str]:
        stays = self._way == "falls back" or any(array is kept for kept in self._hosted)
        return "cpu" if stays else self._device, super().placement(array)[1]

    def compile(self, f: Callable[..., Any]) -> Callable[..., Any]:
        def run(x: Any, seed: Any) -> Any:
            on_card = self._device == "cuda"
            if on_card:
                self._want_memory()
            value, answer = f(x, seed)
            if not on_card and self._way == "no host" and answer:
                raise ValueError(SHORT)
            if self._way == "both":
                return value, tuple(2.0 * np.asarray(a) for a in answer)
            if not on_card:
                return value, answer
            answer = tuple(np.array(a) for a in answer)  # not the caller's, nor a view
            if self._way == "host derivative":
                self._hosted = list(answer)
            if self._way == "rounds" and answer:
                answer = tuple(np.nextafter(a, np.inf) for a in answer)
            if self._way == "card wrong" and answer and answer[0].size:
                answer[0].flat[0] += 0.25
            return value, answer

        return run

    def _want_memory(self) -> None:
        if self._way == "full and dies":
            os.write(2, SHORT.encode())
            os._exit(7)
        mark = os.path.join(os.environ.get("GRADTIER_CACHE", ""), "full-once")
        if self._way == "full once" and not os.path.exists(mark):
            os.makedirs(os.path.dirname(mark), exist_ok=True)
            with open(mark, "w", encoding="ascii"):
                pass
            raise RuntimeError(SHORT)
