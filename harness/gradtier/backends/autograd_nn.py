"""autograd's convolution and log-sum-exp, those of its SciPy, as the group ``nn``."""

from __future__ import annotations

from typing import Any

from gradtier.backends.declined import Unsupported

Array = Any


def names() -> dict[str, Any]:
    """The group ``nn``; NumPy's says what each name means."""
    import autograd.numpy as np
    from autograd.scipy.signal import convolve
    from autograd.scipy.special import logsumexp

    def conv(
        x: Array, w: Array, b: Any, stride: int = 1, padding: int = 0, dilation: int = 1,
        groups: int = 1,
    ) -> Array:  # fmt: skip
        if groups != 1 or dilation != 1:
            raise Unsupported("autograd's convolution has neither groups nor dilation")
        axes = list(range(2, x.ndim))
        flip = (slice(None), slice(None), *[slice(None, None, -1)] * len(axes))
        padded = np.pad(x, [(0, 0)] * 2 + [(padding, padding)] * len(axes), "constant")
        y = convolve(padded, w[flip], axes=(axes, axes), dot_axes=([1], [1]), mode="valid")
        y = y[(slice(None), slice(None), *[slice(None, None, stride)] * len(axes))]
        return y if b is None else y + np.reshape(b, (-1, *(1,) * len(axes)))

    return {"conv": conv, "logsumexp": lambda x, axis: logsumexp(x, axis=axis)}
