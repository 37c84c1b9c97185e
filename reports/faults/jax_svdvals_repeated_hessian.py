"""JAX: second derivatives of singular values are NaN where two are equal, even if smooth"""

import sys

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)
jnp = jax.numpy
h = np.eye(4) - 0.5
a, v = h @ np.diag([1.0, 1, 1, 4]) @ h, np.arange(16.0).reshape(4, 4) / 8 - 1


def f(m):
    return jnp.sum(jnp.linalg.svd(m, compute_uv=False) ** 2)  # the squared Frobenius norm


got = np.asarray(jax.jvp(jax.grad(f), (a,), (v,))[1])
print(f"jax {jax.__version__}: H v - 2 v is\n{got - 2 * v}\nit is zero")
sys.exit(int(not np.allclose(got, 2 * v)))
