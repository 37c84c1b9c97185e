"""Convolution, pooling and patches for NumPy, which has none of its own; channels-first.

Sizes, strides, paddings and dilations are one number for all axes, or a number for each.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Array = Any
Sizes = int | tuple[int, ...]


def each(sizes: Sizes, count: int) -> tuple[int, ...]:
    """One number for each of ``count`` axes."""
    return (sizes,) * count if isinstance(sizes, int) else tuple(sizes)


def _padded(x: Array, padding: tuple[int, ...], fill: float = 0.0) -> Array:
    width = [(0, 0), (0, 0), *((p, p) for p in padding)]
    return np.pad(x, width, constant_values=fill)


def _windows(x: Array, size: Sizes, stride: Sizes, dilation: Sizes = 1) -> Array:
    """``(batch, channels, *positions, *size)``."""
    n = x.ndim - 2
    size, stride, dilation = each(size, n), each(stride, n), each(dilation, n)
    reach = tuple(d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True))
    found = sliding_window_view(x, reach, axis=tuple(range(2, x.ndim)))
    steps = [slice(None, None, s) for s in (*stride, *dilation)]
    return found[(slice(None), slice(None), *steps)]


def conv(
    x: Array, w: Array, b: Array | None, stride: Sizes = 1, padding: Sizes = 0,
    dilation: Sizes = 1, groups: int = 1,
) -> Array:  # fmt: skip
    """Convolution; ``w`` is ``(out, in / groups, *kernel)``."""
    n, batch = x.ndim - 2, x.shape[0]
    taken = _windows(_padded(x, each(padding, n)), w.shape[2:], stride, dilation)
    places = taken.shape[2 : 2 + n]
    # (batch, groups, in / groups, places, taps) -> (batch, groups, places, in / groups * taps)
    taken = taken.reshape(batch, groups, w.shape[1], int(np.prod(places)), -1)
    taken = np.moveaxis(taken, 2, 3).reshape(batch, groups, int(np.prod(places)), -1)
    kernels = w.reshape(groups, w.shape[0] // groups, -1)
    y = np.matmul(kernels, np.swapaxes(taken, -1, -2)).reshape(batch, w.shape[0], *places)
    return y if b is None else y + b.reshape(-1, *(1,) * n)


def conv_transpose(
    x: Array, w: Array, stride: int = 1, padding: int = 0, output_padding: int = 0
) -> Array:
    """The transpose of a convolution; ``w`` is ``(in, out, *kernel)``."""
    n = x.ndim - 2
    spread = np.zeros((*x.shape[:2], *(stride * (s - 1) + 1 for s in x.shape[2:])), x.dtype)
    spread[(slice(None), slice(None), *[slice(None, None, stride)] * n)] = x
    around = [(k - 1 - padding, k - 1 - padding + output_padding) for k in w.shape[2:]]
    flipped = np.flip(np.swapaxes(w, 0, 1), tuple(range(2, w.ndim)))
    return conv(np.pad(spread, [(0, 0), (0, 0), *around]), flipped, None)


def unfold(x: Array, size: int, stride: int, padding: int) -> Array:
    """``(batch, channels * taps, places)``: the patches of an image as columns."""
    n = x.ndim - 2
    taken = _windows(_padded(x, each(padding, n)), size, stride)
    taken = np.moveaxis(taken, range(2 + n, 2 + 2 * n), range(2, 2 + n))
    return taken.reshape(x.shape[0], x.shape[1] * size**n, -1)


def _reduced(f: Callable[..., Array], windows: Array) -> Array:
    n = (windows.ndim - 2) // 2
    return f(windows, axis=tuple(range(2 + n, windows.ndim)))


def max_pool(x: Array, size: Sizes, stride: Sizes, padding: Sizes = 0) -> Array:
    """The largest of each window; padding never is."""
    padded = _padded(x, each(padding, x.ndim - 2), -np.inf)
    return _reduced(np.max, _windows(padded, size, stride))


def avg_pool(
    x: Array, size: Sizes, stride: Sizes, padding: Sizes = 0, count_include_pad: bool = True
) -> Array:
    """The mean of each window, of the padding in it too or not."""
    padding = each(padding, x.ndim - 2)
    total = _reduced(np.sum, _windows(_padded(x, padding), size, stride))
    ones = np.ones_like(x)
    counted = np.ones_like(_padded(x, padding)) if count_include_pad else _padded(ones, padding)
    return total / _reduced(np.sum, _windows(counted, size, stride))


def adaptive_avg_pool(x: Array, sizes: Sizes) -> Array:
    """Means of windows that share out each axis as evenly as can be, overlapping if need be."""
    return _adaptive(np.mean, x, sizes)


def adaptive_max_pool(x: Array, sizes: Sizes) -> Array:
    """As :func:`adaptive_avg_pool`, with the largest of each window."""
    return _adaptive(np.max, x, sizes)


def _adaptive(f: Callable[..., Array], x: Array, sizes: Sizes) -> Array:
    sizes = each(sizes, x.ndim - 2)
    bounds = [
        [slice(n * i // k, -(-n * (i + 1) // k)) for i in range(k)]
        for n, k in zip(x.shape[2:], sizes, strict=True)
    ]
    axes = tuple(range(2, x.ndim))
    found = [f(x[(..., *window)], axis=axes) for window in itertools.product(*bounds)]
    return np.stack(found, axis=-1).reshape(*x.shape[:2], *sizes)


def pixel_shuffle(x: Array, factor: int) -> Array:
    """Channels to space: ``(b, c * factor**2, h, w)`` to ``(b, c, h * factor, w * factor)``."""
    b, c, h, w = x.shape
    blocks = x.reshape(b, c // factor**2, factor, factor, h, w)
    return blocks.transpose(0, 1, 4, 2, 5, 3).reshape(b, -1, h * factor, w * factor)


def resize_bilinear(x: Array, sizes: tuple[int, int], align_corners: bool) -> Array:
    """Bilinear resizing of the last two axes; no smoothing where it shrinks."""
    for axis, size in zip((-2, -1), sizes, strict=True):
        x = _resized(x, axis, size, align_corners)
    return x


def _resized(x: Array, axis: int, size: int, align_corners: bool) -> Array:
    old = x.shape[axis]
    if align_corners:
        places = np.arange(size) * (old - 1) / (size - 1)
    else:  # centres of pixels meet, and the first and last ones reach the border
        places = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0.0, old - 1.0)
    low = np.minimum(np.floor(places).astype(np.int64), old - 2)
    share = np.expand_dims(places - low, tuple(range(1, -axis))).astype(x.dtype)
    before, after = np.take(x, low, axis=axis), np.take(x, low + 1, axis=axis)
    return before * (1.0 - share) + after * share
