"""How a script asks TensorFlow: text for :mod:`gradtier.repro`, which is never imported."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import tensorflow as tf

from gradtier.backends.tensorflow_namespace import namespace

tf.get_logger().setLevel("ERROR")
tf.experimental.numpy.experimental_enable_numpy_behavior()

xp = namespace()


def array(a: Any) -> Any:
    return tf.constant(a)


def numpy(a: Any) -> Any:
    return tf.convert_to_tensor(a).numpy()


def zeros(a: Any) -> Any:
    return tf.zeros_like(a)


def pullback(f: Any, x: Any, w: Any) -> Any:
    x = [tf.identity(t) for t in x]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        y = f(*x)
    dx = tape.gradient(list(y), x, list(w))
    return y, [None if d is None else tf.convert_to_tensor(d) for d in dx]


def pushforward(f: Any, x: Any, v: Any) -> Any:
    x = [tf.identity(t) for t in x]
    with tf.autodiff.ForwardAccumulator(x, list(v)) as accumulator:
        y = f(*x)
    dy = [accumulator.jvp(t, unconnected_gradients="zero") for t in y]
    return y, [tf.convert_to_tensor(d) for d in dy]


def converted(f: Any) -> Any:
    try:
        return tf.autograph.to_graph(f)
    except Exception:
        return f


class function:
    """With the option ``function``: AutoGraph converts the function's branches and loops."""

    def compiled(f: Any) -> Any:
        return tf.function(converted(f), autograph=False)

    def pullback(f: Any, x: Any, w: Any) -> Any:
        x = [tf.identity(t) for t in x]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            y = converted(f)(*x)
        dx = tape.gradient(list(y), x, list(w))
        return y, [None if d is None else tf.convert_to_tensor(d) for d in dx]

    def pushforward(f: Any, x: Any, v: Any) -> Any:
        x = [tf.identity(t) for t in x]
        with tf.autodiff.ForwardAccumulator(x, list(v)) as accumulator:
            y = converted(f)(*x)
        dy = [accumulator.jvp(t, unconnected_gradients="zero") for t in y]
        return y, [tf.convert_to_tensor(d) for d in dy]


class xla:
    """With the option ``xla``."""

    def compiled(f: Any) -> Any:
        return tf.function(converted(f), autograph=False, jit_compile=True)


def ruled(primal: Any, pushforward: Any, pullback: Any) -> Any:
    return tf.custom_gradient(lambda *x: (primal(*x), lambda dy: pullback(x, dy)))
