"""NumPy, complex step: the derivative is the imaginary part of a step along the imaginary axis.

W. Squire and G. Trapp, Using complex variables to estimate derivatives of real functions, SIAM
Review 40 (1998), 110-112.  For an analytic f that is real on the real axis,
``f(x + i h v) = f(x) + i h Df(x) v + O(h**2)``: no difference is taken, so nothing cancels and the
step may be so small that its square is lost.

It is no AD system.  The case runs on NumPy as it is, which is what a user of the method has:
whatever NumPy defines for complex numbers otherwise than by analytic continuation (``abs``,
``sign``, ``var``, norms, factorisations with a conjugate transpose) gives a wrong answer here
without a word, and is measured as that.
"""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gradtier.backends.base import Function, Native, Unsupported
from gradtier.backends.numpy import NumPy

#: Its square is far below the rounding of either width, itself far above the smallest float32.
STEP = 1e-20


class ComplexStep(NumPy):
    """``Im f(x + i h v) / h``: a pushforward of real functions without any AD."""

    refusals: ClassVar = (r"^AttributeError: module 'numpy[\w.]*' has no attribute",)

    def to_numpy(self, array: Any) -> NDArray[Any]:
        return np.array(array)

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        if any(np.iscomplexobj(a) for a in (*x, *v)):
            raise Unsupported("the complex step takes real inputs; its imaginary axis is in use")
        y = tuple(np.asarray(a) for a in f(*x))
        if any(np.iscomplexobj(a) for a in y):
            raise Unsupported("the complex step takes real functions; this one is complex")
        moved = _moved(f, tuple(a + 1j * STEP * t for a, t in zip(x, v, strict=True)))
        return y, tuple(_slope(a, b) for a, b in zip(y, moved, strict=True))


def _moved(f: Function, z: Native) -> Native:
    """``f(z)``, which has worked for real numbers.

    Raises:
        Unsupported: NumPy has no complex form of a function in ``f``, or said that it drops an
            imaginary part.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        try:
            return f(*z)
        except (TypeError, np.exceptions.ComplexWarning) as error:
            raise Unsupported(f"not for complex numbers: {error}") from error


def _slope(y: NDArray[Any], moved: Any) -> NDArray[Any]:
    # Widths differ where NumPy answers with a wider complex number than the real one was.
    return np.asarray(np.imag(moved) / STEP, dtype=y.dtype)
