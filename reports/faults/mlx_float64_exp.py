"""MLX: exp of float64 is computed in single precision, and so are its derivatives"""

import sys
from importlib.metadata import version

import mlx.core as mx
import numpy as np

mx.set_default_device(mx.cpu)
got = np.array(mx.exp(mx.array([1.25], dtype=mx.float64)))[0]
print(f"mlx {version('mlx')}: exp(1.25) is off by {abs(got / np.exp(1.25) - 1):.2g} of its value")
sys.exit(int(abs(got / np.exp(1.25) - 1) > 1e-12))
