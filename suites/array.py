"""The functions of an array library: arithmetic, reductions, sorting, indexing, rearranging.

Functions that only move elements are multiplied by a weight, so that a wrong place shows.
"""

from gradtier.cases import Suite, boolean, constant, distinct, integers, normal, positive, uniform

suite = Suite("array", "Array functions: arithmetic, reductions, sorting, indexing, shape")

WEIGHT = constant(normal(4, 3))
AWAY = distinct(4, 3, low=-3.0, high=3.0)  # none within 0.1 of -1, 0 or 1


@suite.case(x=normal(4, 3), row=normal(3), column=normal(4, 1), scalar=normal())
def broadcast_arithmetic(xp, x, row, column, scalar):
    """Sum, difference and product of arrays that broadcast"""
    return (x + row) * column - scalar * x + 2.0


@suite.case(x=normal(4, 3), y=positive(3))
def divide(xp, x, y):
    """Quotient, broadcast, and reciprocal"""
    return x / y + 1.0 / y


@suite.case(x=positive(4, 3), y=normal(3))
def power(xp, x, y):
    """Power, base and exponent differentiated"""
    return xp.pow(x, y)


@suite.case(x=AWAY)
def power_integer(xp, x):
    """Integer powers of either sign"""
    return x**3 + x**-2


@suite.case(x=AWAY, y=distinct(3, low=-2.0, high=-0.5))
def hypot(xp, x, y):
    """Hypotenuse"""
    return xp.hypot(x, y)


@suite.case(y=AWAY, x=distinct(3, low=-2.0, high=-0.5))
def atan2(xp, y, x):
    """Angle of a point, left half plane"""
    return xp.atan2(y, x)


@suite.case(x=normal(4, 3), y=normal(3))
def logaddexp(xp, x, y):
    """Logarithm of a sum of exponentials of two arrays"""
    return xp.logaddexp(x, y)


@suite.case(x=positive(4, 3))
def exp_log(xp, x):
    """exp, log, log2, log10"""
    return xp.exp(x), xp.log(x), xp.log2(x), xp.log10(x)


@suite.case(x=uniform(4, 3, low=-0.5, high=0.5))
def expm1_log1p(xp, x):
    """expm1, log1p"""
    return xp.expm1(x), xp.log1p(x)


@suite.case(x=positive(4, 3))
def roots(xp, x):
    """sqrt, square and reciprocal"""
    return xp.sqrt(x), xp.square(x), xp.reciprocal(x)


@suite.case(x=uniform(4, 3, low=-1.0, high=1.0))
def trigonometric(xp, x):
    """sin, cos, tan"""
    return xp.sin(x), xp.cos(x), xp.tan(x)


@suite.case(x=uniform(4, 3, low=-0.75, high=0.75))
def inverse_trigonometric(xp, x):
    """asin, acos, atan"""
    return xp.asin(x), xp.acos(x), xp.atan(x)


@suite.case(x=normal(4, 3))
def hyperbolic(xp, x):
    """sinh, cosh, tanh"""
    return xp.sinh(x), xp.cosh(x), xp.tanh(x)


@suite.case(x=uniform(4, 3, low=-0.75, high=0.75))
def inverse_hyperbolic(xp, x):
    """asinh, acosh, atanh"""
    return xp.asinh(x), xp.acosh(x + 2.0), xp.atanh(x)


@suite.case(x=AWAY)
def absolute(xp, x):
    """Absolute value and sign, away from zero"""
    return xp.abs(x) + xp.sign(x) * x


@suite.case(x=distinct(4, 3), y=constant(distinct(4, 3)), z=normal(4, 3))
def maximum_minimum(xp, x, y, z):
    """Elementwise maximum and minimum"""
    return xp.maximum(x, y - 0.25) * z, xp.minimum(x, y + 0.25) * z


@suite.case(x=AWAY)
def clip(xp, x):
    """Clip to an interval, x between and beyond the bounds"""
    return xp.clip(x, -1.0, 1.0) * x


@suite.case(x=normal(4, 3), y=normal(3), mask=boolean(4, 3))
def where(xp, x, y, mask):
    """Choice by a mask, one side broadcast"""
    return xp.where(mask, x * x, y)


@suite.case(x=normal(2, 3, 4))
def sums(xp, x):
    """Sum over all axes, one axis and two axes"""
    return xp.sum(x * x), xp.sum(x, axis=1), xp.sum(x, axis=(0, -1), keepdims=True)


@suite.case(x=normal(2, 3, 4))
def means(xp, x):
    """Mean over all axes and over two axes"""
    return xp.mean(x * x), xp.mean(x, axis=(0, 2))


@suite.case(x=AWAY)
def product(xp, x):
    """Product along an axis, no zeros"""
    return xp.prod(x, axis=0)


@suite.case(x=normal(4, 3))
def variance(xp, x):
    """Variance and standard deviation, with and without correction"""
    return xp.var(x, axis=0), xp.std(x, axis=-1, correction=1)


@suite.case(x=distinct(4, 3))
def extrema(xp, x):
    """Largest and smallest element along an axis and over all"""
    return xp.max(x, axis=0), xp.min(x, axis=1), xp.max(x)


@suite.case(x=normal(4, 3))
def logsumexp(xp, x):
    """Logarithm of a sum of exponentials along an axis, stable form"""
    top = xp.max(x, axis=1, keepdims=True)
    return xp.log(xp.sum(xp.exp(x - top), axis=1)) + top[:, 0]


@suite.case(x=normal(4, 3))
def cumulative_sum(xp, x):
    """Cumulative sum along each axis"""
    return xp.cumulative_sum(x, axis=0) * xp.cumulative_sum(x, axis=1)


@suite.case(x=positive(4, 3))
def cumulative_product(xp, x):
    """Cumulative product, no zeros"""
    return xp.cumulative_prod(x, axis=0)


@suite.case(x=normal(4, 3), w=constant(normal(3, 3)))
def differences(xp, x, w):
    """Differences of neighbours"""
    return xp.diff(x, axis=0) * w


@suite.case(x=distinct(4, 3), w=WEIGHT)
def sort(xp, x, w):
    """Sort along an axis, no ties"""
    return xp.sort(x, axis=0) * w, xp.flip(xp.sort(x, axis=1), axis=1) * w


@suite.case(x=distinct(4, 3), y=normal(4, 3), w=WEIGHT)
def argsort_gather(xp, x, y, w):
    """Arrange one array by the order of another"""
    return xp.take_along_axis(y, xp.argsort(x, axis=0), axis=0) * w


@suite.case(x=normal(2, 3, 4))
def slices(xp, x):
    """Slices, strides, negative and missing indices"""
    return x[0, 1:, ::2] * x[1, :-1, 1::2], x[..., -1], x[:, None, 0]


@suite.case(x=normal(4, 3), index=integers(5, high=4))
def take(xp, x, index):
    """Gather rows, some more than once"""
    return xp.take(x, index, axis=0) ** 2


@suite.case(x=normal(4, 3), index=integers(4, 3, high=4), w=WEIGHT)
def take_along_axis(xp, x, index, w):
    """Gather elements along an axis, some more than once"""
    return xp.take_along_axis(x, index, axis=0) * w


@suite.case(x=normal(4, 3), y=normal(2, 3), w=constant(normal(6, 3)))
def concat(xp, x, y, w):
    """Join along an existing axis"""
    return xp.concat([x, y], axis=0) * w


@suite.case(x=normal(4, 3), y=normal(4, 3), w=constant(normal(4, 2, 3)))
def stack(xp, x, y, w):
    """Join along a new axis"""
    return xp.stack([x, y], axis=1) * w


@suite.case(x=normal(4, 3))
def unstack(xp, x):
    """Split into columns"""
    a, b, c = xp.unstack(x, axis=1)
    return a * b, b * c


@suite.case(x=normal(2, 3, 4), w=constant(normal(4, 6)))
def reshape_permute(xp, x, w):
    """Permute axes, then reshape"""
    return xp.reshape(xp.permute_dims(x, (2, 0, 1)), (4, 6)) * w


@suite.case(x=normal(4, 3), w=WEIGHT)
def flip_roll(xp, x, w):
    """Reverse and rotate along axes"""
    return xp.flip(x, axis=0) * w, xp.roll(x, 1, axis=1) * w


@suite.case(x=normal(4, 3), w=constant(normal(8, 3)))
def tile_repeat(xp, x, w):
    """Repeat the whole array and each element"""
    return xp.tile(x, (2, 1)) * w, xp.repeat(x, 2, axis=0) * w


@suite.case(x=normal(3), w=WEIGHT)
def broadcast_to(xp, x, w):
    """Expand, broadcast and squeeze"""
    return xp.broadcast_to(x, (4, 3)) * w, xp.squeeze(xp.expand_dims(x * x, axis=0), axis=0)


@suite.case(x=normal(2, 4, 4))
def triangles(xp, x):
    """Lower and upper triangles of a batch of matrices"""
    return xp.matmul(xp.tril(x), xp.triu(x, k=1))


@suite.case(x=normal(4), y=normal(3), a=normal(4, 3), b=normal(4, 3))
def outer_vecdot(xp, x, y, a, b):
    """Outer product and dot products along the last axis"""
    return xp.linalg.outer(x, y), xp.vecdot(a, b)


@suite.case(x=normal(2, 3, 4), y=normal(3, 4, 5))
def tensordot(xp, x, y):
    """Contraction over two axes"""
    return xp.tensordot(x, y, axes=2)


@suite.case(x=normal(2, 3, 4), w=constant(normal(2, 4, 3)))
def matrix_transpose(xp, x, w):
    """Transpose of a batch of matrices"""
    return xp.matrix_transpose(x) * w
