"""What both services' files become: jobs with steps, in the order in which they are rehearsed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from expressions import Expression, Function, Unknown, Value, has_status


class Kind(StrEnum):
    """What a step does; closed."""

    COMMAND = "command"
    CHECKOUT = "checkout"
    SETUP = "setup"
    CACHE = "cache"
    UPLOAD = "upload"
    DOWNLOAD = "download"
    PAGES = "pages"
    DEPLOY = "deploy"


class Status(StrEnum):
    """How a step or a job ended; closed."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    LOST = "lost"  # its machine went away: nothing of it was done, nothing is left of it


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        kind: what it does.
        written: as it stands in the file, for a command.
        text: with the service's values in it; for a command what bash is given.
        condition: when it runs; empty: after success.
        names: what the names of its condition stand for.
        given: the words of a step that is no command.
        environment: variables of this step alone.
    """

    kind: Kind
    written: str
    text: str
    condition: str = ""
    names: Mapping[str, Value] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One job of a pipeline, or one of the copies that its matrix makes of it.

    Attributes:
        name: as the service shows it, ``cpu (2)``.
        key: as the file names it, ``cpu``.
        needs: keys of the jobs that come before it.
        condition: when it runs; empty: after success of all that it needs.
        names: what the names of its condition stand for.
        steps: what it does.
        environment: its variables.
    """

    name: str
    key: str
    needs: tuple[str, ...]
    condition: str
    names: Mapping[str, Value]
    steps: tuple[Step, ...]
    environment: Mapping[str, str]


def holds(condition: str, names: Mapping[str, Value], good: bool, **more: Function) -> bool:
    """Whether a job or a step runs.

    Args:
        condition: as the file has it; empty: after success.
        names: what its names stand for.
        good: whether all before it went well.
        more: further functions.

    Raises:
        Unknown: it holds something that is not known.
    """
    if not condition.strip():
        return good
    functions: dict[str, Function] = {
        "always": lambda: True, "cancelled": lambda: False,
        "success": lambda: good, "failure": lambda: not good, **more,
    }  # fmt: skip
    value = bool(Expression(condition, names, functions).value())
    return value and (good or has_status(condition))


def ordered(jobs: Sequence[Job]) -> list[Job]:
    """Jobs in an order that a service may choose, and the least kind one.

    A job comes as late as what it needs allows, behind all others that need less: so whatever can
    be there when it looks for artifacts is there.

    Raises:
        Unknown: a job needs one that does not exist, or itself.
    """
    needs = {job.key: job.needs for job in jobs}

    def depth(key: str, seen: tuple[str, ...] = ()) -> int:
        if key in seen or key not in needs:
            raise Unknown(f"the job '{key}', which {seen[-1]} needs, does not exist or needs it")
        return 1 + max((depth(before, (*seen, key)) for before in needs[key]), default=0)

    return sorted(jobs, key=lambda job: depth(job.key))
