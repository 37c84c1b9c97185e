"""The rehearsal of the pipelines: nothing is passed over, and order and values hold."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MODULES = ("expressions", "jobs", "github", "gitlab", "scenarios", "service", "running", "small")


@pytest.fixture(scope="module")
def ci() -> Iterator[SimpleNamespace]:
    """The modules of ci/rehearse."""
    import importlib

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "ci" / "rehearse"))
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
        for name in MODULES:
            sys.modules.pop(name, None)


def workflow(text: str, ci: SimpleNamespace, **names: str) -> Any:
    return ci.github.read(textwrap.dedent(text), {f"github.{k}": v for k, v in names.items()}, {})


def test_every_command_of_both_files_is_run_by_some_event_or_left_out_by_name(
    ci: SimpleNamespace,
) -> None:
    reached: dict[str, set[str]] = {"github": set(), "gitlab": set()}
    for scenario in ci.scenarios.SCENARIOS:
        ends: dict[str, bool] = {}
        for job in ci.jobs.ordered(ci.scenarios.planned(ROOT, scenario)):
            good = all(ends.get(key, False) for key in job.needs)
            runs = job.name not in scenario.lost and ci.jobs.holds(job.condition, job.names, good)
            ends[job.key] = runs and not any(key == job.key for key, _ in scenario.fails)
            so_far = True
            for step in job.steps if runs else ():
                if step.kind is ci.jobs.Kind.COMMAND and ci.jobs.holds(
                    step.condition, step.names, so_far
                ):
                    reached[scenario.service].add(step.written)
                    wanted = scenario.fails
                    so_far = so_far and not any(
                        key == job.key and part in step.written for key, part in wanted
                    )
    for service, commands in ci.scenarios.written(ROOT).items():
        assert commands and set(commands) == reached[service]
    assert set(ci.scenarios.LEFT_OUT) == {".ci/run"}


def test_the_committed_result_shows_every_command_of_the_files_as_it_should_be(
    ci: SimpleNamespace,
) -> None:
    """Else: nox -s rehearse."""
    found = json.loads((ROOT / "reports" / "bench" / "rehearsal.json").read_text("utf-8"))
    assert not [step for step in found["steps"] if step["surprise"]]
    ran = ("passed", "failed")  # as it should be, since nothing is a surprise
    done = {(s["service"], s["command"]) for s in found["steps"] if s["status"] in ran}
    wanted = {(k, c) for k, commands in ci.scenarios.written(ROOT).items() for c in commands}
    assert {command for _, command in wanted - done} == set(ci.scenarios.LEFT_OUT)


def test_no_command_escapes_the_list_of_commands(ci: SimpleNamespace) -> None:
    """Counted in the text, so that a key that the reader overlooks is seen."""
    written = ci.scenarios.written(ROOT)
    text = (ROOT / ci.scenarios.FILES["github"]).read_text(encoding="utf-8")
    assert len(written["github"]) == text.count(" run: ")
    lines = (ROOT / ci.scenarios.FILES["gitlab"]).read_text(encoding="utf-8").splitlines()
    items = [x for x in lines if x.startswith("    - ") and not x[6:].startswith(("if:", "job:"))]
    assert len(written["gitlab"]) == len(items)


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("run: echo ${{ github.sha }}", "'github.sha' in the expression"),
        ("run: echo ${{ matrix.shrad }}", "'matrix.shrad'"),
        ("run: echo ${{ fromJSON('1') }}", r"'fromJSON\(\)'"),
        ("run: echo $NOWHERE", r"\$NOWHERE in 'echo \$NOWHERE' is set nowhere"),
        ("uses: someone/something@v1", "the action 'someone/something@v1'"),
        ("{run: 'true', shell: python}", "shell"),
        ("{uses: actions/checkout@v4, with: {ref: x}}", "ref"),
    ],
)
def test_what_is_not_known_is_an_error_and_not_passed_over(
    ci: SimpleNamespace, step: str, says: str
) -> None:
    text = f"jobs:\n  a:\n    strategy: {{matrix: {{shard: [1]}}}}\n    steps:\n      - {step}\n"
    with pytest.raises(ci.expressions.Unknown, match=says):
        workflow(text, ci)


@pytest.mark.parametrize("condition", ["always() && github.sha", "github.ref = 'x'", "(always()"])
def test_a_condition_that_is_not_known_is_an_error(ci: SimpleNamespace, condition: str) -> None:
    with pytest.raises(ci.expressions.Unknown):
        ci.jobs.holds(condition, {"github.ref": "x"}, True)


def test_each_copy_of_a_job_has_its_own_values(ci: SimpleNamespace) -> None:
    first, second = workflow(
        """
        env: {DEPTH: "${{ github.event_name == 'pull_request' && '--quick' || '' }}"}
        jobs:
          a:
            strategy: {matrix: {shard: [1, 2]}}
            steps:
              - run: part ${{ matrix.shard }}/2 $DEPTH
        """,
        ci, event_name="pull_request",
    )  # fmt: skip
    assert [job.steps[0].text for job in (first, second)] == ["part 1/2 $DEPTH", "part 2/2 $DEPTH"]
    assert [job.name for job in (first, second)] == ["a (1)", "a (2)"]
    assert first.environment == {"DEPTH": "--quick"}


@pytest.mark.parametrize(
    ("condition", "good", "runs"),
    [
        ("", True, True), ("", False, False), ("always()", False, True),
        ("github.ref == 'main'", True, True), ("github.ref == 'main'", False, False),
        ("always() && github.ref == 'main'", False, True), ("!cancelled()", False, True),
        ("always() && github.ref != 'main'", True, False), ("failure()", False, True),
        ("failure()", True, False), ("github.ref == 'x' || github.ref == 'main'", True, True),
    ],
)  # fmt: skip
def test_a_condition_holds_as_it_does_at_the_service(
    ci: SimpleNamespace, condition: str, good: bool, runs: bool
) -> None:
    assert ci.jobs.holds(condition, {"github.ref": "main"}, good) is runs


def test_jobs_come_in_the_order_of_what_they_need_and_as_late_as_they_can(
    ci: SimpleNamespace,
) -> None:
    jobs = workflow(
        """
        jobs:
          last: {needs: [merge], steps: []}
          merge: {needs: a, steps: []}
          a: {steps: []}
          beside: {steps: []}
        """, ci,
    )  # fmt: skip
    assert [job.key for job in ci.jobs.ordered(jobs)] == ["a", "beside", "merge", "last"]
    with pytest.raises(ci.expressions.Unknown, match="'gone', which merge needs"):
        ci.jobs.ordered(workflow("jobs: {merge: {needs: gone, steps: []}}", ci))


GITLAB = """
stages: [one, two]
variables: {DEPTH: ""}
workflow:
  rules:
    - if: $SOURCE == "merge"
      variables: {DEPTH: --quick}
    - if: $SOURCE
a:
  stage: one
  parallel: 2
  script: [part $CI_NODE_INDEX/2 $DEPTH]
card:
  stage: one
  rules: [{if: $CARD}]
  script: ["true"]
merge:
  stage: two
  when: always
  needs: [a, {job: card, optional: true}]
  script: [merge]
"""


def test_rules_of_gitlab_choose_variables_and_jobs(ci: SimpleNamespace) -> None:
    jobs = ci.gitlab.read(GITLAB, {"SOURCE": "merge", "CARD": ""})
    assert [job.name for job in jobs] == ["a (1)", "a (2)", "merge"]
    assert jobs[1].environment["DEPTH"] == "--quick"
    assert jobs[1].environment["CI_NODE_INDEX"] == "2"
    assert (jobs[2].needs, jobs[2].condition) == (("a",), "always()")
    more = ci.gitlab.read(GITLAB, {"SOURCE": "push", "CARD": "yes"})
    assert more[-1].needs == ("a", "card") and more[0].environment["DEPTH"] == ""
    for broken in (GITLAB.replace("$DEPTH]", "$DEEP]"), GITLAB + "b: {stage: one, only: [x]}\n"):
        with pytest.raises(ci.expressions.Unknown, match=r"\$DEEP|only"):
            ci.gitlab.read(broken, {"SOURCE": "merge", "CARD": ""})
    with pytest.raises(ci.expressions.Unknown, match="no rule of the workflow"):
        ci.gitlab.read(GITLAB, {"SOURCE": "", "CARD": ""})


PIPELINE = """
jobs:
  a:
    strategy: {matrix: {n: [1, 2, 3]}}
    steps:
      - uses: actions/checkout@v4
      - run: mkdir out && echo $N > out/${{ matrix.n }} && test ${{ matrix.n }} != 2
        env: {N: "${{ matrix.n }}"}
      - uses: actions/upload-artifact@v4
        if: always()
        with: {name: "part-${{ matrix.n }}", path: out/}
  other:
    steps:
      - run: mkdir out && echo x > out/strange
      - uses: actions/upload-artifact@v4
        with: {name: other, path: out/}
  merge:
    needs: a
    if: always()
    steps:
      - uses: actions/download-artifact@v4
        with: {path: all, pattern: part-*, merge-multiple: true}
      - run: test "$(ls all | tr '\\n' ' ')" = "1 2 "
      - run: cat all/1 all/2 >> "$GITHUB_STEP_SUMMARY" && exit 1
      - run: echo never
      - if: always()
        run: gh pr comment 7 --body-file all/1
        env: {GH_TOKEN: x}
  after: {needs: merge, steps: [{run: echo never}]}
"""


def test_a_pipeline_runs_as_a_service_would_run_it(ci: SimpleNamespace, tmp_path: Path) -> None:
    workspace = tmp_path / "clone"

    def reset() -> None:
        subprocess.run(["rm", "-rf", str(workspace)], check=True)
        workspace.mkdir()

    scenario = ci.scenarios.Scenario(
        "test", "github", lost=("a (3)",), fails=(("a", "test"), ("merge", "exit 1"))
    )
    service = ci.service.Service(tmp_path / "service", workspace, ())
    jobs = ci.github.read(PIPELINE, {}, {})
    done = list(ci.running.rehearse(scenario, jobs, service, workspace, reset))
    ends = [(d.job, d.command.split("@")[0][:24], str(d.status), d.surprise) for d in done]
    assert [end for end in ends if end[3]] == [("a (1)", "mkdir out && echo $N > o", "passed",
                                                  "it was to fail")], ends  # fmt: skip
    assert ("a (3)", "", "lost", "") in ends and ("after", "", "skipped", "") in ends
    assert [e[2] for e in ends if e[0] == "merge"] == [
        "passed", "passed", "failed", "skipped", "passed",
    ]  # fmt: skip
    assert service.summary.read_text(encoding="utf-8") == "1\n2\n"
    assert service.calls.read_text(encoding="utf-8") == "pr comment 7 --body-file all/1\n"


def test_artifacts_that_overwrite_each_other_are_seen(ci: SimpleNamespace, tmp_path: Path) -> None:
    both = """
    jobs:
      a:
        strategy: {matrix: {n: [1, 2]}}
        steps:
          - run: mkdir -p out && touch out/same
          - uses: actions/upload-artifact@v4
            with: {name: "a-${{ matrix.n }}", path: out/}
      b:
        needs: a
        steps:
          - uses: actions/download-artifact@v4
            with: {path: all, merge-multiple: true}
    """
    jobs, workspace = workflow(both, ci), tmp_path / "clone"
    workspace.mkdir()
    service = ci.service.Service(tmp_path / "service", workspace, ())
    scenario = ci.scenarios.Scenario("test", "github")
    done = list(ci.running.rehearse(scenario, jobs, service, workspace, lambda: None))
    assert "several artifacts hold same" in done[-1].note and done[-1].surprise


def test_the_small_matrix_has_the_layout_of_the_real_one(ci: SimpleNamespace) -> None:
    real = yaml.safe_load((ROOT / "matrix.yaml").read_text(encoding="utf-8"))
    small = ci.small.small_matrix(real)
    assert set(small) <= set(real)
    assert small["axes"]["devices"] == real["axes"]["devices"]
    claimed = {device for row in small["backends"].values() for device in row["devices"]}
    assert claimed == set(real["axes"]["devices"])
