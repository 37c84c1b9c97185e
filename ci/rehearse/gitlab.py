"""A ``.gitlab-ci.yml`` -> jobs, for one event."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from expressions import Expression, Unknown, shell_names
from jobs import Job, Kind, Step

TOP = frozenset({"stages", "default", "variables", "workflow"})
#: What the service sees to; not rehearsed.
SERVICE = frozenset({"timeout", "tags"})
JOB = SERVICE | {
    "stage", "script", "parallel", "cache", "artifacts", "rules", "variables", "needs", "when",
}  # fmt: skip
WHEN = {"on_success": "", "always": "always()"}
GIVEN = {"CI": "true", "GITLAB_CI": "true"}


def read(text: str, variables: Mapping[str, str]) -> tuple[Job, ...]:
    """The jobs of a pipeline, without those that its rules leave out.

    Args:
        text: the file.
        variables: what the service and the project set; one that is not set here is empty.

    Raises:
        Unknown: it holds something that the rehearsal does not know, or no pipeline comes of it.
    """
    found = yaml.safe_load(text)
    common = {**GIVEN, **variables, **found.get("variables", {})}
    rule = _rule(found.get("workflow", {}).get("rules", [{}]), common)
    if rule is None:
        raise Unknown(f"no rule of the workflow holds, so no pipeline comes of {dict(variables)}")
    common |= rule.get("variables", {})
    jobs = []
    kept = {k: v for k, v in _jobs(found).items() if _when(k, v, common) is not None}
    for key, job in kept.items():
        needs = tuple(_needs(key, job, found, kept))
        for chosen in _copies(key, job):
            mine = _expanded({**common, **chosen, **job.get("variables", {})})
            at = f"{key} ({', '.join(chosen.values())})" if chosen else key
            steps = tuple(_steps(at, job, needs, mine))
            jobs.append(Job(at, key, needs, str(_when(key, job, common)), {}, steps, mine))
    return tuple(jobs)


def commands(text: str) -> list[str]:
    """Every line of a ``script:`` of the file, as it stands there."""
    return [line for job in _jobs(yaml.safe_load(text)).values() for line in job["script"]]


def _jobs(found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    jobs = {k: v for k, v in found.items() if k not in TOP}
    for key, job in jobs.items():
        _only(job, JOB, f"the job '{key}'")
    return jobs


def _only(block: Mapping[str, Any], known: frozenset[str] | set[str], where: str) -> None:
    if strange := sorted(set(block) - known):
        raise Unknown(f"{where} has {', '.join(strange)}, which is not known")


def _rule(rules: list[dict[str, Any]], variables: Mapping[str, str]) -> dict[str, Any] | None:
    """The first rule that holds."""
    names = {f"${name}": value for name, value in variables.items()}
    for rule in rules:
        _only(rule, {"if", "when", "variables"}, f"the rule {rule}")
        if "if" not in rule or Expression(rule["if"], names, {}).value():
            return rule
    return None


def _when(key: str, job: Mapping[str, Any], variables: Mapping[str, str]) -> str | None:
    """The condition of a job; None where its rules leave it out."""
    rule = _rule(job["rules"], variables) if "rules" in job else {}
    if rule is None:
        return None
    when = rule.get("when", job.get("when", "on_success"))
    if when not in WHEN:
        raise Unknown(f"'when: {when}' of the job '{key}' is not known")
    return WHEN[when]


def _needs(
    key: str, job: Mapping[str, Any], found: Mapping[str, Any], kept: Mapping[str, Any]
) -> Iterator[str]:
    """The jobs that come before one; without ``needs`` all of the stages before."""
    stages = found["stages"]
    if "needs" not in job:
        before = stages[: stages.index(job["stage"])]
        yield from (name for name, other in kept.items() if other["stage"] in before)
        return
    for need in job["needs"]:
        named = {"job": need} if isinstance(need, str) else need
        _only(named, {"job", "optional"}, f"what '{key}' needs")
        if named["job"] in kept or not named.get("optional"):
            yield named["job"]


def _copies(key: str, job: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """The variables of each copy of a job."""
    parallel = job.get("parallel")
    if isinstance(parallel, int):
        for index in range(1, parallel + 1):
            yield {"CI_NODE_INDEX": str(index)}
        return
    _only(parallel or {}, {"matrix"}, f"parallel of '{key}'")
    for axes in (parallel or {"matrix": [{}]})["matrix"]:
        for chosen in itertools.product(*axes.values()):
            yield dict(zip(axes, map(str, chosen), strict=True))


def _expanded(variables: Mapping[str, str]) -> dict[str, str]:
    """Variables with those that they name put in.

    Raises:
        Unknown: one is named that is not known.
    """

    def value(found: re.Match[str]) -> str:
        if found[1] not in variables:
            raise Unknown(f"${found[1]} among the variables is set nowhere")
        return variables[found[1]]

    return {k: re.sub(r"\$\{?([A-Za-z_]\w*)\}?", value, str(v)) for k, v in variables.items()}


def _steps(
    at: str, job: Mapping[str, Any], needs: tuple[str, ...], variables: Mapping[str, str]
) -> Iterator[Step]:
    yield Step(Kind.CHECKOUT, "checkout", "checkout")
    if cache := job.get("cache"):
        _only(cache, {"key", "paths"}, f"the cache of '{at}'")
        given = {"key": cache["key"], "path": "\n".join(cache["paths"])}
        yield Step(Kind.CACHE, "cache", "cache", given=_expanded({**variables, **given}))
    if needs:
        given = {"jobs": "\n".join(needs), "path": "."}
        yield Step(Kind.DOWNLOAD, "artifacts of other jobs", ", ".join(needs), given=given)
    for line in job["script"]:
        if strange := sorted(shell_names(line) - set(variables)):
            raise Unknown(f"{at}: ${', $'.join(strange)} in '{line}' is set nowhere")
        yield Step(Kind.COMMAND, line, line)
    if kept := job.get("artifacts"):
        _only(kept, {"when", "paths", "reports"}, f"the artifacts of '{at}'")
        paths = [*kept.get("paths", []), *kept.get("reports", {}).values()]
        given = {"name": at, "path": "\n".join(paths), "base": "."}
        when = WHEN[kept.get("when", "on_success")]
        yield Step(Kind.UPLOAD, "artifacts", ", ".join(paths), when, given=given)
