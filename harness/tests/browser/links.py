"""Every link of a site and its target, without a browser."""

from __future__ import annotations

import posixpath
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Attributes that hold an address, or ids.
ADDRESSES = ("href", "src", "action", "data", "poster")
REFERENCES = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "headers", "list")


class Page(HTMLParser):
    """The ids of a page, where it leads to, and which ids it refers to."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.references: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in ADDRESSES:
                self.addresses.append(value or "")
            elif name in REFERENCES:
                self.references += (value or "").split()


def faults(folder: Path) -> list[str]:
    """What of the links of a site is not as it should be, in a sentence each.

    Args:
        folder: its top. Addresses may lead nowhere else but into it, or to the web by http(s).
    """
    pages = {
        file.relative_to(folder).as_posix(): Page(file.read_text(encoding="utf-8"))
        for file in sorted(folder.rglob("*.html"))
    }
    found = []
    for name, page in pages.items():
        found += [f"{name}: id '{i}' twice" for i, n in Counter(page.ids).items() if n > 1]
        found += [f"{name}: refers to no id '{i}'" for i in page.references if i not in page.ids]
        for address in dict.fromkeys(page.addresses):
            why = _why_not(folder, name, address, pages)
            if why:
                found.append(f"{name}: '{address}' {why}")
    return found


def _why_not(folder: Path, name: str, address: str, pages: dict[str, Page]) -> str:
    parts = urlsplit(address)
    if parts.scheme in ("http", "https") or address == "data:,":
        return ""
    if parts.scheme or parts.netloc or address.startswith("/"):
        return "is no address of the site or the web"
    path = unquote(parts.path)
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
    if target.startswith(".."):
        return "leads out of the site"
    if not (folder / target).is_file():
        return "leads to no file"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].ids:
        return "leads to no such place on the page"
    return ""
