"""Sums, means, moments, products and norms along axes, in compositions."""

from gradtier.cases import Suite, constant, distinct, normal, positive, values

suite = Suite("reductions", "Reductions: moments, norms, products, normalisations")


@suite.case(x=normal(5, 3), w=positive(5, 1))
def weighted_moments(xp, x, w):
    """Weighted mean and variance of columns."""
    total = xp.sum(w)
    mean = xp.sum(w * x, axis=0) / total
    return mean, xp.sum(w * (x - mean) ** 2, axis=0) / total


@suite.case(x=normal(2, 3, 4))
def soft_minimum(xp, x):
    """Soft minimum over two of three axes."""
    return -xp.log(xp.sum(xp.exp(-2.0 * x), axis=(0, 2))) / 2.0


@suite.case(x=positive(4, 5))
def geometric_harmonic(xp, x):
    """Geometric mean of rows times the harmonic mean of all."""
    return xp.exp(xp.mean(xp.log(x), axis=1)) / xp.mean(1.0 / x)


@suite.case(x=normal(3, 7))
def skewness_kurtosis(xp, x):
    """Third and fourth standardised moments of rows."""
    centred = x - xp.mean(x, axis=1, keepdims=True)
    variance = xp.mean(centred**2, axis=1) + 0.1
    return xp.mean(centred**3, axis=1) / variance**1.5, xp.mean(centred**4, axis=1) / variance**2


@suite.case(x=normal(6), y=normal(6))
def correlation(xp, x, y):
    """Pearson's correlation of two vectors."""
    a, b = x - xp.mean(x), y - xp.mean(y)
    return xp.sum(a * b) / xp.sqrt(xp.sum(a * a) * xp.sum(b * b))


@suite.case(x=normal(4, 6), y=normal(3, 6))
def cosine_similarities(xp, x, y):
    """Cosines of the angles between all rows of two arrays."""
    a = x / xp.sqrt(xp.sum(x * x, axis=1, keepdims=True))
    b = y / xp.sqrt(xp.sum(y * y, axis=1, keepdims=True))
    return xp.matmul(a, xp.permute_dims(b, (1, 0)))


@suite.case(x=distinct(2, 3, 4, low=0.5, high=1.5))
def products_of_axes(xp, x):
    """Product along the middle axis, then of everything."""
    return xp.prod(x, axis=1), xp.prod(1.0 + 0.1 * x)


@suite.case(x=positive(3, 5), sign=constant(values([[1.0, -1.0, 1.0, -1.0, -1.0]] * 3)))
def p_norms(xp, x, sign):
    """Norms of order 2.5 along rows, of order 4 over all."""
    size = xp.abs(x * sign)
    return xp.sum(size**2.5, axis=1) ** 0.4, xp.sum(size**4) ** 0.25


@suite.case(x=positive(8))
def normalised_cumulative(xp, x):
    """Cumulative distribution of positive weights, squared."""
    total = xp.cumulative_sum(x, axis=0)
    return (total / total[-1]) ** 2


@suite.case(x=distinct(4, 5, low=-2.0, high=2.0))
def range_over_deviation(xp, x):
    """Range of each row over its standard deviation."""
    return (xp.max(x, axis=1) - xp.min(x, axis=1)) / xp.std(x, axis=1)


@suite.case(x=normal(3, 4, 2))
def spread_of_blocks(xp, x):
    """Standard deviation over two axes, kept, used for scaling."""
    return x / (0.5 + xp.std(x, axis=(0, 2), keepdims=True))


@suite.case(x=normal(4, 4))
def square_of_sums(xp, x):
    """Squares of sums of sums, nested."""
    return xp.sum(xp.sum(x, axis=0) ** 2) - xp.sum(xp.sum(x, axis=1) ** 3) + xp.sum(x) ** 2


@suite.case(w=positive(3, 6, low=0.1, high=2.0))
def entropy(xp, w):
    """Entropy of normalised weights in each row."""
    p = w / xp.sum(w, axis=1, keepdims=True)
    return -xp.sum(p * xp.log(p), axis=1)


@suite.case(x=normal(5, 3, scale=2.0), t=positive())
def log_mean_exp(xp, x, t):
    """Logarithm of a mean of exponentials at a temperature."""
    top = xp.max(x, axis=0, keepdims=True)
    return t * xp.log(xp.mean(xp.exp((x - top) / t), axis=0)) + top[0, :]


@suite.case(x=normal(5, 2), y=normal(4, 2))
def pairwise_energy(xp, x, y):
    """Energy distance of two samples, distances smoothed."""

    def mean_distance(a, b):
        gap = xp.expand_dims(a, axis=1) - xp.expand_dims(b, axis=0)
        return xp.mean(xp.sqrt(xp.sum(gap * gap, axis=2) + 0.1))

    return 2.0 * mean_distance(x, y) - mean_distance(x, x) - mean_distance(y, y)


@suite.case(x=normal(6, 3))
def covariance_matrix(xp, x):
    """Covariance of columns and its trace over its total."""
    centred = x - xp.mean(x, axis=0)
    covariance = xp.matmul(xp.permute_dims(centred, (1, 0)), centred) / 5.0
    total = xp.sum(covariance, axis=(0, 1), keepdims=True)
    return covariance, xp.sum(centred * centred) / (1.0 + total**2)


@suite.case(x=values([[2.0, 0.0, -3.0, 0.5], [1.0, -1.5, 2.0, 0.25]]))
def product_through_zero(xp, x):
    """Sine of the product of a row in which one element is zero."""
    return xp.sin(xp.prod(x, axis=1))


@suite.case(x=normal(4, 3))
def mean_alone(xp, x):
    """Mean of everything, alone."""
    return xp.mean(x)


@suite.case(x=normal(3, 5))
def variance_with_correction(xp, x):
    """Unbiased variance of rows, logarithm."""
    return xp.log(xp.var(x, axis=1, correction=1) + 0.01)
