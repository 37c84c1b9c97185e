"""Pictures of every kind of page, for people to look at: ``nox -s screenshots``.

Usage: ``python ci/screenshots.py [SITE]``.  Without SITE, the report on the committed evidence is
written into a scratch folder first.  Each kind of page is taken as the fullest one of its folder,
in a wide and in a narrow window, light and dark; the pictures lie in ``reports/screenshots/``.
"""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
OUT, EVIDENCE = ROOT / "reports" / "screenshots", ROOT / "reports" / "evidence"
WIDTHS, SCHEMES = (1280, 400), ("light", "dark")
TALLEST = 6000  # pixels of a page that are shown; what comes below is more of the same


def main(arguments: list[str]) -> int:
    """Take the pictures; 2 if that can't be asked."""
    why = chromium.why_not()
    if why or len(arguments) > 1:
        print(f"ci/screenshots.py: {why or 'expected one folder at most'}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        site = Path(arguments[0]) if arguments else _report(Path(scratch))
        if not (site / "index.html").is_file():
            print(f"ci/screenshots.py: {site} holds no index.html", file=sys.stderr)
            return 2
        shutil.rmtree(OUT, ignore_errors=True)
        OUT.mkdir(parents=True)
        with chromium.opened() as browser:
            for file in _taken(browser, site.resolve()):
                print(file.relative_to(ROOT))
    return 0


def _report(folder: Path) -> Path:
    """The report on the committed evidence, with its history."""
    files = sorted(file for file in EVIDENCE.glob("*.jsonl*") if file.is_file())
    words = [word for file in files for word in ("--evidence", str(file))]
    command = [sys.executable, "-m", "gradtier", "report", "--matrix", str(ROOT / "matrix.yaml")]
    command += [*words, "--history", str(EVIDENCE), "--out", str(folder), "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return folder


def kinds(site: Path) -> dict[str, Path]:
    """Kind of page -> the page that is shown of it: the fullest one in its folder."""
    found: dict[str, Path] = {}
    for file in sorted(site.rglob("*.html")):
        inside = file.relative_to(site)
        kind = inside.parts[0].removesuffix(".html")
        if kind not in found or file.stat().st_size > found[kind].stat().st_size:
            found[kind] = file
    return found


def _taken(browser: Browser, site: Path) -> Iterator[Path]:
    for width, scheme in itertools.product(WIDTHS, SCHEMES):
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        page = context.new_page()
        for kind, source in kinds(site).items():
            page.goto(source.as_uri())
            height = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": width, "height": max(900, min(height, TALLEST))})
            file = OUT / f"{kind}-{width}-{scheme}.png"
            page.screenshot(path=file)
            page.set_viewport_size({"width": width, "height": 900})
            yield file
        context.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
