"""What stands in for a service while jobs run: artifacts, caches, the page, ``gh``, variables."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jobs import Job, Kind, Status, Step

#: Of a user's shell or of the session that runs the rehearsal; a service has none of them.
_NOT_THERE = re.compile(r"GRADTIER_|PYTEST_|NOX_|GITHUB_|CI_|PYTHONPATH$|VIRTUAL_ENV$|GH_|DEPTH$")
_GH = """#!/usr/bin/env bash
# Stands in for GitHub's command line: writes its arguments down, and asks for what it would need.
test -n "$GH_TOKEN" || { echo "gh: no GH_TOKEN" >&2; exit 4; }
printf '%s\\n' "$*" >> CALLS
while test $# -gt 0; do
    test "$1" != --body-file || test -s "$2" || { echo "gh: no text in $2" >&2; exit 1; }
    shift
done
"""


@dataclass(frozen=True)
class Ended:
    """How a step ended.

    Attributes:
        status: how.
        note: what there is to say of it.
    """

    status: Status
    note: str = ""


class Service:
    """The service of one pipeline.

    Args:
        folder: where it may keep things.
        workspace: the clone.
        without: variables of the files that are not set, since they name what is not here.
    """

    def __init__(self, folder: Path, workspace: Path, without: tuple[str, ...]) -> None:
        self._folder, self._workspace, self._without = folder, workspace, without
        self._artifacts: dict[str, tuple[str, Path]] = {}
        self._caches: dict[str, Path] = {}
        self.calls, self.summary = folder / "gh-calls", folder / "summary.md"
        self._bin = folder / "bin"
        self._bin.mkdir(parents=True)
        for name in ("python3", "python"):
            (self._bin / name).symlink_to(Path(sys.base_prefix, "bin", "python3"))
        gh = self._bin / "gh"
        gh.write_text(_GH.replace("CALLS", f"'{self.calls}'"), encoding="utf-8")
        gh.chmod(0o755)

    def environment(self, *variables: Mapping[str, str]) -> dict[str, str]:
        """What a command of a job finds in its environment."""
        own = Path(sys.prefix, "bin")
        path = [p for p in os.environ.get("PATH", "").split(os.pathsep) if p and Path(p) != own]
        found = {k: v for k, v in os.environ.items() if not _NOT_THERE.match(k)}
        for given in variables:
            found |= {k: v for k, v in given.items() if k not in self._without}
        return {
            **found, "PATH": os.pathsep.join([str(self._bin), *path]),
            "CUDA_VISIBLE_DEVICES": "",  # a runner's card is away wherever this is rehearsed
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }  # fmt: skip

    def do(self, job: Job, step: Step, good: bool) -> Ended:
        """A step that is no command.

        Args:
            job: whose step.
            step: which.
            good: whether all before it went well, so that what it takes up is there.
        """
        match step.kind:
            case Kind.UPLOAD:
                return self._upload(job, step, good)
            case Kind.DOWNLOAD:
                return self._download(step)
            case Kind.CACHE:
                return self._restore(step)
            case Kind.PAGES:
                return self._pages(step)
            case Kind.DEPLOY:
                there = (self._folder / "pages" / "index.html").is_file()
                return Ended(Status.PASSED if there else Status.FAILED, "" if there else "no page")
            case Kind.SETUP:
                asked, here = step.given["python-version"], sys.version.split()[0]
                same = here.startswith(f"{asked}.")
                return Ended(Status.PASSED, "" if same else f"{asked} is asked for, {here} is here")
            case Kind.CHECKOUT | Kind.COMMAND:  # the clone was reset for the job
                return Ended(Status.PASSED)

    def save_caches(self, job: Job) -> None:
        """After a job: keep what it asked to keep."""
        for step in job.steps:
            key, path = step.given.get("key", ""), step.given.get("path", "")
            if step.kind is Kind.CACHE and (self._workspace / path).exists():
                kept = self._folder / "caches" / str(len(self._caches))
                shutil.copytree(self._workspace / path, kept)
                self._caches[key] = kept

    def _restore(self, step: Step) -> Ended:
        kept = self._caches.get(step.given["key"])
        if kept is not None:
            shutil.copytree(kept, self._workspace / step.given["path"], dirs_exist_ok=True)
        return Ended(Status.PASSED, "found" if kept is not None else "nothing there yet")

    def _upload(self, job: Job, step: Step, good: bool) -> Ended:
        """Paths are kept below what they have in common, as the action does it, or below ``base``.

        A path that is missing although all went well is a failure here; a service only warns.
        """
        name, paths = step.given["name"], step.given["path"].split("\n")
        paths = [p.strip() for p in paths if p.strip()]
        if name in self._artifacts:
            return Ended(Status.FAILED, f"there is an artifact '{name}' already")
        missing = [p for p in paths if not (self._workspace / p).exists()]
        base = Path(step.given.get("base") or (paths[0] if self._is_folder(paths) else "."))
        kept = self._folder / "artifacts" / str(len(self._artifacts))
        kept.mkdir(parents=True)
        for path in set(paths) - set(missing):
            source = self._workspace / path
            target = kept / source.relative_to(self._workspace / base)
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
        self._artifacts[name] = (job.key, kept)
        note = f"missing: {', '.join(missing)}" if missing else ""
        return Ended(Status.FAILED if missing and good else Status.PASSED, note)

    def _is_folder(self, paths: list[str]) -> bool:
        return len(paths) == 1 and not (self._workspace / paths[0]).is_file()

    def _download(self, step: Step) -> Ended:
        """Into one folder; two artifacts that hold a file of one name are a failure."""
        jobs = step.given.get("jobs", "").split()
        pattern = step.given.get("pattern", "*")
        target, seen = self._workspace / step.given["path"], set[Path]()
        merged = bool(jobs) or step.given.get("merge-multiple") == "true"
        names = []
        for name, (key, kept) in self._artifacts.items():
            if (jobs and key not in jobs) or not fnmatch.fnmatch(name, pattern):
                continue
            names.append(name)
            files = {f.relative_to(kept) for f in kept.rglob("*") if f.is_file()}
            if merged and (twice := seen & files):
                return Ended(Status.FAILED, f"several artifacts hold {', '.join(map(str, twice))}")
            seen |= files
            shutil.copytree(kept, target if merged else target / name, dirs_exist_ok=True)
        return Ended(Status.PASSED, ", ".join(names) or "no artifact")

    def _pages(self, step: Step) -> Ended:
        site = self._workspace / step.given["path"]
        if not (site / "index.html").is_file():
            return Ended(Status.FAILED, f"{step.given['path']} has no index.html")
        shutil.copytree(site, self._folder / "pages")
        return Ended(Status.PASSED)
