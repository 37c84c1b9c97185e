"""How sharp the suites are: ``nox -s sharpness``.

Three parts, written to ``reports/bench/sharpness.json`` and ``.md``:

1. how many cases and trials there are, by suite;
2. the mutation score: every suite meets backends that are wrong on purpose, one in each known way,
   through the same path as real ones; a case counts where the same backend, unspoiled, agrees;
3. the faults of released packages in ``reports/faults/``: each is a script that uses the package
   and NumPy alone, prints what is wrong, and exits with 1 while the fault is there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from released import released
from report import written
from score import score

ROOT = Path(__file__).resolve().parents[3]
OUT = ROOT / "reports" / "bench"
PARTS = ("counts", "mutation", "released")


def main() -> None:
    """Run the parts that are asked for; parts not asked for stay as they were."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="all, if none is named")
    parser.add_argument("-n", "--workers", default="2")
    parser.add_argument("--suite", action="append", default=[], help="mutation: these suites only")
    given = parser.parse_args()
    wanted = given.parts or PARTS
    file = OUT / "sharpness.json"
    found: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    if "counts" in wanted:
        found["counts"] = counts()
    if "mutation" in wanted:
        found["mutation"] = score(ROOT, given.workers, given.suite)
    if "released" in wanted:
        found["released"] = released(ROOT)
    file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (OUT / "sharpness.md").write_text(written(found), encoding="utf-8")
    print(f"wrote {file} and sharpness.md")


def counts() -> dict[str, Any]:
    """Cases and planned trials on the CPU by suite."""
    plan = subprocess.run(
        [sys.executable, "-m", "gradtier", "plan", "--device", "cpu", "--format", "json"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    trials = json.loads(plan.stdout)["trials"]
    by_suite: dict[str, dict[str, Any]] = {}
    for trial in trials:
        suite = trial["case"].partition("/")[0]
        entry = by_suite.setdefault(suite, {"cases": set(), "trials": 0})
        entry["cases"].add(trial["case"])
        entry["trials"] += 1
    suites = {s: {"cases": len(e["cases"]), "trials": e["trials"]} for s, e in by_suite.items()}
    return {
        "suites": suites,
        "cases": sum(s["cases"] for s in suites.values()),
        "trials": len(trials),
        "rows": len({trial["cell"].partition("/")[0] for trial in trials}),
    }


if __name__ == "__main__":
    main()
