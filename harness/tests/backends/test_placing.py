"""What a case creates lies beside its inputs, on a host with two devices.

A second device of the library's own stands for the card: where things are put, and what is the
default, follows the same rules there.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import numpy as np
import pytest
from library_process import asked


def through(adapter: Any, device: str, where: Any) -> list[str]:
    """Where a value, gradients and an evaluation are, of inputs on ``device``.

    The second input is not connected, and the function creates arrays without saying where.
    """
    xp = adapter.namespace
    dtype = np.float32
    x, y, w = (adapter.from_numpy(np.ones(3, dtype), device) for _ in range(3))

    def f(x: Any, y: Any) -> Any:
        count = xp.astype(xp.arange(3), x.dtype)
        return (
            x * count
            + xp.asarray([1.0, 2.0, 3.0], dtype=x.dtype)
            + xp.sum(xp.eye(2, dtype=x.dtype)),
        )

    both = adapter.compile(lambda x, w: adapter.pullback(f, x, w))((x, y), (w,))
    plain = adapter.compile(lambda x: adapter.evaluate(f, x))((x, y))
    made = adapter.compile(lambda x: (adapter.zeros_like(x), xp.zeros(3)))(x)
    return sorted({where(a) for leaves in (*both, plain, made) for a in leaves if a is not None})


def of_jax() -> dict[str, Any]:
    os.environ["XLA_FLAGS"] += " --xla_force_host_platform_device_count=2"
    from gradtier.backends.jax import Jax

    adapter = Jax()
    library = adapter._jax
    host, card = library.devices("cpu")

    class Two:
        """The library, whose second CPU is a card."""

        def __getattr__(self, name: str) -> Any:
            return getattr(library, name)

        def devices(self, name: str) -> Any:
            return [card if name == "cuda" else host]

    adapter._jax = Two()
    adapter.devices = lambda: ("cpu", "cuda")
    where = lambda a: ",".join(str(d.id) for d in a.devices())  # noqa: E731
    return {d: through(adapter, d, where) for d in ("cuda", "cpu")}


def of_tensorflow() -> dict[str, Any]:
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    from gradtier.backends.tensorflow import TensorFlow

    adapter = TensorFlow()
    adapter._card, adapter._places["cuda"] = True, "/CPU:1"
    where = lambda a: a.device[-1]  # noqa: E731
    return {d: through(adapter, d, where) for d in ("cuda", "cpu")}


def of_torch() -> dict[str, Any]:
    from gradtier.backends.torch import TorchAutograd

    adapter = TorchAutograd()
    adapter.devices = lambda: ("cpu", "meta")
    where = lambda a: a.device.type  # noqa: E731
    found: dict[str, Any] = {d: through(adapter, d, where) for d in ("meta", "cpu")}
    return {**found, "modes": len(adapter._torch.overrides._get_current_function_mode_stack())}


@pytest.mark.integration
@pytest.mark.parametrize(
    "adapter, where",
    [
        ("jax:Jax", {"cuda": ["1"], "cpu": ["0"]}),
        ("tensorflow:TensorFlow", {"cuda": ["1"], "cpu": ["0"]}),
        ("torch:TorchAutograd", {"meta": ["meta"], "cpu": ["cpu"], "modes": 0}),
    ],
)
def test_what_a_case_creates_is_not_on_another_device_than_its_inputs(
    adapter: str, where: dict[str, Any]
) -> None:
    name = adapter.partition(":")[0]
    assert asked(__file__, f"gradtier.backends.{adapter}", name) == where


if __name__ == "__main__":
    ways = {"jax": of_jax, "tensorflow": of_tensorflow, "torch": of_torch}
    print(json.dumps(ways[sys.argv[1]]()))
