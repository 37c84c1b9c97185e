"""PaddlePaddle's ``paddle.nn.functional`` under the names of the group ``nn``."""

from __future__ import annotations

from typing import Any

Array = Any


def names() -> dict[str, Any]:
    """The group ``nn``; NumPy's says what each name means."""
    import paddle

    return {**_windows(paddle), **_layers(paddle), **_losses(paddle), **_activations(paddle)}


def _windows(paddle: Any) -> dict[str, Any]:
    f = paddle.nn.functional

    def by_rank(name: str) -> Any:
        found = {rank: getattr(f, name.format(rank - 2)) for rank in (3, 4, 5)}
        return lambda x, *given, **options: found[x.ndim](x, *given, **options)

    average = by_rank("avg_pool{}d")

    def avg_pool(
        x: Array, size: Any, stride: Any, padding: Any = 0, count_include_pad: bool = True
    ) -> Array:
        return average(x, size, stride, padding, exclusive=not count_include_pad)

    def conv_transpose(
        x: Array, w: Array, stride: int = 1, padding: int = 0, output_padding: int = 0
    ) -> Array:
        transposed = by_rank("conv{}d_transpose")
        return transposed(x, w, None, stride, padding, output_padding)

    return {
        "adaptive_avg_pool": by_rank("adaptive_avg_pool{}d"),
        "adaptive_max_pool": by_rank("adaptive_max_pool{}d"),
        "avg_pool": avg_pool,
        "conv": by_rank("conv{}d"),
        "conv_transpose": conv_transpose,
        "max_pool": by_rank("max_pool{}d"),
        "pixel_shuffle": f.pixel_shuffle,
        "resize_bilinear": lambda x, sizes, align_corners: f.interpolate(
            x, size=sizes, mode="bilinear", align_corners=align_corners
        ),
        "unfold": lambda x, size, stride, padding: f.unfold(x, size, stride, padding),
    }


def _layers(paddle: Any) -> dict[str, Any]:
    f = paddle.nn.functional

    def attention(q: Array, k: Array, v: Array, mask: Any = None, causal: bool = False) -> Array:
        # Paddle wants (batch, positions, heads, features), and a mask of four axes
        q, k, v = (a.transpose([0, 2, 1, 3]) for a in (q, k, v))
        mask = None if mask is None else mask.unsqueeze(0).unsqueeze(0)
        y = f.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return y.transpose([0, 2, 1, 3])

    def batch_norm(x: Array, gain: Array, bias: Array, eps: float) -> Array:
        mean, variance = paddle.zeros_like(gain.detach()), paddle.ones_like(gain.detach())
        return f.batch_norm(x, mean, variance, gain, bias, training=True, epsilon=eps)

    def group_norm(x: Array, groups: int, gain: Any, bias: Any, eps: float) -> Array:
        return f.group_norm(x, groups, eps, gain, bias)

    return {
        "attention": attention,
        "batch_norm": batch_norm,
        "cdist": paddle.cdist,
        "cosine_similarity": lambda x, y, eps: f.cosine_similarity(x, y, axis=-1, eps=eps),
        "embedding": lambda table, ids, padding: f.embedding(ids, table, padding_idx=padding),
        "group_norm": group_norm,
        "instance_norm": lambda x, eps: f.instance_norm(x, eps=eps),
        "layer_norm": lambda x, g, b, eps: f.layer_norm(x, g.shape, g, b, eps),
        "normalize": lambda x, eps: f.normalize(x, axis=-1, epsilon=eps),
        "rms_norm": lambda x, g, eps: f.rms_norm(x, g.shape, g, eps),
    }


def _losses(paddle: Any) -> dict[str, Any]:
    f = paddle.nn.functional

    def cross_entropy(x: Array, label: Array, smoothing: float) -> Array:
        y = f.cross_entropy(x, label, reduction="none", label_smoothing=smoothing)
        return y.reshape([-1])  # smoothed, it keeps an axis of one

    def ctc(x: Array, labels: Array) -> Array:
        steps, batch, _ = x.shape
        lengths = [paddle.full([batch], n, "int64") for n in (steps, labels.shape[1])]
        return f.ctc_loss(x, labels.astype("int32"), *lengths, blank=0, reduction="none")

    return {
        "binary_cross_entropy_with_logits": lambda x, y: f.binary_cross_entropy_with_logits(
            x, y, reduction="none"
        ),
        "cross_entropy": cross_entropy,
        "ctc": ctc,
        "huber": lambda x, y, delta: f.smooth_l1_loss(x, y, "none", delta),
        "kl_div": lambda log_p, q: f.kl_div(log_p, q, "none"),
        "log_softmax": f.log_softmax,
        "logsumexp": paddle.logsumexp,
        "softmax": f.softmax,
        "triplet_margin": lambda x, near, far, margin: f.triplet_margin_loss(
            x, near, far, margin=margin, epsilon=0.0, reduction="none"
        ),
    }


def _activations(paddle: Any) -> dict[str, Any]:
    f = paddle.nn.functional
    return {
        "elu": f.elu,
        "gelu": f.gelu,
        "gelu_tanh": lambda x: f.gelu(x, approximate=True),
        # Paddle's own slope is 0.1666667
        "hard_sigmoid": lambda x: f.hardsigmoid(x, slope=1.0 / 6.0),
        "hard_swish": f.hardswish,
        "leaky_relu": f.leaky_relu,
        "log_sigmoid": f.log_sigmoid,
        "mish": f.mish,
        "relu": f.relu,
        "relu6": f.relu6,
        "selu": f.selu,
        "silu": f.silu,
        "softplus": f.softplus,
    }
