"""TensorFlow's structured control flow: ``tf.scan``, ``tf.while_loop``, ``tf.cond`` and others."""

from __future__ import annotations

from typing import Any


def names() -> dict[str, Any]:
    """The group ``control``."""
    import tensorflow as tf

    def first(xs: Any) -> Any:
        return xs[0] if xs.shape[0] else tf.zeros(xs.shape[1:], xs.dtype)

    def scan(f: Any, carry: Any, xs: Any) -> Any:
        """``tf.scan`` hands on what it stacks, so each y goes along and is dropped.

        A call of ``f`` says how the outputs are shaped, as ``tf.scan`` must be told.
        """
        nest = tf.nest
        like = f(carry, nest.map_structure(first, xs))[1]
        if like is None:
            return tf.foldl(lambda c, x: f(c, x)[0], xs, carry), None
        start = (carry, nest.map_structure(tf.zeros_like, like))
        kept, ys = tf.scan(lambda c, x: f(c[0], x), xs, start)
        return nest.map_structure(lambda a: a[-1], kept), ys

    def while_loop(cond: Any, body: Any, state: Any) -> Any:
        """TensorFlow's state is a list of arguments."""
        if isinstance(state, tuple):
            found = tf.while_loop(lambda *s: cond(s), lambda *s: body(s), state)
        else:
            found = tf.while_loop(cond, lambda s: (body(s),), (state,))[0]
        return found

    def fori_loop(n: int, body: Any, state: Any) -> Any:
        def step(i: Any, inner: Any) -> Any:
            return i + 1, body(i, inner)

        start = (tf.constant(0, tf.int64), state)
        return tf.while_loop(lambda i, _: i < n, step, start, maximum_iterations=n)[1]

    return {
        "checkpoint": tf.recompute_grad,
        "cond": lambda pred, true_fn, false_fn, *x: tf.cond(
            pred, lambda: true_fn(*x), lambda: false_fn(*x)
        ),
        "fori_loop": fori_loop,
        "map": tf.map_fn,
        "scan": scan,
        "stop_gradient": tf.stop_gradient,
        "switch": lambda index, branches, *x: tf.switch_case(
            tf.cast(index, tf.int32), [_bound(f, x) for f in branches]
        ),
        "vmap": lambda f: lambda *x: tf.vectorized_map(lambda row: f(*row), x),
        "while_loop": while_loop,
    }


def _bound(f: Any, x: Any) -> Any:
    return lambda: f(*x)
