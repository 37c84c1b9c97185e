"""TensorFlow: the gradient of a complex determinant is wrong"""

import sys

import numpy as np
import tensorflow as tf

a = np.array([[1.0 + 2j, 0.5 - 1j], [-0.25j, 2.0 + 0.5j]])
x = tf.constant(a)
with tf.GradientTape() as tape:
    tape.watch(x)
    y = tf.math.real(tf.linalg.det(x))
got = tape.gradient(y, x).numpy()
# det = a00 a11 - a01 a10 is holomorphic: the gradient of its real part is the conjugate cofactor
expected = np.conj(np.array([[a[1, 1], -a[1, 0]], [-a[0, 1], a[0, 0]]]))
print(f"tensorflow {tf.__version__}: got\n{got}\nit is\n{expected}")
sys.exit(int(not np.allclose(got, expected)))
