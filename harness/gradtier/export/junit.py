"""Results -> JUnit XML, as pytest's ``xunit2`` and Jenkins' ``junit-10.xsd`` have it.

A suite per backend, a case per trial.  A suite's head counts its cases, and XML has no way to say
that afterwards; so the cases wait in a temporary file until all are known, and memory holds one
buffer per backend.  Characters that XML 1.0 has no place for never get here: texts were cleaned.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable
from typing import IO
from xml.etree import ElementTree as ET

from gradtier.evidence import Run
from gradtier.export.numbers import finite, witnesses
from gradtier.export.results import Result, Sink, Status
from gradtier.render.trials import command
from gradtier.table import plain

_BUFFER = 64 * 1024  # characters


class _Suite:
    """One backend: what its head says, and where its cases wait."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.seconds = 0.0
        self.waiting: list[str] = []
        self.size = 0
        self.chunks: list[tuple[int, int]] = []

    def add(self, result: Result) -> None:
        """Take in a case."""
        self.counts[_TAG.get(result.status, "passed")] += 1
        self.seconds += _seconds(result)
        text = _case(result)
        self.waiting.append(text)
        self.size += len(text)

    def spill(self, file: IO[bytes]) -> None:
        """Let the cases wait in the file."""
        data = "".join(self.waiting).encode()
        self.chunks.append((file.tell(), len(data)))
        file.write(data)
        self.waiting, self.size = [], 0

    def head(self) -> dict[str, str]:
        """The counts as attributes."""
        return {
            "tests": str(self.counts.total()),
            "failures": str(self.counts["failure"]),
            "errors": str(self.counts["error"]),
            "skipped": str(self.counts["skipped"]),
            "time": f"{self.seconds:.3f}",
        }


#: What is put into a case; a case that passed is empty.
_TAG = {
    Status.FAILED: "failure",
    Status.ERROR: "error",
    Status.SKIPPED: "skipped",
    Status.PENDING: "skipped",
    Status.UNDECIDED: "skipped",
}


def write(results: Iterable[Result], out: Sink, title: str, runs: Iterable[Run]) -> None:
    """Write a report.

    Args:
        results: in any order.
        out: where to.
        title: the name of the whole.
        runs: that the results are of.
    """
    suites: dict[str, _Suite] = {}
    with tempfile.TemporaryFile() as file:
        for result in results:
            suite = suites.setdefault(result.trial.cell.backend, _Suite())
            suite.add(result)
            if suite.size > _BUFFER:
                suite.spill(file)
        for suite in suites.values():
            suite.spill(file)
        out.write('<?xml version="1.0" encoding="utf-8"?>\n')
        whole = _whole(suites.values())
        whole["name"] = plain(title)
        out.write(_open("testsuites", whole))
        properties = _properties(list(runs))
        for name, suite in suites.items():
            out.write(_open("testsuite", {"name": plain(name), **suite.head(), **properties[1]}))
            out.write(properties[0])
            for start, size in suite.chunks:
                file.seek(start)
                out.write(file.read(size).decode())
            out.write("</testsuite>\n")
        out.write("</testsuites>\n")


def _whole(suites: Iterable[_Suite]) -> dict[str, str]:
    """The counts of all suites; the schema has no ``skipped`` there."""
    all_ = _Suite()
    for suite in suites:
        all_.counts += suite.counts
        all_.seconds += suite.seconds
    head = all_.head()
    del head["skipped"]
    return head


def _properties(runs: list[Run]) -> tuple[str, dict[str, str]]:
    """What the runs were measured with, as an element; when the first of them began."""
    said: list[tuple[str, str]] = []
    for run in runs:
        said += [("run", run.run), ("gradtier", run.gradtier), ("matrix", run.matrix)]
        said += [(f"host.{name}", fact) for name, fact in run.host.items()]
        said += [(f"version.{name}", version) for name, version in run.versions.items()]
    element = ET.Element("properties")
    for name, value in dict.fromkeys(said):
        ET.SubElement(element, "property", {"name": plain(name), "value": plain(value)})
    starts = sorted(filter(None, (plain(run.started) for run in runs)))
    text = ET.tostring(element, encoding="unicode") + "\n" if said else ""
    return text, {"timestamp": starts[0]} if starts else {}


def _case(result: Result) -> str:
    name = str(result.trial)
    given = {
        "classname": f"{result.trial.cell.backend}.{result.trial.suite}",
        "name": name,
        "time": f"{_seconds(result):.4f}",
    }
    case = ET.Element("testcase", given)
    tag = _TAG.get(result.status)
    if tag is not None:
        kind = f"{result.outcome}.{result.reason}" if result.reason else result.outcome.value
        element = ET.SubElement(case, tag, {"type": kind, "message": result.message})
        if tag == "failure":
            lines = [*witnesses(result.record), f"again: {command(result.trial)}"]
            element.text = "\n".join(lines)
    return ET.tostring(case, encoding="unicode") + "\n"


def _seconds(result: Result) -> float:
    return finite(result.record.seconds) if result.record is not None else 0.0


def _open(tag: str, attributes: dict[str, str]) -> str:
    """A start tag, by the serializer's own rules."""
    whole = ET.tostring(ET.Element(tag, attributes), encoding="unicode", short_empty_elements=False)
    return whole.removesuffix(f"</{tag}>") + "\n"
