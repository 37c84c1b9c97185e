"""Fourier transforms: every kind, padded and truncated, of even and odd length, in each norm.

The transforms are linear; what comes out is bent, so that a second derivative has something to see.
Outputs are real: a complex result enters by both its parts.
"""

from gradtier.cases import Suite, complex_normal, constant, normal

suite = Suite("fft", "Fourier transforms: complex, real, Hermitian; lengths, axes, norms")


def _bent(y):
    return y + 0.5 * y * y


def _mixed(xp, z):
    """A real function that is not linear, of both parts of ``z``."""
    real, imaginary = xp.real(z), xp.imag(z)
    return real + imaginary * (real + 2.0)


@suite.case(z=complex_normal(2, 5))
def transform_complex(xp, z):
    """Transform of complex numbers along the last axis, odd, and the first, even"""
    return _mixed(xp, xp.fft.fft(z)), _mixed(xp, xp.fft.fft(z, axis=0))


@suite.case(x=normal(6))
def transform_of_real(xp, x):
    """Complex transform of real numbers, and its inverse"""
    return _mixed(xp, xp.fft.fft(x)), _mixed(xp, xp.fft.ifft(x))


@suite.case(z=complex_normal(2, 4))
def transform_resized(xp, z):
    """Transform padded to an odd length, and truncated"""
    return _mixed(xp, xp.fft.fft(z, n=7)), _mixed(xp, xp.fft.fft(z, n=3))


@suite.case(z=complex_normal(4, 3))
def inverse_resized(xp, z):
    """Inverse transform along the first axis, padded and truncated"""
    padded = xp.fft.ifft(z, n=6, axis=0, norm="ortho")
    return _mixed(xp, padded), _mixed(xp, xp.fft.ifft(z, n=3, axis=0))


@suite.case(z=complex_normal(5))
def norms(xp, z):
    """Transforms and inverses in each norm"""
    kinds = ("backward", "ortho", "forward")
    there = [_mixed(xp, xp.fft.fft(z, norm=kind)) for kind in kinds]
    return *there, *[_mixed(xp, xp.fft.ifft(z, norm=kind)) for kind in kinds]


@suite.case(z=complex_normal(2, 3, 4))
def transform_several_axes(xp, z):
    """Transform over two axes of three, resized on both, and over all"""
    two = xp.fft.fftn(z, s=(3, 2), axes=(0, 2), norm="ortho")
    return _mixed(xp, two), _mixed(xp, xp.fft.fftn(z))


@suite.case(z=complex_normal(4, 3))
def inverse_several_axes(xp, z):
    """Inverse transform over two axes, in two norms"""
    return _mixed(xp, xp.fft.ifftn(z)), _mixed(xp, xp.fft.ifftn(z, norm="forward"))


@suite.case(x=normal(4, 6))
def real_transform(xp, x):
    """Transform of real numbers of even length, along the last axis and the first"""
    return _mixed(xp, xp.fft.rfft(x)), _mixed(xp, xp.fft.rfft(x, axis=0, norm="ortho"))


@suite.case(x=normal(2, 5))
def real_transform_odd(xp, x):
    """Transform of real numbers of odd length, as it is and padded"""
    return tuple(_mixed(xp, xp.fft.rfft(x, n=n)) for n in (5, 7))


@suite.case(x=normal(2, 6))
def real_transform_padded(xp, x):
    """Transform of real numbers, padded from an even length to another"""
    return _mixed(xp, xp.fft.rfft(x, n=8, norm="forward"))


@suite.case(x=normal(2, 6))
def real_transform_truncated(xp, x):
    """Transform of real numbers, truncated from an even length to another"""
    return _mixed(xp, xp.fft.rfft(x, n=4))


@suite.case(z=complex_normal(2, 4))
def real_inverse(xp, z):
    """Inverse to real numbers, even length: two imaginary parts have no effect; padded"""
    return _bent(xp.fft.irfft(z)), _bent(xp.fft.irfft(z, n=10, norm="ortho"))


@suite.case(z=complex_normal(4))
def real_inverse_odd(xp, z):
    """Inverse to real numbers of odd length, as it is and padded"""
    return tuple(_bent(xp.fft.irfft(z, n=n)) for n in (7, 9))


@suite.case(z=complex_normal(5))
def real_inverse_truncated(xp, z):
    """Inverse to real numbers, truncated to an even and an odd length"""
    return tuple(_bent(xp.fft.irfft(z, n=n, norm="forward")) for n in (6, 5))


@suite.case(x=normal(4, 2, 3))
def real_transform_several_axes(xp, x):
    """Transform of real numbers over two axes of three, either way round"""
    there = xp.fft.rfftn(x, axes=(0, 1), norm="ortho")
    return _mixed(xp, there), _mixed(xp, xp.fft.rfftn(x, axes=(2, 0)))


@suite.case(x=normal(3, 4))
def real_transform_several_resized(xp, x):
    """Transform of real numbers over two axes, one of them truncated, the other padded"""
    return _mixed(xp, xp.fft.rfftn(x, s=(2, 6), axes=(0, 1)))


@suite.case(z=complex_normal(3, 4))
def real_inverse_several_axes(xp, z):
    """Inverse to real numbers over two axes, as they are and padded"""
    padded = xp.fft.irfftn(z, s=(4, 8), axes=(0, 1), norm="forward")
    return _bent(xp.fft.irfftn(z)), _bent(padded)


@suite.case(z=complex_normal(2, 4))
def hermitian(xp, z):
    """Transform of one half of a Hermitian sequence, of even, odd and padded length"""
    lengths = (None, 7, 10)
    return tuple(_bent(xp.fft.hfft(z, n=n, norm="ortho")) for n in lengths)


@suite.case(x=normal(6, 5))
def hermitian_inverse(xp, x):
    """Inverse transform of real numbers to one half of a Hermitian sequence"""
    resized = xp.fft.ihfft(x, n=4, axis=0, norm="forward")
    return _mixed(xp, xp.fft.ihfft(x)), _mixed(xp, resized)


@suite.case(x=normal(3, 4), w=constant(normal(3, 4)))
def shifts(xp, x, w):
    """Shifts of the zero frequency to the middle and back, over all axes and one"""
    there, back = xp.fft.fftshift(x), xp.fft.ifftshift(x, axes=0)
    return w * there * there, w * back * xp.fft.ifftshift(x)


@suite.case(x=normal(2, 6), kernel=normal(4))
def convolution(xp, x, kernel):
    """Convolution as a product of real transforms, padded"""
    product = xp.fft.rfft(x, n=8) * xp.fft.rfft(kernel, n=8)
    return xp.fft.irfft(product, n=8)[:, 1:7]


@suite.case(x=normal(3, 8))
def power_spectrum(xp, x):
    """Power spectrum and amplitudes of real numbers"""
    z = xp.fft.rfft(x)
    return xp.log(xp.real(z * xp.conj(z))), xp.abs(z[:, 1:4])
