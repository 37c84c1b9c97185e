"""What was measured as small tables, rows by benchmarks; no markup in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gradtier.evidence import Bench, Evidence, Run
from gradtier.model import Mode
from gradtier.ratios import MARKS, cost, relative, to_fastest

DERIVATIVE = {Mode.REVERSE: "VJP (reverse mode)", Mode.FORWARD: "JVP (forward mode)"}


@dataclass(frozen=True)
class Sheet:
    """One table.

    Attributes:
        group: device, dtype and derivative; tables of a group have the same rows.
        title: what its numbers are.
        columns: the first is the backend's.
        rows: as long as the columns.
    """

    group: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sheets(evidence: Evidence) -> tuple[Sheet, ...]:
    """Every table of the benchmarks in evidence, by device, dtype and mode."""
    benches = sorted(evidence.benches.values(), key=lambda b: (b.device, b.dtype, b.mode))
    groups: dict[tuple[str, str, Mode], list[Bench]] = {}
    for b in benches:
        groups.setdefault((b.device, b.dtype, b.mode), []).append(b)
    return tuple(sheet for key, found in groups.items() for sheet in _of_group(key, found))


def provenance(evidence: Evidence) -> Iterator[str]:
    """A sentence per run whose times are shown: where and when it was measured, with what."""
    shown = {b.run for b in evidence.benches.values()}
    used: dict[str, set[str]] = {run: set() for run in shown}
    for b in evidence.benches.values():
        used[b.run] |= {f"{name} {version}" for name, version in b.versions.items()}
    for run in (r for r in evidence.runs.values() if r.run in shown):
        yield _said(run, sorted(used[run.run]))
    for run_id in sorted(shown - set(evidence.runs)):
        yield f"Run {run_id}, whose head is missing."


def _said(run: Run, versions: Sequence[str]) -> str:
    host = ", ".join(f"{name} {value}" for name, value in run.host.items())
    return f"Run {run.run}, begun {run.started}: {host}; {', '.join(versions)}."


def _of_group(key: tuple[str, str, Mode], benches: Sequence[Bench]) -> Iterator[Sheet]:
    device, dtype, mode = key
    group = f"{device}, {dtype}, {DERIVATIVE[mode]}"
    names = list(dict.fromkeys(b.benchmark for b in benches))
    table = {(b.backend, b.benchmark): b for b in benches}
    backends = _ranked(benches, device)
    ratios = to_fastest(benches)
    low, high = MARKS[mode]

    def sheet(title: str, cell: Callable[[Bench], str]) -> Sheet:
        rows = tuple(
            (name, *(_cell(table.get((name, benchmark)), cell) for benchmark in names))
            for name in backends
        )
        return Sheet(group, title, ("backend", *_short(names)), rows)

    yield _summary(group, benches, backends, device)
    yield sheet("Time relative to the fastest", lambda b: _ratio(ratios.get(b.key)))
    yield sheet(
        f"Derivative in calls of the function (the theory allows {low:g} to {high:g})", _calls
    )
    yield sheet("Time of a derivative, and half of its interquartile range", _time)
    yield sheet("First call, tracing and compiling too", lambda b: duration(b.first_seconds))
    yield sheet("Peak memory of a derivative", lambda b: size(b.peak_bytes))


def _summary(group: str, benches: Sequence[Bench], backends: Sequence[str], device: str) -> Sheet:
    rank = relative(benches, device)
    rows = []
    for name in backends:
        mine = [b for b in benches if b.backend == name]
        timed = sum(1 for b in mine if b.derivative is not None)
        told = (_ratio(rank.get(name)), _ratio(cost(mine, name, device)), f"{timed} of {len(mine)}")
        rows.append((name, *told))
    columns = ("backend", "relative", "in calls", "benchmarks")
    return Sheet(group, "Geometric means over the benchmarks", columns, tuple(rows))


def _ranked(benches: Iterable[Bench], device: str) -> list[str]:
    """Backends, the fastest first; those without a number behind, as they come."""
    found = list(benches)
    rank = relative(found, device)
    names = list(dict.fromkeys(b.backend for b in found))
    return sorted(names, key=lambda name: rank.get(name, float("inf")))


def _cell(bench: Bench | None, cell: Callable[[Bench], str]) -> str:
    if bench is None:
        return ""
    return cell(bench) if bench.derivative is not None else str(bench.outcome)


def _calls(bench: Bench) -> str:
    assert bench.derivative is not None and bench.primal is not None
    return _ratio(bench.derivative.median / bench.primal.median)


def _time(bench: Bench) -> str:
    assert bench.derivative is not None
    low, high = bench.derivative.quartiles
    half = 50.0 * (high - low) / bench.derivative.median
    return f"{duration(bench.derivative.median)} ±{half:.0f}%"


def _short(names: Sequence[str]) -> list[str]:
    """Benchmarks without their suite, where that leaves them apart."""
    bare = [name.partition("/")[2] for name in names]
    return bare if len(set(bare)) == len(names) else list(names)


def _ratio(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


_UNITS: Mapping[str, float] = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}


def duration(seconds: float | None) -> str:
    """Three digits with a unit that fits, or a dash."""
    if seconds is None:
        return "–"
    unit = next((u for u, scale in _UNITS.items() if seconds >= scale), "µs")
    return f"{seconds / _UNITS[unit]:.3g} {unit}" if seconds < 1000 else f"{seconds:.0f} s"


def size(count: int | None) -> str:
    """Mebibytes, which is about what a system's count of resident pages is good for."""
    if count is None:
        return "–"
    mebibytes = count / 2**20
    if mebibytes < 1:
        return "<1 MiB"
    return f"{mebibytes:.3g} MiB" if mebibytes < 1000 else f"{mebibytes:.0f} MiB"
