"""JAX's Taylor mode: the mixed second derivative, and what its table has no rule for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gradtier.backends.base import Unsupported
from gradtier.backends.jet import JaxJet

HARNESS = Path(__file__).parents[2]
SCRIPT = """
import json, sys
import numpy as np
from gradtier.backends.jet import JaxJet

a, found = JaxJet(jit=json.loads(sys.argv[1])), {}
xp, native = a.namespace, lambda *t: tuple(a.from_numpy(np.asarray(s), "cpu") for s in t)
x, u, v = native(2.0, -1.5), native(0.5, 3.0), native(-1.25, 0.75)

def cubic(p, q):
    return (p * p * q + q * q * q,)

run = a.compile(lambda x, u, v: a.second_pushforward(cubic, x, u, v))
found["second"] = [float(t[0]) for t in run(x, u, v)]
for name in ("cbrt", "sort"):
    try:
        a.pushforward(lambda p: (getattr(xp, name)(p),), native([1.0, 2.0]), native([1.0, 1.0]))
    except Exception as error:
        found[name] = a.declines(error)
print(json.dumps(found))
"""


@pytest.mark.integration
@pytest.mark.parametrize("jit", [False, True])
def test_a_factorial_forgotten_in_a_taylor_coefficient_would_pass_without_this(jit):
    if not JaxJet.installed():
        pytest.skip("JAX is not installed")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(jit)],
        env={**os.environ, **JaxJet.environment, "PYTHONPATH": str(HARNESS)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    p, q, (u, s), (v, t) = 2.0, -1.5, (0.5, 3.0), (-1.25, 0.75)
    slope = 2 * p * q * u + (p * p + 3 * q * q) * s
    mixed = 2 * q * u * v + 2 * p * (u * t + s * v) + 6 * q * s * t
    np.testing.assert_allclose(found["second"], [slope, mixed], 1e-14)
    assert found["cbrt"], "a primitive without a rule is not recognised"
    assert found["sort"], "a primitive without a rule is not recognised"


def test_a_reverse_mode_would_be_credited_to_jet_if_it_answered():
    jet = object.__new__(JaxJet)
    with pytest.raises(Unsupported, match="forward"):
        jet.pullback(lambda a: (a,), (1.0,), (1.0,))


def test_a_missing_key_of_a_case_would_be_excused_if_taken_for_a_missing_rule():
    jet = object.__new__(JaxJet)
    assert not jet.declines(KeyError("weights"))
    assert not jet.declines(KeyError(2))
