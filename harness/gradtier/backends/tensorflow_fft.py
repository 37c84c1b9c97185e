"""Fourier transforms of the array API over ``tf.signal``.

TensorFlow transforms the last one, two or three axes.  Its real transforms take a length; before
its complex ones an array is cut or padded with zeros, which is what a length means.
"""

from __future__ import annotations

import math
from typing import Any

from gradtier.backends.base import Unsupported


def names(tf: Any) -> dict[str, Any]:
    """The standard's names, and what they are in TensorFlow."""
    signal, count = tf.signal, tf.range

    def fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Any:
        k = tf.concat([count((n + 1) // 2), count(-(n // 2), 0)], 0)
        return tf.cast(k, dtype or tf.float64) / (n * d)

    def rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Any:
        return tf.cast(count(n // 2 + 1), dtype or tf.float64) / (n * d)

    kinds = ("fft", "ifft", "rfft", "irfft")
    return {
        **{name: _along(tf, name) for name in kinds},
        **{f"{name}n": _over(tf, name) for name in kinds},
        "fftshift": lambda x, /, *, axes=None: signal.fftshift(x, axes),
        "ifftshift": lambda x, /, *, axes=None: signal.ifftshift(x, axes),
        "fftfreq": fftfreq,
        "rfftfreq": rfftfreq,
    }


def _along(tf: Any, name: str) -> Any:
    def transform(x: Any, /, *, n: int | None = None, axis: int = -1, norm: Any = None) -> Any:
        return _transformed(tf, name, x, None if n is None else (n,), (axis,), norm)

    return transform


def _over(tf: Any, name: str) -> Any:
    def transform(x: Any, /, *, s: Any = None, axes: Any = None, norm: Any = None) -> Any:
        if axes is None:
            axes = range(x.ndim) if s is None else range(x.ndim - len(s), x.ndim)
        return _transformed(tf, name, x, s, tuple(axes), norm)

    return transform


def _transformed(
    tf: Any, name: str, x: Any, lengths: Any, axes: tuple[int, ...], norm: str | None
) -> Any:
    real, inverse = "rf" in name, name.startswith("i")
    dimensions = len(axes)
    if dimensions > 3:
        raise Unsupported("TensorFlow has no Fourier transform over more than three axes")
    last = tuple(range(-dimensions, 0))
    move = tf.experimental.numpy.moveaxis
    x = move(x if real and not inverse else _complex(tf, x), axes, last)
    if lengths is None:
        lengths = tuple(x.shape[a] for a in last)
        if real and inverse:
            lengths = (*lengths[:-1], 2 * (lengths[-1] - 1))
    op = getattr(tf.signal, name if dimensions == 1 else f"{name}{dimensions}d")
    y = op(x, list(lengths)) if real else op(_resized(tf, x, lengths))
    return move(y, last, axes) * _scale(norm, math.prod(lengths), inverse)


def _complex(tf: Any, x: Any) -> Any:
    wide = tf.complex64 if x.dtype == tf.float32 else tf.complex128
    return x if x.dtype.is_complex else tf.cast(x, wide)


def _resized(tf: Any, x: Any, lengths: tuple[int, ...]) -> Any:
    """``x`` cut or padded at the ends of its last axes."""
    old = x.shape[-len(lengths) :]
    if tuple(old) == tuple(lengths):
        return x
    x = x[(..., *(slice(0, n) for n in lengths))]
    ends = [(0, max(n - size, 0)) for n, size in zip(lengths, old, strict=True)]
    return tf.pad(x, [(0, 0)] * (x.ndim - len(lengths)) + ends)


def _scale(norm: str | None, count: int, inverse: bool) -> float:
    """What TensorFlow's transforms, which divide the inverse alone, lack for this ``norm``."""
    power = {None: 0.0, "backward": 0.0, "ortho": 0.5, "forward": 1.0}[norm]
    return math.pow(count, power if inverse else -power)
