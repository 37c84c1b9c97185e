"""Matrix -> jobs -> the text of a pipeline.

What depends on the matrix is the list of devices: the CPU is measured in shards on the service's
own machines, every other device on a runner of one's own that carries its name as a label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import jinja2

from gradtier.matrix import Matrix

#: Format -> its template, and where the service looks for the file.
FORMATS: Mapping[str, tuple[str, str]] = {
    "github": ("github.yml.j2", ".github/workflows/gradtier.yml"),
    "gitlab": ("gitlab.yml.j2", ".gitlab-ci.yml"),
}
CPU = "cpu"


@dataclass(frozen=True)
class Jobs:
    """What the jobs of a pipeline depend on.

    Attributes:
        shards: numbers of the parts in which the CPU is measured.
        devices: the other devices that some backend claims; a runner of one's own for each.
        packages: what a weekly sweep over versions measures.
        command: how the command line was called, for the head of the file.
    """

    shards: tuple[int, ...]
    devices: tuple[str, ...]
    packages: tuple[str, ...]
    command: str


def jobs(matrix: Matrix, form: str, shards: int, packages: tuple[str, ...]) -> Jobs:
    """The jobs that measure a matrix."""
    claimed = {device for row in matrix.backends.values() for device in row.devices}
    more = [f"--shards {shards}", *(f"--sweep {name}" for name in packages)]
    return Jobs(
        shards=tuple(range(1, shards + 1)),
        devices=tuple(d for d in matrix.axes.devices if d != CPU and d in claimed),
        packages=packages,
        command=" ".join(["gradtier jobs --format", form, *more]),
    )


def render(form: str, found: Jobs) -> str:
    """The pipeline as text."""
    return _environment().get_template(FORMATS[form][0]).render(jobs=found)


@cache
def _environment() -> jinja2.Environment:
    """Templates whose marks are not those of the services: ``[[ ]]`` and ``[% %]``."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("gradtier.pipelines"),
        autoescape=False,  # YAML; every value is an id of the matrix or a number
        undefined=jinja2.StrictUndefined,
        variable_start_string="[[", variable_end_string="]]",
        block_start_string="[%", block_end_string="%]",
        comment_start_string="[#", comment_end_string="#]",
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
