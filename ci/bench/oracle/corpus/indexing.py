"""Functions that move, select and repeat elements, inside smooth compositions."""

from gradtier.cases import Suite, boolean, constant, distinct, integers, normal, positive, values

suite = Suite("indexing", "Indexing, shifting, joining, masking, cumulative functions")


@suite.case(x=normal(5, 3), row=integers(7, high=5), w=normal(7, 1))
def gathered_products(xp, x, row, w):
    """Rows gathered with repetition times the rows shifted by one."""
    picked = xp.take(x, row, axis=0)
    return w * picked * xp.roll(picked, 1, axis=0)


@suite.case(x=normal(4, 5), column=integers(4, 2, high=5))
def picked_per_row(xp, x, column):
    """Two elements of each row, chosen by index, tanh of their product."""
    picked = xp.take_along_axis(x, column, axis=1)
    return xp.tanh(picked[:, 0] * picked[:, 1])


@suite.case(x=normal(6), shift=constant(values([1, 2, 3])))
def laplacian_on_ring(xp, x, shift):
    """Nonlinear Laplacian on a ring by rolls."""
    left, right = xp.roll(x, 1, axis=0), xp.roll(x, -1, axis=0)
    return xp.sin(left) - 2.0 * x + xp.sin(right) + 0.0 * xp.sum(shift)


@suite.case(x=normal(3, 4), y=normal(2, 4), z=normal(5))
def joined(xp, x, y, z):
    """Arrays joined along one axis, then by a product with a vector."""
    rows = xp.concat([x, xp.exp(y)], axis=0)
    return xp.matmul(z, rows) * xp.concat([x[0, :2], y[1, 2:]], axis=0)


@suite.case(x=normal(4), y=normal(4), z=normal(4))
def stacked_determinants(xp, x, y, z):
    """Two-by-two minors of stacked vectors."""
    m = xp.stack([x, y, z], axis=0)
    return m[:2, None, :] * m[None, 1:, :] - m[1:, None, :] * m[None, :2, :]


@suite.case(x=normal(2, 3, 4))
def permuted_views(xp, x):
    """Reshapes and permutations multiplied by the original order."""
    turned = xp.reshape(xp.permute_dims(x, (2, 0, 1)), (2, 3, 4))
    return xp.cos(turned) * x


@suite.case(x=normal(3, 1), y=normal(1, 4), z=normal(2, 1, 1))
def outer_by_broadcasting(xp, x, y, z):
    """Outer product of three arrays by broadcasting, divided by a sum."""
    return (x * y * z) / (2.0 + x * x + y * y)


@suite.case(x=normal(4, 3), y=normal(4, 3), mask=boolean(4, 3))
def masked_choice(xp, x, y, mask):
    """Choice by a mask between two functions of both inputs."""
    return xp.where(mask, xp.sin(x) * y, xp.exp(0.5 * y) - x)


@suite.case(x=normal(4, 4))
def lower_times_upper(xp, x):
    """Product of the lower and the upper triangle, diagonal twice."""
    return xp.matmul(xp.tril(x), xp.triu(xp.sin(x)))


@suite.case(x=normal(4, 4), y=normal(4))
def diagonal_scaling(xp, x, y):
    """Diagonal of a product, scaled, and a matrix with a scaled diagonal."""
    diagonal = xp.linalg.diagonal(xp.matmul(x, x))
    eye = xp.tril(xp.triu(xp.ones_like(x)))
    return diagonal * y, x + eye * y


@suite.case(x=positive(3, 4), w=normal(3, 4))
def cumulative_mixture(xp, x, w):
    """Cumulative sums along one axis of cumulative sums along the other."""
    return w * xp.log(xp.cumulative_sum(xp.cumulative_sum(x, axis=1), axis=0))


@suite.case(x=distinct(5, low=0.5, high=1.5))
def survival_curve(xp, x):
    """Cumulative products: weights of a geometric process."""
    left = xp.cumulative_prod(xp.exp(-x), axis=0)
    return left * x


@suite.case(x=normal(3, 4), w=normal(3, 4))
def palindrome(xp, x, w):
    """An array times its mirror images along both axes."""
    return w * x * xp.flip(x, axis=0) + xp.flip(xp.tanh(x), axis=1)


@suite.case(x=normal(2, 3), w=normal(4, 9))
def tiles(xp, x, w):
    """Tiled and repeated, multiplied."""
    return w * xp.tile(x, (2, 3)) * xp.tile(xp.repeat(x[:1, :], 4, axis=0), (1, 3))


@suite.case(x=normal(6), w=normal(3))
def padded_convolution(xp, x, w):
    """Convolution with zero padding by concatenation and slices."""
    zero = xp.zeros_like(x[:1])
    wide = xp.concat([zero, xp.sin(x), zero], axis=0)
    return w[0] * wide[:-2] + w[1] * wide[1:-1] + w[2] * wide[2:]


@suite.case(x=normal(5, 5), w=normal(3, 3))
def convolution_2d(xp, x, w):
    """Two-dimensional correlation by nine shifted slices."""
    total = 0.0
    for i in range(3):
        for j in range(3):
            total = total + w[i, j] * x[i : 3 + i, j : 3 + j]
    return xp.tanh(total)


@suite.case(x=normal(4, 6))
def strided_products(xp, x):
    """Even columns times reversed odd ones."""
    return x[:, ::2] * xp.flip(x[:, 1::2], axis=1) + x[::-1, :3] * 0.5


@suite.case(x=normal(3, 5), y=normal(5, 2))
def swapped_axes(xp, x, y):
    """Products with axes moved in front and squeezed away."""
    a = xp.expand_dims(xp.permute_dims(x, (1, 0)), axis=2)
    b = xp.expand_dims(y, axis=1)
    return xp.sum(a * xp.exp(0.5 * b), axis=0)


@suite.case(x=distinct(6), y=normal(6))
def ordered_by_other(xp, x, y):
    """One vector in the order of another, times its sorted values."""
    return xp.take(y, xp.argsort(x), axis=0) * xp.sort(x)


@suite.case(x=normal(7))
def second_differences(xp, x):
    """Energy of second differences."""
    bend = xp.diff(xp.diff(x, axis=0), axis=0)
    return xp.sum(bend**2) + xp.sum(bend[1:] * bend[:-1])


@suite.case(x=normal(4), y=normal(3))
def outer_twice(xp, x, y):
    """Outer product of outer products, by einsum."""
    return xp.einsum("i,j,k->ijk", x, y, xp.sin(x))
