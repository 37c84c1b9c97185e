"""JAX's ``jax.nn``, ``jax.lax`` and ``jax.image`` under the names of the group ``nn``."""

from __future__ import annotations

import math
from typing import Any

from gradtier.backends.declined import Unsupported

Array = Any


def names() -> dict[str, Any]:
    """The group ``nn``; NumPy's says what each name means."""
    import jax

    nn = jax.nn
    return {
        **_windows(jax),
        **_norms(jax),
        "attention": _attention(jax),
        "elu": nn.elu,
        "embedding": lambda table, ids, padding: _embedding(jax, table, ids, padding),
        "gelu": lambda x: nn.gelu(x, approximate=False),
        "gelu_tanh": lambda x: nn.gelu(x, approximate=True),
        "hard_sigmoid": nn.hard_sigmoid,
        "hard_swish": nn.hard_swish,
        "leaky_relu": nn.leaky_relu,
        "log_sigmoid": nn.log_sigmoid,
        "log_softmax": nn.log_softmax,
        "logsumexp": nn.logsumexp,
        "mish": nn.mish,
        "relu": nn.relu,
        "relu6": nn.relu6,
        "selu": nn.selu,
        "silu": nn.silu,
        "softmax": nn.softmax,
        "softplus": nn.softplus,
    }


def _embedding(jax: Any, table: Array, ids: Array, padding: Any) -> Array:
    if padding is not None:
        raise Unsupported("JAX's take has no padding id")
    return jax.numpy.take(table, ids, axis=0)


def _each(sizes: Any, count: int) -> tuple[int, ...]:
    return (sizes,) * count if isinstance(sizes, int) else tuple(sizes)


def _windows(jax: Any) -> dict[str, Any]:
    lax = jax.lax

    def conv(
        x: Array, w: Array, b: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Array:  # fmt: skip
        n = x.ndim - 2
        y = lax.conv_general_dilated(
            x, w, _each(stride, n), [(p, p) for p in _each(padding, n)],
            rhs_dilation=_each(dilation, n), feature_group_count=groups,
        )  # fmt: skip
        return y if b is None else y + b.reshape(-1, *(1,) * n)

    def conv_transpose(
        x: Array, w: Array, stride: int = 1, padding: int = 0, output_padding: int = 0
    ) -> Array:
        n = x.ndim - 2
        letters = "DHW"[3 - n :]
        around = [(k - 1 - padding, k - 1 - padding + output_padding) for k in w.shape[2:]]
        return lax.conv_transpose(
            x, w, (stride,) * n, around, transpose_kernel=True,
            dimension_numbers=("NC" + letters, "OI" + letters, "NC" + letters),
        )  # fmt: skip

    def pooled(x: Array, start: float, f: Any, size: Any, stride: Any, padding: Any) -> Array:
        n = x.ndim - 2
        around = [(0, 0), (0, 0), *((p, p) for p in _each(padding, n))]
        window, steps = (1, 1, *_each(size, n)), (1, 1, *_each(stride, n))
        return lax.reduce_window(x, start, f, window, steps, around)

    def max_pool(x: Array, size: Any, stride: Any, padding: Any = 0) -> Array:
        return pooled(x, -math.inf, lax.max, size, stride, padding)

    def avg_pool(
        x: Array, size: Any, stride: Any, padding: Any = 0, count_include_pad: bool = True
    ) -> Array:
        total = pooled(x, 0.0, lax.add, size, stride, padding)
        if count_include_pad:
            return total / math.prod(_each(size, x.ndim - 2))
        return total / pooled(jax.numpy.ones_like(x), 0.0, lax.add, size, stride, padding)

    def unfold(x: Array, size: int, stride: int, padding: int) -> Array:
        n = x.ndim - 2
        found = lax.conv_general_dilated_patches(
            x, (size,) * n, (stride,) * n, [(padding, padding)] * n
        )
        return found.reshape(*found.shape[:2], -1)

    named = (avg_pool, conv, conv_transpose, max_pool, unfold)
    return {**{f.__name__: f for f in named}, "resize_bilinear": _resize(jax)}


def _resize(jax: Any) -> Any:
    def resize_bilinear(x: Array, sizes: Any, align_corners: bool) -> Array:
        if align_corners:
            old = x.shape[-2:]
            scale = [(k - 1) / (n - 1) for k, n in zip(sizes, old, strict=True)]
            # a pixel's centre is half a pixel from its border
            shift = [0.5 - 0.5 * s for s in scale]
            return jax.image.scale_and_translate(
                x, (*x.shape[:2], *sizes), (2, 3), jax.numpy.asarray(scale, x.dtype),
                jax.numpy.asarray(shift, x.dtype), "linear", antialias=False,
            )  # fmt: skip
        return jax.image.resize(x, (*x.shape[:2], *sizes), "linear", antialias=False)

    return resize_bilinear


def _attention(jax: Any) -> Any:
    def attention(q: Array, k: Array, v: Array, mask: Any = None, causal: bool = False) -> Array:
        # JAX wants (batch, positions, heads, features), and a mask of four axes
        q, k, v = (jax.numpy.swapaxes(a, 1, 2) for a in (q, k, v))
        mask = None if mask is None else mask[None, None]
        y = jax.nn.dot_product_attention(q, k, v, mask=mask, is_causal=causal)
        return jax.numpy.swapaxes(y, 1, 2)

    return attention


def _norms(jax: Any) -> dict[str, Any]:
    """Normalisations by ``jax.nn.standardize``, which is what JAX has for them."""
    standardize = jax.nn.standardize

    def by_channel(x: Array, gain: Any, bias: Any) -> Array:
        if gain is None:
            return x
        shape = (-1, *(1,) * (x.ndim - 2))
        return x * gain.reshape(shape) + bias.reshape(shape)

    def layer_norm(x: Array, gain: Array, bias: Array, eps: float) -> Array:
        return standardize(x, -1, epsilon=eps) * gain + bias

    def group_norm(x: Array, groups: int, gain: Any, bias: Any, eps: float) -> Array:
        grouped = x.reshape(x.shape[0], groups, -1)
        return by_channel(standardize(grouped, -1, epsilon=eps).reshape(x.shape), gain, bias)

    def batch_norm(x: Array, gain: Array, bias: Array, eps: float) -> Array:
        return by_channel(standardize(x, (0, *range(2, x.ndim)), epsilon=eps), gain, bias)

    def instance_norm(x: Array, eps: float) -> Array:
        return standardize(x, tuple(range(2, x.ndim)), epsilon=eps)

    return {f.__name__: f for f in (batch_norm, group_norm, instance_norm, layer_norm)}
