"""HIPS autograd: the gradient of rfft is wrong where the transform is padded"""

import sys
from importlib.metadata import version

import autograd
import autograd.numpy as anp
import numpy as np

rng = np.random.default_rng(0)
x, v = rng.normal(size=(2, 6))
w, u = rng.normal(size=(2, 5))


def f(x):
    y = anp.fft.rfft(x, n=8)
    return anp.sum(anp.real(y) * w) + anp.sum(anp.imag(y) * u)


got = autograd.grad(f)(x) @ v
expected = f(v)  # it is linear
print(f"autograd {version('autograd')}: slope {got}; it is {expected}")
sys.exit(int(not np.isclose(got, expected)))
