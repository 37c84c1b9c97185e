"""``gradtier bench``."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradtier.options import matrix_option

if TYPE_CHECKING:  # the command line starts without what only this command needs
    from gradtier.evidence import Evidence

AXES = ("backend", "device", "case", "dtype")


def _axes(command: click.decorators.FC) -> click.decorators.FC:
    for axis in reversed(AXES):
        text = f"Only benchmarks whose {axis} matches GLOB; may be given several times."
        if axis == "dtype":
            text += "  [default: the first dtype of the matrix]"
        command = click.option(f"--{axis}", multiple=True, metavar="GLOB", help=text)(command)
    return command


@click.command()
@matrix_option
@_axes
@click.option("--quick", is_flag=True, help="Small sizes alone, few rounds: to see that it works.")
@click.option(
    "--rounds", type=click.IntRange(1), default=None, help="Turns of each backend at most."
)
@click.option(
    "--limit", type=click.FloatRange(0, min_open=True), default=None, metavar="SECONDS",
    help="What one step of a backend may take, its first call too.  [default: 60]",
)  # fmt: skip
@click.option(
    "--evidence", type=click.Path(path_type=Path), default=None,
    help="Append records to this file.  [default: a new file in reports/runs/bench/]",
)  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on with the file (or the newest run).")
@click.option(
    "--show", "shown", type=click.Path(path_type=Path), multiple=True, metavar="FILE",
    help="Measure nothing; show what this evidence file says.  May be given several times.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text",
    help="Of the tables.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), default=None, metavar="FILE",
    help="Write the tables as a Markdown page, too.",
)  # fmt: skip
def bench(
    matrix_file: Path, quick: bool, rounds: int | None, limit: float | None, evidence: Path | None,
    resume: bool, shown: tuple[Path, ...], form: str, out: Path | None, **axes: tuple[str, ...],
) -> None:  # fmt: skip
    """Time derivatives: the matrix's benchmarks on the selected backends, which take turns.

    Each derivative is checked before it is timed; what is wrong has no speed.  Records are evidence
    (kind bench), on disk when a backend's turns are over; the tables are printed at the end.
    Exit 1 if gradtier itself could not finish a measurement.

    Example: gradtier bench --backend 'torch-*' --backend 'jax-*' --device cpu
    Example: gradtier bench --show reports/evidence/bench.jsonl --out speed.md
    """
    from gradtier.bench import show

    if shown:
        given = [f"--{axis}" for axis, words in axes.items() if words]
        given += ["--resume"] if resume else []
        given += ["--evidence"] if evidence is not None else []
        if given:
            raise click.UsageError(f"--show measures nothing: {', '.join(given)} can't go with it")
        _print(show.read(shown), form, out)
        return
    from gradtier.bench.lanes import BRISK, Pace
    from gradtier.bench.races import Wanted
    from gradtier.bench.session import run_benchmarks

    pace = BRISK if quick else Pace()
    if rounds is not None:
        pace = replace(pace, rounds=rounds, least=min(rounds, pace.least))
    pace = replace(pace, limit=limit) if limit is not None else pace
    status, file = run_benchmarks(matrix_file, Wanted(**axes, quick=quick), evidence, resume, pace)
    if status != 130:
        _print(show.read([file]), form, out)
    sys.exit(status)


def _print(evidence: Evidence, form: str, out: Path | None) -> None:
    from gradtier.bench import show

    for problem in evidence.problems:
        click.echo(f"gradtier: {problem}", err=True)
    if out is not None:
        show.write(evidence, out)
    if form == "markdown":
        click.echo(show.markdown(evidence), nl=False)
    elif form == "json":
        click.echo(json.dumps(show.as_json(evidence), indent=1))
    else:
        show.printed(evidence)
