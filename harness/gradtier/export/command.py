"""``gradtier export``: what a run came to, for the systems that show test reports."""

from __future__ import annotations

import codecs
import datetime
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradtier.errors import InputError
from gradtier.options import matrix_option

if TYPE_CHECKING:  # the command line starts without what only this command needs
    from gradtier.export.results import Sink


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option(
    "--evidence", "files", type=click.Path(path_type=Path), multiple=True,
    help="More evidence, files or folders; may be given several times, also instead of RUN.",
)  # fmt: skip
@matrix_option
@click.option(
    "--format", "form", type=click.Choice(["junit", "ctrf"]), required=True,
    help="JUnit XML, or CTRF JSON.",
)  # fmt: skip
@click.option(
    "--declared", type=click.Choice(["skipped", "failure"]), default="skipped", show_default=True,
    help="What failures are that a claim or a waiver declares; with 'failure', claims that no "
    "longer hold are none.",
)  # fmt: skip
@click.option(
    "--date", "date", type=click.DateTime(["%Y-%m-%d"]), default=None,
    help="The day that claims and waivers are judged by.  [default: today]",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), default=None,
    help="File to write.  [default: standard output]",
)  # fmt: skip
def export(
    run: Path | None, files: tuple[Path, ...], matrix_file: Path, form: str, declared: str,
    date: datetime.datetime | None, out: Path | None,
) -> None:  # fmt: skip
    """Write what a run came to as JUnit XML or CTRF JSON, a test case per trial.

    RUN is an evidence file, or a folder of them; without one, the newest run is taken.  A failure
    that is declared is skipped, with the reason.  What was not measured neither passes nor fails:
    inconclusive, unsupported and unavailable trials are skipped (CTRF: inconclusive is "other"),
    and so is a trial that the run was to do and left no record of (CTRF: "pending").  An error is
    a fault of gradtier itself.

    Example: gradtier export reports/runs/20261128.jsonl --format junit --out junit.xml
    Example: gradtier export --format ctrf --declared failure > ctrf.json
    """
    from gradtier.export import ctrf, junit
    from gradtier.export.results import results, survey
    from gradtier.host import NOWHERE
    from gradtier.running import RUNS, newest, open_matrix
    from gradtier.sides import evidence_files

    opened = open_matrix(matrix_file, NOWHERE)
    named = [*filter(None, [run]), *files]
    if not named:
        found = newest(opened.loaded.root / RUNS)
        if found is None:
            raise InputError(f"there is no run in {RUNS}/ yet; name an evidence file")
        named = [found]
    read = evidence_files(named)
    surveyed = survey(opened.plan, read)
    for line in surveyed.words(read):
        click.echo(f"gradtier: {line}", err=True)
    today = date.date() if date is not None else datetime.date.today()
    said = results(opened.plan, read, surveyed, today, declared)  # type: ignore[arg-type]
    write = junit.write if form == "junit" else ctrf.write
    with _opened(out) as sink:
        write(said, sink, opened.plan.matrix.title, surveyed.runs)


@contextmanager
def _opened(out: Path | None) -> Iterator[Sink]:
    """Where to write: UTF-8, and line ends as they are, whatever the terminal thinks.

    Raises:
        InputError: the file can't be written.
    """
    if out is None:
        yield codecs.getwriter("utf-8")(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    try:
        with out.open("w", encoding="utf-8", newline="") as sink:
            yield sink
    except OSError as error:
        raise InputError(f"{out}: can't be written: {error.strerror or error}") from error
