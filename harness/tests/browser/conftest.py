"""One Chromium, one report and one server for all tests of the pages as a reader has them."""

from __future__ import annotations

import contextlib
import functools
import http.server
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[3] / "ci")]

import chromium  # noqa: E402
from reading import Reader  # noqa: E402
from site_world import Site, build  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The report of :mod:`site_world`."""
    return build(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A headless Chromium; closed with the last test here, for it keeps an event loop."""
    if why := chromium.why_not():
        pytest.skip(why)
    with chromium.opened() as browser:
        yield browser


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing; with the strictest policy that such a site can have."""

    def end_headers(self) -> None:
        self.send_header(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        )
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, *words: Any) -> None:
        pass


@pytest.fixture(scope="session")
def address(site: Site) -> Iterator[str]:
    """The report served by a plain server of this process, on a port that is free."""
    handler = functools.partial(Quiet, directory=str(site.folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(params=["file", "http"])
def base(request: pytest.FixtureRequest, site: Site) -> str:
    """Where the report lies: opened from a file, and served."""
    if request.param == "file":
        return f"{site.folder.resolve().as_uri()}/"
    return str(request.getfixturevalue("address"))


class Windows:
    """Windows that are used again, as a new one costs more than a test: by what readers ask for."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self._free: dict[str, list[Reader]] = {}

    @contextlib.contextmanager
    def readers(self, base: str) -> Iterator[Callable[..., Reader]]:
        """What opens a page for a test; at its end nothing may have gone wrong on any of them."""
        used: list[tuple[str, Reader]] = []

        def opened(path: str = "index.html", **given: Any) -> Reader:
            key = repr(sorted(given.items()))
            free = self._free.get(key)
            reader = free.pop() if free else Reader(self.browser, base, **given)
            used.append((key, reader))
            reader.base = base
            reader.open(path)
            return reader

        yield opened
        faults = []
        for key, reader in used:
            faults += reader.leave()
            self._free.setdefault(key, []).append(reader)
        assert not faults, "\n".join(faults)


@pytest.fixture(scope="package")
def windows(browser: Browser) -> Windows:
    """The windows of all tests here; they close with the browser."""
    return Windows(browser)


@pytest.fixture
def read(windows: Windows, base: str) -> Iterator[Callable[..., Reader]]:
    """Opens a page in a window of its own; whatever went wrong there fails the test at its end."""
    with windows.readers(base) as opened:
        yield opened


@pytest.fixture
def read_file(windows: Windows, site: Site) -> Iterator[Callable[..., Reader]]:
    """The same, from a file alone, for what does not depend on how a page was loaded."""
    with windows.readers(f"{site.folder.resolve().as_uri()}/") as opened:
        yield opened
