"""JAX's ``jax.scipy.special`` as the group ``special``; it mirrors SciPy's names and arguments."""

from __future__ import annotations

from typing import Any

SAME = (
    "betainc", "betaln", "dawsn", "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp1",
    "expi", "expit", "expn", "fresnel", "gamma", "gammainc", "gammaincc", "gammaln", "hyp1f1",
    "hyp2f1", "i0", "i0e", "i1", "i1e", "kl_div", "log_ndtr", "log_softmax", "logit", "logsumexp",
    "ndtr", "ndtri", "owens_t", "polygamma", "rel_entr", "softmax", "spence", "xlog1py", "xlogy",
    "zeta",
)  # fmt: skip


def names() -> dict[str, Any]:
    """The group ``special``; NumPy's says what each name means."""
    import jax

    special = jax.scipy.special
    return {
        **{name: getattr(special, name) for name in SAME},
        # of all orders up to the one given
        "jv": lambda v, x: special.bessel_jn(x, v=v)[v],
        "log_expit": jax.nn.log_sigmoid,
        "sinc": jax.numpy.sinc,
    }
