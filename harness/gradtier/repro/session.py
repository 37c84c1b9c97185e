"""One use of ``gradtier repro``: from a trial's id to the text, and whether it does as it says."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from gradtier import evidence as evidence_
from gradtier.errors import InputError, Problem, nearest
from gradtier.evidence import Record, Run
from gradtier.host import NOWHERE
from gradtier.model import AXES, Outcome, TrialId
from gradtier.plan import Plan, Planned
from gradtier.repro.asking import asked
from gradtier.repro.checking import Ran, ran
from gradtier.repro.writing import script
from gradtier.running import RUNS, Opened, newest, open_matrix, shown

#: Where a repository keeps evidence that it publishes.
KEPT = Path("reports") / "evidence"


@dataclass(frozen=True)
class Made:
    """A script.

    Attributes:
        trial: which trial it is about.
        text: the script.
        record: what was recorded of the trial, if anything was.
        said: what the user should read beside it.
    """

    trial: TrialId
    text: str
    record: Record | None
    said: tuple[str, ...]


def made(matrix: Path, trial: str, files: tuple[Path, ...], seconds: float | None) -> Made:
    """The script of a trial.

    Args:
        matrix: the declaration.
        trial: the trial's id.
        files: evidence; without any, the newest run, or else what the repository keeps.
        seconds: how long its inputs may be made smaller; None: they are left as they are.

    Raises:
        InputError: there is no such trial, it can't be a script, or a file can't be used.
    """
    opened = open_matrix(matrix, NOWHERE)
    planned = find(opened.plan, trial)
    record, said = _record(opened, planned, files)
    case = opened.plan.cases[planned.id.case_id]
    if seconds is not None:
        from gradtier.repro.minimizing import minimized

        smaller = minimized(matrix, planned, record, seconds)
        case, record = smaller.case, smaller.record
        said.append(smaller.words)
    row = opened.plan.matrix.backends[planned.id.cell.backend]
    try:
        question = asked(opened.plan.matrix, case, planned.id, record)
    except Exception as error:
        raise InputError(
            f"{trial}: the case raises on NumPy: {type(error).__name__}: {error}"
        ) from error
    return Made(planned.id, script(planned.id, question, record, row), record, tuple(said))


def find(plan: Plan, trial: str) -> Planned:
    """A trial of the plan.

    Raises:
        InputError: it is none; with the nearest that are, or with the rule that excludes it.
    """
    if trial in plan.by_id:
        return plan.by_id[trial]
    try:
        wanted = TrialId.parse(trial)
    except ValueError as error:
        close = difflib.get_close_matches(trial, plan.by_id, n=3, cutoff=0.6)
        raise InputError(f"{error}{_meant(close)}") from error
    problems = _unknown(plan, wanted)
    if problems:
        raise InputError(problems)
    for e in plan.exclusions:
        if e.cell == wanted.cell and e.case in ("*", f"{wanted.suite}/*", wanted.case_id):
            raise InputError(f"{trial} is not planned ({e.reason}): {e.because}")
    raise InputError(f"{trial} is not planned")


def _unknown(plan: Plan, wanted: TrialId) -> list[Problem]:
    """The words of an id that the matrix does not know, each with the nearest right one."""
    matrix, cell = plan.matrix, wanted.cell
    known: dict[str, tuple[str, list[str]]] = {
        "suite": (wanted.suite, list(matrix.suites)),
        "case": (wanted.case, [c.name for c in plan.cases.values() if c.suite == wanted.suite]),
        "backend": (cell.backend, list(matrix.backends)),
        "device": (cell.device, list(matrix.axes.devices)),
        "nesting": (str(cell.nesting), [str(n) for n in matrix.axes.nesting]),
        "dtype": (cell.dtype, list(matrix.axes.dtypes)),
    }
    found = [
        Problem(f"'{word}' is no {axis} of the matrix", None, str(wanted), nearest(word, words))
        for axis, (word, words) in ((a, known[a]) for a in AXES)
        if word not in words
    ]
    return [p for p in found if wanted.suite in matrix.suites or " is no case " not in p.message]


def _meant(close: list[str]) -> str:
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _record(
    opened: Opened, planned: Planned, files: tuple[Path, ...]
) -> tuple[Record | None, list[str]]:
    """What was recorded of the trial; where nothing was, the words for that."""
    if not files:
        last = newest(opened.loaded.root / RUNS)
        folder = opened.loaded.root / KEPT
        files = (last,) if last is not None else tuple(sorted(folder.glob("*.jsonl*")))
    wanted, gathering = str(planned.id), evidence_.Gathering()
    for file in files:
        for line in evidence_.lines(file):
            if isinstance(line, Run) or (isinstance(line, Record) and line.trial == wanted):
                gathering.add(line)
    found = gathering.evidence((), ())
    record = found.of(planned)
    names = ", ".join(shown(f) for f in files) or "no evidence file"
    if record is None:
        other = " as it is declared now" if found.records else ""
        return None, [f"{planned.id}: not measured{other}: no record in {names}"]
    if not record.outcome.is_evidence:
        return None, [f"{planned.id}: not measured: {record.outcome} in {names}: {record.detail}"]
    return record, []


def checked(made: Made) -> tuple[bool, str]:
    """Run the script by itself and say whether it ends as the record says."""
    end = ran(made.text)
    if end.status == 2:
        return False, f"{end.words}: {_last(end)}"
    if made.record is None:
        return end.status in (0, 1), f"not measured; run by itself: {end.words}: {_last(end)}"
    if made.record.outcome == Outcome.INCONCLUSIVE:
        return end.status in (0, 1), f"inconclusive; run by itself: {end.words}: {_last(end)}"
    good = end.status == 0 if made.record.outcome == Outcome.AGREE else end.faulty
    says = "as" if good else "not as"
    reason = f" ({made.record.reason})" if made.record.reason else ""
    return (
        good,
        f"it ends {says} recorded ({made.record.outcome}{reason}): {end.words}: {_last(end)}",
    )


def _last(end: Ran) -> str:
    lines = [line.strip() for line in end.said.splitlines() if line.strip()]
    return " | ".join(lines[:3])[:400] if lines else "it said nothing"


def write(file: Path, text: str) -> None:
    """Write the script.

    Raises:
        InputError: it can't be written.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{shown(file)} can't be written: {error.strerror or error}") from error
