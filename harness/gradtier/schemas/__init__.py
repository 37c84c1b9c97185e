"""JSON Schemas of the file formats, made from the types that read and write them."""

from __future__ import annotations

import json
from typing import Any

from gradtier.plan import SCHEMA as PLAN

_TRIAL = {
    "type": "object",
    "required": ["id", "case", "cell", "digest", "available", "unavailable"],
    "additionalProperties": False,
    "properties": {
        "id": {
            "type": "string",
            "pattern": "^[^/@]+/[^/@]+@[^/@]+/[^/]+/(none|forward|reverse)/[^/]+$",
        },
        "case": {"type": "string"},
        "cell": {"type": "string"},
        "digest": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        "available": {"type": "boolean"},
        "unavailable": {"type": "string"},
    },
}
_EXCLUSION = {
    "type": "object",
    "required": ["cell", "case", "reason", "because"],
    "additionalProperties": False,
    "properties": {key: {"type": "string"} for key in ("cell", "case", "reason", "because")},
}

#: What of the array API standard is called; ``by_backend``: how many functions on each row.
_STANDARD = {
    "type": "object",
    "required": ["version", "functions", "covered", "missing", "by_backend"],
    "additionalProperties": False,
    "properties": {
        "version": {"type": "string"},
        "functions": {"type": "integer"},
        "covered": {"type": "integer"},
        "missing": {"type": "array", "items": {"type": "string"}},
        "by_backend": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
}


def schema(contract: str) -> dict[str, Any]:
    """The JSON Schema of a contract: one of ``CONTRACTS`` of :mod:`gradtier.cli`."""
    if contract == "plan":
        found: dict[str, Any] = {
            "type": "object",
            "required": ["schema", "matrix", "trials", "exclusions", "standard"],
            "additionalProperties": False,
            "properties": {
                "schema": {"const": PLAN},
                "matrix": {"type": "string"},
                "trials": {"type": "array", "items": _TRIAL},
                "exclusions": {"type": "array", "items": _EXCLUSION},
                "standard": _STANDARD,
            },
        }
    else:
        found = _from_types(contract)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:gradtier:{contract}:1",
    }
    return {**head, **found}


def _from_types(contract: str) -> dict[str, Any]:
    from pydantic import TypeAdapter

    if contract == "matrix":
        from gradtier.matrix import Matrix

        return Matrix.model_json_schema(by_alias=True)
    if contract == "claims":
        from gradtier.matrix import Claims

        return Claims.model_json_schema(by_alias=True)
    if contract == "evidence":
        from gradtier.lines import Bench, Control, Manifest, Merged, Record, Run

        every = Run | Record | Bench | Control | Manifest | Merged
        return TypeAdapter(every).json_schema(by_alias=True)
    if contract == "diff":
        from gradtier.difference import Difference

        return Difference.model_json_schema(by_alias=True, mode="serialization")
    if contract == "history":
        from gradtier.history import History

        return History.model_json_schema(by_alias=True, mode="serialization")
    if contract == "profile":
        from gradtier.profile import Profile

        return Profile.model_json_schema(by_alias=True, mode="serialization")
    from gradtier.table import SupportTable

    return SupportTable.model_json_schema(by_alias=True, mode="serialization")


def schema_text(contract: str) -> str:
    """The schema as it stands in ``schemas/``: indented, with a newline at the end."""
    return json.dumps(schema(contract), indent=2, ensure_ascii=False) + "\n"
