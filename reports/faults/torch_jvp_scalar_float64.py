"""PyTorch: the tangent of a float32 sum plus a Python number is float64"""

import sys

import torch

x = torch.tensor([1.0, 2.0], dtype=torch.float32)
y, tangent = torch.func.jvp(lambda x: x.sum() + 1.0, (x,), (torch.ones_like(x),))
print(f"torch {torch.__version__}: the value is {y.dtype}, its tangent {tangent.dtype}")
sys.exit(int(tangent.dtype != y.dtype))
