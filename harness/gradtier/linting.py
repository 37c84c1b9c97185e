"""``gradtier lint``: check the declaration, or bring its claims in line with the evidence."""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradtier.errors import InputError
from gradtier.options import matrix_option

if TYPE_CHECKING:  # the command line starts without what only an edit needs
    from gradtier.mending import Mending

#: How long a drafted claim holds, unless --until says otherwise.
DAYS = 180
_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@matrix_option
@click.option(
    "--fix-claims", is_flag=True,
    help="Remove claims that no longer hold, narrow those that hold of some trials.",
)  # fmt: skip
@click.option(
    "--evidence", "files", type=click.Path(path_type=Path), multiple=True,
    help="With --fix-claims: evidence file; may be given several times.",
)  # fmt: skip
@click.option(
    "--draft", is_flag=True, help="With --fix-claims: add claims for failures not declared."
)
@click.option(
    "--until", type=_DAY, default=None,
    help=f"With --draft: the day on which drafts lapse.  [default: in {DAYS} days]",
)  # fmt: skip
@click.option(
    "--dry-run", is_flag=True,
    help="With --fix-claims: show the edit as a unified diff; exit 1 if there is one.",
)  # fmt: skip
@click.option(
    "--date", type=_DAY, default=None,
    help="With --fix-claims: the day to judge by.  [default: today]",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="Text or JSON."
)
def lint(
    matrix_file: Path, fix_claims: bool, files: tuple[Path, ...], draft: bool,
    until: datetime.datetime | None, dry_run: bool, date: datetime.datetime | None, form: str,
) -> None:  # fmt: skip
    """Check the matrix and its suites; every problem at once.

    With --fix-claims, edit the claims instead, so that none disagrees with the evidence: only their
    own lines change, trials without evidence keep their claim, and a note that nothing refers to
    any more goes too.

    Example: gradtier lint --matrix matrix.yaml
    Example: gradtier lint --fix-claims --evidence reports/evidence/cpu.jsonl --draft --dry-run
    """
    given = {
        "--evidence": files, "--draft": draft, "--until": until, "--dry-run": dry_run,
        "--date": date,
    }  # fmt: skip
    if not fix_claims:
        if alone := [option for option, value in given.items() if value]:
            raise InputError(f"{', '.join(alone)}: only with --fix-claims")
        _check(matrix_file, form)
        return
    if until is not None and not draft:
        raise InputError("--until: only with --draft")
    if not files:
        raise InputError("--fix-claims: expected evidence to judge by, --evidence FILE")
    _fix(matrix_file, files, date, draft, until, dry_run, form)


def _fix(
    matrix_file: Path, files: tuple[Path, ...], date: datetime.datetime | None, draft: bool,
    until: datetime.datetime | None, dry_run: bool, form: str,
) -> None:  # fmt: skip
    from gradtier.mending import mend

    today = date.date() if date is not None else datetime.date.today()
    lapse = until.date() if until is not None else today + datetime.timedelta(DAYS)
    if lapse < today:
        raise InputError(f"--until {lapse}: the drafts would have lapsed before {today}")
    mending = mend(matrix_file, files, today, lapse if draft else None)
    for problem in mending.problems:
        click.echo(f"gradtier: {problem}", err=True)
    if form == "json":
        click.echo(json.dumps(_data(mending), indent=1))
    elif dry_run:
        click.echo(mending.diff(), nl=False)
    lines = mending.lines() or ["every claim holds, as far as it was measured; nothing to edit"]
    if form == "text":
        for line in lines:
            click.echo(line, err=dry_run)
    if dry_run:
        sys.exit(1 if mending.files else 0)
    mending.write()
    for file in mending.files if form == "text" else ():
        click.echo(f"wrote {file.name}")


def _data(mending: Mending) -> dict[str, object]:
    return {
        "claims": [
            {
                "claim": r.number, "place": place, "says": r.words(),
                "matches": [m.model_dump(exclude_defaults=True) for m in r.matches],
            }
            for r, place in zip(mending.revisions, mending.places, strict=True)
        ],
        "drafts": [d.model_dump(mode="json", exclude_defaults=True) for d in mending.drafts],
        "notes": list(mending.notes),
        "files": [file.name for file in mending.files],
        "diff": mending.diff(),
    }  # fmt: skip


def _check(matrix_file: Path, form: str) -> None:
    from gradtier.lint import load_checked

    try:
        loaded, suites = load_checked(matrix_file)
    except InputError as error:
        if form == "json":
            problems = [
                {
                    "file": p.place.file if p.place else "", "line": p.place.line if p.place else 0,
                    "path": p.path, "message": p.message, "hint": p.hint,
                }
                for p in error.problems
            ]  # fmt: skip
            click.echo(json.dumps({"problems": problems}, indent=1))
            sys.exit(1 if matrix_file.is_file() else 2)
        if not matrix_file.is_file():
            raise
        for problem in error.problems:
            click.echo(str(problem), err=True)
        click.echo(f"{len(error.problems)} problem(s)", err=True)
        sys.exit(1)
    cases = sum(len(s.cases) for s in suites.values())
    if form == "json":
        click.echo(json.dumps({"problems": []}))
    else:
        backends = len(loaded.matrix.backends)
        click.echo(f"{matrix_file}: {backends} backends, {len(suites)} suites, {cases} cases: fine")
