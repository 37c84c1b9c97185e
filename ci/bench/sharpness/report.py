"""The figures of sharpness as a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def written(found: dict[str, Any]) -> str:
    """The whole page, Markdown."""
    lines = [
        "# How sharp the suites are",
        "",
        "Made by `python3 ci/bootstrap.py -s sharpness`.",
        "",
    ]
    if "counts" in found:
        lines += _counts(found["counts"])
    if "mutation" in found:
        lines += _mutation(found["mutation"])
    if "released" in found:
        lines += _released(found["released"])
    return "\n".join(lines).rstrip() + "\n"


def _counts(counts: dict[str, Any]) -> Iterator[str]:
    yield "## Cases and trials"
    yield ""
    yield f"{counts['cases']} cases, {counts['trials']} trials on the CPU, {counts['rows']} rows."
    yield ""
    yield "| suite | cases | trials |"
    yield "|---|---:|---:|"
    for suite, n in counts["suites"].items():
        yield f"| {suite} | {n['cases']} | {n['trials']} |"
    yield ""


def _mutation(mutation: dict[str, Any]) -> Iterator[str]:
    suites, special = mutation["suites"], set(mutation["special"])
    faults = list(dict.fromkeys(fault for entry in suites.values() for fault in entry))
    always = [fault for fault in faults if fault not in special]
    yield "## Wrong on purpose"
    yield ""
    total = [(e[f]["caught"], e[f]["met"]) for e in suites.values() for f in always if f in e]
    caught, met = (sum(column) for column in zip(*total, strict=True))
    yield (
        f"Every case in which the unspoiled backend (`{mutation['around']}`) agrees meets the same "
        f"backend spoiled in {len(always)} ways: {caught} of {met} are found "
        f"({100 * caught / met:.2f} %). Caught / met:"
    )
    yield ""
    yield from _grid(suites, always)
    yield ""
    yield (
        "Faults that show at some points only. A case without such a point can't meet them, so "
        "these count the cases of a suite that have one, of all:"
    )
    yield ""
    yield from _grid(suites, [fault for fault in faults if fault in special])
    missed = [m for e in suites.values() for f in always if f in e for m in _named(f, e[f])]
    if missed:
        yield ""
        yield "Not found:"
        yield ""
        yield from missed
    yield ""


def _grid(suites: dict[str, Any], faults: list[str]) -> Iterator[str]:
    yield "| suite | " + " | ".join(faults) + " |"
    yield "|---|" + "---:|" * len(faults)
    for suite, entry in suites.items():
        cells = [f"{entry[f]['caught']}/{entry[f]['met']}" if f in entry else "" for f in faults]
        yield f"| {suite} | " + " | ".join(cells) + " |"


def _named(fault: str, entry: dict[str, Any]) -> Iterator[str]:
    for missed in entry["missed"]:
        yield f"- `{fault}`: {missed}"


def _released(scripts: list[dict[str, Any]]) -> Iterator[str]:
    there = sum(s["state"] == "there" for s in scripts)
    yield "## Faults of released packages"
    yield ""
    yield (
        f"{there} faults that the run found, each confirmed with the package alone: the script "
        "exits with 1 while the fault is there."
    )
    yield ""
    yield "| fault | reproduction | now |"
    yield "|---|---|---|"
    for s in scripts:
        name = s["script"].rpartition("/")[2]
        yield f"| {s['fault']} | [`{name}`](../faults/{name}) | {s['state']} |"
    yield ""
