"""A derivative rule of a user's own is what each library uses; one process a library."""

import functools
from pathlib import Path

import numpy as np
import pytest
from library_process import asked

HERE = Path(__file__).parent
ADAPTERS = {
    "jax": ("gradtier.backends.jax:Jax", "{}"),
    "jax-vjp": ("gradtier.backends.jax:Jax", '{"rule": "vjp"}'),
    "jax-jit": ("gradtier.backends.jax:Jax", '{"jit": true}'),
    "torch-autograd": ("gradtier.backends.torch:TorchAutograd", "{}"),
    "torch-func": ("gradtier.backends.torch:TorchFunc", "{}"),
    "torch-forward": ("gradtier.backends.torch:TorchForwardAD", "{}"),
    "torch-compile": ("gradtier.backends.torch_compile:TorchCompile", '{"compiler": "aot_eager"}'),
    "tensorflow": ("gradtier.backends.tensorflow:TensorFlow", "{}"),
    "tensorflow-function": ("gradtier.backends.tensorflow:TensorFlow", '{"function": true}'),
    "autograd": ("gradtier.backends.autograd:Autograd", "{}"),
}
EVERY = {f"{m}/{n}" for m in ("forward", "reverse") for n in ("none", "forward", "reverse")}
FORWARD = {"forward/none", "forward/forward", "forward/reverse", "reverse/forward"}
# What a library is known to decline; whatever else it declines is a loss.
DECLINED = {
    "jax-vjp": FORWARD,
    "torch-autograd": FORWARD - {"reverse/forward"},
    "torch-forward": {"forward/forward", "reverse/none", "reverse/forward", "reverse/reverse"},
}
# What a library gets wrong without a word. PyTorch takes the tangent of an autograd.Function for a
# constant in the pushforward around it; TensorFlow's accumulators differentiate the primal.
WRONG = {
    "torch-func": {"forward/forward"},
    "tensorflow": FORWARD,
    "tensorflow-function": FORWARD,
}
RAISES = {"torch-compile"}  # Dynamo can't bind the arguments of an autograd.Function in torch.func
TRIALS = [(key, maps) for key in ADAPTERS for maps in sorted(EVERY)]


@functools.cache
def found(key):
    return asked(HERE / "custom_rules.py", ADAPTERS[key][0], *ADAPTERS[key])


@pytest.mark.parametrize(("key", "maps"), TRIALS)
def test_a_primal_would_be_differentiated_behind_the_back_of_its_rule_if_this_failed(key, maps):
    result = found(key)[maps]
    if maps in DECLINED.get(key, ()):
        assert result["ended"] == "declined", result
        return
    if key in RAISES:
        assert result["ended"] == "raised", result
        return
    assert result["ended"] == "answered", result
    right = all(map(np.allclose, result["answer"], result["expected"]))
    assert right is (maps not in WRONG.get(key, ())), result


@pytest.mark.parametrize("key", ADAPTERS)
@pytest.mark.parametrize("maps", ["forward/none", "reverse/none"])
def test_a_value_would_not_be_the_primals_if_this_failed(key, maps):
    result = found(key)[maps]
    if result["ended"] == "answered":
        np.testing.assert_allclose(result["value"], [0.10567195297964463, 0.06640262856798072])


@pytest.mark.parametrize(("key", "maps"), TRIALS)
def test_a_rule_would_be_computed_more_often_than_needed_if_this_failed(key, maps):
    result = found(key)[maps]
    calls = result["calls"]
    assert calls.get("primal", 0) <= 1
    if result["ended"] != "answered":
        return
    stated = calls.get("pushforward", 0) + calls.get("pullback", 0)
    assert stated == (1 if maps.endswith("/none") else 2)
