"""Names of suites, cases and backends -> names of files that are safe on every file system."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

from gradtier.plan import Plan

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LOOKS_HASHED = re.compile(r".*-[0-9a-f]{10}")
_DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{i}" for d in ("com", "lpt") for i in range(10))}
_LONGEST = 80


def file_names(names: Iterable[str]) -> dict[str, str]:
    """Name -> a name for a file, without ending; distinct also where case does not count.

    Most names stay as they are.  One that is not safe, or too like another, ends in a part of its
    digest; a name that happens to look like that gets one too, so that no two are the same.
    """
    plain = {name: _UNSAFE.sub("-", name).strip(".-")[:_LONGEST] for name in names}
    often = Counter(short.casefold() for short in plain.values())
    return {
        name: short if _keeps(name, short, often) else f"{short or 'x'}-{_digest(name)}"
        for name, short in plain.items()
    }


def _keeps(name: str, short: str, often: Counter[str]) -> bool:
    device = short.partition(".")[0].casefold() in _DEVICES
    alone = often[short.casefold()] == 1
    return (
        bool(short)
        and name == short
        and alone
        and not device
        and not _LOOKS_HASHED.fullmatch(short)
    )


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]


class Paths:
    """Where the page of each suite, case and backend of a plan lies, from the top of the site.

    Beside the page of a case lies its ``data``: the trials that are not in the page itself.
    """

    def __init__(self, plan: Plan) -> None:
        cases: dict[str, list[str]] = {}
        for case in plan.cases.values():
            cases.setdefault(case.suite, []).append(case.name)
        suites, backends = file_names(cases), file_names(plan.matrix.backends)
        names = {suite: file_names(inside) for suite, inside in cases.items()}
        self.backends = {id_: f"backends/{file}.html" for id_, file in backends.items()}
        self.suites = {suite: f"suites/{file}.html" for suite, file in suites.items()}
        self.cases = {
            c.id: f"cases/{suites[c.suite]}/{names[c.suite][c.name]}.html"
            for c in plan.cases.values()
        }
        self.data = {id_: page.removesuffix("html") + "js" for id_, page in self.cases.items()}
