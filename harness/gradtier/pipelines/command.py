"""``gradtier jobs``: the pipeline of a CI service, made from the matrix."""

from __future__ import annotations

from pathlib import Path

import click

from gradtier.errors import InputError, nearest
from gradtier.options import matrix_option


@click.command()
@matrix_option
@click.option(
    "--format", "form", type=click.Choice(["github", "gitlab"]), required=True,
    help="GitHub Actions or GitLab.",
)  # fmt: skip
@click.option(
    "--shards", type=click.IntRange(1, 200), default=4, show_default=True,
    help="In how many parts the CPU is measured.",
)  # fmt: skip
@click.option(
    "--sweep", "packages", multiple=True, metavar="PACKAGE",
    help="A package whose last releases are measured every week; may be given several times.",
)  # fmt: skip
def jobs(matrix_file: Path, form: str, shards: int, packages: tuple[str, ...]) -> None:
    """Print a pipeline that measures the matrix, merges the parts and publishes the page.

    The CPU is measured in shards, every other device on a runner of one's own with its name as a
    label.  Merging goes on when a part failed: what is missing is missing on the page.

    Example: gradtier jobs --format github --shards 4 > .github/workflows/gradtier.yml
    Example: gradtier jobs --format gitlab > .gitlab-ci.yml
    """
    from gradtier.lint import load_checked
    from gradtier.pipelines import jobs as made
    from gradtier.pipelines import render

    loaded, _ = load_checked(matrix_file)
    matrix = loaded.matrix
    known = sorted({row.package for row in matrix.backends.values()})
    for name in packages:
        if name not in known:
            raise InputError(
                f"--sweep '{name}' is no package of the matrix; {nearest(name, known)}"
            )
    click.echo(render(form, made(matrix, form, shards, packages)), nl=False)
