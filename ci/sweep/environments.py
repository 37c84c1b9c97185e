"""One environment per version of a package: ``.nox/sweep-PACKAGE-VERSION``, made once."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

SECONDS = 3600
STAMP = "gradtier-stamp"
#: gradtier's extra for cases whose finite differences are blunt: there is no other witness here.
DIGITS = "exact"


class NotInstalled(Exception):
    """The version can't be installed here; the message is what pip said last."""


@dataclass(frozen=True)
class Recipe:
    """What a package's environments have in common.

    Attributes:
        package: the distribution.
        beside: further requirements of its extra.
        pins: constraints, without those of the package and of what follows it.
    """

    package: str
    beside: tuple[str, ...]
    pins: tuple[str, ...]


def recipe(root: Path, package: str, extra: str | None, family: Iterable[str]) -> Recipe:
    """How to install versions of a package.

    Args:
        root: the repository.
        package: the distribution.
        extra: gradtier's extra that installs it, or None where gradtier itself does.
        family: distributions that the adapter names with it; those that are not gradtier's own
            dependencies follow the version, as do those that are called after the package.
    """
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    name = canonicalize_name(package)
    core = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    follows = {canonicalize_name(word) for word in family} - core | {name}
    lines = project["optional-dependencies"].get(extra, []) if extra else []
    beside = [line for line in lines if canonicalize_name(Requirement(line).name) != name]
    files = [root / "ci" / "constraints" / f"{word}.txt" for word in (extra or "dev", DIGITS)]
    lines = [line for f in files if f.is_file() for line in f.read_text("utf-8").splitlines()]
    pins = {}
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        pinned = canonicalize_name(Requirement(line).name)
        if pinned not in follows and not pinned.startswith(name):
            pins[pinned] = line
    return Recipe(package, tuple(beside), tuple(pins.values()))


@dataclass(frozen=True)
class Environments:
    """Makes and keeps the environments of a repository."""

    root: Path

    def folder(self, package: str, version: str) -> Path:
        """Where the environment of a version is."""
        words = re.sub(r"[^A-Za-z0-9._+!-]", "_", f"sweep-{package}-{version}")
        return self.root / ".nox" / words

    def ready(self, made_of: Recipe, version: str) -> Path:
        """The folder of an environment with that version, made where it is not there yet.

        First with the pins of ``ci/constraints``; where pip finds that they do not go together with
        the version, without them.

        Raises:
            NotInstalled: the version can't be installed.
        """
        folder = self.folder(made_of.package, version)
        own = ["--editable", f"{self.root}[{DIGITS}]"]
        wanted = [*own, *made_of.beside, f"{made_of.package}=={version}"]
        stamp, content = folder / STAMP, self._content(folder, wanted, made_of.pins)
        if stamp.is_file() and stamp.read_text(encoding="utf-8").startswith(content):
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        make = [sys.executable, "-m", "virtualenv", "--quiet", str(folder)]
        if said := _failed(make):
            raise NotInstalled(f"its environment can't be made: {said}")
        pins = folder / "pins.txt"
        pins.write_text("".join(f"{pin}\n" for pin in made_of.pins), encoding="utf-8")
        how = "with the pins"
        said = _failed([*_pip(folder), "--constraint", str(pins), *wanted])
        if said is not None:
            how = f"without the pins: {said}"
            said = _failed([*_pip(folder), *wanted])
        if said is not None:
            raise NotInstalled(said)
        stamp.write_text(f"{content}\n{how}\n", encoding="utf-8")
        return folder

    def _content(self, folder: Path, wanted: Sequence[str], pins: Sequence[str]) -> str:
        """Changes with all that is installed, and with its place and Python."""
        parts = [sys.version, str(folder), *wanted, *pins]
        parts.append((self.root / "pyproject.toml").read_text(encoding="utf-8"))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def scripts(folder: Path) -> Path:
    """Where an environment has its programs."""
    return folder / ("Scripts" if os.name == "nt" else "bin")


def variables(folder: Path) -> Mapping[str, str]:
    """The variables with which an environment's programs run."""
    path = os.pathsep.join([str(scripts(folder)), os.environ.get("PATH", "")])
    return {**os.environ, "VIRTUAL_ENV": str(folder), "PATH": path, "PYTHONUNBUFFERED": "1"}


def _pip(folder: Path) -> list[str]:
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check"]
    return [str(scripts(folder) / "python"), "-m", "pip", "install", *quiet]


def _failed(command: Sequence[str]) -> str | None:
    """Run a command in silence: None, or the last error that it named."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if not done.returncode:
        return None
    lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or [f"exit status {done.returncode}"])[0]
