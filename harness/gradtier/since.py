"""``gradtier since``: which versions of a package differentiate which cases."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradtier.errors import InputError, nearest
from gradtier.options import matrix_option

if TYPE_CHECKING:  # the command line starts without what only this command needs
    from gradtier.model import TrialId
    from gradtier.versions import Series, Standing

SWEEP = Path("reports") / "sweep"
RELEASES = "releases.json"
MOST_WHY = 160


@click.command()
@matrix_option
@click.option(
    "--evidence", "paths", type=click.Path(path_type=Path), multiple=True,
    help="Evidence of several versions, files or folders of them; may be given several times.  "
    "[default: all folders of reports/sweep/]",
)  # fmt: skip
@click.option("--package", default=None, help="Only this package.")
@click.option(
    "--case", multiple=True, metavar="GLOB",
    help="Only cases that match GLOB, with or without their suite; may be given several times.",
)  # fmt: skip
@click.option("--backend", multiple=True, metavar="GLOB", help="Only rows that match GLOB.")
@click.option("--all", "every", is_flag=True, help="Also what agrees in all versions.")
@click.option(
    "--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text",
    help="Text, Markdown or JSON.",
)  # fmt: skip
def since(
    matrix_file: Path, paths: tuple[Path, ...], package: str | None, case: tuple[str, ...],
    backend: tuple[str, ...], every: bool, form: str,
) -> None:  # fmt: skip
    """Say per case and row since which version of its package it agrees, and until which.

    A change is dated only between neighbouring releases that were both measured; `nox -s sweep`
    measures several, and writes the list of releases beside them (releases.json), without which
    nothing is dated.  What was not measured is named.

    Example: gradtier since --evidence reports/sweep/autograd --case 'fft/*'
    """
    found, said = gathered(matrix_file, paths, package, case, backend)
    for line in said:
        click.echo(f"gradtier: {line}", err=True)
    match form:
        case "json":
            click.echo(json.dumps([data(s) for s in found], indent=1))
        case "markdown":
            click.echo("\n".join(line for s in found for line in markdown(s, every)))
        case _:
            click.echo("\n".join(line for s in found for line in text(s, every)))


def gathered(
    matrix: Path,
    paths: Sequence[Path],
    package: str | None,
    case: tuple[str, ...] = (),
    backend: tuple[str, ...] = (),
) -> tuple[list[Series], list[str]]:
    """The packages with their versions, and sentences that the user should read.

    Raises:
        InputError: the matrix or a file can't be used, or nothing of what was asked is in them.
    """
    from gradtier import evidence as evidence_
    from gradtier.errors import Problem
    from gradtier.host import NOWHERE
    from gradtier.plan import Selection, select
    from gradtier.running import open_matrix
    from gradtier.sides import evidence_files
    from gradtier.versions import Table

    opened = open_matrix(matrix, NOWHERE)
    known = sorted({b.package for b in opened.plan.matrix.backends.values()})
    if package is not None and package not in known:
        raise InputError(f"--package '{package}' is no package; {nearest(package, known)}")
    root = opened.loaded.root / SWEEP
    paths = paths or tuple(sorted(p for p in root.glob("*") if p.is_dir()))
    if not paths:
        raise InputError(f"there is no sweep in {SWEEP}/ yet; measure with 'nox -s sweep'")
    asked = Selection(case=case, backend=backend, deep=("yes",))
    chosen = {str(t.id) for t in select(opened.plan, asked)}
    table, said = Table(opened.plan), []
    for file in evidence_files(paths):
        for line in evidence_.lines(file):
            if isinstance(line, Problem):
                said.append(str(line))
            elif not isinstance(line, evidence_.Record) or line.trial in chosen:
                table.add(line)
    if table.otherwise:
        said.append(f"{table.otherwise} records are of trials that were declared otherwise")
    if table.unversioned:
        said.append(f"{table.unversioned} records do not say which version they are of; left out")
    series = table.series(_releases(paths))
    found = [s for s in series if package in (None, s.package) and s.standings]
    if not found:
        what = f" of {package}" if package else ""
        problems = [Problem(line) for line in said]
        raise InputError([*problems, Problem(f"no record{what} that is asked for was found")])
    return found, said


def _releases(paths: Sequence[Path]) -> dict[str, tuple[str, ...]]:
    """The released versions that a sweep wrote beside its evidence.

    Raises:
        InputError: such a file is not what a sweep writes.
    """
    folders = dict.fromkeys(p if p.is_dir() else p.parent for p in paths)
    found: dict[str, tuple[str, ...]] = {}
    for file in (folder / RELEASES for folder in folders):
        if not file.is_file():
            continue
        try:
            read = json.loads(file.read_text(encoding="utf-8"))
            package, versions = read["package"], read["releases"]
            if not all(isinstance(word, str) for word in (package, *versions)):
                raise TypeError("found something else than words")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{file.parent.name}/{file.name}: expected a package and its releases, as "
                f"`nox -s sweep` writes them: {type(error).__name__}: {error}"
            ) from error
        found[package] = (*found.get(package, ()), *versions)
    return found


def head(series: Series) -> Iterator[str]:
    """What was measured of a package, and what was not."""
    yield f"{series.package}: measured {', '.join(series.measured) or 'in no version'}"
    for absent in series.absent:
        why = absent.why if len(absent.why) <= MOST_WHY else absent.why[: MOST_WHY - 3] + "..."
        yield f"not measured: {absent.version}: {why}"
    if not series.known:
        yield f"which releases lie between is not known ({RELEASES} is missing): nothing is dated"


def grouped(series: Series) -> list[tuple[str, str, list[Standing]]]:
    """Standings by case and row with the same answer: the case, the answer, its trials."""
    groups: dict[tuple[str, str, str], list[Standing]] = {}
    for s in series.standings:
        groups.setdefault((s.trial.case_id, s.trial.cell.backend, s.says()), []).append(s)
    return [(f"{case}@{row}", says, mine) for (case, row, says), mine in groups.items()]


def _split(series: Series, every: bool) -> tuple[list[tuple[str, str, str]], int]:
    """Lines of case and row, cells and answer; and how many that agree in all are left out."""
    from gradtier.model import Outcome

    shown, steady = [], 0
    for name, says, mine in grouped(series):
        if not every and all(set(s.found.values()) == {Outcome.AGREE} for s in mine):
            steady += len(mine)
            continue
        cells = ", ".join(_cell(s.trial, series) for s in mine)
        shown.append((name, cells, says))
    return shown, steady


def _cell(trial: TrialId, series: Series) -> str:
    """The nesting, and what else tells the cells of this package apart."""
    cells = {s.trial.cell for s in series.standings}
    words = [str(trial.cell.nesting)]
    words += [trial.cell.device] if len({c.device for c in cells}) > 1 else []
    words += [trial.cell.dtype] if len({c.dtype for c in cells}) > 1 else []
    return "/".join(words)


def _steady(series: Series, steady: int) -> str:
    return f"{steady} of {len(series.standings)} trials agree wherever they were measured"


def text(series: Series, every: bool) -> Iterator[str]:
    """A package as lines for a terminal."""
    first, *more = head(series)
    yield first
    yield from (f"  {line}" for line in more)
    shown, steady = _split(series, every)
    for name, cells, says in shown:
        yield f"  {name} ({cells}): {says}"
    if steady:
        yield f"  {_steady(series, steady)}"


def markdown(series: Series, every: bool) -> Iterator[str]:
    """A package as a table of Markdown."""
    from gradtier.render.difference_markdown import quoted

    first, *more = head(series)
    yield f"**{quoted(first)}**"
    yield ""
    if more:
        yield from (f"- {quoted(line)}" for line in more)
        yield ""
    shown, steady = _split(series, every)
    if shown:
        yield "| case and row | nesting | since when |"
        yield "|---|---|---|"
        yield from ("| " + " | ".join(map(quoted, words)) + " |" for words in shown)
        yield ""
    if steady:
        yield f"{_steady(series, steady)}."
        yield ""


def data(series: Series) -> Mapping[str, Any]:
    """A package as JSON-safe data."""
    return {
        "package": series.package,
        "measured": list(series.measured),
        "absent": {a.version: a.why for a in series.absent},
        "releases_known": series.known,
        "trials": [
            {
                "trial": str(s.trial), "says": s.says(),
                "found": {v: str(outcome) for v, outcome in s.found.items()},
                "missing": list(s.missing),
            }
            for s in series.standings
        ],
    }  # fmt: skip
