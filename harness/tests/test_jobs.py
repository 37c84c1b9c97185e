"""Pipelines: in step with the matrix, valid for their service, and of commands that exist."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner
from small_world import World, row

from gradtier.cli import main
from gradtier.pipelines import FORMATS

ROOT = Path(__file__).parents[2]
FILES = {form: ROOT / place for form, (_, place) in FORMATS.items()}
SCHEMAS = {
    "github": ["--builtin-schema", "vendor.github-workflows"],
    "gitlab": ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"],
}


def made(form: str, *words: str, matrix: Path = ROOT / "matrix.yaml") -> str:
    asked = ["jobs", "--format", form, "--matrix", str(matrix), *words]
    done = CliRunner().invoke(main, asked, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return str(done.output)


@pytest.mark.parametrize("form", FORMATS)
def test_the_committed_pipeline_is_what_the_matrix_gives(form: str) -> None:
    text = FILES[form].read_text(encoding="utf-8")
    called = re.search(r"`gradtier jobs (.*?)`", text.splitlines()[0])
    assert called is not None
    words = shlex.split(called[1])
    assert words[:2] == ["--format", form]
    assert made(form, *words[2:]) == text, f"run: gradtier jobs {called[1]} > {FILES[form].name}"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("words", [(), ("--shards", "1"), ("--sweep", "jax", "--sweep", "torch")])
def test_a_pipeline_is_valid_for_its_service(
    form: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    pytest.importorskip("check_jsonschema")
    file = tmp_path / "pipeline.yml"
    file.write_text(made(form, *words), encoding="utf-8")
    command = [sys.executable, "-m", "check_jsonschema", *SCHEMAS[form], str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def scripts(form: str) -> list[str]:
    """Every line of shell of a pipeline, with the services' expressions replaced."""
    found = list(_scripts(yaml.safe_load(FILES[form].read_text(encoding="utf-8"))))
    return [re.sub(r"\$\{\{.*?\}\}|\$\w+", "1", line.replace("$DEPTH", "")) for line in found]


def _scripts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "run" and isinstance(value, str):
                yield from value.splitlines()
            elif key == "script":
                yield from value
            else:
                yield from _scripts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _scripts(value)


def sessions() -> set[str]:
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    return {
        f.name
        for f in ast.walk(tree)
        if isinstance(f, ast.FunctionDef)
        and any("session" in ast.dump(d) for d in f.decorator_list)
    }


@pytest.mark.parametrize("form", FORMATS)
def test_every_step_calls_a_session_and_a_command_that_exist_with_options_that_they_take(
    form: str,
) -> None:
    seen = set()
    for line in scripts(form):
        words = shlex.split(line)
        if words[:2] != ["python3", "ci/bootstrap.py"]:
            assert words[0] in (".ci/run", "cat", "gh", "test"), line
            continue
        assert words[2] == "-s" and words[3] in sessions(), line
        after = words[5:] if len(words) > 4 and words[4] == "--" else []
        seen.add(words[3])
        if words[3] == "matrix":
            parse("run", after)
        elif words[3] == "gradtier":
            parse(after[0], after[1:])
    assert seen >= {"matrix", "gradtier", "doctor", "sweep"}


def parse(name: str, words: list[str]) -> None:
    """Raises click.UsageError if the command does not take these words."""
    command = main.commands[name]
    command.make_context(name, words, parent=click.Context(main))


def test_a_step_with_an_option_that_does_not_exist_would_be_seen() -> None:
    with pytest.raises(click.UsageError):
        parse("merge", ["measured", "--into", "x.jsonl"])


def test_a_device_of_ones_own_gets_a_runner_of_ones_own(world: World) -> None:
    world.matrix["axes"]["devices"] = ["cpu", "rocm", "tpu"]
    world.add("card", row(devices=["cpu", "rocm"]))
    found = yaml.safe_load(made("github", matrix=world.file))["jobs"]
    assert found["rocm"]["runs-on"] == ["self-hosted", "rocm"]
    assert "tpu" not in found, "no backend claims it"
    assert found["merge"]["needs"] == ["cpu", "rocm"]
    other = yaml.safe_load(made("gitlab", matrix=world.file))
    assert other["rocm"]["tags"] == ["rocm"] and "tpu" not in other


def test_merging_goes_on_when_a_part_failed() -> None:
    found = yaml.safe_load(made("github"))["jobs"]
    assert found["merge"]["if"].startswith("always()")
    assert found["cpu"]["strategy"]["fail-fast"] is False
    assert yaml.safe_load(made("gitlab"))["merge"]["when"] == "always"


def test_an_unknown_package_to_sweep_is_told_with_the_nearest_right_one(world: World) -> None:
    done = world.gradtier("jobs", "--format", "github", "--sweep", "autogrd")
    assert done.returncode == 2 and "did you mean 'autograd'" in done.stderr
