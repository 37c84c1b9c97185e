"""Every command of the committed workflow files, executed: ``nox -s rehearse``.

``python ci/rehearse [--without VARIABLE] [--only TEXT] [--out FILE]`` clones what was committed
last, makes its matrix small, and runs the jobs of GitHub's and GitLab's file for the events of
``scenarios.py``: commands as they stand there, by ``bash -e``, in a workspace that is reset for
each job, with the artifacts that the files pass on.  A step that ends otherwise than it should, and
anything in the files that is not known here, is an exit status of 1.

Not rehearsed: what the services do themselves (runners, permissions, images, the actions' own
code), jobs side by side, the installation of all backends, and what is in ``LEFT_OUT``.  The
environments of the first job are kept for the others.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from expressions import Unknown
from jobs import Status
from running import Done, rehearse
from scenarios import FILES, LEFT_OUT, SCENARIOS, Scenario, planned
from service import Service
from small import Clone

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "reports" / "bench" / "rehearsal.json"


def main() -> int:
    """Rehearse; 1 if something ended otherwise than it should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--without", action="append", default=[], metavar="VARIABLE",
        help="do not set this variable of the files, since what it names can't be reached here",
    )  # fmt: skip
    parser.add_argument("--only", default="", metavar="TEXT", help="events with this in their name")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    chosen = [s for s in SCENARIOS if given.only in f"{s.service}: {s.name}"]
    if not chosen:
        parser.error(f"--only '{given.only}': no event is called so")
    began, done = time.monotonic(), list[Done]()
    with tempfile.TemporaryDirectory(prefix="gradtier-rehearsal-") as folder:
        try:
            plans = [planned(ROOT, scenario) for scenario in chosen]
        except Unknown as error:
            print(f"rehearse: {error}", file=sys.stderr)
            return 1
        _warn_of_changes()
        clone = Clone(ROOT, Path(folder, "clone"))
        for number, (scenario, jobs) in enumerate(zip(chosen, plans, strict=True)):
            print(f"{scenario.service}: {scenario.name}", flush=True)
            service = Service(Path(folder, str(number)), clone.folder, tuple(given.without))
            for step in rehearse(
                scenario, jobs, service, clone.folder, lambda s=scenario: clone.reset(s.worse)
            ):
                done.append(step)
                _say(step)
            done += _called(scenario, service)
    _write(given.out, given.without, done, time.monotonic() - began)
    bad = [step for step in done if step.surprise]
    print(f"{len(done)} steps in {time.monotonic() - began:.0f} s, {len(bad)} not as they should")
    return int(bool(bad))


def _warn_of_changes() -> None:
    """The clone is of what was committed; the workflow files are read where they are."""
    command = ["git", "-C", str(ROOT), "status", "--porcelain"]
    if subprocess.run(command, capture_output=True, text=True, check=True).stdout:
        print("rehearse: there are changes that are not committed; the clone lacks them")


def _say(step: Done) -> None:
    mark = f"  NOT AS IT SHOULD: {step.surprise}" if step.surprise else ""
    print(
        f"  {step.status:8} {step.seconds:6.1f} s  {step.job}: {step.command}{mark}"
        + (f"\n      {step.note}" if step.note else ""),
        flush=True,
    )


def _called(scenario: Scenario, service: Service) -> list[Done]:
    """Whether ``gh`` was called as it should have been."""
    calls = service.calls.read_text("utf-8").splitlines() if service.calls.exists() else []
    wanted = [" ".join(words) for words in scenario.comments]
    if calls == wanted:
        return []
    surprise = f"gh was called with {calls}, expected {wanted}"
    done = Done(scenario.name, scenario.service, "", "gh", Status.FAILED, surprise=surprise)
    _say(done)
    return [done]


def _write(out: Path, without: list[str], done: list[Done], seconds: float) -> None:
    """Write down what came of it."""
    files = {
        file: hashlib.sha256((ROOT / file).read_bytes()).hexdigest() for file in FILES.values()
    }
    steps = []
    for step in done:
        found = dataclasses.asdict(step)
        found["note"] = step.note.splitlines()[0] if step.note else ""  # no paths of this machine
        steps.append(found)
    text = json.dumps(
        {
            "files": files, "python": sys.version.split()[0], "seconds": round(seconds),
            "without": without, "left_out": dict(LEFT_OUT),
            "ends": dict(Counter(step.status for step in done)), "steps": steps,
        },
        indent=1,
    )  # fmt: skip
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
