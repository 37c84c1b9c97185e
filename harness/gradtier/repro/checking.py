"""A script run by itself: no gradtier, no folder of ours, nothing of the environment's paths."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

#: Runs a script where gradtier, even if it is installed there, can't be imported.
ALONE = """
import runpy, sys, traceback
sys.modules["gradtier"] = None
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except Exception:
    traceback.print_exc()
    sys.exit(3)
"""

#: torch.compile and the like need the most.
SECONDS = 600.0


@dataclass(frozen=True)
class Ran:
    """How a script ended.

    Attributes:
        status: its exit status; None where it was ended after its time.
        said: its last lines.
    """

    status: int | None
    said: str

    @property
    def faulty(self) -> bool:
        """Whether it showed the fault; an error of its own is another status here."""
        return self.status == 1

    @property
    def words(self) -> str:
        """The status as a sentence."""
        if self.status is None:
            return "it did not end in time"
        told = {
            0: "the backend agrees", 1: "the fault is there", 2: "it could not be asked",
            3: "it broke off with an error of its own",
        }  # fmt: skip
        return told.get(self.status, f"it ended with status {self.status}")


def ran(text: str, python: str = sys.executable, seconds: float = SECONDS) -> Ran:
    """Run a script in an empty folder, isolated (``python -I``)."""
    with tempfile.TemporaryDirectory(prefix="gradtier-") as folder:
        file = Path(folder) / "repro.py"
        file.write_text(text, encoding="utf-8")
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        try:
            done = subprocess.run(
                [python, "-I", "-c", ALONE, str(file)], capture_output=True, text=True,
                check=False, cwd=folder, timeout=seconds, env={**kept, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Ran(None, f"no end within {seconds:.3g} s")
    said = (done.stdout.strip() + "\n" + done.stderr.strip()[-3000:]).strip()
    return Ran(done.returncode, said)
