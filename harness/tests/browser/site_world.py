"""A small report, written by the command line itself, with every kind of page and hostile texts.

Nothing is measured: the evidence is made up, so that each outcome and convention is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from gradtier.cli import main
from gradtier.evidence import AnyLine, Bench, Record, Run, to_line
from gradtier.host import NOWHERE
from gradtier.laps import Laps
from gradtier.model import Mode, Outcome, Reason, TrialId
from gradtier.plan import Planned
from gradtier.running import Opened, open_matrix

NUMPY = "gradtier.backends.numpy:NumPy"  # stands in for every library: nothing is run

#: What strangers write; each would leave a trace if it were taken for markup or script.
IMAGE = "<img src=x onerror=alert(1)>"
SCRIPT = "</script><script>window.pwned=1</script>"
BREAKOUT = "'\"><svg onload=window.pwned=1>"
LINK = "javascript:window.pwned=1"
CONTROL = "\x1b[31mred\x07\u202egnp.exe\u2066 \u200f&lt;b&gt;{{ 7*7 }}]]>--><!--"
HOSTILE = (IMAGE, SCRIPT, BREAKOUT, LINK, CONTROL)
#: A case by this name has a page as well.
HOSTILE_CASE = "<img src=x onerror=alert(1)>"
HOSTILE_ADDRESS = "https://example.org/'\"><script>window.pwned=1</script>"

DAY, OLD_DAY = "2026-02-20", "2026-01-10"
#: The day of the report; a reader comes later.
TODAY = "2026-03-01"

#: Every kind of page that a report has.
KINDS = (
    "overview", "backends", "suites", "cases", "conventions", "standard", "history", "difference",
)  # fmt: skip

NN = f'''
"""Layers."""

from gradtier.cases import Suite, normal, positive

suite = Suite("nn", "Layers and {{}}".format({IMAGE!r}))


@suite.case(x=normal(3, 2), w=normal(2, 4), b=normal(4))
def dense(xp, x, w, b):
    """Dense layer"""
    return xp.tanh(xp.matmul(x, w) + b)


@suite.case(x=positive(5), tags=("reduction",))
def logs(xp, x):
    """Sum of x log x"""
    return xp.sum(x * xp.log(x))


@suite.case(x=normal(5), name={HOSTILE_CASE!r}, tags=({BREAKOUT!r},))
def softplus(xp, x):
    """Softplus {SCRIPT}"""
    return xp.log1p(xp.exp(x))


@suite.case(x=normal(4), tags=("mutation",))
def scaled(xp, x):
    """A layer that is scaled, with a title that is rather long, as titles are now and then"""
    return xp.sum(x) * 2.0
'''

ARRAY = '''
"""Functions of the standard."""

from gradtier.cases import Suite, normal, positive, values

suite = Suite("array", "Functions of the array API standard")


@suite.case(x=normal(5), tags=("elementwise",))
def sin(xp, x):
    """sin"""
    return xp.sin(x)


@suite.case(x=values([-1.0, 0.0, 2.0]), tags=("kink",))
def absolute(xp, x):
    """abs at its kink"""
    return xp.abs(x)


@suite.case(x=positive(4), tags=("elementwise",))
def root(xp, x):
    """sqrt"""
    return xp.sqrt(x)


@suite.case(x=normal(4, 4), tags=("linalg",))
def determinant(xp, x):
    """linalg.det"""
    return xp.linalg.det(x)
'''

SPEED = '''
"""Benchmarks."""

from gradtier.cases import Suite, normal

suite = Suite("speed", "What a derivative costs")


@suite.case(x=normal(50, 50), tags=("small",))
def square(xp, x):
    """Squares"""
    return xp.sum(xp.matmul(x, x))


@suite.case(x=normal(500), tags=("small",))
def sines(xp, x):
    """Sines"""
    return xp.sum(xp.sin(x))
'''


def _row(title: str, package: str, mode: str, **more: Any) -> dict[str, Any]:
    return {
        "title": title, "package": package, "link": f"https://example.org/{mode}",
        "adapter": NUMPY, "mode": mode, "execution": "op by op", "kind": "tape",
        "devices": ["cpu", "cuda"], **more,
    }  # fmt: skip


BACKENDS: dict[str, dict[str, Any]] = {
    "alpha-reverse": _row("Alpha", "alpha", "reverse", notes=["beta"]),
    "alpha-forward": _row("Alpha", "alpha", "forward", kind="dual numbers"),
    "beta-reverse": _row("Beta", "beta", "reverse", execution="traced", notes=["beta"]),
    "beta-forward": _row("Beta", "beta", "forward", kind="dual numbers"),
    "gamma-reverse": _row("Gamma", "gamma", "reverse", execution="compiled", devices=["cpu"]),
    "evil-reverse": _row(
        f"Evil {IMAGE}", SCRIPT, "reverse", execution=BREAKOUT, kind=CONTROL,
        link=HOSTILE_ADDRESS, devices=["cpu"], notes=["evil"],
    ),
    "slow-reverse": _row("Slow", "slow", "reverse", devices=["cpu"]),
    "idle-forward": _row("Idle", "idle", "forward", kind="source transformation", devices=["cpu"]),
}  # fmt: skip

MATRIX: dict[str, Any] = {
    "schema": "gradtier/matrix/1",
    "title": f"Support {IMAGE}",
    "about": f"What works with what {SCRIPT}",
    "axes": {
        "devices": ["cpu", "cuda"],
        "nesting": ["none", "forward", "reverse"],
        "dtypes": ["float64"],
    },
    "suites": {"nn": {"path": "nn.py"}, "array": {"path": "array.py"}},
    "benchmarks": {"speed": {"path": "speed.py"}},
    "primal": NUMPY,
    "backends": BACKENDS,
    "reference": [{"reverse": "alpha-reverse", "forward": "alpha-forward"},
                  {"reverse": "beta-reverse", "forward": "beta-forward"}],
    "exclusions": [
        {"match": {"case": "determinant", "backend": "gamma-*"}, "reason": "not-offered",
         "because": f"it has none {IMAGE}"},
    ],
    "claims": [
        {"match": {"case": "logs", "backend": "beta-reverse"}, "outcome": "wrong",
         "reason": "value", "because": f"known {LINK} {BREAKOUT}", "link": HOSTILE_ADDRESS},
        {"match": {"case": "dense", "backend": "alpha-*"}, "outcome": "raised",
         "because": f"no longer {IMAGE}", "link": "https://example.org/7"},
    ],
    "notes": {"beta": "Its makers call it a beta.", "evil": f"{CONTROL} {SCRIPT} {LINK}"},
    "policy": {
        "version": 1,
        "devices": ["cpu"],
        "stale_after": 60,
        "classes": [
            {"id": "I", "title": "Tier I", "meaning": "All is right.",
             "promises": "Rely on it.", "criteria": {"agreement": 0.99, "wrong": 0}},
            {"id": "II", "title": "Tier II", "meaning": f"Much is right {IMAGE}.",
             "criteria": {"agreement": 0.6}},
            {"id": "III", "title": "Tier III", "meaning": "A bit.", "criteria": {"trials": 1}},
        ],
        "otherwise": "Too little.",
    },
    "recommendations": {
        "cpu": [
            {"when": "First", "backend": "alpha-reverse", "text": "Steady.", "needs_class": "I",
             "note": "beta"},
            {"when": f"Then {BREAKOUT}", "backend": "evil-reverse", "text": CONTROL},
        ],
    },
}  # fmt: skip

Ending = tuple[Outcome, Reason | None, str]
AGREES: Ending = (Outcome.AGREE, None, "agrees with finite differences and with the reference")


def _ending(trial: TrialId, old: bool) -> Ending | None:
    """How a made-up trial ends; every outcome is there.  The older set is worse, but for Slow."""
    row, case, nested = trial.cell.backend, trial.case, trial.cell.nesting != "none"
    ends: Ending = AGREES
    if row == "idle-forward" or (trial.cell.device == "cuda" and row != "alpha-reverse"):
        return None
    if row == "beta-reverse" and (case == "logs" or (old and trial.suite == "nn")):
        ends = (Outcome.WRONG, Reason.VALUE, f"off by a half {IMAGE}")
    elif row == "beta-forward" and nested:
        ends = (Outcome.UNSUPPORTED, None, f"no second order {LINK}")
    elif row == "gamma-reverse":
        ends = {
            "sin": (Outcome.TIMEOUT, None, "60 s"),
            "root": (Outcome.CRASH, None, "signal 11"),
            "scaled": (Outcome.INCONCLUSIVE, None, "too noisy"),
            "absolute": (Outcome.WRONG, Reason.SEVERED, "got None"),
        }.get(case, AGREES)
    elif row == "evil-reverse" and case in ("dense", "sin", HOSTILE_CASE):
        ends = (Outcome.RAISED, None, f"TypeError: {CONTROL} {SCRIPT} {IMAGE} " + "long " * 90)
    elif row == "slow-reverse" and case == "sin" and not old:  # so that something got worse
        ends = (Outcome.RAISED, None, "NotImplementedError: sin")
    return ends


def _verdict(trial: TrialId, ends: Ending) -> dict[str, Any]:
    sides = {"alpha-reverse": "left", "alpha-forward": "left", "beta-reverse": "right"}
    got = 1.5 if ends[0] is not Outcome.WRONG else 2.5
    return {
        "outcome": str(ends[0]), "reason": str(ends[1]) if ends[1] else None, "detail": ends[2],
        "witnesses": ["finite-differences", "reference"],
        "convention": sides.get(trial.cell.backend, "middle") if trial.case == "absolute" else None,
        "worst": {"leaf": 0, "index": 1, "got": got, "reference": 1.5, "fd": 1.5000001,
                  "fd_error": 1e-7, "allowed": 1e-15, "part": None},
        "margin_reference": 0.2 if got == 1.5 else 1.2e6, "margin_fd": 0.1 if got == 1.5 else 88.5,
        "no_power": 0.0, "noise_ratio": None, "rows": 24, "primal_evaluations": 385,
        "derivative_evaluations": 11, "findings": [],
    }  # fmt: skip


def _record(run: str, day: str, planned: Planned, ends: Ending) -> Record:
    package = BACKENDS[planned.id.cell.backend]["package"]
    return Record(
        run=run, trial=str(planned.id), digest=planned.digest, outcome=ends[0], reason=ends[1],
        detail=ends[2], verdict=_verdict(planned.id, ends), reference="alpha-reverse",
        checks={"inputs": "unchanged", "second call": f"the same {IMAGE}"},
        observed={"device": planned.id.cell.device, "dtype": "float64"},
        versions={package: "1.0" if day == OLD_DAY else "1.2.3"}, first_seconds=0.02,
        call_seconds=0.0005, seconds=0.1, finished=f"{day}T09:00:00Z",
    )  # fmt: skip


def _lines(opened: Opened, day: str) -> Iterator[AnyLine]:
    run, old = f"run-{day}", day == OLD_DAY
    packages = {b["package"] for b in BACKENDS.values()} - {"idle"}
    yield Run(
        run=run, matrix=opened.plan.matrix.digest, gradtier="0.1.0", started=f"{day}T08:00:00Z",
        host={"system": "Linux x86_64", "cores": "2", "processor": f"A CPU {IMAGE}"},
        versions=dict.fromkeys(sorted(packages), "1.0" if old else "1.2.3"),
        planned=len(opened.plan.trials),
    )  # fmt: skip
    for planned in opened.plan.trials:
        ends = _ending(planned.id, old)
        if ends is not None:
            yield _record(run, day, planned, ends)
    if not old:
        yield from _benches(run, day)


def _benches(run: str, day: str) -> Iterator[Bench]:
    for n, row in enumerate(("alpha-reverse", "beta-reverse", "gamma-reverse", "evil-reverse"), 1):
        for name in ("speed/square", "speed/sines"):
            laps = [1e-4 * n * (1 + i / 20) for i in range(5)]
            yield Bench(
                run=run, benchmark=name, backend=row, device="cpu", dtype="float64",
                mode=Mode.REVERSE, digest=hashlib.sha256(f"{name}{row}".encode()).hexdigest()[:16],
                outcome=Outcome.AGREE, reference="alpha-reverse", first_seconds=0.1,
                derivative=Laps(calls=10, seconds=tuple(laps)),
                primal=Laps(calls=10, seconds=tuple(s / 3 for s in laps)), peak_bytes=4096 * n,
                seconds=1.0, finished=f"{day}T09:30:00Z",
            )  # fmt: skip


@dataclass(frozen=True)
class Site:
    """A report on disk.

    Attributes:
        folder: where its pages lie.
        source: the folder with the matrix, the suites and the evidence.
    """

    folder: Path
    source: Path

    @property
    def pages(self) -> list[str]:
        """Every page: its path from the top."""
        return sorted(f.relative_to(self.folder).as_posix() for f in self.folder.rglob("*.html"))

    def kinds(self) -> dict[str, str]:
        """One page of every kind that this report has, the most hostile one: kind -> path."""
        found = {"overview": "index.html"}
        for page in self.pages:
            top, _, rest = page.partition("/")
            kind = top.removesuffix(".html")
            if not rest or kind not in found or "evil" in page or "img" in page:
                found.setdefault("overview" if kind == "index" else kind, page)
                if "evil" in page or "img" in page:
                    found[kind] = page
        return found


def build(folder: Path) -> Site:
    """Write the matrix, its suites, two sets of evidence, and the report that they give."""
    source, site = folder / "source", folder / "site"
    source.mkdir(parents=True)
    for name, text in (("nn", NN), ("array", ARRAY), ("speed", SPEED)):
        (source / f"{name}.py").write_text(text, encoding="utf-8")
    matrix = source / "matrix.yaml"
    matrix.write_text(yaml.safe_dump(MATRIX, sort_keys=False, allow_unicode=True), encoding="utf-8")
    opened = open_matrix(matrix, replace(NOWHERE))
    (source / "evidence").mkdir()
    files = {day: source / "evidence" / f"{day}.jsonl" for day in (OLD_DAY, DAY)}
    for day, file in files.items():
        file.write_bytes(b"".join(map(to_line, _lines(opened, day))))
    words = ["report", "--matrix", str(matrix), "--evidence", str(files[DAY]), "--date", TODAY,
             "--out", str(site), "--quiet", "--history", str(source / "evidence")]  # fmt: skip
    options = {word for p in main.commands["report"].params for word in p.opts}
    for option in ("--old", "--since", "--baseline"):
        if option in options:
            words += [option, str(files[OLD_DAY])]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return Site(site, source)
