"""Complex inputs and outputs: holomorphic functions, moduli, mixtures with real ones, spectra."""

from gradtier.cases import Suite, complex_normal, constant, normal

suite = Suite("complexes", "Complex numbers")


@suite.case(z=complex_normal(5))
def polynomial(xp, z):
    """Holomorphic polynomial"""
    return z**3 - 2.0 * z + 0.5


@suite.case(z=complex_normal(4))
def exponential(xp, z):
    """Holomorphic exponential of a sine"""
    return xp.exp(xp.sin(z) / 2.0)


@suite.case(z=complex_normal(4, mean=2.0, scale=0.5))
def logarithm(xp, z):
    """Principal logarithm, away from its cut"""
    return xp.log(z) * z


@suite.case(z=complex_normal(6))
def modulus(xp, z):
    """Absolute value"""
    return xp.abs(z)


@suite.case(z=complex_normal(6))
def energy(xp, z):
    """Sum of squared moduli, real"""
    return xp.sum(xp.real(z * xp.conj(z)))


@suite.case(z=complex_normal(3, 4), r=normal(4))
def mixed(xp, z, r):
    """Complex matrix times a real vector, conjugated in part"""
    return xp.matmul(z, r * r) * xp.conj(z[:, 0])


@suite.case(a=complex_normal(3, 3), b=complex_normal(3, 2))
def product(xp, a, b):
    """Product of complex matrices"""
    return xp.matmul(a, b)


@suite.case(x=normal(5))
def phase(xp, x):
    """Complex exponential of a real number"""
    return xp.exp(1j * x)


@suite.case(z=complex_normal(4), w=constant(complex_normal(4)))
def overlap(xp, z, w):
    """Squared overlap with a given state"""
    amplitude = xp.sum(xp.conj(w) * z)
    return xp.real(amplitude * xp.conj(amplitude))


@suite.case(z=complex_normal(4), w=complex_normal(4, mean=3.0, scale=0.5))
def quotient(xp, z, w):
    """Quotient, its real and imaginary parts crossed"""
    q = z / w
    return xp.real(q) * xp.imag(q)


@suite.case(z=complex_normal(4))
def conjugates(xp, z):
    """Holomorphic and antiholomorphic parts"""
    return z * z + xp.conj(z) * 0.5 - xp.conj(z) ** 2


@suite.case(x=normal(3), y=normal(3))
def assembled(xp, x, y):
    """A complex number made of two real ones, squared"""
    z = x + 1j * y
    return z * z


@suite.case(z=complex_normal(5))
def mobius_modulus(xp, z):
    """Modulus of a Moebius map"""
    return xp.abs((z - 0.5) / (z + 7.0))
