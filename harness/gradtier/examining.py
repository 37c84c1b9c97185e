"""``gradtier doctor``: what this host can run, and how to install the rest."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from gradtier.options import isolate_option, matrix_option


@click.command()
@matrix_option
@click.option(
    "--quick", is_flag=True,
    help="Look at what is installed alone; start no package (a minute or two otherwise).",
)  # fmt: skip
@isolate_option
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="Text or JSON."
)
def doctor(matrix_file: Path, quick: bool, isolate: str | None, form: str) -> None:
    """Say what this host can run, what is missing, and how to install it.

    Every package is started as in a run, so that what it says of devices, compilers and system
    libraries is its own word.  With --isolate env those environments are looked at that runs have
    made; none is made.  Exit 1 if nothing can run here.

    Example: gradtier doctor
    Example: gradtier doctor --quick --format json
    """
    from rich.console import Console

    from gradtier.doctor import Started, diagnosis, start_all, words
    from gradtier.engine import Engines
    from gradtier.isolating import standing
    from gradtier.meter import Meter
    from gradtier.running import open_matrix
    from gradtier.sources import here

    opened = open_matrix(matrix_file)
    if isolate is not None:
        opened = standing(opened, here())
    started: dict[str, Started] = {}
    if not quick:
        rows = opened.plan.matrix.backends
        own = opened.host.environments
        engines = Engines(opened.plan.matrix, opened.suites, opened.loaded.root, own)
        meter = Meter("starting", len(rows), Console(stderr=True, markup=False, highlight=False))

        def said() -> str:
            return f"  {len(started)} rows looked at, {meter.seconds:.0f} s"

        try:
            for name, found in start_all(
                engines, opened.plan.matrix, opened.host, os.cpu_count() or 1
            ):
                started[name] = found
                meter.advance(1, name, said)
        finally:
            meter.close()
            engines.close()
    told = diagnosis(opened.plan, opened.host, started)
    if form == "json":
        click.echo(json.dumps(told.to_json(), indent=1))
    else:
        click.echo("\n".join(words(told)))
    sys.exit(0 if told.able else 1)
