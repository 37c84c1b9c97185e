"""Activation functions away from their kinks; the kinks themselves are in ``edges.py``."""

import math

from gradtier.cases import Suite, constant, distinct, normal, positive, uniform

suite = Suite("activations", "Neural networks: activation functions")

# 12 values, one in each half unit of [-3, 3): none within 0.1 of -1, 0 or 1.
AROUND_ZERO = distinct(4, 3, low=-3.0, high=3.0)
# One in each unit of [-6, 6): none within 0.2 of a whole number.
AROUND_INTEGERS = distinct(4, 3, low=-6.0, high=6.0)


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


@suite.case(x=AROUND_ZERO)
def celu(xp, x):
    """CELU, scale 0.75"""
    return xp.where(x > 0.0, x, 0.75 * xp.expm1(xp.minimum(x, 0.0) / 0.75))


@suite.case(x=AROUND_ZERO)
def softshrink(xp, x):
    """Softshrink, threshold 0.5"""
    return xp.sign(x) * xp.maximum(xp.abs(x) - 0.5, 0.0)


@suite.case(x=AROUND_ZERO)
def hard_shrink(xp, x):
    """Hard shrink, threshold 0.5"""
    return xp.where(xp.abs(x) > 0.5, x, xp.zeros_like(x))


@suite.case(x=AROUND_ZERO)
def tanhshrink(xp, x):
    """Tanhshrink"""
    return x - xp.tanh(x)


@suite.case(x=AROUND_INTEGERS)
def hard_sigmoid(xp, x):
    """Hard sigmoid"""
    return xp.clip(x + 3.0, 0.0, 6.0) / 6.0


@suite.case(x=AROUND_INTEGERS)
def hard_swish(xp, x):
    """Hard swish"""
    return x * xp.clip(x / 6.0 + 0.5, 0.0, 1.0)


@suite.case(x=AROUND_ZERO)
def log_sigmoid(xp, x):
    """Log-sigmoid, stable form"""
    return xp.minimum(x, 0.0) - xp.log1p(xp.exp(-xp.abs(x)))


@suite.case(x=AROUND_ZERO, slope=normal(3))
def prelu(xp, x, slope):
    """PReLU, a learned slope per feature"""
    return xp.maximum(x, 0.0) + slope * xp.minimum(x, 0.0)


@suite.case(x=AROUND_ZERO, slope=constant(uniform(4, 3, low=0.125, high=0.375)))
def rrelu(xp, x, slope):
    """RReLU with given slopes"""
    return xp.where(x >= 0.0, x, slope * x)


@suite.case(x=normal(2, 6))
def glu(xp, x):
    """Gated linear unit"""
    return x[:, :3] / (1.0 + xp.exp(-x[:, 3:]))


@suite.case(x=normal(2, 3), w=normal(3, 4), v=normal(3, 4))
def swiglu(xp, x, w, v):
    """SwiGLU of two dense layers"""
    gate = xp.matmul(x, w)
    return gate / (1.0 + xp.exp(-gate)) * xp.matmul(x, v)


@suite.case(x=AROUND_ZERO)
def quick_gelu(xp, x):
    """Quick GELU: x sigmoid(1.702 x)"""
    return x / (1.0 + xp.exp(-1.702 * x))


@suite.case(x=AROUND_ZERO, a=positive(3))
def snake(xp, x, a):
    """Snake, a learned frequency per feature"""
    return x + xp.sin(a * x) ** 2 / a


@suite.case(x=AROUND_ZERO)
def squareplus(xp, x):
    """Squareplus"""
    return 0.5 * (x + xp.sqrt(x * x + 4.0))


@suite.case(x=AROUND_ZERO)
def log_cosh(xp, x):
    """Logarithm of cosh, by logaddexp"""
    return xp.logaddexp(x, -x) - math.log(2.0)


@suite.case(x=AROUND_ZERO)
def sparsemax(xp, x):
    """Sparsemax: the projection onto the simplex"""
    ordered = xp.flip(xp.sort(x, axis=-1), axis=-1)
    total = xp.cumulative_sum(ordered, axis=-1)
    ranks = xp.cumulative_sum(xp.ones_like(x), axis=-1)
    thresholds = (total - 1.0) / ranks  # that of the true support is the largest
    return xp.maximum(x - xp.max(thresholds, axis=-1, keepdims=True), 0.0)
