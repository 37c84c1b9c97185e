"""HIPS autograd: the gradient of the maximum norm is NaN"""

import sys
from importlib.metadata import version

import autograd
import autograd.numpy as anp
import numpy as np

got = autograd.grad(lambda x: anp.linalg.norm(x, np.inf))(np.array([1.0, -2.0, 0.5, 0.5]))
print(f"autograd {version('autograd')}: got {got}; it is [0, -1, 0, 0]")
sys.exit(int(not np.allclose(got, [0.0, -1.0, 0.0, 0.0])))
