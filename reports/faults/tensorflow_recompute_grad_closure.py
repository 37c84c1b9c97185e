"""TensorFlow: what a recompute_grad function closes over gets no gradient, without a word"""

import sys

import tensorflow as tf

x, w = tf.constant([0.5, 1.0]), tf.constant([2.0, 3.0])
with tf.GradientTape() as tape:
    tape.watch([x, w])
    y = tf.reduce_sum(tf.recompute_grad(lambda a: tf.sin(a) * w)(x))
got = tape.gradient(y, w)
print(f"tensorflow {tf.__version__}: got {got}; it is sin(x), {tf.sin(x).numpy()}")
sys.exit(int(got is None))
