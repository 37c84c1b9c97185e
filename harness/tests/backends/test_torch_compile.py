"""What only a compiler can do wrong: run eagerly in silence, or depend on what came before."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradtier.backends.torch_compile import TorchCompile

HARNESS = Path(__file__).parents[2]
START = """
import json, sys
from gradtier.backends.torch_compile import TorchCompile
adapter = TorchCompile(compiler="aot_eager")
torch, xp = adapter._torch, adapter.namespace
x, one = (adapter.from_numpy(torch.full((3,), t).numpy(), "cpu") for t in (0.5, 1.0))
"""
MANY = """
seen = []
def scaled(scale):  # one code object, many derivatives
    def f(t):
        seen.append(torch.compiler.is_compiling())
        return (t * scale,)
    return adapter.compile(lambda x: adapter.pullback(f, (x,), (one,))[1])
ready = [scaled(float(i)) for i in range(12)]
for _ in range(2):
    answers = [float(f(x)[0][0]) for f in ready]
print(json.dumps([answers, len(seen), all(seen)]))
"""
ORDER = """
x, u, v = (
    tuple(adapter.from_numpy(torch.full((2, 3), t).double().numpy(), "cpu") for t in pair)
    for pair in ((0.5, 1.0), (1.0, 2.0), (3.0, 4.0))
)
def f(a, b):
    return xp.sum(a), 0.5 * xp.matmul(a, b.mT)
def inner(*y):
    return adapter.pushforward(f, y, u)[1]
first = adapter.compile(lambda *x: adapter.pushforward(f, x, u)[1])(*x)
second = adapter.compile(lambda *x: adapter.pushforward(inner, x, v)[1])(*x)
print(json.dumps([float(first[1][0, 0]), float(second[1][0, 0])]))
"""
NUMBERS = """
found = []
for f in (
    lambda t: xp.maximum(t, 0.25) + xp.maximum(0.75, t) + xp.minimum(t, 1),
    lambda t: xp.logaddexp(0.0, t) + xp.atan2(t, 2) + xp.hypot(1, t),
    lambda t: xp.where(xp.less(0, t), t, 2.0 * t),
):
    whole = lambda x: adapter.pullback(lambda t: (f(t),), (x,), (one,))[1]
    found.append([float(whole(x)[0][0]), float(adapter.compile(whole)(x)[0][0])])
print(json.dumps(found))
"""

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch is not installed"
)


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", START + code],
        env={
            **os.environ,
            **TorchCompile.environment,
            "PYTHONPATH": str(HARNESS),
            "PYTHONWARNINGS": "ignore",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def answer(code):
    done = python(code)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.integration
@needs_torch
def test_many_derivatives_of_one_function_would_reach_dynamos_limit_if_they_shared_it():
    answers, runs, compiled = answer(MANY)
    assert answers == [float(i) for i in range(12)]
    assert runs and compiled, "a derivative was run eagerly"


@pytest.mark.integration
@needs_torch
def test_a_pushforward_would_break_the_next_one_around_a_pushforward_if_they_shared_a_cache():
    assert answer(ORDER) == [3.0, 15.0]


@pytest.mark.integration
@needs_torch
def test_a_python_number_would_be_declined_by_dynamo_if_it_reached_result_type():
    for eager, compiled in answer(NUMBERS):
        assert eager == pytest.approx(compiled)


@pytest.mark.integration
@needs_torch
def test_a_switched_off_compiler_would_run_eagerly_in_silence_if_this_started():
    done = python("", TORCHDYNAMO_DISABLE="1")
    assert "ImportError: torch.compile is switched off here" in done.stderr


@pytest.mark.integration
@needs_torch
def test_a_missing_cpp_compiler_would_be_blamed_on_every_case_if_this_started():
    done = python('TorchCompile(compiler="inductor")', CXX="no-such-compiler")
    assert "ImportError: torch.compile needs a C++ compiler" in done.stderr


def test_a_misspelt_compiler_is_answered_before_the_library_is_imported():
    with pytest.raises(ValueError, match="expected 'inductor' or 'aot_eager'"):
        TorchCompile(compiler="indctor")


REFUSALS = [
    "Unsupported: Data-dependent branching\n  Explanation: Detected data-dependent branching",
    "UserError: Could not guard on data-dependent expression Eq(u0, 0) (unhinted: Eq(u0, 0))",
    "UserError: Could not extract specialized integer from data-dependent expression u0",
]
FAULTS = [
    "Unsupported: Observed exception\n  Explanation: ...: raised exception ValueError('mistake')",
    "TorchRuntimeError: RuntimeError when making fake tensor call ... unsupported operand type(s)",
    "UserError: a mistake in the case",
]


@pytest.mark.parametrize(
    ("words", "declined"), [(w, True) for w in REFUSALS] + [(w, False) for w in FAULTS]
)
def test_dynamos_refusals_would_be_shown_as_failures_or_faults_excused_if_this_failed(
    words, declined
):
    name, _, text = words.partition(": ")
    error = type(name, (RuntimeError,), {})(text)
    assert TorchCompile.declines(object.__new__(TorchCompile), error) is declined
