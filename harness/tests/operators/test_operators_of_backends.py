"""Every operator gives the right numbers on every backend; each library in a process of its own."""

import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gradtier.operators.lookup import adapter_class

HERE = Path(__file__).parent
HARNESS = HERE.parents[1]
MAIN = ("gradient", "pullback", "jacobian", "batched_jacobian", "hvp", "prepared_hvp")
#: Library -> its backends: name, options, checks (none means all). Those that take long to compile
#: are asked less.
LIBRARIES = {
    "autograd": [("autograd", {}, ())],
    "numpy": [("numpy:FiniteDifferences", {}, ("gradient", "pullback", "prepared_jacobian"))],
    "jax": [
        (
            "jax:Jax",
            {"jit": True},
            (*MAIN, "pushforward", "an_operator_inside_a_compiled_function"),
        ),
    ],
    "torch": [
        ("torch:TorchAutograd", {}, ()),
        ("torch:TorchForwardAD", {}, ()),
        ("torch:TorchFunc", {}, (*MAIN, "pushforward", "second_derivative", "laplacian")),
    ],
    "tensorflow": [
        ("tensorflow:TensorFlow", {}, ("gradient", "pushforward", "prepared_hvp")),
    ],
    "mlx": [("mlx", {}, ())],
    "casadi": [("casadi", {}, ())],
    "mygrad": [("mygrad", {}, ())],
    "pytensor": [("pytensor:PyTensor", {}, ("gradient", "hvp", "prepared_jacobian"))],
}
DIRECTLY = {"gradient", "derivative", "pushforward", "pullback", "hvp", "second_derivative"}
SECOND = {"hvp", "hessian", "laplacian", "second_derivative"}
#: Backend -> orders of a Hessian's product that it does not offer.
WITHOUT = {
    "numpy:FiniteDifferences": {
        *("forward-over-reverse", "reverse-over-reverse", "reverse-over-forward"),
    },
    "torch:TorchAutograd": {"reverse-over-forward", "forward-over-forward"},
    "torch:TorchForwardAD": {
        *("forward-over-reverse", "reverse-over-reverse", "forward-over-forward"),
    },
    "mygrad": {
        *("forward-over-reverse", "reverse-over-reverse"),
        *("reverse-over-forward", "forward-over-forward"),
    },
}
#: Backend -> operators of first order that are composed there.
COMPOSED = {
    "numpy:FiniteDifferences": {"gradient", "pullback"},
    "torch:TorchAutograd": {"derivative", "pushforward"},
    "torch:TorchForwardAD": {"gradient", "pullback"},
    "mygrad": {"derivative", "pushforward"},
}


@functools.cache
def examined(library):
    rows = LIBRARIES[library]
    kind = adapter_class(rows[0][0])
    if any(d not in kind.installed() for d in kind.distributions[:1]):
        pytest.skip(f"{library} is not installed")
    done = subprocess.run(
        [sys.executable, str(HERE / "agreement.py"), *map(json.dumps, rows)],
        env={**os.environ, "PYTHONPATH": str(HARNESS), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


BACKENDS = [
    pytest.param(library, i, id=f"{library}-{i}", marks=pytest.mark.integration)
    for library, rows in LIBRARIES.items()
    for i in range(len(rows))
]


@pytest.mark.parametrize(("library", "row"), BACKENDS)
def test_an_operator_would_be_wrong(library, row):
    found = examined(library)[row]
    name = LIBRARIES[library][row][0]
    for check, failure in found["checks"].items():
        if failure.startswith("unsupported:"):
            operator = re.search(r"can't do (\w+):", failure)[1]
            assert found["support"][operator][0] == "unsupported", f"{name}: {failure}"
        else:
            assert not failure, f"{name}: {check}: {failure}"


@pytest.mark.parametrize(("library", "row"), BACKENDS)
def test_support_would_not_tell_the_truth(library, row):
    found = examined(library)[row]
    name = LIBRARIES[library][row][0]
    lacking = WITHOUT.get(name, set())
    for order, (says, came) in found["orders"].items():
        expected = "unsupported" if order in lacking else "right"
        assert came == expected, f"{name}: {order}"
        assert (says == "unsupported") == (came == "unsupported"), f"{name}: {order}: {says}"
    for operator, (status, how) in found["support"].items():
        if operator in SECOND:
            assert (status == "unsupported") == (len(lacking) == 4), (operator, how)
        else:
            direct = operator in DIRECTLY - COMPOSED.get(name, set())
            assert status == ("direct" if direct else "composed"), (operator, how)
