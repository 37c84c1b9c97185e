"""The README's example of the operators runs and gives what its comments say."""

import re
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).parents[3] / "README.md"


def test_the_example_in_the_readme_would_not_run():
    pytest.importorskip("autograd")
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (code,) = [block for block in blocks if "gradtier.operators" in block] or [""]
    if not code:
        pytest.skip("the README has no example of operators")
    names = {}
    exec(code, names)
    checked = 0
    for line in code.splitlines():
        expression, _, comment = (part.strip() for part in line.partition("  # "))
        if not expression or re.match(r"\w+ = ", expression) or not comment:
            continue
        shown = eval(comment, {"array": np.asarray})
        got = eval(expression, names)
        np.testing.assert_equal(got, shown, err_msg=line)
        checked += 1
    assert checked == 4
