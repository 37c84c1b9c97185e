"""HIPS autograd: the derivative of sinc at zero is NaN; it is 0"""

import sys
from importlib.metadata import version

import autograd
import autograd.numpy as anp

got = autograd.grad(anp.sinc)(0.0)
print(f"autograd {version('autograd')}: sinc'(0) is {got}; it is 0")
sys.exit(int(got != 0.0))
