"""Fourier transforms of real signals; the spectra are combined to real outputs."""

import math

from gradtier.cases import Suite, constant, normal, positive, uniform, values

suite = Suite("fourier", "Fourier transforms: spectra, filters, convolutions")

HANN8 = constant(values([0.5 - 0.5 * math.cos(2.0 * math.pi * k / 8) for k in range(8)]))
FREQUENCY8 = constant(values([0.0, 1.0, 2.0, 3.0, 4.0, -3.0, -2.0, -1.0]))
HALF8 = constant(values([0.0, 1.0, 2.0, 3.0, 4.0]))


def _power(xp, z):
    return xp.real(z) ** 2 + xp.imag(z) ** 2


@suite.case(x=normal(8))
def power_spectrum(xp, x):
    """Power spectrum of a real signal of even length."""
    return _power(xp, xp.fft.rfft(x))


@suite.case(x=normal(9))
def odd_spectrum(xp, x):
    """Real and imaginary part of a transform of odd length."""
    z = xp.fft.fft(x)
    return xp.real(z), xp.imag(z)


@suite.case(x=normal(7))
def odd_real_spectrum(xp, x):
    """Half spectrum of a signal of odd length, logarithm of its power."""
    return xp.log1p(_power(xp, xp.fft.rfft(x)))


@suite.case(x=normal(8), cut=positive(), f=HALF8)
def soft_low_pass(xp, x, cut, f):
    """Low-pass filter whose soft cutoff is differentiated."""
    return xp.fft.irfft(xp.fft.rfft(x) / (1.0 + (f / cut) ** 2), n=8)


@suite.case(x=normal(8), y=normal(8))
def circular_convolution(xp, x, y):
    """Circular convolution by the convolution theorem."""
    return xp.fft.irfft(xp.fft.rfft(x) * xp.fft.rfft(y), n=8)


@suite.case(x=normal(4, 6))
def plane_spectrum(xp, x):
    """Power spectrum of an image over its total power."""
    power = _power(xp, xp.fft.fft2(x))
    return power / xp.sum(power)


@suite.case(x=normal(8), f=FREQUENCY8)
def spectral_derivative(xp, x, f):
    """Derivative of a periodic signal by its spectrum, squared."""
    slope = xp.real(xp.fft.ifft(1j * f * xp.fft.fft(x)))
    return slope * slope


@suite.case(x=normal(8))
def autocorrelation(xp, x):
    """Circular autocorrelation of a signal without its mean."""
    z = xp.fft.fft(x - xp.mean(x))
    return xp.real(xp.fft.ifft(_power(xp, z) + 0j))


@suite.case(x=normal(3, 8), w=HANN8)
def windowed_log_spectrum(xp, x, w):
    """Log power of windowed signals, transformed along the last axis."""
    return xp.log(_power(xp, xp.fft.rfft(x * w, axis=1)) + 0.1)


@suite.case(x=normal(8, 3))
def transform_along_first_axis(xp, x):
    """Orthonormal transform along the first axis, parts mixed."""
    z = xp.fft.fft(x, axis=0, norm="ortho")
    return xp.real(z) * xp.sin(xp.imag(z))


@suite.case(x=normal(8), shift=uniform(low=-1.0, high=1.0), f=FREQUENCY8)
def fractional_shift(xp, x, shift, f):
    """Signal shifted by a fraction of a sample, the shift differentiated."""
    angle = (2.0 * math.pi / 8.0) * shift * f
    return xp.real(xp.fft.ifft(xp.fft.fft(x) * (xp.cos(angle) - 1j * xp.sin(angle))))


@suite.case(x=normal(6))
def parseval(xp, x):
    """Energy by the spectrum: the sum of squares."""
    return xp.sum(_power(xp, xp.fft.fft(x))) / 6.0


@suite.case(x=normal(8), y=normal(8), noise=positive())
def wiener_filter(xp, x, y, noise):
    """Wiener deconvolution with a differentiated noise level."""
    a, b = xp.fft.fft(x), xp.fft.fft(y)
    return xp.real(xp.fft.ifft(b * xp.conj(a) / (_power(xp, a) + noise)))


@suite.case(x=normal(8))
def half_spectrum_round_trip(xp, x):
    """Half spectrum and back, tanh in between on the signal."""
    return xp.fft.irfft(xp.fft.rfft(xp.tanh(x)), n=8) ** 2


@suite.case(x=normal(2, 3, 4))
def transform_of_cube(xp, x):
    """Three-dimensional transform, real part weighted by the power."""
    z = xp.fft.fftn(x)
    return xp.real(z) * xp.exp(-0.05 * _power(xp, z))
