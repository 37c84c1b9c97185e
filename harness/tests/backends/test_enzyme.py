"""Enzyme-JAX: functions that close over traced values, and more outputs than arguments."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradtier.backends.enzyme import Enzyme

HARNESS = Path(__file__).parents[2]
SCRIPT = """
import json
import numpy as np
from gradtier.backends.enzyme import Enzyme

found = {}
for padded in (False, True):
    a = Enzyme(padded=padded)
    xp, native = a.namespace, lambda *t: tuple(a.from_numpy(np.asarray(s), "cpu") for s in t)
    if not padded:
        # w is traced by the outer jit; the gradient closes over it
        hvp = a.compile(lambda x, w, v: a.outer_pushforward(
            lambda *y: a.pullback(lambda p, q: (xp.sin(p) * q,), y, w)[1], x, v)[1])
        found["hvp"] = [float(t) for t in hvp(native(0.5, 2.0), native(3.0), native(1.0, 0.25))]
    try:
        pair = a.compile(lambda x, w: a.pullback(lambda p: (p * p, 3.0 * p), x, w)[1])
        found[f"padded {padded}"] = float(pair(native(0.5), native(1.0, 2.0))[0])
    except IndexError as error:
        found[f"padded {padded}"] = str(error)
print(json.dumps(found))
"""


@pytest.mark.integration
def test_a_seed_closed_over_would_be_miscounted_by_enzyme_unless_passed_as_an_argument():
    if not Enzyme.installed():
        pytest.skip("Enzyme-JAX is not installed")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, **Enzyme.environment, "PYTHONPATH": str(HARNESS)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    sine, cosine = 0.479425538604203, 0.8775825618903728
    hvp = [3.0 * (-sine * 2.0 + cosine * 0.25), 3.0 * cosine]
    assert found["hvp"] == pytest.approx(hvp, rel=1e-14)
    assert found["padded True"] == 7.0
    assert found["padded False"] == "list index out of range", "mended: the option may go"
