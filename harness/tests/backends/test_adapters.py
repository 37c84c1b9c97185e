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
AOT, XLA = '{"compiler": "aot_eager"}', '{"function": true, "xla": true}'
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
    "torch-compile": ("gradtier.backends.torch_compile:TorchCompile", AOT),
    "tensorflow-xla": ("gradtier.backends.tensorflow:TensorFlow", XLA),
    "paddle": ("gradtier.backends.paddle:Paddle", "{}"),
    "tinygrad": ("gradtier.backends.tinygrad:Tinygrad", "{}"),
    "enzyme": ("gradtier.backends.enzyme:Enzyme", "{}"),
    "jax-jet": ("gradtier.backends.jet:JaxJet", '{"jit": true}'),
    "cppad": ("gradtier.backends.cppad:CppAD", "{}"),
    "mlx": ("gradtier.backends.mlx:Mlx", "{}"),
    "mlx-compile": ("gradtier.backends.mlx:Mlx", '{"compile": true}'),
    "mygrad": ("gradtier.backends.mygrad:MyGrad", "{}"),
    "complex-step": ("gradtier.backends.complex_step:ComplexStep", "{}"),
}
LIBRARIES = {
    *("jax", "jaxlib", "torch", "tensorflow", "autograd", "array_api_compat", "keras"),
    *("enzyme_ad", "mlx", "pytensor", "casadi", "tinygrad", "mygrad", "paddle", "drjit"),
}
FIRST_ORDER = {
    *("forward_over_reverse", "reverse_over_reverse", "reverse_over_forward"),
    *("forward_over_forward", "a_second_derivative"),
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
    "torch-compile": {"a_branch", "an_integer_output"},
    "paddle": {"bfloat16"},
    "tinygrad": {
        *("a_branch", "a_complex", "forward_over_forward", "forward_over_reverse"),
        "reverse_over_forward",
    },
    "enzyme": {"a_branch", "a_complex"},
    "jax-jet": {
        *("a_branch", "a_second_derivative", "an_integer_output"),
        *("forward_over_reverse", "reverse_over_reverse"),
    },
    "cppad": {"a_complex", "bfloat16"},
    "mlx": {"a_complex"},
    "mlx-compile": {"a_complex", "a_branch"},
    "mygrad": FIRST_ORDER | {"a_complex", "bfloat16"},
    "complex-step": FIRST_ORDER | {"a_complex", "bfloat16"},
}
#: What a library is known to break; whoever keeps it again says so here.
KNOWN = {
    "mygrad": {"python_numbers"},  # they widen its float32
}
CHECKS = [
    line.split("(")[0].removeprefix("def check_")
    for line in (HERE / "contract.py").read_text(encoding="utf-8").splitlines()
    if line.startswith("def check_")
]


#: Whose process the contract would end (its `maximum` does, on some hosts): refusals alone.
ALONE = {"drjit": "gradtier.backends.drjit:DrJit"}


def adapter(key):
    module, _, name = (ALONE.get(key) or ADAPTERS[key][0]).partition(":")
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
    if "unavailable" in outcome(key):
        pytest.skip(outcome(key)["unavailable"])
    found = outcome(key)[f"check_{check}"]
    if found == "skip":
        refused = any(check.startswith(name) for name in REFUSED.get(key, ()))
        assert refused, f"{key} declines what it is known to offer"
        return
    if any(check.startswith(name) for name in KNOWN.get(key, ())):
        assert found, f"{key} keeps it now: take it out of KNOWN"
        pytest.xfail("the library's own fault")
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
    "paddle": [
        ValueError(
            "(InvalidArgument) The derivative of qr is not implemented when mode='complete'"
        ),
        RuntimeError(
            "one of the variables used in gradient computation has been modified "
            "by an inplace operation"
        ),
        RuntimeError("(Unavailable) The Op cumsum_grad doesn't have any grad op."),
        RuntimeError("(AlreadyExists) outputs contain duplicate tensor , please check"),
    ],
    "tinygrad": [
        TypeError("bad operand type for abs(): 'Tensor'"),
        IndexError("index dtype dtypes.bool is not supported"),
        TypeError("__bool__ on Tensor is not defined"),
    ],
    "enzyme": [
        RuntimeError("must be JIT'ed"),
        NotImplementedError("Batching rule for 'enzyme_primal' not implemented"),
        ValueError("INTERNAL: Failed to parse pipeline\nfailed:\ncould not compute the adjoint"),
        ValueError("Pipeline failed:\nUnsupported operation in reduction rev autodiff(1): "),
        ValueError("'complex.add' op operand #0 must be complex type with floating-point elements"),
    ],
    "drjit": [
        AttributeError("'TensorXf64' object has no attribute 'dtype'"),
        RuntimeError("drjit.llvm.ad.TensorXf64.__mod__(): failed (see above)."),
    ],
    "jax-jet": [KeyError(type("P", (), {"__repr__": lambda _: "custom_linear_solve"})())],
    "pytensor": [
        TypeError("complex argument not supported"),
        AssertionError(
            "Gradient of qr not implemented for m x n matrices with m > n and mode=full"
        ),
        TypeError("TensorVariable cannot be converted to Python boolean. Call `.astype(bool)`"),
        TypeError("TensorVariables cannot be converted to Python float. Call `.astype(float)`"),
        TypeError("TensorVariable does not support item assignment. Use the output of `x[i].set`"),
    ],
    "casadi": [
        RuntimeError("Cannot compute the truth value of a CasADi SXElem symbolic expression.")
    ],
    "cppad": [TypeError("operand 'Array' does not support ufuncs (__array_ufunc__=None)")],
    "mlx": [
        ValueError("[expm1] Not supported for complex64."),
        ValueError("[linalg::det] Complex inputs are not supported."),
        ValueError(
            "[linalg::inv] Arrays must have type float32 or float64. Received array with type "
            "complex64."
        ),
        ValueError("[Primitive::vjp] Not implemented for Cholesky."),
        ValueError("[gather_axis] Cannot calculate JVP with respect to indices."),
        RuntimeError("[scatter] JVP not yet implemented"),
        RuntimeError("JVP is not implemented for cumulative prod/min/max"),
        ValueError("[eval] Attempting to eval an array during function transformations like"),
    ],
    "mygrad": [
        TypeError("bad operand type for unary ~: 'Tensor'"),
        ValueError("<ufunc 'floor'> cannot involve non-constant mygrad tensors."),
        NotImplementedError("mygrad.linalg.norm does not support matrix norms"),
        TypeError("unsupported operand type(s) for %: 'Tensor' and 'int'"),
    ],
    "complex-step": [AttributeError("module 'numpy.linalg' has no attribute 'lu'")],
    "torch-forward": [RuntimeError("Nested forward mode AD is not supported at the moment")],
    "torch-func": [
        RuntimeError(
            "one of the variables needed for gradient computation has been modified by an inplace "
            "operation: [torch.DoubleTensor [4]]"
        ),
        RuntimeError(
            "index_reduce(): Double backward is unsupported for self and source containing "
            "multiple elements"
        ),
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
        ValueError("Value for attr 'T' of complex128 is not in the list of allowed values"),
        TypeError("Input `a` must have `float`-like `dtype` (saw complex128)."),
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
