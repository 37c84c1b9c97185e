"""Metadata, extras, constraint files and sessions say the same thing."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import gradtier

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
ROWS = yaml.safe_load((ROOT / "matrix.yaml").read_text(encoding="utf-8"))["backends"]
TOOLS = ("bench", "exact", "explore", "mkdocs", "sphinx")
BACKEND_EXTRAS = sorted(set(EXTRAS) - {"all", "dev", *TOOLS})
WRITTEN_BY_HAND = {"limits"}


def constraint_file(name: str) -> Path:
    return ROOT / "ci" / "constraints" / f"{name}.txt"


def pins(name: str) -> dict[str, Version]:
    """Canonical name -> pinned version of a constraint file."""
    found = {}
    for line in constraint_file(name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            distribution, _, version = line.partition("==")
            found[distribution] = Version(version)
    return found


def requirements(extra: str) -> list[Requirement]:
    """What an extra asks for, with the core and with the extras that it is made of."""
    asked = [Requirement(text) for text in (*PROJECT["dependencies"], *EXTRAS[extra])]
    own = {inner for r in asked if r.name == "gradtier" for inner in r.extras}
    others = [r for r in asked if r.name != "gradtier"]
    return others + [r for inner in sorted(own) for r in requirements(inner)]


# ------------------------------------------------------------------- extras and pins


@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_every_requirement_of_an_extra_is_pinned_within_its_range(extra: str):
    pinned = pins(extra)
    for requirement in requirements(extra):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{extra}.txt does not pin {requirement.name}"
        assert version in requirement.specifier, f"{extra}.txt pins {requirement.name}=={version}"


def test_every_constraint_file_belongs_to_an_extra_or_the_bootstrap():
    files = {file.stem for file in (ROOT / "ci" / "constraints").iterdir()}
    assert files == {*EXTRAS, "bootstrap"} | WRITTEN_BY_HAND


@pytest.mark.parametrize("name", [*BACKEND_EXTRAS, *TOOLS, "dev", "bootstrap", *WRITTEN_BY_HAND])
def test_no_constraint_file_disagrees_with_the_shared_environment(name: str):
    shared = pins("all")
    assert {d: shared.get(d) for d in pins(name)} == pins(name)


@pytest.mark.parametrize("name", [*EXTRAS, "bootstrap"])
def test_a_pin_names_no_build_that_only_some_index_has(name: str):
    assert [d for d, version in pins(name).items() if version.local] == []


def test_the_bootstrap_pins_what_the_noxfile_asks_for():
    nox_project = pytest.importorskip("nox.project")
    asked = nox_project.load_toml(ROOT / "noxfile.py")["dependencies"]
    for requirement in map(Requirement, asked):
        assert pins("bootstrap")[canonicalize_name(requirement.name)] in requirement.specifier


def test_the_extra_all_holds_every_backend_package():
    (own,) = (Requirement(text) for text in EXTRAS["all"])
    assert own.name == PROJECT["name"]
    assert sorted(own.extras) == BACKEND_EXTRAS


# ------------------------------------------------------------------- matrix.yaml


#: Rows of what pip can install: not those in another language, nor those that can't be run at all.
INSTALLED = {
    name: block
    for name, block in ROWS.items()
    if block.get("extra")
    or block["package"] in {Requirement(d).name for d in PROJECT["dependencies"]}
}


def test_a_row_that_nothing_installs_says_why_it_is_unavailable_or_runs_elsewhere():
    for name in ROWS.keys() - INSTALLED.keys():
        block = ROWS[name]
        assert block.get("unavailable") or "another process" in block["execution"], name


@pytest.mark.parametrize("row", sorted(INSTALLED))
def test_the_extra_of_a_row_exists_and_installs_its_package(row: str):
    extra, package = ROWS[row].get("extra"), ROWS[row]["package"]
    assert extra in {None, *BACKEND_EXTRAS}
    installed = PROJECT["dependencies"] if extra is None else EXTRAS[extra]
    assert package in {Requirement(text).name for text in installed}


def test_no_backend_extra_is_left_without_a_row():
    assert {block.get("extra") for block in ROWS.values()} - {None} == set(BACKEND_EXTRAS)


def test_nox_has_one_session_per_package_of_the_matrix():
    pytest.importorskip("nox")
    listed = subprocess.run(
        [sys.executable, "-m", "nox", "--list", "--nocolor"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = set(re.findall(r"^[*-] (\S+) ->", listed.stdout, re.MULTILINE))
    packages = {block["package"] for block in INSTALLED.values()}
    assert {name for name in names if name.startswith("backend-")} == {
        f"backend-{package}" for package in packages
    }
    assert {"tests", "matrix", "publish", "lint", "typing", "constraints"} <= names


# ------------------------------------------------------------------- what is installed


@pytest.mark.parametrize("target", ["gradtier.cli:main", "gradtier.pytest_plugin"])
def test_an_entry_point_leads_somewhere(target: str):
    declared = [*PROJECT["scripts"].values(), *PROJECT["entry-points"]["pytest11"].values()]
    assert target in declared
    module, _, name = target.partition(":")
    found = importlib.import_module(module)
    assert not name or callable(getattr(found, name))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    (file,) = out.glob("*.whl")
    return file


def test_the_wheel_holds_the_package_with_all_its_data_and_nothing_else(wheel: Path):
    package = ROOT / "harness" / "gradtier"
    caches = {"__pycache__", ".ruff_cache", ".mypy_cache"}
    ours = {
        file.relative_to(package.parent).as_posix()
        for file in package.rglob("*")
        if file.is_file() and not caches & set(file.parts)
    }
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == ours


def test_the_wheel_has_the_version_of_the_package(wheel: Path):
    assert wheel.name.split("-")[1] == gradtier.__version__


@functools.cache
def noxfile() -> ModuleType:
    """The noxfile as a module, once: its sessions register themselves."""
    pytest.importorskip("nox")
    spec = importlib.util.spec_from_file_location("gradtier_noxfile", ROOT / "noxfile.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], []),
        (["--suite", "nn"], []),
        (["--evidence", "e.jsonl"], ["--evidence", "e.jsonl"]),
        (["--resume", "--evidence=e.jsonl"], ["--evidence=e.jsonl"]),
    ],
)
def test_the_matrix_session_reports_the_file_that_its_run_wrote(words: list[str], named: list[str]):
    assert noxfile().evidence_named(words) == named
