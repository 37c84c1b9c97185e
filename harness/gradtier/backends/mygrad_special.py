"""MyGrad's special functions, of ``mygrad`` and ``mygrad.nnet``, as the group ``special``."""

from __future__ import annotations

from typing import Any


def names() -> dict[str, Any]:
    """The group ``special``; NumPy's says what each name means."""
    import mygrad
    from mygrad.nnet import activations

    return {
        "expit": activations.sigmoid,
        "log_softmax": lambda x, axis: activations.logsoftmax(x, axis=axis),
        "sinc": mygrad.sinc,
        "softmax": lambda x, axis: activations.softmax(x, axis=axis),
    }
