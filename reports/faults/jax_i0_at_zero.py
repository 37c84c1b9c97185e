"""JAX: the derivative of the Bessel function i0 at zero is 1; it is 0"""

import sys

import jax

jax.config.update("jax_enable_x64", True)
got = float(jax.grad(jax.scipy.special.i0)(0.0))
print(f"jax {jax.__version__}: i0'(0) is {got}; it is i1(0), 0")
sys.exit(int(got != 0.0))
