"""Support table -> HTML, Markdown, JSON and text for a terminal.

Renderers decide how things look and nothing else: every word, count and footnote number is in the
:class:`~gradtier.table.SupportTable`.
"""

from __future__ import annotations

from gradtier.render.site import differing, site, write_site

__all__ = ["differing", "site", "write_site"]
