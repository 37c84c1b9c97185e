#!/usr/bin/env python3
"""Run nox from a private environment: ``python3 ci/bootstrap.py -s tests``.

Needs Python 3.11 or newer and nothing else.  The first call makes ``.gradtier/bootstrap`` and
installs nox there, pinned by ``ci/constraints/bootstrap.txt``; later calls find the stamp that the
first one wrote last and start at once.  All arguments go to nox, which runs in the repository root,
and its exit status is the answer.  Exit status 2: nox could not be started.

The file parses under Python 3.6, so that an old Python gets a sentence and not a syntax error.
"""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write(
        "ci/bootstrap.py: gradtier needs Python 3.11 or newer; this is Python "
        "{}.{}.{} ({}); start it with a newer one, as in: "
        "python3.11 ci/bootstrap.py -s tests\n".format(*sys.version_info[:3], sys.executable)
    )
    sys.exit(2)

import hashlib
import importlib.util
import os
import shutil
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CANNOT = 2  # exit status: the question could not be asked
TAIL = 15  # lines of a failed command that are shown


class BootstrapError(Exception):
    """The private environment could not be made; the message says why and what to do."""


class Failed(Exception):
    """A command failed; the message is the end of what it said."""


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Make the private environment if it is not there, and hand ``arguments`` on to nox."""
    try:
        python = environment(root)
    except BootstrapError as error:
        say(str(error))
        return CANNOT
    except KeyboardInterrupt:
        say("interrupted; the next call begins anew")
        return 130
    return hand_over([str(python), "-m", "nox", *arguments], root)


def environment(root: Path) -> Path:
    """The Python of the private environment, which is made where it is missing or out of date.

    The stamp is written last: an environment without it was left half made, and is made anew.

    Raises:
        BootstrapError: it can't be made.
    """
    folder = root / ".gradtier" / "bootstrap"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pins = root / "ci" / "constraints" / "bootstrap.txt"
    stamp = folder / "stamp"
    wanted = fingerprint(folder, pins)
    if python.exists() and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python

    if folder.exists():
        say("the environment of an earlier call is unfinished or out of date; making it anew")
    else:
        say("making a private environment for nox (once, a few seconds)")
    began = time.monotonic()
    check_modules()
    try:
        if folder.exists():
            shutil.rmtree(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        run([sys.executable, "-m", "venv", str(folder)])
    except OSError as error:
        raise BootstrapError(f"can't write {folder}: {error.strerror or error}") from error
    except Failed as error:
        raise BootstrapError(f"making {folder} failed:\n{error}") from error
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check"]
    try:
        run([str(python), "-m", "pip", "install", *quiet, "--requirement", str(pins)])
    except Failed as error:
        raise BootstrapError(f"installing nox failed; the last that pip said:\n{error}") from error
    # Whole or not at all, also if this process is killed here.
    unfinished = stamp.with_suffix(".new")
    unfinished.write_text(wanted, encoding="utf-8")
    unfinished.replace(stamp)
    say(f"ready after {time.monotonic() - began:.0f} s; later calls start at once")
    return python


def fingerprint(folder: Path, pins: Path) -> str:
    """Changes with what is installed, for which Python, and with the place (scripts hold it)."""
    try:
        wanted = pins.read_bytes()
    except OSError as error:
        raise BootstrapError(f"can't read {pins}: {error.strerror}") from error
    made_by = f"{sys.version}\n{sys.base_prefix}\n{folder}\n"
    return hashlib.sha256(made_by.encode() + wanted).hexdigest() + "\n"


def check_modules() -> None:
    """Some systems ship Python without the means to make environments."""
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise BootstrapError(
            f"this Python ({sys.executable}) has no module {' and no module '.join(missing)}; "
            f"on Debian and Ubuntu it is in a package of its own: "
            f"apt install python3-venv (or python{version}-venv)"
        )


def run(command: list[str]) -> None:
    """Run a command in silence.

    Raises:
        Failed: it did not end well, with the last lines of its output.
    """
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        lines = done.stdout.strip().splitlines()[-TAIL:]
        raise Failed("\n".join(f"  {line}" for line in lines) or f"  status {done.returncode}")


def hand_over(command: list[str], root: Path) -> int:
    """Become nox in ``root``, so that its exit status and every signal are its own."""
    os.chdir(root)
    if os.name == "nt":  # has no exec that the caller would wait for
        return subprocess.run(command, check=False).returncode
    os.execv(command[0], command)


def say(text: str) -> None:
    """One message, marked as ours."""
    print(f"bootstrap: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
