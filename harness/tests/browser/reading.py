"""A page as one reader has it, and everything that goes wrong while it is read."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Locator, Request

#: Tells of each violation of the policy, in words that name what was refused, and of each text that
#: was run as a script.
LISTENER = """
Object.defineProperty(window, "pwned", {
  set: () => console.error("a text from a stranger was run as a script"),
});
document.addEventListener("securitypolicyviolation", (e) => {
  console.error(`policy: ${e.violatedDirective} refused ${e.blockedURI || e.sample}`);
});
"""
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
    "preload": False,  # it would fetch the style sheets, which the policy refuses
}
PHONE, DESK = (400, 800), (1280, 900)


class Reader:
    """A window with one page after another.

    Args:
        browser: the program.
        base: where the report lies, ending in a slash.
        size: of the window, in pixels.
        dark: whether the reader asks for dark colours.
        script: whether scripts run.
        now: what the reader's clock says, if not the time that it is.
        given: further settings of the window.
    """

    def __init__(
        self, browser: Browser, base: str, size: tuple[int, int] = DESK, dark: bool = False,
        script: bool = True, now: datetime.datetime | None = None, **given: Any,
    ) -> None:  # fmt: skip
        self.base = base
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, java_script_enabled=script,
            color_scheme="dark" if dark else "light", reduced_motion="reduce", **given,
        )  # fmt: skip
        self.context.set_default_timeout(10_000)
        if script:
            self.context.add_init_script(LISTENER)
        self.page = self.context.new_page()
        if now is not None:
            self.page.clock.set_fixed_time(now)
        self._listen()

    def _listen(self) -> None:
        page, note = self.page, self.faults.append
        page.on("console", self._said)
        page.on("pageerror", lambda error: note(f"script: {error}"))
        page.on("requestfailed", lambda r: note(f"not loaded: {r.url} ({r.failure})"))
        page.on("request", self._asked)
        page.on("response", lambda r: note(f"{r.status}: {r.url}") if r.status >= 400 else None)
        page.on("popup", lambda opened: note(f"a window was opened: {opened.url}"))

        def refuse(dialog: Any) -> None:
            note(f"dialog: {dialog.message}")
            dialog.dismiss()

        page.on("dialog", refuse)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            page = message.location["url"].removeprefix(self.base)
            self.faults.append(f"{page}: console: {message.text}")

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)
        if not request.url.startswith((self.base, "data:", "blob:", "about:blank")):
            self.faults.append(f"asked for {request.url}")

    def open(self, path: str) -> None:
        """Go to a page of the report; ``path`` may end in a query and a fragment."""
        self.page.goto(self.base + path)

    def anew(self, path: str) -> None:
        """The same as :meth:`open`, and the page is loaded even if only its fragment changes."""
        self.page.goto("about:blank")
        self.open(path)

    @property
    def place(self) -> str:
        """The address from the top of the report on, as the page itself sees it at this moment."""
        return str(self.page.evaluate("location.href")).removeprefix(self.base)

    def leave(self) -> list[str]:
        """Go away from the report, so that the window can be used again.

        Returns:
            what went wrong in it.
        """
        self.page.emulate_media(media="null")
        self.page.goto("about:blank")
        faults, self.faults[:], self.requests[:] = [*self.faults], [], []
        return faults

    def close(self) -> list[str]:
        """Close the window for good.

        Returns:
            what went wrong in it.
        """
        self.context.close()
        return self.faults

    def focused(self) -> Locator:
        """The element that has the focus."""
        return self.page.locator("*:focus")


def barriers(reader: Reader, options: object = RULES) -> list[str]:
    """What axe-core finds on the page: the rule, where, and why."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed"
    )
    found = axe.Axe().run(reader.page, options=options).response["violations"]
    return [
        f"{v['id']} ({v['impact']}), {len(v['nodes'])} times: {n['target']} {n['html'][:200]}\n"
        f"    {n['failureSummary']}"
        for v in found
        for n in v["nodes"][:3]
    ]
