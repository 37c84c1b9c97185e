"""The Chromium of this machine, for tests and pictures of the pages; none is ever downloaded."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: Debian's name first; the variable CHROMIUM names another one.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: A browser asks its makers for updates by itself; here it reaches this machine and nothing else.
ARGUMENTS = (
    "--disable-background-networking", "--disable-component-update", "--disable-gpu",
    "--hide-scrollbars", "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip


def why_not() -> str:
    """Why no browser can be opened here, or empty."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "Playwright is not installed; it comes with the extra `dev`"
    return "" if _program() else f"no Chromium here ({', '.join(NAMES)}; CHROMIUM=... names one)"


@contextlib.contextmanager
def opened() -> Iterator[Browser]:
    """A headless Chromium; the caller has asked :func:`why_not`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_program(), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def _program() -> str | None:
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
