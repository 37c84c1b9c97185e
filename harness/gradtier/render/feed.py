"""History of the classes -> an Atom feed (RFC 4287), an entry per change.

The id of an entry is made of the declaration's title, the backend and the day, and of nothing that
changes when a case or a backend is added: a reader is shown a change once.  Nothing needs a host:
ids are ``urn:uuid:``, and links are relative where the declaration names no address.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator, Mapping
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

from gradtier.history import BackendHistory, History, Transition
from gradtier.render import history as history_
from gradtier.render.difference import flipped
from gradtier.table import SupportTable, plain, web_link

FEED = "feed.atom"
MOST_ENTRIES = 200  # the newest
MOST_REASONS = 8
_ATOM = "http://www.w3.org/2005/Atom"
_IDS = uuid.UUID("6c0f5f1e-4a5c-5a57-9d3f-6f8a3b1d2c47")  # ours, drawn once


def render(
    table: SupportTable,
    history: History,
    address: str | None = None,
    pages: Mapping[str, str] | None = None,
) -> str:
    """The feed, indented, with a newline at the end; a pure function of its arguments.

    Args:
        table: names the whole.
        history: when classes changed; on no other day is the feed updated.
        address: where the site is published, if the declaration says so.
        pages: backend -> its page, from the top of the site; without one, that of the history.
    """
    base = web_link(address)
    base = base if base is None or base.endswith("/") else f"{base}/"
    found = [(t, b) for b in history.backends for t in b.transitions]
    changes = sorted(found, key=lambda c: c[0].date, reverse=True)  # of a day in the rows' order
    feed = ET.Element("feed", {"xmlns": _ATOM, "xml:lang": "en"})
    _text(feed, "id", _id(table.title))
    _text(feed, "title", f"{plain(table.title)}: classes that changed")
    _text(feed, "subtitle", plain(table.about))
    _text(feed, "updated", _time(changes[0][0].date if changes else history.days[-1]))
    _text(ET.SubElement(feed, "author"), "name", plain(table.title))
    _text(feed, "generator", "gradtier")
    _link(feed, "alternate", base, history_.PAGE, "text/html")
    if base is not None:
        _link(feed, "self", base, FEED, "application/atom+xml")
    for transition, backend in changes[:MOST_ENTRIES]:
        entry = ET.SubElement(feed, "entry")
        _entry(entry, table.title, backend, transition)
        page = (pages or {}).get(backend.backend, history_.PAGE)
        _link(entry, "alternate", base, page, "text/html")
    ET.indent(feed)
    text = ET.tostring(feed, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _entry(entry: ET.Element, title: str, b: BackendHistory, t: Transition) -> None:
    """What one change says."""
    name = plain(f"{b.title}, {b.mode}")
    new = plain(t.new.title)
    was = f"{plain(t.old.title)} to {new}" if t.old is not None else f"{new}, measured first"
    _text(entry, "id", _id(title, b.backend, t.date.isoformat()))
    _text(entry, "title", f"{name}: {was}")
    _text(entry, "updated", _time(t.date))
    _text(entry, "summary", " ".join(_sentences(b, t)))


def _sentences(b: BackendHistory, t: Transition) -> Iterator[str]:
    """What changed and why, in words."""
    yield f"{t.agree} of {t.measured} measured trials agree."
    if t.new.remark:
        yield f"{plain(t.new.remark)}."
    versions = (f"{plain(n)} {', '.join(map(plain, v))}" for n, v in t.versions.items())
    if said := "; ".join(versions):
        yield f"Measured with {said}."
    if t.because:
        more = len(t.because) - MOST_REASONS
        rest = f"; and {more} more" if more > 0 else ""
        yield f"Because: {plain('; '.join(map(flipped, t.because[:MOST_REASONS])))}{rest}."


def _id(*parts: str) -> str:
    return uuid.uuid5(_IDS, "\n".join(map(plain, parts))).urn


def _time(day: datetime.date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = text


def _link(parent: ET.Element, rel: str, base: str | None, page: str, kind: str) -> None:
    address = page if base is None else urljoin(base, page)
    ET.SubElement(parent, "link", {"rel": rel, "type": kind, "href": address})
