"""PyTorch's ``torch.special`` under SciPy's names, as the group ``special``."""

from __future__ import annotations

from typing import Any

from gradtier.backends.base import Unsupported

SAME = (
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "expit", "gammainc", "gammaincc",
    "gammaln", "i0", "i0e", "i1", "i1e", "log_ndtr", "logit", "ndtr", "ndtri", "polygamma", "sinc",
    "xlog1py", "xlogy", "zeta",
)  # fmt: skip


def names() -> dict[str, Any]:
    """The group ``special``; NumPy's says what each name means."""
    import torch

    special = torch.special

    def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False) -> Any:
        if b is not None:
            raise Unsupported("PyTorch's logsumexp takes no weights")
        axes = tuple(range(a.ndim)) if axis is None else axis
        return special.logsumexp(a, axes, keepdim=keepdims)

    return {
        **{name: getattr(special, name) for name in SAME},
        **{name: getattr(special, f"bessel_{name}") for name in ("j0", "j1", "y0", "y1")},
        "k0": special.modified_bessel_k0,
        "k0e": special.scaled_modified_bessel_k0,
        "k1": special.modified_bessel_k1,
        "k1e": special.scaled_modified_bessel_k1,
        "log_expit": torch.nn.functional.logsigmoid,
        "log_softmax": lambda x, axis: special.log_softmax(x, axis),
        "logsumexp": logsumexp,
        "softmax": lambda x, axis: special.softmax(x, axis),
    }
