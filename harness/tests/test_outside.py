"""A backend from outside of this repository: one file, and a dozen lines of a matrix."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from small_world import World

ADAPTER = '''
"""Dual numbers of one's own, as a backend of one's own."""

import numpy as np

from gradtier.backends.numpy import NumPy


class Dual:
    """A value with a slope."""

    def __init__(self, a, b):
        self.a, self.b = a, b

    def __add__(self, other):
        return Dual(self.a + other.a, self.b + other.b)

    def __mul__(self, other):
        return Dual(self.a * other.a, self.a * other.b + self.b * other.a)


class Space:
    """The functions that its rules are known of."""

    def log(self, x):
        return Dual(np.log(x.a), x.b / x.a)

    def tanh(self, x):
        return Dual(np.tanh(x.a), x.b / np.cosh(x.a) ** 2)

    def sum(self, x):
        return Dual(np.sum(x.a), np.sum(x.b))

    def matmul(self, x, y):
        return Dual(x.a @ y.a, x.b @ y.a + x.a @ y.b)


class Duals(NumPy):
    namespace = Space()

    def pushforward(self, f, x, v):
        y = f(*map(Dual, x, v))
        return tuple(d.a for d in y), tuple(d.b for d in y)
'''

BLOCK = """\
  duals-forward:
    title: My duals
    package: my-duals
    link: https://example.org/duals
    adapter: my_duals:Duals
    mode: forward
    execution: op by op
    kind: dual numbers
    devices: [cpu]
"""


def gradtier(*words: object) -> subprocess.CompletedProcess[str]:
    """The installed command, from a folder that is not the matrix's."""
    command = [Path(sys.executable).parent / "gradtier", *words]
    return subprocess.run(
        list(map(str, command)), cwd="/", capture_output=True, text=True, check=False, timeout=100
    )


def test_a_backend_from_elsewhere_takes_one_file_and_a_dozen_lines(world: World) -> None:
    assert len(BLOCK.splitlines()) <= 12
    matrix = world.file
    (world.folder / "my_duals.py").write_text(ADAPTER, encoding="utf-8")
    text = matrix.read_text(encoding="utf-8")
    matrix.write_text(text.replace("\nbackends:\n", f"\nbackends:\n{BLOCK}"), encoding="utf-8")
    records, site = world.folder / "e.jsonl", world.folder / "site"
    row = ("--backend", "duals-forward", "--evidence", records)
    done = gradtier("run", "--matrix", matrix, *row)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = map(json.loads, records.read_text(encoding="utf-8").splitlines())
    found = {r["trial"]: r for r in lines if r["kind"] == "trial"}
    for case in ("dense", "logs"):
        record = found[f"small/{case}@duals-forward/cpu/none/float64"]
        assert record["outcome"] == "agree", record
        assert set(record["verdict"]["witnesses"]) == {"finite-differences", "reference"}
    nested = {r["outcome"] for t, r in found.items() if "/none/" not in t}
    assert nested <= {"raised", "unsupported"}, "these duals do not nest, which is measured too"
    shown = gradtier("report", "--matrix", matrix, "--evidence", records, "--out", site)
    assert shown.returncode == 0, shown.stderr
    page = (site / "support.md").read_text(encoding="utf-8")
    assert "My duals" in page and "agrees 2/2" in page
