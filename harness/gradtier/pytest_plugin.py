"""The pytest plugin: one test item per trial.

``pytest matrix.yaml`` collects a matrix that is named on the command line; nothing is collected
otherwise.  Items are called like their trials, so that ``-k``, ``-x``, ``--lf`` and ``-n`` do what
one is used to.  A trial that fails fails its item, one that a claim declares is an expected
failure, and one that the backend declines, or that can't be measured here, is skipped.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gradtier.ledger import UNKEPT, Kept, Ledger, Part, read
from gradtier.model import AXES, FATAL, KILLING, severity

if TYPE_CHECKING:  # imported when a matrix is collected, so that other pytest runs pay nothing
    from gradtier.evidence import Record
    from gradtier.matrix import Claim
    from gradtier.oracle import Verdict
    from gradtier.plan import Planned
    from gradtier.running import Opened, Order
    from gradtier.trial import Runner

STATE: pytest.StashKey[State] = pytest.StashKey()
_ORDER = "gradtier_order"
_SIGNED = "pytest-worker-"  # and its process id: a file in the private folder of the run


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a run; ``gradtier run`` sets them."""
    group = parser.getgroup("gradtier", "trials of a gradtier matrix")
    for axis in AXES:
        group.addoption(
            f"--gradtier-{axis}", action="append", default=[], metavar="GLOB",
            help=f"only trials whose {axis} matches; may be given several times",
        )  # fmt: skip
    group.addoption(
        "--gradtier-quick", action="store_true", help="only the matrix's quick subset of cases"
    )
    group.addoption(
        "--gradtier-deep", action="store_true", help="also what the matrix leaves to deep runs"
    )
    group.addoption("--gradtier-evidence", metavar="FILE", help="append records to this file")
    group.addoption(
        "--gradtier-resume", action="store_true", help="go on with an evidence file that exists"
    )
    group.addoption(
        "--gradtier-retries", type=int, default=0, metavar="N",
        help="try a failure so often again; every attempt leaves a record",
    )  # fmt: skip
    group.addoption(
        "--gradtier-isolate", choices=["env"], help="each package in an environment of its own"
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a matrix that was named on the command line."""
    if file_path.suffix not in (".yaml", ".yml") or not parent.session.isinitpath(file_path):
        return None
    return MatrixFile.from_parent(parent, path=file_path)


class State:
    """The run of one pytest process."""

    def __init__(self, opened: Opened, order: Order, owner: bool) -> None:
        self.opened, self.order, self.owner = opened, order, owner
        self.evidence = Path(order.evidence)
        self.today = datetime.date.today()
        self.ledger = Ledger() if order.profile else UNKEPT
        self.kept: tuple[Kept, ...] = ()  # of all processes, once the run has ended
        self._runner: Runner | None = None

    @property
    def runner(self) -> Runner:
        """Made when the first trial runs: a controller with ``-n`` runs none."""
        from gradtier.running import runner

        if self._runner is None:
            self._runner = runner(self.opened, self.order, self.ledger)
        return self._runner

    def close(self) -> None:
        """End the workers; the one who made the private folder removes it."""
        self._end_engines()
        if self.owner:
            self.kept = read(Path(self.order.folder))
            shutil.rmtree(self.order.folder, ignore_errors=True)

    def _end_engines(self) -> None:
        if self._runner is not None:
            self._runner.engines.close()
            with contextlib.suppress(OSError):
                self.ledger.keep(Path(self.order.folder))

    def heed_interrupts(self) -> None:
        """Let SIGINT end this pytest worker and its own workers at once.

        What was measured is on disk; pytest-xdist would wait for the trial in flight, or ten
        seconds.  The worker signs in, so that the controller can pass on an interrupt of its own.
        """
        (Path(self.order.folder) / f"{_SIGNED}{os.getpid()}").touch()

        def end(*_: object) -> None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # it comes from the terminal as well
            self._end_engines()
            os._exit(130)

        signal.signal(signal.SIGINT, end)

    def interrupt_workers(self) -> None:
        """Pass an interrupt on to the pytest workers."""
        for file in Path(self.order.folder).glob(f"{_SIGNED}*"):
            with contextlib.suppress(OSError):
                os.kill(int(file.name.removeprefix(_SIGNED)), signal.SIGINT)

    def claim_on(self, planned: Planned) -> Claim | None:
        """The claim made of a trial, if it has not lapsed."""
        return self.opened.plan.matrix.claim_on(planned.id, self.today)


class MatrixFile(pytest.File):
    """A ``matrix.yaml``: its children are its trials."""

    def collect(self) -> Iterator[pytest.Item]:
        """The trials that are selected and not done."""
        from gradtier.running import to_do

        state = self.config.stash[STATE]
        for planned in to_do(state.opened, state.order):
            yield TrialItem.from_parent(self, name=str(planned.id), planned=planned)


def _open(config: pytest.Config, matrix: Path) -> State:
    """The run of this process: handed on by the controller, or begun here."""
    from gradtier.plan import selected
    from gradtier.running import Order, open_matrix

    handed = getattr(config, "workerinput", {}).get(_ORDER)
    if handed is not None:
        order = Order.loads(handed)
        state = State(open_matrix(matrix, environments=order.environments), order, owner=False)
        state.heed_interrupts()
        return state
    from rich.console import Console

    from gradtier.isolating import begin
    from gradtier.sources import here

    opened = open_matrix(matrix)
    words = {axis: tuple(config.getoption(f"--gradtier-{axis}")) for axis in AXES}
    evidence = config.getoption("--gradtier-evidence")
    subset = [config.getoption(f"--gradtier-{name}") for name in ("quick", "deep")]
    selection = selected(opened.plan.matrix, words, *subset)
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        opened, order, said = begin(
            opened, selection, Path(evidence) if evidence else None,
            Console(stderr=True, markup=False, highlight=False, soft_wrap=True),
            resume=config.getoption("--gradtier-resume"), dry=config.option.collectonly,
            retries=config.getoption("--gradtier-retries"),
            isolate=here() if config.getoption("--gradtier-isolate") else None,
        )  # fmt: skip
    _say(config, said)
    return State(opened, order, owner=True)


def _say(config: pytest.Config, lines: list[str]) -> None:
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    for line in lines if reporter is not None else ():
        reporter.write_line(f"gradtier: {line}")


class TrialFailed(Exception):
    """The trial's outcome is a failure of the backend."""

    def __init__(self, record: Record, verdict: Verdict | None) -> None:
        super().__init__(record.detail)
        self.record, self.verdict = record, verdict


class TrialItem(pytest.Item):
    """One trial."""

    def __init__(self, *, planned: Planned, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.planned = planned
        cell = planned.id.cell
        self.extra_keyword_matches |= {
            cell.backend, cell.device, str(cell.nesting), cell.dtype, planned.id.suite,
            planned.id.case,
        }  # fmt: skip

    def runtest(self) -> None:
        """Measure, append the record, and then say how it went."""
        state = self.config.stash[STATE]
        row = state.opened.plan.matrix.backends[self.planned.id.cell.backend]
        with state.ledger.trial(row.package, self.planned.id.suite):
            record, verdict = self._measured(state)
        state.ledger.keep(Path(state.order.folder), now=False)
        self.user_properties.append(("gradtier_outcome", str(record.outcome)))
        self.user_properties.append(("gradtier_detail", record.detail))
        claim = state.claim_on(self.planned)
        if record.outcome.is_evidence and claim is not None:
            if claim.expects(record.outcome, record.reason):
                pytest.xfail(f"as declared: {claim.because}")
            if str(record.outcome) == "agree" and not claim.sometimes:
                pytest.fail("declared not to agree, but agrees: the claim no longer holds", False)
        waiver = state.opened.plan.matrix.waiver_on(self.planned.id, state.today)
        if waiver is not None and record.outcome.is_failure:
            pytest.xfail(f"waived by {waiver.owner} until {waiver.until}: {waiver.because}")
        if record.outcome.is_failure or str(record.outcome) == "error":
            raise TrialFailed(record, verdict)
        if str(record.outcome) != "agree":
            pytest.skip(f"{record.outcome}: {record.detail}")

    def _measured(self, state: State) -> tuple[Record, Verdict | None]:
        """Every attempt leaves a record; the worst one is the answer.

        A failure is tried again as often as the run says.  What ended its process twice is not
        tried a third time.
        """
        from gradtier import evidence

        found = []
        for _ in range(1 + state.order.retries):
            found.append(state.runner.run(self.planned))
            try:
                with state.ledger.of(Part.EVIDENCE):
                    evidence.append(state.evidence, found[-1][0])
            except OSError as error:  # what can't be kept need not be measured
                why = f"{state.evidence.name} can't be written: {error.strerror or error}"
                self.user_properties.append((FATAL, why))
                pytest.fail(why, False)
            ends = [record.outcome for record, _ in found]
            if not ends[-1].is_failure or sum(end in KILLING for end in ends) > 1:
                break
        return max(found, key=lambda f: (f[0].outcome.is_evidence, severity(f[0].outcome)))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """The verdict's own words instead of a traceback.

        Of what pytest itself raises here the message says all; a traceback through this file would
        take longer to write than most trials do.
        """
        if isinstance(excinfo.value, pytest.xfail.Exception | pytest.fail.Exception):
            return str(excinfo.value)
        if not isinstance(excinfo.value, TrialFailed):
            return super().repr_failure(excinfo, style)
        record, verdict = excinfo.value.record, excinfo.value.verdict
        reason = f" ({record.reason})" if record.reason else ""
        lines = [f"{record.trial}: {record.outcome}{reason}: {record.detail}"]
        return "\n".join([*lines, *([str(verdict)] if verdict is not None else [])])

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the case stands, and the trial's id."""
        case = self.config.stash[STATE].opened.plan.cases[self.planned.id.case_id]
        return Path(case.place.file), case.place.line - 1, self.name


class _Guard:
    """Ends a run whose records can't be kept."""

    def __init__(self) -> None:
        self._session: Any = None

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Remember what is to be ended."""
        self._session = session

    def pytest_runtest_logreport(self, report: Any) -> None:
        """A trial ended; with ``-n`` this is called where the workers are told what to do."""
        if why := dict(report.user_properties).get(FATAL):
            spread = self._session.config.pluginmanager.getplugin("dsession")
            for runs in (self._session, spread):
                if runs is not None:
                    runs.shouldstop = str(why)


class _Xdist:
    """What a run with pytest-xdist needs besides."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_keyboard_interrupt(self) -> None:
        """End the pytest workers before pytest-xdist begins to wait for them."""
        if (state := self._config.stash.get(STATE, None)) is not None and state.owner:
            state.interrupt_workers()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give each pytest worker the run that the controller began."""
        if (state := node.config.stash.get(STATE, None)) is not None:
            node.workerinput[_ORDER] = state.order.dumps()

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: Any, sched: Any) -> None:
        """A pytest worker died under a trial: no fault of the backend, and never lost silently."""
        from gradtier import evidence

        state: State | None = sched.config.stash.get(STATE, None)
        trial = crashitem.partition("::")[2]
        if state is None or trial not in state.opened.plan.by_id:
            return
        detail = "the pytest worker that ran this trial died"
        evidence.append(state.evidence, _lost(state, trial, detail))
        report.user_properties += [("gradtier_outcome", "error"), ("gradtier_detail", detail)]


def _lost(state: State, trial: str, detail: str) -> Record:
    from gradtier.evidence import Record
    from gradtier.model import Outcome
    from gradtier.trial import now

    planned = state.opened.plan.by_id[trial]
    return Record(
        run=state.order.run, trial=trial, digest=planned.digest, outcome=Outcome.ERROR,
        detail=detail, finished=now(),
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Begin the run if a matrix was named, so that what is wrong with it is said at once."""
    config.pluginmanager.register(_Guard(), "gradtier-guard")
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(_Xdist(config), "gradtier-xdist")
    named = [a.split("::")[0] for a in config.args]
    matrices = list(dict.fromkeys(a for a in named if a.endswith((".yaml", ".yml"))))
    if not matrices or config.stash.get(STATE, None) is not None:
        return
    if len(matrices) > 1:
        raise pytest.UsageError(f"one matrix at a time, not {', '.join(matrices)}")
    from gradtier.errors import InputError

    try:
        config.stash[STATE] = _open(config, Path(matrices[0]))
    except InputError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say where the evidence is."""
    if (state := config.stash.get(STATE, None)) is not None:
        terminalreporter.write_line(f"gradtier: evidence in {state.evidence}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the workers."""
    if (state := config.stash.get(STATE, None)) is not None:
        state.close()
