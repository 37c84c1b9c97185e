"""Julia's AD packages through DifferentiationInterface.jl; the worker is not verified."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from gradtier.backends.external import External

PACKAGES = (
    "chainrules", "diffractor", "enzyme", "forwarddiff", "mooncake", "reversediff",
    "reversediff-compiled", "tracker", "zygote",
)  # fmt: skip


class Julia(External):
    """One package of Julia; what the worker needs installed is said at its head.

    Args:
        package: one of :data:`PACKAGES`.
        project: the Julia environment in which the packages are; Julia's default if empty.

    Raises:
        ImportError: there is no Julia here.
    """

    environment: ClassVar = {"JULIA_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

    def __init__(self, package: str = "", project: str = "", **options: Any) -> None:
        self._package, self._project = package, project
        super().__init__(**options)

    @classmethod
    def lacks(cls) -> str:
        return "" if shutil.which("julia") else "there is no julia on PATH"

    def command(self, given: str) -> Sequence[str]:
        if given:
            raise TypeError("Julia takes no option command")
        if self._package not in PACKAGES:
            raise TypeError(f"package '{self._package}' is none of {', '.join(PACKAGES)}")
        program = shutil.which("julia")
        if program is None:
            raise ImportError(self.lacks())
        worker = Path(__file__).parents[1] / "workers" / "julia.jl"
        project = (f"--project={self._project}",) if self._project else ()
        return [program, "--startup-file=no", *project, str(worker), "--backend", self._package]
