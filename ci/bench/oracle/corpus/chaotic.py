"""Long compositions and chaotic maps, whose slopes grow or are steep waves."""

from gradtier.cases import Suite, constant, normal, positive, uniform, values

suite = Suite("chaotic", "Chaotic maps, deep compositions, long recurrences")

RING = constant(values([[float(abs(i - j) in (1, 5)) for i in range(6)] for j in range(6)]))
START = 5.0
LINEAR = constant(values([[-10.0, 10.0, 0.0], [28.0, -1.0, 0.0], [0.0, 0.0, -2.667]]))
TURN = constant(values([[0.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]))


def _lorenz(xp, state, linear, turn, steps):
    # As products of matrices: unrolled scalars take XLA minutes to compile.
    for _ in range(steps):
        rate = xp.matmul(linear, state) + state[0] * xp.matmul(turn, state)
        state = state + 0.02 * rate
    return state


def _logistic_map(x, r, steps):
    for _ in range(steps):
        x = r * x * (1.0 - x)
    return x


@suite.case(x=uniform(3, low=0.2, high=0.8), r=uniform(low=3.6, high=3.9))
def logistic_20(xp, x, r):
    """Logistic map, 20 steps."""
    return _logistic_map(x, r, 20)


@suite.case(x=uniform(3, low=0.2, high=0.8), r=uniform(low=3.6, high=3.9))
def logistic_30(xp, x, r):
    """Logistic map, 30 steps."""
    return _logistic_map(x, r, 30)


@suite.case(x=uniform(2, low=0.2, high=0.8), r=uniform(low=3.6, high=3.9))
def logistic_40(xp, x, r):
    """Logistic map, 40 steps."""
    return _logistic_map(x, r, 40)


@suite.case(x=uniform(4, low=0.3, high=1.5))
def repeated_sine(xp, x):
    """sin(3 x), eight times over."""
    for _ in range(8):
        x = xp.sin(3.0 * x)
    return x


@suite.case(x=normal(4))
def fast_wave(xp, x):
    """A wave of frequency 1000 on a slow one."""
    return xp.sin(1000.0 * x) + xp.sin(x)


@suite.case(state=normal(3), p=uniform(3, low=0.9, high=1.1), linear=LINEAR, turn=TURN)
def lorenz_30(xp, state, p, linear, turn):
    """Lorenz system, 30 Euler steps, its three parameters differentiated."""
    return _lorenz(xp, state + START, xp.expand_dims(p, axis=1) * linear, turn, 30)


@suite.case(state=normal(3), linear=LINEAR, turn=TURN)
def lorenz_60(xp, state, linear, turn):
    """Lorenz system, 60 Euler steps."""
    return _lorenz(xp, state + START, linear, turn, 60)


@suite.case(x=positive(4), b=positive())
def continued_fraction(xp, x, b):
    """Continued fraction of depth 15."""
    value = x
    for k in range(15, 0, -1):
        value = k + b * x / value
    return value


@suite.case(x=uniform(2, low=-0.1, high=0.1), a=uniform(low=1.35, high=1.4))
def henon(xp, x, a):
    """Henon map, 15 steps."""
    p, q = x[0], x[1]
    for _ in range(15):
        p, q = 1.0 - a * p * p + q, 0.3 * p
    return xp.stack([p, q])


@suite.case(x=uniform(2, low=1.0, high=2.0), k=uniform(low=0.9, high=1.2))
def standard_map(xp, x, k):
    """Kicked rotor, 10 kicks."""
    angle, momentum = x[0], x[1]
    for _ in range(10):
        momentum = momentum + k * xp.sin(angle)
        angle = angle + momentum
    return xp.sin(angle), momentum


@suite.case(x=normal(4), w=normal(4, 4, scale=0.75))
def deep_tanh(xp, x, w):
    """Tanh network of 30 equal layers."""
    for _ in range(30):
        x = xp.tanh(xp.matmul(w, x))
    return x


@suite.case(x=positive(4))
def exponential_tower(xp, x):
    """exp(-x) of itself, 25 times."""
    for _ in range(25):
        x = xp.exp(-x)
    return x


@suite.case(x=uniform(6, low=0.1, high=0.9), e=uniform(low=0.1, high=0.3), ring=RING)
def coupled_maps(xp, x, e, ring):
    """Six logistic maps coupled on a ring, 12 steps."""
    for _ in range(12):
        y = 3.7 * x * (1.0 - x)
        x = (1.0 - e) * y + 0.5 * e * xp.matmul(ring, y)
    return x


@suite.case(c=uniform(2, low=-0.3, high=0.3))
def mandelbrot_orbit(xp, c):
    """z**2 + c, eight steps, as pairs of real numbers."""
    re, im = c[0], c[1]
    for _ in range(8):
        re, im = re * re - im * im + c[0], 2.0 * re * im + c[1]
    return re, im


@suite.case(x=positive(5))
def nested_radicals(xp, x):
    """Square roots nested 20 deep."""
    value = x
    for k in range(20, 0, -1):
        value = xp.sqrt(k + x * value)
    return value


@suite.case(
    angle=uniform(2, low=0.5, high=1.5), momentum=normal(2), g=uniform(1, low=0.8, high=1.2),
    gaps=constant(values([[1.0, -1.0], [1.0, 0.0], [0.0, 1.0]])),
)  # fmt: skip
def double_pendulum(xp, angle, momentum, g, gaps):
    """Two coupled pendulums, 20 symplectic steps."""
    weight = xp.concat([1.0 + 0.0 * g, 2.0 * g, g], axis=0)
    pull = -0.1 * xp.permute_dims(gaps, (1, 0)) * weight
    for _ in range(20):
        momentum = momentum + xp.matmul(pull, xp.sin(xp.matmul(gaps, angle)))
        angle = angle + 0.1 * momentum
    return angle, momentum


@suite.case(x=uniform(3, low=1.2, high=2.8))
def newton_towards_root(xp, x):
    """Newton's method for a cube root of two: the slope vanishes at the fixed point."""
    for _ in range(5):
        x = x - (x**3 - 2.0) / (3.0 * x * x)
    return x
