"""PaddlePaddle's special functions under SciPy's names, as the group ``special``."""

from __future__ import annotations

from typing import Any

from gradtier.backends.base import Unsupported


def names() -> dict[str, Any]:
    """The group ``special``; NumPy's says what each name means."""
    import paddle

    layers = paddle.nn.functional

    def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False) -> Any:
        if b is not None:
            raise Unsupported("PaddlePaddle's logsumexp takes no weights")
        return paddle.logsumexp(a, axis, keepdims)

    same = "digamma erf erfinv gammainc gammaincc gammaln i0 i0e i1 i1e logit sinc"
    return {
        **{name: getattr(paddle, name) for name in same.split()},
        "expit": layers.sigmoid,
        "log_expit": layers.log_sigmoid,
        "log_softmax": lambda x, axis: layers.log_softmax(x, axis),
        "logsumexp": logsumexp,
        "polygamma": lambda n, x: paddle.polygamma(x, n),
        "softmax": lambda x, axis: layers.softmax(x, axis),
    }
