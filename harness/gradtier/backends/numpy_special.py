"""Special functions on NumPy's arrays, by SciPy: what the names of the group ``special`` mean.

Each has the arguments of ``scipy.special``, in its order; the results are as wide as the arrays.
``sinc`` is NumPy's, ``sin(pi x) / (pi x)``; ``log1mexp``, which SciPy lacks, is
``log(1 - exp(x))`` of an x below zero.  Orders (``n``, ``v``) are Python numbers.
"""

from __future__ import annotations

import math
from typing import Any

SAME = (
    "betainc", "betaln", "dawsn", "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp1",
    "expi", "expit", "expn", "fresnel", "gamma", "gammainc", "gammaincc", "gammaln", "hyp1f1",
    "hyp2f1", "i0", "i0e", "i1", "i1e", "iv", "j0", "j1", "jv", "k0", "k0e", "k1", "k1e", "kl_div",
    "kv", "log_expit", "log_ndtr", "log_softmax", "logit", "logsumexp", "ndtr", "ndtri", "owens_t",
    "rel_entr", "softmax", "spence", "xlog1py", "xlogy", "y0", "y1", "yv", "zeta",
)  # fmt: skip


def names() -> dict[str, Any]:
    """The group ``special``."""
    import numpy as np
    from scipy import special

    def log1mexp(x: Any) -> Any:
        """By the formula that keeps its digits on each side of 1/2.

        M. Maechler, Accurately computing log(1 - exp(-|a|)), 2012.
        """
        near = x > -math.log(2.0)
        # What the other formula is given is harmless to it.
        one = np.log(-np.expm1(np.where(near, x, -1.0)))
        return np.where(near, one, np.log1p(-np.exp(np.where(near, -1.0, x))))

    def polygamma(n: int, x: Any) -> Any:
        """SciPy would widen float32 to the dtype of the order."""
        return special.polygamma(np.asarray(n, dtype=np.asarray(x).real.dtype), x)

    return {
        **{name: getattr(special, name) for name in SAME},
        "log1mexp": log1mexp,
        "polygamma": polygamma,
        "sinc": np.sinc,
    }
