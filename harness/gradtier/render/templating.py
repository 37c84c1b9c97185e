"""The templates: autoescaped, each compiled once."""

from __future__ import annotations

from functools import cache
from typing import Any

import jinja2

from gradtier.table import plain, web_link

#: What the browser may load, and from where: the style sheet of the site, and nothing else.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'"
)


def render(name: str, **given: Any) -> str:
    """One template with what it shows."""
    return _environment().get_template(name).render(policy=POLICY, **given)


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
