"""How gradtier itself is installed here, so that it can be installed elsewhere in the same way."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

import gradtier

#: Requirements on top, as in GRADTIER_ALSO_INSTALL="jax[cuda13]"; the nox sessions heed it too.
ALSO = "GRADTIER_ALSO_INSTALL"


@dataclass(frozen=True)
class Source:
    """What pip is told to install gradtier with an extra.

    Attributes:
        flags: before the requirement.
        before: the requirement, up to the brackets of the extra.
        after: what follows them.
        made_of: changes with what an installation depends on.
        also: requirements on top.
    """

    flags: tuple[str, ...]
    before: str
    after: str
    made_of: str
    also: tuple[str, ...] = ()

    def words(self, extra: str, named: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
        """What ``pip install`` is told.

        Args:
            extra: of gradtier.
            named: distributions that the rows of this extra name.
            others: those that rows of other extras name; of the requirements on top, what only
                they name is left out.
        """
        mine, theirs = set(map(canonicalize_name, named)), set(map(canonicalize_name, others))
        more = [w for w in self.also if (name := _name(w)) in mine or name not in theirs]
        return (*self.flags, f"{self.before}[{extra}]{self.after}", *more)


def here() -> Source:
    """The source of the gradtier that runs: its folder, its address, or its version."""
    also = tuple(os.environ.get(ALSO, "").split())
    version = gradtier.__version__
    if (folder := _checkout(Path(gradtier.__file__).resolve())) is not None:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        # what is about formatters and tests changes no installation
        parts = [project.get("project"), project.get("build-system"),
                 project.get("tool", {}).get("hatch")]  # fmt: skip
        made_of = f"{version} {json.dumps(parts, sort_keys=True)}"
        return Source(("--editable",), str(folder), "", made_of, also)
    address = _address(noted := _direct_url())
    after = f" @ {address}" if address else f"=={version}"
    return Source((), "gradtier", after, f"{version} {json.dumps(noted)}", also)


def _checkout(module: Path) -> Path | None:
    """The folder of the project whose sources are imported here, where they lie in one."""
    for folder in module.parents[1:3]:
        try:
            text = (folder / "pyproject.toml").read_text(encoding="utf-8")
        except OSError:
            continue
        return folder if tomllib.loads(text).get("project", {}).get("name") == "gradtier" else None
    return None


def _direct_url() -> dict[str, Any]:
    """What pip noted down of an address that gradtier was installed from (PEP 610)."""
    try:
        text = metadata.distribution("gradtier").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return {}
    return dict(json.loads(text)) if text else {}


def _address(noted: Mapping[str, Any]) -> str:
    """As pip takes it; empty: it came from an index."""
    address = str(noted.get("url", ""))
    if vcs := noted.get("vcs_info"):
        address = f"{vcs['vcs']}+{address}@{vcs['commit_id']}"
    folder = noted.get("subdirectory")
    return f"{address}#subdirectory={folder}" if folder else address


def _name(word: str) -> str:
    """The distribution that a requirement is of; empty for a flag."""
    try:
        return canonicalize_name(Requirement(word).name)
    except InvalidRequirement:
        return ""
