"""Paddle: the gradient of group_norm without weight and bias is wrong"""

import sys

import numpy as np
import paddle

rng = np.random.default_rng(0)
data, w = rng.normal(size=(2, 2, 4, 3))


def gradient(**given):
    x = paddle.to_tensor(data, stop_gradient=False)
    y = paddle.nn.functional.group_norm(x, 2, **given)
    (y * paddle.to_tensor(w)).sum().backward()
    return x.grad.numpy()


one = {"weight": paddle.ones([4], dtype="float64"), "bias": paddle.zeros([4], dtype="float64")}
worst = np.abs(gradient() - gradient(**one)).max()
print(f"paddle {paddle.__version__}: differs from weight 1 and bias 0 by {worst:.3g}")
sys.exit(int(not worst < 1e-9))
