"""What one run is: a matrix, a selection, an evidence file, and the runner of its trials.

No pytest here: the plugin and the tests build on these functions alike.
"""

from __future__ import annotations

import datetime
import json
import secrets
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import gradtier
from gradtier import costs as costs_
from gradtier import evidence as evidence_
from gradtier.cases import Suite
from gradtier.costs import Costs
from gradtier.engine import Engines
from gradtier.environments import Environment
from gradtier.errors import InputError, Problem
from gradtier.evidence import Run
from gradtier.host import Host, adapter_class, probe
from gradtier.ledger import UNKEPT, Unkept
from gradtier.lines import Manifest
from gradtier.lint import load_checked
from gradtier.loading import Loaded
from gradtier.matrix import Matrix
from gradtier.plan import Plan, Planned, Selection, make, select
from gradtier.policy import Source
from gradtier.shards import Shard, part
from gradtier.trial import Runner, now
from gradtier.witnesses import Bench, primal

RUNS = Path("reports") / "runs"


@dataclass(frozen=True)
class Opened:
    """A matrix with everything that planning needs."""

    loaded: Loaded
    suites: Mapping[str, Suite]
    host: Host
    plan: Plan
    costs: Costs = field(default_factory=Costs)


@dataclass(frozen=True)
class Order:
    """A run as the controller hands it to its pytest workers; plain data.

    Attributes:
        run: the run's id.
        evidence: the file that records are appended to.
        folder: private folder of the run: shared dossiers.
        selection: globs per axis.
        done: trials that an earlier part of the run has finished.
        retries: how often a failure is tried again.
        shard: which part of the selection, as ``3/8``; empty: all of it.
        environments: extra -> the environment in which its rows run.
        profile: whether it is kept where the time goes.
    """

    run: str
    evidence: str
    folder: str
    selection: Mapping[str, list[str]]
    done: tuple[str, ...]
    retries: int = 0
    shard: str = ""
    environments: Mapping[str, Environment] = field(default_factory=dict)
    profile: bool = False

    def dumps(self) -> str:
        """As text, to cross a process boundary."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Order:
        """From :meth:`dumps`."""
        data = json.loads(text)
        own = {extra: Environment(**held) for extra, held in data["environments"].items()}
        return cls(**{**data, "done": tuple(data["done"]), "environments": own})


def open_matrix(
    file: Path, host: Host | None = None, environments: Mapping[str, Environment] | None = None
) -> Opened:
    """Load, check and plan, for this machine unless another is given.

    Args:
        file: the matrix.
        host: the machine; without one, this one is looked at.
        environments: extra -> the environment of its rows, of this machine.

    Raises:
        InputError: with everything that is wrong with the matrix.
    """
    loaded, suites = load_checked(file)
    host = replace(probe(), environments=environments or {}) if host is None else host
    costs = costs_.read(loaded.root / costs_.FILE)
    return Opened(loaded, suites, host, make(loaded, suites, host), costs)


def chosen(opened: Opened, selection: Selection, shard: str = "") -> tuple[Planned, ...]:
    """The trials that are selected, or the part of them that a shard is.

    Raises:
        InputError: nothing is selected, or it is no shard.
    """
    found = select(opened.plan, selection)
    if not shard:
        return found
    packages = {name: b.package for name, b in opened.plan.matrix.backends.items()}
    return part(found, Shard.parse(shard), packages, opened.costs.of)


def look(
    opened: Opened,
    selection: Selection,
    evidence: Path | None,
    *,
    resume: bool = False,
    retries: int = 0,
    shard: str = "",
) -> tuple[Order, list[str]]:
    """Look whether a run can be begun, or gone on with; nothing is written but a private folder.

    Args:
        opened: the matrix.
        selection: which trials.
        evidence: the file; without one, a new file in ``reports/runs/``, or the newest there when
            resuming.
        resume: go on with a file that exists: trials with evidence are not run again.
        retries: how often a failure is tried again.
        shard: which part of the selection, as ``3/8``; empty: all of it.

    Returns:
        the order, and sentences that the user should read.

    Raises:
        InputError: nothing is selected, a selected case raises on NumPy, or the file exists already
            or is of another matrix.
    """
    asked = chosen(opened, selection, shard)
    if not asked:
        raise InputError(f"--shard {shard}: no trial is left for it; take fewer parts")
    check_cases(opened.plan, asked)
    said: list[str] = []
    if evidence is None and resume:
        evidence = newest(opened.loaded.root / RUNS)
        if evidence is None:
            raise InputError(f"--resume: there is no run in {RUNS}/ to go on with")
    run = new_run()
    file = evidence or opened.loaded.root / RUNS / f"{run}.jsonl"
    done: tuple[str, ...] = ()
    if file.exists() and file.stat().st_size:
        if not resume:
            raise InputError(
                f"{shown(file)} exists already; add --resume to go on with it, or name another"
            )
        done, words = _resumed(opened.plan, file)
        said += words
    folder = tempfile.mkdtemp(prefix="gradtier-")
    return Order(run, str(file.resolve()), folder, selection.words(), done, retries, shard), said


def commit(opened: Opened, order: Order, source: Source) -> None:
    """Begin the run of an order: write its head, and what a shard is to do.

    Args:
        opened: the matrix, on the host as it is for this run.
        order: the run.
        source: who measures, for policies that trust some more than others.

    Raises:
        InputError: the file can't be written.
    """
    asked, done, file = _asked(opened, order), set(order.done), Path(order.evidence)
    words = dict(order.selection) | ({"shard": [order.shard]} if order.shard else {})
    if order.environments:
        words["isolate"] = ["env"]
    left = sum(1 for t in asked if str(t.id) not in done)
    write_head(file, head(opened.plan.matrix, opened.host, order.run, words, left, source))
    if order.shard:
        for line in manifest(order.run, asked):
            evidence_.append(file, line)


def _asked(opened: Opened, order: Order) -> tuple[Planned, ...]:
    selection = Selection(**{axis: tuple(words) for axis, words in order.selection.items()})
    return chosen(opened, selection, order.shard)


def manifest(run: str, asked: Iterable[Planned]) -> list[Manifest]:
    """What a run is to do, a line per cell."""
    cells: dict[str, dict[str, str]] = {}
    for t in asked:
        cells.setdefault(str(t.id.cell), {})[t.id.case_id] = t.digest
    return [Manifest(run=run, cell=cell, trials=trials) for cell, trials in cells.items()]


def new_run() -> str:
    """The id of a run that begins now; ids sort by time."""
    return f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def _resumed(plan: Plan, file: Path) -> tuple[tuple[str, ...], list[str]]:
    said = []
    if (cut := evidence_.mend(file)) is not None:
        said.append(str(cut))
    earlier = evidence_.read([file])
    said += [str(p) for p in (*earlier.problems, *evidence_.check_belongs(earlier, plan))]
    done = []
    for trial in plan.trials:
        record = earlier.of(trial)
        if record is not None and record.outcome.is_evidence:
            done.append(str(trial.id))
    said.append(f"{shown(file)}: {len(done)} trials are measured already; going on with the rest")
    return tuple(done), said


def write_head(file: Path, first: Run) -> None:
    """Begin an evidence file, or another run in one.

    Raises:
        InputError: it can't be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        evidence_.append(file, first)
    except OSError as error:
        raise InputError(f"{shown(file)} can't be written: {error.strerror or error}") from error


def head(
    matrix: Matrix, host: Host, run: str, selection: Mapping[str, list[str]], planned: int,
    source: Source = "self",
) -> Run:  # fmt: skip
    """The head of a run that begins now on this machine."""
    versions: dict[str, str] = {}
    for own in (False, True):  # a package's version is that of its own rows, in their environment
        for backend in matrix.backends.values():
            elsewhere = host.environments and backend.extra and not host.environment(backend)
            if not backend.adapter or elsewhere:  # a package that has no part in this run
                continue
            found = host.installed(backend)
            versions |= {n: v for n, v in found.items() if n == backend.package or not own}
    versions |= adapter_class(matrix.primal).installed()
    return Run(
        run=run,
        matrix=matrix.digest,
        gradtier=gradtier.__version__,
        started=now(),
        host=host.facts,
        versions=dict(sorted(versions.items())),
        selection=selection,
        planned=planned,
        source=source,
    )


def check_cases(plan: Plan, chosen: tuple[Planned, ...]) -> None:
    """Call the primal of every selected case once, on the namespace of finite differences.

    A case that raises there raises on every backend, and would be blamed on all of them.

    Raises:
        InputError: naming each such case with its place.
    """
    problems = []
    for name in dict.fromkeys(t.id.case_id for t in chosen):
        case = plan.cases[name]
        try:
            x, _ = case.draw()
            outputs = primal(plan.matrix, case, "float64")(x)
        except Exception as error:
            text = f"the case raises on NumPy: {type(error).__name__}: {error}"
            problems.append(Problem(text, case.place, name))
            continue
        if not outputs:
            problems.append(Problem("the case returns nothing", case.place, name))
    if problems:
        raise InputError(problems)


def runner(opened: Opened, order: Order, ledger: Unkept = UNKEPT) -> Runner:
    """The runner of an order, which keeps its time there; close its engines when done."""
    matrix, own = opened.plan.matrix, opened.host.environments
    engines = Engines(matrix, opened.suites, opened.loaded.root, own, ledger=ledger)
    bench = Bench(matrix, engines, Path(order.folder), ledger)
    return Runner(opened.plan, engines, bench, order.run, ledger)


def to_do(opened: Opened, order: Order) -> list[Planned]:
    """The trials of an order that are still to be run, rows of one worker process together."""
    done = set(order.done)
    left = [t for t in _asked(opened, order) if str(t.id) not in done]
    rows = opened.plan.matrix.backends
    dear: dict[str, float] = {}
    for t in left:
        package = rows[t.id.cell.backend].package
        dear[package] = dear.get(package, 0.0) + opened.costs.of(t.id)
    packages = sorted(dear, key=lambda name: -dear[name])  # what takes longest is not left for last
    cases = {name: i for i, name in enumerate(opened.plan.cases)}

    def key(t: Planned) -> Any:
        row = rows[t.id.cell.backend]
        options = sorted((name, str(value)) for name, value in row.options.items())
        return packages.index(row.package), row.adapter, options, cases[t.id.case_id]

    # Within a process case by case: its rows and nestings share what was traced and compiled.
    return sorted(left, key=key)


def newest(folder: Path) -> Path | None:
    """The evidence file of ``folder`` that was begun last (names begin with the time)."""
    files = sorted([*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")])
    return files[-1] if files else None


def shown(file: Path) -> str:
    """A file as one would name it here: relative to the working folder where it is inside."""
    try:
        return str(file.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(file)
