"""One run of ``gradtier bench``: its evidence file, its progress, its end."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from gradtier import evidence as evidence_
from gradtier.bench.lanes import Pace
from gradtier.bench.meet import Meet, Pool, one_core, room
from gradtier.bench.races import Field, Race, Wanted, is_done, open_field, races
from gradtier.engine import Engines
from gradtier.errors import InputError
from gradtier.host import probe
from gradtier.meter import Meter
from gradtier.model import Outcome
from gradtier.running import RUNS, head, new_run, newest, shown, write_head
from gradtier.witnesses import Bench as Witnesses

#: Apart from the runs of trials: a report takes the newest of those by itself.
BENCH_RUNS = RUNS / "bench"


@dataclass(frozen=True)
class Begun:
    """A run that was begun.

    Attributes:
        field: the matrix with its benchmarks.
        run: its id.
        file: where records go.
        left: the races that are still to be run.
        said: what the user should read.
    """

    field: Field
    run: str
    file: Path
    left: tuple[Race, ...]
    said: tuple[str, ...]


def begin(matrix: Path, wanted: Wanted, evidence: Path | None, resume: bool) -> Begun:
    """Open the evidence file and write the head of a run.

    Args:
        matrix: the declaration's file.
        wanted: which races.
        evidence: the file; without one a new one in ``reports/runs/bench/``, or the newest there
            when resuming.
        resume: go on with a file that exists; races that were finished are not run again.

    Raises:
        InputError: the matrix can't be used or nothing is selected; the file can't be written,
            exists already, or can't be read as evidence.
    """
    field, host = open_field(matrix), probe()
    chosen = races(field, host, wanted)
    folder = field.loaded.root / BENCH_RUNS
    if evidence is None and resume and (evidence := newest(folder)) is None:
        raise InputError(f"--resume: there is no run in {BENCH_RUNS}/ to go on with")
    run = new_run()
    file, left, said = evidence or folder / f"{run}.jsonl", chosen, []
    if file.exists() and file.stat().st_size:
        if not resume:
            raise InputError(
                f"{shown(file)} exists already; add --resume to go on with it, or name another"
            )
        cut = evidence_.mend(file)
        earlier = evidence_.read([file])
        left = tuple(race for race in chosen if not is_done(race, earlier))
        said += [str(p) for p in (cut, *earlier.problems) if p is not None]
        done = len(chosen) - len(left)
        said.append(f"{shown(file)}: {done} benchmarks are timed already; going on with the rest")
    if left:
        planned = sum(len(race.entries) for race in left)
        write_head(file, head(field.loaded.matrix, host, run, wanted.words(), planned))
    return Begun(field, run, file, left, tuple(said))


def run_benchmarks(
    matrix: Path, wanted: Wanted, evidence: Path | None, resume: bool, pace: Pace
) -> tuple[int, Path]:
    """Time what is wanted, showing progress.

    Returns:
        the exit status, and the evidence file.

    Raises:
        InputError: the run can't be begun; nothing was touched.
    """
    # names and messages are data: no markup is read in them, no number coloured, no line folded
    console = Console(markup=False, highlight=False, soft_wrap=True, stderr=True)
    begun = begin(matrix, wanted, evidence, resume)
    total = sum(len(race.entries) for race in begun.left)
    for line in begun.said:
        console.print(line)
    console.print(
        f"{len(begun.left)} benchmarks, {total} measurements, backends taking turns on one core; "
        f"records go to {shown(begun.file)}"
    )
    watcher = Watcher(total, console)
    outcomes: Counter[str] = Counter()
    try:
        with closing(watcher), _meet(begun, pace, watcher) as meet:
            for race in begun.left:
                for record in meet.race(race):
                    evidence_.append(begun.file, record)
                    outcomes[record.outcome.value] += 1
                    if record.outcome is not Outcome.AGREE:
                        place = f"{record.benchmark}@{record.backend}/{record.device}"
                        console.print(f"  {record.outcome}: {place}: {record.detail}")
    except KeyboardInterrupt:
        console.print(
            f"interrupted; what is finished is kept. Go on with: gradtier bench --resume "
            f"--evidence {shown(begun.file)}"
        )
        return 130, begun.file
    words = ", ".join(f"{n} {outcome}" for outcome, n in outcomes.most_common()) or "nothing to do"
    console.print(f"{outcomes.total()} measurements in {watcher.seconds:.0f} s: {words}")
    return (1 if outcomes["error"] else 0), begun.file


@contextmanager
def _meet(begun: Begun, pace: Pace, watcher: Watcher) -> Iterator[Meet]:
    """Where the races are run; every process is ended on the way out."""
    field, most = begun.field, room()
    with one_core(), tempfile.TemporaryDirectory(prefix="gradtier-") as folder:
        engines = Engines(field.matrix, field.benchmarks, field.loaded.root)
        pool = Pool(engines, Path(folder))
        witnesses = Witnesses(field.matrix, engines, None)
        try:
            yield Meet(field.matrix, pool, witnesses, begun.run, pace, most, watcher.saw)
        finally:
            pool.close()
            engines.close()


class Watcher:
    """Shows how far a run is.

    Args:
        total: measurements to be made.
        console: where to show.
    """

    def __init__(self, total: int, console: Console) -> None:
        self.total, self.done = total, 0
        self._meter = Meter("timing", total, console)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return self._meter.seconds

    def close(self) -> None:
        """Take the bar away."""
        self._meter.close()

    def saw(self, now: str, finished: int) -> None:
        """Something is going on, and so many measurements were finished by it."""
        self.done += finished
        self._meter.advance(
            finished,
            now,
            lambda: f"  {self.done}/{self.total} measurements, {self.seconds:.0f} s; now {now}",
        )
