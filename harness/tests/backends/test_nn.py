"""Every library's fused functions of neural networks are the functions that their names say.

The derivatives of a function that is another one by mistake of its mapping would look wrong, and
the library would be blamed.  So the values are compared with NumPy's, and what the libraries
themselves do differently is listed with its reason.
"""

import functools
from pathlib import Path

import pytest
from library_process import asked

HERE = Path(__file__).parent
LIBRARIES = {
    "jax": "gradtier.backends.jax:Jax",
    "torch": "gradtier.backends.torch:TorchAutograd",
    "tensorflow": "gradtier.backends.tensorflow:TensorFlow",
    "autograd": "gradtier.backends.autograd:Autograd",
    "mlx": "gradtier.backends.mlx:Mlx",
    "paddle": "gradtier.backends.paddle:Paddle",
    "pytensor": "gradtier.backends.pytensor:PyTensor",
    "tinygrad": "gradtier.backends.tinygrad:Tinygrad",
    "mygrad": "gradtier.backends.mygrad:MyGrad",
}
SINGLE = "computed in float32, or with constants of that precision"
ATTENTION = ("attention_masked", "attention_causal", "attention_saturated")
#: What a library is known to compute differently; whoever does it rightly again says so here.
KNOWN = {
    "jax": dict.fromkeys(ATTENTION, SINGLE),
    "tensorflow": dict.fromkeys((*ATTENTION, "ctc", "gelu", "gelu_tanh"), SINGLE),
    "paddle": {
        **dict.fromkeys(("hard_sigmoid", "resize_bilinear", "resize_bilinear_aligned"), SINGLE),
        **dict.fromkeys(("selu",), SINGLE),
        "log_softmax_saturated": "differences of logits beyond 64 are cut to 64",
        "cross_entropy_smoothed": "differences of logits beyond 64 are cut to 64",
    },
    "tinygrad": dict.fromkeys(("gelu", "resize_bilinear", "resize_bilinear_aligned"), SINGLE),
    "pytensor": {"logsumexp": "overflows"},
}
#: Libraries that have exp and products in the precision of float32 alone.
ROUGH = {"mlx": 1e-4}
#: How many cases a library has a function for, at least: a mapping that got lost would show.
ENOUGH = {
    **{"jax": 40, "torch": 59, "tensorflow": 43, "autograd": 3, "mlx": 37, "paddle": 54},
    **{"pytensor": 5, "tinygrad": 42, "mygrad": 10},
}

every_library = pytest.mark.parametrize("library", LIBRARIES)


@functools.cache
def outcome(library):
    path = LIBRARIES[library]
    return asked(HERE / "native_values.py", path, path, "fused", timeout=200)


@every_library
def test_its_functions_have_numpys_values_but_for_what_is_known(library):
    known = KNOWN.get(library, {})
    different = {k: v for k, v in outcome(library).items() if v not in ("equal", "missing")}
    if library in ROUGH:
        different = {k: v for k, v in different.items() if not _near(v, ROUGH[library])}
    assert set(different) == set(known), different


def _near(text, share):
    parts = text.split("; ")
    return all(p.startswith("off by ") and float(p.split()[-1]) < share for p in parts)


@every_library
def test_the_functions_that_it_is_known_to_have_are_found(library):
    assert sum(found != "missing" for found in outcome(library).values()) >= ENOUGH[library]
