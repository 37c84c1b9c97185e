"""How soon pages on 20 backends and 2,000 cases answer in a real browser: ``nox -s interactive``.

Usage: ``python ci/bench/interactive.py --folder FOLDER``, where ``million.py --folder FOLDER`` has
left its report; without one there, a report of that kind is written into a scratch folder first.
Each page is opened in a fresh window several times, from a file; the medians go into
``reports/bench/interactive.json``.  A page is interactive when its scripts have run: what a filter,
a search or a sorting then takes is measured to the frame that shows it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import chromium
import million

from gradtier.host import NOWHERE
from gradtier.running import open_matrix

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OUT = million.ROOT / "reports" / "bench" / "interactive.json"
CASES = 2_000
#: What a reader waits for after the page was asked for, in milliseconds.
LOADED = """() => {
  const [page] = performance.getEntriesByType("navigation");
  const [first] = performance.getEntriesByName("first-contentful-paint");
  return {interactive_ms: page.domContentLoadedEventEnd, loaded_ms: page.loadEventEnd,
          first_paint_ms: first ? first.startTime : null};
}"""
#: Does something to an element and waits for the frame that shows what came of it.
ACTED = """async ([selector, value]) => {
  const element = document.querySelector(selector);
  const start = performance.now();
  if (value === null) element.click();
  else {
    element.value = value;
    element.dispatchEvent(new Event("input", {bubbles: true}));
    element.dispatchEvent(new Event("change", {bubbles: true}));
  }
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - start;
}"""
#: What is done to the support table: name -> element, and what is put into it (null: a click).
ACTIONS = {
    "filter_ms": ("[data-field=mode]", "reverse"),
    "search_ms": ("[data-field=q]", "library7"),
    "sort_ms": ("th[data-sort=class] button", None),
}


def main(arguments: list[str]) -> int:
    """Measure; 2 where there is no browser."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where million.py left its files")
    parser.add_argument("--cases", type=int, default=CASES, help="of a report of its own")
    parser.add_argument("--times", type=int, default=5, help="how often each page is opened")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args(arguments)
    if why := chromium.why_not():
        print(f"ci/bench/interactive.py: {why}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        site = (given.folder or Path(scratch)) / "site"
        if not (site / "index.html").is_file():
            _report(Path(scratch), given.cases)
            site = Path(scratch) / "site"
        with chromium.opened() as browser:
            found = measured(browser, site.resolve(), given.times)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for name, page in found["pages"].items():
        told = ", ".join(f"{key} {value}" for key, value in page.items())
        print(f"{name}: {told}")
    return 0


def _report(folder: Path, cases: int) -> None:
    """A report on that many cases, each measured once in every cell."""
    matrix = million.world(folder, cases)
    plan = open_matrix(matrix, NOWHERE).plan
    million.evidence(plan, folder / "evidence.jsonl", len(plan.trials))
    million.reported(matrix, folder / "evidence.jsonl", folder / "site")


def measured(browser: Browser, site: Path, times: int) -> dict[str, Any]:
    """Medians over ``times`` openings, of the overview and of the largest page of each kind."""
    pages = {}
    for kind, file in _kinds(site).items():
        rounds = [_once(browser, file, ACTIONS if kind == "index" else {}) for _ in range(times)]
        pages[kind] = {"bytes": file.stat().st_size} | {
            key: round(statistics.median(r[key] for r in rounds if r[key] is not None), 1)
            for key in rounds[0]
            if any(r[key] is not None for r in rounds)
        }
    return {"chromium": browser.version, "times": times, "pages": pages}


def _kinds(site: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in [*site.glob("*.html"), *site.glob("*/*.html"), *site.glob("cases/*/*.html")]:
        kind = file.relative_to(site).parts[0].removesuffix(".html")
        if kind not in found or file.stat().st_size > found[kind].stat().st_size:
            found[kind] = file
    return dict(sorted(found.items(), key=lambda item: item[0] != "index"))


def _once(
    browser: Browser, file: Path, actions: Mapping[str, tuple[str, str | None]]
) -> dict[str, float | None]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        page: Page = context.new_page()
        page.goto(file.as_uri())
        said: dict[str, float | None] = page.evaluate(LOADED)
        said["elements"] = page.evaluate("document.getElementsByTagName('*').length")
        for name, (selector, value) in actions.items():
            if page.locator(selector).count():
                said[name] = page.evaluate(ACTED, [selector, value])
        return said
    finally:
        context.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
