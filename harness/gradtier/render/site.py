"""Writes the page and its companions into one folder."""

from __future__ import annotations

from pathlib import Path

from gradtier.assess import Assessment
from gradtier.errors import InputError
from gradtier.plan import Plan
from gradtier.render import html, json, markdown
from gradtier.table import SupportTable

MARKDOWN, JSON = "support.md", "support.json"


def write_site(
    table: SupportTable, assessments: tuple[Assessment, ...], plan: Plan, out: Path
) -> list[Path]:
    """Write ``index.html``, ``style.css``, ``support.md`` and ``support.json`` into ``out``.

    Args:
        table: what to show.
        assessments: what the table was made of, for the details of each backend.
        plan: what the assessments were made of.
        out: the folder; made if it is not there. Nothing is written outside of it.

    Returns:
        the files written.

    Raises:
        InputError: the folder can't be made or written, or a link in it leads elsewhere.
    """
    texts = {
        html.PAGE: html.render(table, assessments, plan),
        html.STYLE: html.style(),
        MARKDOWN: markdown.render(table),
        JSON: json.render(table),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        inside = out.resolve(strict=True)
        targets = {inside / name: text for name, text in texts.items()}
        for target in targets:
            if target.resolve() != target:
                text = f"{out}: '{target.name}' is a link that leads elsewhere; remove it"
                raise InputError(text)
        for target, text in targets.items():
            target.write_bytes(text.encode("utf-8"))
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(f"{out}: the page can't be written here: {why}") from error
    return [out / name for name in texts]
