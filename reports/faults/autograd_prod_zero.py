"""HIPS autograd: the gradient of prod is NaN where an element is zero"""

import sys
from importlib.metadata import version

import autograd
import autograd.numpy as anp
import numpy as np

got = autograd.grad(anp.prod)(np.array([2.0, 0.0, 3.0]))
print(f"autograd {version('autograd')}: got {got}; it is [0, 6, 0]")
sys.exit(int(not np.allclose(got, [0.0, 6.0, 0.0])))
