"""Linear algebra: well-conditioned compositions in which no choice of gauge shows."""

import math

from gradtier.cases import Suite, constant, normal, positive, spd, values

suite = Suite("linalg", "Linear algebra: solvers, factorisations, spectral functions")

EYE3 = constant(values([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
ORDER3 = constant(values([[3.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 4.0]]))


def _t(xp, a):
    return xp.permute_dims(a, (1, 0))


def _symmetric(xp, a):
    return 0.5 * (a + _t(xp, a))


@suite.case(a=normal(6, 3), b=normal(6), ridge=positive(), eye=EYE3)
def ridge_residual(xp, a, b, ridge, eye):
    """Residual of a ridge regression at its optimum."""
    x = xp.linalg.solve(xp.matmul(_t(xp, a), a) + ridge * eye, xp.matmul(_t(xp, a), b))
    left = xp.matmul(a, x) - b
    return xp.sum(left * left) + ridge * xp.sum(x * x)


@suite.case(a=normal(3, 5), eye=EYE3)
def log_volume(xp, a, eye):
    """Logarithm of the determinant of a regularised Gram matrix."""
    return xp.linalg.slogdet(xp.matmul(a, _t(xp, a)) + eye)[1]


@suite.case(x=normal(5, 3), mean=normal(3), s=spd(3))
def mahalanobis(xp, x, mean, s):
    """Mahalanobis distances by an explicit inverse."""
    gap = x - mean
    return xp.sum(xp.matmul(gap, xp.linalg.inv(s)) * gap, axis=1)


@suite.case(a=spd(3), b=normal(3, 3))
def sandwich(xp, a, b):
    """A matrix between two inverses."""
    inverse = xp.linalg.inv(a)
    return xp.matmul(xp.matmul(inverse, b), inverse)


@suite.case(m=normal(3), p=spd(3), h=normal(2, 3), y=normal(2), r=spd(2))
def kalman_update(xp, m, p, h, y, r):
    """Mean and covariance after one Kalman update."""
    innovation = xp.matmul(xp.matmul(h, p), _t(xp, h)) + r
    gain = _t(xp, xp.linalg.solve(_t(xp, innovation), xp.matmul(h, _t(xp, p))))
    return m + xp.matmul(gain, y - xp.matmul(h, m)), p - xp.matmul(xp.matmul(gain, h), p)


@suite.case(a=spd(4), x=normal(4))
def whitened(xp, a, x):
    """A vector whitened by a Cholesky factor, and the log determinant."""
    factor = xp.linalg.cholesky(_symmetric(xp, a))
    return xp.linalg.solve(factor, x), xp.sum(xp.log(xp.linalg.diagonal(factor)))


@suite.case(a=spd(3))
def matrix_square_root(xp, a):
    """Square root of a symmetric matrix by its eigenvectors."""
    value, vector = xp.linalg.eigh(_symmetric(xp, a))
    return xp.matmul(vector * xp.sqrt(value), _t(xp, vector))


@suite.case(a=spd(4))
def spectral_entropy(xp, a):
    """Entropy of the normalised eigenvalues."""
    value = xp.linalg.eigvalsh(_symmetric(xp, a))
    p = value / xp.sum(value)
    return -xp.sum(p * xp.log(p))


@suite.case(a=normal(3, 3, scale=0.25), shift=ORDER3)
def log_singular_values(xp, a, shift):
    """Sum of log(1 + s**2) over singular values that lie apart."""
    s = xp.linalg.svdvals(a + shift)
    return xp.sum(xp.log1p(s * s)), s[0] / s[2]


@suite.case(d=positive(4), u=normal(4, 2), c=spd(2), b=normal(4))
def woodbury(xp, d, u, c, b):
    """Solution with a diagonal plus low rank by the Woodbury identity."""
    scaled = u / xp.expand_dims(d, axis=1)
    core = xp.linalg.inv(c) + xp.matmul(_t(xp, u), scaled)
    return b / d - xp.matmul(scaled, xp.linalg.solve(core, xp.matmul(_t(xp, scaled), b)))


@suite.case(a=normal(3, 3, scale=0.5), eye=EYE3)
def exponential_of_matrix(xp, a, eye):
    """Matrix exponential: eight Taylor terms, three squarings."""
    small = a / 8.0
    term = total = eye
    for k in range(1, 9):
        term = xp.matmul(term, small) / k
        total = total + term
    for _ in range(3):
        total = xp.matmul(total, total)
    return total


@suite.case(a=spd(5))
def schur_complement(xp, a):
    """Schur complement of the leading block and its determinant."""
    corner, side, low, rest = a[:2, :2], a[:2, 2:], a[2:, :2], a[2:, 2:]
    complement = rest - xp.matmul(low, xp.linalg.solve(corner, side))
    return complement, xp.linalg.det(complement)


@suite.case(a=normal(3, 3, scale=0.5), v=normal(3), eye=EYE3)
def cayley_rotation(xp, a, v, eye):
    """A vector rotated by the Cayley transform of a skew matrix."""
    skew = a - _t(xp, a)
    return xp.linalg.solve(eye + skew, xp.matmul(eye - skew, v))


@suite.case(a=normal(5, 2), v=normal(5))
def projection_by_qr(xp, a, v):
    """Component of a vector outside a column space, by QR."""
    q, _ = xp.linalg.qr(a)
    return v - xp.matmul(q, xp.matmul(_t(xp, q), v))


@suite.case(a=spd(3), eye=EYE3)
def newton_schulz(xp, a, eye):
    """Inverse by eight Newton-Schulz iterations."""
    x = _t(xp, a) / xp.sum(a * a)
    for _ in range(8):
        x = xp.matmul(x, 2.0 * eye - xp.matmul(a, x))
    return x


@suite.case(a=normal(3, 3, scale=0.25), shift=ORDER3)
def nuclear_over_frobenius(xp, a, shift):
    """Nuclear norm over Frobenius norm, singular values apart."""
    moved = a + shift
    return xp.sum(xp.linalg.svdvals(moved)) / xp.linalg.matrix_norm(moved)


@suite.case(a=normal(2, 3, 3, scale=0.5), eye=EYE3)
def determinants_of_batch(xp, a, eye):
    """Determinants of a batch, and of its squares."""
    moved = a + 2.0 * eye
    return xp.linalg.det(moved), xp.linalg.det(xp.matmul(moved, moved))


@suite.case(a=normal(4, 4))
def determinant_alone(xp, a):
    """Determinant of a general matrix, alone."""
    return xp.linalg.det(a)


@suite.case(a=normal(3, 3), b=spd(3), v=normal(3))
def rayleigh_quotient(xp, a, b, v):
    """Generalised Rayleigh quotient."""
    return xp.matmul(v, xp.matmul(a, v)) / xp.matmul(v, xp.matmul(b, v))


@suite.case(a=normal(3, 3, scale=0.2), q=normal(3, 3), eye=EYE3)
def lyapunov(xp, a, q, eye):
    """Lyapunov equation as one linear system of nine unknowns."""
    stable = a - 2.0 * eye

    def kronecker(x, y):
        blocks = xp.reshape(x, (3, 1, 3, 1)) * xp.reshape(y, (1, 3, 1, 3))
        return xp.reshape(blocks, (9, 9))

    system = kronecker(stable, eye) + kronecker(eye, stable)
    return xp.reshape(xp.linalg.solve(system, xp.reshape(-q, (9,))), (3, 3))


@suite.case(a=normal(2, 5), b=normal(2))
def minimum_norm_solution(xp, a, b):
    """Least-norm solution by the pseudo-inverse of a wide matrix."""
    return xp.matmul(xp.linalg.pinv(a), b)


@suite.case(x=normal(4, 3), y=normal(4, 3), z=normal(4, 3))
def triple_product(xp, x, y, z):
    """Cross products of rows, and the volumes they span."""
    crossed = xp.linalg.cross(x, y, axis=1)
    return crossed, xp.sum(crossed * z, axis=1)


@suite.case(a=normal(2, 5), b=normal(5, 3), c=normal(3, 4), d=normal(4))
def chain_of_products(xp, a, b, c, d):
    """A chain of products, associated from the right."""
    return xp.tanh(xp.matmul(a, xp.matmul(b, xp.matmul(c, d))))


@suite.case(x=normal(2, 3, 4), y=normal(2, 4, 3), z=normal(3, 3))
def contraction(xp, x, y, z):
    """Einstein sum over three arrays."""
    return xp.einsum("bij,bjk,ki->b", x, y, z)


@suite.case(a=values([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]]))
def log_determinant_by_equal_eigenvalues(xp, a):
    """Smooth symmetric function of eigenvalues that coincide."""
    return xp.sum(xp.log(xp.linalg.eigvalsh(_symmetric(xp, a))))


@suite.case(x=normal(6, 2), length=positive(), noise=positive(), y=normal(6))
def gaussian_process(xp, x, length, noise, y):
    """Log marginal likelihood of a Gaussian process."""
    gap = xp.expand_dims(x, axis=1) - xp.expand_dims(x, axis=0)
    kernel = xp.exp(-0.5 * xp.sum(gap * gap, axis=2) / length**2)
    eye = xp.tril(xp.triu(xp.ones_like(kernel)))
    covariance = kernel + noise * eye
    fit = xp.matmul(y, xp.linalg.solve(covariance, y))
    return -0.5 * fit - 0.5 * xp.linalg.slogdet(covariance)[1] - 3.0 * math.log(2.0 * math.pi)
