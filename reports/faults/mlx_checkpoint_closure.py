"""MLX: what a checkpointed function closes over gets a zero gradient, without a word"""

import sys
from importlib.metadata import version

import mlx.core as mx

x, w = mx.array([0.5, 1.0]), mx.array([2.0, 3.0])


def f(w):
    return mx.sum(mx.checkpoint(lambda a: mx.sin(a) * w)(x))


got = mx.grad(f)(w)
print(f"mlx {version('mlx')}: got {got.tolist()}; it is sin(x), {mx.sin(x).tolist()}")
sys.exit(int(not mx.allclose(got, mx.sin(x)).item()))
