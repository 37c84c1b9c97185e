"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

from gradtier.model import AXES


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


def selection_options(command: click.decorators.FC) -> click.decorators.FC:
    """``--backend``, ``--device`` and the other axes, as parameters named after them."""
    for axis in reversed(AXES):
        text = f"Only trials whose {axis} matches GLOB; may be given several times."
        command = click.option(f"--{axis}", multiple=True, metavar="GLOB", help=text)(command)
    return command


def quick_option(command: click.decorators.FC) -> click.decorators.FC:
    """``--quick``."""
    return click.option(
        "--quick", is_flag=True, help="Only the matrix's quick subset: a few minutes."
    )(command)


def shard_option(command: click.decorators.FC) -> click.decorators.FC:
    """``--shard``."""
    return click.option(
        "--shard", default="", metavar="K/N",
        help="Only part K of N, split by expected cost; the same parts on every machine.",
    )(command)  # fmt: skip


def isolate_option(command: click.decorators.FC) -> click.decorators.FC:
    """``--isolate``."""
    return click.option(
        "--isolate", type=click.Choice(["env"]), default=None,
        help="env: each package in a Python environment of its own, pinned by its constraint file; "
        "made once, in .gradtier/environments beside the matrix.",
    )(command)  # fmt: skip


def deep_option(command: click.decorators.FC) -> click.decorators.FC:
    """``--deep``."""
    return click.option(
        "--deep", is_flag=True, help="Also what the matrix leaves to deep runs: hours."
    )(command)
