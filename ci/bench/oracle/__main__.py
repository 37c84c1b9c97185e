"""The benchmark of the oracle: ``python ci/bench/oracle``, or ``nox -s oracle``.

Each part runs in a process of its own (compilers keep what they compiled for good) and leaves its
result in a folder; what is there already is not measured again with ``--resume``. At the end they
become ``reports/bench/oracle.json`` and ``reports/bench/oracle.md``.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PARTS = ("right", "wrong", "compare", "operators", "adjoint")
DISTRIBUTIONS = ("jax", "torch", "autograd", "numpy", "scipy", "mpmath", "expecttest", "gradtier")
SEEDS = 3
#: A line of progress at most so often, in seconds.
EVERY = 5.0

Progress = Callable[[str], None]


def main(arguments: Sequence[str]) -> int:
    """Runs the parts that are named, or all, and then the report."""
    parser = argparse.ArgumentParser(prog="ci/bench/oracle", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; or all")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="draws of inputs of right maps")
    parser.add_argument("--only", default="", help="functions whose id starts so, for a quick look")
    parser.add_argument("--resume", action="store_true", help="keep the parts that are there")
    parser.add_argument("--parts-folder", type=Path, default=ROOT / ".gradtier" / "bench-oracle")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "bench")
    parser.add_argument("--check", action="store_true", help="only compare the page with its JSON")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.check:
        return check(asked.out)
    if unknown := [part for part in asked.parts if part not in PARTS]:
        parser.error(f"{unknown[0]!r} is no part; the parts are {', '.join(PARTS)}")
    if asked.seeds < 1:
        parser.error(f"--seeds {asked.seeds}: at least 1")
    asked.parts_folder.mkdir(parents=True, exist_ok=True)
    if asked.alone:
        return run_part(asked.parts[0], asked.seeds, asked.only, asked.parts_folder)
    for part in asked.parts or PARTS:
        if asked.resume and file_of(asked.parts_folder, part).exists():
            print(f"{part}: there already", file=sys.stderr)
        elif status := in_a_process(part, asked):
            return status
    missing = [part for part in PARTS if not file_of(asked.parts_folder, part).exists()]
    if missing:
        print(f"no report yet: {', '.join(missing)} not measured", file=sys.stderr)
        return 0
    return publish(asked.parts_folder, asked.out)


def in_a_process(part: str, asked: argparse.Namespace) -> int:
    """Runs one part; its exit status."""
    environment = {
        **os.environ, "OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu", "PYTHONWARNINGS": "ignore",
        "GRADTIER_CACHE": str(ROOT / ".gradtier" / "cache"),
    }  # fmt: skip
    words = [
        *(sys.executable, str(Path(__file__).parent), part, "--alone"),
        *("--seeds", str(asked.seeds), "--only", asked.only),
        *("--parts-folder", str(asked.parts_folder)),
    ]
    start = time.perf_counter()
    status = subprocess.run(words, env=environment, check=False).returncode
    print(f"{part}: {time.perf_counter() - start:.0f} s, status {status}", file=sys.stderr)
    return status


def run_part(part: str, seeds: int, only: str, folder: Path) -> int:
    """Measures one part in this process and writes its result."""
    start = time.perf_counter()
    found = measured(part, seeds, only, told_now_and_then())
    whole = {"seconds of the part": round(time.perf_counter() - start, 1), **found}
    file, fresh = file_of(folder, part), file_of(folder, part).with_suffix(".new")
    fresh.write_text(json.dumps(whole, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    fresh.replace(file)  # whole or not there
    return 0


def measured(part: str, seeds: int, only: str, progress: Progress) -> dict[str, Any]:
    """The result of one part."""
    if part == "operators":
        import operators

        return operators.run(progress)
    import adjoint_alone
    import compare
    import right
    import wrong
    from defects import known
    from functions import functions
    from systems import systems

    chosen = [case for case in functions() if case.id.startswith(only)]
    every = systems()
    if part == "right":
        found = right.run(chosen, every, range(seeds), progress, known)
        return {**found, "functions": described(chosen), "seeds": seeds}
    if part == "wrong":
        return wrong.run(chosen, every, progress)
    if part == "adjoint":
        return adjoint_alone.run(chosen, every, progress, known)
    return compare.run(chosen, every, progress, known)


def described(cases: Sequence[Any]) -> dict[str, int]:
    """Functions per kind."""
    kinds = [case.suite for case in cases]
    return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}


def publish(folder: Path, out: Path) -> int:
    """Writes the JSON file and the table."""
    import report

    parts = {part: json.loads(file_of(folder, part).read_text(encoding="utf-8")) for part in PARTS}
    whole = report.whole(parts, head())
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(whole, indent=1, allow_nan=False, sort_keys=False) + "\n"
    (out / "oracle.json").write_text(text, encoding="utf-8")
    (out / "oracle.md").write_text(report.page(whole), encoding="utf-8")
    print(f"wrote {out / 'oracle.json'} and oracle.md")
    print(report.summary(whole))
    return 0


def check(out: Path) -> int:
    """Whether the page is the one that the JSON file gives, and every miss has its explanation."""
    import misses
    import report

    whole = json.loads((out / "oracle.json").read_text(encoding="utf-8"))
    problems = []
    if (out / "oracle.md").read_text(encoding="utf-8") != report.page(whole):
        problems.append(f"{out / 'oracle.md'} is not what {out / 'oracle.json'} gives")
    problems += [
        f"no explanation in misses.py: {miss['fault']} in {miss['function']} ({miss['map']})"
        for miss in whole["wrong"]["missed"]
        if miss["dtype"] == "float64" and not misses.why(miss)
    ]
    print("\n".join(problems) or "the page and its explanations are complete")
    return 1 if problems else 0


def head() -> dict[str, Any]:
    """When, where and with what."""
    from gradtier.host import probe

    versions = {name: metadata.version(name) for name in DISTRIBUTIONS}
    day = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    return {"made": day, "versions": versions, "machine": dict(probe().facts)}


def file_of(folder: Path, part: str) -> Path:
    """Where a part's result lies."""
    return folder / f"{part}.json"


def told_now_and_then() -> Progress:
    """Prints a line of progress, unless one was printed just before."""
    last = [0.0]

    def tell(text: str) -> None:
        if time.monotonic() - last[0] >= EVERY:
            last[0] = time.monotonic()
            print(text, file=sys.stderr, flush=True)

    return tell


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
