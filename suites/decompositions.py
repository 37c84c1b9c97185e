"""Factorisations: stacked, wide, complex, and where eigenvalues or singular values come together.

Only what does not depend on a choice of gauge: projectors, products of factors, absolute values,
and symmetric functions of values that coincide, which are smooth although no value alone is.
"""

from gradtier.cases import Suite, complex_normal, normal, spd, values

suite = Suite("decompositions", "Factorisations: Cholesky, QR, eigenvalues, singular values")


def _with_values(*given):
    """H diag(given) H for the reflection H = I - J/2 of four dimensions: exact in binary."""
    reflection = [[(i == j) - 0.5 for j in range(4)] for i in range(4)]
    return [
        [
            sum(a * g * b for a, g, b in zip(row, given, column, strict=True))
            for column in reflection
        ]
        for row in reflection
    ]


CLOSE = values(_with_values(1.0, 1.0 + 2.0**-8, 2.0, 4.0))
REPEATED = values(_with_values(1.0, 1.0, 1.0, 4.0))
DEFICIENT = values([[1.0, 2.0, 0.0], [0.0, 1.0, 1.0], [1.0, 3.0, 1.0]])
WIDE = values([[2.0, 0.5, -0.5, 1.0], [-0.5, 1.5, 0.25, -1.0], [0.25, 0.5, -2.0, 0.5]])
HERMITIAN = values([[3.0, 1.0 - 1.0j, 0.5j], [1.0 + 1.0j, 4.0, 0.5], [-0.5j, 0.5, 2.0]])


def _adjoint(xp, a):
    return xp.conj(xp.linalg.matrix_transpose(a))


def _symmetric(xp, a):
    return 0.5 * (a + xp.matrix_transpose(a))


def _hermitian(xp, a):
    return 0.5 * (a + _adjoint(xp, a))


def _parts(xp, z):
    return xp.real(z), xp.imag(z)


@suite.case(a=spd(3, 2))
def cholesky_upper(xp, a):
    """Upper Cholesky factors of a stack"""
    return xp.linalg.cholesky(_symmetric(xp, a), upper=True)


@suite.case(a=HERMITIAN)
def cholesky_complex(xp, a):
    """Cholesky factor of a Hermitian matrix, whose diagonal is real"""
    return _parts(xp, xp.linalg.cholesky(_hermitian(xp, a)))


@suite.case(a=normal(2, 4, 3))
def qr_stack(xp, a):
    """QR of a stack: projectors on the column spaces, absolute values of R"""
    q, r = xp.linalg.qr(a)
    return xp.matmul(q, xp.linalg.matrix_transpose(q)), r * r


@suite.case(a=WIDE)
def qr_wide(xp, a):
    """QR of a wide matrix: squares of Q and R"""
    q, r = xp.linalg.qr(a)
    return q * q, r * r


@suite.case(a=complex_normal(4, 2))
def qr_complex(xp, a):
    """QR of a complex matrix: projector on the column space, absolute values of R"""
    q, r = xp.linalg.qr(a)
    upper = xp.real(r * xp.conj(r))
    return *_parts(xp, xp.matmul(q, _adjoint(xp, q))), upper


@suite.case(a=spd(3, 2))
def eigenvectors_stack(xp, a):
    """Eigenvalues of a stack, and projectors on the eigenvectors of the smallest"""
    value, vector = xp.linalg.eigh(_symmetric(xp, a))
    first = vector[..., :1]
    return value, xp.matmul(first, xp.linalg.matrix_transpose(first))


@suite.case(a=HERMITIAN)
def eigenvectors_complex(xp, a):
    """Eigenvalues of a Hermitian matrix, and a projector on two eigenvectors"""
    matrix = _hermitian(xp, a)
    _, vector = xp.linalg.eigh(matrix)
    two = vector[:, :2]
    return xp.linalg.eigvalsh(matrix), *_parts(xp, xp.matmul(two, _adjoint(xp, two)))


@suite.case(tags=("special",), a=CLOSE)
def eigenvalues_close(xp, a):
    """Eigenvalues, two of which are 0.004 apart"""
    return xp.linalg.eigvalsh(_symmetric(xp, a))


@suite.case(tags=("special",), a=CLOSE)
def eigenvectors_close(xp, a):
    """Projector on two eigenvectors whose eigenvalues are 0.004 apart"""
    _, vector = xp.linalg.eigh(_symmetric(xp, a))
    pair = vector[:, :2]
    return xp.matmul(pair, xp.linalg.matrix_transpose(pair))


def _square(xp, a):
    symmetric = _symmetric(xp, a)
    return xp.matmul(symmetric, symmetric)


def _sum_of_squares(xp, a):
    symmetric = _symmetric(xp, a)
    return xp.sum(symmetric * symmetric)


def _sum_of_fourth_powers(xp, a):
    gram = xp.matmul(xp.matrix_transpose(a), a)
    return xp.sum(gram * gram)


@suite.case(tags=("special",), exact=_sum_of_squares, a=REPEATED)
def eigenvalues_repeated(xp, a):
    """Sum of squares of eigenvalues, three of which are equal"""
    value = xp.linalg.eigvalsh(_symmetric(xp, a))
    return xp.sum(value * value)


@suite.case(tags=("special",), exact=_square, a=REPEATED)
def eigenvectors_repeated(xp, a):
    """Matrix square by eigenvectors, three eigenvalues being equal"""
    value, vector = xp.linalg.eigh(_symmetric(xp, a))
    return xp.matmul(vector * (value * value), xp.linalg.matrix_transpose(vector))


@suite.case(a=normal(2, 2, 4))
def singular_vectors_wide(xp, a):
    """Nearest orthogonal frames of wide matrices by the thin SVD"""
    u, s, vh = xp.linalg.svd(a, full_matrices=False)
    return xp.matmul(u, vh), s


@suite.case(a=complex_normal(3, 2))
def singular_vectors_complex(xp, a):
    """Singular values and the nearest unitary frame of a complex matrix"""
    u, _, vh = xp.linalg.svd(a, full_matrices=False)
    return xp.linalg.svdvals(a), *_parts(xp, xp.matmul(u, vh))


@suite.case(tags=("special",), exact=_sum_of_fourth_powers, a=REPEATED)
def singular_values_repeated(xp, a):
    """Sum of fourth powers of singular values, three of which are equal"""
    squares = xp.square(xp.linalg.svdvals(a))
    return xp.sum(squares * squares)


@suite.case(tags=("kink",), a=DEFICIENT)
def norm_nuclear_singular(xp, a):
    """Nuclear norm where a singular value is zero"""
    return xp.linalg.matrix_norm(a, ord="nuc")


@suite.case(tags=("kink",), a=values([[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]]))
def norm_spectral_tie(xp, a):
    """Spectral norm where two singular values tie"""
    return xp.linalg.matrix_norm(a, ord=2)
