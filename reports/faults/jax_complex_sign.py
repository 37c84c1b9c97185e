"""JAX: the tangent of the sign of a complex number is zero; it turns with the number"""

import sys

import jax

jax.config.update("jax_enable_x64", True)
z, v, h = 1.0 + 2.0j, 0.5 - 1.0j, 1e-6
sign = jax.numpy.sign
got = complex(jax.jvp(sign, (z,), (v,))[1])
expected = complex((sign(z + h * v) - sign(z - h * v)) / (2 * h))
print(f"jax {jax.__version__}: got {got}; differences give {expected:.4f}")
sys.exit(int(abs(got - expected) > 1e-6))
