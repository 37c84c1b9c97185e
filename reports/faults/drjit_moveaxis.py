"""Dr.Jit: the gradient of an array times its own transpose is wrong"""

import sys
from importlib.metadata import version

import drjit as dr
import numpy as np
from drjit.llvm.ad import TensorXf64

data, w = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 10.0], [100.0, 1000.0]])
x = TensorXf64(data)
dr.enable_grad(x)
dr.backward(dr.sum(dr.moveaxis(x, 0, 1) * x * TensorXf64(w)))
got = np.array(dr.grad(x)).reshape(2, 2)
expected = data.T * (w + w.T)
print(f"drjit {version('drjit')}: got {got.tolist()}; it is {expected.tolist()}")
sys.exit(int(not np.allclose(got, expected)))
