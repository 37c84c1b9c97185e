"""TensorFlow's ``tf.nn``, ``tf.image`` and ``tf.keras.ops`` under the names of the group ``nn``.

TensorFlow is channels-last; padding of a given size is ``tf.pad``, as its documentation says.
"""

from __future__ import annotations

import math
from typing import Any

from gradtier.backends.declined import Unsupported

Array = Any


def names() -> dict[str, Any]:
    """The group ``nn``; NumPy's says what each name means."""
    import tensorflow as tf

    found = {**_windows(tf), **_norms(tf), **_losses(tf), **_activations(tf)}
    if tf.keras.backend.backend() == "tensorflow":  # Keras may run on another library
        found |= _keras(tf)
    return found


def _each(sizes: Any, count: int) -> tuple[int, ...]:
    return (sizes,) * count if isinstance(sizes, int) else tuple(sizes)


def _last(tf: Any, x: Array) -> Array:
    return tf.transpose(x, (0, *range(2, x.ndim), 1))


def _first(tf: Any, x: Array) -> Array:
    return tf.transpose(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def _around(tf: Any, x: Array, padding: Any, fill: float = 0.0) -> Array:
    """A channels-last array with its padding."""
    sizes = _each(padding, x.ndim - 2)
    if not any(sizes):
        return x
    width = [(0, 0), *((p, p) for p in sizes), (0, 0)]
    return tf.pad(x, width, constant_values=tf.constant(fill, x.dtype))


def _windows(tf: Any) -> dict[str, Any]:
    def conv(
        x: Array, w: Array, b: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Array:  # fmt: skip
        n = x.ndim - 2
        kernel = tf.transpose(w, (*range(2, w.ndim), 1, 0))
        y = tf.nn.convolution(  # the groups are found from the shapes
            _around(tf, _last(tf, x), padding), kernel, strides=_each(stride, n),
            padding="VALID", data_format=("NWC", "NHWC", "NDHWC")[n - 1],
            dilations=_each(dilation, n),
        )  # fmt: skip
        return _first(tf, y if b is None else tf.nn.bias_add(y, b))

    def conv_transpose(
        x: Array, w: Array, stride: int = 1, padding: int = 0, output_padding: int = 0
    ) -> Array:
        sizes = list(zip(x.shape[2:], w.shape[2:], strict=True))
        whole = [max(k, stride) + stride * (s - 1) for s, k in sizes]
        wanted = [stride * (s - 1) + k - 2 * padding + output_padding for s, k in sizes]
        y = tf.nn.conv_transpose(
            _last(tf, x), tf.transpose(w, (*range(2, w.ndim), 1, 0)),
            [x.shape[0], *whole, w.shape[1]], strides=stride, padding="VALID",
        )  # fmt: skip
        cut = [slice(padding, padding + size) for size in wanted]
        return _first(tf, y[(slice(None), *cut)])

    def max_pool(x: Array, size: Any, stride: Any, padding: Any = 0) -> Array:
        padded = _around(tf, _last(tf, x), padding, -math.inf)
        return _first(tf, tf.nn.max_pool(padded, size, stride, "VALID"))

    def avg_pool(
        x: Array, size: Any, stride: Any, padding: Any = 0, count_include_pad: bool = True
    ) -> Array:
        if count_include_pad or padding == 0:
            padded = _around(tf, _last(tf, x), padding)
            return _first(tf, tf.nn.avg_pool(padded, size, stride, "VALID"))
        if stride != 1 or 2 * padding != size - 1:
            raise Unsupported("TensorFlow leaves out of a mean the padding of 'SAME' alone")
        return _first(tf, tf.nn.avg_pool(_last(tf, x), size, stride, "SAME"))

    def unfold(x: Array, size: int, stride: int, padding: int) -> Array:
        found = tf.image.extract_patches(
            _around(tf, _last(tf, x), padding), (1, size, size, 1), (1, stride, stride, 1),
            (1, 1, 1, 1), "VALID",
        )  # fmt: skip
        b, h, w, _ = found.shape  # channels come last there, first here
        columns = tf.reshape(found, (b, h * w, size * size, x.shape[1]))
        return tf.reshape(tf.transpose(columns, (0, 3, 2, 1)), (b, -1, h * w))

    def pixel_shuffle(x: Array, factor: int) -> Array:
        b, c, h, w = x.shape  # channels come last there, first here
        blocks = tf.reshape(x, (b, c // factor**2, factor**2, h, w))
        ordered = tf.reshape(tf.transpose(blocks, (0, 3, 4, 2, 1)), (b, h, w, c))
        return _first(tf, tf.nn.depth_to_space(ordered, factor))

    here = (avg_pool, conv, conv_transpose, max_pool, pixel_shuffle, unfold)
    return {f.__name__: f for f in here}


def _norms(tf: Any) -> dict[str, Any]:
    def batch_norm(x: Array, gain: Array, bias: Array, eps: float) -> Array:
        y = _last(tf, x)
        mean, variance = tf.nn.moments(y, list(range(y.ndim - 1)))
        return _first(tf, tf.nn.batch_normalization(y, mean, variance, bias, gain, eps))

    def instance_norm(x: Array, eps: float) -> Array:
        mean, variance = tf.nn.moments(x, list(range(2, x.ndim)), keepdims=True)
        return tf.nn.batch_normalization(x, mean, variance, None, None, eps)

    return {
        "batch_norm": batch_norm,
        "embedding": lambda table, ids, padding: _embedding(tf, table, ids, padding),
        "instance_norm": instance_norm,
        # its guard is of the square
        "normalize": lambda x, eps: tf.nn.l2_normalize(x, axis=-1, epsilon=eps * eps),
    }


def _embedding(tf: Any, table: Array, ids: Array, padding: Any) -> Array:
    if padding is not None:
        raise Unsupported("TensorFlow's embedding lookup has no padding id")
    return tf.nn.embedding_lookup(table, ids)


def _losses(tf: Any) -> dict[str, Any]:
    def cross_entropy(x: Array, label: Array, smoothing: float) -> Array:
        if not smoothing:
            return tf.nn.sparse_softmax_cross_entropy_with_logits(label, x)
        count = x.shape[1]
        low, high = smoothing / count, 1.0 - smoothing + smoothing / count
        y = tf.one_hot(label, count, on_value=high, off_value=low, dtype=x.dtype)
        return tf.nn.softmax_cross_entropy_with_logits(y, x)

    def ctc(x: Array, labels: Array) -> Array:
        steps, batch, _ = x.shape
        sparse = tf.sparse.from_dense(tf.cast(labels, "int32"))  # dense ones are for float32 alone
        return tf.nn.ctc_loss(sparse, x, None, tf.fill([batch], steps), blank_index=0)

    return {
        "binary_cross_entropy_with_logits": lambda x, y: tf.nn.sigmoid_cross_entropy_with_logits(
            y, x
        ),
        "cross_entropy": cross_entropy,
        "ctc": ctc,
        "log_softmax": tf.nn.log_softmax,
        "logsumexp": tf.reduce_logsumexp,
        "softmax": tf.nn.softmax,
    }


def _activations(tf: Any) -> dict[str, Any]:
    return {
        "elu": tf.nn.elu,
        "gelu": tf.nn.gelu,
        "gelu_tanh": lambda x: tf.nn.gelu(x, approximate=True),
        "leaky_relu": tf.nn.leaky_relu,
        "log_sigmoid": tf.math.log_sigmoid,
        "relu": tf.nn.relu,
        "relu6": tf.nn.relu6,
        "selu": tf.nn.selu,
        "silu": tf.nn.silu,
        "softplus": tf.nn.softplus,
    }


def _keras(tf: Any) -> dict[str, Any]:
    """What TensorFlow has in Keras alone."""
    ops = tf.keras.ops

    def attention(q: Array, k: Array, v: Array, mask: Any = None, causal: bool = False) -> Array:
        # Keras wants (batch, positions, heads, features), and a mask of four axes
        q, k, v = (tf.transpose(a, (0, 2, 1, 3)) for a in (q, k, v))
        mask = None if mask is None else mask[None, None]
        y = ops.dot_product_attention(q, k, v, mask=mask, is_causal=causal)
        return tf.transpose(y, (0, 2, 1, 3))

    return {
        "attention": attention,
        "hard_sigmoid": ops.hard_sigmoid,
        "hard_swish": ops.hard_swish,
        "layer_norm": lambda x, g, b, eps: ops.layer_normalization(x, g, b, -1, eps),
        "mish": tf.keras.activations.mish,
        "rms_norm": lambda x, g, eps: ops.rms_normalization(x, g, -1, eps),
    }
