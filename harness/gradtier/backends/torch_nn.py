"""PyTorch's ``torch.nn.functional`` under the names of the group ``nn``."""

from __future__ import annotations

from typing import Any

Array = Any


def names() -> dict[str, Any]:
    """The group ``nn``; NumPy's says what each name means."""
    import torch

    return {**_layers(torch), **_losses(torch), **_activations(torch)}


def _layers(torch: Any) -> dict[str, Any]:
    f = torch.nn.functional

    def by_rank(name: str) -> Any:
        found = {rank: getattr(f, name.format(rank - 2)) for rank in (3, 4, 5)}
        return lambda x, *given, **options: found[x.ndim](x, *given, **options)

    def lstm(x: Array, h: Array, c: Array, w: Array, u: Array, b: Array) -> Any:
        weights, start = [w, u, b, torch.zeros_like(b)], [h[None], c[None]]
        # with biases, one layer, no dropout, not training, one direction, steps first
        y, _, last = torch.lstm(x, start, weights, True, 1, 0.0, False, False, False)
        return y, last[0]

    def attention(q: Array, k: Array, v: Array, mask: Any = None, causal: bool = False) -> Array:
        return f.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)

    def unfold(x: Array, size: int, stride: int, padding: int) -> Array:
        return f.unfold(x, size, stride=stride, padding=padding)

    def resize_bilinear(x: Array, sizes: Any, align_corners: bool) -> Array:
        return f.interpolate(x, size=sizes, mode="bilinear", align_corners=align_corners)

    return {
        "adaptive_avg_pool": by_rank("adaptive_avg_pool{}d"),
        "adaptive_max_pool": by_rank("adaptive_max_pool{}d"),
        "attention": attention,
        "avg_pool": by_rank("avg_pool{}d"),
        "batch_norm": lambda x, g, b, eps: f.batch_norm(
            x, None, None, g, b, training=True, eps=eps
        ),
        "cdist": torch.cdist,
        "conv": by_rank("conv{}d"),
        "conv_transpose": by_rank("conv_transpose{}d"),
        "cosine_similarity": lambda x, y, eps: f.cosine_similarity(x, y, dim=-1, eps=eps),
        "embedding": _embedding(f),
        "group_norm": f.group_norm,
        "gru_cell": lambda x, h, w, u, b: torch.gru_cell(x, h, w, u, b, torch.zeros_like(b)),
        "instance_norm": lambda x, eps: f.instance_norm(x, eps=eps),
        "layer_norm": lambda x, g, b, eps: f.layer_norm(x, g.shape, g, b, eps),
        "lstm": lstm,
        "max_pool": by_rank("max_pool{}d"),
        "normalize": lambda x, eps: f.normalize(x, dim=-1, eps=eps),
        "pixel_shuffle": f.pixel_shuffle,
        "resize_bilinear": resize_bilinear,
        "rms_norm": lambda x, g, eps: f.rms_norm(x, g.shape, g, eps),
        "unfold": unfold,
    }


def _embedding(f: Any) -> Any:
    return lambda table, ids, padding: f.embedding(ids, table, padding_idx=padding)


def _losses(torch: Any) -> dict[str, Any]:
    f = torch.nn.functional

    def cross_entropy(x: Array, label: Array, smoothing: float) -> Array:
        return f.cross_entropy(x, label, reduction="none", label_smoothing=smoothing)

    def ctc(x: Array, labels: Array) -> Array:
        steps, batch, _ = x.shape
        log_p = f.log_softmax(x, dim=-1)
        sizes = (steps,) * batch, (labels.shape[1],) * batch
        return f.ctc_loss(log_p, labels, *sizes, blank=0, reduction="none")

    def triplet_margin(x: Array, near: Array, far: Array, margin: float) -> Array:
        return f.triplet_margin_loss(x, near, far, margin=margin, eps=0.0, reduction="none")

    return {
        "binary_cross_entropy_with_logits": lambda x, y: f.binary_cross_entropy_with_logits(
            x, y, reduction="none"
        ),
        "cross_entropy": cross_entropy,
        "ctc": ctc,
        "huber": lambda x, y, delta: f.huber_loss(x, y, reduction="none", delta=delta),
        "kl_div": lambda log_p, q: f.kl_div(log_p, q, reduction="none"),
        "log_softmax": f.log_softmax,
        "logsumexp": torch.logsumexp,
        "softmax": f.softmax,
        "triplet_margin": triplet_margin,
    }


def _activations(torch: Any) -> dict[str, Any]:
    f = torch.nn.functional
    return {
        "elu": f.elu,
        "gelu": f.gelu,
        "gelu_tanh": lambda x: f.gelu(x, approximate="tanh"),
        "hard_sigmoid": f.hardsigmoid,
        "hard_swish": f.hardswish,
        "leaky_relu": f.leaky_relu,
        "log_sigmoid": f.logsigmoid,
        "mish": f.mish,
        "relu": f.relu,
        "relu6": f.relu6,
        "selu": f.selu,
        "silu": f.silu,
        "softplus": f.softplus,
    }
