"""The groups ``control`` and ``updates``: NumPy's mean what they say, a library's the same."""

import functools
import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from library_process import asked

from gradtier.backends.numpy import NumPy
from gradtier.cases import load_suite

ROOT = Path(__file__).resolve().parents[3]
SUITES = ("structured", "mutation")
ADAPTERS = {
    "jax": "gradtier.backends.jax:Jax",
    "torch": "gradtier.backends.torch:TorchAutograd",
    "tensorflow": "gradtier.backends.tensorflow:TensorFlow",
    "autograd": "gradtier.backends.autograd:Autograd",
    "mlx": "gradtier.backends.mlx:Mlx",
    "paddle": "gradtier.backends.paddle:Paddle",
    "pytensor": "gradtier.backends.pytensor:PyTensor",
    "casadi": "gradtier.backends.casadi:CasADi",
    "tinygrad": "gradtier.backends.tinygrad:Tinygrad",
    "mygrad": "gradtier.backends.mygrad:MyGrad",
    "drjit": "gradtier.backends.drjit:DrJit",
}
# How many of the cases a library evaluates at least; what it has no function for it declines.
ANSWERED = {
    "jax": 36, "torch": 36, "tensorflow": 27, "autograd": 4, "mlx": 24, "paddle": 26,
    "pytensor": 18, "casadi": 13, "tinygrad": 15, "mygrad": 12, "drjit": 4,
}  # fmt: skip
VIEWS = {"mutation/write_through_view", "mutation/read_through_view"}
# Where indexing copies, a write does not reach the array that a view was taken of.
COPIES = {"mlx": VIEWS, "casadi": VIEWS, "paddle": VIEWS, "tinygrad": VIEWS}

control, updates = NumPy().natives("control"), NumPy().natives("updates")


def compared(adapter):
    """Case -> whether its values are NumPy's (None: not evaluated), for the cases of the suites."""
    found = {}
    for suite in SUITES:
        for case in load_suite(suite, ROOT / "suites" / f"{suite}.py").cases.values():
            free, fixed = case.draw()
            expected = case.bind(NumPy().extended(case.natives), fixed)(*free)
            native = [tuple(adapter.from_numpy(a, "cpu") for a in part) for part in (free, fixed)]
            try:
                values = case.bind(adapter.extended(case.natives), native[1])(*native[0])
                values = list(map(adapter.to_numpy, values))
            except Exception:  # whatever the library declines with
                found[case.id] = None
                continue
            pairs = zip(values, expected, strict=True)
            found[case.id] = all(a.shape == np.shape(b) and np.allclose(a, b) for a, b in pairs)
    return found


@functools.cache
def measured(key):
    return asked(__file__, ADAPTERS[key], timeout=120, may_lack=True)


@pytest.mark.parametrize("key", ADAPTERS)
def test_a_librarys_own_functions_mean_what_numpys_do(key):
    differing = {case for case, same in measured(key).items() if same is False}
    assert differing <= COPIES.get(key, set())


@pytest.mark.parametrize("key", ADAPTERS)
def test_a_librarys_own_functions_are_found(key):
    assert sum(same is True for same in measured(key).values()) >= ANSWERED[key]


def test_scan_hands_on_its_carry_and_stacks_its_outputs():
    carry, ys = control.scan(lambda c, x: (c + x, c * x), np.float64(1.0), np.arange(1.0, 4.0))
    assert carry == 7.0
    assert ys.tolist() == [1.0, 4.0, 12.0]


def test_scan_over_nothing_returns_its_carry():
    assert control.scan(lambda c, x: (c + x, c), 2.0, np.zeros(0)) == (2.0, None)


def test_scan_of_pytrees():
    def step(carry, row):
        return {"n": carry["n"] + 1, "s": carry["s"] + row[0]}, (row[1], row[0])

    carry, (first, second) = control.scan(
        step, {"n": 0, "s": 0.0}, (np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    )
    assert carry == {"n": 2, "s": 3.0}
    assert first.tolist() == [3.0, 4.0]
    assert second.tolist() == [1.0, 2.0]


def test_loops_and_branches():
    assert control.while_loop(lambda s: s < 10, lambda s: 2 * s, 3) == 12
    assert control.fori_loop(4, lambda i, s: s + i, 1) == 7
    assert control.cond(np.True_, lambda a: a, lambda a: -a, 5) == 5
    assert control.switch(np.array(1), [lambda a: a, lambda a: -a], 5) == -5


def test_mapped_functions():
    x, y = np.arange(6.0).reshape(3, 2), np.arange(3.0)
    assert control.vmap(lambda a, b: a * b)(x, y).tolist() == (x * y[:, None]).tolist()
    assert control.map(np.sum, x).tolist() == [1.0, 5.0, 9.0]
    assert control.associative_scan(np.add, x).tolist() == np.cumsum(x, axis=0).tolist()


def test_updates_leave_their_argument_alone():
    x = np.arange(4.0)
    assert updates.put(x, np.array([-1, 0]), np.array([7.0, 8.0])).tolist() == [8.0, 1.0, 2.0, 7.0]
    assert updates.put_slice(x, (1,), np.array([7.0, 8.0])).tolist() == [0.0, 7.0, 8.0, 3.0]
    assert updates.put_mask(x, x > 1.0, np.array([7.0, 8.0])).tolist() == [0.0, 1.0, 7.0, 8.0]
    assert x.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_combining_updates_take_every_duplicate():
    x, index, v = np.ones(2), np.array([0, 0]), np.array([2.0, 3.0])
    assert updates.add(x, index, v).tolist() == [6.0, 1.0]
    assert updates.multiply(x, index, v).tolist() == [6.0, 1.0]
    assert updates.maximum(x, index, v).tolist() == [3.0, 1.0]
    assert updates.minimum(x, index, -v).tolist() == [-3.0, 1.0]


def test_segments():
    x, ids = np.array([2.0, 3.0, -1.0]), np.array([0, 0, 1])
    assert updates.segment_sum(x, ids, 3).tolist() == [5.0, -1.0, 0.0]
    assert updates.segment_prod(x, ids, 3).tolist() == [6.0, -1.0, 1.0]
    assert updates.segment_max(x, ids, 2).tolist() == [3.0, -1.0]


if __name__ == "__main__":
    module, _, name = sys.argv[1].partition(":")
    print(json.dumps(compared(getattr(importlib.import_module(module), name)())))
