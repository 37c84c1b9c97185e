"""Linear algebra: well-conditioned inputs, and only what does not depend on a choice of gauge.

Factors that are fixed up to signs (eigenvectors, Q of a QR) enter through combinations in which
the signs cancel.  Symmetric functions symmetrise their input themselves, so that every element of
it may be varied alone.
"""

import math

from gradtier.cases import (
    Suite,
    complex_normal,
    constant,
    distinct,
    normal,
    positive,
    spd,
    values,
)

suite = Suite("linalg", "Linear algebra: products, solvers, factorisations, norms")


def _transposed(xp, a):
    return xp.permute_dims(a, (1, 0))


def _symmetric(xp, a):
    return 0.5 * (a + _transposed(xp, a))


@suite.case(x=normal(2, 4, 3), y=normal(3, 5))
def matmul_batched(xp, x, y):
    """Matrix product, a batch times one matrix"""
    return xp.matmul(x, y)


@suite.case(a=normal(4, 3), v=normal(3), u=normal(4))
def matmul_vectors(xp, a, v, u):
    """Matrix-vector, vector-matrix and vector-vector products"""
    return xp.matmul(a, v), xp.matmul(u, a), xp.matmul(v, v)


@suite.case(a=spd(4), b=normal(4, 3))
def solve(xp, a, b):
    """Linear system, several right-hand sides"""
    return xp.linalg.solve(a, b)


@suite.case(a=spd(3, 2), b=normal(3))
def solve_vector(xp, a, b):
    """Batch of linear systems, one vector on the right"""
    return xp.linalg.solve(a, b)


@suite.case(a=spd(4))
def inverse(xp, a):
    """Matrix inverse"""
    return xp.linalg.inv(a)


@suite.case(a=spd(3, 2))
def determinant(xp, a):
    """Determinants of a batch"""
    return xp.linalg.det(a)


@suite.case(a=spd(4))
def log_determinant(xp, a):
    """Logarithm of the absolute determinant"""
    _, value = xp.linalg.slogdet(a)
    return value


@suite.case(a=spd(4))
def cholesky(xp, a):
    """Cholesky factor"""
    return xp.linalg.cholesky(_symmetric(xp, a))


@suite.case(a=normal(4, 3))
def qr(xp, a):
    """QR: projector on the column space, squares of R"""
    q, r = xp.linalg.qr(a)
    return xp.matmul(q, _transposed(xp, q)), r * r


@suite.case(a=spd(4))
def eigenvalues_symmetric(xp, a):
    """Eigenvalues of a symmetric matrix"""
    return xp.linalg.eigvalsh(_symmetric(xp, a))


@suite.case(a=spd(4))
def eigenvectors_symmetric(xp, a):
    """Matrix logarithm by eigenvectors, and their squares"""
    value, vector = xp.linalg.eigh(_symmetric(xp, a))
    logarithm = xp.matmul(vector * xp.log(value), _transposed(xp, vector))
    return logarithm, vector * vector


@suite.case(a=normal(4, 3))
def singular_values(xp, a):
    """Singular values"""
    return xp.linalg.svdvals(a)


@suite.case(a=normal(4, 3))
def singular_vectors(xp, a):
    """Nearest orthogonal frame by the thin SVD"""
    u, _, vh = xp.linalg.svd(a, full_matrices=False)
    return xp.matmul(u, vh)


@suite.case(a=normal(4, 3))
def pseudo_inverse(xp, a):
    """Pseudo-inverse of a tall matrix"""
    return xp.linalg.pinv(a)


@suite.case(a=normal(4, 3))
def norm_frobenius(xp, a):
    """Frobenius norm"""
    return xp.linalg.matrix_norm(a)


@suite.case(a=normal(4, 3))
def norm_nuclear(xp, a):
    """Nuclear norm"""
    return xp.linalg.matrix_norm(a, ord="nuc")


@suite.case(x=distinct(4, 3, low=-3.0, high=3.0))
def norm_vector(xp, x):
    """Vector norms of order 2 along each axis"""
    return xp.linalg.vector_norm(x, axis=0), xp.linalg.vector_norm(x, axis=1, keepdims=True)


@suite.case(x=distinct(12, low=0.5, high=2.0), sign=constant(distinct(12)))
def norm_vector_orders(xp, x, sign):
    """Vector norms of order 1, 3 and infinity"""
    x = x * xp.sign(sign)
    return tuple(xp.linalg.vector_norm(x, ord=order) for order in (1, 3, math.inf))


@suite.case(a=normal(4, 4), w=constant(normal(4)))
def trace_diagonal(xp, a, w):
    """Trace and diagonal"""
    return xp.linalg.trace(xp.matmul(a, a)), xp.linalg.diagonal(a) * w


@suite.case(a=normal(4, 4, scale=0.5))
def matrix_power(xp, a):
    """Third power of a matrix"""
    return xp.linalg.matrix_power(a, 3)


@suite.case(a=normal(8, 3), y=normal(8), ridge=positive())
def least_squares(xp, a, y, ridge):
    """Ridge regression by the normal equations"""
    transposed = _transposed(xp, a)
    identity = xp.tril(xp.triu(xp.ones_like(a[:3, :])))
    return xp.linalg.solve(xp.matmul(transposed, a) + ridge * identity, xp.matmul(transposed, y))


@suite.case(x=normal(3), mean=normal(3), covariance=spd(3))
def gaussian_log_density(xp, x, mean, covariance):
    """Log density of a multivariate Gaussian by a Cholesky factor"""
    factor = xp.linalg.cholesky(_symmetric(xp, covariance))
    z = xp.linalg.solve(factor, x - mean)
    half_log_det = xp.sum(xp.log(xp.linalg.diagonal(factor)))
    return -0.5 * xp.sum(z * z) - half_log_det - 1.5 * math.log(2.0 * math.pi)


SINGULAR = [
    [[2.0, 4.0, 1.0], [1.0, 2.0, 3.0], [4.0, 8.0, 5.0]],
    [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [4.0, 5.0, 7.0]],
]
RANK_ONE = [[1.0, -2.0, 4.0], [2.0, -4.0, 8.0], [-1.0, 2.0, -4.0]]
# An orthogonal matrix times diag(2, 1/4, 1/64, 1/4096): its condition number is 8192.
ILL = [[0.5, 0.125, 2.0**-7, 2.0**-13], [0.5, -0.125, 2.0**-7, -(2.0**-13)]]
ILL += [[0.5, 0.125, -(2.0**-7), -(2.0**-13)], [0.5, -0.125, -(2.0**-7), 2.0**-13]]
GENERAL = values(
    [[2.0 + 1.0j, 0.5 - 1.0j, -0.25j], [1.0j, -1.5 + 0.5j, 0.75], [0.5, -1.0 - 0.25j, 1.0 - 2.0j]]
)


def _parts(xp, z):
    return xp.real(z), xp.imag(z)


@suite.case(x=normal(4, 3), y=normal(4, 3))
def cross(xp, x, y):
    """Cross products along the last axis and along the first"""
    last = xp.linalg.cross(x, y)
    return last, xp.linalg.cross(x[:3, :], last[:3, :], axis=0)


@suite.case(x=normal(4), y=normal(3), a=normal(3, 4))
def products_of_vectors(xp, x, y, a):
    """Outer product; inner products along either axis, broadcast"""
    outer = xp.linalg.outer(x, y)
    return outer, xp.linalg.vecdot(a, x), xp.linalg.vecdot(outer, x[:, None], axis=-2)


@suite.case(x=normal(2, 3, 4), y=normal(3, 2, 2), z=normal(4, 2))
def tensordot(xp, x, y, z):
    """Tensor contractions over no axis, one, and two in another order"""
    pairs = xp.linalg.tensordot(x, y, axes=((0, 1), (2, 0)))
    return pairs, xp.linalg.tensordot(x, z, axes=1), xp.linalg.tensordot(pairs, z[0, :], axes=0)


@suite.case(a=normal(3, 1, 2, 3), b=normal(2, 3, 2), v=normal(3))
def matmul_broadcast(xp, a, b, v):
    """Matrix products of stacks that broadcast, and a vector on either side of a stack"""
    return xp.linalg.matmul(a, b), xp.linalg.matmul(v, b), xp.linalg.matmul(a, v)


@suite.case(a=complex_normal(3, 4), b=complex_normal(4, 2), v=complex_normal(4))
def products_complex(xp, a, b, v):
    """Complex matrix product, and an inner product, which conjugates its left side"""
    return *_parts(xp, xp.linalg.matmul(a, b)), *_parts(xp, xp.linalg.vecdot(a, v))


@suite.case(a=normal(2, 3, 4), w=constant(normal(2, 4, 3)))
def diagonals(xp, a, w):
    """Transposes, diagonals and traces of a stack, above and below the main diagonal"""
    product = xp.linalg.matrix_transpose(a) * w
    above, below = xp.linalg.diagonal(a, offset=1), xp.linalg.diagonal(product, offset=-2)
    return above * above, below, xp.linalg.trace(a, offset=2), xp.linalg.trace(product, offset=-1)


@suite.case(a=spd(3, 2), b=normal(3, 2), c=normal(4, 3, 1))
def solve_broadcast(xp, a, b, c):
    """Linear systems: a stack of matrices or of right-hand sides, broadcast"""
    return xp.linalg.solve(a, b), xp.linalg.solve(a[0, ...], c)


@suite.case(a=values(ILL), b=normal(4))
def solve_ill_conditioned(xp, a, b):
    """Linear system of condition number 8192, not symmetric"""
    return xp.linalg.solve(a, b)


@suite.case(a=GENERAL, b=complex_normal(3, 2))
def solve_complex(xp, a, b):
    """Complex linear system"""
    return _parts(xp, xp.linalg.solve(a, b))


@suite.case(a=GENERAL)
def inverse_complex(xp, a):
    """Inverse of a complex matrix"""
    return _parts(xp, xp.linalg.inv(a))


@suite.case(tags=("shape",), a=positive(2, 1, 1), b=normal(2, 1, 2))
def one_by_one(xp, a, b):
    """Matrices of one element: inverse, determinant, solution, Cholesky factor"""
    factor = xp.linalg.cholesky(a)
    return xp.linalg.inv(a), xp.linalg.det(a), xp.linalg.solve(a, b), factor


@suite.case(tags=("shape",), a=normal(0, 3, 3), x=normal(3))
def empty_stack(xp, a, x):
    """A stack of no matrices beside a vector"""
    solved = xp.linalg.solve(a, xp.linalg.inv(a))
    return xp.linalg.det(a), xp.sum(solved) + xp.sum(x * x)


@suite.case(tags=("special",), a=values(SINGULAR))
def determinant_singular(xp, a):
    """Determinants of singular matrices, rank one less: the slope is the adjugate"""
    return xp.linalg.det(a)


@suite.case(tags=("special",), a=values(RANK_ONE))
def determinant_rank_one(xp, a):
    """Determinant of a 3 x 3 matrix of rank one: no slope, but a second derivative"""
    return xp.linalg.det(a)


@suite.case(a=values([[[1.0, 2.0], [3.0, 1.5]], [[2.0, -1.0], [1.0, 0.5]]]))
def log_determinant_negative(xp, a):
    """Sign and logarithm of determinants of either sign"""
    sign, logarithm = xp.linalg.slogdet(a)
    return sign * logarithm, sign


@suite.case(a=GENERAL)
def determinant_complex(xp, a):
    """Determinant of a complex matrix, and its absolute value"""
    det = xp.linalg.det(a)
    return *_parts(xp, det), xp.abs(det)


@suite.case(a=GENERAL)
def log_determinant_complex(xp, a):
    """Logarithm of the absolute value, and the phase, of a complex determinant"""
    phase, logarithm = xp.linalg.slogdet(a)
    return logarithm, *_parts(xp, phase)


@suite.case(a=normal(2, 3, 3, scale=0.5))
def matrix_power_orders(xp, a):
    """Powers 0, 1, 2 and 5 of a stack of matrices"""
    first, fifth = xp.linalg.matrix_power(a, 1), xp.linalg.matrix_power(a, 5)
    return xp.linalg.matrix_power(a, 0), first, xp.linalg.matrix_power(a, 2), fifth


@suite.case(a=spd(3))
def matrix_power_negative(xp, a):
    """Power -2 of a matrix"""
    return xp.linalg.matrix_power(a, -2)


@suite.case(a=normal(2, 2, 4))
def pseudo_inverse_wide(xp, a):
    """Pseudo-inverses of wide matrices"""
    return xp.linalg.pinv(a)


@suite.case(a=normal(3, 3, scale=0.5))
def exponential(xp, a):
    """Matrix exponential by scaling and squaring"""
    identity, small = xp.tril(xp.triu(xp.ones_like(a))), a / 4.0
    total = identity + small / 5.0
    for order in (4, 3, 2, 1):
        total = identity + xp.matmul(small, total) / order
    return xp.linalg.matrix_power(total, 4)


@suite.case(a=distinct(2, 4, 3, low=-3.0, high=3.0))
def norm_matrix_sums(xp, a):
    """Matrix norms of order 1 and infinity, of a stack"""
    infinite = xp.linalg.matrix_norm(a, ord=math.inf, keepdims=True)
    return xp.linalg.matrix_norm(a, ord=1), infinite


@suite.case(a=distinct(2, 4, 3, low=-3.0, high=3.0))
def norm_matrix_smallest(xp, a):
    """Matrix norms of order -1, -2 and minus infinity, of a stack"""
    return tuple(xp.linalg.matrix_norm(a, ord=order) for order in (-1, -2, -math.inf))


@suite.case(a=normal(2, 4, 3))
def norm_matrix_stack(xp, a):
    """Frobenius, nuclear and spectral norms of a stack, axes kept"""
    orders = ("fro", "nuc", 2)
    return tuple(xp.linalg.matrix_norm(a, ord=order, keepdims=True) for order in orders)


@suite.case(x=distinct(2, 5, low=-3.0, high=3.0))
def norm_vector_unusual_orders(xp, x):
    """Vector norms of order 0.5, 1.5, -2 and minus infinity"""
    orders = (0.5, 1.5, -2, -math.inf)
    return tuple(xp.linalg.vector_norm(x, ord=order, axis=1) for order in orders)


@suite.case(x=distinct(2, 3, 4, low=-3.0, high=3.0))
def norm_vector_axes(xp, x):
    """Vector norms over two axes and over all, axes kept"""
    two = xp.linalg.vector_norm(x, axis=(0, 2), ord=3)
    return two, xp.linalg.vector_norm(x, axis=(2, 1)), xp.linalg.vector_norm(x, keepdims=True)


@suite.case(tags=("special",), x=values([[0.0, 2.0, -1.0], [0.5, 0.0, 0.0]]))
def norm_vector_zero_element(xp, x):
    """Vector norms of order 2 and 4 where elements are zero, which is no kink"""
    return tuple(xp.linalg.vector_norm(x, axis=1, ord=order) for order in (2, 4))


@suite.case(tags=("kink",), x=values([1.5, 0.0, -2.0]))
def norm_one_zero_element(xp, x):
    """Vector norm of order 1 where an element is zero"""
    return xp.linalg.vector_norm(x, ord=1)


@suite.case(tags=("kink",), x=values([1.0, -2.0, 2.0, 0.5]))
def norm_infinity_tie(xp, x):
    """Vector norm of order infinity where two elements tie with opposite signs"""
    return xp.linalg.vector_norm(x, ord=math.inf)


@suite.case(tags=("kink",), x=values([[0.0, 0.0, 0.0], [1.0, -2.0, 2.0]]))
def norm_zero_row(xp, x):
    """Vector norm of a row of zeros beside another"""
    return xp.linalg.vector_norm(x, axis=1)


@suite.case(z=complex_normal(2, 4))
def norm_complex(xp, z):
    """Vector norms of order 2 and 3 and the Frobenius norm of complex numbers"""
    vectors = [xp.linalg.vector_norm(z, axis=1, ord=order) for order in (2, 3)]
    return *vectors, xp.linalg.matrix_norm(z)
