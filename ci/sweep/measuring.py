"""Trials of one package, measured with one of its versions in an environment of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from environments import Environments, NotInstalled, Recipe, recipe, scripts, variables

from gradtier import evidence as ev
from gradtier.errors import InputError, nearest
from gradtier.evidence import Record
from gradtier.host import adapter_class
from gradtier.model import Outcome
from gradtier.plan import Planned, Selection, select
from gradtier.running import Opened, head, new_run, write_head
from gradtier.since import RELEASES, SWEEP
from gradtier.trial import clean, now

#: What the last lines of a run that could not begin are cut to.
CANNOT = 2


@dataclass(frozen=True)
class Subject:
    """What is measured, whatever the version.

    Attributes:
        opened: the matrix.
        package: the distribution whose versions are measured.
        trials: of its rows.
        recipe: how its versions are installed.
    """

    opened: Opened
    package: str
    trials: tuple[Planned, ...]
    recipe: Recipe

    @property
    def folder(self) -> Path:
        """Where its evidence goes."""
        return self.opened.loaded.root / SWEEP / self.package

    def file(self, version: str) -> Path:
        """The evidence of one version."""
        return self.folder / f"{version}.jsonl"


def subject(
    opened: Opened, package: str, selection: Selection, one: Planned | None = None
) -> Subject:
    """The trials of a package's rows that are selected, or one of them.

    Raises:
        InputError: there is no such package, or pip can't install it, or no trial is selected.
    """
    matrix = opened.plan.matrix
    rows = {n: b for n, b in matrix.backends.items() if b.package == package and b.adapter}
    if not rows:
        known = dict.fromkeys(b.package for b in matrix.backends.values() if b.adapter)
        raise InputError(f"'{package}' is no package of the matrix; {nearest(package, known)}")
    core = adapter_class(matrix.primal).distributions
    extras = {b.extra for b in rows.values()}
    if len(extras) > 1 or (extras == {None} and package not in core):
        raise InputError(
            f"'{package}' can't be swept: its rows name no extra that installs it with pip"
        )
    trials = (one,) if one is not None else select(opened.plan, selection)
    mine = tuple(t for t in trials if t.id.cell.backend in rows)
    if not mine:
        raise InputError(f"the selection holds no trial of {package}; its rows: {', '.join(rows)}")
    family = {name for b in rows.values() for name in adapter_class(b.adapter).distributions}
    root = opened.loaded.root
    return Subject(opened, package, mine, recipe(root, package, extras.pop(), family))


def releases_known(of: Subject, versions: Sequence[str]) -> None:
    """Write the released versions beside the evidence, where `gradtier since` looks for them."""
    of.folder.mkdir(parents=True, exist_ok=True)
    data = {"package": of.package, "asked": now(), "releases": list(versions)}
    (of.folder / RELEASES).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def measured(of: Subject, version: str) -> dict[str, Record]:
    """What is known already: trial -> its record, if it is evidence; of the plan as it is now."""
    file = of.file(version)
    if not file.is_file():
        return {}
    try:
        found = ev.read([file])
    except InputError:
        return {}  # nothing of it can be used
    records = {str(t.id): found.of(t) for t in of.trials}
    return {t: r for t, r in records.items() if r is not None and r.outcome.is_evidence}


def measure(
    of: Subject, version: str, homes: Environments, say: Callable[[str], None]
) -> dict[str, Record]:
    """Measure the trials with one version, unless that was done; what is known afterwards.

    A version that can't be installed, or whose run can't begin, leaves records that say so.
    """
    done = measured(of, version)
    if len(done) == len(of.trials):
        say(f"{of.package} {version}: measured before")
        return done
    try:
        say(f"{of.package} {version}: its environment")
        folder = homes.ready(of.recipe, version)
    except NotInstalled as error:
        _refused(of, version, f"can't be installed: {error}")
        say(f"{of.package} {version}: can't be installed: {clean(str(error))}")
        return done
    _forget_foreign(of, version)
    file = of.file(version)
    file.parent.mkdir(parents=True, exist_ok=True)
    command = [
        str(scripts(folder) / "gradtier"), "run", "--matrix", str(_matrix(of)),
        "--evidence", str(file), *(["--resume"] if file.is_file() else []), *_chosen(of.trials),
    ]  # fmt: skip
    say(f"{of.package} {version}: {len(of.trials) - len(done)} trials")
    ran = subprocess.run(
        command, cwd=of.opened.loaded.root, env=variables(folder), capture_output=True, text=True,
        errors="replace", check=False,
    )  # fmt: skip
    after = measured(of, version)
    if not after and ran.returncode not in (0, 1):
        said = (ran.stderr.strip() or ran.stdout.strip()).splitlines() or ["it said nothing"]
        _refused(of, version, f"its run can't begin: {said[-1]}")
        say(f"{of.package} {version}: its run can't begin: {clean(said[-1])}")
    return after


def _matrix(of: Subject) -> Path:
    return of.opened.loaded.root / of.opened.loaded.document.file


def _chosen(trials: Sequence[Planned]) -> list[str]:
    """The options of `gradtier run` that select these trials: all the words that they are made of.

    What else such a selection holds, because trials need not be a product of words, is measured
    as well; it does no harm.
    """
    words: list[str] = []
    for axis in ("backend", "device", "nesting", "dtype"):
        for word in dict.fromkeys(str(getattr(t.id.cell, axis)) for t in trials):
            words += [f"--{axis}", word]
    for case in dict.fromkeys(t.id.case_id for t in trials):
        words += ["--case", case]
    return words


def _forget_foreign(of: Subject, version: str) -> None:
    """Remove evidence none of which is of the trials as they are declared now."""
    file = of.file(version)
    if not file.is_file():
        return
    try:
        ev.check_belongs(ev.read([file]), of.opened.plan)
    except InputError:
        file.unlink()


def _refused(of: Subject, version: str, why: str) -> None:
    """Leave a record for each trial that could not be measured with this version."""
    _forget_foreign(of, version)
    run, file = new_run(), of.file(version)
    opened = of.opened
    first = head(opened.plan.matrix, opened.host, run, {}, len(of.trials))
    # this process has versions of its own; those of the records are what was asked for
    write_head(file, first.model_copy(update={"versions": {}}))
    known = measured(of, version)
    for planned in of.trials:
        if str(planned.id) in known:
            continue
        line = Record(
            run=run, trial=str(planned.id), digest=planned.digest, outcome=Outcome.UNAVAILABLE,
            detail=clean(f"{of.package} {version} {why}"), versions={of.package: version},
            finished=now(),
        )  # fmt: skip
        ev.append(file, line)
