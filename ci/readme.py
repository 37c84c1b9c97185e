#!/usr/bin/env python3
"""Put the published table into the README: ``python3 ci/readme.py [--check]``.

Standard library only.  The block between the markers is ``reports/support.md`` without its title,
headings one level down.  ``--check`` changes nothing and exits 1 where the README has another text.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- support-table:begin -->", "<!-- support-table:end -->"


def block(page: str) -> str:
    """The page as it stands in the README."""
    lines = page.splitlines()
    body = lines[1:] if lines and lines[0].startswith("# ") else lines
    text = "\n".join(f"#{line}" if line.startswith("#") else line for line in body)
    return f"{BEGIN}\n{text.strip()}\n{END}"


def filled(readme: str, page: str) -> str:
    """The README with the page between its markers.

    Raises:
        ValueError: the markers are not there, once each and in order.
    """
    head, begin, rest = readme.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has no {BEGIN} ... {END}")
    return head + block(page) + tail


def main(arguments: list[str]) -> int:
    """Fill or check; the exit status."""
    file, page = ROOT / "README.md", ROOT / "reports" / "support.md"
    old = file.read_text(encoding="utf-8")
    new = filled(old, page.read_text(encoding="utf-8"))
    if "--check" in arguments:
        if old != new:
            print("README.md does not show reports/support.md; run: python3 ci/readme.py")
        return int(old != new)
    file.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
