"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click


def matrix_option(command: click.decorators.FC) -> click.decorators.FC:
    """``--matrix``, as the parameter ``matrix_file``."""
    return click.option(
        "--matrix", "matrix_file", type=click.Path(path_type=Path), default=Path("matrix.yaml"),
        show_default=True, help="The declaration.",
    )(command)  # fmt: skip
