"""The mutation score: backends that are wrong on purpose, met by every case of every suite."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import yaml

from gradtier.backends.faulty import FAULTS, SPECIAL
from gradtier.model import Outcome

#: The backend that is spoiled: the one that runs most cases, op by op and so cheaply.
AROUND = "gradtier.backends.torch:TorchAutograd"

#: Faults in the answer's numbers or form; those of the process (hang, exit, ...) do not depend on
#: the case and are in the tests.  "second" is asked nested, "through" of the suite `rules` alone.
NUMBERS = tuple(
    name for name, (outcome, _) in FAULTS.items() if outcome is Outcome.WRONG and name != "later"
)
NESTED = ("second",)
RULES = ("through",)
EXACT = "exact"


def matrix_of(root: Path, suites: list[str]) -> dict[str, Any]:
    """The flagship's suites and reference rows, and one row for each fault."""
    flagship = yaml.safe_load((root / "matrix.yaml").read_text(encoding="utf-8"))
    named = {
        name: {**entry, "path": str(root / entry["path"])}
        for name, entry in flagship["suites"].items()
        if not suites or name in suites
    }
    first = flagship["reference"][0]
    backends = {row: flagship["backends"][row] for row in first.values() if isinstance(row, str)}
    backends = {row: {**b, "devices": ["cpu"], "notes": []} for row, b in backends.items()}
    for fault in (EXACT, *NUMBERS, *SPECIAL, *NESTED, *RULES):
        backends[_row(fault)] = {
            "title": f"Faulty: {fault}", "package": "faulty", "link": "https://example.org/",
            "adapter": "gradtier.backends.faulty:Faulty", "mode": "reverse",
            "execution": "op by op", "kind": "tape", "devices": ["cpu"],
            "options": {"around": AROUND, "fault": fault},
        }  # fmt: skip
        if fault in RULES and "rules" in named:
            backends[_row(fault)]["suites"] = ["rules"]
    if "rules" not in named:
        backends = {row: b for row, b in backends.items() if row not in map(_row, RULES)}
    return {
        **{key: flagship[key] for key in ("schema", "title", "about", "primal", "policy")},
        "axes": {"devices": ["cpu"], "nesting": ["none", "forward"], "dtypes": ["float64"]},
        "suites": named,
        "backends": backends,
        "reference": [first],
        "timeout": 60,
    }


def _row(fault: str) -> str:
    return "faulty-" + fault.replace(" ", "-")


def score(root: Path, workers: str, suites: list[str]) -> dict[str, Any]:
    """Run the faults; per suite and fault: met, caught, missed cases.

    A case meets a fault if the same backend without it agrees there and the fault changes what it
    answers.  Of faults that show at some points only the latter is not known from outside: there
    "not caught" means "has no such point", and is no miss.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "matrix.yaml"
        file.write_text(yaml.safe_dump(matrix_of(root, suites)), encoding="utf-8")
        evidence = Path(folder) / "e.jsonl"
        for nesting, faults in (
            ("none", (EXACT, *NUMBERS, *SPECIAL, *(RULES if not suites else ()))),
            ("forward", (EXACT, *NESTED)),
        ):
            rows = [word for fault in faults for word in ("--backend", _row(fault))]
            subprocess.run(
                [sys.executable, "-m", "gradtier", "run", "--matrix", str(file), "-n", workers,
                 "--nesting", nesting, *rows, "--evidence", str(evidence), "--resume"],
                check=True,
            )  # fmt: skip
        lines = [json.loads(line) for line in evidence.read_text(encoding="utf-8").splitlines()]
        declared = yaml.safe_load(file.read_text(encoding="utf-8"))["suites"]
    unchanged = _unchanged({suite: entry["path"] for suite, entry in declared.items()})
    return counted([line for line in lines if line["kind"] == "trial"], unchanged)


def _unchanged(suites: dict[str, str]) -> set[tuple[str, str]]:
    """(fault, case) where the spoiled answer is the right one; see ``same.py``."""
    found: set[tuple[str, str]] = set()
    for suite, path in suites.items():
        for nesting, faults in (("none", (*NUMBERS, *SPECIAL)), ("forward", NESTED)):
            done = subprocess.run(
                [sys.executable, str(Path(__file__).with_name("same.py")), suite, path, AROUND,
                 nesting, *faults],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            answer = json.loads(done.stdout.splitlines()[-1])
            found |= {(fault, case) for fault, cases in answer.items() for case in cases}
    return found


def counted(records: list[dict[str, Any]], unchanged: set[tuple[str, str]]) -> dict[str, Any]:
    """Suite -> fault -> how many cases met it, caught it, and which missed it."""
    ends = {}
    for record in records:
        case, _, cell = record["trial"].partition("@")
        row, _, nesting, _ = cell.split("/")
        ends[case, row, nesting] = record
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for fault in (*NUMBERS, *SPECIAL, *NESTED, *RULES):
        nesting = "forward" if fault in NESTED else "none"
        met: Counter[str] = Counter()
        caught: Counter[str] = Counter()
        missed: dict[str, list[str]] = defaultdict(list)
        for (case, row, nested), record in ends.items():
            exact = ends.get((case, _row(EXACT), nested), {})
            if row != _row(fault) or nested != nesting or exact.get("outcome") != "agree":
                continue
            if (fault, case) in unchanged and record["outcome"] == "agree":
                continue
            suite = case.partition("/")[0]
            met[suite] += 1
            if record["outcome"] == "wrong":
                caught[suite] += 1
            else:
                missed[suite].append(f"{case}: {record['outcome']}: {record.get('detail', '')}")
        for suite in met:
            found[suite][fault] = {
                "met": met[suite],
                "caught": caught[suite],
                "missed": [] if fault in SPECIAL else sorted(missed[suite]),
            }
    return {"around": AROUND, "special": list(SPECIAL), "suites": dict(sorted(found.items()))}
