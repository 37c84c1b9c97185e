"""tinygrad: the derivative of erf at zero is 0; it is 2 / sqrt(pi)"""

import os
import sys
from importlib.metadata import version

os.environ.setdefault("DEV", "PYTHON")
from tinygrad import Tensor

x = Tensor([0.0])
got = x.erf().sum().gradient(x)[0].item()
print(f"tinygrad {version('tinygrad')}: erf'(0) is {got}; it is 1.1284")
sys.exit(int(abs(got - 1.1283791671) > 1e-4))
