"""Activation functions away from their kinks; the kinks themselves are in ``edges.py``."""

import math

from gradtier.cases import Suite, distinct

suite = Suite("activations", "Neural networks: activation functions")

# 12 values, one in each half unit of [-3, 3): none within 0.1 of -1, 0 or 1.
AROUND_ZERO = distinct(4, 3, low=-3.0, high=3.0)


def _softplus(xp, x):
    return xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x)))


@suite.case(x=AROUND_ZERO)
def relu(xp, x):
    """ReLU"""
    return xp.maximum(x, 0.0)


@suite.case(x=AROUND_ZERO)
def leaky_relu(xp, x):
    """Leaky ReLU, slope 0.1"""
    return xp.where(x > 0.0, x, 0.1 * x)


@suite.case(x=distinct(4, 3, low=-6.0, high=12.0))
def relu6(xp, x):
    """ReLU6"""
    return xp.clip(x, 0.0, 6.0)


@suite.case(x=AROUND_ZERO)
def hard_tanh(xp, x):
    """Hard tanh"""
    return xp.maximum(xp.minimum(x, 1.0), -1.0)


@suite.case(x=AROUND_ZERO)
def elu(xp, x):
    """ELU"""
    return xp.where(x > 0.0, x, xp.expm1(xp.minimum(x, 0.0)))


@suite.case(x=AROUND_ZERO)
def selu(xp, x):
    """SELU"""
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    return scale * xp.where(x > 0.0, x, alpha * xp.expm1(xp.minimum(x, 0.0)))


@suite.case(x=AROUND_ZERO)
def gelu(xp, x):
    """GELU, tanh form"""
    return 0.5 * x * (1.0 + xp.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))


@suite.case(x=AROUND_ZERO)
def silu(xp, x):
    """SiLU (swish)"""
    return x / (1.0 + xp.exp(-x))


@suite.case(x=AROUND_ZERO)
def softplus(xp, x):
    """Softplus, stable form"""
    return _softplus(xp, x)


@suite.case(x=AROUND_ZERO)
def mish(xp, x):
    """Mish"""
    return x * xp.tanh(_softplus(xp, x))


@suite.case(x=AROUND_ZERO)
def sigmoid(xp, x):
    """Sigmoid"""
    return 1.0 / (1.0 + xp.exp(-x))


@suite.case(x=AROUND_ZERO)
def tanh(xp, x):
    """Tanh"""
    return xp.tanh(x)


@suite.case(x=AROUND_ZERO)
def softsign(xp, x):
    """Softsign"""
    return x / (1.0 + xp.abs(x))


@suite.case(x=AROUND_ZERO)
def softmax(xp, x):
    """Softmax"""
    weights = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return weights / xp.sum(weights, axis=-1, keepdims=True)


@suite.case(x=AROUND_ZERO)
def log_softmax(xp, x):
    """Log-softmax"""
    shifted = x - xp.max(x, axis=-1, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))
