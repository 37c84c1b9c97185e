"""torch.compile: a Hessian-vector product through index_select is wrong under inductor"""

import sys

import torch

index = torch.tensor([0, 2, 2, 1])


def f(x):
    return (torch.index_select(x, 0, index) ** 3).sum()


def hvp(x, v):
    return torch.func.jvp(torch.func.grad(f), (x,), (v,))[1]


x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
v = torch.tensor([1.0, -1.0, 0.5], dtype=torch.float64)
expected = hvp(x, v)
got = torch.compile(hvp, fullgraph=True)(x, v)
print(f"torch {torch.__version__}: inductor {got.tolist()}, eager {expected.tolist()}")
sys.exit(int(not torch.allclose(got, expected)))
