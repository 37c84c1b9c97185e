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


def history_option(command: click.decorators.FC) -> click.decorators.FC:
    """``--history``, as the parameter ``past``."""
    return click.option(
        "--history", "past", type=click.Path(path_type=Path), default=None,
        help="Folder of dated evidence: with a page on when the class of each backend changed.",
    )(command)  # fmt: skip


def since_option(command: click.decorators.FC) -> click.decorators.FC:
    """``--since``, as the parameter ``older``."""
    return click.option(
        "--since", "older", type=click.Path(path_type=Path), multiple=True,
        help="Older evidence, a file or folder: with a page on what changed since; may be given "
        "several times.",
    )(command)  # fmt: skip
