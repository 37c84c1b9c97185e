"""A library's special functions have SciPy's names, arguments and values.

Run as a script with an adapter's path, this file prints one JSON object: the names of the library's
group, and for each of its calls what came of it; libraries do not share a process.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from library_process import asked as asked_of

HARNESS = Path(__file__).parents[2]
ADAPTERS = {
    "autograd": "gradtier.backends.autograd:Autograd",
    "casadi": "gradtier.backends.casadi:CasADi",
    "drjit": "gradtier.backends.drjit:DrJit",
    "jax": "gradtier.backends.jax:Jax",
    "mlx": "gradtier.backends.mlx:Mlx",
    "mygrad": "gradtier.backends.mygrad:MyGrad",
    "numpy": "gradtier.backends.numpy:NumPy",
    "paddle": "gradtier.backends.paddle:Paddle",
    "pytensor": "gradtier.backends.pytensor:PyTensor",
    "tensorflow": "gradtier.backends.tensorflow:TensorFlow",
    "tinygrad": "gradtier.backends.tinygrad:Tinygrad",
    "torch": "gradtier.backends.torch:TorchAutograd",
}
#: What is no function of ``scipy.special``.
NOT_SCIPYS = {"log1mexp"}

#: Real numbers, some below zero; some above zero; some between 0 and 1; a matrix.
ARRAYS = {
    "x": np.array([-2.25, -0.75, 0.5, 3.0]),
    "p": np.array([0.375, 1.0, 2.5, 7.0]),
    "q": np.array([1.5, 0.625, 4.0, 2.0]),
    "u": np.array([0.0625, 0.25, 0.5, 0.875]),
    "m": np.array([[0.5, -1.0, 2.0], [1.5, 3.0, -0.25]]),
    "w": np.array([[0.5, 1.0, 2.0], [1.5, 3.0, 0.25]]),
}
OF_ANY = (
    "dawsn erf erfc erfcx expit fresnel gammaln i0 i0e i1 i1e j0 j1 log_expit log_ndtr ndtr sinc"
)
OF_POSITIVE = "digamma entr exp1 expi gamma k0 k0e k1 k1e spence y0 y1"
OF_TWO = "betaln gammainc gammaincc kl_div rel_entr xlog1py xlogy"
OF_ORDER = "iv jv kv polygamma yv"
CALLS = [
    *(f"{name}(x)" for name in OF_ANY.split()),
    *(f"{name}(p)" for name in OF_POSITIVE.split()),
    *(f"{name}(p, q)" for name in OF_TWO.split()),
    *(f"{name}(2, p)" for name in OF_ORDER.split()),
    *("sinc(x)", "erfinv(u)", "logit(u)", "ndtri(u)", "log1mexp(-p)"),
    *("betainc(p, q, u)", "expn(2, p)", "hyp1f1(p, q, u)", "hyp2f1(p, q, p + q, u)"),
    *("owens_t(x, u)", "zeta(q + 1.0, p)", "polygamma(0, p)", "polygamma(1, p)"),
    *("gammaln(x - 0.125)", "digamma(x - 0.125)", "jv(0, p)", "jv(1, p)"),
    *("logsumexp(m)", "logsumexp(m, axis=0)", "logsumexp(m, axis=1, keepdims=True)"),
    *("logsumexp(m, axis=1, b=w)", "logsumexp(m, axis=(0, 1))"),
    *("softmax(m, axis=1)", "log_softmax(m, axis=1)", "softmax(m, axis=0)"),
]
#: What a library computes less exactly than to 1e-5, or not at all, as released.
KNOWN = {
    "tinygrad": {"logsumexp(m, axis=(0, 1))"},  # its logsumexp takes one axis or all
}
#: What a library says that it does not take.
DECLINED = {
    library: {"logsumexp(m, axis=1, b=w)"}
    for library in ("casadi", "mlx", "paddle", "pytensor", "tensorflow", "tinygrad", "torch")
}


def named(call):
    return call.partition("(")[0]


def outcome(adapter, group, expected, call):
    """Empty where the answer is SciPy's, else what is wrong with it."""
    arrays = {k: adapter.from_numpy(v, "cpu") for k, v in ARRAYS.items()}
    try:
        found = eval(f"s.{call}", {"s": group, **arrays})
        found = [adapter.to_numpy(a) for a in (found if isinstance(found, tuple) else (found,))]
    except Exception as error:
        said = f"{type(error).__name__}: {error}"[:200]
        return f"declined: {said}" if adapter.declines(error) else f"raised: {said}"
    for have, want in zip(found, expected, strict=True):
        if have.shape != want.shape or have.dtype != want.dtype:
            return f"{have.dtype} {have.shape} and not {want.dtype} {want.shape}"
        if not np.allclose(have, want, rtol=1e-5, atol=1e-12):
            return f"{have.tolist()} and not {want.tolist()}"
    return ""


def main(path):
    warnings.simplefilter("ignore")
    module, _, name = path.partition(":")
    kind = getattr(importlib.import_module(module), name)
    os.environ.update(kind.environment)
    try:
        adapter = kind()
    except ImportError as error:  # a library of the system that is not here
        print("\n" + json.dumps({"unavailable": str(error)}))
        return
    from gradtier.backends import numpy_special
    from gradtier.backends.natives import Group

    group, scipys = adapter.natives("special"), Group("numpy", "special", numpy_special.names())
    names = set(importlib.import_module(f"{kind.stem}_special").names())
    found = {}
    for call in CALLS:
        if named(call) in names:
            expected = eval(f"s.{call}", {"s": scipys, **ARRAYS})
            expected = expected if isinstance(expected, tuple) else (expected,)
            found[call] = outcome(adapter, group, [np.asarray(a) for a in expected], call)
    print("\n" + json.dumps({"names": sorted(names), "found": found}))


@functools.cache
def answers(library):
    return asked_of(__file__, ADAPTERS[library])


def asked(library):
    said = answers(library)
    if "unavailable" in said:
        pytest.skip(said["unavailable"])
    return said


every_library = pytest.mark.parametrize("library", ADAPTERS)


@every_library
def test_values_are_scipys_but_for_what_is_known(library):
    found, declined = asked(library)["found"], DECLINED.get(library, set())
    wrong = {call for call, said in found.items() if said and call not in declined}
    assert {call: found[call] for call in wrong ^ KNOWN.get(library, set())} == {}


@every_library
def test_a_library_declines_just_what_it_is_known_to(library):
    found = asked(library)["found"]
    declined = {call for call, said in found.items() if said.startswith("declined")}
    assert declined == DECLINED.get(library, set())


@every_library
def test_every_name_of_a_group_is_called_here(library):
    assert set(asked(library)["names"]) <= {named(call) for call in CALLS}


@every_library
def test_numpys_group_has_every_name_so_that_a_case_has_differences(library):
    assert set(asked(library)["names"]) <= set(asked("numpy")["names"])


def test_numpys_group_is_scipys():
    from scipy import special

    assert [n for n in asked("numpy")["names"] if n not in dir(special)] == sorted(NOT_SCIPYS)


def test_every_function_of_the_suite_is_in_numpys_group():
    from gradtier.cases import load_suite

    suite = load_suite("special", HARNESS.parent / "suites" / "special.py")
    sources = "".join(inspect.getsource(case.function) for case in suite.cases.values())
    used = {part.partition("(")[0] for part in sources.split("xp.special.")[1:]}
    assert used <= set(asked("numpy")["names"])


if __name__ == "__main__":
    main(sys.argv[1])
