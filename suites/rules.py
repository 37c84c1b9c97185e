"""Derivative rules that users state themselves, by each library's own mechanism.

The primals hold a term that is zero in value and whose derivative is NaN, so that a library which
differentiates through a primal, instead of calling the rule, shows it.
"""

from gradtier.cases import Suite, normal, positive, rule, spd, values

suite = Suite("rules", "Derivative rules of a user's own: honoured, and not differentiated through")

POINT = [0.25, -0.5, 1.25, 2.0]


def _poison(xp, x):
    """Zero wherever it is evaluated; its derivative is not a number at POINT."""
    away = x - xp.asarray(POINT)
    return xp.sqrt(away * away) - xp.abs(away)


def _sine(xp, x):
    return xp.sin(x) + _poison(xp, x)


def _sine_pushforward(xp, apply, x, dx):
    return xp.cos(x[0]) * dx[0]


def _sine_pullback(xp, apply, x, dy):
    return (xp.cos(x[0]) * dy,)


SINE = rule(_sine, _sine_pushforward, _sine_pullback)


@suite.case(x=values(POINT), rules={"sine": SINE})
def sine(xp, x, sine):
    """Rule of one argument"""
    return sine(x)


@suite.case(x=values(POINT), y=normal(4), rules={"sine": SINE})
def sine_inside(xp, x, y, sine):
    """Rule in the middle of other operations"""
    return xp.sum(xp.exp(0.5 * y) * sine(x + 0.0 * y) * x)


@suite.case(x=values(POINT), y=values(POINT), rules={"sine": SINE})
def sine_twice(xp, x, y, sine):
    """Rule used twice"""
    return sine(x) * sine(y)


def _product(xp, x, y):
    return x * xp.tanh(y) + _poison(xp, x) + _poison(xp, y)


def _product_pushforward(xp, apply, x, dx):
    t = xp.tanh(x[1])
    return dx[0] * t + x[0] * (1.0 - t * t) * dx[1]


def _product_pullback(xp, apply, x, dy):
    t = xp.tanh(x[1])
    return dy * t, dy * x[0] * (1.0 - t * t)


@suite.case(
    x=values(POINT),
    y=values(POINT),
    rules={"product": rule(_product, _product_pushforward, _product_pullback)},
)
def product(xp, x, y, product):
    """Rule of two arguments"""
    return product(x, y)


def _root(xp, x):
    y = 0.5 * x
    for _ in range(12):
        y = y - (y + xp.exp(y) - x) / (1.0 + xp.exp(y))
    return y + _poison(xp, x)


def _root_pushforward(xp, apply, x, dx):
    return dx[0] / (1.0 + xp.exp(apply(x[0])))


def _root_pullback(xp, apply, x, dy):
    return (dy / (1.0 + xp.exp(apply(x[0]))),)


@suite.case(x=values(POINT), rules={"root": rule(_root, _root_pushforward, _root_pullback)})
def implicit_root(xp, x, root):
    """Implicit function: the root of y + exp(y) = x, not through its iterations"""
    return root(x)


def _solve(xp, a, b):
    return xp.linalg.solve(a, xp.reshape(b, (4, 1)))[:, 0]


def _solve_pushforward(xp, apply, x, dx):
    y = apply(x[0], x[1])
    return apply(x[0], dx[1] - xp.matmul(dx[0], y))


def _solve_pullback(xp, apply, x, dy):
    y, u = apply(x[0], x[1]), apply(xp.matrix_transpose(x[0]), dy)
    return -xp.reshape(u, (4, 1)) * xp.reshape(y, (1, 4)), u


@suite.case(
    a=spd(4), b=normal(4), rules={"solve": rule(_solve, _solve_pushforward, _solve_pullback)}
)
def linear_solve(xp, a, b, solve):
    """Linear system whose rule solves another one"""
    return solve(a, b)


def _log1pexp(xp, x):
    return xp.log(1.0 + xp.exp(x))


def _log1pexp_pushforward(xp, apply, x, dx):
    return dx[0] / (1.0 + xp.exp(-x[0]))


def _log1pexp_pullback(xp, apply, x, dy):
    return (dy / (1.0 + xp.exp(-x[0])),)


@suite.case(
    x=positive(2, 3),
    w=normal(3, 2),
    rules={"softplus": rule(_log1pexp, _log1pexp_pushforward, _log1pexp_pullback)},
)
def softplus_layer(xp, x, w, softplus):
    """Activation with a rule between two layers"""
    return xp.matmul(softplus(xp.matmul(x, w)), xp.matrix_transpose(w))
