"""Arrays of a thousand to a million elements."""

from gradtier.cases import Suite, constant, distinct, normal, positive, uniform

suite = Suite("large", "Large arrays: 1e3 to 1e6 elements")


@suite.case(x=normal(1_000_000))
def million_quartic(xp, x):
    """Mean of x**4 - x**2 over a million elements."""
    return xp.mean(x * x * (x * x - 1.0))


@suite.case(x=normal(100_000))
def sum_of_waves(xp, x):
    """Sum of sines of 1e5 elements."""
    return xp.sum(xp.sin(x))


@suite.case(x=normal(50_000), y=normal(50_000))
def cosine_of_vectors(xp, x, y):
    """Cosine of the angle between two long vectors that lie apart."""
    y = y + 0.5 * x
    return xp.sum(x * y) / xp.sqrt(xp.sum(x * x) * xp.sum(y * y))


@suite.case(x=normal(10_000))
def elementwise_bump(xp, x):
    """Derivative of a bump, elementwise, 1e4 outputs."""
    return x * xp.exp(-x * x)


@suite.case(x=normal(10_000, scale=2.0))
def log_sum_exp_long(xp, x):
    """Logarithm of a sum of 1e4 exponentials."""
    top = xp.max(x)
    return xp.log(xp.sum(xp.exp(x - top))) + top


@suite.case(a=normal(40, 30), b=normal(30, 50))
def matrix_product(xp, a, b):
    """Tanh of a product of matrices, 2000 outputs."""
    return xp.tanh(0.2 * xp.matmul(a, b))


@suite.case(x=positive(5_000, low=0.99, high=1.01))
def running_sum(xp, x):
    """Logarithm of a running sum of 5000 elements."""
    return xp.log(xp.cumulative_sum(x, axis=0))


@suite.case(x=normal(4_096), w=normal(9))
def long_convolution(xp, x, w):
    """Convolution of a long signal with nine taps, squared and summed."""
    total = 0.0
    for k in range(9):
        total = total + w[k] * x[k : 4_088 + k]
    return xp.mean(total * total)


@suite.case(x=normal(100, 100))
def softmax_of_matrix(xp, x):
    """Softmax of 100 rows of 100, weighted by position."""
    weight = xp.exp(x - xp.max(x, axis=1, keepdims=True))
    p = weight / xp.sum(weight, axis=1, keepdims=True)
    return xp.sum(p * xp.sin(x), axis=1)


@suite.case(x=normal(80, 3))
def sum_of_distances(xp, x):
    """Mean smoothed distance of 80 points."""
    gap = xp.expand_dims(x, axis=1) - xp.expand_dims(x, axis=0)
    return xp.mean(xp.sqrt(xp.sum(gap * gap, axis=2) + 0.01))


@suite.case(x=normal(128, 32), gain=normal(32), bias=normal(32))
def batch_standardised(xp, x, gain, bias):
    """Batch normalisation of 128 rows of 32."""
    centred = x - xp.mean(x, axis=0)
    return gain * centred / xp.sqrt(xp.mean(centred * centred, axis=0) + 1e-5) + bias


@suite.case(x=distinct(1_000, low=-2.0, high=2.0), w=constant(uniform(1_000)))
def weighted_order_long(xp, x, w):
    """Weighted order statistics of 1000 distinct elements."""
    return xp.sum(w * xp.sort(x) ** 2)


@suite.case(x=uniform(2_000), centre=uniform(16), width=positive(low=0.05, high=0.2))
def soft_histogram(xp, x, centre, width):
    """Soft histogram of 2000 points in 16 bins."""
    z = (xp.expand_dims(x, axis=1) - centre) / width
    return xp.mean(xp.exp(-0.5 * z * z), axis=0)


@suite.case(x=normal(1_200), w=normal(1_200))
def one_in_many(xp, x, w):
    """A sum in which one element has a part of its own."""
    return xp.sum(w * xp.tanh(x)) + xp.sin(x[700] * w[3])
