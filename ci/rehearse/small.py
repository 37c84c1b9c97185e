"""The clone in which a pipeline is rehearsed, and what makes it small.

Small are the matrix (HIPS autograd alone, one suite, one nesting, one dtype), the extra ``all``
(autograd again) and the committed evidence (of that matrix).  All else is what was committed: the
workflow files, the bootstrap, the noxfile, the constraint files, gradtier.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

SUITES = ("losses",)
QUICK = tuple(
    f"losses/{case}"
    for case in ("huber", "focal", "dice", "hinge", "poisson", "triplet", "quantile", "contrastive")
)
ROWS = ("autograd-reverse", "autograd-forward")
#: Kept between jobs, which would be made anew on a service: that is a minute for each.
KEPT = (".nox", ".gradtier/bootstrap")


def _git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=rehearsal", "-c", "user.email=rehearsal@example.org"]
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True)


class Clone:
    """A fresh clone of what was committed last, made small.

    Args:
        root: the repository.
        folder: where the clone comes to lie.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        command = ["git", "clone", "--quiet", "--depth", "1", f"file://{root}", str(folder)]
        subprocess.run(command, check=True)
        self._shrink()
        evidence = folder / "reports" / "evidence"
        shutil.rmtree(evidence)
        words = ["run", "--evidence", "reports/evidence/before.jsonl", "-n", "2"]
        subprocess.run([sys.executable, "-m", "gradtier", *words], cwd=folder, check=True)
        self._before = evidence / "before.jsonl"
        _git(folder, "add", "--all")
        _git(folder, "commit", "--quiet", "--message", "A small matrix, to rehearse pipelines")

    def _shrink(self) -> None:
        file = self.folder / "matrix.yaml"
        real = yaml.safe_load(file.read_text(encoding="utf-8"))
        file.write_text(yaml.safe_dump(small_matrix(real), sort_keys=False), encoding="utf-8")
        project = self.folder / "pyproject.toml"
        text, done = re.subn(
            r"(?m)^( *\"gradtier\[)[^\]]*(\]\",)$", r"\1autograd\2",
            project.read_text(encoding="utf-8"),
        )  # fmt: skip
        if done != 1:
            raise RuntimeError("pyproject.toml: expected one line that lists all extras")
        project.write_text(text, encoding="utf-8")

    def reset(self, worse: bool) -> None:
        """As a fresh clone, apart from the environments.

        Args:
            worse: the committed evidence says that a wrong backend was right, so that what is
                measured now is worse.
        """
        kept = [word for name in KEPT for word in ("--exclude", name)]
        _git(self.folder, "clean", "-xdfq", *kept)
        _git(self.folder, "checkout", "--quiet", "--", ".")
        if worse:
            lines = self._before.read_text(encoding="utf-8").splitlines()
            self._before.write_text("".join(map(_agreed, lines)), encoding="utf-8")


def _agreed(line: str) -> str:
    found = json.loads(line)
    if found.get("outcome") == "wrong":
        found |= {"outcome": "agree", "reason": None, "verdict": None, "detail": "agrees"}
    return json.dumps(found) + "\n"


def small_matrix(real: dict[str, Any]) -> dict[str, Any]:
    """A matrix of the real one's layout with few trials.

    A wrong row is among them, so that there is something to get worse, and one of each other
    device, so that the jobs of one's own runners have trials.
    """
    rows = {name: dict(real["backends"][name], notes=[]) for name in ROWS}
    wrong = {
        **rows[ROWS[0]], "title": "Wrong on purpose", "package": "faulty",
        "adapter": "gradtier.backends.faulty:Faulty",
        "options": {"around": rows[ROWS[0]]["adapter"], "fault": "sign"},
    }  # fmt: skip
    del wrong["extra"]
    cards = {
        f"on-{device}": {**rows[ROWS[0]], "title": f"On {device}", "devices": [device]}
        for device in real["axes"]["devices"]
        if device != "cpu"
    }
    return {
        **{key: real[key] for key in ("schema", "title", "about", "primal", "policy")},
        "axes": {**real["axes"], "nesting": ["none"], "dtypes": ["float64"]},
        "suites": {name: real["suites"][name] for name in SUITES},
        "backends": {**rows, "wrong": wrong, **cards},
        "reference": [{"reverse": ROWS[0], "forward": ROWS[1]}],
        "quick": list(QUICK),
    }
