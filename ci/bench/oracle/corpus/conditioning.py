"""Ill-conditioned, badly scaled and cancelling: right in exact arithmetic, noisy in floating point.

All values are finite in float64; in float32 some overflow or keep no digit, which is no fault.
"""

import math

from gradtier.cases import Suite, constant, normal, positive, uniform, values

suite = Suite("conditioning", "Cancellation, bad scaling, nearly singular systems")

HILBERT5 = [[1.0 / (i + j + 1) for j in range(5)] for i in range(5)]
HILBERT4 = [[1.0 / (i + j + 1) for j in range(4)] for i in range(4)]
NEARLY = [[1.0, 2.0], [2.0, 4.0001]]
MIXED = [1e-8, 3e-4, 1.0, -2e4, 1e8]


@suite.case(a=values(HILBERT5), b=normal(5))
def hilbert_solve(xp, a, b):
    """Linear system with a Hilbert matrix of order five."""
    return xp.linalg.solve(a, b)


@suite.case(a=values(HILBERT4))
def hilbert_log_determinant(xp, a):
    """Log determinant of a Hilbert matrix of order four."""
    return xp.linalg.slogdet(a)[1]


@suite.case(a=values(NEARLY), b=normal(2))
def nearly_singular_solve(xp, a, b):
    """System of two nearly parallel equations."""
    return xp.linalg.solve(a, b)


@suite.case(a=values(NEARLY))
def nearly_singular_inverse(xp, a):
    """Inverse of a nearly singular matrix, scaled down."""
    return 1e-4 * xp.linalg.inv(a)


@suite.case(a=values([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]]))
def singular_determinant(xp, a):
    """Determinant of a singular matrix: its derivative is the adjugate."""
    return xp.linalg.det(a)


@suite.case(x=values([1e-4, -3e-4, 1e-3, 2e-2]))
def one_minus_cosine(xp, x):
    """1 - cos(x) near zero."""
    return 1.0 - xp.cos(x)


@suite.case(x=values([1e-6, -2e-5, 1e-4, 3e-3]))
def exponential_minus_one(xp, x):
    """exp(x) - 1 near zero, over x."""
    return (xp.exp(x) - 1.0) / x


@suite.case(x=values([1e-4, -2e-3, 1e-2, 0.1]))
def logarithm_less_linear(xp, x):
    """log1p(x) - x near zero."""
    return xp.log1p(x) - x


@suite.case(x=positive(4, low=1e6, high=2e6))
def difference_of_roots(xp, x):
    """sqrt(x + 1) - sqrt(x) of large numbers."""
    return xp.sqrt(x + 1.0) - xp.sqrt(x)


@suite.case(x=normal(4, mean=1e4, scale=10.0), y=normal(4, mean=1e4, scale=10.0))
def difference_of_squares(xp, x, y):
    """Difference of squares of large numbers."""
    return x * x - y * y


@suite.case(b=positive(4, low=1e3, high=1e4), c=positive(4))
def small_root(xp, b, c):
    """Small root of a quadratic by the formula that cancels."""
    return (-b + xp.sqrt(b * b - 4.0 * c)) / 2.0


@suite.case(x=normal(8, mean=1e3))
def variance_by_squares(xp, x):
    """Variance as mean of squares minus square of mean."""
    return xp.mean(x * x) - xp.mean(x) ** 2


@suite.case(x=values(MIXED))
def mixed_scales_sum(xp, x):
    """Sum of squares of elements from 1e-8 to 1e8."""
    return xp.sum(x * x)


@suite.case(x=values(MIXED), w=normal(5))
def mixed_scales_elementwise(xp, x, w):
    """Elementwise functions of elements from 1e-8 to 1e8."""
    return w * xp.log1p(xp.abs(x)) + x / (1.0 + x * x)


@suite.case(x=values([1e-8, 1.0]), y=values([1e8, 2.0]))
def mixed_scales_product(xp, x, y):
    """Products and quotients of tiny and huge numbers."""
    return x * y, xp.sin(x * y) / y, xp.sum(x) * xp.sum(y)


@suite.case(x=uniform(4, low=40.0, high=60.0))
def naive_logistic(xp, x):
    """exp(x) / (1 + exp(x)) where it is one to rounding."""
    return xp.exp(x) / (1.0 + xp.exp(x))


@suite.case(x=uniform(4, low=50.0, high=80.0))
def naive_log_sum_exp(xp, x):
    """log(sum(exp(x))) just below float32's overflow."""
    return xp.log(xp.sum(xp.exp(x)))


@suite.case(x=uniform(3, low=200.0, high=300.0))
def overflow_in_single(xp, x):
    """log(1 + exp(x)) where exp overflows in float32 only."""
    return xp.log(1.0 + xp.exp(x))


@suite.case(x=positive(4, low=1.5, high=3.0))
def high_power(xp, x):
    """x**40 and its tenth root."""
    return x**40, (x**40) ** 0.1


@suite.case(x=uniform(4, low=0.95, high=1.05))
def expanded_power(xp, x):
    """(x - 1)**5, multiplied out, near its root."""
    return x**5 - 5.0 * x**4 + 10.0 * x**3 - 10.0 * x**2 + 5.0 * x - 1.0


@suite.case(x=uniform(3, low=8.0, high=12.0))
def alternating_series(xp, x):
    """exp(-x) by its Taylor series, whose terms are large and cancel."""
    term = total = xp.ones_like(x)
    for k in range(1, 60):
        term = -term * x / k
        total = total + term
    return total


@suite.case(x=values([0.1, 0.3, 0.5, 0.7, 0.9]), y=normal(5))
def vandermonde_solve(xp, x, y):
    """Interpolating polynomial by the Vandermonde system, nodes differentiated."""
    return xp.linalg.solve(xp.stack([x**k for k in range(5)], axis=1), y)


@suite.case(x=values([0.9999, -0.9995, 0.999999]))
def arc_cosine_near_one(xp, x):
    """Arc cosine close to the ends of its domain."""
    return xp.arccos(x)


@suite.case(x=values([1e-5, 1e-3, 0.1, 3.0]))
def log_one_minus_exp(xp, x):
    """log(1 - exp(-x)) for small x."""
    return xp.log(1.0 - xp.exp(-x))


@suite.case(x=uniform(3, low=0.001, high=0.002))
def tangent_near_pole(xp, x):
    """Tangent close to its pole."""
    return xp.tan(math.pi / 2.0 - x)


@suite.case(x=values([[1.0, 1.0, 1.0], [1.0, 1.001, 1.0], [1.0, 1.0, 0.999]]), y=normal(3))
def collinear_least_squares(xp, x, y):
    """Normal equations of nearly collinear columns."""
    t = xp.permute_dims(x, (1, 0))
    return xp.linalg.solve(xp.matmul(t, x), xp.matmul(t, y))


@suite.case(p={"tiny": normal(3, scale=1e-8), "huge": normal(3, scale=1e8), "one": normal(3)})
def leaves_of_all_scales(xp, p):
    """Leaves of scale 1e-8, 1 and 1e8 in one expression."""
    return xp.sum(xp.tanh(p["tiny"] * p["huge"]) * p["one"]) + xp.sum(1e-8 * p["huge"])


@suite.case(x=values([0.0, 0.0, 4.0]), y=positive(3))
def root_at_zero(xp, x, y):
    """Square root of a square plus a square, one of them zero."""
    return xp.sqrt(x * x + y * y) - y


@suite.case(tags=("undefined",), x=values([0.0, 1.0, 4.0]))
def infinite_slope(xp, x):
    """Square root at zero, where its slope is infinite."""
    return xp.sqrt(x)


@suite.case(tags=("undefined",), x=values([0.0, 0.0]), w=constant(normal(2)))
def norm_at_origin(xp, x, w):
    """Euclidean norm at the origin: a cone, and in most systems 0 / 0."""
    return xp.sqrt(xp.sum(x * x)) + xp.sum(w * x)
