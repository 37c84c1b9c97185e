"""Each package of a run in an environment of its own: which are needed, made, looked into."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

import gradtier
from gradtier.building import Broken, NotBuilt, Recipe, built, older, there
from gradtier.environments import PLACE, Environment
from gradtier.host import CONSTRAINTS, adapter_class
from gradtier.matrix import Matrix
from gradtier.meter import Meter
from gradtier.plan import Planned, Selection, on, references_for
from gradtier.policy import Source as Measurer
from gradtier.running import Opened, Order, commit, look, shown, to_do
from gradtier.sources import Source

SECONDS = 120.0  # for an interpreter to say what is installed there; some disks are slow
AT_ONCE = 4
WIDTH = 80


@dataclass(frozen=True)
class Kit:
    """The environment of one extra before it is made.

    Attributes:
        extra: which.
        adapters: of its rows.
        recipe: what it is made of.
    """

    extra: str
    adapters: tuple[str, ...]
    recipe: Recipe


def begin(
    opened: Opened, selection: Selection, evidence: Path | None, console: Console, *,
    isolate: Source | None = None, dry: bool = False, source: Measurer = "self", **how: Any,
) -> tuple[Opened, Order, list[str]]:  # fmt: skip
    """Start a run, or go on with one: look, make environments if asked to, write the head.

    Args:
        opened: the matrix.
        selection: which trials.
        evidence: the file, as for :func:`gradtier.running.look`.
        console: is told of environments.
        isolate: how gradtier is installed in the environments of the packages; None: there are
            none, every row runs in the environment of the run.
        dry: only look.
        source: who measures.
        how: further arguments of :func:`gradtier.running.look`.

    Returns:
        the matrix on the host as it is for this run, the order, and sentences that the user should
        read.

    Raises:
        InputError: the run can't be begun; nothing was written.
    """
    order, said = look(opened, selection, evidence, **how)
    if dry:
        return opened, order, said
    try:
        if isolate is not None:
            opened = isolated(opened, to_do(opened, order), isolate, console)
            order = replace(order, environments=opened.host.environments)
        commit(opened, order, source)
    except BaseException:  # nobody else knows the private folder yet
        shutil.rmtree(order.folder, ignore_errors=True)
        raise
    return opened, order, said


def isolated(opened: Opened, trials: Iterable[Planned], source: Source, console: Console) -> Opened:
    """The matrix on this host with the environments that these trials need, made where missing.

    An environment that can't be made is there with the reason.

    Args:
        opened: the matrix.
        trials: what is to be run.
        source: how gradtier is installed.
        console: is told what is made.
    """
    wanted = kits(opened, needed(opened, trials), source)
    found = looked_up(opened, wanted)
    missing = [kit for kit in wanted if kit.extra not in found]
    rest = ", ".join(kit.extra for kit in missing)
    names = ", ".join(kit.extra for kit in wanted)
    then = f"made now, once: {rest}" if rest else "all there"
    console.print(f"environments needed: {names}; {then}" if names else "no environment is needed")
    for extra, own in found.items():
        if own.why:
            console.print(f"{extra}: its rows are unavailable: {own.why}")
    for kit in missing:
        found[kit.extra] = _made(opened.loaded.root, kit, console)
    return _on(opened, found)


def standing(opened: Opened, source: Source) -> Opened:
    """The matrix on this host with the environments that are there; none is made."""
    matrix = opened.plan.matrix
    every = dict.fromkeys(b.extra for b in matrix.backends.values() if b.extra and b.adapter)
    wanted = kits(opened, every, source)
    found = looked_up(opened, wanted)
    why = "its environment is not made yet; gradtier run --isolate env makes it"
    return _on(opened, {k.extra: found.get(k.extra, Environment(k.extra, why=why)) for k in wanted})


def _on(opened: Opened, environments: Mapping[str, Environment]) -> Opened:
    host = replace(opened.host, environments=environments)
    return replace(opened, host=host, plan=on(opened.plan, host))


def needed(opened: Opened, trials: Iterable[Planned]) -> list[str]:
    """Extras of the rows that these trials ask, then those of their witnesses; each once."""
    matrix, absent = opened.plan.matrix, opened.host.absent
    rows = list(dict.fromkeys(t.id.cell.backend for t in trials if t.id.cell.device not in absent))
    pairs = dict.fromkeys(pair for row in rows for pair in references_for(matrix, row))
    witnesses = [row for pair in pairs for row in (pair.reverse, pair.forward)]
    own = (matrix.backends[row] for row in (*rows, *witnesses))
    return list(dict.fromkeys(row.extra for row in own if row.extra and row.adapter))


def kits(opened: Opened, extras: Iterable[str], source: Source) -> list[Kit]:
    """What the environments of these extras are made of."""
    matrix, root = opened.plan.matrix, opened.loaded.root
    named = _named(matrix)
    found = []
    for extra in extras:
        rows = [b for b in matrix.backends.values() if b.extra == extra and b.adapter]
        others = {name for e, names in named.items() if e != extra for name in names}
        pins = root / CONSTRAINTS / f"{extra}.txt"
        words = source.words(extra, named[extra], others)
        recipe = Recipe(extra, words, pins if pins.exists() else None, source.made_of)
        found.append(Kit(extra, tuple(dict.fromkeys(b.adapter for b in rows)), recipe))
    return found


def _named(matrix: Matrix) -> dict[str, set[str]]:
    """Extra -> distributions that its rows and their adapters name."""
    named: dict[str, set[str]] = {}
    for row in matrix.backends.values():
        if row.extra and row.adapter:
            names = {row.package, *adapter_class(row.adapter).distributions}
            named.setdefault(row.extra, set()).update(names)
    return named


def looked_up(opened: Opened, wanted: Iterable[Kit]) -> dict[str, Environment]:
    """Extra -> its environment, of those that are there, or whose declaration can't be used."""
    root = opened.loaded.root

    def look_up(kit: Kit) -> Environment | None:
        try:
            folder = _folder(root, kit)
            return there(folder, partial(ask, root, kit, folder.name))
        except NotBuilt as error:
            return _without(kit, error)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        wanted = list(wanted)
        answers = pool.map(look_up, wanted)
        return {k.extra: a for k, a in zip(wanted, answers, strict=True) if a is not None}


def _made(root: Path, kit: Kit, console: Console) -> Environment:
    meter = Meter(f"making {kit.extra}", 1, console)

    def now(line: str) -> None:
        line = line[:WIDTH]  # pip names everything that it installs in one line
        meter.advance(0, line, lambda: f"  {kit.extra}, {meter.seconds:.0f} s: {line}")

    def note(line: str) -> None:
        console.print(f"  {kit.extra}: {line}")

    try:
        with contextlib.closing(meter):
            folder = _folder(root, kit)
            found = built(kit.recipe, folder, partial(ask, root, kit, folder.name), now, note)
    except NotBuilt as error:
        where = f"; all of it is in {shown(error.log)}" if error.log is not None else ""
        console.print(f"{kit.extra}: can't be made; its rows are unavailable: {error}{where}")
        return _without(kit, error)
    console.print(f"{kit.extra}: ready after {meter.seconds:.0f} s, in {shown(folder)}")
    if kit.recipe.pins is None:
        console.print(f"  not pinned: there is no {CONSTRAINTS}/{kit.extra}.txt")
    if names := older(folder, kit.extra):
        console.print(f"  made of something else, can be deleted: {', '.join(names)}")
    return found


def _folder(root: Path, kit: Kit) -> Path:
    place = root / PLACE
    return place / kit.recipe.name(place)


def _without(kit: Kit, error: NotBuilt) -> Environment:
    return Environment(kit.extra, why=f"its environment can't be made: {error}")


def ask(root: Path, kit: Kit, name: str, python: Path) -> Environment:
    """What an environment holds, by its own word.

    Args:
        root: the matrix's folder, in which adapters may lie.
        kit: what it was made of.
        name: of its folder.
        python: its interpreter.

    Raises:
        Broken: it does not start.
        NotBuilt: it can't work together with this run.
    """
    command = [str(python), "-m", "gradtier.inside", str(root.resolve()), *kit.adapters]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        told = json.loads(done.stdout.splitlines()[-1])
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines()
        raise Broken(lines[-1] if lines else f"exit status {error.returncode}") from error
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError) as error:
        raise Broken(str(error)) from error
    here = gradtier.__version__
    if told["gradtier"] != here:
        raise NotBuilt(f"gradtier is {told['gradtier']} there and {here} here")
    if int(told["numpy"].partition(".")[0]) < 2:  # arrays travel pickled, as NumPy 2 writes them
        raise NotBuilt(f"NumPy {told['numpy']} is there, and gradtier needs 2 or newer")
    return Environment(name, str(python), told["installed"], told["faults"])
