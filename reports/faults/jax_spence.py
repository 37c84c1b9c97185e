"""JAX: the derivative of spence is 0 at one, and NaN in places above it"""

import sys

import jax

jax.config.update("jax_enable_x64", True)
got = [float(jax.grad(jax.scipy.special.spence)(x)) for x in (1.0, 1.5)]
print(f"jax {jax.__version__}: at 1 and 1.5 it is {got}; log(x) / (1 - x) is -1 and -0.8109")
sys.exit(int(not (abs(got[0] + 1) < 1e-9 and abs(got[1] + 0.8109302162) < 1e-9)))
