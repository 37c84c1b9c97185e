"""A workflow of GitHub Actions -> jobs, for one event."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from expressions import Function, Unknown, Value, filled, shell_names
from jobs import Job, Kind, Step

#: Action -> what it does, and the words that it may be given.
ACTIONS: Mapping[str, tuple[Kind, frozenset[str]]] = {
    "actions/checkout": (Kind.CHECKOUT, frozenset()),
    "actions/setup-python": (Kind.SETUP, frozenset({"python-version"})),
    "actions/cache": (Kind.CACHE, frozenset({"path", "key"})),
    "actions/upload-artifact": (Kind.UPLOAD, frozenset({"name", "path", "if-no-files-found"})),
    "actions/download-artifact": (Kind.DOWNLOAD, frozenset({"path", "pattern", "merge-multiple"})),
    "actions/upload-pages-artifact": (Kind.PAGES, frozenset({"path"})),
    "actions/deploy-pages": (Kind.DEPLOY, frozenset()),
}
#: What the service sees to; not rehearsed.
SERVICE = frozenset({"runs-on", "timeout-minutes", "permissions", "environment"})
JOB = SERVICE | {"strategy", "steps", "needs", "if", "env"}
STEP = frozenset({"uses", "with", "run", "if", "env", "name"})
#: Variables that the service sets for every command.
GIVEN = {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": ""}


def read(
    text: str, names: Mapping[str, Value], functions: Mapping[str, Function]
) -> tuple[Job, ...]:
    """The jobs of a workflow.

    Args:
        text: the file.
        names: what ``github.ref`` and the like stand for in this event.
        functions: such as ``hashFiles``.

    Raises:
        Unknown: it holds something that the rehearsal does not know.
    """
    found = yaml.safe_load(text)
    jobs = []
    for key, job in found["jobs"].items():
        _only(job, JOB, f"the job '{key}'")
        needs = job.get("needs", [])
        for chosen in _copies(key, job):
            here = {**names, **{f"matrix.{k}": str(v) for k, v in chosen.items()}}
            variables = {
                name: filled(str(value), here, functions)
                for name, value in {**found.get("env", {}), **job.get("env", {})}.items()
            }
            at = f"{key} ({', '.join(map(str, chosen.values()))})" if chosen else key
            jobs.append(Job(
                at, key, (needs,) if isinstance(needs, str) else tuple(needs),
                str(job.get("if", "")), here,
                tuple(_step(at, step, here, functions, variables) for step in job["steps"]),
                variables,
            ))  # fmt: skip
    return tuple(jobs)


def commands(text: str) -> list[str]:
    """Every ``run:`` of the file, as it stands there."""
    found = yaml.safe_load(text)
    return [s["run"] for job in found["jobs"].values() for s in job["steps"] if "run" in s]


def _only(block: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    if strange := sorted(set(block) - known):
        raise Unknown(f"{where} has {', '.join(strange)}, which is not known")


def _copies(key: str, job: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What the matrix of a job chooses for each of its copies."""
    strategy = job.get("strategy", {})
    _only(strategy, frozenset({"fail-fast", "matrix"}), f"the strategy of '{key}'")
    axes = strategy.get("matrix", {})
    if {"include", "exclude"} & set(axes):
        raise Unknown(f"the matrix of '{key}' has include or exclude, which is not known")
    for chosen in itertools.product(*axes.values()):
        yield dict(zip(axes, chosen, strict=True))


def _step(
    at: str, step: Mapping[str, Any], names: Mapping[str, Value],
    functions: Mapping[str, Function], variables: Mapping[str, str],
) -> Step:  # fmt: skip
    _only(step, STEP, f"a step of '{at}'")
    condition = str(step.get("if", ""))
    own = {k: filled(str(v), names, functions) for k, v in step.get("env", {}).items()}
    if "run" in step:
        text = filled(step["run"], names, functions)
        if strange := sorted(shell_names(text) - {*variables, *own, *GIVEN}):
            raise Unknown(f"{at}: ${', $'.join(strange)} in '{text}' is set nowhere")
        return Step(Kind.COMMAND, step["run"], text, condition, names, {}, own)
    action = step["uses"].partition("@")[0]
    if action not in ACTIONS:
        raise Unknown(f"{at}: the action '{step['uses']}' is not known")
    kind, words = ACTIONS[action]
    _only(step.get("with", {}), words, f"{step['uses']} of '{at}'")
    given = {
        k: filled(v if isinstance(v, str) else str(v).lower(), names, functions)
        for k, v in step.get("with", {}).items()
    }
    return Step(kind, step["uses"], step["uses"], condition, names, given, own)
