"""PyTensor's softmax family under the names of the group ``nn``.

Its convolutions are of two signals, with no channels, strides or padding: none for layers.
"""

from __future__ import annotations

from typing import Any

from gradtier.backends.pytensor_array import Array, variable


def names() -> dict[str, Any]:
    """The group ``nn``; NumPy's says what each name means."""
    import pytensor.tensor as pt

    def along(function: Any) -> Any:
        return lambda x, axis: Array(function(variable(x), axis=axis))

    return {
        "log_softmax": along(pt.special.log_softmax),
        "logsumexp": along(pt.logsumexp),
        "softmax": along(pt.special.softmax),
        "softplus": lambda x: Array(pt.softplus(variable(x))),
    }
