"""PyTorch: the tangent of a tangent of cumprod is wrong where elements are zero"""

import sys

import torch

x = torch.tensor([0.0, 1.5, 0.0], dtype=torch.float64)
v = torch.ones_like(x)


def f(x):
    return torch.cumprod(x, 0)


got = torch.func.jvp(lambda x: torch.func.jvp(f, (x,), (v,))[1], (x,), (v,))[1]
expected = torch.tensor([0.0, 2.0, 3.0], dtype=torch.float64)  # of t, t (1.5 + t), t**2 (1.5 + t)
print(f"torch {torch.__version__}: got {got.tolist()}; it is {expected.tolist()}")
sys.exit(int(not torch.allclose(got, expected)))
