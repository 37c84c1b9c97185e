"""A gigabyte of evidence of eight shards, and what merging it costs: ``nox -s merge-scale``.

The records are those of ``million.py``, split into files with heads and manifests as shards write
them.  Some lines stand in two files, some trials have a second outcome in one environment, some
were planned and have no record.  ``gradtier merge`` runs in a process of its own on a tenth of that
and on all of it: the memory that it needs is to be the same.  What it finds is compared with what
was put there.  Written to ``reports/bench/merge.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "reports" / "bench" / "merge.json"
FILES = 8
#: Of so many records one stands in the next file too, has another outcome, has no record.
TWICE, TORN, GONE = 100, 1000, 200
#: What memory may grow by from a tenth to the whole, in MiB: what an allocator does by chance.
MAY_GROW = 4


def make(folder: Path, records: int) -> None:
    """Write the files of the shards, and into ``expected.json`` what a merge is to find."""
    from random import Random

    import million

    from gradtier.host import NOWHERE
    from gradtier.plan import Planned
    from gradtier.running import open_matrix

    cases = max(1, round(records / million.CELLS))
    plan = open_matrix(million.world(folder, cases), NOWHERE).plan
    trials, draw = list(plan.trials)[:records], Random(11)
    size = -(-len(trials) // FILES)
    found = {"records": 0, "duplicates": 0, "conflicts": 0, "missing": 0}
    carried: list[bytes] = []

    def shard(number: int) -> Iterator[bytes]:
        mine: list[Planned] = trials[(number - 1) * size : number * size]
        yield from _head(plan, number, mine)
        yield from carried
        found["duplicates"] += len(carried)
        carried.clear()
        lines = million.lines(plan, mine, f"shard{number}", million.DAY, draw)
        for i, line in enumerate(lines, (number - 1) * size):
            if i % GONE == 1:
                found["missing"] += 1
                continue
            yield line
            found["records"] += 1
            if i % TWICE == 2 and number < FILES:
                carried.append(line)
            if i % TORN == 3 and (other := _otherwise(line)):
                yield other
                found["records"] += 1
                found["conflicts"] += 1

    for number in range(1, FILES + 1):
        with (folder / f"shard{number}.jsonl").open("wb") as out:
            out.writelines(shard(number))
    (folder / "expected.json").write_text(json.dumps(found), encoding="utf-8")


def _head(plan: Any, number: int, trials: list[Any]) -> Iterator[bytes]:
    import million

    from gradtier.evidence import Run, to_line
    from gradtier.running import manifest

    run = f"shard{number}"
    yield to_line(Run(
        run=run, matrix=plan.matrix.digest, gradtier="0.1.0",
        started=f"{million.DAY:%Y-%m-%dT%H:%M:%SZ}", host={"cores": "2"}, planned=len(trials),
        selection={"shard": [f"{number}/{FILES}"]},
    ))  # fmt: skip
    yield from map(to_line, manifest(run, trials))


def _otherwise(line: bytes) -> bytes | None:
    """The record with another outcome; None where its outcome says nothing of a backend."""
    found = json.loads(line)
    if found["outcome"] in ("unavailable", "error"):
        return None
    found["outcome"] = "raised" if found["outcome"] != "raised" else "crash"
    return json.dumps({**found, "reason": None, "verdict": None}).encode() + b"\n"


def merged(folder: Path) -> dict[str, Any]:
    """Run ``gradtier merge``; what it took, and what it found.

    Raises:
        RuntimeError: that is not what was put there.
    """
    files = [str(folder / f"shard{n}.jsonl") for n in range(1, FILES + 1)]
    out = folder / "merged.jsonl"
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "gradtier", "merge", *files, "--out", str(out)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"gradtier merge: exit status {process.returncode}")
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    with out.open(encoding="utf-8") as lines:
        head = json.loads(next(islice(lines, 1)))
        written = sum('"kind":"trial"' in line or '"kind": "trial"' in line for line in lines)
    found = {key: head[key] for key in ("duplicates", "conflicts", "missing")}
    found["records"] = written - found["missing"]
    if found != expected:
        raise RuntimeError(f"the merge found {found}; there was {expected}")
    return {
        **found, "bytes": sum(Path(file).stat().st_size for file in files),
        "seconds": round(seconds, 1), "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_mib": round(used.ru_maxrss / 1024, 1),
    }  # fmt: skip


def main() -> int:
    """Merge a tenth and all of it; 1 if the memory grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make is not None:
        make(given.make, given.records)
        return 0
    sizes = []
    for records in (given.records // 10, given.records):
        with tempfile.TemporaryDirectory(prefix="gradtier-merge-") as folder:
            # in a process of its own, so that what makes the files does not count
            words = [__file__, "--make", folder, "--records", str(records)]
            subprocess.run([sys.executable, *words], check=True)
            sizes.append(merged(Path(folder)))
        print(sizes[-1], flush=True)
    grown = round(sizes[1]["peak_mib"] - sizes[0]["peak_mib"], 1)
    found = {"python": sys.version.split()[0], "files": FILES, "grown_mib": grown, "sizes": sizes}
    given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"from a tenth to the whole the peak of memory grew by {grown} MiB")
    return int(grown > MAY_GROW)


if __name__ == "__main__":
    sys.exit(main())
