"""PyTorch: the second derivative of x**y is wrong where y is 0"""

import sys

import torch

x = torch.tensor(2.0, dtype=torch.float64)
y = torch.tensor(0.0, dtype=torch.float64)
got = torch.func.grad(torch.func.grad(torch.pow, 0), 1)(x, y).item()
expected = 0.5  # d/dy of y x**(y-1) is x**(y-1) (1 + y log x)
print(f"torch {torch.__version__}: d2/dxdy of x**y at (2, 0) is {got}; it is {expected}")
sys.exit(int(abs(got - expected) > 1e-9))
