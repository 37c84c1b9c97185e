"""MLX's special functions, of ``mlx.core`` and ``mlx.nn``, as the group ``special``."""

from __future__ import annotations

from typing import Any

from gradtier.backends.base import Unsupported


def names() -> dict[str, Any]:
    """The group ``special``; NumPy's says what each name means."""
    import mlx.core as mx
    import mlx.nn as nn

    def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False) -> Any:
        if b is not None:
            raise Unsupported("MLX's logsumexp takes no weights")
        return mx.logsumexp(a, axis, keepdims)

    return {
        "erf": mx.erf,
        "erfinv": mx.erfinv,
        "expit": mx.sigmoid,
        "log_expit": nn.log_sigmoid,
        "log_softmax": lambda x, axis: nn.log_softmax(x, axis),
        "logsumexp": logsumexp,
        "softmax": lambda x, axis: mx.softmax(x, axis),
    }
