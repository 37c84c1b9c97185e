"""HIPS autograd: the gradient of irfftn with norm="forward" is wrong"""

import sys
from importlib.metadata import version

import autograd
import autograd.numpy as anp
import numpy as np

rng = np.random.default_rng(0)
x, v = rng.normal(size=(2, 4, 3))
w = rng.normal(size=(4, 4))


def f(x):
    return anp.sum(anp.fft.irfftn(x + 0j, axes=(0, 1), norm="forward") * w)


got = np.sum(np.real(autograd.grad(f)(x)) * v)
expected = f(v)  # it is linear
print(f"autograd {version('autograd')}: slope {got}; it is {expected}")
sys.exit(int(not np.isclose(got, expected)))
