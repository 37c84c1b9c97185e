"""PyTensor: the pushforward of x - y loses the tangent of y"""

import os
import sys

os.environ.setdefault("PYTENSOR_FLAGS", "cxx=,linker=py")
import pytensor
import pytensor.tensor as pt
from pytensor.gradient import pushforward

x, y, v, w = (pt.scalar(name, dtype="float64") for name in "xyvw")
tangent = pushforward([x - y], [x, y], [v, w])[0]
got = float(pytensor.function([x, y, v, w], tangent, on_unused_input="ignore")(5.0, 3.0, 1.0, 1.0))
print(f"PyTensor {pytensor.__version__}: along (1, 1) the tangent of x - y is {got}; it is 0.0")
sys.exit(int(abs(got) > 1e-12))
