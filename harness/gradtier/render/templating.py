"""The templates: autoescaped, each compiled once."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache, lru_cache
from typing import Any

import jinja2
from markupsafe import Markup

from gradtier.table import plain, web_link

#: What the browser may load, and from where: the style sheet and the script of the site, and
#: nothing else.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'"
)


def render(name: str, **given: Any) -> str:
    """One template with what it shows."""
    return _environment().get_template(name).render(policy=POLICY, **given)


@lru_cache(maxsize=8192)
def piece(name: str, *words: Hashable) -> Markup:
    """A macro of ``pieces.html.j2`` with its words: what pages hold over and over is made once."""
    macro = getattr(_environment().get_template("pieces.html.j2").module, name)
    return Markup(macro(*words))


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gradtier.render"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["web_link"] = web_link
    environment.filters["plain"] = plain
    return environment
