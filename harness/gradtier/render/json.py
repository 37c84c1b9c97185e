"""Support table -> JSON, the contract ``gradtier/support/1``."""

from __future__ import annotations

from gradtier.table import SupportTable


def render(table: SupportTable) -> str:
    """The table as indented JSON in a stable order, with a newline at the end."""
    return table.model_dump_json(by_alias=True, indent=2) + "\n"
