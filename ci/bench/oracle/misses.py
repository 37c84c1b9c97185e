"""Why the oracle does not call some faults wrong, each looked at by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: By fault and function; "" for every function.
EXPLAINED: dict[tuple[str, str], str] = {}


def why(miss: Mapping[str, Any]) -> str:
    """The explanation of one miss, "" if there is none yet."""
    fault, function = str(miss["fault"]), str(miss["function"])
    return EXPLAINED.get((fault, function)) or EXPLAINED.get((fault, "")) or ""
