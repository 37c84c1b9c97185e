"""MyGrad's ``mygrad.nnet`` under the names of the group ``nn``."""

from __future__ import annotations

from typing import Any

from gradtier.backends.declined import Unsupported

Array = Any


def names() -> dict[str, Any]:
    """The group ``nn``; NumPy's says what each name means."""
    from mygrad import nnet

    def conv(
        x: Array, w: Array, b: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Array:  # fmt: skip
        if groups != 1:
            raise Unsupported("MyGrad's convolution has no groups")
        y = nnet.layers.conv_nd(x, w, stride=stride, padding=padding, dilation=dilation)
        return y if b is None else y + b.reshape(-1, *(1,) * (x.ndim - 2))

    def max_pool(x: Array, size: int, stride: Any, padding: Any = 0) -> Array:
        if padding != 0:
            raise Unsupported("MyGrad's max pooling has no padding")
        return nnet.layers.max_pool(x, (size,) * (x.ndim - 2), stride)

    def batch_norm(x: Array, gain: Array, bias: Array, eps: float) -> Array:
        return nnet.layers.batchnorm(x, gamma=gain, beta=bias, eps=eps)

    activations = nnet.activations
    return {
        "batch_norm": batch_norm,
        "conv": conv,
        "elu": lambda x: activations.elu(x, alpha=1.0),
        "leaky_relu": activations.leaky_relu,
        "log_softmax": lambda x, axis: activations.logsoftmax(x, axis=axis),
        "max_pool": max_pool,
        "relu": activations.relu,
        "selu": activations.selu,
        "softmax": lambda x, axis: activations.softmax(x, axis=axis),
    }
