"""MLX: the pullback of full multiplies the cotangent by the value"""

import sys
from importlib.metadata import version

import mlx.core as mx

w = mx.array([[1.0, 2.0], [3.0, 4.0]])
got = mx.vjp(lambda v: mx.full((2, 2), v), [mx.array(1.5)], [w])[1][0].item()
print(f"mlx {version('mlx')}: got {got}; the cotangents sum to 10")
sys.exit(int(got != 10.0))
