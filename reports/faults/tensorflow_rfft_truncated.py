"""TensorFlow: the gradient of a truncated rfft cannot be computed"""

import sys

import numpy as np
import tensorflow as tf

x = tf.constant(np.arange(6.0))
with tf.GradientTape() as tape:
    tape.watch(x)
    y = tf.reduce_sum(tf.math.real(tf.signal.rfft(x, [4])))
try:
    got = tape.gradient(y, x).numpy()
except Exception as error:
    print(f"tensorflow {tf.__version__}: {type(error).__name__}: {str(error)[:200]}")
    sys.exit(1)
expected = np.array([3.0, 0.0, 1.0, 0.0, 0.0, 0.0])
print(f"tensorflow {tf.__version__}: got {got}; it is {expected}")
sys.exit(int(not np.allclose(got, expected)))
