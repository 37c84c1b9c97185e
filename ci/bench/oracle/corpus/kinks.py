"""Points exactly on a kink: any slope between the one-sided ones is an allowed convention."""

from gradtier.cases import Suite, constant, normal, positive, uniform, values

suite = Suite("kinks", "Kinks, at points that lie on them")

KINK = ("kink",)
ZEROS = values([-1.5, 0.0, 2.0, 0.0, 0.5])
SIGNS = constant(values([1.0, -1.0, 1.0, -1.0, 1.0]))


@suite.case(tags=KINK, x=ZEROS, w=normal(5))
def weighted_relu(xp, x, w):
    """ReLU at zero times a differentiated weight."""
    return w * xp.maximum(x, 0.0)


@suite.case(tags=KINK, x=ZEROS)
def sum_of_absolutes(xp, x):
    """L1 norm of a sparse vector."""
    return xp.sum(xp.abs(x))


@suite.case(tags=KINK, w=values([0.0, 1.5, 0.0, -2.0]), a=normal(6, 4), y=normal(6))
def lasso(xp, w, a, y):
    """Lasso objective at a sparse point."""
    left = xp.matmul(a, w) - y
    return 0.5 * xp.sum(left * left) + 0.75 * xp.sum(xp.abs(w))


@suite.case(tags=KINK, x=values([1.0, -1.0, 0.25, -3.0, 2.0]), y=SIGNS)
def hinge_at_margin(xp, x, y):
    """Hinge loss with two points on the margin."""
    return xp.maximum(1.0 - x * y, 0.0)


@suite.case(tags=KINK, x=values([-1.0, 0.25, 1.0, 2.5]))
def huber_at_corner(xp, x):
    """Huber loss at its threshold: the second derivative jumps."""
    size = xp.abs(x)
    return xp.where(size < 1.0, 0.5 * x * x, size - 0.5)


@suite.case(tags=KINK, x=ZEROS, slope=uniform(low=0.05, high=0.5))
def parametric_relu(xp, x, slope):
    """Parametric ReLU at zero, the slope differentiated."""
    return xp.where(x > 0.0, x, slope * x)


@suite.case(tags=KINK, x=values([-2.0, -1.0, 0.5, 1.5, 3.0]), w=normal(5))
def clip_at_both_bounds(xp, x, w):
    """Clip at its lower and upper bound, weighted."""
    return xp.sum(w * xp.clip(x, -1.0, 1.5))


@suite.case(tags=KINK, x=values([-0.5, 0.5, 0.25, -1.25, 2.0]))
def soft_threshold(xp, x):
    """Soft thresholding at the threshold."""
    return xp.sign(x) * xp.maximum(xp.abs(x) - 0.5, 0.0)


@suite.case(tags=KINK, x=values([0.0, 0.5, 1.0, 1.5, 2.0]))
def hat(xp, x):
    """Hat function at its three nodes."""
    return xp.maximum(1.0 - xp.abs(x - 1.0), 0.0)


@suite.case(tags=KINK, x=values([1.0, -0.5, 2.0, 0.75]), y=constant(values([1.0, 0.5, 2.0, 1.5])))
def pinball(xp, x, y):
    """Quantile loss where prediction and target are equal."""
    gap = y - x
    return xp.sum(xp.maximum(0.3 * gap, -0.7 * gap))


@suite.case(tags=KINK, x=ZEROS)
def steep_elu(xp, x):
    """ELU with alpha 2, which has a kink at zero."""
    return xp.where(x > 0.0, x, 2.0 * xp.expm1(xp.minimum(x, 0.0)))


@suite.case(tags=KINK, x=values([-3.0, -1.0, 3.0, 4.5]))
def hard_sigmoid(xp, x):
    """Hard sigmoid at both its corners."""
    return xp.clip(x / 6.0 + 0.5, 0.0, 1.0)


@suite.case(tags=KINK, x=values([1.0, -2.0, 1.0]), w=normal(4))
def network_at_zero(xp, x, w):
    """A ReLU network with a pre-activation that is exactly zero."""
    hidden = xp.maximum(xp.stack([x[0] - x[2], x[0] + x[1], x[1] + 2.0 * x[2], x[2]]), 0.0)
    return xp.tanh(xp.sum(w * hidden))


@suite.case(tags=KINK, x=ZEROS)
def squared_relu(xp, x):
    """Squared ReLU: smooth once, the second derivative jumps."""
    return xp.maximum(x, 0.0) ** 2


@suite.case(tags=KINK, x=ZEROS)
def signed_square(xp, x):
    """The product x |x|, whose second derivative jumps at zero."""
    return x * xp.abs(x)


@suite.case(tags=KINK, x=values([0.25, -0.25, 1.0, -2.0]))
def insensitive(xp, x):
    """Epsilon-insensitive loss at its corners."""
    return xp.sum(xp.maximum(xp.abs(x) - 0.25, 0.0))


@suite.case(tags=KINK, x=values([0.0, 1.0, -1.0, 0.5]))
def nested_absolutes(xp, x):
    """||x| - 1| at all of its kinks."""
    return xp.abs(xp.abs(x) - 1.0)


@suite.case(
    tags=KINK, x=values([1.0, 1.0]), c=constant(values([[1.0, 2.0], [2.0, 1.0], [3.0, 0.0]]))
)
def largest_of_planes(xp, x, c):
    """Largest of three linear functions at their common point."""
    return xp.max(xp.matmul(c, x))


@suite.case(tags=KINK, x=ZEROS)
def opposite_relus(xp, x):
    """relu(x) - relu(-x): the identity, by two kinks that cancel."""
    return xp.maximum(x, 0.0) - xp.maximum(-x, 0.0)


@suite.case(tags=KINK, x=ZEROS)
def split_identity(xp, x):
    """The identity, split by where into halves that both exclude zero."""
    return xp.where(x > 0.0, x, 0.0) + xp.where(x < 0.0, x, 0.0)


@suite.case(tags=KINK, x=ZEROS, y=positive(5))
def exponential_of_absolute(xp, x, y):
    """Laplace density at its peak."""
    return xp.exp(-xp.abs(x) / y) / (2.0 * y)


@suite.case(tags=KINK, x=values([2.0, -1.0]), y=values([-1.0, 3.0]))
def smaller_of_two_paths(xp, x, y):
    """Minimum of a product and a sum that are equal."""
    return xp.minimum(x * y, x + y - 3.0), xp.minimum(x * y, x - y + 1.0)


@suite.case(tags=KINK, x=values([[3.0, 4.0], [0.0, 0.0]]))
def relu_of_distance(xp, x):
    """Distance beyond a radius, at the radius."""
    distance = xp.sqrt(xp.sum(x[0, :] * x[0, :]) + xp.sum(x[1, :]) ** 2)
    return xp.maximum(distance - 5.0, 0.0)
