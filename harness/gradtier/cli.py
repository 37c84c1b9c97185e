"""The command line: the composition root.

Exit status 0: done.  1: the answer is no (a lint problem, a trial that gradtier itself could not
finish, a claim that no longer holds).  2: it could not be asked (bad usage, bad file).
"""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import gradtier
from gradtier.bench.command import bench
from gradtier.costing import costs
from gradtier.errors import InputError
from gradtier.examining import doctor
from gradtier.export.command import export
from gradtier.joining import merge
from gradtier.linting import lint
from gradtier.measuring import run
from gradtier.options import (
    deep_option,
    history_option,
    matrix_option,
    quick_option,
    selection_options,
    shard_option,
    since_option,
)
from gradtier.pipelines.command import jobs
from gradtier.repro.command import repro
from gradtier.since import since

MOST_SHOWN = 30  # of the files that differ from a report
CONTRACTS = ("matrix", "claims", "plan", "evidence", "support", "diff", "history", "profile")


class Root(click.Group):
    """Turns input errors of every command into a message and exit status 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what is wrong with its input goes to standard error, line by line."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            for problem in error.problems:
                click.echo(f"gradtier: {problem}", err=True)
            if len(error.problems) > 1:
                click.echo(f"gradtier: {len(error.problems)} problems", err=True)
            ctx.exit(2)


def _format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    choice = click.Choice(["text", "json"])
    return click.option("--format", "form", type=choice, default="text", help="Text or JSON.")(
        command
    )


def _evidence_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--evidence", "files", type=click.Path(path_type=Path), multiple=True,
        help="Evidence file; may be given several times.  [default: the newest run]",
    )(command)  # fmt: skip


def _date_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--date", "date", type=click.DateTime(["%Y-%m-%d"]), default=None,
        help="The day to judge by.  [default: today]",
    )(command)  # fmt: skip


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(gradtier.__version__, prog_name="gradtier")
def main() -> None:
    """Measure which AD backends give right derivatives, and publish what was measured."""


main.add_command(bench)
main.add_command(costs)
main.add_command(doctor)
main.add_command(export)
main.add_command(jobs)
main.add_command(lint)
main.add_command(merge)
main.add_command(repro)
main.add_command(run)
main.add_command(since)


@main.command()
@matrix_option
@selection_options
@quick_option
@deep_option
@shard_option
@_format_option
def plan(
    matrix_file: Path, form: str, quick: bool, deep: bool, shard: str, **axes: tuple[str, ...]
) -> None:
    """Show every trial that is planned on this machine, and what is excluded and why.

    Example: gradtier plan --backend 'jax-*' --device cpu --format json
    """
    from dataclasses import replace

    from gradtier.plan import selected
    from gradtier.running import chosen as chosen_
    from gradtier.running import open_matrix

    opened = open_matrix(matrix_file)
    selection = selected(opened.plan.matrix, axes, quick, deep)
    settled = opened.plan.settled(lambda t: deep)
    chosen = replace(settled, trials=chosen_(opened, selection, shard))
    if form == "json":
        click.echo(json.dumps(chosen.to_json(), indent=1))
        return
    cells: dict[str, list[Any]] = {}
    for t in chosen.trials:
        cells.setdefault(str(t.id.cell), []).append(t)
    for cell, trials in cells.items():
        why = f"  unavailable: {trials[0].unavailable}" if trials[0].unavailable else ""
        click.echo(f"{cell}: {len(trials)} trials{why}")
    for e in chosen.exclusions:
        what = "all cases" if e.case == "*" else e.case
        click.echo(f"{e.cell}: {what} excluded ({e.reason}): {e.because}")
    covered = chosen.covered()
    pairs = sum(covered["by_backend"].values())
    click.echo(
        f"array API standard {covered['version']}: {covered['covered']} of {covered['functions']} "
        f"differentiable functions are called, {pairs} times in a backend and mode"
    )
    here = sum(1 for t in chosen.trials if not t.unavailable)
    cost = sum(opened.costs.of(t.id) for t in chosen.trials if not t.unavailable) / 60
    said = f", in {cost:.0f} minutes of one core by earlier runs" if opened.costs.means else ""
    click.echo(f"{len(chosen.trials)} trials, {here} of them can run here{said}")


@main.command()
@matrix_option
@_evidence_option
@_date_option
@_format_option
def assess(
    matrix_file: Path, files: tuple[Path, ...], date: datetime.datetime | None, form: str
) -> None:
    """Derive the support class of every backend, with reasons.  Exit 1 if a claim no longer holds.

    Example: gradtier assess --evidence reports/evidence/cpu.jsonl
    """
    from gradtier.explaining import class_json, class_lines
    from gradtier.front import assessed, mending_lines

    whole = assessed(matrix_file, files, date)
    for problem in whole.problems:
        click.echo(f"gradtier: {problem}", err=True)
    if form == "json":
        click.echo(json.dumps([class_json(whole, a) for a in whole.assessments], indent=1))
    else:
        click.echo("\n".join(line for a in whole.assessments for line in class_lines(whole, a)))
        for line in mending_lines(whole):
            click.echo(line)
    sys.exit(1 if any(a.drift for a in whole.assessments) else 0)


@main.command()
@click.argument("backend")
@matrix_option
@_evidence_option
@_date_option
@_format_option
def explain(
    backend: str, matrix_file: Path, files: tuple[Path, ...], date: datetime.datetime | None,
    form: str,
) -> None:  # fmt: skip
    """Say why BACKEND is in its class, which trials are to blame, and what would raise it.

    Example: gradtier explain torch-func-forward
    """
    from gradtier.explaining import explanation, explanation_json
    from gradtier.front import assessed, pick

    whole = assessed(matrix_file, files, date)
    assessment = pick(whole, backend)
    if form == "json":
        click.echo(json.dumps(explanation_json(whole, assessment), indent=1))
    else:
        click.echo("\n".join(explanation(whole, assessment)))


@main.command()
@matrix_option
@_evidence_option
@_date_option
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("reports/site"), show_default=True,
    help="Folder to write into.",
)  # fmt: skip
@click.option("--quiet", is_flag=True, help="Do not print the table.")
@history_option
@since_option
def report(
    matrix_file: Path, files: tuple[Path, ...], date: datetime.datetime | None, out: Path,
    quiet: bool, past: Path | None, older: tuple[Path, ...],
) -> None:  # fmt: skip
    """Write the report: the table, a page per suite and case, conventions at kinks.

    Example: gradtier report --evidence reports/evidence/cpu.jsonl --out public
    Example: gradtier report --history reports/evidence --date 2026-12-01
    Example: gradtier report --since last-month.jsonl
    """
    from gradtier.front import assessed, since_of, write_report
    from gradtier.sides import history_of

    whole = assessed(matrix_file, files, date)
    for problem in whole.problems:
        click.echo(f"gradtier: {problem}", err=True)
    history = history_of(whole.opened.plan, past, whole.today) if past is not None else None
    changed = since_of(whole, older)
    for file in write_report(whole, out, show=not quiet, history=history, since=changed):
        click.echo(str(file))


@main.command()
@matrix_option
@_evidence_option
@_date_option
@history_option
@since_option
@click.argument("folder", type=click.Path(path_type=Path), default=Path("reports"))
def verify(
    folder: Path, matrix_file: Path, files: tuple[Path, ...], date: datetime.datetime | None,
    past: Path | None, older: tuple[Path, ...],
) -> None:  # fmt: skip
    """Rebuild the report and compare it to the byte with FOLDER.  Exit 1 if it differs.

    Without --date, the day that the report itself names is taken.  Where FOLDER has index.html, a
    page that is missing or left over from another report is a difference too.

    Example: gradtier verify reports --evidence reports/evidence/cpu.jsonl
    Example: gradtier verify public --history reports/evidence
    """
    from gradtier.front import assessed, date_of_report, since_of, verify_report
    from gradtier.sides import history_of

    whole = assessed(matrix_file, files, date or date_of_report(folder))
    history = history_of(whole.opened.plan, past, whole.today) if past is not None else None
    differing = verify_report(whole, folder, history, since_of(whole, older))
    for line in differing[:MOST_SHOWN]:
        click.echo(line, err=True)
    if len(differing) > MOST_SHOWN:
        click.echo(f"and {len(differing) - MOST_SHOWN} more", err=True)
    if not differing:
        click.echo(f"{folder}: as matrix and evidence give it")
    sys.exit(1 if differing else 0)


@main.command()
@click.argument("old", required=False, type=click.Path(path_type=Path))
@click.argument("new", required=False, type=click.Path(path_type=Path))
@click.option(
    "--old", "more_old", multiple=True, type=click.Path(path_type=Path), metavar="PATH",
    help="More of the old evidence; may be given several times, also instead of OLD.",
)  # fmt: skip
@click.option(
    "--new", "more_new", multiple=True, type=click.Path(path_type=Path), metavar="PATH",
    help="More of the new evidence.",
)  # fmt: skip
@matrix_option
@click.option(
    "--old-matrix", type=click.Path(path_type=Path), default=None,
    help="The declaration that the old evidence is judged by.  [default: that of --matrix]",
)  # fmt: skip
@_date_option
@click.option(
    "--old-date", type=click.DateTime(["%Y-%m-%d"]), default=None,
    help="The day to judge the old evidence by.  [default: that of the new]",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text",
    help="Text, Markdown for a pull request, or JSON (gradtier/diff/1).",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), default=None,
    help="File to write it to, and say nothing.",
)  # fmt: skip
def diff(
    old: Path | None, new: Path | None, more_old: tuple[Path, ...], more_new: tuple[Path, ...],
    matrix_file: Path, old_matrix: Path | None, date: datetime.datetime | None,
    old_date: datetime.datetime | None, form: str, out: Path | None,
) -> None:  # fmt: skip
    """Compare two evidence sets.  Exit 1 if a trial or a class got worse.

    OLD and NEW are evidence files, or folders of them.  A trial that got worse as the matrix
    declares is no regression; one that is declared otherwise in the two sets is not compared.
    From best to worst a trial may: agree, be inconclusive, unsupported, raise, time out, crash,
    be wrong.

    Example: gradtier diff main.jsonl reports/runs --format markdown
    """
    from gradtier.sides import compared, render_difference, written

    before, after = ([*filter(None, [a]), *b] for a, b in ((old, more_old), (new, more_new)))
    if not before or not after:
        raise InputError("expected two evidence sets: gradtier diff OLD NEW")
    today = date.date() if date is not None else datetime.date.today()
    matrices = (old_matrix or matrix_file, matrix_file)
    found = compared(matrices, before, after, (old_date.date() if old_date else today, today))
    text = render_difference(found, form)
    if out is None:
        click.echo(text, nl=False)
    else:
        written(out, text)
    sys.exit(1 if found.regression else 0)


@main.command()
@click.argument("contract", type=click.Choice(CONTRACTS))
def schema(contract: str) -> None:
    """Print the JSON Schema of a file format.

    Example: gradtier schema matrix > matrix.schema.json
    """
    from gradtier.schemas import schema_text

    click.echo(schema_text(contract), nl=False)
