"""PyTorch: reverse over forward of layer_norm is silently wrong"""

import sys

import torch

torch.manual_seed(0)
x, v, w = torch.randn(3, 2, 4, dtype=torch.float64)


def f(x):
    return (torch.nn.functional.layer_norm(x, (4,)) * w).sum()


got = torch.func.grad(lambda x: torch.func.jvp(f, (x,), (v,))[1])(x)
expected = torch.func.jvp(torch.func.grad(f), (x,), (v,))[1]
worst = (got - expected).abs().max().item()
print(f"torch {torch.__version__}: the two orders of one Hessian differ by {worst:.3g}")
sys.exit(int(worst > 1e-9))
