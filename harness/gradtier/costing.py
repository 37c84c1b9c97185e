"""``gradtier costs``: learn from evidence what trials cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from gradtier.errors import InputError
from gradtier.options import matrix_option


@click.command()
@matrix_option
@click.option(
    "--evidence", "files", type=click.Path(path_type=Path), multiple=True, required=True,
    help="Evidence file, or a folder of them; may be given several times.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), default=None,
    help="File to write.  [default: ci/costs.json beside the matrix]",
)  # fmt: skip
def costs(matrix_file: Path, files: tuple[Path, ...], out: Path | None) -> None:
    """Learn from evidence how long trials take: seconds by row, suite and nesting.

    Runs take what is dearest first, and shards are of equal cost, by the file that this writes
    (gradtier/costs/1).  It is committed, so that every machine splits a plan alike.

    Example: gradtier costs --evidence reports/evidence
    """
    from gradtier import evidence as evidence_
    from gradtier.costs import FILE, Costs, learn
    from gradtier.evidence import Record
    from gradtier.host import NOWHERE
    from gradtier.model import TrialId
    from gradtier.running import open_matrix
    from gradtier.sides import evidence_files, written

    opened = open_matrix(matrix_file, NOWHERE)
    planned = opened.plan.by_id

    def measured(is_evident: bool) -> Iterator[tuple[TrialId, float]]:
        every = (line for file in evidence_files(files) for line in evidence_.lines(file))
        for r in every:
            if not isinstance(r, Record) or r.trial not in planned:
                continue
            if r.outcome.is_evidence is is_evident:
                yield planned[r.trial].id, r.seconds

    # a row that can't run where the evidence comes from costs next to nothing there
    found = Costs({**learn(measured(False)).means, **learn(measured(True)).means})
    if not found.means:
        raise InputError("the evidence has no trial of this matrix")
    target = out if out is not None else opened.loaded.root / FILE
    text = json.dumps(found.to_json(), indent=1) + "\n"
    written(target, text)
    click.echo(f"{target}: {len(found.means)} costs")
