"""MLX: the pullbacks of z**2 and z * z differ for complex z; one lacks the conjugate"""

import sys
from importlib.metadata import version

import mlx.core as mx

z, w = mx.array(1 + 2j), mx.array(1 + 0j)
power = mx.vjp(lambda z: z**2, [z], [w])[1][0].item()
product = mx.vjp(lambda z: z * z, [z], [w])[1][0].item()
print(f"mlx {version('mlx')}: z**2 gives {power}, z * z gives {product}")
sys.exit(int(power != product))
