"""``gradtier repro``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gradtier.options import matrix_option


@click.command()
@click.argument("trial")
@matrix_option
@click.option(
    "--evidence", "files", type=click.Path(path_type=Path), multiple=True, metavar="FILE",
    help="Evidence file that holds the trial's record; may be given several times.  "
    "[default: the newest run; else reports/evidence/]",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), default=None, metavar="FILE",
    help="Write the script there.  [default: print it]",
)  # fmt: skip
@click.option(
    "--minimize",
    is_flag=True,
    help="Make the inputs smaller, then simpler, while the outcome and its reason stay.",
)
@click.option(
    "--seconds", type=click.FloatRange(1.0), default=120.0, show_default=True,
    help="How long --minimize may take.",
)  # fmt: skip
@click.option(
    "--check", is_flag=True,
    help="Run the script by itself, without gradtier: does it end as the record says?",
)  # fmt: skip
def repro(
    trial: str, matrix_file: Path, files: tuple[Path, ...], out: Path | None, minimize: bool,
    seconds: float, check: bool,
) -> None:  # fmt: skip
    """Print TRIAL as a script that needs its own library and NumPy alone, for an upstream report.

    It shows the derivative, finite differences with their error bar and the recorded reference, and
    exits with 1 while the fault is there, with 0 when the derivative agrees, with 2 if it can't be
    asked.  With --check, exit 1 if it does not end as the record says.

    Example: gradtier repro nn/dense@jax-reverse/cpu/none/float64 --out report.py
    Example: gradtier repro 'linalg/norm_zero_row@jax-reverse/cpu/none/float64' --minimize --check
    """
    from gradtier.repro import session

    made = session.made(matrix_file, trial, files, seconds if minimize else None)
    for line in made.said:
        click.echo(f"gradtier: {line}", err=True)
    if out is not None:
        session.write(out, made.text)
        click.echo(f"gradtier: {out}", err=True)
    else:
        click.echo(made.text, nl=False)
    if check:
        good, words = session.checked(made)
        click.echo(f"gradtier: {words}", err=True)
        sys.exit(0 if good else 1)
