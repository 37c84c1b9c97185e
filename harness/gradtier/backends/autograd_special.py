"""autograd's ``autograd.scipy.special``: SciPy's functions with rules, as the group ``special``.

What it wraps without any rule is here too: that it then refuses is the library's own answer.
"""

from __future__ import annotations

from typing import Any

SAME = (
    "betainc", "betaln", "digamma", "erf", "erfc", "erfinv", "expit", "gamma", "gammainc",
    "gammaincc", "gammaln", "i0", "i1", "iv", "j0", "j1", "logit", "logsumexp", "polygamma", "y0",
    "y1",
)  # fmt: skip


def names() -> dict[str, Any]:
    """The group ``special``; NumPy's says what each name means."""
    import autograd.numpy
    import autograd.scipy.special as special

    return {
        **{name: getattr(special, name) for name in SAME},
        "jv": special.jn,
        "sinc": autograd.numpy.sinc,
        "yv": special.yn,
    }
