"""``gradtier run``: measure trials."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gradtier.options import (
    deep_option,
    isolate_option,
    matrix_option,
    quick_option,
    selection_options,
    shard_option,
)
from gradtier.policy import Source


@click.command()
@matrix_option
@selection_options
@quick_option
@deep_option
@shard_option
@isolate_option
@click.option("-n", "--workers", type=click.IntRange(0), default=0, help="Parallel pytest workers.")
@click.option(
    "--evidence", type=click.Path(path_type=Path), default=None,
    help="Append records to this file.  [default: a new file in reports/runs/]",
)  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on with the file (or the newest run).")
@click.option(
    "--retries", type=click.IntRange(0), default=0, metavar="N",
    help="Try a failure so often again.  Every attempt is recorded, and agreement on a retry alone "
    "is flaky: the worst counts.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Exit 1 if a backend fails without being declared to.")
@click.option(
    "--source", type=click.Choice(["ci", "self"]), default="self", show_default=True,
    envvar="GRADTIER_SOURCE", show_envvar=True,
    help="Who measures; a policy may trust CI alone.  A job of CI says so itself.",
)  # fmt: skip
@click.option(
    "--controls/--no-controls", default=None,
    help="First measure backends that are wrong on purpose; if one is not caught, the run is void "
    "and measures nothing.  [default: with --shard or --source ci]",
)  # fmt: skip
@click.option(
    "--explore", "explored", type=click.IntRange(1), default=None, metavar="N",
    help="Instead of the cases, N variants of each in other shapes; shows the smallest that fails.",
)  # fmt: skip
@click.option(
    "--profile", "profiled", is_flag=False, flag_value="-", default=None, metavar="[FILE]",
    help="Say where the time went, at the end of the run; as JSON into FILE too, if it is named.",
)  # fmt: skip
def run(
    matrix_file: Path, workers: int, evidence: Path | None, resume: bool, retries: int,
    strict: bool, quick: bool, deep: bool, shard: str, isolate: str | None, source: Source,
    controls: bool | None, explored: int | None, profiled: str | None, **axes: tuple[str, ...],
) -> None:  # fmt: skip
    """Measure the selected trials; each record is on disk the moment its trial ends.

    With --explore no record is written; whoever keeps a variant that failed adds it to its suite,
    and the command says how.

    Example: gradtier run -n 2 --backend 'torch-*' --suite nn --device cpu
    Example: gradtier run --isolate env --backend 'autograd-*' --suite linalg
    Example: gradtier run --explore 30 --backend torch-func-forward --suite array --nesting none
    """
    from gradtier.measure import Manner, run_trials
    from gradtier.sources import here
    from gradtier.wandering import wander

    if explored is not None:
        for option, given in (("--isolate", isolate), ("--profile", profiled)):
            if given is not None:
                raise click.UsageError(f"--explore keeps no records: leave out {option}")
        sys.exit(wander(matrix_file, axes, quick, explored))
    if controls is None:
        controls = bool(shard) or source == "ci"
    own = None if isolate is None else here()
    manner = Manner(
        workers, evidence, resume, strict, quick, deep, source, retries, shard, own, controls,
        profiled,
    )  # fmt: skip
    sys.exit(run_trials(matrix_file, axes, manner))
