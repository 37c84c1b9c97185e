"""MLX's convolutions, ``mlx.core.fast`` and ``mlx.nn`` under the names of the group ``nn``.

MLX is channels-last, and its layers are modules: those get the arrays given as their parameters.
"""

from __future__ import annotations

from typing import Any

from gradtier.backends.declined import Unsupported

Array = Any


def names() -> dict[str, Any]:
    """The group ``nn``; NumPy's says what each name means."""
    import mlx.core as mx
    import mlx.nn as nn

    return {
        **_windows(mx, nn),
        **_layers(mx, nn),
        **_norms(mx, nn),
        **_losses(mx, nn),
        **_activations(nn),
    }


def _last(mx: Any, x: Array) -> Array:
    return mx.moveaxis(x, 1, -1)


def _first(mx: Any, x: Array) -> Array:
    return mx.moveaxis(x, -1, 1)


def _windows(mx: Any, nn: Any) -> dict[str, Any]:
    def conv(
        x: Array, w: Array, b: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Array:  # fmt: skip
        # the function of the rank, which is what people call
        function = {3: mx.conv1d, 4: mx.conv2d, 5: mx.conv3d}[x.ndim]
        y = function(_last(mx, x), _last(mx, w), stride, padding, dilation, groups)
        return _first(mx, y if b is None else y + b)

    def conv_transpose(
        x: Array, w: Array, stride: int = 1, padding: int = 0, output_padding: int = 0
    ) -> Array:
        function = {3: mx.conv_transpose1d, 4: mx.conv_transpose2d}[x.ndim]
        kernel = _last(mx, mx.swapaxes(w, 0, 1))
        y = function(
            _last(mx, x), kernel, stride=stride, padding=padding, output_padding=output_padding
        )
        return _first(mx, y)

    def pooled(kind: str, x: Array, size: Any, stride: Any, padding: Any) -> Array:
        layer = getattr(nn, f"{kind}Pool{x.ndim - 2}d")(size, stride, padding)
        return _first(mx, layer(_last(mx, x)))

    def max_pool(x: Array, size: Any, stride: Any, padding: Any = 0) -> Array:
        return pooled("Max", x, size, stride, padding)

    def avg_pool(
        x: Array, size: Any, stride: Any, padding: Any = 0, count_include_pad: bool = True
    ) -> Array:
        if padding and not count_include_pad:
            raise Unsupported("MLX's average pooling counts its padding")
        return pooled("Avg", x, size, stride, padding)

    def resize_bilinear(x: Array, sizes: Any, align_corners: bool) -> Array:
        # the layer makes int(scale * size) pixels
        scale = tuple((k + 0.001) / n for k, n in zip(sizes, x.shape[2:], strict=True))
        if not align_corners:
            raise Unsupported("MLX resizes by a factor, which must be the ratio of the sizes")
        layer = nn.Upsample(scale, mode="linear", align_corners=True)
        return _first(mx, layer(_last(mx, x)))

    here = (avg_pool, conv, conv_transpose, max_pool, resize_bilinear)
    return {f.__name__: f for f in here}


def _layers(mx: Any, nn: Any) -> dict[str, Any]:
    def attention(q: Array, k: Array, v: Array, mask: Any = None, causal: bool = False) -> Array:
        return mx.fast.scaled_dot_product_attention(
            q, k, v, scale=q.shape[-1] ** -0.5, mask="causal" if causal else mask
        )

    def embedding(table: Array, ids: Array, padding: Any) -> Array:
        if padding is not None:
            raise Unsupported("MLX's embedding has no padding id")
        layer = nn.Embedding(*table.shape)
        layer.weight = table
        return layer(ids)

    def lstm(x: Array, h: Array, c: Array, w: Array, u: Array, b: Array) -> Any:
        layer = nn.LSTM(w.shape[1], h.shape[1])
        layer.Wx, layer.Wh, layer.bias = w, u, b
        # MLX runs along the axis before the last
        hidden, cells = layer(mx.swapaxes(x, 0, 1), hidden=h, cell=c)
        return mx.swapaxes(hidden, 0, 1), cells[:, -1]

    def gru_cell(x: Array, h: Array, w: Array, u: Array, b: Array) -> Array:
        layer = nn.GRU(w.shape[1], h.shape[1])
        layer.Wx, layer.Wh, layer.b, layer.bhn = w, u, b, mx.zeros_like(h[0])
        return layer(x[:, None], hidden=h)[:, 0]

    return {f.__name__: f for f in (attention, embedding, gru_cell, lstm)}


def _norms(mx: Any, nn: Any) -> dict[str, Any]:
    def group_norm(x: Array, groups: int, gain: Any, bias: Any, eps: float) -> Array:
        layer = nn.GroupNorm(groups, x.shape[1], eps, gain is not None, pytorch_compatible=True)
        if gain is not None:
            layer.weight, layer.bias = gain, bias
        return _first(mx, layer(_last(mx, x)))

    def batch_norm(x: Array, gain: Array, bias: Array, eps: float) -> Array:
        layer = nn.BatchNorm(x.shape[1], eps, track_running_stats=False)
        layer.weight, layer.bias = gain, bias
        return _first(mx, layer(_last(mx, x)))

    def instance_norm(x: Array, eps: float) -> Array:
        return _first(mx, nn.InstanceNorm(x.shape[1], eps)(_last(mx, x)))

    return {
        "batch_norm": batch_norm,
        "group_norm": group_norm,
        "instance_norm": instance_norm,
        "layer_norm": mx.fast.layer_norm,
        "rms_norm": mx.fast.rms_norm,
    }


def _losses(mx: Any, nn: Any) -> dict[str, Any]:
    losses = nn.losses

    def cross_entropy(x: Array, label: Array, smoothing: float) -> Array:
        return losses.cross_entropy(x, label, label_smoothing=smoothing)

    def triplet_margin(x: Array, near: Array, far: Array, margin: float) -> Array:
        return losses.triplet_loss(x, near, far, margin=margin, eps=0.0)

    return {
        "binary_cross_entropy_with_logits": lambda x, y: losses.binary_cross_entropy(
            x, y, reduction="none"
        ),
        "cosine_similarity": lambda x, y, eps: losses.cosine_similarity_loss(
            x, y, axis=-1, eps=eps
        ),
        "cross_entropy": cross_entropy,
        "huber": lambda x, y, delta: losses.huber_loss(x, y, delta=delta),
        "log_softmax": nn.log_softmax,
        "logsumexp": mx.logsumexp,
        "softmax": mx.softmax,
        "triplet_margin": triplet_margin,
    }


def _activations(nn: Any) -> dict[str, Any]:
    return {
        "elu": nn.elu,
        "gelu": nn.gelu,
        "gelu_tanh": nn.gelu_approx,
        "hard_swish": nn.hardswish,
        "leaky_relu": nn.leaky_relu,
        "log_sigmoid": nn.log_sigmoid,
        "mish": nn.mish,
        "relu": nn.relu,
        "relu6": nn.relu6,
        "selu": nn.selu,
        "silu": nn.silu,
        "softplus": nn.softplus,
    }
