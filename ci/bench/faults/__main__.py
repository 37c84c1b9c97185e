"""What a run loses when things go wrong: each fault really happens to a small run.

``python ci/bench/faults [--out FILE] [NAME ...]`` writes ``reports/bench/faults.json``: for each
fault the trials that were lost beyond those in flight, the records that stand there twice, the
outcomes that are not the right ones, and what the user was told.  The numbers are to be 0.  Of an
interruption also the seconds until the run was gone.  Where faults are named, what the file says
of the others stays.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from scenarios import SCENARIOS
from small import Small

ROOT = Path(__file__).resolve().parents[3]


def main() -> int:
    """Run the scenarios; 1 if something was lost, doubled or wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these faults")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "bench" / "faults.json")
    given = parser.parse_args()
    if unknown := sorted(set(given.names) - SCENARIOS.keys()):
        parser.error(f"no fault is called {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    found = {}
    if given.names and given.out.exists():
        kept = json.loads(given.out.read_text(encoding="utf-8"))["faults"]
        found = {f["name"]: f for f in kept if f["name"] in SCENARIOS}
    done = []
    for name, scenario in SCENARIOS.items():
        if given.names and name not in given.names:
            continue
        with tempfile.TemporaryDirectory(prefix="gradtier-faults-") as folder:
            seen = scenario(Small(Path(folder)))
        found[name] = {"name": name, **seen}
        done.append(seen)
        print(f"{name}: {seen}", flush=True)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    faults = [found[name] for name in SCENARIOS if name in found]
    given.out.write_text(json.dumps({"faults": faults}, indent=1) + "\n", encoding="utf-8")
    return int(any(f["lost"] or f["duplicated"] or f["wrong"] or not f["told"] for f in done))


if __name__ == "__main__":
    sys.exit(main())
