"""TensorFlow: the derivative of bessel_i1 at zero is 1; it is 1/2"""

import sys

import tensorflow as tf

x = tf.constant(0.0, dtype=tf.float64)
with tf.GradientTape() as tape:
    tape.watch(x)
    y = tf.math.bessel_i1(x)
got = float(tape.gradient(y, x))
print(f"tensorflow {tf.__version__}: got {got}; it is 0.5")
sys.exit(int(got != 0.5))
