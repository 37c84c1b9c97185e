"""tinygrad's methods of ``Tensor`` under the names of the group ``nn``."""

from __future__ import annotations

from typing import Any

Array = Any

SELU_ALPHA, SELU_SCALE = 1.6732632423543772848, 1.0507009873554804934


def names() -> dict[str, Any]:
    """The group ``nn``; NumPy's says what each name means."""
    return {**_windows(), **_layers(), **_losses(), **_activations()}


def _each(sizes: Any, count: int) -> tuple[int, ...]:
    return (sizes,) * count if isinstance(sizes, int) else tuple(sizes)


def _windows() -> dict[str, Any]:
    def conv(
        x: Array, w: Array, b: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Array:  # fmt: skip
        # one number for each end of each axis, the last axis first
        around = [p for p in reversed(_each(padding, x.ndim - 2)) for _ in range(2)]
        return x.conv2d(
            w, b, groups=groups, stride=stride, dilation=dilation, padding=tuple(around)
        )

    def conv_transpose(
        x: Array, w: Array, stride: int = 1, padding: int = 0, output_padding: int = 0
    ) -> Array:
        return x.conv_transpose2d(w, stride=stride, padding=padding, output_padding=output_padding)

    def max_pool(x: Array, size: Any, stride: Any, padding: Any = 0) -> Array:
        return x.max_pool2d(_each(size, x.ndim - 2), stride, padding=padding)

    def avg_pool(
        x: Array, size: Any, stride: Any, padding: Any = 0, count_include_pad: bool = True
    ) -> Array:
        return x.avg_pool2d(
            _each(size, x.ndim - 2), stride, padding=padding, count_include_pad=count_include_pad
        )

    def resize_bilinear(x: Array, sizes: Any, align_corners: bool) -> Array:
        return x.interpolate(sizes, mode="linear", align_corners=align_corners)

    here = (avg_pool, conv, conv_transpose, max_pool, resize_bilinear)
    return {f.__name__: f for f in here}


def _layers() -> dict[str, Any]:
    def attention(q: Array, k: Array, v: Array, mask: Any = None, causal: bool = False) -> Array:
        return q.scaled_dot_product_attention(k, v, attn_mask=mask, is_causal=causal)

    def layer_norm(x: Array, gain: Array, bias: Array, eps: float) -> Array:
        return x.layernorm(eps=eps) * gain + bias

    def group_norm(x: Array, groups: int, gain: Any, bias: Any, eps: float) -> Array:
        y = x.reshape(x.shape[0], groups, -1).layernorm(eps=eps).reshape(x.shape)
        if gain is None:
            return y
        shape = (1, -1, *(1,) * (x.ndim - 2))
        return y * gain.reshape(shape) + bias.reshape(shape)

    return {
        "attention": attention,
        "group_norm": group_norm,
        "instance_norm": lambda x, eps: x.layernorm(axis=tuple(range(2, x.ndim)), eps=eps),
        "layer_norm": layer_norm,
        "normalize": lambda x, eps: x.normalize(dim=-1, eps=eps),
    }


def _losses() -> dict[str, Any]:
    def cross_entropy(x: Array, label: Array, smoothing: float) -> Array:
        return x.sparse_categorical_crossentropy(label, label_smoothing=smoothing, reduction="none")

    return {
        "binary_cross_entropy_with_logits": lambda x, y: x.binary_crossentropy_logits(
            y, reduction="none"
        ),
        "cross_entropy": cross_entropy,
        "log_softmax": lambda x, axis: x.log_softmax(axis),
        "logsumexp": lambda x, axis: x.logsumexp(axis),
        "softmax": lambda x, axis: x.softmax(axis),
    }


def _activations() -> dict[str, Any]:
    return {
        "elu": lambda x: x.elu(),
        "gelu": lambda x: x.gelu(approximate="none"),
        "gelu_tanh": lambda x: x.gelu(),
        "hard_sigmoid": lambda x: x.hardsigmoid(),
        "hard_swish": lambda x: x.hardswish(),
        "leaky_relu": lambda x, slope: x.leaky_relu(slope),
        "log_sigmoid": lambda x: x.logsigmoid(),
        "mish": lambda x: x.mish(),
        "relu": lambda x: x.relu(),
        "relu6": lambda x: x.relu6(),
        # tinygrad's own constants have six digits
        "selu": lambda x: x.selu(alpha=SELU_ALPHA, gamma=SELU_SCALE),
        "silu": lambda x: x.silu(),
        "softplus": lambda x: x.softplus(),
    }
