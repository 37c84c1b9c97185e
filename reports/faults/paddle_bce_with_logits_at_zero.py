"""Paddle: the gradient of binary_cross_entropy_with_logits at logit 0 is -0.75; it is 0.25"""

import sys

import paddle

x = paddle.to_tensor([0.0], dtype="float64", stop_gradient=False)
y = paddle.to_tensor([0.25], dtype="float64")
paddle.nn.functional.binary_cross_entropy_with_logits(x, y).backward()
got = float(x.grad.numpy()[0])
print(f"paddle {paddle.__version__}: got {got}; sigmoid(0) - 0.25 is 0.25")
sys.exit(int(abs(got - 0.25) > 1e-9))
