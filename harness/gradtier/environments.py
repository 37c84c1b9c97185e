"""A Python environment of its own, as plans, workers and pytest workers see it: plain data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

#: Where environments lie, relative to the matrix's folder.
PLACE = Path(".gradtier") / "environments"


@dataclass(frozen=True)
class Environment:
    """The environment of one extra, or why there is none.

    Attributes:
        name: of its folder.
        python: its interpreter, absolute.
        installed: adapter -> distributions and their versions, as found within it.
        faults: adapter -> why it does not import there.
        why: why it can't be used, or empty.
    """

    name: str
    python: str = ""
    installed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    why: str = ""

    def why_not(self, adapter: str, needed: tuple[str, ...]) -> str:
        """Why an adapter can't be used here, or empty.

        Args:
            adapter: ``module:Class``.
            needed: distributions without which it is not installed.
        """
        if self.why or adapter in self.faults:
            return self.why or f"in its environment {self.faults[adapter]}"
        absent = [name for name in needed if name not in self.installed.get(adapter, {})]
        return f"the package {absent[0]} is not installed in its environment" if absent else ""

    def variables(self) -> dict[str, str]:
        """What is set for its processes, so that they find its programs first."""
        programs = str(Path(self.python).parent)
        path = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
        return {"VIRTUAL_ENV": str(Path(self.python).parent.parent), "PATH": path}
