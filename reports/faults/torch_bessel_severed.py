"""PyTorch: bessel_j0 cuts the graph without a word"""

import sys

import torch

x = torch.tensor([0.5, 1.5], dtype=torch.float64)
got = torch.func.jvp(torch.special.bessel_j0, (x,), (torch.ones_like(x),))[1]
print(f"torch {torch.__version__}: the slope of J0 is {got.tolist()}; it is -J1: -0.242, -0.558")
sys.exit(int(not torch.allclose(got, -torch.special.bessel_j1(x))))
