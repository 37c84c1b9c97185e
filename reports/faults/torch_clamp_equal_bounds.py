"""PyTorch: all gradients of clamp are zero where its bounds are equal; they sum to one"""

import sys

import torch

x, low, high = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (0.25, 0.5, 0.5))
got = [g.item() for g in torch.autograd.grad(torch.clamp(x, low, high), (x, low, high))]
print(f"torch {torch.__version__}: got {got}; moving all three by h moves the value by h")
sys.exit(int(abs(sum(got) - 1.0) > 1e-12))
