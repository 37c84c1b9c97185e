"""PyTorch: jacfwd(jacfwd(f)) of det is not its Hessian"""

import sys

import torch

a = torch.tensor([[2.0, 0.5], [0.25, 1.5]], dtype=torch.float64)
got = torch.func.jacfwd(torch.func.jacfwd(torch.linalg.det))(a).reshape(4, 4)
expected = torch.tensor(  # det = a00 a11 - a01 a10
    [[0.0, 0, 0, 1], [0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0]], dtype=torch.float64
)
print(f"torch {torch.__version__}: got\n{got}\nthe Hessian is\n{expected}")
sys.exit(int(not torch.allclose(got, expected)))
