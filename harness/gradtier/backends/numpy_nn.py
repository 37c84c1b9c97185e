"""The fused functions of neural networks for NumPy, which has none of its own.

Finite differences run on these; they also say what each name of the group ``nn`` means.  Arrays are
channels-first: ``(batch, channels, positions ...)``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradtier.backends import numpy_nn_windows as windows

Array = Any

_erfc = np.vectorize(math.erfc, otypes=[float])
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848, 1.0507009873554804934


def names() -> dict[str, Any]:
    """The group ``nn``."""
    moved = (
        windows.adaptive_avg_pool, windows.adaptive_max_pool, windows.avg_pool, windows.conv,
        windows.conv_transpose, windows.max_pool, windows.pixel_shuffle, windows.resize_bilinear,
        windows.unfold,
    )  # fmt: skip
    here = (
        attention, batch_norm, binary_cross_entropy_with_logits, cdist, cosine_similarity,
        cross_entropy, ctc, elu, embedding, gelu, gelu_tanh, group_norm, gru_cell, hard_sigmoid,
        hard_swish, huber, instance_norm, kl_div, layer_norm, leaky_relu, log_sigmoid, log_softmax,
        logsumexp, lstm, mish, normalize, relu, relu6, rms_norm, selu, silu, softmax, softplus,
        triplet_margin,
    )  # fmt: skip
    return {f.__name__: f for f in (*moved, *here)}


# Attention and recurrence


def attention(
    q: Array, k: Array, v: Array, mask: Array | None = None, causal: bool = False
) -> Array:
    """Scaled dot-product attention of ``(batch, heads, positions, features)``.

    Where ``mask`` (query, key) is False, a query does not see a key.
    """
    scores = np.matmul(q, np.swapaxes(k, -1, -2)) / math.sqrt(q.shape[-1])
    if causal:
        mask = np.tri(q.shape[-2], k.shape[-2], dtype=bool)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    return np.matmul(softmax(scores, -1), v)


def lstm(x: Array, h: Array, c: Array, w: Array, u: Array, b: Array) -> Array:
    """Hidden states of every step, and the last cell state; ``x`` is ``(steps, batch, features)``.

    Rows of ``w``, ``u`` and ``b`` are the gates input, forget, cell and output.
    """
    states = []
    for step in x:
        i, f, g, o = np.split(step @ w.T + h @ u.T + b, 4, axis=-1)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        h = _sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.stack(states), c


def gru_cell(x: Array, h: Array, w: Array, u: Array, b: Array) -> Array:
    """The next hidden state; rows of the weights are the gates reset, update and new.

    ``b`` is added to the input's part.
    """
    of_x, of_h = np.split(x @ w.T + b, 3, axis=-1), np.split(h @ u.T, 3, axis=-1)
    reset, update = _sigmoid(of_x[0] + of_h[0]), _sigmoid(of_x[1] + of_h[1])
    return (1.0 - update) * np.tanh(of_x[2] + reset * of_h[2]) + update * h


# Normalisation


def _standardised(x: Array, axes: tuple[int, ...], eps: float) -> Array:
    centred = x - np.mean(x, axis=axes, keepdims=True)
    return centred / np.sqrt(np.mean(centred * centred, axis=axes, keepdims=True) + eps)


def _by_channel(x: Array, gain: Array | None, bias: Array | None) -> Array:
    if gain is None or bias is None:
        return x
    shape = (-1, *(1,) * (x.ndim - 2))
    return x * gain.reshape(shape) + bias.reshape(shape)


def layer_norm(x: Array, gain: Array, bias: Array, eps: float) -> Array:
    """Over the last axis."""
    return _standardised(x, (-1,), eps) * gain + bias


def group_norm(x: Array, groups: int, gain: Array | None, bias: Array | None, eps: float) -> Array:
    """Over the channels of a group and all positions."""
    grouped = x.reshape(x.shape[0], groups, -1)
    return _by_channel(_standardised(grouped, (-1,), eps).reshape(x.shape), gain, bias)


def batch_norm(x: Array, gain: Array, bias: Array, eps: float) -> Array:
    """Over the batch and all positions, by the statistics of the batch."""
    return _by_channel(_standardised(x, (0, *range(2, x.ndim)), eps), gain, bias)


def instance_norm(x: Array, eps: float) -> Array:
    """Over all positions."""
    return _standardised(x, tuple(range(2, x.ndim)), eps)


def rms_norm(x: Array, gain: Array, eps: float) -> Array:
    """Over the last axis."""
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * gain


def _length(x: Array) -> Array:
    return np.sqrt(np.sum(x * x, axis=-1))


def normalize(x: Array, eps: float) -> Array:
    """The last axis to length 1; a length below ``eps`` counts as ``eps``."""
    return x / np.maximum(_length(x), eps)[..., None]


def cosine_similarity(x: Array, y: Array, eps: float) -> Array:
    """Along the last axis; lengths below ``eps`` count as ``eps``."""
    lengths = np.maximum(_length(x), eps) * np.maximum(_length(y), eps)
    return np.sum(x * y, axis=-1) / lengths


def cdist(x: Array, y: Array) -> Array:
    """The Euclidean distance of each row of ``x`` to each of ``y``."""
    return _length(x[:, None, :] - y)


# Softmax and losses


def logsumexp(x: Array, axis: int) -> Array:
    """Along one axis, which goes."""
    top = np.max(x, axis=axis, keepdims=True)
    found = top + np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True))
    return np.squeeze(found, axis=axis)


def log_softmax(x: Array, axis: int) -> Array:
    """Along one axis."""
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def softmax(x: Array, axis: int) -> Array:
    """Along one axis."""
    weights = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return weights / np.sum(weights, axis=axis, keepdims=True)


def cross_entropy(x: Array, label: Array, smoothing: float) -> Array:
    """Of ``(batch, classes)`` logits, for each row; labels are class numbers."""
    log_p = log_softmax(x, -1)
    picked = np.take_along_axis(log_p, label[:, None], axis=-1)[:, 0]
    return -(1.0 - smoothing) * picked - smoothing * np.mean(log_p, axis=-1)


def binary_cross_entropy_with_logits(x: Array, y: Array) -> Array:
    """For each element."""
    return np.maximum(x, 0.0) - x * y + np.log1p(np.exp(-np.abs(x)))


def kl_div(log_p: Array, q: Array) -> Array:
    """``q (log q - log p)`` for each element."""
    return q * (np.log(q) - log_p)


def huber(x: Array, y: Array, delta: float) -> Array:
    """For each element: square up to ``delta``, straight beyond."""
    gap = np.abs(x - y)
    return np.where(gap <= delta, 0.5 * gap * gap, delta * (gap - 0.5 * delta))


def triplet_margin(x: Array, near: Array, far: Array, margin: float) -> Array:
    """For each row."""
    return np.maximum(_length(x - near) - _length(x - far) + margin, 0.0)


def ctc(x: Array, labels: Array) -> Array:
    """Connectionist temporal classification of ``(steps, batch, classes)`` logits, by row.

    All steps and all labels count; class 0 is the blank.  (Graves et al. 2006, section 4.1.)
    """
    log_p = log_softmax(x, -1)
    return np.stack([_ctc(log_p[:, i], row) for i, row in enumerate(labels)])


def _ctc(log_p: Array, labels: Array) -> Array:
    path = [0, *(s for label in labels for s in (int(label), 0))]
    never = log_p.dtype.type(-np.inf)
    alpha = [log_p[0, s] if i < 2 else never for i, s in enumerate(path)]
    for row in log_p[1:]:
        after = []
        for i, s in enumerate(path):
            total = alpha[i] if i < 1 else np.logaddexp(alpha[i], alpha[i - 1])
            if i > 1 and s != 0 and s != path[i - 2]:
                total = np.logaddexp(total, alpha[i - 2])
            after.append(total + row[s])
        alpha = after
    return -np.logaddexp(alpha[-1], alpha[-2])


# Activations, for each element


def _sigmoid(x: Array) -> Array:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0.0, 1.0, small) / (1.0 + small)


def gelu(x: Array) -> Array:
    """Exact form."""
    return 0.5 * x * _erfc(-x / math.sqrt(2.0)).astype(x.dtype)


def gelu_tanh(x: Array) -> Array:
    """The form with tanh."""
    return x * _sigmoid(2.0 * math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x))


def silu(x: Array) -> Array:
    """``x sigmoid(x)``."""
    return x * _sigmoid(x)


def softplus(x: Array) -> Array:
    """``log(1 + exp(x))``."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def log_sigmoid(x: Array) -> Array:
    """``-softplus(-x)``."""
    return -softplus(-x)


def mish(x: Array) -> Array:
    """``x tanh(softplus(x))``."""
    return x * np.tanh(softplus(x))


def elu(x: Array) -> Array:
    """Scale 1."""
    return np.where(x > 0.0, x, np.expm1(np.minimum(x, 0.0)))


def selu(x: Array) -> Array:
    """Klambauer et al. 2017."""
    return SELU_SCALE * np.where(x > 0.0, x, SELU_ALPHA * np.expm1(np.minimum(x, 0.0)))


def relu(x: Array) -> Array:
    """``max(x, 0)``."""
    return np.maximum(x, 0.0)


def relu6(x: Array) -> Array:
    """Between 0 and 6."""
    return np.clip(x, 0.0, 6.0)


def leaky_relu(x: Array, slope: float) -> Array:
    """``slope`` below 0."""
    return np.where(x > 0.0, x, slope * x)


def hard_sigmoid(x: Array) -> Array:
    """``relu6(x + 3) / 6``."""
    return np.clip(x + 3.0, 0.0, 6.0) / 6.0


def hard_swish(x: Array) -> Array:
    """``x relu6(x + 3) / 6``."""
    return x * np.clip(x + 3.0, 0.0, 6.0) / 6.0


# Lookups


def embedding(table: Array, ids: Array, padding: int | None) -> Array:
    """Rows of ``table``; the padding's row is zero and stays it."""
    rows = table[ids]
    return rows if padding is None else np.where((ids == padding)[..., None], 0.0, rows)
