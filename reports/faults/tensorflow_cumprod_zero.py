"""TensorFlow: the gradient of cumprod is wrong where an element is zero"""

import sys

import numpy as np
import tensorflow as tf

x = tf.constant([2.0, 0.0, 3.0], dtype=tf.float64)
with tf.GradientTape() as tape:
    tape.watch(x)
    y = tf.reduce_sum(tf.math.cumprod(x))
got = tape.gradient(y, x).numpy()
expected = np.array([1.0, 2.0 + 2.0 * 3.0, 0.0])  # x0 + x0 x1 + x0 x1 x2
print(f"tensorflow {tf.__version__}: got {got}; it is {expected}")
sys.exit(int(not np.allclose(got, expected)))
