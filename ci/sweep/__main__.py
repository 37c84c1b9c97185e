"""Measure several released versions of a package, or find the first one that broke a trial.

``python ci/sweep sweep PACKAGE``, ``python ci/sweep bisect TRIAL_ID --good V --bad V``; called by
the sessions of the same names.  ``gradtier since`` reads what they leave in ``reports/sweep/``.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from environments import Environments
from index import named, released
from measuring import Subject, measure, measured, releases_known, subject

from gradtier.bisecting import search
from gradtier.errors import InputError, nearest
from gradtier.evidence import Record
from gradtier.model import AXES, Outcome, TrialId
from gradtier.plan import Selection
from gradtier.running import Opened, open_matrix
from gradtier.versions import VERBS, order

ROOT = Path(__file__).resolve().parents[2]
LAST = 6


def main(words: Sequence[str]) -> int:
    """Do what is asked; the exit status."""
    parser = argparse.ArgumentParser(prog="ci/sweep", description=__doc__)
    parser.add_argument("--matrix", type=Path, default=ROOT / "matrix.yaml")
    commands = parser.add_subparsers(required=True, metavar="sweep | bisect")
    sweeping = commands.add_parser("sweep", help="several versions of a package")
    sweeping.add_argument("package")
    which = sweeping.add_mutually_exclusive_group()
    which.add_argument("--versions", metavar="A,B,C", help="these versions")
    which.add_argument("--last", type=int, help=f"the newest final releases (default: {LAST})")
    for axis in AXES:
        sweeping.add_argument(f"--{axis}", action="append", default=[], metavar="GLOB")
    sweeping.add_argument("--again", action="store_true", help="also what was measured before")
    sweeping.set_defaults(command=sweep)
    halving = commands.add_parser("bisect", help="the first version that broke a trial")
    halving.add_argument("trial", help="suite/case@backend/device/nesting/dtype")
    halving.add_argument("--good", required=True, metavar="V", help="a version where it agrees")
    halving.add_argument("--bad", required=True, metavar="V", help="a version where it fails")
    halving.set_defaults(command=bisect)
    given = parser.parse_args(words)
    try:
        return int(given.command(given, open_matrix(given.matrix)))
    except InputError as error:
        for problem in error.problems:
            print(f"ci/sweep: {problem}", file=sys.stderr)
        return 2


def say(line: str) -> None:
    """A line for the user, at once."""
    print(line, flush=True)


def sweep(given: argparse.Namespace, opened: Opened) -> int:
    """Measure several versions, oldest first; one that can't be installed is recorded as that."""
    axes = {axis: tuple(getattr(given, axis)) for axis in AXES}
    of = subject(opened, given.package, Selection(**axes))
    if given.last is not None and given.last < 1:
        raise InputError(f"--last {given.last}: expected 1 at least")
    releases: tuple[str, ...] = ()
    try:
        releases = released(of.package)
        releases_known(of, releases)
    except InputError as error:
        if given.versions is None:
            raise
        say(str(error))
    chosen = (
        named(given.versions, releases) if given.versions else releases[-(given.last or LAST) :]
    )
    say(f"{of.package}: {', '.join(chosen)}; {len(of.trials)} trials in each")
    homes = Environments(ROOT)
    for version in chosen:
        if given.again:
            of.file(version).unlink(missing_ok=True)
        found = measure(of, version, homes, say)
        counts = Counter(r.outcome for r in found.values())
        words = ", ".join(f"{n} {VERBS[o]}" for o, n in counts.most_common())
        lost = len(of.trials) - len(found)
        words += f"{', ' if words else ''}{lost} not measured" if lost else ""
        say(f"{of.package} {version}: {words}")
    say(f"what it says: gradtier since --package {of.package} --evidence {_shown(of.folder)}")
    return 0


def _shown(file: Path) -> str:
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)


def bisect(given: argparse.Namespace, opened: Opened) -> int:
    """Find the first bad version of a trial's package; the exit status."""
    try:
        trial = TrialId.parse(given.trial)
    except ValueError as error:
        raise InputError(str(error)) from None
    planned = opened.plan.by_id.get(given.trial)
    if planned is None:
        raise InputError(
            f"'{given.trial}' is no trial of the plan; {nearest(given.trial, opened.plan.by_id)}"
        )
    package = opened.plan.matrix.backends[trial.cell.backend].package
    of = subject(opened, package, Selection(), planned)
    releases = released(package)
    releases_known(of, releases)
    good, bad = (named(word, releases)[0] for word in (given.good, given.bad))
    if good == bad:
        raise InputError(f"--good and --bad are both {good}; expected two versions")
    old, new = sorted((good, bad), key=order)
    between = releases[releases.index(old) : releases.index(new) + 1]
    return _halved(of, between, new == bad)


def _halved(of: Subject, between: Sequence[str], breaks: bool) -> int:
    """Search between two versions, both measured first.

    Args:
        of: one trial.
        between: the versions from the older end to the newer one.
        breaks: whether the newer end is the bad one; else the fix is looked for.
    """
    homes, trial = Environments(ROOT), str(of.trials[0].id)

    def bad(version: str) -> bool | None:
        record = measure(of, version, homes, lambda _: None).get(trial)
        answer = verdict(record)
        what = {True: "bad", False: "good", None: "can't tell, its neighbour is next"}[answer]
        if record is None:
            said = _why(of, version)
        else:
            said = VERBS[record.outcome] + (f": {record.detail}" if answer is not False else "")
        say(f"{of.package} {version}: {what}: {said}")
        return answer

    for version, wanted in ((between[0], not breaks), (between[-1], breaks)):
        if bad(version) is not wanted:
            word = "bad" if wanted else "good"
            raise InputError(f"{of.package} {version} is named as {word}, but is not: see above")
    found = search(
        len(between),
        lambda i: None if (answer := bad(between[i])) is None else answer is breaks,
    )
    before, after = between[found.before], between[found.after]
    what = ("first bad", "last good") if breaks else ("first good again", "last bad")
    say(f"{trial}: {what[0]}: {after}; {what[1]}: {before}; {found.asked} versions tried between")
    if found.untold:
        gap = ", ".join(between[i] for i in found.untold)
        say(f"between the two, {gap} could not tell: the change may be in one of them")
    return 0


def verdict(record: Record | None) -> bool | None:
    """Whether a version is bad; None where its record does not tell right from wrong."""
    if record is None:
        return None
    if record.outcome is Outcome.AGREE:
        return False
    return True if record.outcome.is_failure else None


def _why(of: Subject, version: str) -> str:
    from gradtier import evidence as ev

    if measured(of, version):
        return "no record of this trial"
    found = ev.read([of.file(version)]) if of.file(version).is_file() else None
    record = found.of(of.trials[0]) if found is not None else None
    return record.detail if record is not None else "no record"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
