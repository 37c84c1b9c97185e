"""tinygrad's special functions, methods of its ``Tensor``, as the group ``special``."""

from __future__ import annotations

from typing import Any

from gradtier.backends.base import Unsupported


def names() -> dict[str, Any]:
    """The group ``special``; NumPy's says what each name means."""
    from tinygrad import Tensor

    def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False) -> Any:
        if b is not None:
            raise Unsupported("tinygrad's logsumexp takes no weights")
        return a.logsumexp(axis, keepdims)

    return {
        "erf": Tensor.erf,
        "expit": Tensor.sigmoid,
        "log_expit": Tensor.logsigmoid,
        "log_softmax": lambda x, axis: x.log_softmax(axis),
        "logsumexp": logsumexp,
        "softmax": lambda x, axis: x.softmax(axis),
    }
