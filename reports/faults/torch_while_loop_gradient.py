"""PyTorch: the gradient of torch.while_loop is that of one step only"""

import sys

import torch


def f(x):  # x**3, elementwise
    start = (torch.tensor(0), torch.ones_like(x))
    return torch.while_loop(lambda n, y: n < 3, lambda n, y: (n + 1, y * x), start)[1].sum()


x = torch.tensor([0.3, -0.4], dtype=torch.float64, requires_grad=True)
(got,) = torch.autograd.grad(f(x), x)
expected = 3 * x.detach() ** 2
print(f"torch {torch.__version__}: got {got.tolist()}; it is {expected.tolist()}")
sys.exit(int(not torch.allclose(got, expected)))
