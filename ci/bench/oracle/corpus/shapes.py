"""Unusual shapes and structures: scalars, empty arrays, axes of size one, constant outputs."""

from gradtier.cases import Suite, constant, normal, positive, values

suite = Suite("shapes", "Scalars, empty arrays, broadcasting leaves, many outputs")


@suite.case(x=positive())
def scalar_chain(xp, x):
    """A scalar through a chain of functions."""
    return xp.log(xp.sin(0.5 * x) + x**2.5)


@suite.case(x=normal(), y=normal(), z=positive())
def three_scalars(xp, x, y, z):
    """Three scalar leaves, two scalar outputs."""
    return x * y / z, xp.exp(-z) * xp.cos(x)


@suite.case(x=normal(), v=normal(5), m=normal(5, 5))
def scalar_vector_matrix(xp, x, v, m):
    """Leaves of ranks 0, 1 and 2 in one expression."""
    return x * xp.matmul(m, v) + v * x**2 - xp.sum(m) * x


@suite.case(x=normal(3), empty=normal(0))
def empty_leaf(xp, x, empty):
    """A leaf without elements beside one with three."""
    return xp.tanh(x) + xp.sum(empty)


@suite.case(x=normal(2, 3), empty=normal(0, 3))
def empty_rows(xp, x, empty):
    """An array of no rows joined to one of two; one output is empty."""
    return xp.concat([empty, x * x], axis=0), empty * 2.0


@suite.case(x=normal(1, 4, 1), y=normal(3, 1, 2))
def axes_of_one(xp, x, y):
    """Axes of size one that broadcast against each other."""
    return xp.sin(x) * y + xp.sum(x, axis=2, keepdims=True)


@suite.case(x=normal(1, 1, 1))
def only_axes_of_one(xp, x):
    """One element in three axes, squeezed."""
    return xp.squeeze(x, axis=0) ** 3, xp.sum(x)


@suite.case(a=normal(3, 1), b=normal(1, 4), c=normal(), d=normal(4), e=normal(3, 4))
def five_leaves(xp, a, b, c, d, e):
    """Five leaves of five shapes that broadcast."""
    return a * b + c * d * e - xp.tanh(e + c)


@suite.case(x=normal(4), unused=normal(2, 2), also=normal())
def unused_leaves(xp, x, unused, also):
    """Two leaves that no output depends on."""
    return xp.cos(x) * x


@suite.case(x=normal(5, mean=1.5, scale=0.25))
def integer_powers(xp, x):
    """Powers 0 to 4, -1 and -2."""
    return x**0, x**1 + x**2, x**3 * x**4, x**-1 - x**-2


@suite.case(x=values([-2.0, 0.0, 1.0, 3.0]))
def integer_powers_at_zero(xp, x):
    """Powers 1 to 4 at zero and below."""
    return x**1, x**2, x**3 - x**4


@suite.case(x=normal(3), y=normal(2, 2))
def outputs_in_tree(xp, x, y):
    """Outputs in a dict of lists, some sharing inputs."""
    return {"b": [xp.sum(y) * x, xp.sin(y)], "a": xp.sum(x), "c": (y * y, x[:1])}


@suite.case(x=normal(3), c=constant(normal(2)))
def constant_output(xp, x, c):
    """One output depends on nothing that is differentiated."""
    return xp.exp(x), c * c


@suite.case(x=normal(4), y=normal(3))
def input_as_output(xp, x, y):
    """An input returned as it is, and its square."""
    return x, x * x, y


@suite.case(x=normal(2, 1, 2, 1, 3))
def five_axes(xp, x):
    """Five axes, reduced over three of them."""
    return xp.sum(xp.exp(0.5 * x) * x, axis=(0, 1, 4))


@suite.case(x=normal(4))
def cancelled_to_zero(xp, x):
    """Outputs that are zero for every input."""
    return x - x, 0.0 * xp.sin(x)


@suite.case(p=[normal(2) for _ in range(10)])
def ten_leaves(xp, p):
    """Ten leaves in a list, chained."""
    total = p[0]
    for k in range(1, 10):
        total = xp.tanh(total + p[k]) * p[k - 1]
    return total


@suite.case(x=normal(3, 4))
def one_element_of_many(xp, x):
    """An output that depends on one element."""
    return x[1, 2] ** 3


@suite.case(x=normal(1), y=normal(4))
def vector_of_one(xp, x, y):
    """A vector of one element that broadcasts against four."""
    return xp.sin(x * y), xp.sum(x) * y[0]


@suite.case(x=normal(6))
def identity(xp, x):
    """The input alone."""
    return x


@suite.case(x=normal(2, 2), y=normal(2, 2))
def repeated_output(xp, x, y):
    """One array in three outputs."""
    z = xp.matmul(x, y)
    return z, z, xp.permute_dims(z, (1, 0))
