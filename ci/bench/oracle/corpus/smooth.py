"""Smooth functions of a few leaves, elementwise or of a physical or statistical kind."""

import math

from gradtier.cases import Suite, constant, distinct, normal, positive, uniform, values

suite = Suite("smooth", "Smooth compositions of elementary functions")

# Corners of a square of side 4: points moved by up to 0.5 from them never meet.
CORNERS = constant(values([[-2.0, -2.0], [2.0, -2.0], [2.0, 2.0], [-2.0, 2.0]]))


def _squared_distance(xp, r, i, j):
    gap = r[i, :] - r[j, :]
    return xp.sum(gap * gap)


@suite.case(x=normal(4, 3), y=normal(3))
def swirl(xp, x, y):
    """Waves of a product, damped."""
    return xp.sin(x * y) + xp.cos(x) * xp.exp(-y * y)


@suite.case(x=normal(7, scale=2.0))
def rational(xp, x):
    """Cubic over a quadratic without real roots."""
    return (x**3 - 2.0 * x + 1.0) / (x * x + 2.0)


@suite.case(x=normal(5), m=normal(3), s=positive(3), w=positive(3))
def gaussian_mixture(xp, x, m, s, w):
    """Log density of a mixture of three Gaussians, summed over points."""
    z = (xp.expand_dims(x, axis=1) - m) / s
    density = xp.sum(w / xp.sum(w) * xp.exp(-0.5 * z * z) / s, axis=1)
    return xp.sum(xp.log(density + 1e-3))


@suite.case(x=normal(8, scale=0.5))
def rosenbrock(xp, x):
    """Chained Rosenbrock function."""
    return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


@suite.case(c=normal(6), x=uniform(5, low=-1.5, high=1.5))
def horner(xp, c, x):
    """Polynomial by Horner's rule, coefficients differentiated."""
    value = c[5] + 0.0 * x
    for k in (4, 3, 2, 1, 0):
        value = value * x + c[k]
    return value


@suite.case(x=normal(3, 2), y=normal(3, 1), z=normal(2))
def nested_waves(xp, x, y, z):
    """Sine of a cosine of a sine."""
    return xp.sin(xp.cos(xp.sin(x) + y) * z)


@suite.case(x=positive(4), y=positive(4), z=positive())
def power_tower(xp, x, y, z):
    """Power whose exponent is a power."""
    return x ** (y**z)


@suite.case(x=normal(4, 2, scale=0.2), corner=CORNERS)
def lennard_jones(xp, x, corner):
    """Potential energy of four atoms near the corners of a square."""
    r, energy = x + corner, 0.0
    for i in range(4):
        for j in range(i):
            inverse = (3.0 / _squared_distance(xp, r, i, j)) ** 3
            energy = energy + inverse * inverse - 2.0 * inverse
    return energy


@suite.case(x=normal(4, 2, scale=0.2), mass=positive(4), corner=CORNERS)
def gravity(xp, x, mass, corner):
    """Gravitational energy and the centre of mass."""
    r, energy = x + corner, 0.0
    for i in range(4):
        for j in range(i):
            energy = energy - mass[i] * mass[j] / xp.sqrt(_squared_distance(xp, r, i, j))
    return energy, xp.matmul(mass, r) / xp.sum(mass)


@suite.case(r=positive(4), polar=uniform(4, low=0.5, high=2.5), around=uniform(4, low=-1, high=1))
def spherical_round_trip(xp, r, polar, around):
    """Spherical coordinates to Cartesian ones, sheared, and back."""
    x = r * xp.sin(polar) * xp.cos(around) + 0.25 * r
    y = r * xp.sin(polar) * xp.sin(around)
    z = r * xp.cos(polar)
    flat = x * x + y * y
    return xp.sqrt(flat + z * z), xp.atan2(xp.sqrt(flat), z), xp.atan2(y, x)


@suite.case(angle=normal(6), mean=normal(), focus=positive())
def circular_log_likelihood(xp, angle, mean, focus):
    """Unnormalised von Mises log likelihood with a quadratic prior."""
    return xp.sum(focus * xp.cos(angle - mean)) - 0.5 * mean * mean - xp.exp(-focus)


@suite.case(x=normal(6, 3), w=normal(3), b=normal(), y=constant(uniform(6)))
def logistic_likelihood(xp, x, w, b, y):
    """Logistic regression with soft labels, stable form."""
    score = xp.matmul(x, w) + b
    return xp.mean(xp.logaddexp(0.0 * score, score) - y * score) + 0.1 * xp.sum(w * w)


@suite.case(x=uniform(5, low=-0.9, high=0.9), y=normal(5))
def hyperbolic_mix(xp, x, y):
    """Hyperbolic functions and their inverses, composed."""
    return xp.sinh(x) / xp.cosh(y) + xp.arcsinh(x * y) * xp.arctanh(0.9 * x)


@suite.case(x=normal(5), y=normal(5))
def inverse_trigonometric_mix(xp, x, y):
    """Inverse trigonometric functions of squashed arguments."""
    return xp.arcsin(0.9 * xp.tanh(x)) * xp.arctan(y) - xp.arccos(0.9 * xp.sin(y))


@suite.case(q=positive(4), v=normal(5, 3))
def quaternion_rotation(xp, q, v):
    """Vectors rotated by a quaternion that is normalised first."""
    q = q / xp.sqrt(xp.sum(q * q))
    w, axis = q[0], q[1:]
    x, y, z = v[:, 0], v[:, 1], v[:, 2]

    def crossed(a, b, c):
        return axis[1] * c - axis[2] * b, axis[2] * a - axis[0] * c, axis[0] * b - axis[1] * a

    once = crossed(x, y, z)
    twice = crossed(*once)
    moved = [p + 2.0 * (w * a + b) for p, a, b in zip((x, y, z), once, twice, strict=True)]
    return xp.stack(moved, axis=1)


@suite.case(x=normal(3), a=normal(3, 4), y=normal(4))
def bilinear_energy(xp, x, a, y):
    """Tanh of a bilinear form plus the forms of its parts."""
    return xp.tanh(xp.matmul(x, xp.matmul(a, y))) + xp.matmul(xp.sin(x), xp.matmul(a, xp.cos(y)))


@suite.case(x=uniform(8, low=-1.2, high=1.2))
def tangent(xp, x):
    """Tangent alone."""
    return xp.tan(x)


@suite.case(x=positive(3, 3, low=0.1, high=3.0))
def fractional_powers(xp, x):
    """Powers 1/3, -2.7 and 0.9, and a square root of a sum."""
    return x ** (1.0 / 3.0) + x**-2.7, xp.sqrt(xp.sum(x**0.9, axis=0))


@suite.case(t=uniform(6), p={"rate": positive(), "level": [normal(), positive()]})
def gompertz_growth(xp, t, p):
    """Gompertz curve with its parameters in a tree."""
    low, high = p["level"]
    return low + high * xp.exp(-3.0 * xp.exp(-p["rate"] * t))


@suite.case(x=distinct(6, low=0.2, high=3.0))
def logarithms(xp, x):
    """Logarithms of several bases of shifted arguments, multiplied."""
    return xp.log(x) * xp.log2(x + 1.0) - xp.log10(x + 0.5) * xp.log1p(x)


@suite.case(x=normal(3, 4, scale=0.5))
def kinetic_of_angles(xp, x):
    """Kinetic energy of a chain of links, angles and speeds in one array."""
    angle, speed = x[:, :2], x[:, 2:]
    vx = xp.sum(speed * xp.cos(angle), axis=1)
    vy = xp.sum(speed * xp.sin(angle), axis=1)
    return 0.5 * (vx * vx + vy * vy) + math.pi * xp.sum(1.0 - xp.cos(angle), axis=1)
