"""The events that are rehearsed: together they run every command of both files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import github
import gitlab
from expressions import Function, Value
from jobs import Job

#: Commands that are not run here, and why.
LEFT_OUT: Mapping[str, str] = {
    ".ci/run": "the whole test suite in a fresh clone, 20 minutes: continuous integration runs it",
}
FILES = {"github": ".github/workflows/gradtier.yml", "gitlab": ".gitlab-ci.yml"}
REQUEST = "7"

#: What GitHub knows of every event; empty where an event lacks it, as there.
_GITHUB: Mapping[str, Value] = {
    "github.workflow": "gradtier", "github.ref": "refs/heads/main", "github.event_name": "push",
    "github.event.schedule": "", "github.repository": "owner/gradtier", "github.token": "a-token",
    "github.event.pull_request.number": "",
    "github.event.pull_request.head.repo.full_name": "",
    "vars.GRADTIER_CUDA_RUNNER": "", "vars.GRADTIER_CUDA_INSTALL": "",
}  # fmt: skip
_GITLAB: Mapping[str, str] = {
    "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main",
    "WEEKLY": "", "GRADTIER_CUDA_RUNNER": "", "GRADTIER_CUDA_INSTALL": "",
}  # fmt: skip


@dataclass(frozen=True)
class Scenario:
    """One event.

    Attributes:
        name: in words.
        service: whose file.
        given: what differs from a push to the main branch.
        worse: whether what is measured is worse than the committed evidence.
        lost: jobs whose machine goes away.
        fails: job and a part of the command of each step that is to fail.
        comments: arguments of ``gh`` that are to be seen.
    """

    name: str
    service: str
    given: Mapping[str, str] = field(default_factory=dict)
    worse: bool = False
    lost: tuple[str, ...] = ()
    fails: tuple[tuple[str, str], ...] = ()
    comments: tuple[tuple[str, ...], ...] = ()


#: A run of which nothing can run, as the runner has no card here, is no success.
_NO_CARD = (("cuda", " --device cuda "),)
_COMMENT = (
    "pr", "comment", REQUEST, "--body-file", "difference.md", "--edit-last", "--create-if-none",
)  # fmt: skip
SCENARIOS = (
    Scenario(
        "a pull request that makes something worse", "github",
        {
            "github.event_name": "pull_request", "github.ref": f"refs/pull/{REQUEST}/merge",
            "github.event.pull_request.number": REQUEST,
            "github.event.pull_request.head.repo.full_name": "owner/gradtier",
        },
        worse=True, fails=(("merge", " -- diff "),), comments=(_COMMENT,),
    ),
    Scenario(
        "a week's run, with a runner of one's own that has lost its card", "github",
        {
            "github.event_name": "schedule", "github.event.schedule": "17 2 * * 0",
            "vars.GRADTIER_CUDA_RUNNER": "yes",
        },
        fails=_NO_CARD,
    ),
    Scenario("a push to main, and a shard's machine goes away", "github", lost=("cpu (2)",)),
    Scenario(
        "a merge request that makes something worse", "gitlab",
        {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_COMMIT_BRANCH": ""},
        worse=True, fails=(("merge", " -- diff "),),
    ),
    Scenario(
        "a week's run, with a runner of one's own that has lost its card", "gitlab",
        {"CI_PIPELINE_SOURCE": "schedule", "WEEKLY": "yes", "GRADTIER_CUDA_RUNNER": "yes"},
        fails=_NO_CARD,
    ),
)  # fmt: skip


def planned(root: Path, scenario: Scenario) -> tuple[Job, ...]:
    """The jobs of an event.

    Raises:
        Unknown: the file holds something that the rehearsal does not know.
    """
    text = (root / FILES[scenario.service]).read_text(encoding="utf-8")
    if scenario.service == "gitlab":
        return gitlab.read(text, {**_GITLAB, **scenario.given})
    functions: Mapping[str, Function] = {
        "hashFiles": lambda *names: hashlib.sha256(
            b"".join((root / str(name)).read_bytes() for name in names)
        ).hexdigest()
    }
    return github.read(text, {**_GITHUB, **scenario.given}, functions)


def written(root: Path) -> dict[str, list[str]]:
    """Service -> every command of its file, as it stands there."""
    texts = {service: (root / file).read_text(encoding="utf-8") for service, file in FILES.items()}
    return {"github": github.commands(texts["github"]), "gitlab": gitlab.commands(texts["gitlab"])}
