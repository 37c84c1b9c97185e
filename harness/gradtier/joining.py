"""``gradtier merge``: one evidence file out of those of several machines."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gradtier.errors import InputError


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path),
    help="The merged file; its name ends in .jsonl or .jsonl.gz.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Exit 1 if a trial is missing or in conflict.")
def merge(paths: tuple[Path, ...], out: Path, strict: bool) -> None:
    """Merge evidence of one matrix from several machines, or shards, into one file.

    PATHS are evidence files, or folders of them.  Every line is checked; what stands there twice is
    written once; of a trial with several outcomes under the same versions all are kept, and the
    worst counts.  What a shard was to do and did not is recorded as missing; so is all of a shard
    whose controls were not caught.  It takes the memory of a page, however much evidence there is.

    Example: gradtier merge shards/*.jsonl --out merged.jsonl.gz
    """
    from gradtier.merging import merge as merged
    from gradtier.sides import evidence_files

    if not out.name.endswith((".jsonl", ".jsonl.gz")):
        raise InputError(f"--out {out.name}: expected a name that ends in .jsonl or .jsonl.gz")
    found = merged(evidence_files(paths), out)
    for line in (*map(str, found.problems), *found.void, *found.unchecked):
        click.echo(f"gradtier: {line}", err=True)
    if more := found.unread - len(found.problems):
        click.echo(f"gradtier: and {more} more lines that are no evidence; left out", err=True)
    for trial, outcomes in found.conflicts:
        click.echo(
            f"gradtier: conflict: {trial}: {', '.join(outcomes)}; the worse counts", err=True
        )
    head = found.head
    click.echo(
        f"{out}: {found.records} records of {len(head.inputs)} files; {head.duplicates} lines "
        f"stood there twice, {head.conflicts} trials are in conflict, {head.missing} are missing"
    )
    sys.exit(1 if strict and (head.missing or head.conflicts or found.void) else 0)
