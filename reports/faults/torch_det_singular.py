"""PyTorch: the gradient of det at a singular matrix is zero; it is the transposed adjugate"""

import sys

import torch

a = torch.tensor([[1.0, 2, 3], [0, 0, 0], [4, 5, 7]], dtype=torch.float64, requires_grad=True)
(got,) = torch.autograd.grad(torch.linalg.det(a), a)
expected = torch.tensor([[0.0, 0, 0], [1, -5, 3], [0, 0, 0]], dtype=torch.float64)
print(f"torch {torch.__version__}: got {got.tolist()}, the cofactors are {expected.tolist()}")
sys.exit(int(not torch.allclose(got, expected)))
