"""Runs the jobs of one event, as a service would."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs import Job, Kind, Status, Step, holds, ordered
from scenarios import LEFT_OUT, Scenario
from service import Ended, Service

SECONDS = 1800
TAIL = 25
#: How each service starts bash on a step.
SHELL = {"github": ["bash", "-e"], "gitlab": ["bash", "-eo", "pipefail"]}


@dataclass(frozen=True)
class Done:
    """One step that was come to.

    Attributes:
        scenario: of which event.
        service: of which file.
        job: of which job.
        command: as it stands in the file.
        status: how it ended.
        seconds: how long it took.
        note: what there is to say of it.
        surprise: why that is not as it should be; empty where it is.
    """

    scenario: str
    service: str
    job: str
    command: str
    status: Status
    seconds: float = 0.0
    note: str = ""
    surprise: str = ""


def rehearse(
    scenario: Scenario, jobs: Sequence[Job], service: Service, workspace: Path,
    reset: Callable[[], None],
) -> Iterator[Done]:  # fmt: skip
    """Run every job in a workspace that is reset for each; what came of each step.

    Args:
        scenario: the event.
        jobs: its jobs.
        service: what stands in for the service.
        workspace: the clone.
        reset: makes it as it was.
    """
    ends: dict[str, list[Status]] = {}
    for job in ordered(jobs):
        if job.name in scenario.lost:
            ends.setdefault(job.key, []).append(Status.LOST)
            yield Done(scenario.name, scenario.service, job.name, "", Status.LOST)
            continue
        good = all(set(ends.get(key, [])) == {Status.PASSED} for key in job.needs)
        if not holds(job.condition, job.names, good):
            ends.setdefault(job.key, []).append(Status.SKIPPED)
            yield Done(scenario.name, scenario.service, job.name, "", Status.SKIPPED)
            continue
        reset()
        so_far = True
        for step in job.steps:
            done = _step(scenario, job, step, so_far, service, workspace)
            so_far = so_far and done.status is not Status.FAILED
            yield done
        if so_far:
            service.save_caches(job)
        ends.setdefault(job.key, []).append(Status.PASSED if so_far else Status.FAILED)


def _step(
    scenario: Scenario, job: Job, step: Step, good: bool, service: Service, workspace: Path
) -> Done:
    began = time.monotonic()
    wanted = any(job.key == key and part in step.written for key, part in scenario.fails)
    if step.written in LEFT_OUT:
        ended = Ended(Status.SKIPPED, f"left out: {LEFT_OUT[step.written]}")
    elif not holds(step.condition, step.names, good):
        ended = Ended(Status.SKIPPED)
    elif step.kind is Kind.COMMAND:
        ended = _command(scenario, job, step, service, workspace)
    else:
        ended = service.do(job, step, good)
    surprise = ""
    if wanted and ended.status is not Status.FAILED:
        surprise = "it was to fail"
    elif ended.status is Status.FAILED and not wanted:
        surprise = "it was to pass"
    return Done(
        scenario.name, scenario.service, job.name, step.written, ended.status,
        round(time.monotonic() - began, 1), ended.note, surprise,
    )  # fmt: skip


def _command(scenario: Scenario, job: Job, step: Step, service: Service, workspace: Path) -> Ended:
    script = workspace.parent / "step.sh"
    script.write_text(step.text + "\n", encoding="utf-8")
    try:
        done = subprocess.run(
            [*SHELL[scenario.service], str(script)], cwd=workspace, stdin=subprocess.DEVNULL,
            env=service.environment(job.environment, step.environment),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            check=False, timeout=SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Ended(Status.FAILED, f"no end after {SECONDS} s")
    if not done.returncode:
        return Ended(Status.PASSED)
    tail = "\n".join(done.stdout.splitlines()[-TAIL:])
    return Ended(Status.FAILED, f"exit status {done.returncode}:\n{tail}")
