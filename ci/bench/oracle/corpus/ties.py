"""Ties of maxima, minima and sorts: the tied elements share the slope in any convention."""

from gradtier.cases import Suite, constant, normal, positive, values

suite = Suite("ties", "Ties: maxima, minima and sorts of equal elements")

KINK = ("kink",)


@suite.case(tags=KINK, x=values([2.0, 2.0, 2.0, 2.0]))
def all_equal(xp, x):
    """Largest of four equal numbers."""
    return xp.max(x)


@suite.case(tags=KINK, x=values([[1.0, 1.0, 3.0], [2.0, 0.5, 0.5], [4.0, 4.0, 4.0]]))
def smallest_of_rows(xp, x):
    """Smallest of each row: two and three tie."""
    return xp.min(x, axis=1)


@suite.case(tags=KINK, x=values([[1.0, 5.0], [5.0, 2.0], [0.0, -1.0]]))
def largest_of_all(xp, x):
    """Exponential of the largest element of a matrix, tied across rows."""
    return xp.exp(0.25 * xp.max(x))


@suite.case(tags=KINK, x=values([3.0, 1.0, 3.0, 1.0, 2.0]), w=normal(5))
def weighted_order(xp, x, w):
    """Weighted order statistics with two ties, weights differentiated."""
    return xp.sum(w * xp.sort(x))


@suite.case(tags=KINK, x=values([1.0, -2.0, 0.5]), y=values([-1.0, 2.0, 3.0]))
def larger_square(xp, x, y):
    """Larger of two squares that are equal, with opposite roots."""
    return xp.maximum(x * x, y * y)


@suite.case(tags=KINK, x=values([1.0, 2.0]), y=values([1.0, 3.0]), z=values([1.0, 2.0]))
def smallest_of_three(xp, x, y, z):
    """Minimum of three arrays, all equal in one place."""
    return xp.minimum(x, xp.minimum(y, z))


@suite.case(tags=KINK, x=values([[1.0, 1.0, 0.0, 2.0], [1.0, 1.0, 2.0, 0.0]]))
def pooled_patch(xp, x):
    """Max pooling of a constant patch and of a patch with one tie."""
    return xp.max(xp.reshape(x, (2, 2, 2)), axis=(0, 2))


@suite.case(tags=KINK, x=values([4.0, 1.0, 4.0, 4.0, 0.0]))
def two_largest(xp, x):
    """Sum of the two largest of which three tie."""
    ordered = xp.sort(x)
    return ordered[-1] + ordered[-2]


@suite.case(tags=KINK, x=values([2.0, -1.0, 2.0, -1.0, 0.5]))
def span(xp, x):
    """Largest minus smallest, both tied."""
    return xp.max(x) - xp.min(x)


@suite.case(tags=KINK, x=values([1.0, 3.0, 2.0, 2.0, 5.0]))
def median_with_tie(xp, x):
    """Median by sorting, a tie in the middle."""
    return xp.sort(x)[2] ** 2


@suite.case(tags=KINK, x=values([3.0, -3.0, 1.0, 3.0]))
def largest_absolute(xp, x):
    """Infinity norm, attained with both signs."""
    return xp.max(xp.abs(x))


@suite.case(
    tags=KINK, x=values([0.5, 1.0, 2.0]), low=values([0.5, 0.0, 1.0]), high=values([1.5, 1.0, 3.0])
)
def clip_by_arrays(xp, x, low, high):
    """Clip by differentiated bounds that are met."""
    return xp.minimum(xp.maximum(x, low), high)


@suite.case(tags=KINK, x=normal(4), w=positive(4))
def larger_of_same(xp, x, w):
    """maximum(x, x): tied everywhere, yet smooth."""
    return w * xp.maximum(x, x) - xp.minimum(w * x, x * w)


@suite.case(tags=KINK, x=values([1.0, 1.0, 0.5, 2.0, 2.0]))
def running_maximum(xp, x):
    """Running maximum over equal neighbours."""
    top, told = x[0], []
    for k in range(5):
        top = xp.maximum(top, x[k])
        told.append(top)
    return xp.stack(told)


@suite.case(tags=KINK, x=values([[0.0, -1.0, 0.0], [-2.0, -1.0, -3.0]]))
def relu_of_maximum(xp, x):
    """ReLU of a tied maximum that is zero."""
    return xp.maximum(xp.max(x, axis=1), 0.0)


@suite.case(tags=KINK, x=values([1.5, 1.5, -1.0]), w=constant(normal(3)))
def maximum_after_softmax(xp, x, w):
    """Largest probability of a softmax with tied logits."""
    weight = xp.exp(x)
    return xp.max(weight / xp.sum(weight)) + xp.sum(w * weight)


@suite.case(tags=KINK, x=values([[2.0, 1.0, 2.0], [1.0, 2.0, 0.0]]), y=normal(2, 3))
def sum_of_column_maxima(xp, x, y):
    """Row maxima minus column maxima, with ties, and a smooth part."""
    return xp.sum(xp.max(x, axis=1)) - xp.sum(xp.max(x, axis=0)) + xp.sum(x * y)
