"""What this host can run, row by row: installed packages, devices, what is missing and its cure.

The adapters have the last word: each is started in a worker process, as in a run, and says which
devices it sees, with which settings, or why it does not start.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from gradtier.engine import EngineKey, Engines, Unavailable, engine_key
from gradtier.host import CONSTRAINTS, Host
from gradtier.matrix import Matrix
from gradtier.plan import Plan

MOST_NAMED = 3  # rows that are named with a reason; of more, the number is said


@dataclass(frozen=True)
class Started:
    """How a worker of some rows started.

    Attributes:
        devices: what it sees; none: it did not start.
        settings: those that change numbers.
        why: why it did not start, or empty.
    """

    devices: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True)
class Checked:
    """One row of the matrix on this host.

    Attributes:
        backend, title, package: which.
        versions: installed distributions.
        runs_on: devices on which its trials can run here.
        missing: device that the row claims -> why its trials can't run here.
        settings: those of its worker that change numbers.
        cure: a command that installs what is missing, or empty.
        trials: trials that can run here, out of those planned on any device.
        planned: those.
    """

    backend: str
    title: str
    package: str
    versions: Mapping[str, str]
    runs_on: tuple[str, ...]
    missing: Mapping[str, str]
    settings: Mapping[str, str]
    cure: str
    trials: int
    planned: int


@dataclass(frozen=True)
class Diagnosis:
    """This host.

    Attributes:
        facts: system, processor, cores, memory, disk, Python, cards.
        rows: every row of the matrix.
    """

    facts: Mapping[str, str]
    rows: tuple[Checked, ...]

    @property
    def able(self) -> tuple[Checked, ...]:
        """Rows of which something can run here."""
        return tuple(row for row in self.rows if row.runs_on)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def start_all(
    engines: Engines, matrix: Matrix, host: Host, at_once: int
) -> Iterator[tuple[str, Started]]:
    """Start the worker of every installed row, and end it; row -> how that went.

    Rows that share a process are told together, as soon as it has started.
    """
    rows: dict[EngineKey, list[str]] = {}
    for name, backend in matrix.backends.items():
        if backend.adapter and host.has(backend):
            rows.setdefault(engine_key(matrix, name), []).append(name)
    groups = list(rows.values())
    with ThreadPoolExecutor(at_once) as pool:
        ways = pool.map(lambda names: _start(engines, names[0]), groups)
        for names, found in zip(groups, ways, strict=True):
            yield from ((name, found) for name in names)


def _start(engines: Engines, backend: str) -> Started:
    try:
        engine = engines.fresh(backend)
    except Unavailable as error:
        return Started(why=str(error))
    engine.close()
    ready = engine.ready
    cards = {f"{d} {k}": v for d, facts in ready.cards.items() for k, v in facts.items()}
    return Started(ready.devices, {**ready.settings, **cards})


def diagnosis(plan: Plan, host: Host, started: Mapping[str, Started]) -> Diagnosis:
    """What the host can run.

    Args:
        plan: of this host, deep runs included.
        host: the machine.
        started: row -> how its worker started; a row that was not asked is judged by what is
            installed alone.
    """
    planned: dict[tuple[str, str], int] = {}
    for t in plan.trials:
        key = t.id.cell.backend, t.id.cell.device
        planned[key] = planned.get(key, 0) + 1
    rows = (_checked(plan.matrix, name, host, started.get(name), planned) for name in
            plan.matrix.backends)  # fmt: skip
    return Diagnosis({**host.facts, **_room()}, tuple(rows))


def _checked(
    matrix: Matrix, name: str, host: Host, started: Started | None,
    planned: Mapping[tuple[str, str], int],
) -> Checked:  # fmt: skip
    row = matrix.backends[name]
    missing: dict[str, str] = {}
    runs_on = []
    for device in row.devices:
        why = row.unavailable or host.why_not(row, device)
        if not why and started is not None:
            why = started.why
            if not why and device not in started.devices:
                why = f"{row.package} as installed here sees no {device}"
        if why:
            missing[device] = why
        else:
            runs_on.append(device)
    installed = bool(row.adapter) and host.has(row)
    return Checked(
        backend=name,
        title=f"{row.title}, {row.mode}",
        package=row.package,
        versions=host.installed(row) if row.adapter else {},
        runs_on=tuple(runs_on),
        missing=missing,
        settings={} if started is None else started.settings,
        cure="" if installed or row.extra is None or host.environments else _install(row.extra),
        trials=sum(planned.get((name, d), 0) for d in runs_on),
        planned=sum(n for (backend, _), n in planned.items() if backend == name),
    )


def _install(extra: str) -> str:
    return f'python -m pip install --constraint {CONSTRAINTS}/{extra}.txt --editable ".[{extra}]"'


def _room() -> dict[str, str]:
    """Memory and free disk, as far as the system says."""
    found = {"free disk": f"{shutil.disk_usage('.').free / 1e9:.0f} GB"}
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return found
    return {"memory": f"{size / 1e9:.0f} GB", **found}


def words(found: Diagnosis) -> Iterator[str]:
    """The diagnosis for a terminal."""
    for name, fact in found.facts.items():
        yield f"{name}: {fact}"
    yield ""
    for package, rows in _by_package(found.rows):
        versions = {n: v for row in rows for n, v in row.versions.items()}
        said = ", ".join(f"{n} {v}" for n, v in versions.items()) or "not installed"
        yield f"{package}: {said}"
        for row in rows:
            devices = ", ".join(row.runs_on) or "nothing"
            yield f"  {row.backend}: {devices}; {row.trials} of {row.planned} trials"
        for why, names in _reasons(rows):
            of = ", ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} rows"
            yield f"    {why} ({of})"
        for cure in dict.fromkeys(row.cure for row in rows if row.cure):
            yield f"    to install it: {cure}"
    trials, planned = (sum(getattr(r, k) for r in found.rows) for k in ("trials", "planned"))
    able = len(found.able)
    yield ""
    yield f"{able} of {len(found.rows)} rows can run here, {trials:,} of {planned:,} trials"


def _by_package(rows: Iterable[Checked]) -> list[tuple[str, list[Checked]]]:
    groups: dict[str, list[Checked]] = {}
    for row in rows:
        groups.setdefault(row.package, []).append(row)
    return list(groups.items())


def _reasons(rows: Iterable[Checked]) -> list[tuple[str, list[str]]]:
    """Device and why -> the rows; the same reason is said once."""
    found: dict[str, list[str]] = {}
    for row in rows:
        for device, why in row.missing.items():
            found.setdefault(f"no {device}: {why}", []).append(row.backend)
    return list(found.items())
