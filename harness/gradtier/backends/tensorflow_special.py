"""TensorFlow's ``tf.math`` and ``tf.math.special`` under SciPy's names: the group ``special``."""

from __future__ import annotations

from typing import Any

from gradtier.backends.base import Unsupported


def names() -> dict[str, Any]:
    """The group ``special``; NumPy's says what each name means."""
    import tensorflow as tf

    math, special = tf.math, tf.math.special

    def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False) -> Any:
        if b is not None:
            raise Unsupported("TensorFlow's reduce_logsumexp takes no weights")
        return math.reduce_logsumexp(a, axis, keepdims)

    same = "betainc digamma erf erfc erfinv log_softmax ndtri softmax xlog1py xlogy zeta"
    bessel = "i0 i0e i1 i1e j0 j1 k0 k0e k1 k1e y0 y1"
    return {
        **{name: getattr(math, name) for name in same.split()},
        **{name: getattr(special, f"bessel_{name}") for name in bessel.split()},
        # the last axis is that of the arguments
        "betaln": lambda a, b: math.lbeta(tf.stack([a, b], axis=-1)),
        "dawsn": special.dawsn,
        "expi": special.expint,
        "expit": math.sigmoid,
        "fresnel": lambda z: (special.fresnel_sin(z), special.fresnel_cos(z)),
        "gammainc": math.igamma,
        "gammaincc": math.igammac,
        "gammaln": math.lgamma,
        "log_expit": math.log_sigmoid,
        "logsumexp": logsumexp,
        "polygamma": lambda n, x: math.polygamma(tf.cast(n, x.dtype), x),
        "sinc": tf.experimental.numpy.sinc,
        "spence": special.spence,
    }
