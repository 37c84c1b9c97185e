"""Linear algebra: well-conditioned inputs, and only what does not depend on a choice of gauge.

Factors that are fixed up to signs (eigenvectors, Q of a QR) enter through combinations in which
the signs cancel.  Symmetric functions symmetrise their input themselves, so that every element of
it may be varied alone.
"""

import math

from gradtier.cases import Suite, constant, distinct, normal, positive, spd

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
