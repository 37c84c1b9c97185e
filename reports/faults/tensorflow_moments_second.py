"""TensorFlow: second derivatives through tf.nn.moments are wrong"""

import sys

import numpy as np
import tensorflow as tf

x = tf.constant([1.0, -2.0, 0.5, 3.0], dtype=tf.float64)


def hessian(variance):
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.reduce_sum(variance(x) * x)
        first = inner.gradient(y, x)
    return outer.jacobian(first, x).numpy()


got = hessian(lambda x: tf.nn.moments(x, [0])[1])
expected = hessian(tf.math.reduce_variance)
worst = np.abs(got - expected).max()
print(f"tensorflow {tf.__version__}: differs from reduce_variance, the same function, by {worst}")
sys.exit(int(worst > 1e-9))
