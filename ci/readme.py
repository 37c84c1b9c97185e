#!/usr/bin/env python3
"""Put the published table into the README: ``python3 ci/readme.py [--check]``.

Standard library only.  The block between the markers is ``reports/support.json`` in short: a line
per row, without footnotes, which ``reports/support.md`` has.  ``--check`` changes nothing and
exits 1 where the README has another text.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- support-table:begin -->", "<!-- support-table:end -->"


def escape(text: str) -> str:
    """``text`` as Markdown that shows it as it is."""
    return re.sub(r"([\\`*_\[\]<>|~#&$])", r"\\\1", " ".join(text.split()))


def block(table: dict[str, Any]) -> str:
    """The table in short, between the markers."""
    head = ["Backend", "Mode", *_columns(table), "Support class"]
    lines = [head, ["---"] * len(head), *(_row(row) for row in table["rows"])]
    grid = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    legend = ", ".join(f"{e['mark']} {escape(e['word'])}" for e in table["legend"])
    parts = [escape(table["summary"]), grid, f"{legend}.", *_use(table)]
    return "\n".join([BEGIN, "\n\n".join(parts), END])


def _columns(table: dict[str, Any]) -> list[str]:
    found = []
    for column in table["columns"]:
        if column["group"]:
            order = "first order" if column["group"] == "first" else "nested"
            found.append(f"{column['title']}, {order}")
    return found


def _row(row: dict[str, Any]) -> list[str]:
    version = " ".join([row["package"], *row["versions"][:1]])
    nested = [
        "<br>".join(dict.fromkeys(_short(cell, " " + cell["nesting"]) for cell in entry["cells"]))
        for entry in row["nested"]
    ]
    return [
        f"{escape(row['title'])}<br>{escape(version)}<br>{escape(row['kind'])}",
        row["mode"],
        *(_short(cell) for cell in row["cells"]),
        *nested,
        escape(row["support_class"]["title"]),
    ]


def _short(cell: dict[str, Any], outer: str = "") -> str:
    """``✓ 172/172``, ``✗ 164/172 forward``; in words where nothing was measured."""
    if not cell["measured"]:
        return f"{cell['mark']} {escape(cell['text'])}"
    agree = cell["outcomes"].get("agree", 0)
    return f"{cell['mark']} {agree}/{cell['measured']}{outer}"


def _use(table: dict[str, Any]) -> Iterator[str]:
    """What to use, as it is computed; ``support.md`` has the maintainers' sentences too."""
    for given in table["recommendations"]:
        said = [e for e in given["entries"] if not e.get("withheld")]
        lines = [f"{i}. {_choice(e)}" for i, e in enumerate(said, 1)]
        if lines:
            yield f"What to use on {given['device'].upper()}:\n\n" + "\n".join(lines)


def _choice(e: dict[str, Any]) -> str:
    why = f" ({escape(e['evidence'])})" if e.get("evidence") else ""
    mind = f" Mind: {escape(e['caution'])}." if e.get("caution") else ""
    return f"{e['when']}: **{escape(e['title'])}**{why}. {escape(e['text'])}{mind}"


def filled(readme: str, table: dict[str, Any]) -> str:
    """The README with the table between its markers.

    Raises:
        ValueError: the markers are not there, once each and in order.
    """
    head, begin, rest = readme.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has no {BEGIN} ... {END}")
    return head + block(table) + tail


def main(arguments: list[str]) -> int:
    """Fill or check; the exit status."""
    file, page = ROOT / "README.md", ROOT / "reports" / "support.json"
    old = file.read_text(encoding="utf-8")
    new = filled(old, json.loads(page.read_text(encoding="utf-8")))
    if "--check" in arguments:
        if old != new:
            print("README.md does not show reports/support.json; run: python3 ci/readme.py")
        return int(old != new)
    file.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
