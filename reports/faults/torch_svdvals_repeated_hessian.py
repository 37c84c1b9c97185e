"""PyTorch: second derivatives of svdvals at repeated singular values are finite and wrong"""

import sys

import torch

h = torch.eye(4, dtype=torch.float64) - 0.5
a = h @ torch.diag(torch.tensor([1.0, 1, 1, 4], dtype=torch.float64)) @ h
v = torch.arange(16.0, dtype=torch.float64).reshape(4, 4) / 8 - 1


def f(m):
    return (torch.linalg.svdvals(m) ** 2).sum()  # the squared Frobenius norm: smooth


got = torch.autograd.functional.hvp(f, a, v)[1]
worst = (got - 2 * v).abs().max().item()
print(f"torch {torch.__version__}: the Hessian is twice the identity; H v is off by {worst:.3g}")
sys.exit(int(not worst < 1e-8))
