"""HIPS autograd: the gradient of float32 maximum(x, 0) is float64"""

import sys
from importlib.metadata import version

import autograd.numpy as np
from autograd import elementwise_grad

x = np.array([-1.0, 2.0], dtype=np.float32)
value, slope = np.maximum(x, 0.0), elementwise_grad(lambda x: np.maximum(x, 0.0))(x)
print(f"autograd {version('autograd')}: the value is {value.dtype}, its gradient {slope.dtype}")
sys.exit(int(slope.dtype != value.dtype))
