"""Enzyme-JAX: the derivative of atanh has the wrong sign"""

import sys
from importlib.metadata import version

import jax
from enzyme_ad.jax import enzyme_jax_ir

jax.config.update("jax_enable_x64", True)


@enzyme_jax_ir()
def f(x):
    return jax.numpy.arctanh(x)


x = jax.numpy.asarray([0.5])
got = float(jax.jit(lambda x: jax.jvp(f, (x,), (jax.numpy.ones(1),))[1])(x)[0])
print(f"enzyme-ad {version('enzyme-ad')}: atanh'(0.5) is {got}; it is {4 / 3}")
sys.exit(int(abs(got - 4 / 3) > 1e-9))
