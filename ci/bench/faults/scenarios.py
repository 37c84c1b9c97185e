"""The faults: each does something to a run, lets it go on as a user would, and counts."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from small import PATIENCE, Seen, Small


def _said(text: str, pattern: str) -> str:
    """The line of the output that tells of the fault; empty if none does."""
    lines = [line.strip() for line in text.splitlines() if re.search(pattern, line)]
    return lines[-1][:300] if lines else ""


def _children(pid: int) -> list[int]:
    done = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in done.stdout.split()]


def worker_killed(small: Small) -> Seen:
    """SIGKILL of a pytest worker."""
    process = small.start(*small.run("slow", more=("-n", "2")))
    before = small.wait_for(5, process)
    os.kill(_children(process.pid)[0], signal.SIGKILL)
    output = process.communicate(timeout=PATIENCE)[0]
    output += small.gradtier(*small.run("slow", more=("--resume",)))
    return small.seen(before, ("slow",), _said(output, "worker that ran this trial died|going on"))


def controller_killed(small: Small) -> Seen:
    """SIGKILL of the run itself."""
    process = small.start(*small.run("slow", more=("-n", "2")))
    before = small.wait_for(5, process)
    process.kill()
    process.communicate()
    output = small.gradtier(*small.run("slow", more=("--resume",)))
    return small.seen(before, ("slow",), _said(output, "measured already; going on"))


def interrupted(small: Small) -> Seen:
    """Ctrl-C, as a terminal sends it to the whole group of processes, while a backend hangs."""
    process = small.start(*small.run("slow", "hang", more=("-n", "2")), limit=os.setsid)
    small.wait_for(5, process)
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    output = process.communicate(timeout=PATIENCE)[0]
    seconds = time.monotonic() - began
    before = small.records()
    small.gradtier(*small.run("slow", "hang", more=("--resume", "-n", "2")))
    told = _said(output, "go on with: gradtier run --resume")
    return {**small.seen(before, ("slow", "hang"), told), "seconds": round(seconds, 1)}


def _backend(row: str, pattern: str) -> Callable[[Small], Seen]:
    """A backend that misbehaves beside one that does not."""

    def scenario(small: Small) -> Seen:
        output = small.gradtier(*small.run(row, "good", more=("-n", "2")))
        details = "\n".join(r.get("detail", "") for r in small.records())
        return small.seen([], (row, "good"), _said(output + details, pattern))

    return scenario


def disk_full(small: Small) -> Seen:
    """The file can't grow any more; later there is room again."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))

    process = small.start(*small.run("good"), limit=limit)
    output = process.communicate(timeout=PATIENCE)[0]
    before = small.records()
    told = _said(output, "can't be written")
    small.gradtier(*small.run("good", more=("--resume",)))
    return small.seen(before, ("good",), told)


def truncated(small: Small) -> Seen:
    """The last line is cut in the middle."""
    small.gradtier(*small.run("good"))
    text = small.file.read_bytes()
    small.file.write_bytes(text[:-60])
    before = small.records()
    output = small.gradtier(*small.run("good", more=("--resume",)))
    return small.seen(before, ("good",), _said(output, "the last line was unfinished"))


def corrupt(small: Small) -> Seen:
    """A line in the middle is overwritten."""
    small.gradtier(*small.run("good"))
    lines = small.file.read_bytes().splitlines(keepends=True)
    lines[10] = b"\x00" * 40 + b"\n"
    small.file.write_bytes(b"".join(lines))
    before = small.records()
    output = small.gradtier(*small.run("good", more=("--resume",)))
    return small.seen(before, ("good",), _said(output, r"e\.jsonl:11: .*left out"))


def clock_skew(small: Small) -> Seen:
    """The clock of the second half ran five years late."""
    process = small.start(*small.run("slow"))
    before = small.wait_for(10, process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    before = small.records()
    text = small.file.read_text(encoding="utf-8")
    small.file.write_text(re.sub(r'"20\d\d-', '"2031-', text), encoding="utf-8")
    before = small.records()
    output = small.gradtier(*small.run("slow", more=("--resume",)))
    judged = small.gradtier("assess", "--evidence", small.file.name)
    told = _said(output, "measured already; going on") and _said(judged, r"slow.*Tier I")
    return small.seen(before, ("slow",), told)


def two_writers(small: Small) -> Seen:
    """Two runs of different rows append to one file."""
    first = small.start(*small.run("slow"))
    small.wait_for(1, first)
    second = small.start(*small.run("wrong", more=("--resume",)))
    output = first.communicate(timeout=PATIENCE)[0] + second.communicate(timeout=PATIENCE)[0]
    broken = [line for line in small.file.read_bytes().splitlines() if not _is_json(line)]
    seen = small.seen([], ("slow", "wrong"), _said(output, "measured already; going on"))
    return {**seen, "lost": seen["lost"] + len(broken)}


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def uninstalled(small: Small) -> Seen:
    """A package is gone between plan and run: its trials are unavailable, never failures."""
    small.gradtier("plan", "--backend", "gone")
    small.gradtier(*small.run("gone", "good", more=("-n", "2")))
    report = small.gradtier("report", "--evidence", small.file.name, "--out", "site", "--quiet")
    table = json.loads(Path(small.folder / "site" / "support.json").read_text(encoding="utf-8"))
    (row,) = [r for r in table["rows"] if r["id"] == "gone"]
    details = "\n".join(r.get("detail", "") for r in small.records())
    seen = small.seen([], ("gone", "good"), _said(details + report, "does not start"))
    return {**seen, "wrong": seen["wrong"] + (row["cells"][0]["text"] != "not tested")}


SCENARIOS: Mapping[str, Callable[[Small], Seen]] = {
    "a worker is killed": worker_killed,
    "the run is killed": controller_killed,
    "Ctrl-C": interrupted,
    "a backend segfaults": _backend("segfault", "SIGSEGV"),
    "a backend hangs": _backend("hang", "no answer within"),
    "a backend takes all memory": _backend("hog", "GiB of memory, and was ended"),
    "the disk is full": disk_full,
    "the file is cut": truncated,
    "a line is corrupt": corrupt,
    "the clock is wrong": clock_skew,
    "two runs write one file": two_writers,
    "a package is uninstalled": uninstalled,
}
