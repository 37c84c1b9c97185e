# /// script
# dependencies = ["nox>=2025.2.9", "pyyaml>=6"]
# ///
"""Sessions; what depends on a backend is generated from ``matrix.yaml``.

``python3 ci/bootstrap.py -s NAME`` needs Python and nothing else; ``nox -s NAME`` does the same for
whoever has nox.  ``-l`` lists the sessions; what stands after ``--`` goes to the session's command.

Two environments are shared: ``environment`` with every backend, ``tools`` with none.  Sessions run
in one of them, or in one of their own.  An environment is installed again only when
``pyproject.toml``, its constraint file or its Python has changed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import nox
import nox.project
from nox.command import CommandFailed

try:
    import yaml
except ImportError:
    sys.exit(
        "noxfile.py reads the backends from matrix.yaml and needs PyYAML beside nox: run "
        "`python3 ci/bootstrap.py` with the same arguments, or install pyyaml where nox is"
    )

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests"]
nox.options.reuse_venv = "yes"
nox.options.default_venv_backend = "virtualenv"  # with pip: other installers find other builds
os.environ.setdefault("NOX_ENABLE_STALENESS_CHECK", "1")  # another Python: another environment

ROOT = Path(__file__).parent
CONSTRAINTS = ROOT / "ci" / "constraints"
SITE, EVIDENCE = Path("reports/site"), Path("reports/evidence")
ENVIRONMENT = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PYTHONUNBUFFERED": "1",
}
#: Requirements on top, where there are backends, as in GRADTIER_ALSO_INSTALL="jax[cuda13]".
ALSO = os.environ.get("GRADTIER_ALSO_INSTALL", "").split()
WORKERS = str(max(2, os.cpu_count() or 2))
#: A run that is interrupted closes its evidence file and its workers by itself.
PATIENCE = 30.0


# ---------------------------------------------------------------------------- environments


def install(session: nox.Session, extras: str, constraint: str, size: str, *more: str) -> None:
    """Install gradtier in place with ``extras`` (and more), unless that was done before.

    The stamp is written last, so that an interrupted installation is taken up again.
    """
    folder = Path(session.virtualenv.location)
    pins = CONSTRAINTS / f"{constraint}.txt"
    wanted = ["--editable", f".[{extras}]" if extras else ".", *more]
    parts = [
        str(folder.resolve()),
        " ".join(wanted),
        *(
            file.read_text(encoding="utf-8")
            for file in (
                folder / "pyvenv.cfg",  # names its Python
                pins,
                ROOT / "pyproject.toml",
                ROOT / "harness" / "gradtier" / "__init__.py",  # holds the version
            )
        ),
    ]
    stamp, content = (
        folder / "gradtier-stamp",
        hashlib.sha256("\n".join(parts).encode()).hexdigest(),
    )
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == content:
        session.log(f"{folder.name}: installed before, nothing has changed")
        return
    stamp.unlink(missing_ok=True)
    session.log(f"{folder.name}: installing (once; {size})")
    command = ["python", "-m", "pip", "install", "--constraint", str(pins), *wanted]
    done = session.run_install(*command, silent=True, env=ENVIRONMENT)
    if done is not None:  # None: --no-install leaves the question open
        stamp.write_text(content, encoding="utf-8")


def run(session: nox.Session, shared: str, program: str, *arguments: str) -> None:
    """Run a program of a shared environment, which the session requires."""
    folder = session.env_dir.parent.resolve() / shared
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    session.run(
        str(scripts / program),
        *arguments,
        env={
            **ENVIRONMENT,
            "VIRTUAL_ENV": str(folder),
            "PATH": os.pathsep.join([str(scripts), os.environ.get("PATH", "")]),
        },
        external=True,
        interrupt_timeout=PATIENCE,
    )


@nox.session(default=False)
def environment(session: nox.Session) -> None:
    """The shared environment: every backend package and the tools."""
    install(session, "all,bench,dev", "all", "about 5 GB, a few minutes", *ALSO)


@nox.session(default=False)
def tools(session: nox.Session) -> None:
    """The small shared environment: the tools and no backend but the pure-Python one."""
    install(session, "dev", "dev", "some seconds")


# ---------------------------------------------------------------------------- the two main ones


@nox.session(requires=["environment"], venv_backend="none")
def tests(session: nox.Session) -> None:
    """Everything that must hold of a change: lint, types, all tests.  After `--`: for pytest."""
    check(session, "environment")
    run(session, "environment", "mypy")
    run(session, "environment", "pytest", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none")
def matrix(session: nox.Session) -> None:
    """Measure matrix.yaml on this machine, then the table.  After `--`: for `gradtier run`."""
    measure(session, lambda *words: run(session, "environment", "gradtier", *words))


def measure(session: nox.Session, gradtier: Callable[..., None]) -> None:
    """Run the trials and render what came out, also where some answer is no (exit status 1)."""
    failed: CommandFailed | None = None
    try:
        gradtier("run", "--matrix", "matrix.yaml", "-n", WORKERS, *session.posargs)
    except CommandFailed as error:
        if error.return_code != 1:
            raise
        failed = error
    gradtier("report", *evidence_named(session.posargs), "--out", str(SITE))
    if failed is not None:
        raise failed


def evidence_named(arguments: Sequence[str]) -> list[str]:
    """The `--evidence FILE` among arguments; without one, `report` takes the newest run."""
    for word, following in zip(arguments, [*arguments[1:], ""], strict=False):
        if word == "--evidence":
            return [word, following]
        if word.startswith("--evidence="):
            return [word]
    return []


@nox.session(requires=["environment"], venv_backend="none", default=False)
def oracle(session: nox.Session) -> None:
    """The benchmark of the oracle; writes reports/bench/.  After `--`: parts, `--resume`."""
    run(session, "environment", "python", "ci/bench/oracle", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def sharpness(session: nox.Session) -> None:
    """How many wrong backends the suites catch; writes reports/bench/.  After `--`: parts."""
    run(session, "environment", "python", "ci/bench/sharpness", *session.posargs)


@nox.session(requires=["tools"], venv_backend="none", default=False)
def faults(session: nox.Session) -> None:
    """What a run loses when things go wrong; writes reports/bench/.  After `--`: names."""
    run(session, "tools", "python", "ci/bench/faults", *session.posargs)


@nox.session(requires=["tools"], venv_backend="none", default=False)
def rehearse(session: nox.Session) -> None:
    """Run every command of the workflow files in a clone; writes reports/bench/rehearsal.json."""
    run(session, "tools", "python", "ci/rehearse", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def operators(session: nox.Session) -> None:
    """What gradtier.operators costs over native calls; writes reports/bench/."""
    run(session, "environment", "python", "ci/bench/operators.py", *session.posargs)


@nox.session(requires=["tools"], venv_backend="none", default=False)
def scale(session: nox.Session) -> None:
    """What a report on a million records costs; writes reports/bench/scale.json."""
    run(session, "tools", "python", "ci/bench/million.py", *session.posargs)


@nox.session(name="merge-scale", requires=["tools"], venv_backend="none", default=False)
def merge_scale(session: nox.Session) -> None:
    """What merging a gigabyte of evidence costs; writes reports/bench/merge.json."""
    run(session, "tools", "python", "ci/bench/merging.py", *session.posargs)


@nox.session(requires=["tools"], venv_backend="none", default=False)
def interactive(session: nox.Session) -> None:
    """How soon pages on 2,000 cases answer in Chromium; writes reports/bench/interactive.json."""
    run(session, "tools", "python", "ci/bench/interactive.py", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def bench(session: nox.Session) -> None:
    """Time derivatives; writes reports/bench/speed.md.  After `--`: for `gradtier bench`."""
    out = ["--matrix", "matrix.yaml", "--out", "reports/bench/speed.md"]
    run(session, "environment", "gradtier", "bench", *out, *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def doctor(session: nox.Session) -> None:
    """What this machine can run, and how to install the rest."""
    run(session, "environment", "gradtier", "doctor", *session.posargs)


@nox.session(requires=["tools"], venv_backend="none", default=False)
def gradtier(session: nox.Session) -> None:
    """Any command of gradtier that needs no backend.  After `--`: the command and its words."""
    run(session, "tools", "gradtier", *session.posargs)


# ---------------------------------------------------------------------------- several versions


@nox.session(requires=["tools"], venv_backend="none", default=False)
def sweep(session: nox.Session) -> None:
    """Measure several releases of a package.  After `--`: PACKAGE [--last N] [--suite GLOB]."""
    run(session, "tools", "python", "ci/sweep", "sweep", *session.posargs)


@nox.session(requires=["tools"], venv_backend="none", default=False)
def bisect(session: nox.Session) -> None:
    """Find the release that broke a trial.  After `--`: TRIAL_ID --good VERSION --bad VERSION."""
    run(session, "tools", "python", "ci/sweep", "bisect", *session.posargs)


# ---------------------------------------------------------------------------- parts of them


@nox.session(requires=["tools"], venv_backend="none")
def lint(session: nox.Session) -> None:
    """Ruff over the code and `gradtier lint` over the declaration."""
    check(session, "tools")


def check(session: nox.Session, shared: str) -> None:
    run(session, shared, "ruff", "check", ".")
    run(session, shared, "ruff", "format", "--check", ".")
    run(session, shared, "gradtier", "lint", "--matrix", "matrix.yaml")


@nox.session(requires=["tools"], venv_backend="none")
def typing(session: nox.Session) -> None:
    """Mypy over the engine."""
    run(session, "tools", "mypy", *session.posargs)


@nox.session(requires=["tools"], venv_backend="none")
def publish(session: nox.Session) -> None:
    """Rebuild reports/support.* and the README's table from the committed evidence."""
    files = sorted(file for file in EVIDENCE.glob("*.jsonl*") if file.is_file())
    if not files:
        session.error(f"{EVIDENCE} holds no evidence (*.jsonl, *.jsonl.gz)")
    named = [word for file in files for word in ("--evidence", str(file))]
    run(session, "tools", "gradtier", "report", *named, "--out", str(SITE), *session.posargs)
    for name in ("support.json", "support.md"):
        shutil.copyfile(SITE / name, SITE.parent / name)
        session.log(f"wrote {SITE.parent / name}")
    run(session, "tools", "python", "ci/readme.py")


@nox.session(requires=["tools"], venv_backend="none", default=False)
def screenshots(session: nox.Session) -> None:
    """Pictures of every kind of page, in reports/screenshots/.  After `--`: a folder of pages."""
    run(session, "tools", "python", "ci/screenshots.py", *session.posargs)


# ---------------------------------------------------------------------------- one per backend


def backends() -> dict[str, dict[str, str | None]]:
    """Package -> its rows in matrix.yaml, each with its extra; of what pip can install."""
    project = nox.project.load_toml(ROOT / "pyproject.toml")["project"]
    core = {re.split(r"[^\w.-]", line)[0] for line in project["dependencies"]}
    try:
        declared = yaml.safe_load((ROOT / "matrix.yaml").read_text(encoding="utf-8"))
        rows: dict[str, dict[str, str | None]] = {}
        for row, block in declared["backends"].items():
            here = block.get("extra") or block["package"] in core
            if "unavailable" in block or not here:  # nothing that pip could install
                continue
            rows.setdefault(block["package"], {})[row] = block.get("extra")
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        sys.exit(
            f"noxfile.py: matrix.yaml can't be read for its backends ({type(error).__name__}: "
            f"{error}); `gradtier lint` says more"
        )
    return rows


def backend_session(package: str, rows: dict[str, str | None]) -> None:
    """Declare the session that measures one package's rows in an environment of their own."""

    def alone(session: nox.Session) -> None:
        extras = sorted({extra for extra in rows.values() if extra is not None})
        if len(extras) > 1:
            session.error(f"matrix.yaml: the rows of {package} name {len(extras)} extras, not one")
        # without an extra: it comes with gradtier itself
        extra, pins = (extras[0], extras[0]) if extras else ("", "dev")
        install(session, extra, pins, f"{package} and what it needs", *ALSO)
        chosen = [word for row in rows for word in ("--backend", row)]

        def gradtier(command: str, *words: str) -> None:
            only = chosen if command == "run" else []
            session.run(
                "gradtier", command, *only, *words, env=ENVIRONMENT, interrupt_timeout=PATIENCE
            )

        measure(session, gradtier)

    alone.__doc__ = f"Measure {', '.join(rows)} in an environment with {package} alone."
    nox.session(name=f"backend-{package}", default=False)(alone)


for _package, _rows in backends().items():
    backend_session(_package, _rows)


# ---------------------------------------------------------------------------- pins


@nox.session(default=False, reuse_venv=False)
def constraints(session: nox.Session) -> None:
    """Pin again: install everything fresh, as new as limits.txt allows; write ci/constraints/."""
    alone = nox.project.load_toml(__file__)["dependencies"]
    limits = CONSTRAINTS / "limits.txt"
    session.log("installing everything anew (about 5 GB)")
    session.install("--constraint", str(limits), ".[all,bench,dev]", *alone, env=ENVIRONMENT)
    session.run("python", "ci/pin.py", "bootstrap=" + ",".join(alone), env=ENVIRONMENT)
