"""Jumps: floors, roundings, signs and comparisons, beside the jump and exactly on it."""

from gradtier.cases import Suite, distinct, normal, positive, values

suite = Suite("jumps", "Jumps: step functions beside and on their steps")

JUMP = ("jump",)
ON = ("jump", "undefined")
BESIDE = values([-1.75, -0.25, 0.625, 1.25, 2.875])
INTEGERS = values([-1.0, 0.0, 0.5, 2.0])


@suite.case(tags=JUMP, x=BESIDE)
def floor_beside(xp, x):
    """Floor of x times x, between integers."""
    return xp.floor(x) * x


@suite.case(tags=ON, x=INTEGERS)
def floor_on(xp, x):
    """Floor at integers."""
    return xp.floor(x) + 0.5 * x


@suite.case(tags=JUMP, x=BESIDE)
def round_beside(xp, x):
    """Quantisation to quarters plus a smooth part."""
    return xp.round(4.0 * x + 0.25) / 4.0 + xp.sin(x)


@suite.case(tags=ON, x=values([0.5, 1.5, -0.5, 0.25]))
def round_on(xp, x):
    """Rounding at halves."""
    return xp.round(x) * (1.0 + x)


@suite.case(tags=JUMP, x=BESIDE)
def sign_beside(xp, x):
    """Sign times a function that is not zero at zero."""
    return xp.sign(x) * xp.cos(x)


@suite.case(tags=ON, x=values([-1.0, 0.0, 2.0]))
def sign_on(xp, x):
    """Sign at zero."""
    return xp.sign(x) * (2.0 + x)


@suite.case(tags=JUMP, x=BESIDE, height=positive())
def step_beside(xp, x, height):
    """Step of a differentiated height, beside zero."""
    return xp.where(x > 0.0, height, 0.0 * height) + x * x


@suite.case(tags=ON, x=values([-0.5, 0.0, 1.0]), height=positive())
def step_on(xp, x, height):
    """Step of a differentiated height, at zero."""
    return xp.where(x > 0.0, height, 0.0 * height) + x * x


@suite.case(tags=ON, x=values([0.0, 1.0, -2.0, 0.0]))
def branches_on(xp, x):
    """Two branches that do not meet, at the switch."""
    return xp.where(x >= 0.0, x * x + 1.0, -x)


@suite.case(tags=JUMP, x=distinct(6, low=-2.0, high=2.0))
def branches_beside(xp, x):
    """Two branches that do not meet, away from the switch."""
    return xp.where(x >= 0.0, xp.exp(-x) + 1.0, xp.sin(x) - 1.0)


@suite.case(tags=JUMP, x=BESIDE)
def sawtooth_beside(xp, x):
    """Fractional part, squared."""
    return (x - xp.floor(x)) ** 2


@suite.case(tags=ON, x=INTEGERS)
def sawtooth_on(xp, x):
    """Fractional part at integers, summed."""
    return xp.sum(x - xp.floor(x))


@suite.case(tags=JUMP, x=BESIDE)
def truncation(xp, x):
    """Integer part by trunc and by ceil, between integers."""
    return xp.trunc(x) * x - xp.ceil(x)


@suite.case(tags=JUMP, x=BESIDE, y=normal(5))
def count_times_smooth(xp, x, y):
    """Number of positive elements times a smooth sum."""
    count = xp.sum(xp.where(x > 0.0, xp.ones_like(x), xp.zeros_like(x)))
    return count * xp.sum(x * y)


@suite.case(tags=JUMP, x=distinct(5), y=normal(5))
def chosen_by_other(xp, x, y):
    """Branches chosen by an input that the branches do not use."""
    return xp.where(x > 0.0, y * y, xp.exp(y))


@suite.case(tags=ON, x=values([1.0, 2.0, 3.0]), y=values([1.0, 0.0, 5.0]))
def comparison_on(xp, x, y):
    """Branches chosen by comparing two inputs that are equal."""
    return xp.where(x > y, x + y, x - 2.0 * y)


@suite.case(tags=JUMP, x=values([-0.75, 0.25, 1.5, -2.25]))
def masked_root(xp, x):
    """Square root under a mask that hides its own domain error."""
    return xp.where(x > 0.0, xp.sqrt(x), 0.25 * x)


@suite.case(tags=JUMP, x=positive(4, low=1.1, high=1.9))
def remainder_beside(xp, x):
    """Remainder of a division by a number that is no divisor."""
    return x**3 - 0.75 * xp.floor(x / 2.0 + 0.02) + x % 2.0
