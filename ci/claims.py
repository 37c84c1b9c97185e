"""Drafts claims for what failed in a run and nobody declared: ``python ci/claims.py EVIDENCE...``.

Prints YAML for the end of ``claims`` in ``suites/claims.yaml``.  Each covers just the trials that
ended so, grouped by what was said.  ``because`` holds the library's own words; whoever commits a
claim looks at the trial first, and says better what they find.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gradtier import evidence
from gradtier.evidence import Record
from gradtier.host import NOWHERE
from gradtier.model import TrialId
from gradtier.running import open_matrix

MOST_TEXT = 110


@dataclass(frozen=True)
class Said:
    """What trials of one claim have in common."""

    package: str
    outcome: str
    reason: str
    words: str


def main() -> None:
    """Print the drafts; what no longer holds goes to standard error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("evidence", nargs="+", type=Path)
    parser.add_argument("--matrix", type=Path, default=Path("matrix.yaml"))
    parser.add_argument("--until", default="2027-05-31")
    given = parser.parse_args()
    plan = open_matrix(given.matrix, NOWHERE).plan
    found, today = evidence.read(given.evidence), datetime.date.today()
    groups: dict[Said, dict[tuple[str, str], set[tuple[str, str]]]]
    groups = defaultdict(lambda: defaultdict(set))
    for planned in plan.trials:
        record, trial = found.of(planned), planned.id
        if record is None or not record.outcome.is_evidence:
            continue
        claim = plan.matrix.claim_on(trial, today)
        if claim is not None and claim.expects(record.outcome, record.reason):
            continue
        if claim is not None and not claim.sometimes:
            number = plan.matrix.claims.index(claim) + 1
            print(f"claim {number} does not hold: {trial}: {record.outcome}", file=sys.stderr)
        if record.outcome.is_failure:
            said = _said(plan.matrix.backends[trial.cell.backend].package, record, trial)
            where = (trial.cell.backend, str(trial.cell.nesting))
            groups[said][trial.suite, trial.case].add(where)
    names = Counter(case.name for case in plan.cases.values())
    for said in sorted(groups, key=lambda s: (s.package, s.outcome, s.reason, s.words)):
        for line in _claims(said, groups[said], names, given.until):
            print(line)


def _said(package: str, record: Record, trial: TrialId) -> Said:
    # numbers, shapes and addresses differ from case to case of one cause
    words = re.sub(r"0x[0-9a-f]+|-?\d[\d.e+-]*", "N", " ".join(record.detail.split()))
    reason = str(record.reason or "")
    if reason in ("value", "severed", "nonfinite", "unstable", "stale", "primal"):
        words = words.partition(": ")[0]  # what follows is only how wrong it is
    if str(record.outcome) == "crash":
        words = words.partition(":")[0]  # what follows are addresses and names of one process
    return Said(package, str(record.outcome), reason, words[:MOST_TEXT])


def _claims(
    said: Said,
    cases: dict[tuple[str, str], set[tuple[str, str]]],
    names: Counter[str],
    until: str,
) -> Iterator[str]:
    """The claims of one cause: cases that fail in the same rows and nestings go together."""
    alike: dict[tuple[tuple[str, ...], tuple[str, ...]], list[tuple[str, str]]] = defaultdict(list)
    for case, pairs in cases.items():
        by_backend: dict[str, set[str]] = defaultdict(set)
        for backend, nesting in pairs:
            by_backend[backend].add(nesting)
        by_nestings: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for backend, nestings in by_backend.items():
            by_nestings[tuple(sorted(nestings))].append(backend)
        for nestings, backends in by_nestings.items():
            alike[tuple(sorted(backends)), nestings].append(case)
    for (backends, nestings), together in sorted(alike.items()):
        shared = sorted(name for _, name in together if names[name] == 1)
        if shared:
            yield from _claim(said, backends, nestings, None, shared, until)
        for suite, name in sorted(together):
            if names[name] > 1:
                yield from _claim(said, backends, nestings, suite, [name], until)


def _claim(
    said: Said,
    backends: tuple[str, ...],
    nestings: tuple[str, ...],
    suite: str | None,
    cases: list[str],
    until: str,
) -> Iterator[str]:
    def listed(words: tuple[str, ...] | list[str]) -> str:
        return words[0] if len(words) == 1 else "[" + ", ".join(words) + "]"

    where = [f"suite: {suite}"] if suite else []
    where += [
        f"case: {listed(cases)}",
        f"backend: {listed(backends)}",
        f"nesting: {listed(nestings)}",
    ]
    yield "  - match: {" + ", ".join([*where, "device: cpu"]) + "}"
    yield f"    outcome: {said.outcome}"
    if said.reason:
        yield f"    reason: {said.reason}"
    yield f"    because: {json.dumps(said.words, ensure_ascii=False)}"
    yield f"    until: {until}"
    yield ""


if __name__ == "__main__":
    main()
