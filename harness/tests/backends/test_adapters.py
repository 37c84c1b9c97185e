"""Every adapter keeps the contract of ``base.py``; each library in a process of its own."""

import functools
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HARNESS = HERE.parents[1]
ADAPTERS = {
    "jax": ("gradtier.backends.jax:Jax", "{}"),
    "jax-jit": ("gradtier.backends.jax:Jax", '{"jit": true}'),
    "torch-autograd": ("gradtier.backends.torch:TorchAutograd", "{}"),
    "torch-func": ("gradtier.backends.torch:TorchFunc", "{}"),
    "torch-forward": ("gradtier.backends.torch:TorchForwardAD", "{}"),
    "tensorflow": ("gradtier.backends.tensorflow:TensorFlow", "{}"),
    "tensorflow-function": ("gradtier.backends.tensorflow:TensorFlow", '{"function": true}'),
    "autograd": ("gradtier.backends.autograd:Autograd", "{}"),
    "pytensor": ("gradtier.backends.pytensor:PyTensor", "{}"),
    "pytensor-grad": ("gradtier.backends.pytensor:PyTensor", '{"scalar": true}'),
    "casadi": ("gradtier.backends.casadi:CasADi", "{}"),
}
LIBRARIES = {
    *("jax", "jaxlib", "torch", "tensorflow", "autograd", "array_api_compat", "keras"),
    *("enzyme_ad", "mlx", "pytensor", "casadi", "tinygrad", "mygrad", "paddle", "drjit"),
}
# What a backend is known to decline; whatever else it declines is a loss.
REFUSED = {
    "torch-autograd": {"reverse_over_forward", "forward_over_forward"},
    "torch-func": {"an_integer_output"},
    "torch-forward": {
        *("forward_over_reverse", "reverse_over_reverse", "forward_over_forward"),
        "a_second_derivative",
    },
    "jax-jit": {"a_branch"},
    "autograd": {"an_integer_output", "bfloat16"},
    "pytensor": {"a_branch", "a_complex", "bfloat16"},
    "pytensor-grad": {"a_branch", "a_complex", "bfloat16"},
    "casadi": {"a_branch", "a_complex", "an_integer_output", "bfloat16", "float32"},
}
CHECKS = [
    line.split("(")[0].removeprefix("def check_")
    for line in (HERE / "contract.py").read_text(encoding="utf-8").splitlines()
    if line.startswith("def check_")
]


def adapter(key):
    module, _, name = ADAPTERS[key][0].partition(":")
    return getattr(importlib.import_module(module), name)


def python(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(HARNESS), "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@functools.cache
def outcome(key):
    done = python(str(HERE / "contract.py"), *ADAPTERS[key])
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("key", ADAPTERS)
@pytest.mark.parametrize("check", CHECKS)
def test_the_contract_is_kept_so_that(check, key):
    if not adapter(key).installed():
        pytest.skip(f"{key} is not installed")
    found = outcome(key)[f"check_{check}"]
    if found == "skip":
        refused = any(check.startswith(name) for name in REFUSED.get(key, ()))
        assert refused, f"{key} declines what it is known to offer"
        return
    assert not found, found


@pytest.mark.parametrize(
    "module", sorted({path.partition(":")[0] for path, _ in ADAPTERS.values()})
)
def test_planning_would_start_a_library_if_importing_an_adapter_imported_it(module):
    beside = Path(__import__(module, fromlist=["x"]).__file__).parent
    names = [f"gradtier.backends.{file.stem}" for file in sorted(beside.glob("*.py"))]
    code = "import sys; [__import__(n) for n in sys.argv[1:]]; print(*sys.modules)"
    done = python("-c", code, *names)
    assert done.returncode == 0, done.stderr
    assert not LIBRARIES & set(done.stdout.split())


@pytest.mark.parametrize("key", ADAPTERS)
def test_a_misspelt_option_would_be_ignored_if_this_passed(key):
    with pytest.raises(TypeError, match="takes no option turbo"):
        # The base class answers before the library is imported.
        adapter(key)(turbo=True)


REFUSALS = {
    "torch-forward": [RuntimeError("Nested forward mode AD is not supported at the moment")],
    "torch-func": [
        AttributeError("module 'array_api_compat.torch' has no attribute 'cbrt'"),
        ValueError("step must be greater than zero"),
        RuntimeError("derivative for aten::floor_divide is not implemented"),
    ],
    "jax-jit": [
        TypeError("can't apply forward-mode autodiff (jvp) to a custom_vjp function."),
        ValueError("Reverse-mode differentiation does not work for lax.while_loop"),
        AttributeError("module 'jax.numpy.linalg' has no attribute 'lu'"),
        ValueError("Pure callbacks do not support JVP. Please use custom_jvp."),
    ],
    "tensorflow": [
        LookupError("gradient registry has no entry for: Foo"),
        TypeError("'SymbolicTensor' object does not support item assignment"),
        ValueError("XLA compilation requires a fixed tensor list size. Set the max number"),
    ],
    "autograd": [
        NotImplementedError("JVP of solve wrt argnums (0,) not defined"),
        TypeError("'ArrayBox' object does not support item assignment"),
    ],
}
FAULTS = [
    TypeError("unsupported operand type(s) for +: 'int' and 'NoneType'"),
    ValueError("operands could not be broadcast together"),
    AttributeError("'dict' object has no attribute 'shape'"),
    AttributeError("module 'math' has no attribute 'sine'"),
    KeyError("x"),
    RuntimeError("out of memory"),
]


@pytest.mark.parametrize("key", REFUSALS)
def test_a_refusal_would_be_shown_as_a_failure_unless_recognised(key):
    kind = adapter(key)
    for error in REFUSALS[key]:
        assert kind.declines(object.__new__(kind), error), error


@pytest.mark.parametrize("key", ADAPTERS)
def test_a_fault_would_be_excused_as_a_refusal_if_recognised(key):
    kind = adapter(key)
    for error in FAULTS:
        assert not kind.declines(object.__new__(kind), error), error
