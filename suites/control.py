"""Python control flow around array functions: unrolled loops, branches, recursion."""

import math

from gradtier.cases import Suite, constant, normal, positive, rule, spd, uniform, values

suite = Suite("control", "Control flow: loops, branches, recursion, iterative solvers")


@suite.case(x=normal(5), a=constant(normal(5, 5, scale=0.2)))
def fixed_point(xp, x, a):
    """Fixed point of a contraction, 12 iterations"""
    y = x
    for _ in range(12):
        y = xp.tanh(xp.matmul(a, y)) + x
    return y


@suite.case(x=positive(5))
def newton_root(xp, x):
    """Square root by Newton's method"""
    y = 0.5 * (x + 1.0)
    for _ in range(6):
        y = 0.5 * (y + x / y)
    return y


@suite.case(x=normal(8, 5), decay=uniform(5, low=0.25, high=0.75))
def scan(xp, x, decay):
    """Linear recurrence over the rows of an array, every state kept"""
    state, states = x[0, :], []
    for step in range(8):
        state = decay * state + x[step, :]
        states.append(state)
    return xp.stack(states)


@suite.case(a=spd(4), v=positive(4))
def power_iteration(xp, a, v):
    """Power iteration, 5 steps, and the Rayleigh quotient"""
    for _ in range(5):
        v = xp.matmul(a, v)
        v = v / xp.sqrt(xp.sum(v * v))
    return xp.sum(v * xp.matmul(a, v))


@suite.case(x=normal(4, 3), w=normal(3, 5))
def branch_static(xp, x, w):
    """Branch on a shape"""
    return xp.matmul(x, w) if x.shape[-1] == w.shape[0] else xp.sum(x)


@suite.case(x=values([-2.0, -0.5, 0.5, 2.0, 3.0]))
def branch_where(xp, x):
    """Branch by where, the untaken side kept finite"""
    inside = x > 0.0
    safe = xp.where(inside, x, 1.0)
    return xp.where(inside, xp.log(safe) * xp.sqrt(safe), x * x)


@suite.case(tags=("value-branch",), x=values([1.5, -0.5, 2.0, 0.25, -1.0]))
def branch_value(xp, x):
    """Branch in Python on a differentiated value"""
    if x[0] > 0.0:
        return xp.sin(x) * x[0]
    return xp.exp(x)


@suite.case(tags=("value-branch",), x=values([3.0, -1.0, 2.0, 0.5, -2.0]))
def loop_value(xp, x):
    """Loop in Python until a value is small"""
    while xp.sum(x * x) > 1.0:
        x = 0.5 * xp.sin(x)
    return x


@suite.case(x=normal(8))
def recursion(xp, x):
    """Recursion: halves are combined pairwise"""

    def combined(part):
        half = part.shape[0] // 2
        return part if half == 0 else xp.sin(combined(part[:half])) * combined(part[half:])

    return combined(x + 2.0)


@suite.case(b=positive(5), c=positive(5))
def implicit_root(xp, b, c):
    """Root of y**3 + b y = c by Newton's method, 8 iterations"""
    y = c / (b + 1.0)
    for _ in range(8):
        y = y - (y * y * y + b * y - c) / (3.0 * y * y + b)
    return y


@suite.case(y=positive(2), rate=positive(4))
def ode_euler(xp, y, rate):
    """Predator and prey, 10 Euler steps"""
    prey, hunter = y[0], y[1]
    for _ in range(10):
        meeting = 0.05 * prey * hunter
        prey, hunter = (
            prey + 0.05 * rate[0] * prey - rate[1] * meeting,
            hunter + rate[2] * meeting - 0.05 * rate[3] * hunter,
        )
    return xp.stack([prey, hunter])


@suite.case(state=(normal(3), normal(3)), damping=positive())
def ode_rk4(xp, state, damping):
    """Damped pendulums, 2 RK4 steps, state in a tuple"""

    def moved(s, h, d):
        return s[0] + h * d[0], s[1] + h * d[1]

    def field(s):
        return s[1], -xp.sin(s[0]) - damping * s[1]

    for _ in range(2):
        k1 = field(state)
        k2 = field(moved(state, 0.125, k1))
        k3 = field(moved(state, 0.125, k2))
        k4 = field(moved(state, 0.25, k3))
        for weight, k in ((1, k1), (2, k2), (2, k3), (1, k4)):
            state = moved(state, weight / 24.0, k)
    return state


@suite.case(x=normal(5), rate=uniform(low=0.5, high=1.0))
def long_chain(xp, x, rate):
    """Chain of 50 small steps"""
    for _ in range(50):
        x = x + 0.02 * rate * xp.sin(x)
    return x


@suite.case(x=uniform(5, low=-0.5, high=0.5))
def early_exit(xp, x):
    """Taylor series of exp, left when a static bound is met"""
    term = total = xp.ones_like(x)
    for n in range(1, 30):
        term = term * x / n
        total = total + term
        if 0.5**n / math.factorial(n) < 1e-8:
            break
    return total


@suite.case(tags=("value-branch",), x=values([1.5, -0.5, 2.0, 0.25, -1.0]))
def masked_away(xp, x):
    """Entries chosen by their values: how many is known when it runs"""
    chosen = x[x > 0.0]
    return xp.sum(xp.sin(chosen) * chosen)


@suite.case(x=normal(3))
def recursion_memoised(xp, x):
    """Recursion that keeps what it has computed, and uses it again"""
    kept = {0: xp.sin(x), 1: x}

    def term(n):
        if n not in kept:
            kept[n] = 0.5 * term(n - 1) + xp.cos(term(n - 2))
        return kept[n]

    return term(6)


@suite.case(tags=("value-branch",), x=values([1.5, 0.5, 2.0]))
def loop_left(xp, x):
    """Endless loop in Python, left from its middle"""
    y = x
    while True:
        y = 0.5 * y
        if xp.max(y) < 0.4:
            break
        y = y + 0.125 * xp.cos(x)
    return y * x


def _settled(xp, w, x):
    y = x
    for _ in range(40):
        y = xp.tanh(xp.matmul(w, y)) + x
    return y


def _slopes(xp, w, y):
    """The slopes of tanh at w y, as a column, and what is left of the identity."""
    t = xp.tanh(xp.matmul(w, y))
    slope = xp.reshape(1.0 - t * t, (-1, 1))
    return slope, xp.eye(w.shape[0], dtype=w.dtype) - slope * w


def _settled_pushforward(xp, apply, x, dx):
    y = apply(*x)
    slope, left = _slopes(xp, x[0], y)
    right = slope[:, 0] * xp.matmul(dx[0], y) + dx[1]
    return xp.linalg.solve(left, xp.reshape(right, (-1, 1)))[:, 0]


def _settled_pullback(xp, apply, x, dy):
    y = apply(*x)
    slope, left = _slopes(xp, x[0], y)
    u = xp.linalg.solve(xp.matrix_transpose(left), xp.reshape(dy, (-1, 1)))
    return slope * u * xp.reshape(y, (1, -1)), u[:, 0]


@suite.case(
    w=normal(3, 3, scale=0.2),
    x=normal(3),
    rules={"settled": rule(_settled, _settled_pushforward, _settled_pullback)},
)
def implicit_fixed_point(xp, w, x, settled):
    """Fixed point whose rule is the implicit function theorem's"""
    return settled(w, x) * x


def _lowest(xp, a, b):
    y = 0.0 * b
    for _ in range(8):
        slope = xp.matmul(a, y) + xp.exp(y) - b
        y = y - xp.linalg.solve(_curvature(xp, a, y), xp.reshape(slope, (-1, 1)))[:, 0]
    return y


def _curvature(xp, a, y):
    return a + xp.eye(a.shape[0], dtype=a.dtype) * xp.exp(y)


def _lowest_pushforward(xp, apply, x, dx):
    y = apply(*x)
    right = xp.reshape(dx[1] - xp.matmul(dx[0], y), (-1, 1))
    return xp.linalg.solve(_curvature(xp, x[0], y), right)[:, 0]


def _lowest_pullback(xp, apply, x, dy):
    y = apply(*x)
    turned = xp.matrix_transpose(_curvature(xp, x[0], y))
    u = xp.linalg.solve(turned, xp.reshape(dy, (-1, 1)))
    return -u * xp.reshape(y, (1, -1)), u[:, 0]


@suite.case(
    a=spd(3),
    b=normal(3),
    rules={"lowest": rule(_lowest, _lowest_pushforward, _lowest_pullback)},
)
def implicit_argmin(xp, a, b, lowest):
    """Minimiser of y.a.y / 2 + sum(exp(y)) - b.y, with an implicit rule"""
    return lowest(a, b)


def _cubic(xp, b, c):
    y = c / (b + 1.0)
    for _ in range(10):
        y = y - (y * y * y + b * y - c) / (3.0 * y * y + b)
    return y


def _cubic_pushforward(xp, apply, x, dx):
    y = apply(*x)
    return (dx[1] - y * dx[0]) / (3.0 * y * y + x[0])


def _cubic_pullback(xp, apply, x, dy):
    y = apply(*x)
    u = dy / (3.0 * y * y + x[0])
    return -y * u, u


@suite.case(
    b=positive(4),
    c=positive(4),
    rules={"cubic": rule(_cubic, _cubic_pushforward, _cubic_pullback)},
)
def implicit_root_ruled(xp, b, c, cubic):
    """Root of y**3 + b y = c with an implicit rule, used in a loop"""
    y = c
    for _ in range(2):
        y = cubic(b, y)
    return y
