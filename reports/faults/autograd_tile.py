"""HIPS autograd: the gradient of tile is wrong where a matrix is repeated along its last axis"""

import sys
from importlib.metadata import version

import autograd
import autograd.numpy as anp
import numpy as np

rng = np.random.default_rng(0)
x, v = rng.normal(size=(2, 4, 3))
w = rng.normal(size=(4, 6))


def f(x):
    return anp.sum(anp.tile(x, 2) * w)


got, expected = np.sum(autograd.grad(f)(x) * v), f(v)  # it is linear
print(f"autograd {version('autograd')}: slope {got}; it is {expected}")
sys.exit(int(not np.isclose(got, expected)))
