"""Kinks, ties, special points and unusual shapes, where rules of differentiation are forgotten.

Tags: ``kink`` where only one-sided derivatives exist and any value between them is a convention;
``special`` where the function is smooth but a formula may divide by zero; ``extreme`` where a naive
formula over- or underflows; ``shape`` for empty, scalar and large arrays; ``structure`` for unused
inputs and nested ones.
"""

from gradtier.cases import Suite, constant, distinct, normal, positive, values

suite = Suite("edges", "Edges: kinks, ties, special points, unusual shapes")

WITH_ZERO = values([-1.5, 0.0, 2.0, 0.5])


@suite.case(tags=("kink",), x=WITH_ZERO)
def relu_at_zero(xp, x):
    """ReLU at 0"""
    return xp.maximum(x, 0.0)


@suite.case(tags=("kink",), x=WITH_ZERO)
def abs_at_zero(xp, x):
    """Absolute value at 0"""
    return xp.abs(x)


@suite.case(tags=("kink",), x=values([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]))
def max_with_ties(xp, x):
    """Largest of a row: two tie, three tie"""
    return xp.max(x, axis=1)


@suite.case(tags=("kink",), x=values([3.0, 1.0, 3.0, 2.0]), w=constant(normal(4)))
def sort_with_ties(xp, x, w):
    """Sort with a tie"""
    return xp.sort(x) * w


@suite.case(tags=("kink",), x=values([-1.0, 0.25, 1.0, 2.0]))
def clip_at_bound(xp, x):
    """Clip at its lower and upper bound"""
    return xp.clip(x, -1.0, 1.0)


@suite.case(tags=("kink",), x=values([1.0, -2.0, 0.5]), y=values([1.0, 3.0, 0.5]))
def maximum_of_equals(xp, x, y):
    """Maximum of two arrays that are equal in places"""
    return xp.maximum(x, y)


@suite.case(tags=("special",), x=normal(4))
def maximum_with_itself(xp, x):
    """maximum(x, x): ties everywhere, slope 1"""
    return xp.maximum(x, x) + xp.minimum(x, x)


@suite.case(tags=("special",), x=values([0.001, 0.0015, 0.002, 0.0012]))
def sqrt_near_zero(xp, x):
    """Square root close to 0, where it is steep"""
    return xp.sqrt(x)


@suite.case(tags=("special",), x=values([1e-3, -2e-3, 1.5e-3, 5e-4]))
def norm_of_small(xp, x):
    """Euclidean norm of a small vector"""
    return xp.sqrt(xp.sum(x * x))


@suite.case(tags=("special",), x=values([0.001, -3.0, 2.0]), y=values([-0.002, 0.0, 1.0]))
def hypot_special(xp, x, y):
    """Hypotenuse near the origin and on an axis"""
    return xp.hypot(x, y)


@suite.case(tags=("special",), y=values([0.0, 1.0, -2.0, 0.0]), x=values([1.0, 0.0, 0.0, 3.0]))
def atan2_on_axes(xp, y, x):
    """Angle of points on the axes"""
    return xp.atan2(y, x)


@suite.case(tags=("special",), x=values([[2.0, 0.0, -3.0], [0.0, 1.5, 0.0]]))
def prod_with_zeros(xp, x):
    """Product of a row with one zero, with two zeros"""
    return xp.prod(x, axis=1)


@suite.case(tags=("special",), x=values([2.0, 0.0, -3.0, 0.5]))
def cumulative_prod_with_zero(xp, x):
    """Cumulative product past a zero"""
    return xp.cumulative_prod(x, axis=0)


@suite.case(tags=("special",), x=positive(4), y=values([0.0, 1.0, 2.0, -1.0]))
def power_integral_exponent(xp, x, y):
    """Power at exponents 0, 1, 2, -1, both arguments differentiated"""
    return xp.pow(x, y)


@suite.case(tags=("special",), x=WITH_ZERO)
def square_at_zero(xp, x):
    """x**2 and x**3 at 0, negative and positive x"""
    return x**2 + x**3


@suite.case(tags=("special",), x=values([-1.0, 0.0, 0.5, 2.0]))
def log_guarded(xp, x):
    """Logarithm guarded by where on both sides"""
    safe = xp.where(x > 0.25, x, 1.0)
    return xp.where(x > 0.25, xp.log(safe), x)


@suite.case(tags=("special",), x=normal(4), y=normal(4))
def logaddexp_of_equals(xp, x, y):
    """logaddexp of equal arguments, of unequal ones"""
    return xp.logaddexp(x, x) * xp.logaddexp(x, y)


@suite.case(tags=("extreme",), x=values([-800.0, -40.0, -1.5, 2.0, 40.0, 800.0]))
def sigmoid_saturated(xp, x):
    """Sigmoid far in both tails, stable form"""
    decay = xp.exp(-xp.abs(x))
    return xp.where(x < 0.0, decay, 1.0) / (1.0 + decay)


@suite.case(tags=("extreme",), x=values([[1000.0, 999.0, 998.5], [-1000.0, 0.0, 0.5]]))
def softmax_large_logits(xp, x):
    """Softmax of large logits"""
    weights = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return weights / xp.sum(weights, axis=-1, keepdims=True)


@suite.case(tags=("special",), x=normal(4), index=constant(values([1, 1, 3, 1])))
def take_duplicates(xp, x, index):
    """Gather one element three times, another never"""
    return xp.take(x, index) * xp.take(x, index)


@suite.case(tags=("shape",), x=normal(4), empty=normal(0))
def empty_input(xp, x, empty):
    """Concatenation with an empty array"""
    return xp.concat([empty, x * x, empty]) * (1.0 + xp.sum(empty))


@suite.case(tags=("shape",), x=normal())
def scalar_input(xp, x):
    """Zero-dimensional input and output"""
    return xp.sin(x) * x


@suite.case(tags=("shape",), x=normal(10_000))
def large_input(xp, x):
    """Sum of squares of 10,000 elements"""
    return xp.sum(x * x)


@suite.case(tags=("structure",), x=normal(4), unused=normal(3))
def unused_input(xp, x, unused):
    """An input that is not used"""
    return xp.sin(x)


@suite.case(tags=("structure",), x=normal(4), y=normal(4))
def outputs_independent(xp, x, y):
    """Three outputs, two of which depend on one input only"""
    return xp.sin(x), y * y, x * y


@suite.case(tags=("structure",), x=distinct(4), y=normal(4))
def integer_path(xp, x, y):
    """An input that only chooses: its slope is zero"""
    return xp.where(x > 0.0, y, 2.0 * y) + xp.sign(x)


@suite.case(tags=("structure",), x=normal(4))
def same_output_twice(xp, x):
    """The same array returned twice, and an input returned as it is"""
    y = xp.sin(x)
    return y, y, x


@suite.case(tags=("structure",), p={"b": normal(4), "a": [normal(4), (normal(), normal(2, 4))]})
def pytree(xp, p):
    """Dicts, lists and tuples in and out"""
    vector, (scalar, matrix) = p["a"]
    return {"sum": [vector + p["b"], scalar * vector], "image": xp.matmul(matrix, p["b"])}
