"""Paddle: the gradient of the product of complex numbers is wrong"""

import sys

import numpy as np
import paddle

z = np.array([1.0 + 2j, 0.5 - 1j, -1.5 + 0.25j])
x = paddle.to_tensor(z, stop_gradient=False)
paddle.prod(x).real().backward()
got = x.grad.numpy()
rest = np.array([z[1] * z[2], z[0] * z[2], z[0] * z[1]])  # holomorphic: conj(f') for Re f
print(f"paddle {paddle.__version__}: got {got}; it is {np.conj(rest)}")
sys.exit(int(not (np.allclose(got, np.conj(rest)) or np.allclose(got, rest))))
